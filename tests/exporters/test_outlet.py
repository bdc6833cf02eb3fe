"""The outlet: everything arrives in order, a slow reader is told what it missed, nobody waits for it."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from perfwatch.exporters.outlet import Outlet
from perfwatch.session import format as fmt

TEXT = "x" * 2000
"""So long that a pipe is full after some thirty of them."""


def batch(t: float) -> fmt.Record:
    return fmt.batch(t, TEXT, 0.0, [[0, t, [1.0, 2.0, 3.0]]])


def read_all(fd: int) -> list[dict[str, Any]]:
    with os.fdopen(fd, "rb") as stream:
        return [json.loads(line) for line in stream]


def test_records_arrive_whole_and_in_order() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    came: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: came.extend(read_all(reading)))
    reader.start()
    for t in range(500):
        outlet.write(batch(float(t)))
    outlet.close(20.0)
    reader.join(20.0)
    assert [record["t"] for record in came] == [float(t) for t in range(500)]


def test_a_reader_that_is_too_slow_is_told_how_much_it_missed() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing, most_waiting=400)
    for t in range(1000):  # nobody reads: a pipe takes 64 KiB, the queue a hundred batches
        outlet.write(batch(float(t)))
    outlet.write(fmt.event(1000.0, "mark", {"name": "x"}))
    came: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: came.extend(read_all(reading)))
    reader.start()
    outlet.close(20.0)
    reader.join(20.0)
    batches = [record for record in came if "s" in record]
    (missing,) = [record for record in came if record.get("event") == "missing"]
    assert missing["records"] == 1000 - len(batches)
    assert 0 < len(batches) < 1000
    assert came[-1]["event"] == "mark"


def test_a_reader_that_is_gone_closes_the_outlet() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    os.close(reading)
    outlet.write(batch(0.0))
    assert outlet.closed.wait(20.0)
    assert outlet.trouble == "Broken pipe"
    outlet.write(batch(1.0))
    outlet.close()
