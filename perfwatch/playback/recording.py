"""The records of a session, packed in memory and found by time, also while its file still grows.

A day of eight boards is 130 MB of text and packs into a tenth of it. Blocks of lines are decoded when
somebody comes through them, so that opening a recording costs little more than to read it.
"""

from __future__ import annotations

import math
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from perfwatch.playback.moments import Moment, moment_of
from perfwatch.playback.packing import packed, unpacked
from perfwatch.playback.sound import sound_header, sound_record
from perfwatch.session.format import Record
from perfwatch.session.reader import decoder

BLOCK_BYTES = 1 << 18
"""So much text is packed together; to decode it takes some milliseconds."""
_TIME = re.compile(rb'^\{"t":(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)[,}]', re.MULTILINE)
"""How our writer begins a record."""
_SIMULATED = b'"simulated"'
_EVENT, _SAMPLES, _TABLE = b'"event":', b'"s":[', b'"table":'
_PASSING = (b'"event":"observer"', b'"event":"clock"')
"""Events of which the newest alone says something."""
_LONGEST_S = 1e10
"""No clock shows more."""
_TOGETHER_S = 0.05
"""What is read within so little time is read together."""
_SAME_S = 1e-6


class Place(NamedTuple):
    """Before which record somebody stands: the number of its block, and of the record in it."""

    block: int = 0
    record: int = 0


class Recording:
    """Takes lines as they are read, on any thread; gives records by place, and places by time.

    Records stand in the order in which the hub took them, which is not quite that of their times: whoever
    goes to a time takes all records up to the first one that is later.

    Args:
        header: the session's first line.
    """

    def __init__(self, header: Record) -> None:
        self.header = sound_header(header)
        self.end_t = 0.0
        """The latest time so far, seconds of the session."""
        self.is_whole = False
        """Whether nothing comes any more."""
        self.is_up_to_date = threading.Event()
        """Set once all was read that there was at first."""
        self._few: list[tuple[int, bytes]] = []
        """Records that are no samples nor tables, with their blocks: they are few, and matter long."""
        self.moments: list[Moment] = []
        """What one may want to go to, in the order of the records."""
        self.is_simulated = False
        """Whether a device of it is."""
        self._packed: list[bytes] = []
        self._until: list[float] = []
        """The latest time in each block and in all before it."""
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._decode: Callable[[bytes], Any] = decoder()
        self._lock = threading.Lock()

    def add(self, lines: Iterable[bytes]) -> None:
        """Take further lines."""
        with self._lock:
            new: list[bytes] = []
            for line in lines:
                new.append(line)
                self._open_bytes += len(line)
                if self._open_bytes >= BLOCK_BYTES:
                    self._note(new)
                    self._open += new
                    self._pack()
                    new = []
            self._note(new)
            self._open += new

    def _note(self, lines: Sequence[bytes]) -> None:
        """Up to when these lines go, and what one may want to go to."""
        if not lines:
            return
        self.end_t = max([self.end_t, *self._times(lines)])
        for line in lines:
            if (
                _SAMPLES in line
                or _TABLE in line
                or (_EVENT in line and any(word in line for word in _PASSING))
            ):
                continue
            self._few.append((len(self._packed), line))
            self.is_simulated = self.is_simulated or (_SIMULATED in line and self._is_simulated(line))
            found = moment_of(self._decoded([line])[0]) if _EVENT in line else None
            if found is not None:
                self.moments.append(found)

    def _is_simulated(self, line: bytes) -> bool:
        device = self._decoded([line])[0].get("device")
        return isinstance(device, dict) and device.get("collector") == "simulated"

    def _pack(self) -> None:
        self._packed.append(packed(b"\n".join(self._open)))
        self._until.append(self.end_t)
        self._open, self._open_bytes = [], 0

    def _times(self, lines: Sequence[bytes]) -> list[float]:
        """The times of these lines, read off where our writer puts them; lines of others are decoded."""
        found = [float(told) for told in _TIME.findall(b"\n".join(lines))]
        if len(found) != len(lines):
            told = (record.get("t") for record in self._decoded(lines))
            found = [float(t) for t in told if isinstance(t, (int, float))]
        return [t for t in found if abs(t) <= _LONGEST_S]

    @property
    def blocks(self) -> int:
        """How many blocks there are, the one that is being filled included."""
        return len(self._packed) + 1

    def block_at(self, t: float) -> int:
        """The first block that has a record later than this; the last one if none has."""
        return bisect_right(self._until, t)

    def records(self, block: int) -> Sequence[Record]:
        """What a block holds; of the one that is being filled what is there so far. Empty for no record."""
        with self._lock:
            there = self._packed[block] if block < len(self._packed) else None
            lines = list(self._open) if there is None else []
        return self._decoded(lines if there is None else unpacked(there).split(b"\n"))

    def between(self, start: Place, end: Place) -> Iterator[Record]:
        """The records from one place up to another."""
        for block in range(start.block, end.block + 1):
            first = start.record if block == start.block else 0
            yield from self.records(block)[first : end.record if block == end.block else None]

    def few_before(self, block: int) -> list[Record]:
        """What devices there are and what happened, in the records before a block; no samples, no tables."""
        return self._decoded(line for of_block, line in list(self._few) if of_block < block)

    def tick_beside(self, t: float, steps: int) -> float:
        """The next time behind `t` at which something had been read, or with -1 the one before; and so on.

        What is read together, as at one tick of several collectors, is one time: that of the last.
        """
        block = self.block_at(t)
        while True:
            near = range(max(0, block - 1), min(block + 2, self.blocks))
            ticks = _ends(
                sorted(told_at(one, 0.0) for each in near for one in self.records(each) if "s" in one)
            )
            place = bisect_right(ticks, t + _SAME_S) if steps > 0 else bisect_left(ticks, t - _SAME_S) - 1
            if 0 <= place < len(ticks):
                return ticks[place]
            block += 1 if steps > 0 else -1
            if not 0 <= block < self.blocks:
                return self.end_t if steps > 0 else 0.0

    def _decoded(self, lines: Iterable[bytes]) -> list[Record]:
        found = []
        for line in lines:
            try:
                record = self._decode(line)
            except (ValueError, RecursionError):
                record = None
            found.append((sound_record(record) if isinstance(record, dict) else None) or {})
        return found


def told_at(record: Record, otherwise: float) -> float:
    """When somebody who looked on knew of a record: what a poll gave, at its end."""
    t, took = record.get("t"), record.get("took")
    if not isinstance(t, (int, float)):
        return otherwise
    return float(t) + (float(took) if isinstance(took, (int, float)) else 0.0)


def _ends(times: Sequence[float]) -> list[float]:
    """The last of each group of times that are close together."""
    return [t for t, after in zip(times, [*times[1:], math.inf], strict=True) if after - t > _TOGETHER_S]
