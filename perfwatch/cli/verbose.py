"""`-v`: says what each collector finds and how it does, as it happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perfwatch.text import clean


class Verbose:
    """A sink that turns devices, states and notes into lines.

    Args:
        say: prints one line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def write(self, record: Mapping[str, Any]) -> None:
        sentence = self._sentence(record)
        if sentence:
            self._say(f"perfwatch: {clean(sentence)}")

    def tick(self, now_ns: int) -> None:
        return None

    def _sentence(self, record: Mapping[str, Any]) -> str:
        if "device" in record:
            device = record["device"]
            return f"{device['collector']}:{device['index']} is {device['name']} ({device['id']})"
        event = record.get("event")
        if event == "status":
            who = record.get("device_id") or record["collector"]
            reason = record.get("reason")
            return f"{who} is {record['state']}" + (f": {reason}" if reason else "")
        if event == "mark":
            return f"mark {record['name']} {record['edge']} at {record['t']:.3f} s"
        if event in ("note", "late_source", "gone", "lost"):
            rest = ", ".join(f"{key} {value}" for key, value in record.items() if key not in ("t", "event"))
            return f"{event}: {rest}"
        return ""
