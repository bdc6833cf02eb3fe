"""How quantities are read from people and written for them: durations, SI prefixes, counts, money.

Inside, everything is in base units; this is the door. `None` is written as a dash, a value that is not zero
never reads as zero. For a terminal that has ASCII only, `perfwatch.text.to_ascii` gives the plain forms
(`+-`, `u`, `-`).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from perfwatch.errors import ConfigError
from perfwatch.text import clean, shorten

DASH = "–"

_SECONDS = {
    "": 1.0,
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,  # the micro sign
    "μs": 1e-6,  # the Greek letter
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)\s*([a-zµμ]*)\s*", re.ASCII | re.IGNORECASE)

_PREFIXES = ((12, "T"), (9, "G"), (6, "M"), (3, "k"), (0, ""), (-3, "m"), (-6, "µ"), (-9, "n"))
_PREFIXED = {"W", "J", "s", "B", "Hz", "g", "Wh", "B/s"}
"""Units that take a prefix; a ratio such as tok/J is written as it is."""
_BELOW_ONE = {"W", "J", "s", "g", "Wh"}
"""Of these, the ones of which there can be less than one."""
_CALLED = {"Mg": "t", "Gg": "kt", "Tg": "Mt"}
"""What people call large masses."""

LEAST_MONEY = 1e-6
"""Less than this is not worth its digits."""
MORE_DIGITS, MOST_DECIMALS = 2, 8
"""An error that adds more digits than these to a value, or decimals, is not told: it would bury the value."""
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "₩", "INR": "₹"}
_WHOLE = {"KRW", "JPY", "₩", "¥"}
"""Won and yen have no decimals."""


def parse_duration(value: str | float) -> float:
    """Seconds out of `500ms`, `10s`, `2m`, `1h30m` or a bare number of seconds; never negative.

    Raises:
        ConfigError: it is no duration. Bounds are the caller's.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    text = value.strip() if isinstance(value, str) else ""
    total, at = 0.0, 0
    while at < len(text):
        part = _DURATION_PART.match(text, at)
        unit = _SECONDS.get(part[2].lower()) if part else None
        if part is None or unit is None:
            break
        total += float(part[1]) * unit
        bare_and_more = part[2] == "" and (at > 0 or part.end() < len(text))
        if bare_and_more:
            break
        at = part.end()
    if not text or at < len(text) or not math.isfinite(total):
        raise ConfigError(
            f"cannot read {value!r} as a duration: write seconds, or a unit as in 500ms, 10s, 2m"
        )
    return total


def parse_accuracy(text: str) -> float | None:
    """`1%` or `0.01` as a ratio; None for an empty text.

    Raises:
        ConfigError: it is neither, or more than all.
    """
    if not text.strip():
        return None
    number, percent, rest = text.strip().partition("%")
    try:
        ratio = float(number) / (100.0 if percent else 1.0)
    except ValueError:
        ratio = math.nan
    if rest or not 0.0 <= ratio < 1.0:
        raise ConfigError(f"cannot take {clean(text, 40)!r} as an accuracy: write it as 1% or 0.01")
    return ratio


def format_quantity(
    value: float | None, unit: str = "", error: float | None = None, *, digits: int = 3
) -> str:
    """A value for people: `5.84 kW`, and with an expanded error in the same unit `361 ± 2 kJ`.

    Args:
        value: in the base unit.
        unit: as it is written. W, J, s, B, Hz, g and Wh take SI prefixes (from a million grams on it is t);
            ratios such as `tok/J` do not.
        error: the value is rounded to it; it keeps one digit, or two where the first is a 1.
        digits: significant digits without an error.
    """
    if value is None or not math.isfinite(value):
        return DASH
    if error is not None and math.isfinite(error) and error > 0:
        number, prefix = _with_error(value, error, unit, digits)
    else:
        exponent, prefix = _prefix(_rounded(value, digits), unit)
        number = significant(_scaled(value, exponent), digits)
    prefixed = f"{prefix}{unit}"
    return f"{number} {_CALLED.get(prefixed, prefixed)}".rstrip()


def _with_error(value: float, error: float, unit: str, digits: int) -> tuple[str, str]:
    """The number with its error, and their prefix; the number alone where its digits would bury the value."""
    for kept in (2, 1) if _first_digit(_rounded(error, 2)) == 1 else (1,):
        told = _rounded_to(value, _rounded(error, kept), kept, unit, digits)
        if told is not None:
            return told
    exponent, prefix = _prefix(_rounded(value, digits), unit)
    return significant(_scaled(value, exponent), digits), prefix


def _rounded_to(value: float, error: float, kept: int, unit: str, digits: int) -> tuple[str, str] | None:
    """The value rounded to an error of so many digits; None where that would be too many."""
    place = min(_exponent(error) + 1 - kept, _exponent(value) if value else 0)
    if value and _exponent(value) - place + 1 > digits + MORE_DIGITS:
        return None
    rounded = float(round(Decimal(value), -place))
    exponent, prefix = _prefix(max(rounded, error, key=abs), unit)
    decimals = max(0, exponent - place)
    if decimals > MOST_DECIMALS:
        return None
    numbers = (_grouped(_scaled(each, exponent), decimals) for each in (rounded, error))
    return " ± ".join(numbers), prefix


