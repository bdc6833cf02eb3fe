"""What accumulated lately, when several sources were not read at the same instant."""

from __future__ import annotations

from collections import deque
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive import live_trace
from perfwatch.derive.live_trace import Trace
from perfwatch.derive.spans import Span


@pytest.mark.parametrize("behind_s", [0.0, 0.0007, 0.9, 2.5])
def test_now_that_ends_with_a_slower_source_is_as_long_as_any(behind_s: float) -> None:
    """The span begins before what this trace's own last 30 s reach back to; nothing may be added for that."""
    trace = Trace(30.0, 3.0)
    for second in range(121):
        trace.add(float(second), 350.0 * second, float(second))
        end = second - behind_s
        if end > 35.0:
            found = trace.between(Span(end - 30.0, end))
            assert found.amount == pytest.approx(350.0 * 30.0)
            assert found.seen_s == pytest.approx(30.0)


def test_between_the_beginning_and_the_last_seconds_the_amount_is_interpolated() -> None:
    trace = Trace(30.0, 3.0)
    for second in range(121):
        trace.add(float(second), 100.0 * second, float(second))
    assert trace.between(Span(50.0, 120.0)).amount == pytest.approx(7000.0)


@given(
    st.lists(st.floats(0.001, 5.0), min_size=1, max_size=60),
    st.floats(-0.1, 1.1),
)
def test_looked_for_from_the_end_or_the_beginning_it_is_the_same(steps: list[float], share: float) -> None:
    times = list(accumulate(steps))
    points = deque((t, 7.0 * t * t, t) for t in times)
    t = times[0] + share * (times[-1] - times[0])
    assert live_trace._at_the_end(points, t) == live_trace._at(points, t)
