"""Limits on changes: broken only past the limit and outside of chance."""

from __future__ import annotations

from typing import Any

import pytest
from derive.compared import compared, summary

from perfwatch.derive.gates import exit_status
from perfwatch.derive.relative_gates import check_comparison, parse_relative_gate
from perfwatch.errors import ConfigError

LIMIT = "work.queries.rate_per_s < -3%"


def status(*sides: Any, limit: str = LIMIT, **options: Any) -> tuple[int, str]:
    verdicts = check_comparison(compared(*sides), fail_on=[parse_relative_gate(limit)], **options)
    return exit_status(verdicts), verdicts[-1].message


@pytest.mark.parametrize(
    ("rate", "error_ratio", "strict", "expected"),
    [
        (99.0, 0.001, False, 0),  # not past the limit
        (90.0, 0.001, False, 3),  # past it, and no chance
        (96.0, 0.05, False, 0),  # past it, but it may be chance
        (96.0, 0.05, True, 3),
        (99.0, 0.05, True, 0),
        (110.0, 0.001, True, 0),
    ],
)
def test_a_limit_is_broken_past_it_and_outside_of_chance(
    rate: float, error_ratio: float, strict: bool, expected: int
) -> None:
    a, b = summary(error_ratio=error_ratio), summary(rate=rate, error_ratio=error_ratio)
    assert status(a, b, strict=strict)[0] == expected


def test_what_cannot_be_told_is_not_passed() -> None:
    blocked = summary(unit="samples")
    assert status(summary(), blocked)[0] == 1
    assert status(summary(), blocked, strict=True)[0] == 3
    found, message = status(summary(), summary(), limit="latency.latency.p99_s > 5%")
    assert (found, message) == (
        1,
        "latency.latency.p99_s > 5%: B against A cannot be judged, it was not measured",
    )


def test_every_group_is_judged_and_the_change_is_said() -> None:
    verdicts = check_comparison(
        compared(summary(), summary(), summary(rate=80.0)), fail_on=[parse_relative_gate(LIMIT)]
    )
    assert [verdict.status for verdict in verdicts] == [0, 3]
    assert verdicts[1].message.startswith(
        f"{LIMIT}: C against A: broken, work.queries.rate_per_s changed by -20 %"
    )


def test_what_is_required_is_required_of_each_run() -> None:
    without = summary() | {"work": {}}
    verdicts = check_comparison(compared(summary(), [summary(), without]), require=("energy", "work"))
    assert [(one.status, one.message.partition(",")[0]) for one in verdicts] == [
        (1, "--require work: not met by B")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("work.queries.rate_per_s < 5", "here a limit is a change in %"),
        ("work.queries.rate_per_s == 5%", "limited by < or >"),
        ("work.queries.count < -5%", "is not compared"),
        ("work.queries.rate < -5%", "there is count, error, rate_per_s"),
        ("work.queries.rate_per_s < x%", "is no number"),
        ("work.queries.rate_per_s < nan%", "is no number"),
        ("quality < -5%", "holds findings"),
        ("work.queries.rate_per_s", "write PATH OPERATOR NUMBER"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_relative_gate(text)


def test_a_name_that_is_nearly_right_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"did you mean work\.queries\.rate_per_s"):
        status(summary(), summary(), limit="work.querys.rate_per_s < -3%")
