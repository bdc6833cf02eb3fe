"""What do the findings of one line after another add to a workload's totals?

A cumulative number adds what it grew; one that fell far was restarted and adds what it is. A rate holds for
the time since the line before that told it (`perfwatch.workload.rates`).

Where several processes print, each rank is followed by itself, or a slow one would look like a restart. What
each did adds up, but for steps and epochs: ranks make these together, and one of them tells.

What the lines leave open is in doubt (`Tally.doubt`): the rest of a bar that was begun anew before it was
drawn at its end, and what a total lost that fell a little and then grew from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from perfwatch.workload.bars import RESTARTS_BELOW, Bars
from perfwatch.workload.first_bar import FirstBar
from perfwatch.workload.patterns import Drawn, Finding, Match, Pattern, Says, parse_number
from perfwatch.workload.rates import Rate
from perfwatch.workload.tails import Tails
from perfwatch.workload.tally import Number, Tally

TOGETHER = frozenset({"steps", "epochs", "iterations", "loss"})
"""What all ranks have in common."""
BEHIND = 3
"""So many totals in a row that grow below the largest are those of a run that went on from a checkpoint."""
SERIES = 10_000
"""So many counters that take turns are told apart; then the one longest silent is forgotten."""

_OTHER_RANKS = "other ranks tell what they make together"
_OTHER_BARS = "bars of something else than the training, as evaluations"

_Key = TypeVar("_Key")
_Told = TypeVar("_Told")


class Account:
    """Books what a pattern finds into a tally."""

    def __init__(self, pattern: Pattern | None, tally: Tally) -> None:
        self._tally = tally
        self._first = FirstBar() if pattern is not None and pattern.first_series_only else None
        self._totals: dict[tuple[str, str], Number] = {}
        self._bars: dict[str, Bars] = {}
        self._lengths: dict[str, Number] = {}
        """Of each bar."""
        self._tails = Tails()
        self._drawn: dict[str, str] = {}
        """Which bar of each length was drawn last."""
        self._behind: dict[tuple[str, str], list[Number]] = {}
        """Of a total that fell a little: what it was since."""
        self._rates: dict[tuple[str, str], Rate] = {}
        self._opened_ns = tally.last_ns
        self.left_out: Counter[tuple[str, str]] = Counter()
        """How many figures are in no count: by name, and why."""
        self._rank: str | None = None
        """That of those that print which was seen first."""

    def take(self, match: Match, at_ns: int) -> None:
        """Book a line of this time (CLOCK_MONOTONIC, ns)."""
        if match.begins_anew:
            self._begin_anew(match.rank)
        if self._rank is None and match.rank:
            self._rank = match.rank
        is_other = match.rank not in ("", self._rank)
        series = self._series_of(match)
        if match.bar is not None and not is_other:
            self._draw(match.bar, match.findings, series, at_ns)
        for finding in match.findings:
            if not (is_other and finding.name in TOGETHER):
                self._book(finding, series, at_ns)
            elif finding.says is not Says.GAUGE:
                self.left_out[finding.name, _OTHER_RANKS] += 1
        if match.is_over:
            self._end_those_of(match.rank)
        self._judge(match)

    def end(self, at_ns: int) -> None:
        """No more lines come: what was done since the last ones is in doubt."""
        for name, amount in self._tails.at_the_end(at_ns):
            self._tally.doubt(name, amount)

    def _draw(self, bar: Drawn, findings: Sequence[Finding], series: str, at_ns: int) -> None:
        """A bar is drawn. One that was just made takes over from another, and stands at its first value."""
        length = series.rpartition("\n")[0]
        last = self._drawn.get(length)
        _keep(self._drawn, length, series)
        for finding in findings if bar.is_made else ():
            if finding.says is Says.TOTAL:
                if last is not None and last != series:
                    for amount in self._tails.take_over((finding.name, last), bar.description, at_ns):
                        self._tally.doubt(finding.name, amount)
                self._begin_bar(finding, series, at_ns)

    def _begin_bar(self, finding: Finding, series: str, at_ns: int) -> None:
        """What the bar stands at when it is made was done before; the one in its place may have gone on."""
        key = finding.name, series
        if key in self._totals and not self._tails.is_drawn_again(key, finding.value, at_ns):
            self._tally.doubt(finding.name, self._tails.of(key, at_ns))
        self._stands_at(key, finding, at_ns)

    def _stands_at(self, key: tuple[str, str], finding: Finding, at_ns: int) -> None:
        _keep(self._totals, key, finding.value)
        self._tails.take(key, finding.value, at_ns, self._lengths.get(key[1]), finding.coarse)

    def _judge(self, match: Match) -> None:
        """A line that tells all timings of a query tells whether it is a good one."""
        timings = {
            name: value for name, says, value, _ in match.findings if says is Says.TIMING and value >= 0
        }
        good = self._tally.judge.of_line(timings)
        if good is not None:
            self._tally.count_judged(int(good), 1)

    def remember(self, match: Match) -> None:
        """Take note of totals that were told before counting began: they are no work of ours."""
        if match.begins_anew:
            self._begin_anew(match.rank)
        series = self._series_of(match)
        for name, says, value, _ in match.findings:
            if says is Says.TOTAL and value >= 0 and len(self._totals) < SERIES:
                self._totals[name, series] = value
        if match.is_over:
            self._end_those_of(match.rank)

    def _series_of(self, match: Match) -> str:
        """One counter of one rank."""
        series = f"{match.rank}\n{match.series}" if match.rank else match.series
        if match.bar is None:
            return series
        bars = self._bars_of(series, match, match.bar)
        own = f"{bars.name}\n{bars.number(match.bar.description, match.bar.value)}"
        if bars.length is not None:
            _keep(self._lengths, own, bars.length)
        return own

    def _bars_of(self, series: str, match: Match, bar: Drawn) -> Bars:
        """The bars of its length. One that is beyond its length is drawn without it."""
        if not match.series:
            mine = f"{match.rank}\n" if match.rank else ""
            for bars in reversed(self._bars.values()):
                if bars.name.startswith(mine) and bars.goes_beyond(bar.description, bar.value):
                    return bars
        found = self._bars.get(series) or Bars(series, parse_number(match.series))
        _keep(self._bars, series, found)
        return found

    def _begin_anew(self, rank: str) -> None:
        for key in self._totals_of(rank):
            del self._totals[key]

    def _end_those_of(self, rank: str) -> None:
        """What they stand at was told last, and nothing is left untold."""
        for key in self._totals_of(rank):
            self._tails.end(key)
            del self._totals[key]

    def _totals_of(self, rank: str) -> list[tuple[str, str]]:
        """Those of the rank that a line names; without ranks all."""
        own = f"{rank}\n"
        return [key for key in self._totals if not rank or key[1].startswith(own)]

    def _book(self, finding: Finding, series: str, at_ns: int) -> None:
        name, says, value, _ = finding
        if says is Says.GAUGE:
            self._tally.gauge(name, value)
            self._note_loss(name, at_ns)
        elif value < 0:
            return  # no work, rate or time is negative
        elif says is Says.TOTAL:
            self._book_total(finding, series, at_ns)
        elif says is Says.INCREMENT:
            self._tally.count(name, value)
        elif says is Says.TIMING:
            self._tally.timing(name, value)
        else:
            self._book_rate(name, value, series, at_ns)

    def _book_total(self, finding: Finding, series: str, at_ns: int) -> None:
        if self._first is not None:
            length = parse_number(series.rpartition("\n")[2].partition("/")[0])
            if length is not None:
                _keep(self._lengths, series, length)
            told = self._first.take(series, finding.value, length)
            if told is None:
                self.left_out[finding.name, _OTHER_BARS] += 1
                return
        self._grow(finding, series, at_ns)

    def _note_loss(self, name: str, at_ns: int) -> None:
        told = self._first.loss() if self._first is not None and name == "loss" else None
        if told is not None:
            self._tally.doubt("steps", told.in_doubt)
            self._grow(Finding("steps", Says.TOTAL, told.total), told.series, at_ns)

    def _grow(self, finding: Finding, series: str, at_ns: int) -> None:
        """A total stands at this value."""
        name, value = finding.name, finding.value
        key = name, series
        before = self._totals.get(key, 0)
        if before * RESTARTS_BELOW < value < before:
            self._note_behind(key, value, before)
            return  # no restart: another process is a little behind
        self._behind.pop(key, None)
        if value < before:
            self._tally.doubt(name, self._tails.of(key, at_ns))
        self._stands_at(key, finding, at_ns)
        self._tally.count(name, value - before if value >= before else value)

    def _note_behind(self, key: tuple[str, str], value: Number, before: Number) -> None:
        """One that grows on from a little below was done again; another process tells one now and then."""
        since = self._behind.pop(key, [])
        if since and value <= since[-1]:
            since.clear()
        since = [*since[:BEHIND], value]
        _keep(self._behind, key, since)
        if len(since) == BEHIND:
            self._tally.doubt(key[0], before - since[0])

    def _book_rate(self, name: str, per_s: Number, series: str, at_ns: int) -> None:
        rate = self._rates.get((name, series)) or Rate(self._opened_ns)
        _keep(self._rates, (name, series), rate)
        done, in_doubt = rate.take(per_s, at_ns)
        self._tally.count(name, done)
        self._tally.doubt(name, in_doubt)


def _keep(told: dict[_Key, _Told], key: _Key, value: _Told) -> None:
    """Put it last; beyond the limit the first goes, which was silent for longest."""
    told.pop(key, None)
    told[key] = value
    if len(told) > SERIES:
        del told[next(iter(told))]
