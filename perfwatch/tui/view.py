"""What does the person look at? The view's own state: screen, span, sort, filter, selection; no telemetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

SPANS_S = (60.0, 300.0, 3600.0, None)
"""The spans of charts, s; None is the whole session."""
SCREENS = ("run", "devices", "workloads", "processes", "efficiency", "hosts", "output")
"""In the order of their keys, `1` to `7`."""
_GROWTH = 1.25


@dataclass(frozen=True)
class View:
    """Args:
    screen: one of `SCREENS`.
    span_s: the span of charts, s; None is the whole session.
    paused_at: seconds of the session at which the view stands still; None while it follows.
    sort: by screen, the column it is sorted by, `-` in front for the other way round.
    order: numbers of the devices as they were sorted last; empty to sort them by what they are now.
    filter: text that a row must contain, whatever its case.
    selected: which row is selected, from 0.
    zoom: the label of the device that is shown alone; empty for all.
    ascii: draw with ASCII only.
    """

    screen: str = "devices"
    span_s: float | None = 300.0
    paused_at: float | None = None
    sort: Mapping[str, str] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    filter: str = ""
    selected: int = 0
    zoom: str = ""
    ascii: bool = False

    def with_(self, **changes: object) -> View:
        """The same view with something changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def matches(self, *texts: object) -> bool:
        """Whether what a row says passes the filter."""
        wanted = self.filter.casefold()
        return not wanted or any(wanted in str(text).casefold() for text in texts)

    def moment(self, t: float) -> float:
        """The second of the session that is shown when it is `t` now."""
        return t if self.paused_at is None else self.paused_at

    def seconds(self, t: float) -> float:
        """The span of charts at `t`, s: no more than there is, growing by a quarter so that bins can stay."""
        span_s = SPANS_S[0] or 60.0
        while span_s < t:
            span_s *= _GROWTH
        return span_s if self.span_s is None else min(span_s, self.span_s)