def significant(value: float, digits: int = 3) -> str:
    """A plain number with so many significant digits, thousands grouped, whole numbers kept whole.

    From a million on and below a millionth the notation is scientific.
    """
    value = _rounded(value, digits) if abs(value) < 10**digits else float(round(value))
    if value == 0:
        return "0"
    exponent = _exponent(value)
    if exponent < -6 or exponent >= 15:
        return f"{value:.{digits - 1}e}"
    return _grouped(value, max(0, digits - 1 - exponent))


def format_memory(value: float | None) -> str:
    """Bytes of memory by powers of 1024, as vendors' tools and `free` show them: `61.2 GiB`, `512 MiB`."""
    if value is None or not math.isfinite(value):
        return DASH
    power = next((power for power in (4, 3, 2, 1) if abs(value) >= 1023.5 * 1024 ** (power - 1)), 0)
    scaled = value / 1024**power
    number = significant(scaled) if abs(scaled) < 999.5 else f"{scaled:.0f}"  # 1008 KiB, not 0.984 MiB
    return f"{number} {('', 'Ki', 'Mi', 'Gi', 'Ti')[power]}B"


def format_count(value: float | None) -> str:
    """A count with its thousands set apart by a plain space, which has one width everywhere: `120 481`."""
    if value is None or not math.isfinite(value):
        return DASH
    if float(value).is_integer() or abs(value) >= 1000:
        return _grouped(value, 0)
    return f"{value:.4g}"


def format_rate(value: float | None) -> str:
    """Events per second: `1 949 /s`, `3.33 /s`."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{significant(value)} /s"


def format_duration(value: float | None) -> str:
    """How long a run took: `61.8 s`, `12 min 03 s`, `2 h 05 min`, `3 d 4 h`; below a second as a latency."""
    if value is None or not math.isfinite(value):
        return DASH
    if value < 1:
        return format_latency(value)
    if value < 119.95:
        return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"
    seconds = round(value)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    minutes = round(value / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(value / 3600)
    return f"{hours // 24} d {hours % 24} h"


def format_latency(value: float | None) -> str:
    """A time of one query: `212 ms`, `1.35 s`, `239 µs`."""
    if value is not None and math.isfinite(value) and value >= 119.95:
        return format_duration(value)
    return format_quantity(value, "s")


def format_money(value: float | None, currency: str | None = None) -> str:
    """An amount: `0.343 $`, `1 234.50 €`, `343 ₩`; won and yen have no decimals, less than one is `< 1 ₩`."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{_amount(value, currency)} {currency_sign(currency)}".rstrip()


def _amount(value: float, currency: str | None) -> str:
    if currency in _WHOLE:
        return "< 1" if 0 < value < 1 else _grouped(value, 0)
    if abs(value) >= 9.995:
        return _grouped(value, 2)
    if 0 < value < LEAST_MONEY:
        return f"< {LEAST_MONEY:.6f}"
    return significant(value)


def currency_sign(currency: str | None) -> str:
    """The sign of a currency where it has one of its own, else its code; empty for bare amounts."""
    if currency is None:
        return ""
    return _SYMBOLS.get(currency) or shorten(clean(currency), 12)


def format_percent(ratio: float | None) -> str:
    """A ratio as a percentage: `0.4 %`, `98 %`; a share that is not zero never reads 0 %."""
    if ratio is None or not math.isfinite(ratio):
        return DASH
    percent = ratio * 100
    number = significant(percent, 2 if abs(percent) < 99.5 else 3)
    if "." in number and "e" not in number:  # 5 % says no less than 5.0 %
        number = number.rstrip("0").rstrip(".")
    return f"{number} %"


def _prefix(value: float, unit: str) -> tuple[int, str]:
    if unit not in _PREFIXED or value == 0:
        return 0, ""
    exponent = _exponent(value)
    for least, prefix in _PREFIXES:
        if exponent >= least and (least >= 0 or unit in _BELOW_ONE):
            return least, prefix
    return (-9, "n") if unit in _BELOW_ONE else (0, "")


def _scaled(value: float, exponent: int) -> float:
    return float(Decimal(value).scaleb(-exponent))


def _exponent(value: float) -> int:
    """Power of ten of the first digit."""
    return Decimal(repr(float(value))).adjusted()  # 1e-6 itself is a little less in binary


def _first_digit(value: float) -> int:
    return int(f"{value:e}"[0])


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def _grouped(value: float, decimals: int) -> str:
    # The comma is Python's own grouping; a plain space is understood in every language.
    text = f"{value:,.{decimals}f}".replace(",", " ")
    return text.removeprefix("-") if float(text.replace(" ", "")) == 0 else text
