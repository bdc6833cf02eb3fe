"""What has happened to the run so far? Throttles, silences, lost counts, late readings and phases, as a fold.

It keeps what the verdict so far needs (perfwatch.derive.live_verdict), and the stretches that charts show.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perfwatch.derive.findings import CODES
from perfwatch.derive.held_back import Shares, shares_of
from perfwatch.derive.lost import Losing, lost_of
from perfwatch.derive.numbers import integer
from perfwatch.derive.numbers import number as finite
from perfwatch.derive.spans import Span, gap_limit_s, period_of
from perfwatch.derive.throttles import causes_of, reasons_of
from perfwatch.derive.windows import UNDO
from perfwatch.metrics import THROTTLE_REASONS
from perfwatch.model import Device
from perfwatch.session import format as fmt

KEPT = 200
"""So many stretches of a kind are kept, the newest."""


@dataclass
class Stretch:
    """Something that lasted: a phase by its name, a throttle by its reason. `end` None: it still does."""

    name: str
    start: float
    end: float | None = None
    origin: str = field(default="", compare=False)
    """Who marked the phase; which device was throttled."""

    @property
    def told_last(self) -> float:
        """When its last begin or end was."""
        return self.start if self.end is None else self.end


@dataclass(frozen=True)
class Mark:
    """An instant with a name."""

    name: str
    t: float


class RunWatch:
    """Folds the records of a session. Times are seconds on the session's clock."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.phases: list[Stretch] = []
        self.marks: list[Mark] = []
        self.lost: Counter[Losing] = Counter()
        self.notes: dict[str, str] = {}
        self.missing: str = ""
        self.neighbours: dict[int, list[int]] = {}
        """Processes of others that were seen on a device, by its number."""
        self.late, self.missed, self.polls = 0, 0, 0
        self._interval_s = 1.0
        self._devices: dict[int, _Watched] = {}

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record; what is malformed is passed over."""
        try:
            if "s" in record:
                self.polls += 1
                for number, t, values in record["s"]:
                    device = self._devices.get(number)
                    if device is not None:
                        device.take(float(t), values)
            elif "device" in record:
                number, _, declared = fmt.decode_device(record["device"])
                gap_s = gap_limit_s(period_of(declared, self._interval_s))
                self._devices.setdefault(number, _Watched()).declare(declared, gap_s)
            elif "event" in record:
                self._take_event(record)
            elif "format" in record:
                self._interval_s = float(record["interval_s"])
        except (KeyError, IndexError, TypeError, ValueError):
            return

    def _take_event(self, record: Mapping[str, Any]) -> None:
        kind, t = record["event"], float(record["t"])
        if kind == "job" and record.get("what") == "begin":
            self._begin(t)
        elif kind == "job" and record.get("what") == "end":
            for device in self._devices.values():
                device.held.end = t
        elif kind == "mark":
            self._take_mark(t, record)
        elif kind == "lost":
            self.lost.update(lost_of(record))
        elif kind == "note" and record.get("code") in CODES:
            self.notes[record["code"]] = str(record.get("text", ""))
        elif kind == "neighbour":
            self.neighbours.setdefault(int(record["n"]), []).append(int(record["pid"]))
        elif kind == "missing":
            self.missing = str(record.get("reason", ""))
        elif kind == "observer":
            self.late = integer(record.get("late_samples"))
            self.missed = integer(record.get("missed_ticks"))

    def _begin(self, t: float) -> None:
        self.began = t
        for device in self._devices.values():
            device.begin(t)

    def _take_mark(self, t: float, record: Mapping[str, Any]) -> None:
        name, edge, origin = str(record["name"]), record.get("edge"), str(record.get("origin", ""))
        own = [phase for phase in self.phases if (phase.name, phase.origin) == (name, origin)]
        if edge == "begin":
            self.phases.append(Stretch(name, t, origin=origin))
            del self.phases[:-KEPT]
        elif edge == "end":
            for phase in reversed(own):
                if phase.end is None:
                    phase.end = t
                    break
        elif edge == UNDO:
            self._take_back(own)
        else:
            self.marks.append(Mark(name, t))
            del self.marks[:-KEPT]

    def _take_back(self, own: Sequence[Stretch]) -> None:
        """Undo the last begin or end of a phase."""
        if not own:
            return
        last = max(own, key=lambda phase: phase.told_last)
        if last.end is None:
            self.phases = [phase for phase in self.phases if phase is not last]
        else:
            last.end = None

    def throttles(self, number: int) -> Sequence[Stretch]:
        """When a device ran with reduced clocks, and why."""
        device = self._devices.get(number)
        return () if device is None else device.throttles

    def held_back(self, number: int, until: float) -> Shares:
        """For which share of the run a device ran with reduced clocks, by cause."""
        device = self._devices.get(number)
        return {} if device is None else shares_of(device.held.until(until)) or {}

    def longest_silence_s(self, number: int) -> float:
        """The longest time in which a device gave nothing, where it was longer than three periods; else 0."""
        device = self._devices.get(number)
        return 0.0 if device is None else device.silence_s


class _Watched:
    """One device: since when it is throttled, when it was read last."""

    def __init__(self) -> None:
        self.throttles: list[Stretch] = []
        self.silence_s = 0.0
        self.held = _Held()
        self._places: dict[str, int] = {}
        self._gap_s = gap_limit_s(1.0)
        self._last_t: float | None = None

    def declare(self, device: Device, gap_s: float) -> None:
        self._gap_s = self.held.longest_step_s = gap_s
        self._places = {metric.name: place for place, metric in enumerate(device.metrics)}

    def begin(self, t: float) -> None:
        """The run begins: what was before is none of it."""
        self.silence_s = 0.0
        self.held.begin(t)
        self.throttles = [Stretch(one.name, t) for one in self.throttles if one.end is None]

    def take(self, t: float, values: Sequence[Any]) -> None:
        if self._last_t is not None and t - self._last_t > self._gap_s:
            self.silence_s = max(self.silence_s, t - self._last_t)
        if THROTTLE_REASONS.name in self._places:
            self._take_reasons(t, values[self._places[THROTTLE_REASONS.name]])
        self._last_t = t

    def _take_reasons(self, t: float, bits: Any) -> None:
        if finite(bits) is not None:
            self.held.take(t, causes_of(bits))
        reason = ", ".join(reasons_of(bits))
        running = self.throttles[-1] if self.throttles and self.throttles[-1].end is None else None
        if running is not None and running.name != reason:
            running.end = t
            running = None
        if reason and running is None:
            self.throttles.append(Stretch(reason, t))
            del self.throttles[:-KEPT]


class _Held:
    """For how long which causes held together; a reading stands until the next one, but not for long."""

    def __init__(self) -> None:
        self.longest_step_s = gap_limit_s(1.0)
        self._held_s: dict[tuple[str, ...], float] = {}
        self._newest: tuple[float, tuple[str, ...]] | None = None
        self._begin = -math.inf
        self.end = math.inf
        """When the run ended."""

    def begin(self, t: float) -> None:
        """The run begins; the reading before it still stands."""
        self._held_s.clear()
        self._begin = t

    def take(self, t: float, causes: tuple[str, ...]) -> None:
        """Which causes hold from now on."""
        self._held_s = self.until(t)
        self._newest = t, causes

    def until(self, t: float) -> dict[tuple[str, ...], float]:
        """Seconds of the run until then."""
        if self._newest is None:
            return dict(self._held_s)
        since, causes = self._newest
        end = min(t, self.end, since + self.longest_step_s)
        stood_s = max(0.0, end - max(since, self._begin))
        return {**self._held_s, causes: self._held_s.get(causes, 0.0) + stood_s}


def inside(stretches: Sequence[Stretch], span: Span) -> list[Stretch]:
    """Those that touch a span."""
    return [one for one in stretches if one.start < span.end and (one.end is None or one.end > span.start)]
