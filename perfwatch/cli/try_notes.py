"""What would a run make of these lines that their text alone does not tell?

A run knows when each line came, and where the job ended: by that it leaves out what earlier jobs did, and has
in the error of a count what lines leave open. `perfwatch try` knows neither, and says where it would matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.derive.inherited import LATER, inherited
from perfwatch.metrics import DOUBTED
from perfwatch.units import format_count
from perfwatch.workload.account import Account
from perfwatch.workload.patterns import Match, Pattern, Says
from perfwatch.workload.tally import Number, Tally

_RESUMED = (
    "{name}: the first line tells {first} at once, far more than those after it add: a run takes that for "
    "the work of earlier jobs (a checkpoint) and leaves it out, unless the job had the time for it"
)
_STANDS = (
    "{name}: all {lines} lines tell the same total, {first}, which counts once; if each tells what it did "
    "itself, write {{{name}__inc}}"
)
_OPEN = (
    "{name}: up to {amount} more or less, by what the lines leave open (a bar that was not drawn at its end, "
    "lines that tell every n-th): a run has in the error of the count what the time allows of it"
)
_OTHERS = "{name}: {lines} in no count: {why}"
_FIRST_RATE = "{name}: a run takes the first line to be of as long a time as the second, and doubts that"


class Notes:
    """Goes along with the lines that a pattern finds."""

    def __init__(self, pattern: Pattern | None) -> None:
        self._pattern = pattern
        self._totals: dict[str, _Total] = {}
        self._rates: dict[str, None] = {}
        self._unread: list[str] = []

    def take(self, match: Match) -> None:
        """A line was found something in."""
        for finding in match.findings:
            if finding.says is Says.TOTAL:
                is_one_of_many = bool(match.series or match.rank or match.bar)
                total = self._totals.setdefault(finding.name, _Total())
                total.take(finding.value, is_one_of_many=is_one_of_many)
            elif finding.says is Says.RATE:
                self._rates[finding.name] = None

    def pass_over(self, line: str) -> None:
        """A line was found nothing in."""
        said = self._pattern.unread(line) if self._pattern is not None else None
        if said is not None:
            self._unread.append(said)

    def sentences(self, account: Account, tally: Tally) -> Iterator[str]:
        """What there is to say of the whole; the account has ended."""
        for name, total in self._totals.items():
            if total.is_resumed:
                yield _RESUMED.format(name=name, first=format_count(total.first))
            if total.stands_still:
                yield _STANDS.format(name=name, lines=total.lines, first=format_count(total.first))
            if doubted := tally.total(f"{name}{DOUBTED}"):
                yield _OPEN.format(name=name, amount=format_count(doubted))
        for (name, why), lines in account.left_out.items():
            yield _OTHERS.format(name=name, lines="1 line" if lines == 1 else f"{lines} lines", why=why)
        for name in self._rates:
            yield _FIRST_RATE.format(name=name)
        if self._unread:
            more = f" ({len(self._unread)} such lines)" if len(self._unread) > 1 else ""
            yield f"{self._unread[0].removesuffix('.')}{more}"


class _Total:
    """How a running total began, where there is one of its name alone."""

    def __init__(self) -> None:
        self.lines = 0
        self._values: list[Number] = []
        self._is_one_of_many = False

    def take(self, value: Number, *, is_one_of_many: bool) -> None:
        self.lines += 1
        self._is_one_of_many |= is_one_of_many
        if value not in self._values and len(self._values) <= LATER:
            self._values.append(value)

    @property
    def first(self) -> Number:
        return self._values[0]

    @property
    def stands_still(self) -> bool:
        return self.lines > 1 and len(self._values) == 1 and self.first > 0 and not self._is_one_of_many

    @property
    def is_resumed(self) -> bool:
        """Whether the first would be another job's, if the lines came evenly."""
        grows = sorted(self._values) == self._values
        times = [float(number) for number in range(1, len(self._values) + 1)]
        return grows and not self._is_one_of_many and bool(inherited(0.0, times, self._values).left_out)
