"""What do the screens show at a second of the recorded demo? For snapshots, and for the pictures in docs.

The recording is `perfwatch demo --price 0.30/kWh --currency EUR`, kept, so that a change of the story does
not change what is compared.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from perfwatch.frame import BinsWanted, Frame
from perfwatch.scene import Scene
from perfwatch.session.reader import open_session
from perfwatch.tui import screens
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import Row
from perfwatch.tui.view import View

DATA = Path(__file__).resolve().parent.parent / "data" / "tui"
RECORDING = DATA / "demo.jsonl.zst"
MIXED = DATA / "mixed.jsonl.zst"
"""One minute of the machine of tests/machine/mixed.py, as its main program sets it up."""
MIXED_S = 60.0
OUTPUT = DATA / "output.jsonl"
"""What the simulated benchmark printed, and when, seconds of its story."""
MOMENT_S = {"devices": 43.0, "hosts": 43.0}
"""Seconds of the session at which a screen is shown: here a device is lost."""
OTHERWISE_S = 53.0
"""By now a device was throttled, another one was lost, and a third one has a neighbour."""
SECOND_HOST_FROM = 4
"""On the screen of hosts, devices from this number on are said to be those of another machine."""


def moment_s(screen: str) -> float:
    """The second of the session at which a screen is shown."""
    return MOMENT_S.get(screen, OTHERWISE_S)


def drawn(view: View, size: tuple[int, int]) -> tuple[Frame, list[Row]]:
    """The frame of a screen's moment, and the screen, its charts filled."""
    t = moment_s(view.screen)
    scene, book = _scene(t, two_hosts=view.screen == "hosts"), Book()
    screens.draw(_frame(scene, t), view, size, book)
    frame = _frame(scene, t, book.wanted())
    book.learn(frame.bins)
    return frame, screens.draw(frame, view, size, book)


def mixed(size: tuple[int, int]) -> tuple[Frame, list[Row]]:
    """The same of the devices of a machine of many makers."""
    session, scene = open_session(str(MIXED)), Scene()
    scene.write(session.header)
    for record in session.records():
        if record["t"] <= MIXED_S:
            scene.write(record)
    view, book = View("devices"), Book()
    screens.draw(scene.frame(MIXED_S), view, size, book)
    frame = scene.frame(MIXED_S, book.wanted())
    book.learn(frame.bins)
    return frame, screens.draw(frame, view, size, book)


def _frame(scene: Scene, t: float, wanted: tuple[BinsWanted, ...] = ()) -> Frame:
    lines = [line for line in _read(OUTPUT) if line["t"] <= t]
    return replace(scene.frame(t, wanted), output=tuple(line["text"] for line in lines))


@lru_cache(maxsize=4)
def _scene(t: float, *, two_hosts: bool) -> Scene:
    """A scene that took everything up to a second."""
    session, scene = open_session(str(RECORDING)), Scene()
    scene.write(session.header)
    records = list(session.records())
    used = next(record for record in records if record.get("event") == "devices")
    for record in records:
        if record["t"] <= t:
            scene.write(_moved(record) if two_hosts else record)
        if record.get("event") == "job" and record.get("what") == "begin":
            scene.write({**used, "t": record["t"]})  # a run of today tells it as soon as it is known
    return scene


def _moved(record: dict[str, Any]) -> dict[str, Any]:
    """The record, its device put on another machine."""
    device = record.get("device")
    if device is None or not isinstance(device["index"], int) or device["index"] < SECOND_HOST_FROM:
        return record
    return {**record, "device": {**device, "host": "node-2"}}


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
