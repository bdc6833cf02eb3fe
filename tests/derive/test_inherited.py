"""Whose work is the first total that a job prints?"""

from __future__ import annotations

import pytest

from perfwatch.derive.inherited import NOTHING, Inherited, inherited


@pytest.mark.parametrize(
    ("since", "told", "found"),
    [
        pytest.param(
            0.0, [(1.0, 500), (2.0, 600), (3.0, 700)], Inherited(400), id="each hundred, from 400 on"
        ),
        pytest.param(
            0.0, [(1.0, 100), (2.0, 200), (3.0, 300)], NOTHING, id="each hundred, from the beginning"
        ),
        pytest.param(
            0.0, [(1.2, 200), (2.0, 300), (3.0, 400)], Inherited(0, 100), id="a line that was not printed"
        ),
        pytest.param(0.0, [(9.0, 500), (10.0, 600), (11.0, 700)], Inherited(0, 400), id="may have warmed up"),
        pytest.param(
            0.0, [(20, 1050), (21, 1100), (22, 1150)], Inherited(1000), id="each fifty, slowly loaded"
        ),
        pytest.param(0.0, [(3.0, 100), (3.01, 101), (3.02, 102)], NOTHING, id="lines that are joined"),
        pytest.param(
            0.0, [(0.2, 801), (10.0, 850), (12.0, 860)], Inherited(801, 801), id="a bar that is drawn seldom"
        ),
        pytest.param(0.0, [(0.1, 101), (4.0, 300)], Inherited(0, 101), id="too little to know"),
        pytest.param(0.0, [(1.0, 50), (2.0, 100)], NOTHING, id="two lines at one pace"),
        pytest.param(0.0, [(1.0, 900)], NOTHING, id="one line"),
        pytest.param(0.0, [(0.1, 43), (0.2, 89), (0.3, 134), (0.4, 180)], NOTHING, id="a usual bar"),
        pytest.param(0.0, [(30.0, 1), (31.0, 10), (32.0, 20), (33.0, 30)], NOTHING, id="a slow first step"),
    ],
)
def test_what_a_job_cannot_have_done_itself_is_of_earlier_ones(
    since: float, told: list[tuple[float, float]], found: Inherited
) -> None:
    times, totals = zip(*told, strict=True)
    assert inherited(since, times, totals) == found
