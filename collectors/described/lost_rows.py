"""Lines that look like devices and could not be read: what is said of them, by `check` and in a run, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfwatch.model import Event
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description
    from perfwatch_collectors.described.formats import Passed

MOST_SAID = 3


def said_of(passed: Sequence[Passed], of: Description) -> Iterator[str]:
    """Each of the first of them, as a sentence."""
    widths = (
        "columns with blank cells need widths" if of.read.format == "table" and not of.read.widths else ""
    )
    cures = [cure for cure in (widths, 'a line that is no device is named in no_device ("Total *")') if cure]
    for one in passed[:MOST_SAID]:
        cure = f"; {', and '.join(cures)}, in [read]" if one.is_lost else ""
        yield f"{clean(one.line, 80)!r} is passed over: {one.why}{cure}"
    if len(passed) > MOST_SAID:
        yield f"{len(passed) - MOST_SAID} more lines are passed over"


class LostRows:
    """Says once in a run that devices may be missing."""

    def __init__(self, of: Description) -> None:
        self._of = of
        self._is_said = False
        self._passed: Sequence[Passed] = ()

    @property
    def passed(self) -> Sequence[Passed]:
        """The lines."""
        return self._passed

    def take(self, passed: Sequence[Passed]) -> None:
        """What was passed over in a reading."""
        self._passed = self._passed or passed

    def notes(self) -> Iterator[Event]:
        """The sentence, where there is one to say."""
        if self._passed and not self._is_said:
            self._is_said = True
            said = next(said_of(self._passed, self._of))
            text = f"{self._of.name} lacks what {len(self._passed)} lines of its output tell: {said}"
            yield Event("note", {"source": self._of.name, "code": "stale-device", "text": text})
