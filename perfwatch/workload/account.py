"""What do the findings of one line after another add to a workload's totals?

A cumulative number adds what it grew; one that fell was restarted and adds what it is. A rate holds for the
time since the line before that told it: it adds rate times time, nothing at the first line.
"""

from __future__ import annotations

from perfwatch.workload.patterns import Finding, Match, Pattern, Says
from perfwatch.workload.tally import Number, Tally

SERIES = 10_000
"""So many counters that take turns are told apart."""


class Account:
    """Books what a pattern finds into a tally."""

    def __init__(self, pattern: Pattern | None, tally: Tally) -> None:
        self._tally = tally
        self._first_only = pattern is not None and pattern.first_series_only
        self._first: str | None = None
        self._totals: dict[tuple[str, str], Number] = {}
        self._rate_ns: dict[str, int] = {}

    def take(self, match: Match, at_ns: int) -> None:
        """Book a line of this time (CLOCK_MONOTONIC, ns)."""
        if match.begins_anew:
            self._totals.clear()
        for finding in match.findings:
            self._book(finding, match.series, at_ns)

    def remember(self, match: Match) -> None:
        """Take note of totals that were told before counting began: they are no work of ours."""
        if match.begins_anew:
            self._totals.clear()
        for name, says, value in match.findings:
            if says is Says.TOTAL and value >= 0 and len(self._totals) < SERIES:
                self._totals[name, match.series] = value

    def _book(self, finding: Finding, series: str, at_ns: int) -> None:
        name, says, value = finding
        if says is Says.GAUGE:
            self._tally.gauge(name, value)
        elif value < 0:
            return  # no work, rate or time is negative
        elif says is Says.TOTAL:
            self._book_total(name, value, series)
        elif says is Says.INCREMENT:
            self._tally.count(name, value)
        elif says is Says.TIMING:
            self._tally.timing(name, value)
        else:
            self._book_rate(name, value, at_ns)

    def _book_total(self, name: str, value: Number, series: str) -> None:
        if self._first_only:
            self._first = series if self._first is None else self._first
            if series != self._first:
                return
        before = self._totals.get((name, series), 0)
        if len(self._totals) < SERIES or (name, series) in self._totals:
            self._totals[name, series] = value
        self._tally.count(name, value - before if value >= before else value)

    def _book_rate(self, name: str, per_s: Number, at_ns: int) -> None:
        before_ns = self._rate_ns.get(name)
        self._rate_ns[name] = at_ns
        self._tally.count(name, 0.0 if before_ns is None else per_s * (at_ns - before_ns) / 1e9)
