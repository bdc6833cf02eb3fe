"""Which process answered with this page: the one before, one that began anew, or another one?

A server's process tells when it began (`process_start_time_seconds`), or a Python client when each series did
(`..._created`). One that begins later than all before it is taken for the same server, restarted. One that
begins earlier is another: behind a balancer several answer for one address in turn, and each has a course of
its own. Where one comes back that was taken for ended, the one that seemed to follow it did not: it counted
before it was seen, and what was counted of that is taken back.

On a page with the series of several processes, those with the same labels of a process (`worker`, `replica`,
`engine`, `rank`...) are of one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perfwatch.workload.exposition import Page, number_of, remember, sorted_labels
from perfwatch.workload.quantities import STARTED
from perfwatch.workload.tally import Number

FIRST = b""
"""The process that was there first: its series keep their names."""
KNOWN = 16
"""So many processes are told apart; of more the one that was not seen for longest is forgotten."""
SERIES_KNOWN = 5_000
"""Of so many series it is known when they were created."""
CLOCKS_S = 1.0
"""Starts of processes are told in ticks since the boot, whose own time is known to a second."""
_MARK = b"\x00"
"""Around a number: no label begins with it."""
_LABEL = re.compile(rb'([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*")')
_OF_A_PROCESS = re.compile(
    rb"(?:.*_)?(?:pid|process|worker|instance|replica|engine|rank|node|host|hostname|pod|container|backend"
    rb"|shard)_?(?:id|index|name|address)?",
    re.IGNORECASE,
)
"""Labels whose values tell one process from another (vLLM's engines, SGLang's ranks, Ray's workers, a
gateway's backends); a model, a route or a reason does not."""

Row = Sequence[Number]
Began = Mapping[bytes, bytes]
"""When a process began, or each of its series did, as the page writes it."""


@dataclass
class _Process:
    mark: bytes
    began: dict[bytes, bytes]
    seen_at: int = 0
    after: bytes | None = None
    """Which one it was taken to have followed."""


@dataclass(frozen=True)
class Turn:
    """What a page says of the processes behind it.

    Args:
        restarted: those that began anew with this page.
        from_now: those that were seen first with this page, and had counted before.
        taken_back: those that were taken for restarted ones, and are not.
        forgotten: those that are known no more.
    """

    restarted: frozenset[bytes] = frozenset()
    from_now: frozenset[bytes] = frozenset()
    taken_back: frozenset[bytes] = frozenset()
    forgotten: frozenset[bytes] = frozenset()


SAME = Turn()


@dataclass
class _Group:
    """The series of one process, and of those that answered in its place."""

    known: list[_Process] = field(default_factory=list)
    now: bytes = FIRST


class Processes:
    """The processes behind the pages of one address."""

    def __init__(self) -> None:
        self._groups: dict[bytes, _Group] = {}
        self._whole_page = False
        self._raw: object = None
        self._pages = self._marks = 0
        self._group_of: dict[bytes, bytes] = {}
        self.first_wall_s = math.inf
        """When the first page was read, seconds since 1970."""
        self.several = 0
        """How many answered in turn; 0 where one alone did."""
        self.too_many = False
        """Whether more answered in turn than are told apart."""
        self._tells_starts = False

    def look(self, page: Page, series: Sequence[str], wall_s: float | None = None) -> Turn:
        """Who answered with a page.

        Args:
            series: the names under which the page has its counters.
            wall_s: now, seconds since 1970.
        """
        self._pages += 1
        if wall_s is not None:
            self.first_wall_s = min(self.first_wall_s, wall_s)
        started = page.texts(STARTED.series[0])
        if started:
            self._whole_page, self._tells_starts = len(started) == 1, True
        elif self._tells_starts:
            return SAME
        raw: object = started or [page.created(name) for name in series]
        if raw == self._raw:
            return SAME
        self._raw = raw
        told = _by_group(started, whole_page=self._whole_page) if started else self._created(page, series)
        turns = [self._turn(group, began) for group, began in told.items()]
        return Turn(
            frozenset().union(*(turn.restarted for turn in turns)),
            frozenset().union(*(turn.from_now for turn in turns)),
            frozenset().union(*(turn.taken_back for turn in turns)),
            frozenset().union(*(turn.forgotten for turn in turns)),
        )

    def all_named(self, rows: Mapping[bytes, Row]) -> Mapping[bytes, Row]:
        """The series by their processes as well, where there was more than one."""
        return {self.named(key): row for key, row in rows.items()} if self._marks else rows

    def named(self, key: bytes) -> bytes:
        """A series by its process and its labels."""
        if not self._marks:
            return key
        group = self._groups.get(b"" if self._whole_page else self.group(key))
        return group.now + key if group else key

    def group(self, key: bytes) -> bytes:
        """The labels of a series that tell its process from others."""
        found = self._group_of.get(key)
        if found is None:
            found = group_of(key)
            remember(self._group_of, key, found)
        return found

    def tells(self, key: bytes) -> bool:
        """Whether it is told when the process of a series began: a fall alone says nothing of it then."""
        return self._whole_page or self.group(key) in self._groups

    def _created(self, page: Page, series: Sequence[str]) -> dict[bytes, dict[bytes, bytes]]:
        lines = [
            (b"%s %s" % (name.encode(), labels), value)
            for name in series
            for labels, value in page.created_of(name)
        ]
        return _by_group(lines[:SERIES_KNOWN])

    def _turn(self, label: bytes, began: Began) -> Turn:
        group = self._groups.setdefault(label, _Group())
        if not group.known:
            group.known.append(_Process(FIRST, dict(began), self._pages))
            return SAME
        before = next(one for one in group.known if one.mark == group.now)
        found = next((one for one in (before, *group.known) if _is_same(one.began, began)), None)
        if found is None:
            return self._new(group, before, began)
        found.began.update(began)
        found.seen_at = self._pages
        if found is before:
            return SAME
        group.now = found.mark
        self.several = max(self.several, len(group.known))
        wrong = [one for one in group.known if one.after == found.mark and self._was_there(one)]
        for one in wrong:
            one.after = None
        return Turn(taken_back=frozenset(one.mark for one in wrong))

    def _was_there(self, process: _Process) -> bool:
        """Whether it may have counted before the first page was read."""
        times = [number_of(value) for value in process.began.values()]
        return not all(t is not None and t >= self.first_wall_s - CLOCKS_S for t in times)

    def _new(self, group: _Group, before: _Process, began: Began) -> Turn:
        self._marks += 1
        mark = b"%s%d%s" % (_MARK, self._marks, _MARK)
        later = all(_is_later(began, one.began) for one in group.known)
        new = _Process(mark, dict(began), self._pages, before.mark if later else None)
        group.known.append(new)
        group.now = mark
        forgotten = self._forget(group)
        if later:
            return Turn(restarted=frozenset({mark}), forgotten=forgotten)
        self.several = max(self.several, len(group.known))
        self.too_many |= bool(forgotten)
        return Turn(from_now=frozenset({mark}), forgotten=forgotten)

    def _forget(self, group: _Group) -> frozenset[bytes]:
        if len(group.known) <= KNOWN:
            return frozenset()
        oldest = min(group.known, key=lambda one: one.seen_at)
        group.known.remove(oldest)
        return frozenset({oldest.mark})


def process_of(key: bytes) -> bytes:
    """Which process a series is of, as `Processes.named` says it."""
    return key[: key.find(_MARK, 1) + 1] if key[:1] == _MARK else FIRST


def group_of(labels: bytes) -> bytes:
    """Those labels of a series that tell its process from others."""
    own = [(name, value) for name, value in _LABEL.findall(labels) if _OF_A_PROCESS.fullmatch(name)]
    return b",".join(b"%s=%s" % pair for pair in sorted(own))


def _by_group(
    lines: Sequence[tuple[bytes, bytes]], *, whole_page: bool = False
) -> dict[bytes, dict[bytes, bytes]]:
    found: dict[bytes, dict[bytes, bytes]] = {}
    for labels, value in lines:
        if number_of(value) is not None:
            group = b"" if whole_page else group_of(labels)
            found.setdefault(group, {})[b"" if whole_page else sorted_labels(labels)] = value
    return found


def _is_same(known: Began, told: Began) -> bool:
    """Whether any of what both tell is the same: a series alone can be made anew within a process."""
    shared = known.keys() & told.keys()
    return not shared or any(known[key] == told[key] for key in shared)


def _is_later(told: Began, known: Began) -> bool:
    """Whether what both tell began later."""
    return all(float(told[key]) > float(known[key]) for key in known.keys() & told.keys())
