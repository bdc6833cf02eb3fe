"""Which series of a server's metrics page are its work, under which names?

Those of known servers are in `perfwatch.workload.servers`; a person names further series behind a `#` of the
page's address: `NAME=SERIES`, or `SERIES` alone. NAME may end as in a pattern
(`perfwatch.workload.patterns`); SERIES may pick labels: `SERIES{LABEL="VALUE"}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perfwatch.errors import ConfigError
from perfwatch.metrics import CATALOGUE
from perfwatch.model import Kind
from perfwatch.workload.exposition import labels_of
from perfwatch.workload.patterns import Says, field_of
from perfwatch.workload.tally import clean_text

_PART = re.compile(r'((?:[^,{}"]|\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\})+)(?:,|\Z)')
_SERIES = re.compile(r'(?:([A-Za-z_]\w*)=)?([A-Za-z_:][\w:]*)(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?')
LAST_RANK = 2**31
"""A rank that is no number comes behind all others."""
_SECONDS = {"_ms": 1e-3, "_milliseconds": 1e-3, "_us": 1e-6, "_microseconds": 1e-6}


Labels = Mapping[str, "str | tuple[str, ...]"]


@dataclass(frozen=True)
class Quantity:
    """One unit of work, gauge or timing of a page.

    Args:
        name: the bare name.
        says: a cumulative total, a gauge, or a timing (a histogram).
        series: names on the page; the first that is there is used (older and newer versions differ).
        plus: further series that are added, such as those of another protocol.
        only: labels that a series must have, with one of these values; `5*` is all that begin with 5.
        never: labels, and the values with which a series does not count.
        less: series that are taken off: what was counted first and then failed.
        first: labels (ranks) by which the same is told several times: of series that differ in these alone
            the one of the lowest rank counts.
        mean: of a gauge: the mean of its series, not their sum.
        of: of a timing that is told as a counter of time: the counter of what took it.
        factor: of a timing: what turns the page's values into seconds.
        asked: a person named it.
    """

    name: str
    says: Says
    series: tuple[str, ...]
    plus: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    only: Labels = field(default_factory=dict)
    never: Labels = field(default_factory=dict)
    first: tuple[str, ...] = ()
    mean: bool = False
    of: str = ""
    factor: float = 1.0
    asked: bool = False

    def takes(self, raw_labels: bytes) -> bool:
        """Whether a series with these labels counts."""
        if not (self.only or self.never):
            return True
        labels = labels_of(raw_labels)
        return all(_is_one_of(labels.get(key), values) for key, values in self.only.items()) and not any(
            _is_one_of(labels.get(key), values) for key, values in self.never.items()
        )

    def told_once(self, raw_labels: bytes) -> tuple[bytes, tuple[int, ...]]:
        """The labels of a series without its ranks, and these: the same is told once for each rank."""
        labels = dict(labels_of(raw_labels))
        ranks = [labels.pop(name, "0") for name in self.first]
        same = repr(sorted(labels.items())).encode()
        return same, tuple(int(rank) if rank.isdecimal() else LAST_RANK for rank in ranks)


def _is_one_of(value: str | None, wanted: str | tuple[str, ...]) -> bool:
    """Whether a label has one of these values; `5*` is all that begin with 5."""
    if value is None:
        return False
    for one in (wanted,) if isinstance(wanted, str) else wanted:
        if value == one or (one.endswith("*") and value.startswith(one[:-1])):
            return True
    return False


def total(name: str, *series: str, **how: Any) -> Quantity:
    """A cumulative total; `how` as in `Quantity`."""
    return Quantity(name, Says.TOTAL, series, **how)


def gauge(name: str, *series: str, **how: Any) -> Quantity:
    """A gauge."""
    return Quantity(name, Says.GAUGE, series, **how)


def timing(name: str, *series: str, **how: Any) -> Quantity:
    """A timing: a histogram, a summary, or a counter of time with a counter of what took it (`of`)."""
    return Quantity(name, Says.TIMING, series, **how)


STARTED = Quantity("process_start_time", Says.GAUGE, ("process_start_time_seconds",))
"""When the server's process began (Unix time): another one means that its counters began anew."""


def parse_quantities(text: str) -> tuple[Quantity, ...]:
    """What a person names behind the `#` of a page's address.

    Raises:
        ConfigError: it is not NAME=SERIES,...; says which part and why.
    """
    named: list[Quantity] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise _unreadable(text[at:])
        named.append(_quantity(part[1]))
        at = part.end()
    return tuple(named)


def _quantity(text: str) -> Quantity:
    found = _SERIES.fullmatch(text.strip())
    if found is None:
        raise _unreadable(text)
    written, series, labels = found.groups()
    name, says, factor = _meaning(written or _own_name(series), series)
    bare = series.removesuffix("_total")
    candidates = (series, f"{series}_total") if series == bare and says is Says.TOTAL else (series, bare)
    only = labels_of((labels or "").encode())
    return Quantity(name, says, candidates, only=only, factor=factor, asked=True)


def _meaning(written: str, series: str) -> tuple[str, Says, float]:
    name, says, factor = field_of(written, what="the name")
    if says in (Says.INCREMENT, Says.RATE):
        raise ConfigError(
            f"cannot count {clean_text(written)!r} from a page: a page tells totals, gauges and timings; "
            f"write {name}=SERIES or {name}__gauge=SERIES"
        )
    known = [metric for metric in (CATALOGUE.get(name), CATALOGUE.get(f"{name}_seconds")) if metric]
    if says is Says.TOTAL and any(metric.kind is Kind.GAUGE for metric in known):
        return name, Says.GAUGE, 1.0
    if says is Says.TOTAL and any(metric.kind is Kind.HISTOGRAM for metric in known):
        ending = next((factor for ending, factor in _SECONDS.items() if series.endswith(ending)), 1.0)
        return name, Says.TIMING, ending
    return name, says, factor


def _own_name(series: str) -> str:
    return re.sub(r"\W|__+", "_", series.removesuffix("_total"))


def _unreadable(text: str) -> ConfigError:
    return ConfigError(
        f"cannot read {clean_text(text)!r} behind the # of a page's address: write NAME=SERIES,..., "
        "such as queries=my_requests_total"
    )
