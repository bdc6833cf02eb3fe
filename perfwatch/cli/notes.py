"""What must be said while a run goes on: a source that finds nothing, a collector that failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perfwatch.derive.asked import asked_for, with_remedy
from perfwatch.text import clean


class Notes:
    """A sink that says what a person can still mend, once each.

    Args:
        say: prints one line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[str] = set()
        self._asked: tuple[str, ...] = ()
        self._silent: set[str] = set()

    def write(self, record: Mapping[str, Any]) -> None:
        if "format" in record:
            self._asked = asked_for(record)
            return
        sentence = _sentence(record) or self._silence(record)
        if sentence and sentence not in self._said:
            self._said.add(sentence)
            self._say(f"perfwatch: {clean(sentence)}")

    def tick(self, now_ns: int) -> None:
        return None

    def _silence(self, record: Mapping[str, Any]) -> str:
        """A collector that was asked for, and does not find what it reads; once, until it does."""
        collector = str(record.get("collector"))
        if record.get("event") != "status" or record.get("device_id") or collector not in self._asked:
            return ""
        if record.get("state") == "ok":
            self._silent.discard(collector)
        elif record.get("state") in ("absent", "retrying") and collector not in self._silent:
            self._silent.add(collector)
            return f"{collector} tells nothing: {with_remedy(record)}"
        return ""


def _sentence(record: Mapping[str, Any]) -> str:
    event = record.get("event")
    if event == "note":
        return str(record.get("text", ""))
    if event == "status" and record.get("state") == "failed":
        return f"collector {record['collector']} failed: {record.get('reason', '')}; the others go on"
    return ""
