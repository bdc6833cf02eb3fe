"""What a benchmark client says of its run, under our names and in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perfwatch.workload.training_log import finite

STATISTICS = ("mean_s", "min_s", "p50_s", "p90_s", "p95_s", "p99_s", "max_s")
MILLI = 1e-3


@dataclass(frozen=True)
class ClientResult:
    """What a client says of its run.

    Args:
        tool: what it is called. work: counts by our names: `queries` that were answered, `errors`,
        `generated_tokens`, `prompt_tokens`. duration_s: how long it took. latency: by our names, of each
        what it tells out of `STATISTICS`.
    """

    tool: str
    work: Mapping[str, float]
    duration_s: float | None = None
    latency: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """As the event of a session has it."""
        return {
            "tool": self.tool,
            "work": dict(self.work),
            "duration_s": self.duration_s,
            "latency": {name: dict(found) for name, found in self.latency.items()},
        }

    def is_told_by(self, event: Mapping[str, Any]) -> bool:
        """Whether an event of a session has it already, under whatever name: all counts that both have agree.

        A client may write several files of one run, in several forms.
        """
        told = event.get("work")
        if event.get("tool") != self.tool or not isinstance(told, Mapping):
            return False
        both = [name for name in self.work if name in told]
        return bool(both) and all(told[name] == self.work[name] for name in both)


def known_counts(counts: Mapping[str, Any]) -> dict[str, float]:
    """What is told, as whole numbers where it is whole."""
    found = {name: finite(value) for name, value in counts.items()}
    return {
        name: int(value) if value.is_integer() else value
        for name, value in found.items()
        if value is not None and value >= 0.0
    }
