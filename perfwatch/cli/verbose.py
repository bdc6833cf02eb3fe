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
        self._named: dict[int, str] = {}

    def write(self, record: Mapping[str, Any]) -> None:
        sentence = self._sentence(record)
        if sentence and self._is_news(record, sentence):
            self._say(f"perfwatch: {clean(sentence)}")

    def tick(self, now_ns: int) -> None:
        return None

    def _is_news(self, record: Mapping[str, Any], sentence: str) -> bool:
        """A device that declares its metrics anew is named once; one that was gone is named again."""
        if record.get("event") == "gone":
            self._named.pop(record["n"], None)
        if "device" not in record:
            return True
        before = self._named.get(record["device"]["n"])
        self._named[record["device"]["n"]] = sentence
        return before != sentence

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
