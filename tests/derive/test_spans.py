"""Is time added, cut and left out as sets of instants are?"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.spans import Span, cut, total, union, without

TIMES = st.integers(0, 30).map(float)
SPANS = st.lists(st.tuples(TIMES, TIMES).map(lambda ends: Span(*sorted(ends))), max_size=8)


def seconds(spans: list[Span]) -> set[int]:
    """Each second, by its beginning, that lies in one of the spans."""
    return {second for span in spans for second in range(int(span.start), int(span.end))}


@given(SPANS)
def test_the_union_is_the_same_time_in_order_and_apart(spans: list[Span]) -> None:
    joined = union(spans)
    assert seconds(joined) == seconds(spans)
    assert all(a.end < b.start for a, b in pairwise(joined))
    assert total(spans) == len(seconds(spans))


@given(SPANS, TIMES, TIMES)
def test_a_cut_is_what_lies_between(spans: list[Span], start: float, end: float) -> None:
    assert seconds(cut(spans, start, end)) == {at for at in seconds(spans) if start <= at < end}


@given(SPANS, SPANS)
def test_what_is_left_out_is_gone_and_all_else_is_there(spans: list[Span], gaps: list[Span]) -> None:
    left = without(spans, gaps)
    assert seconds(left) == seconds(spans) - seconds(gaps)
    assert left == union(left)


def test_a_thousand_gaps_are_left_out_of_a_span() -> None:
    """A machine that is suspended or stopped often; each gap once doubled the work."""
    gaps = [Span(10.0 * at, 10.0 * at + 4.0) for at in range(1000)]
    assert total(without([Span(0.0, 10_000.0)], gaps)) == 6000.0
