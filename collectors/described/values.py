"""What number does a text of an output mean, in the unit of its metric?

Units in the text are data: `37257088uW` is 37.3 W, whatever the description says the tool's default is. A
unit of another quantity, or one that is not known, is no number: it is never guessed at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from perfwatch.model import Unit

_END = r"(?:[eE][+-]?\d+)?(?![.,]?\d)"
_PLAIN = r"\d+(?:_\d{3})+(?:\.\d*)?|\d{1,3}(?:,\d{3}){2,}(?:\.\d*)?|\d{1,3},\d{3}\.\d*|\d+\.?\d*|\.\d+"
_NUMBERS = {
    "": re.compile(rf"[+-]?(?:{_PLAIN}){_END}", re.ASCII),
    "thousands": re.compile(rf"[+-]?(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d*)?|{_PLAIN}){_END}", re.ASCII),
    "decimal": re.compile(rf"[+-]?(?:\d{{1,3}}(?:\.\d{{3}})+(?:,\d*)?|\d+(?:,\d*)?|,\d+){_END}", re.ASCII),
}
"""By what a comma is. Without a word on it, it parts thousands where there are two, or a point behind it:
`0,250` may be either."""
_UNCLEAR = re.compile(r"[+-]?\d{1,3},\d{3}(?![.,\d])", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d*,\d+|\d{1,3}(?:\.\d{3})+,\d+)(?![.,\d])", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+\Z")
_SAID_FOR_MISSING = frozenset(
    {"", "-", "--", "---", "n/a", "na", "nan", "none", "null", "unknown", "err!", "error", "not supported"}
)
"""What tools write where they know nothing (also in brackets: `[N/A]`, `[Not Supported]`)."""
MOST_TEXT = 200

_BYTES = {"b": 1.0, "byte": 1.0, "bytes": 1.0, "by": 1.0}
_PREFIXES = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_BYTES |= {f"{prefix}b": factor for prefix, factor in _PREFIXES.items()}
_BYTES |= {f"{prefix}ib": 1024.0 ** (at + 1) for at, prefix in enumerate(_PREFIXES)}
_SMALL = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def _scaled(*words: str) -> dict[str, float]:
    """Units with the prefixes of the SI; `m` and `M` differ."""
    return {f"{prefix}{word}": factor for word in words for prefix, factor in _SMALL.items()}


_WORDS_OF_WATT = {
    "watt": 1.0,
    "watts": 1.0,
    "Watts": 1.0,
    "Watt": 1.0,
    "milliwatts": 1e-3,
    "microwatts": 1e-6,
}
FACTORS: dict[Unit, dict[str, float]] = {
    Unit.WATT: {**_scaled("W"), **_WORDS_OF_WATT, "mw": 1e-3, "uw": 1e-6, "w": 1.0, "kw": 1e3, "KW": 1e3},
    Unit.JOULE: {
        **_scaled("J"),
        **{f"{prefix}Wh": factor * 3600.0 for prefix, factor in _SMALL.items()},
        "kW.h": 3.6e6,
        "joules": 1.0,
        "Joules": 1.0,
        **dict.fromkeys(("wh", "WH"), 3600.0),
        **dict.fromkeys(("kwh", "Kwh", "KWh", "KWH"), 3.6e6),
        "j": 1.0,
        "kj": 1e3,
        "KJ": 1e3,  # not mj nor mwh, which may be milli or mega
    },
    Unit.BYTE: _BYTES,
    Unit.BYTE_PER_SECOND: {f"{word}/s": factor for word, factor in _BYTES.items()},
    Unit.HERTZ: {**_scaled("Hz"), "mhz": 1e6, "MHZ": 1e6, "Mhz": 1e6, "ghz": 1e9, "khz": 1e3, "hz": 1.0},
    Unit.CELSIUS: {
        "C": 1.0,
        "c": 1.0,
        "°C": 1.0,
        "℃": 1.0,
        "mC": 1e-3,
        "m°C": 1e-3,
        "Celsius": 1.0,
        "Cel": 1.0,
        **dict.fromkeys(("degC", "deg C", "degreesC", "degrees C", "° C", "ºC", "celsius"), 1.0),
    },
    Unit.VOLT: {**_scaled("V"), "volts": 1.0, "Volts": 1.0},
    Unit.AMPERE: {**_scaled("A"), "amps": 1.0, "Amps": 1.0},
    Unit.RATIO: {"": 1.0, "1": 1.0, "%": 0.01, "percent": 0.01, "‰": 0.001, "per mille": 0.001},
    Unit.SECOND: {**_scaled("s"), "sec": 1.0, "seconds": 1.0, "min": 60.0, "h": 3600.0},
}
"""Unit of a metric -> what a text may call it -> the factor to the metric's own."""
USUAL: dict[Unit, tuple[str, ...]] = {
    Unit.WATT: ("W", "mW", "uW", "kW"),
    Unit.JOULE: ("J", "mJ", "uJ", "kJ", "MJ", "Wh", "kWh"),
    Unit.BYTE: ("B", "KiB", "MiB", "GiB", "kB", "MB", "GB"),
    Unit.BYTE_PER_SECOND: ("B/s", "KiB/s", "MiB/s", "GiB/s", "kB/s", "MB/s", "GB/s"),
    Unit.HERTZ: ("Hz", "kHz", "MHz", "GHz"),
    Unit.CELSIUS: ("C", "mC"),
    Unit.VOLT: ("V", "mV", "uV"),
    Unit.AMPERE: ("A", "mA", "uA"),
    Unit.RATIO: ("1", "%", "‰"),
    Unit.SECOND: ("s", "ms", "us", "min", "h"),
}
"""Of these the ones that tools use, for messages."""
_CASELESS = frozenset({Unit.BYTE, Unit.BYTE_PER_SECOND})
"""Quantities in which no two units differ by their letters' case alone."""


