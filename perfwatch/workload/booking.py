"""How do the findings of one source of text become samples, each with its own time?

Arrivals are joined into cells (`perfwatch.workload.cells`), booked (`perfwatch.workload.account`), and the
totals handed over, one sample a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perfwatch.model import Device, Reading
from perfwatch.objectives import NOBODY, Judge
from perfwatch.workload.account import Account
from perfwatch.workload.cells import Arrival, Cells
from perfwatch.workload.patterns import Match, Pattern
from perfwatch.workload.tally import Tally

BEHIND_NS = 1_000_000
"""So much behind the last line is what follows from its being the last."""


class Booking:
    """The totals of one source.

    Args:
        device: without metrics.
        opened_ns: when counting began.
        pattern: what finds it, where that is a pattern.
        judge: says which queries are good ones.
    """

    def __init__(
        self, device: Device, opened_ns: int, pattern: Pattern | None = None, judge: Judge = NOBODY
    ) -> None:
        self.tally = Tally(device, opened_ns, judge)
        self._account = Account(pattern, self.tally)
        self._cells = Cells(opened_ns)

    def remember(self, match: Match) -> None:
        """Take note of what was told before counting began."""
        self._account.remember(match)

    def end(self, at_ns: int) -> Iterator[Reading]:
        """No more comes, as of a time: what the last lines leave open, as of just behind them."""
        self._account.end(at_ns)
        yield from self.tally.sample(self.tally.last_ns + BEHIND_NS)

    def readings(self, told: Iterable[tuple[int, Match]], splits: Sequence[int]) -> Iterator[Reading]:
        """What was told (time, what) adds. No sample reaches over a split (a mark's time)."""
        arrivals = [Arrival(at_ns, (at_ns, match)) for at_ns, match in told]
        marks: list[Arrival] = [Arrival(at_ns, None, is_mark=True) for at_ns in splits]
        for cell in self._cells.join(arrivals + marks):
            for said in cell.said:
                if said is not None:
                    self._account.take(said[1], said[0])
            yield from self.tally.sample(cell.at_ns)
