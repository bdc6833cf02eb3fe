"""What does a training log of MLPerf tell as it goes: marks, phases, work done, accuracy, conditions?

Records are those of mlcommons/logging (mlperf_logging/mllog): `key`, `value`, `time_ms` since 1970 and
`metadata`. Several ranks may write the same: what is open is not begun again, and counts only grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from perfwatch.model import Kind, Metric, Unit
from perfwatch.workload.tally import LARGEST, clean_text

MEASURE = "measure"
PHASES = ("init", "epoch", "block", "eval")
"""What lasts from a key `NAME_start` to `NAME_stop`."""
COUNTS = ("samples", "steps", "epochs")
GAUGE = "eval_accuracy"
GOALS = {"max_steps": "steps_goal", "target_accuracy": "eval_accuracy_goal"}
"""How far the training is to go, or goes at most: the key in the log, and our gauge."""
LATEST_MS = 1e14
"""A year in four digits; what lies beyond is no time."""
ACCURACY = Metric(GAUGE, Unit.RATIO, Kind.GAUGE, "As the evaluation told it.")
_SETTINGS = {
    "submission_benchmark": "benchmark",
    "submission_org": "submitter",
    "submission_division": "division",
    "submission_platform": "platform",
    "global_batch_size": "batch",
    "seed": "seed",
    "number_of_nodes": "nodes",
    "accelerators_per_node": "accelerators_per_node",
}
"""Conditions of the run: the key in the log, and our tag."""


class Mark(NamedTuple):
    """A begin or an end. `name` is `measure` or a phase; `edge` is `begin` or `end`."""

    t_s: float
    name: str
    edge: str


class Figures(NamedTuple):
    """What was done by then, each None until it was told: see `COUNTS`, `GAUGE` and `GOALS`."""

    t_s: float
    samples: float | None
    steps: float | None
    epochs: float | None
    eval_accuracy: float | None
    steps_goal: float | None
    eval_accuracy_goal: float | None

    @property
    def values(self) -> tuple[float | None, ...]:
        """All but the time, in the order of `COUNTS`, `GAUGE`, `GOALS`."""
        return self[1:]


Told = Mark | Figures


class TrainingLog:
    """Folds the records of one log; times are seconds since 1970.

    Args:
        several: a run that starts after one that stopped is told as well; else the first one alone.
    """

    def __init__(self, *, several: bool = False) -> None:
        self._several = several
        self.began_s: float | None = None
        self.ended_s: float | None = None
        self.status = ""
        """`success` or `aborted`, once the run stopped."""
        self.settings: dict[str, str] = {}
        self._open: dict[str, float] = {}
        """Phases that last, and how many epochs each holds."""
        self._counted_by = ""
        self._train_samples: float | None = None
        self._batch: float | None = None
        self._tells_samples = False
        """The log itself counts samples; then nothing is made of epochs or steps."""
        self._done: dict[str, float | None] = dict.fromkeys((*COUNTS, GAUGE))
        self._goals: dict[str, float | None] = dict.fromkeys(GOALS.values())

    def take(self, record: Mapping[str, Any]) -> Iterator[Told]:
        """What one record tells."""
        t_s = time_of(record)
        if t_s is None:
            return
        key, value = str(record.get("key")), record.get("value")
        metadata = record.get("metadata")
        more = metadata if isinstance(metadata, Mapping) else {}
        if key in _SETTINGS and value is not None:
            self.settings.setdefault(_SETTINGS[key], clean_text(str(value), 200))
        elif key == "train_samples":
            self._train_samples = finite(value)
        if key == "global_batch_size":
            self._batch = finite(value)
        before = {**self._done, **self._goals}
        if key in GOALS:
            self._goals[GOALS[key]] = finite(value)
        yield from self._marks(t_s, key, more)
        self._count(key, value, more)
        told = {**self._done, **self._goals}
        if told != before:
            yield Figures(t_s, *told.values())

    def _marks(self, t_s: float, key: str, more: Mapping[str, Any]) -> Iterator[Mark]:
        name, _, edge = key.rpartition("_")
        if key == "run_start" and self._several and self.ended_s is not None:
            self._begin_anew()
        if key == "run_start" and self.began_s is None:
            self.began_s = t_s
            yield Mark(t_s, MEASURE, "begin")
        elif key == "run_stop" and self.began_s is not None and self.ended_s is None:
            if t_s <= self.began_s:  # of another clock, or another run: nothing is known of this one
                return
            self.ended_s, self.status = t_s, clean_text(str(more.get("status") or ""), 40)
            yield Mark(t_s, MEASURE, "end")
        elif name in PHASES and edge == "start" and name not in self._open:
            self._open[name] = _epochs_in(name, more)
            yield Mark(t_s, name, "begin")
        elif name in PHASES and edge == "stop" and name in self._open:
            self._count_epochs(name, self._open.pop(name))
            yield Mark(t_s, name, "end")

    def _begin_anew(self) -> None:
        """Another run: what is known of the data and the submission stays."""
        self.began_s = self.ended_s = None
        self.status = self._counted_by = ""
        self._tells_samples = False
        self._open.clear()
        self._done = dict.fromkeys((*COUNTS, GAUGE))

    def official(self) -> dict[str, Any]:
        """What the log itself says of a run that stopped, as the event `mlperf` of a session."""
        took_s = None if self.began_s is None or self.ended_s is None else self.ended_s - self.began_s
        return {
            "scenario": "Training",
            "valid": {"success": True, "aborted": False}.get(self.status),
            "metric": None if took_s is None else {"name": "time_to_train", "value": took_s, "unit": "s"},
            GAUGE: self._done[GAUGE],
            f"{GAUGE}_goal": self._goals[f"{GAUGE}_goal"],
        }

    def _count_epochs(self, name: str, epochs: float) -> None:
        """By the ends of epochs; in a log without these by those of blocks that say how many they hold."""
        if name not in ("epoch", "block") or not epochs:
            return
        if not self._counted_by and not (name == "block" and "epoch" in self._open):
            self._counted_by = name
        if name == self._counted_by:
            self._grow("epochs", (self._done["epochs"] or 0.0) + epochs)

    def _count(self, key: str, value: Any, more: Mapping[str, Any]) -> None:
        """Take in what was done: counts only grow."""
        self._grow("steps", finite(more.get("step_num")))
        samples = finite(more.get("samples_count"))
        if samples is None and key == "trained_samples":
            samples = finite(value)
        self._tells_samples = self._tells_samples or bool(samples)
        if not self._tells_samples:
            samples = self._reckoned_samples()
        self._grow("samples", samples)
        accuracy = finite(value) if key == GAUGE else None
        if accuracy is not None:
            self._done[GAUGE] = accuracy

    def _reckoned_samples(self) -> float | None:
        """Whole epochs of the data; where the log has no epochs, or no size of the data, steps of a batch."""
        has_epochs = self._done["epochs"] or any(self._open.values())
        if self._train_samples and has_epochs:
            return self._train_samples * (self._done["epochs"] or 0.0)
        return (
            None if self._batch is None or self._done["steps"] is None else self._batch * self._done["steps"]
        )

    def _grow(self, name: str, value: float | None) -> None:
        if value is not None and (self._done[name] or 0.0) < value <= LARGEST:
            self._done[name] = value


def _epochs_in(name: str, more: Mapping[str, Any]) -> float:
    """How many epochs end with a phase: a block, from one evaluation to the next, may hold a part of one."""
    told = finite(more.get("epoch_count")) if name == "block" else None
    return 1.0 if name == "epoch" else max(0.0, told or 0.0)


def time_of(record: Mapping[str, Any]) -> float | None:
    """When a record was written, seconds since 1970; None where it does not say, or tells no such time."""
    t_ms = finite(record.get("time_ms"))
    return None if t_ms is None or not 0.0 <= t_ms <= LATEST_MS else t_ms / 1000.0


def finite(value: object) -> float | None:
    """A number that can be believed; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST <= value <= LARGEST:
        return None
    return float(value)
