"""How far did a family of cumulative series move, whichever of them restarted, left or came back?

A family's series (one a replica, an engine, a reason) are added. Each is followed by itself: one that began
anew adds what it is from then on, one that is missing stands still (measurement: common rules of live
counters). Where any began anew the sum begins anew too, with what was counted since the page before, so that
the recording shows the restart and the count has its error; where that would not look like a fall, `first` is
to be told before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import lt

from perfwatch.workload.processes import FIRST, process_of
from perfwatch.workload.tally import Number

Row = Sequence[Number]
"""What one series tells: a counter's value alone, or a histogram's counts and its sum."""
Totals = tuple[Number, ...]

NONE: frozenset[bytes] = frozenset()
KEPT = 50_000
"""So many series are followed; beyond, those that left are taken for gone, so that labels which change with
every request fill no memory."""
KEPT_BYTES = 32 * 2**20
"""The same for the length of their labels, all together."""


class Growing:
    """The sum of the series of one family, column by column."""

    def __init__(self) -> None:
        self._last: dict[bytes, Totals] = {}
        self._carried: list[Number] = []
        self._told: Totals = ()
        """The sum as it was told last."""
        self._first_of: dict[bytes, Totals] = {}
        """What was counted of a process at its first page, while it was taken for a restarted one."""
        self.falls = 0
        """At how many pages some of it had begun anew."""
        self.in_part = 0
        """At how many of these something else went on."""
        self.began_anew = False
        """Whether some of it has with the newest page."""
        self.first: Totals | None = None
        """What is to be told as of the page before, so that the newest total says that it began anew."""

    @property
    def seen(self) -> bool:
        """Whether any series was ever there."""
        return bool(self._told)

    @property
    def series(self) -> Iterable[bytes]:
        """The series that are followed."""
        return self._last.keys()

    def fell(self, rows: Mapping[bytes, Row]) -> list[bytes]:
        """The series that are below what they were: they began anew."""
        last = self._last
        return [key for key, row in rows.items() if key in last and _fell(last[key], row)]

    def stood(self, rows: Mapping[bytes, Row]) -> dict[bytes, tuple[Number, Number]]:
        """What each series counted at its last page, and what it counts now."""
        return {key: (self._last[key][0], row[0]) for key, row in rows.items() if key in self._last}

    def take(
        self,
        rows: Mapping[bytes, Row],
        *,
        anew: Collection[bytes] | None = None,
        from_now: Collection[bytes] = NONE,
        taken_back: Collection[bytes] = NONE,
        forgotten: Collection[bytes] = NONE,
        restarted: bool = False,
        shown: bool = False,
    ) -> Totals:
        """The total after another page that holds these series (at least one, all of one length).

        Args:
            anew: those that began anew; those that fell by default.
            from_now: processes that counted before they were seen first: that is none of ours.
            taken_back: processes that were taken for restarted ones and are not.
            forgotten: processes that will not be seen again.
            restarted: something that belongs to this began anew.
            shown: the total is to begin anew from zero, however low it is.
        """
        fell = set(self.fell(rows) if anew is None else anew) & self._last.keys()
        width = len(next(iter(rows.values())))
        if len(self._carried) != width:
            self._last, self._carried = {}, [0] * width
        self.falls += bool(fell)
        self.in_part += bool(fell) and any(any(row) for key, row in self._last.items() if key not in fell)
        for key in fell:
            self._carry(key)
        came = self._processes_that_came(rows)
        self._take_new(came, from_now)
        self._last.update({key: tuple(row) for key, row in rows.items()})
        self._forget(rows, forgotten)
        anew_now = restarted or bool(fell) or any(one not in from_now for one in came)
        self.began_anew = anew_now and bool(self._told)
        return self._tell(self._debt(taken_back), shown=shown)

    def narrow(self, columns: Sequence[int]) -> None:
        """Go on with these columns alone."""
        self._last = {key: tuple(row[at] for at in columns) for key, row in self._last.items()}
        self._carried = [self._carried[at] for at in columns]
        self._told = tuple(self._told[at] for at in columns)
        self._first_of = {key: tuple(row[at] for at in columns) for key, row in self._first_of.items()}

    def _processes_that_came(self, rows: Mapping[bytes, Row]) -> dict[bytes, Totals]:
        """Those with series here for the first time, and what their series add up to."""
        new = rows.keys() - self._last.keys()
        came = {process_of(key) for key in new} - self._first_of.keys() - {FIRST} if new else set()
        return {one: _sum([rows[key] for key in new if process_of(key) == one]) for one in came}

    def _take_new(self, came: Mapping[bytes, Totals], from_now: Collection[bytes]) -> None:
        for one, first in came.items():
            if one in from_now:
                self._carried = [carried - value for carried, value in zip(self._carried, first, strict=True)]
            self._first_of[one] = tuple(0 for _ in first) if one in from_now else first

    def _debt(self, taken_back: Collection[bytes]) -> Totals | None:
        """What was counted of these at their first page; None if nothing was."""
        firsts = [self._first_of[one] for one in taken_back if any(self._first_of.get(one, ()))]
        for one in taken_back:
            self._first_of[one] = tuple(0 for _ in self._carried)
        return _sum(firsts) if firsts else None

    def _tell(self, debt: Totals | None, *, shown: bool) -> Totals:
        total, before = self._total(), self._told
        self.first = None
        # What is below zero owes something still: no fall from there can say less than it takes back.
        if debt is not None or (self.began_anew and (shown or before[0] >= 0)):
            owed = debt or tuple(0 for _ in total)
            self._carried = [
                carried - old - back for carried, old, back in zip(self._carried, before, owed, strict=True)
            ]
            total = self._total()
            if debt is not None or shown or total[0] >= before[0]:
                self.first = tuple(-back for back in owed)
        self._told = total
        return total

    def _carry(self, key: bytes) -> None:
        row = self._last.pop(key)
        self._carried = [carried + value for carried, value in zip(self._carried, row, strict=True)]

    def _forget(self, rows: Mapping[bytes, Row], processes: Collection[bytes]) -> None:
        gone: list[bytes] = []
        if len(self._last) > KEPT or sum(map(len, self._last)) > KEPT_BYTES:
            gone = [key for key in self._last if key not in rows]
        elif processes:
            gone = [key for key in self._last if key not in rows and process_of(key) in processes]
        for key in gone:
            self._carry(key)
        for one in processes:
            self._first_of.pop(one, None)

    def _total(self) -> Totals:
        return _sum([self._carried, *self._last.values()])


def _sum(rows: Sequence[Row]) -> Totals:
    return tuple(map(sum, zip(*rows, strict=True)))


def _fell(before: Row, now: Row) -> bool:
    return any(map(lt, now, before))  # of one length: `take` sees to that
