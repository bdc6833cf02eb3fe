"""One line a period without escapes, for `--plain`: `00:12  412 W  1 949 tok/s  4.73 tok/J  run 4.60 tok/J`.

The line is printed on a thread of its own, the newest only: a terminal that was stopped (ctrl-S, a dead
ssh line) makes neither the hub nor the recorder wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from perfwatch.clock import NS
from perfwatch.derive.findings import INSUFFICIENT
from perfwatch.derive.live import LiveFigures, standing_or_none
from perfwatch.derive.live_run import LiveRun
from perfwatch.derive.spans import NOW_S
from perfwatch.derive.standing import Figures, Standing
from perfwatch.derive.windows import IDLE_BASELINE
from perfwatch.exporters.words import per_joule_unit
from perfwatch.text import clean
from perfwatch.units import DASH, format_percent, format_quantity, significant


def plain_line(standing: Standing, *, quotable: bool = True) -> str:
    """How the run stands, as one line.

    Args:
        quotable: false: the run rests on too little for a ratio of it.
    """
    unit = standing.unit
    parts = [_clock(standing.elapsed_s), _power(standing)]
    if standing.utilization is not None:
        parts.append(f"{format_percent(standing.utilization)} busy")
    if unit is not None:
        now, run = (_ratio(figures if quotable else None, unit) for figures in (standing.now, standing.run))
        parts += [_rate(standing.now, unit), now, f"run {run}"]
    if standing.silent:
        parts.append(f"no reading of {_some(standing.silent)}")
    return "  ".join(parts)


def idle_line(standing: Standing, since_t: float) -> str:
    """What is measured before the job starts, as one line: nothing of the run."""
    return "  ".join([_clock(standing.t - since_t), _power(standing), "idle baseline"])


def _clock(seconds: float) -> str:
    """`00:12`, `1:02:03`."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def _power(standing: Standing) -> str:
    if standing.now.watts is None:
        return "no power reading"
    watts = format_quantity(standing.now.watts, "W")
    if standing.estimated:
        return f"{watts} estimated"
    return watts if standing.scope == "accelerator" else f"{watts} {standing.scope}"


def _rate(figures: Figures, unit: str) -> str:
    rate = figures.rate(unit)
    return f"{DASH if rate is None else significant(rate)} {_short(unit)}/s"


def _ratio(figures: Figures | None, unit: str) -> str:
    ratio = None if figures is None else figures.per_joule(unit)
    return f"{DASH if ratio is None else significant(ratio)} {per_joule_unit(unit)}"


def _short(unit: str) -> str:
    return per_joule_unit(unit).removesuffix("/J")


def _some(labels: tuple[str, ...]) -> str:
    more = len(labels) - 3
    return ", ".join(map(clean, labels[:3])) + (f" and {more} more" if more > 0 else "")


class PlainLines:
    """A sink of the hub that prints how the run stands, once a period.

    Args:
        say: prints one line; may block.
        period_s: between two lines.
        now_s: the span of *now*.
    """

    def __init__(self, say: Callable[[str], None], *, period_s: float = 1.0, now_s: float = NOW_S) -> None:
        self._figures = LiveFigures(now_s)
        self._run = LiveRun(self._figures, now_s)
        self._labels: dict[int, str] = {}
        self._period_ns = round(period_s * NS)
        self._due_ns: int | None = None
        self._last_t: float | None = None
        self._idle_since: float | None = None
        """Since when idle power is being measured."""
        self._mouth = _Mouth(say)

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record; at the session's end nothing more is printed."""
        self._figures.take(record)
        self._run.take(record)
        if "device" in record:
            declared = record["device"]
            self._labels[declared["n"]] = f"{declared['collector']}:{declared.get('index', 0)}"
        if record.get("event") == "mark" and record.get("name") == IDLE_BASELINE:
            self._idle_since = float(record["t"]) if record.get("edge") == "begin" else None
        if record.get("event") == "end":
            self._mouth.close()

    def tick(self, now_ns: int) -> None:
        """Print a line if a period has passed and there is something new to tell."""
        if self._due_ns is not None and now_ns < self._due_ns:
            return
        standing = standing_or_none(self._figures)
        if standing is None or standing.t == self._last_t:
            return
        # The hub looks after its sinks a few times a second: counting from the deadline keeps the pace.
        late = self._due_ns is None or now_ns - self._due_ns > self._period_ns
        self._due_ns = (now_ns if late or self._due_ns is None else self._due_ns) + self._period_ns
        self._last_t = standing.t
        if self._idle_since is not None:
            self._mouth.say(idle_line(standing, self._idle_since))
            return
        run = self._run.so_far(standing, self._labels, compare=False)
        lacks = any(one.level == INSUFFICIENT and one.code != "no-work" for one in run.findings)
        self._mouth.say(plain_line(standing, quotable=not lacks))


class _Mouth:
    """Says the newest line on a thread of its own; a line that was not said yet gives way to the next."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._condition = threading.Condition()
        self._line: str | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def say(self, line: str) -> None:
        with self._condition:
            self._line = line
            self._condition.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="perfwatch-plain", daemon=True)
                self._thread.start()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or self._line is not None)
                line, self._line = self._line, None
                if self._closed or line is None:
                    return
            self._say(line)
