"""How far did a family of cumulative series move, whichever of them restarted, left or came back?

A family's series (one a replica, an engine, a reason) are added. Their plain sum would fall when one replica
restarts, and a sum that falls reads as if everything had begun anew. So each series is followed by itself:
one that falls adds what it is from then on, one that is missing stands still. Only where every series began
anew does the sum fall as well, so that the recording shows the restart (measurement: common rules of live
counters).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from perfwatch.workload.tally import Number

Row = Sequence[Number]
"""What one series tells: a counter's value alone, or a histogram's counts and its sum."""

KEPT = 50_000
"""So many series are followed; beyond, those that left are taken for gone, so that labels which change with
every request fill no memory."""
KEPT_BYTES = 32 * 2**20
"""The same for the length of their labels, all together."""


class Growing:
    """The sum of the series of one family, column by column."""

    def __init__(self) -> None:
        self._last: dict[bytes, tuple[Number, ...]] = {}
        self._carried: list[Number] = []
        self.falls = 0
        """At how many pages some of it had begun anew."""
        self.hidden = 0
        """At how many of these the sum does not show it."""

    @property
    def seen(self) -> bool:
        """Whether any series was ever there."""
        return bool(self._last)

    @property
    def series(self) -> Iterable[bytes]:
        """The series that are followed."""
        return self._last.keys()

    def take(self, rows: Mapping[bytes, Row], *, restarted: bool = False) -> tuple[Number, ...]:
        """The total after another page that holds these series (at least one, all of one length).

        Args:
            restarted: the page says that its process began anew, whatever the values are.
        """
        width = len(next(iter(rows.values())))
        if len(self._carried) != width:
            self._last, self._carried = {}, [0] * width
        fell = [key for key, row in rows.items() if key in self._last and _fell(self._last[key], row)]
        self.falls += bool(fell) or restarted
        if restarted or self._all_began_anew(fell):
            self.hidden += self._hides_a_fall(rows)
            if not self._hides_a_fall(rows):
                self._last, self._carried = {}, [0] * width
            else:
                self._carry(list(self._last))
        else:
            self.hidden += bool(fell)
            self._carry(fell)
        self._last.update({key: tuple(row) for key, row in rows.items()})
        if len(self._last) > KEPT or sum(map(len, self._last)) > KEPT_BYTES:
            self._carry([key for key in self._last if key not in rows])
        return self._total()

    def _all_began_anew(self, fell: Sequence[bytes]) -> bool:
        """Whether every series fell; one that is missing may come back as it was."""
        moved = {key for key, row in self._last.items() if any(row)}
        return bool(fell) and moved <= set(fell)

    def _hides_a_fall(self, rows: Mapping[bytes, Row]) -> bool:
        """Whether the new sum is so large that its fall would not be seen."""
        return sum(row[0] for row in rows.values()) >= self._total()[0]

    def _carry(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            row = self._last.pop(key)
            self._carried = [carried + value for carried, value in zip(self._carried, row, strict=True)]

    def _total(self) -> tuple[Number, ...]:
        columns = zip(*self._last.values(), strict=True)
        added = [sum(column) for column in columns] or [0] * len(self._carried)
        return tuple(carried + value for carried, value in zip(self._carried, added, strict=True))


def _fell(before: Row, now: Row) -> bool:
    return any(new < old for old, new in zip(before, now, strict=True))
