"""What every reading of work keeps, whatever came from outside."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from perfwatch.declaration import check_device
from perfwatch.model import Appeared, Buckets, Device, Event, Histogram, Kind, Metric, Reading, Sample, Unit
from perfwatch.workload.statsd import BUCKETS
from perfwatch.workload.tally import NAME_LENGTH

LONGEST_TEXT = 1000
"""So much of a text is recorded."""


class Kept:
    """Takes readings and holds each against what is promised; keeps what came out of them.

    Args:
        begins_anew: a total may fall, which is how the restart of a server is recorded.
        now_ns: no reading is later.
    """

    def __init__(
        self, devices: Iterable[Device], *, now_ns: int | None = None, begins_anew: bool = False
    ) -> None:
        self.now_ns = now_ns
        self.begins_anew = begins_anew
        self.metrics: dict[str, tuple[Metric, ...]] = {each.id: tuple(each.metrics) for each in devices}
        self.values: dict[str, Any] = {}
        """The last ones by metric; those of further devices have the device in front."""
        self.timed: dict[str, int] = {}
        """How many observations came under a name."""
        self.notes: list[str] = []
        self.lost = 0
        self.latest_ns: dict[str, int] = {}

    def take(self, readings: Iterable[Reading]) -> Kept:
        """Look at readings in the order in which they come."""
        for reading in readings:
            if isinstance(reading, Appeared):
                self._declared(reading.device)
            elif isinstance(reading, Sample):
                self._sample(reading)
            elif isinstance(reading, Event):
                self._event(reading)
        return self

    def _declared(self, device: Device) -> None:
        check_device(device)
        names = [metric.name for metric in device.metrics]
        assert len(set(names)) == len(names)
        assert all(name.isprintable() and 0 < len(name) <= NAME_LENGTH + 20 for name in names)
        assert device.name.isprintable()
        json.dumps(dict(device.facts)).encode()
        self.metrics[device.id] = tuple(device.metrics)

    def _sample(self, sample: Sample) -> None:
        metrics = self.metrics[sample.device_id]
        assert len(sample.values) == len(metrics)
        if sample.at_ns is not None:
            assert type(sample.at_ns) is int
            assert sample.at_ns >= self.latest_ns.get(sample.device_id, 0)
            assert self.now_ns is None or sample.at_ns <= self.now_ns
            self.latest_ns[sample.device_id] = sample.at_ns
        for metric, value in zip(metrics, sample.values, strict=True):
            if value is not None:
                is_first = sample.device_id == next(iter(self.metrics))
                name = metric.name if is_first else f"{sample.device_id}.{metric.name}"
                self._value(metric, value, self.values.get(name, 0))
                self.values[name] = value

    def _value(self, metric: Metric, value: Any, before: Any) -> None:
        if isinstance(value, Histogram):
            self._observations(metric, value)
        elif isinstance(value, Buckets):
            assert metric.bounds is not None
            assert list(metric.bounds) == sorted(metric.bounds)
            assert len(value.counts) == len(metric.bounds) + 1
            assert all(math.isfinite(count) and count >= 0 for count in value.counts)
            assert value.sum is None or math.isfinite(value.sum)
        else:
            assert math.isfinite(value)
        if metric.kind is Kind.COUNTER:
            assert value >= 0
            assert self.begins_anew or value >= before

    def _observations(self, metric: Metric, told: Histogram) -> None:
        assert told.n > 0
        assert told.n == sum(told.buckets.values()) + told.zero
        assert all(index in BUCKETS and count > 0 for index, count in told.buckets.items())
        assert all(map(math.isfinite, (told.sum, told.min, told.max)))
        assert told.min <= told.max
        assert metric.unit is not Unit.SECOND or min(told.sum, told.min) >= 0
        self.timed[metric.name] = self.timed.get(metric.name, 0) + told.n

    def _event(self, event: Event) -> None:
        json.dumps(dict(event.fields), allow_nan=False, ensure_ascii=False).encode()
        if event.at_ns is not None:
            assert event.at_ns >= 0
            assert self.now_ns is None or event.at_ns <= self.now_ns
        if event.kind == "note":
            text = event.fields["text"]
            assert text.isprintable()
            assert len(text) <= LONGEST_TEXT
            assert text not in self.notes
            self.notes.append(text)
        elif event.kind == "lost":
            self.lost += sum(amount for amount in event.fields.values() if isinstance(amount, int))
        elif event.kind == "mark":
            assert event.fields["name"].isprintable()


@contextmanager
def at_most(mebibytes: float) -> Iterator[None]:
    """What is done in the block never takes more memory than this."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert peak <= mebibytes, f"{peak:.1f} MiB"
