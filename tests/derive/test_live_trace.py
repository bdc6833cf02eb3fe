"""What accumulated lately, when several sources were not read at the same instant."""

from __future__ import annotations

import pytest

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
