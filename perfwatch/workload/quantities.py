"""Which series of a server's metrics page are its work, under which names?

`KNOWN` holds the servers whose names are known without being named; a person names further series behind a
`#` of the page's address: `NAME=SERIES`, or `SERIES` alone. NAME may end as in a pattern
(`perfwatch.workload.patterns`); SERIES may pick labels: `SERIES{LABEL="VALUE"}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from perfwatch.errors import ConfigError
from perfwatch.metrics import CATALOGUE
from perfwatch.model import Kind
from perfwatch.workload.exposition import labels_of
from perfwatch.workload.patterns import Says, field_of
from perfwatch.workload.tally import clean_text

_PART = re.compile(r'((?:[^,{}"]|\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\})+)(?:,|\Z)')
_SERIES = re.compile(r'(?:([A-Za-z_]\w*)=)?([A-Za-z_:][\w:]*)(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?')
_SECONDS = {"_ms": 1e-3, "_milliseconds": 1e-3, "_us": 1e-6, "_microseconds": 1e-6}


@dataclass(frozen=True)
class Quantity:
    """One unit of work, gauge or timing of a page.

    Args:
        name: the bare name.
        says: a cumulative total, a gauge, or a timing (a histogram).
        series: names on the page; the first that is there is used (older and newer versions differ).
        only: labels that a series must have, with these values.
        never: a label, and the values with which a series does not count.
        factor: of a timing: what turns the page's values into seconds.
        asked: a person named it.
    """

    name: str
    says: Says
    series: tuple[str, ...]
    only: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    factor: float = 1.0
    asked: bool = False

    def takes(self, raw_labels: bytes) -> bool:
        """Whether a series with these labels counts."""
        if not self.only and not self.never:
            return True
        labels = labels_of(raw_labels)
        wanted = all(
            labels.get(key) in (value if isinstance(value, tuple) else (value,))
            for key, value in self.only.items()
        )
        return wanted and not any(labels.get(key) in values for key, values in self.never.items())


_FAILED = ("abort", "error")
"""vLLM counts a request that the client gave up or that broke among the successes, by its reason."""

# vLLM: vllm/v1/metrics/loggers.py (0.9 to 0.32); inter-token latency was called time per output token before.
KNOWN: tuple[Quantity, ...] = (
    Quantity("generated_tokens", Says.TOTAL, ("vllm:generation_tokens_total",)),
    Quantity("prompt_tokens", Says.TOTAL, ("vllm:prompt_tokens_total",)),
    Quantity("queries", Says.TOTAL, ("vllm:request_success_total",), never={"finished_reason": _FAILED}),
    Quantity("errors", Says.TOTAL, ("vllm:request_success_total",), only={"finished_reason": _FAILED}),
    Quantity("running", Says.GAUGE, ("vllm:num_requests_running",)),
    Quantity("waiting", Says.GAUGE, ("vllm:num_requests_waiting",)),
    Quantity("time_to_first_token", Says.TIMING, ("vllm:time_to_first_token_seconds",)),
    Quantity(
        "inter_token_latency",
        Says.TIMING,
        ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
    ),
    Quantity("latency", Says.TIMING, ("vllm:e2e_request_latency_seconds",)),
)

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
    return Quantity(name, says, candidates, only, factor=factor, asked=True)


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
