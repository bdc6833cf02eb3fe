"""Plain lines: what they say, how often, and that nobody waits for them."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

from perfwatch.clock import NS
from perfwatch.derive.spans import Span
from perfwatch.derive.standing import Figures, Standing
from perfwatch.exporters.plain_lines import PlainLines, plain_line
from perfwatch.metrics import ENERGY, QUERIES
from perfwatch.model import Device, DeviceKind, Scope
from perfwatch.session import format as fmt

NOW = Figures(Span(0.0, 12.0), 412.3, 4947.6, 1.0, {"generated_tokens": 23388.0})
STANDING = Standing(
    t=12.0,
    elapsed_s=12.0,
    now=NOW,
    run=replace(NOW, joules=5000.0),
    unit="generated_tokens",
    devices=("nvidia:0",),
    scope="accelerator",
    estimated=False,
    utilization=None,
    silent=(),
)
CHIP = Device("D", "Chip", DeviceKind.ACCELERATOR, metrics=(ENERGY,), scope=Scope.ACCELERATOR)
JOB = Device("W", "Job", DeviceKind.WORKLOAD, metrics=(QUERIES,), facts={"work": "page"})


def test_a_line_tells_time_power_pace_and_work_per_joule_now_and_in_the_run() -> None:
    assert plain_line(STANDING) == "00:12  412 W  1 949 tok/s  4.73 tok/J  run 4.68 tok/J"


def test_the_users_own_unit_keeps_its_name_and_loses_its_control_characters() -> None:
    unit = "chat\x1b[31m"
    own = replace(NOW, work={unit: 12.0})
    line = plain_line(replace(STANDING, unit=unit, now=own, run=own))
    assert "  1.00 chat/s  " in line
    assert "\x1b" not in line


def test_what_is_not_known_is_a_dash_or_said() -> None:
    blind = replace(NOW, watts=None, joules=None, coverage=0.0)
    line = plain_line(replace(STANDING, now=blind, run=blind, silent=tuple(f"nvidia:{n}" for n in range(5))))
    assert line == (
        "00:12  no power reading  1 949 tok/s  – tok/J  run – tok/J  "
        "no reading of nvidia:0, nvidia:1, nvidia:2 and 2 more"
    )


def test_a_scope_other_than_accelerators_and_an_estimate_are_named() -> None:
    idle = replace(STANDING, unit=None, elapsed_s=3723.0)
    assert plain_line(replace(idle, scope="components", utilization=0.5)) == (
        "1:02:03  412 W components  50 % busy"
    )
    assert plain_line(replace(idle, scope="components", estimated=True)) == "1:02:03  412 W estimated"


class Listener:
    """Takes lines from the thread that says them."""

    def __init__(self) -> None:
        self.lines: queue.Queue[str] = queue.Queue()

    def next(self) -> str:
        return self.lines.get(timeout=20.0)


def feed(plain: PlainLines, t: float) -> None:
    """One second of a run: 100 J a second, 48 queries a second."""
    plain.write(fmt.batch(t, "any", 0.0, [[0, t, [100.0 * t]], [1, t, [int(48 * t)]]]))


def begin(plain: PlainLines) -> None:
    plain.write(
        fmt.header(session_id="s", monotonic_ns=0, time_ns=0, host="h", perfwatch="0", interval_s=1.0)
    )
    plain.write({"t": 0.0, "device": fmt.encode_device(0, "chip", CHIP)})
    plain.write({"t": 0.0, "device": fmt.encode_device(1, "page", JOB)})


def test_one_line_is_printed_a_period() -> None:
    listener = Listener()
    plain = PlainLines(listener.lines.put, period_s=2.0)
    begin(plain)
    said = []
    for quarter in range(41):
        t = quarter / 4
        feed(plain, t)
        plain.tick(round(t * NS))
        if quarter in (1, 9, 17, 25, 33):
            said.append(listener.next())
    plain.write(fmt.event(10.25, "end", {}))
    assert [line[:5] for line in said] == ["00:00", "00:02", "00:04", "00:06", "00:08"]
    # A ratio that rests on a quarter of a second is not told.
    assert said[0] == "00:00  100 W  48.0 queries/s  – queries/J  run – queries/J"
    assert said[-1] == "00:08  100 W  48.0 queries/s  0.480 queries/J  run 0.480 queries/J"
    assert listener.lines.empty()


def test_while_idle_power_is_measured_nothing_is_told_of_a_run() -> None:
    listener = Listener()
    plain = PlainLines(listener.lines.put, period_s=1.0)
    begin(plain)
    mark = {"name": "idle_baseline", "origin": "perfwatch"}
    for second in range(4):
        feed(plain, float(second))
        if second == 1:
            plain.write(fmt.event(1.0, "mark", {**mark, "edge": "begin"}))
        plain.tick(second * NS)
    while "idle baseline" not in (line := listener.next()):
        pass
    assert "queries" not in line
    plain.write(fmt.event(4.0, "mark", {**mark, "edge": "end"}))
    plain.write(fmt.event(4.0, "job", {"what": "begin"}))
    for second in range(4, 8):
        feed(plain, float(second))
        plain.tick(second * NS)
    while "queries/J" not in (line := listener.next()):
        pass
    assert "idle" not in line
    plain.write(fmt.event(8.0, "end", {}))


def test_nothing_is_printed_before_there_is_something_to_tell_or_twice() -> None:
    listener = Listener()
    plain = PlainLines(listener.lines.put, period_s=1.0)
    begin(plain)
    for second in range(5):
        plain.tick(second * NS)
    feed(plain, 0.0)
    feed(plain, 5.0)
    for second in range(5, 10):
        plain.tick(second * NS)
    assert listener.next().startswith("00:05")
    plain.write(fmt.event(10.0, "end", {}))
    assert listener.lines.empty()


def test_a_terminal_that_stands_still_holds_nobody_up_and_gets_the_newest_line_afterwards() -> None:
    stopped, goes_on, listener = threading.Event(), threading.Event(), Listener()

    def say(line: str) -> None:
        stopped.set()
        assert goes_on.wait(20.0)
        listener.lines.put(line)

    plain = PlainLines(say, period_s=1.0)
    begin(plain)
    feed(plain, 0.0)
    for second in range(1, 60):
        feed(plain, float(second))
        plain.tick(second * NS)
        if second == 1:
            assert stopped.wait(20.0)
    goes_on.set()
    assert [listener.next()[:5], listener.next()[:5]] == ["00:01", "00:59"]
    plain.write(fmt.event(60.0, "end", {}))
