"""Which collectors count this job's work: StatsD; its output, files and pages as asked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from perfwatch import plugins
from perfwatch.job.launchers import numbers_its_lines
from perfwatch.job.workloads import POLLED, STREAMS, Workload, polled
from perfwatch.objectives import NO_OBJECTIVES, Judge, Slo
from perfwatch.sources.live import Chosen


class WorkSources:
    """The collectors of one run's work."""

    def __init__(self, listeners: list[Any], output: Any, polled: list[Any], judge: Judge) -> None:
        self.address: str = listeners[0].address if listeners else ""
        self._judge = judge
        self._listeners = listeners
        self._output = output
        self._polled = polled

    @classmethod
    def of(
        cls,
        wanted: list[Workload],
        slo: Slo = NO_OBJECTIVES,
        *,
        tells_us: bool = True,
        command: Sequence[str] = (),
    ) -> WorkSources:
        """The collectors that the workloads name.

        Args:
            wanted: the workloads.
            slo: what its queries are to keep to.
            tells_us: the job learns where it can send StatsD to; one that already runs does not.
            command: the job's.

        Raises:
            ConfigError: a workload is wrongly written.
        """
        own_kinds = polled(wanted)  # first: what is wrongly written leaves no socket behind
        statsd: Any = plugins.load(plugins.find("statsd"))
        own = [statsd(statsd.Options())] if tells_us else []
        named = [one.value for one in wanted if one.kind == "statsd"]
        listeners = [
            *own,
            *(statsd(statsd.Options(address=text, index=n)) for n, text in enumerate(named, 1)),
        ]
        judge = Judge(slo)
        for each in (*listeners, *own_kinds):
            if hasattr(each, "judge"):
                each.judge = judge
        for listener in listeners:
            listener.bind()
        specs = tuple((one.kind, one.value) for one in wanted if one.kind in STREAMS)
        if not specs:
            return cls(listeners, None, own_kinds, judge)
        output_of: Any = plugins.load(plugins.find("output"))
        output = output_of(output_of.Options(specs=specs, numbered=numbers_its_lines(command, os.environ)))
        output.judge = judge
        return cls(listeners, output, own_kinds, judge)

    @property
    def environment(self) -> dict[str, str]:
        """What the job's own counting has to know (perfwatch.client)."""
        return {"PERFWATCH_STATSD": self.address, "PERFWATCH_SLO": self._judge.to_environment()}

    def chosen(self) -> list[Chosen]:
        """What to run."""
        collectors = [*self._listeners, *([self._output] if self._output is not None else []), *self._polled]
        return [Chosen(collector, collector.period_s) for collector in collectors]

    def at_each_mark(self, read_energy: Callable[[], None]) -> None:
        """When a mark arrives, read energy out of turn, and let no cell of text reach over the mark."""
        split = [one.split for one in (self._output, *self._polled) if hasattr(one, "split")]

        def on_mark() -> None:
            read_energy()
            now_ns = time.monotonic_ns()
            for each in split:
                each(now_ns)

        for one in (*self._listeners, self._output, *self._polled):
            if hasattr(one, "on_mark"):
                one.on_mark = on_mark

    def when_much_waits(self, read: Callable[[Any], None]) -> None:
        """A job that prints more than waits for the next period is read at once."""
        if self._output is not None:
            self._output.on_much = lambda: read(self._output)

    @property
    def output(self) -> Any:
        """What reads the job's output; None if nothing does."""
        return self._output

    @property
    def pages(self) -> list[Any]:
        """What reads the metrics pages that were named."""
        return [one for one in self._polled if one.name == POLLED["prometheus"]]

    @property
    def first_polled(self) -> Any:
        """What reads the page or file that was named first; None if nothing does."""
        return self._polled[0] if self._polled else None