def factor_of(text: str, unit: Unit) -> float | None:
    """What a number in this unit is multiplied by; None for a unit of something else, or an unknown one."""
    word = text.strip()
    known = FACTORS.get(unit)
    if known is None:
        return 1.0  # a count is what it is; its word (`errors`, `rpm`) is no unit
    if unit in _CASELESS:
        word = word.casefold()
    return known.get(word)


def units_of(unit: Unit) -> Sequence[str]:
    """What may be written for a unit, for messages."""
    return USUAL.get(unit, ())


@dataclass(frozen=True)
class Reading:
    """How the text of one field becomes a value.

    Args:
        unit: of the metric.
        told: the unit that a bare number is in, as the description says; empty: the metric's own.
        factor: what the number is multiplied by besides.
        missing: texts that mean that nothing is known.
        zero_is_missing: a zero is a failed reading: a powered board draws something.
        least, most: beyond these, in the unit of the metric, nothing is believed.
        comma: what it is in a number: `decimal`, `thousands`, or empty where nobody said.
    """

    unit: Unit
    told: str = ""
    factor: float = 1.0
    missing: frozenset[str] = frozenset()
    zero_is_missing: bool = False
    least: float = -math.inf
    most: float = math.inf
    comma: str = ""

    def value(self, raw: Any) -> float | None:
        """The number in the metric's unit; None where none is told, or none that can be."""
        return self.believed(self.number(raw))

    def believed(self, number: float | None) -> float | None:
        """A number that can be; else None."""
        if number is None or (self.zero_is_missing and number == 0.0):
            return None
        return number if self.can_be(number) else None

    def can_be(self, number: float) -> bool:
        """Whether it lies within the limits."""
        return self.least <= number <= self.most

    def number(self, raw: Any) -> float | None:
        """The number in the metric's unit, whether or not it can be."""
        if raw is None or isinstance(raw, (dict, list)):
            return None
        if isinstance(raw, bool):  # a state, which may be counted, and is no watt
            return float(raw) if self.unit is Unit.COUNT else None
        if isinstance(raw, (int, float)) and not self.missing:  # a page's: no text to be taken apart
            return self._scaled(float(raw), "")
        text = str(raw).strip()[:MOST_TEXT]
        if _HEXADECIMAL.match(text):
            return self._scaled(float(int(text, 16)), "")
        match = _NUMBERS[self.comma].match(text)
        digits = match[0] if match is not None else ""
        if is_missing(text) or {text, digits} & self.missing or not digits:
            return None
        return self._scaled(float(self._as_python(digits)), text[len(digits) :].strip())

    def _as_python(self, digits: str) -> str:
        """A number as it is written in a program."""
        if self.comma == "decimal":
            return digits.replace(".", "").replace(",", ".")
        return digits.replace(",", "")

    def last_digit(self, raw: Any) -> float | None:
        """A unit of the last digit that is written, in the metric's unit: of `1234.5` kWh 0.36 MJ."""
        if raw is None or isinstance(raw, (dict, list, bool)):
            return None
        whole = isinstance(raw, float) and raw.is_integer()  # its zeros were perhaps not written
        text = f"{raw:.0f}" if whole else str(raw).strip()[:MOST_TEXT]
        match = _NUMBERS[self.comma].match(text)
        if match is None or _HEXADECIMAL.match(text):
            return None
        exponent = Decimal(self._as_python(match[0])).as_tuple().exponent
        unit = self._scaled(10.0 ** int(exponent), text[len(match[0]) :].strip())
        return None if unit is None else abs(unit)

    def _scaled(self, number: float, said: str) -> float | None:
        """In the metric's unit. What the text says of its unit goes before what the description says."""
        factor = factor_of(said, self.unit) if said and self.unit in FACTORS else None
        if said and self.unit in FACTORS and factor is None:
            return None
        if factor is None:
            factor = factor_of(self.told, self.unit) if self.told else 1.0
        number = number * (factor or 0.0) * self.factor
        return number if math.isfinite(number) else None


