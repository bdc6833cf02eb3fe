"""What happened lately, for charts? Recent values per device, in bounded memory for any length.

Each device keeps its newest samples as they came (raw), and bins of 1, 10 and 60 s with minimum, maximum
and mean behind them; when the last tier is full its bins are merged by two, so that the whole session stays
in view at a falling resolution.

All times are seconds on the session's clock; a missing value is `None`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from perfwatch.derive.spans import gap_limit_s, period_of
from perfwatch.history.kept import Kept
from perfwatch.model import Device
from perfwatch.session import format as fmt

BUDGET_BYTES = 64 * 1024 * 1024
LEAST_LEVEL = 6
"""To keep the budget all of this is halved, at most so often; then devices that are gone are forgotten."""


class History:
    """A sink of the hub that keeps what charts need.

    Args:
        budget_bytes: what all arrays together may take, whatever comes.

    `left_out` counts devices for which there was no room at all.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._interval_s = 1.0
        self._level = 0
        self._kept: dict[int, Kept] = {}
        self._gone: dict[int, None] = {}
        self.left_out = 0

    # -- taking records ----------------------------------------------------------------------------

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record of the session; what is malformed is passed over."""
        try:
            self._take(record)
        except (KeyError, TypeError, ValueError):
            return

    def tick(self, now_ns: int) -> None:
        """Nothing is due by the clock."""

    def _take(self, record: Mapping[str, Any]) -> None:
        if "s" in record:
            for number, t, values in record["s"]:
                kept = self._kept.get(number)
                if kept is not None and math.isfinite(t) and isinstance(values, (list, tuple)):
                    kept.take(float(t), values)
        elif "device" in record:
            number, collector, device = fmt.decode_device(record["device"])
            self._declare(number, collector, device)
        elif record.get("event") == "gone":
            self._gone[int(record["n"])] = None
        elif record.get("format") == fmt.FORMAT:
            self._interval_s = float(record["interval_s"])

    def _declare(self, number: int, collector: str, device: Device) -> None:
        self._gone.pop(number, None)
        kept = self._kept.get(number)
        if kept is not None:
            kept.declare(device)
        else:
            self._kept[number] = Kept(collector, device, gap_limit_s(period_of(device, self._interval_s)))
        self._keep_the_budget(number)

    def _keep_the_budget(self, newest: int) -> None:
        """Halve capacities until everything fits; forget what is gone, and at last the newest device."""
        while self._most_bytes() > self._budget_bytes:
            if self._level < LEAST_LEVEL:
                self._level += 1
            elif self._gone:
                longest_gone = next(iter(self._gone))
                del self._gone[longest_gone]
                self._kept.pop(longest_gone, None)
            else:
                del self._kept[newest]
                self.left_out += 1
                break
        for kept in self._kept.values():
            kept.limit(self._level)

    def _most_bytes(self) -> int:
        """What the arrays take when they are full."""
        return sum(kept.most_bytes(self._level) for kept in self._kept.values())

    # -- what is asked -----------------------------------------------------------------------------

    @property
    def devices(self) -> dict[int, tuple[str, Device]]:
        """Collector and device by number in the stream."""
        return {number: (kept.collector, kept.device) for number, kept in self._kept.items()}

    @property
    def bytes_used(self) -> int:
        """What the arrays take now."""
        return sum(kept.bytes_used() for kept in self._kept.values())

    def moved(self, number: int, metric: str, start: float, end: float) -> float | None:
        """How far a counter moved from `start` to `end`, as far as it was seen; `None` if it was not.

        Exact between readings; inside a coarse bin it is interpolated.
        """
        kept = self._kept.get(number)
        return None if kept is None else kept.moved(metric, start, end)

    def bins(
        self, number: int, metric: str, width_s: float, first: int, last: int
    ) -> list[tuple[int, float | None, float | None, float | None]]:
        """Low, mean and high of a metric in the bins `first` to `last`, both included.

        Bin k holds the readings from `k * width_s` up to but not including `(k + 1) * width_s`: a bin stays
        the same from one question to the next. Of a counter all three are its rate per second. `None` where
        nothing was read.
        """
        kept = self._kept.get(number)
        if kept is None or not kept.has(metric):
            return [(k, None, None, None) for k in range(first, last + 1)]
        ask = kept.rate_in_bin if kept.is_counter(metric) else kept.level
        points = (ask(metric, k * width_s, (k + 1) * width_s) for k in range(first, last + 1))
        return [(first + place, *point) for place, point in enumerate(points)]
