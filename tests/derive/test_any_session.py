"""Does a summary come of whatever a session file holds? Recorded sessions, damaged at random by seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from derive.build import Session, every, histogram, steps

from perfwatch.derive.summary import summarise
from perfwatch.derive.tape import Tape
from perfwatch.errors import PerfwatchError
from perfwatch.exporters.summary_text import render
from perfwatch.metrics import LATENCY, QUERIES

CASES = 200
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    3,
    0.5,
    1e-320,
    1e308,
    -1e308,
    10**30,
    10**400,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    "text",
    "counter",
    "gauge",
    "histogram",
    "accelerator",
    "workload",
    "end",
    [],
    [1],
    [[0, 1.0, [1.0]]],
    {},
    {"a": 1},
)
"""What a damaged or foreign file may say where something else is expected."""

Line = dict[str, Any]


def recorded() -> tuple[Line, list[Line]]:
    """Header and records of a run with everything in it, as they come from the file."""
    session = Session(
        command=["job"],
        tags={"model": "x"},
        settings={"warmup_s": 1.0, "units": {"chats": {"queries": 6}}, "price_per_kwh": 0.2},
        conditions={"os": "Linux", "versions": {"python": "3.11"}},
    )
    session.board(every(1.0, 0.0, 30.0), power_limit_watts=300.0)
    session.board(every(0.5, 0.0, 30.0), counter=False)
    session.busy_board(every(1.0, 0.0, 30.0), lambda t: 0.5, lambda t: 4 if 5 < t < 9 else 0)
    session.package(every(1.0, 0.0, 30.0))
    session.workload(
        "statsd",
        [QUERIES, LATENCY],
        [(t, (count, histogram(0.1, 0.2))) for t, count in steps(2.0, 28.0, 600, 40)],
    )
    session.counter(steps(3.0, 28.0, 590, 20), work="page")
    session.job(1.0, 29.0)
    session.mark("measure", 3.0, 27.0)
    session.mark("warm", 1.0, 3.0)
    session.mark("idle_baseline", 0.0, 1.0, origin="perfwatch")
    session.event(12.0, "status", collector="nvidia", state="failed", reason="RuntimeError: lost")
    session.event(13.0, "gone", n=1)
    session.event(14.0, "lost", source="statsd", datagrams=3)
    session.event(15.0, "missing", reason="the disk is full", records=3, lost=1)
    session.event(16.0, "clock", time_ns=1_700_000_016_000_000_000)
    session.event(17.0, "late_source", collector="rapl")
    session.event(18.0, "note", code="gap", text="The run was stopped.")
    session.event(0.5, "observer", cpu_s=0.1, rss_bytes=1000, samples=3, late_samples=0, missed_ticks=0)
    session.event(29.5, "observer", cpu_s=0.4, rss_bytes=2000, samples=90, late_samples=2, missed_ticks=1)
    session.event(29.6, "left_behind", processes=[[12, "server"]])
    session.event(29.7, "devices", used=[0, 1], because="the job's processes were seen on them")
    session.records.sort(key=lambda record: record["t"])
    for index in range(10):
        rows = [[4711 + index, 100 * index]]
        session.records.append(
            {
                "t": float(index),
                "table": "processes",
                "columns": ["pid", "memory_bytes"],
                "rows": rows,
                "n": 0,
            }
        )
    return json.loads(json.dumps(session.header)), json.loads(json.dumps(session.records))


HEADER, RECORDS = recorded()


def places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Every place in a record: its container and the key or index there."""
    if depth > 6 or not isinstance(value, (dict, list)):
        return
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        yield from places(value[key], depth + 1)


def drop(rng: random.Random, lines: list[Line]) -> None:
    first = rng.randrange(len(lines))
    del lines[first : first + rng.choice((1, 1, 5, 50))]


def repeat(rng: random.Random, lines: list[Line]) -> None:
    lines.insert(rng.randrange(len(lines)), copy.deepcopy(rng.choice(lines)))


def move(rng: random.Random, lines: list[Line]) -> None:
    lines.insert(rng.randrange(len(lines)), lines.pop(rng.randrange(len(lines))))


def shuffle(rng: random.Random, lines: list[Line]) -> None:
    first = rng.randrange(len(lines))
    part = lines[first : first + 40]
    rng.shuffle(part)
    lines[first : first + 40] = part


def spoil(rng: random.Random, lines: list[Line]) -> None:
    """Put something odd in one place of one record, or take it out."""
    telling = [line for line in lines if "s" not in line]
    line = rng.choice(telling if telling and rng.random() < 0.6 else lines)
    container, key = rng.choice(list(places(line)))
    if rng.random() < 0.15:
        del container[key]
    else:
        container[key] = copy.deepcopy(rng.choice(ODD))


def redeclare(rng: random.Random, lines: list[Line]) -> None:
    """Let a device tell other things from some point on."""
    declared = [line for line in lines if "device" in line]
    if not declared:
        return
    line = copy.deepcopy(rng.choice(declared))
    container, key = rng.choice(list(places(line)))
    container[key] = copy.deepcopy(rng.choice(ODD))
    lines.insert(rng.randrange(len(lines)), line)


DAMAGES: tuple[Callable[[random.Random, list[Line]], None], ...] = (
    drop,
    repeat,
    move,
    shuffle,
    spoil,
    spoil,
    spoil,
    redeclare,
)


def damaged(seed: int) -> tuple[Line, list[Line]]:
    rng = random.Random(seed)
    header, lines = copy.deepcopy(HEADER), copy.deepcopy(RECORDS)
    for _ in range(rng.choice((1, 2, 5, 20))):
        rng.choice(DAMAGES)(rng, lines)
        if len(lines) < 2:
            break
    if rng.random() < 0.2:
        container, key = rng.choice(list(places(header)))
        container[key] = copy.deepcopy(rng.choice(ODD))
    return header, lines


def summary_of(seed: int) -> Line | None:
    """The summary of a damaged session; None where it says in words why there is none."""
    header, lines = damaged(seed)
    try:
        return summarise(Tape.of(header, lines))
    except PerfwatchError:
        return None


@pytest.mark.parametrize("seed", range(CASES))
def test_whatever_a_session_holds_a_summary_comes_of_it(seed: int) -> None:
    summary = summary_of(seed)
    assert summary is None or json.loads(json.dumps(summary, allow_nan=False))["session"]
    assert summary is None or render(summary, width=80).startswith("perfwatch: ")


def test_the_damages_leave_most_sessions_with_something_to_tell() -> None:
    told = [summary for seed in range(40) if (summary := summary_of(seed)) is not None]
    assert sum(summary["energy"]["joules"] is not None for summary in told) > 20