def units_like(text: str, unit: Unit) -> list[str]:
    """Those that differ from a text in their letters' case alone: `mj` may be mJ or MJ."""
    return [word for word in FACTORS.get(unit, ()) if word.casefold() == text.strip().casefold()]


def units_that_fit(reading: Reading, value: float) -> list[str]:
    """The units in which a value that was refused could be: thousandths of a degree read as degrees, `mC`."""
    factor = factor_of(reading.told, reading.unit) if reading.told else 1.0
    bare = value / (factor or 1.0) / (reading.factor or 1.0)
    units = {word: factor_of(word, reading.unit) or 0.0 for word in units_of(reading.unit)}
    return [word for word, by in units.items() if reading.can_be(bare * by * reading.factor)]


def bare_number(raw: Any) -> float | None:
    """A number without a unit, as an amount that another one is multiplied or divided by."""
    return Reading(Unit.RATIO).number(raw)


def is_unclear(text: str) -> bool:
    """Whether a comma in it may part thousands, or be that of decimals."""
    return _UNCLEAR.match(text.strip()) is not None


def has_decimal_comma(text: str) -> bool:
    """Whether a comma in it can only be that of decimals: `12,5 W`."""
    return not is_unclear(text) and _DECIMAL_COMMA.match(text.strip()) is not None


def is_missing(text: str) -> bool:
    """Whether a tool says with this that it knows nothing."""
    return text.strip("[]()").strip().casefold() in _SAID_FOR_MISSING


COMBINED = ("first", "sum", "mean", "max", "min")


def combined(values: Sequence[float | None], how: str) -> float | None:
    """One value of several, such as those of the cores of a chip.

    What is missing among them is left out, but of a sum: that of which a part is not known is not known.
    """
    known = [value for value in values if value is not None]
    if not known or (how == "sum" and len(known) < len(values)):
        return None
    if how == "sum":
        return math.fsum(known)
    if how == "mean":
        return math.fsum(known) / len(known)
    if how == "first":
        return known[0]
    return max(known) if how == "max" else min(known)
