"""What is going on, as a screen asks for it? A sink of the hub that answers with one frozen frame.

Everything here runs on the hub's thread: records come in as to every sink, and a frame is computed when the
screen asks for one. The screen gets a finished object and nothing else, and may take its time with it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perfwatch.derive.run_so_far import RunSoFar
from perfwatch.derive.spans import NOW_S, gap_limit_s
from perfwatch.frame import (
    RUN,
    Bin,
    BinsWanted,
    DeviceNow,
    FiguresNow,
    Frame,
    Happening,
    Processes,
    RunBeside,
    counts_work,
)
from perfwatch.history.charts import History
from perfwatch.metrics import ENERGY, POWER, THROTTLE_REASONS
from perfwatch.model import Device, DeviceKind, Kind, State
from perfwatch.session import format as fmt

if TYPE_CHECKING:
    from perfwatch.figures import FigureFolds

FIGURES_S = 0.45
"""Figures are computed at most so often."""
MOST_UNFOLDED = 64
"""So many records are kept before what folds them into figures is loaded."""
EVENTS = 500
"""So many events are kept for the screen; the recording has them all."""
STEPS = 5
"""So many steps of a counter make a power of it; fewer would be wrong by a good part."""


class Scene:
    """Folds the records of a session, and answers with frames.

    Args:
        now_s: the span of *now*.
    """

    def __init__(self, now_s: float = NOW_S) -> None:
        self._header: Mapping[str, Any] = {}
        self._history = History()
        self._now_s = now_s
        self._folds: FigureFolds | None = None
        self._unfolded: list[Mapping[str, Any]] = []
        """Records that no figure was asked of yet."""
        self._states: dict[str, tuple[State, str]] = {}
        self._device_states: dict[tuple[str, str], tuple[State, str]] = {}
        self._gone: dict[int, str] = {}
        self.beside: tuple[RunBeside, ...] = ()
        """Recorded runs to compare with, shown as they are."""
        self._hosts: dict[int, str] = {}
        self._newest: dict[int, tuple[float, Sequence[Any]]] = {}
        self._declared: dict[int, tuple[str, Device]] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        self._tables: dict[tuple[str, int | None], Processes] = {}
        self._events: deque[Happening] = deque(maxlen=EVENTS)
        self._job: dict[str, Any] = {}
        self._observer: Mapping[str, Any] = {}
        self._gap_s = gap_limit_s(1.0)
        self._figures = FiguresNow(-math.inf, None, RunSoFar(), {})

    # -- taking records ----------------------------------------------------------------------------

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record of the session."""
        self._history.write(record)
        self._fold(record)
        if "s" in record:
            for number, t, values in record["s"]:
                self._newest[number] = (t, values)
        elif "device" in record:
            number, collector, device = fmt.decode_device(record["device"])
            self._declared[number] = (collector, device)
            self._names[number] = tuple(metric.name for metric in device.metrics)
            self._hosts[number] = str(record["device"].get("host", self._header.get("host", "")))
            if self._gone.pop(number, None) is not None:
                self._events.append(Happening(record["t"], "back", {"n": number}))
        elif "event" in record:
            self._take_event(record)
        elif "table" in record:
            self._take_table(record)
        elif record.get("format") == fmt.FORMAT:
            self._header = record
            self._gap_s = gap_limit_s(float(record["interval_s"]))

    def _fold(self, record: Mapping[str, Any]) -> None:
        """Into the figures of the run; what they need is loaded when a screen asks for some, or soon."""
        if self._folds is not None:
            self._folds.take(record)
            return
        self._unfolded.append(record)
        if len(self._unfolded) >= MOST_UNFOLDED:
            self._figure_folds()

    def _figure_folds(self) -> FigureFolds:
        if self._folds is None:
            from perfwatch.figures import FigureFolds  # late: the first picture of devices needs none

            self._folds = FigureFolds(self._now_s)
            for record in self._unfolded:
                self._folds.take(record)
            self._unfolded.clear()
        return self._folds

    def tick(self, now_ns: int) -> None:
        """Nothing is due by the clock."""

    def _take_event(self, record: Mapping[str, Any]) -> None:
        kind = record["event"]
        if kind == "observer":
            self._observer = record
            return
        if kind in ("clock", "end"):
            return
        if kind == "status":
            self._take_status(record)
        elif kind == "gone":
            self._gone[record["n"]] = str(record.get("reason", ""))
        elif kind == "job":
            self._job = {**self._job, **record, record["what"]: record["t"]}
        self._events.append(Happening(record["t"], kind, record))

    def _take_status(self, record: Mapping[str, Any]) -> None:
        state = State(record["state"]), str(record.get("reason", ""))
        device_id = record.get("device_id")
        if device_id is None:
            self._states[record["collector"]] = state
        else:
            self._device_states[record["collector"], device_id] = state

    def _take_table(self, record: Mapping[str, Any]) -> None:
        number = record.get("n")
        self._tables[record["table"], number] = Processes(
            number, tuple(record["columns"]), tuple(tuple(row) for row in record["rows"])
        )

    def with_history(self, history: History | None) -> History | None:
        """Have another history from now on; returns the one that it had."""
        before, self._history = self._history, history or History()
        return before

    def look_anew(self) -> None:
        """Have the next frame's figures computed for it, whenever those of the last one were."""
        self._figures = self._figures._replace(t=-math.inf)

    # -- answering ---------------------------------------------------------------------------------

    def frame(self, t: float, wanted: Sequence[BinsWanted] = (), *, figures: bool | None = True) -> Frame:
        """Everything as it stands at `t`.

        Args:
            wanted: the bins of charts.
            figures: whether the figures of the run (`standing`, `run`, `work`) are looked at; else those of
                an earlier frame will do, since they cost as much as all the rest. None: where there is a run.
        """
        both = [self._now(number, t) for number in self._declared]
        workloads = tuple(one for one in both if one.device.kind is DeviceKind.WORKLOAD)
        if figures is None:
            figures = bool(self._job) or counts_work(workloads)
        if figures and not 0 <= t - self._figures.t < FIGURES_S:  # twice a second, however often one looks
            self._figures = self._figure_folds().at(t, both)
        spans = self._figures
        return Frame(
            t=t,
            header=self._header,
            devices=tuple(one for one in both if one.device.kind is not DeviceKind.WORKLOAD),
            workloads=workloads,
            standing=spans.standing,
            run=spans.run,
            job=dict(self._job),
            tables=tuple(self._tables.values()),
            events=tuple(self._events),
            observer=self._observer,
            collectors={name: (state.value, why) for name, (state, why) in self._states.items()},
            bins={one: self._bins(one) for one in wanted},
            work=spans.work,
            beside=self.beside,
        )

    def as_of(self, frame: Frame, t: float) -> Frame:
        """A frame with its devices and events as they were at `t`, as far as the history tells.

        A value is the mean of the few seconds around `t`. What is folded over the whole run cannot be turned
        back and stays as it is.
        """
        return replace(
            frame,
            t=t,
            devices=tuple(self._then(one, t) for one in frame.devices),
            workloads=tuple(self._then(one, t) for one in frame.workloads),
            events=tuple(one for one in frame.events if one.t <= t),
            work={},
        )

    def _then(self, one: DeviceNow, t: float) -> DeviceNow:
        """A device as it was; counters have no value then, only their charts."""
        metrics = [metric for metric in one.device.metrics if metric.kind is Kind.GAUGE]
        values = {metric.name: self._value_then(one.number, metric.name, t) for metric in metrics}
        told = values.get(POWER.name)
        watts = self._value_then(one.number, ENERGY.name, t) if told is None else told
        read = any(value is not None for value in (*values.values(), watts))
        state, reason = (State.OK, "") if read else (State.STALE, "no reading then")
        return replace(one, values=values, watts=watts, t=t if read else None, state=state, reason=reason)

    def _value_then(self, number: int, metric: str, t: float) -> float | None:
        place = int(max(0.0, t) / self._gap_s)
        _, _, mean, high = self._history.bins(number, metric, self._gap_s, place, place)[0]
        return high if metric == THROTTLE_REASONS.name else mean  # bits have no mean

    def _bins(self, wanted: BinsWanted) -> Sequence[Bin]:
        asked = wanted.metric, wanted.width_s, wanted.first, wanted.last
        if wanted.number == RUN or self._is_workload(wanted.number):
            found = self._figure_folds().bins(wanted.number, *asked)
            if found is not None:
                return found
        return self._history.bins(wanted.number, *asked)

    def _is_workload(self, number: int) -> bool:
        declared = self._declared.get(number)
        return declared is not None and declared[1].kind is DeviceKind.WORKLOAD

    def _now(self, number: int, t: float) -> DeviceNow:
        collector, device = self._declared[number]
        at, row = self._newest.get(number, (None, ()))
        state, reason = self._state(number, collector, device, at, t)
        values = dict(zip(self._names[number], row, strict=False))
        return DeviceNow(
            number=number,
            label=f"{collector}:{device.index}",
            host=self._hosts[number],
            device=device,
            collector=collector,
            values=values,
            t=at,
            state=state,
            reason=reason,
            watts=self._watts(number, values, at),
        )

    def _watts(self, number: int, values: Mapping[str, Any], at: float | None) -> float | None:
        told = values.get(POWER.name)
        if told is not None or at is None or ENERGY.name not in values:
            return told if isinstance(told, (int, float)) else None
        period_s = self._declared[number][1].period_s or 0.0
        span_s = 2 * max(self._gap_s, gap_limit_s(period_s))
        joules = self._history.moved(number, ENERGY.name, at - span_s, at)
        step_j = max((one.step or 0.0 for one in self._declared[number][1].metrics), default=0.0)
        if joules is None or joules < STEPS * step_j:
            return None  # of one that counts whole Wh nothing is known until it moves
        return joules / span_s

    def _state(
        self, number: int, collector: str, device: Device, at: float | None, t: float
    ) -> tuple[State, str]:
        if number in self._gone:
            return State.GONE, self._gone[number]
        state, reason = self._device_states.get((collector, device.id), (State.OK, ""))
        if state is not State.OK:
            return state, reason
        state, reason = self._states.get(collector, (State.OK, ""))
        if state not in (State.OK, State.OPENING):
            return state, reason
        if at is not None and t - at > max(self._gap_s, gap_limit_s(device.period_s or 0.0)):
            return State.STALE, f"no reading for {t - at:.0f} s"
        return State.OK, ""
