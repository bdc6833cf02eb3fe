"""What must be said while a run goes on: a source that finds nothing, a collector that failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perfwatch.text import clean


class Notes:
    """A sink that says what a person can still mend, once each.

    Args:
        say: prints one line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[str] = set()

    def write(self, record: Mapping[str, Any]) -> None:
        sentence = _sentence(record)
        if sentence and sentence not in self._said:
            self._said.add(sentence)
            self._say(f"perfwatch: {clean(sentence)}")

    def tick(self, now_ns: int) -> None:
        return None


def _sentence(record: Mapping[str, Any]) -> str:
    event = record.get("event")
    if event == "note":
        return str(record.get("text", ""))
    if event == "status" and record.get("state") == "failed":
        return f"collector {record['collector']} failed: {record.get('reason', '')}; the others go on"
    return ""
