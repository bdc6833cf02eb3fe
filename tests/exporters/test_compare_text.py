"""A comparison as people read it: in columns, in ASCII, in colour, as Markdown."""

from __future__ import annotations

from typing import Any

import pytest
from derive.compared import compared, summary, timing

from perfwatch.exporters.compare_markdown import markdown
from perfwatch.exporters.compare_parts import change_cell
from perfwatch.exporters.compare_text import render
from perfwatch.text import width

HOT = {
    "code": "throttled",
    "level": "warn",
    "message": "nvidia:0 ran with reduced clocks.",
}
SHORT = {"code": "short-window", "level": "insufficient", "message": "0.3 s are too short."}


def one(**changes: Any) -> dict[str, Any]:
    """A run with latencies and a cost."""
    found = summary(**changes)
    per = 0.0001 * 100 / found["work"]["queries"]["rate_per_s"]
    assumptions = {"basis": "total", "contains": ["machine", "electricity"], "rent_per_hour": 36.0}
    cost = {"currency": "USD", "total": 1.0, "energy": None, "error": 0.0, "assumptions": assumptions}
    cost |= {"per": {"queries": per}, "per_error": {"queries": 0.0}}
    return found | {"latency": {"latency": timing(found["energy"]["joules"] / 30_000)}, "cost": cost}


def face(*sides: Any, **options: Any) -> str:
    return render(compared(*sides), **{"width": 80, **options})


def test_figures_stand_beside_each_other_with_their_verdicts() -> None:
    lines = face(one(), one(rate=110.0, watts=330.0, driver="560")).splitlines()
    assert lines[:11] == [
        "A  a  job",
        "B  b  job",
        "",
        "B against A, under conditions that differ:",
        "  - The driver: 550 in A, 560 in B.",
        "",
        "B against A: better in queries, cost/M queries; worse in query mean, power; no",
        "difference shown in other figures; the rest cannot be told.",
        "                       A        B     difference",
        "duration         100.0 s  100.0 s              –  cannot tell",
        "queries           100 /s   110 /s  +10.0 ± 1.6 %  better",
    ]
    assert "queries/J          0.333    0.333    0.0 ± 1.4 %  no difference shown" in lines


def test_no_line_is_wider_than_the_terminal() -> None:
    sides = (one(quality=[HOT]), one(scope="wall", quality=[SHORT]), [one(), one(rate=130.0)])
    for columns in (40, 60, 80, 100, 120):
        for line in face(*sides, width=columns).splitlines():
            assert width(line) <= columns, line


def test_where_the_table_does_not_fit_verdicts_stand_below() -> None:
    lines = face(one(), one(rate=120.0), width=60).splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("queries ")]
    assert lines[at + 1].split() == ["+20.0", "±", "1.7", "%", "better"]


def test_what_forbids_a_comparison_is_said_before_the_figures() -> None:
    text = face(one(), one(scope="wall"))
    assert "  ! may NOT be compared in energy: A is 1 × Board, B is the wall;" in text
    assert text.index("may NOT be compared") < text.index("power ")
    (line,) = [line for line in text.splitlines() if line.startswith("queries/J ")]
    assert line.endswith("–  not comparable")


def test_why_something_cannot_be_told_is_said_once() -> None:
    text = face(one(), one(quality=[SHORT]))
    assert "  ? 12 figures: B: 0.3 s are too short." in text
    assert text.count("0.3 s are too short.") == 2  # and what is to be known of B


def test_what_is_to_be_known_of_several_is_said_once() -> None:
    text = face(one(quality=[HOT]), one(quality=[HOT]), one(quality=[HOT]), one(quality=[SHORT]))
    assert text.count("reduced clocks") == 1
    assert "To be known of A, B and C:" in text
    assert "To be known of D:" in text


def test_it_says_what_the_intervals_rest_on() -> None:
    single = " ".join(face(one(), one()).split())
    assert "its scatter over time, 20 slices of A and 20 slices of B" in single
    assert "one run each: says nothing about other days." in single
    group = " ".join(face([one(), one(), one()], one()).split())
    assert "from the scatter between 3 runs of A (Student's t)" in group
    assert "one run of B is taken to scatter as the others do" in group
    bare = " ".join(face(one(scatter=None), one(scatter=None)).split())
    assert "what chance does to counts" in bare


def test_the_same_conditions_are_said() -> None:
    assert "B against A, under the same conditions, as far as known." in face(one(), one())


def test_ascii_is_ascii_and_colour_is_asked_for() -> None:
    sides = (one(), one(rate=120.0, scope="wall"))
    assert face(*sides, ascii=True).isascii()
    assert "\x1b" not in face(*sides)
    coloured = face(*sides, color=True)
    assert "\x1b[32mbetter\x1b[0m" in coloured
    assert "\x1b[31m  ! \x1b[0m" in coloured


def test_text_from_outside_moves_nothing() -> None:
    evil = "\x1b[31m\u202e|<b>_*\n"
    odd = one(tags={evil: evil}, driver=evil, quality=[{**HOT, "message": evil}])
    odd["session"] = {"command": [evil], "started": evil, "hosts": [evil]}
    text = face(odd, one(tags={evil: "x"}))
    assert not {"\x1b", "\u202e"} & set(text)
    table = markdown(compared(odd, one(tags={evil: "x"})))
    assert "\\|\\<b\\>\\_\\*" in table
    assert not {"\x1b", "\u202e"} & set(table)


def test_markdown_is_a_table_to_paste() -> None:
    lines = markdown(compared(one(), one(rate=120.0, scope="wall", quality=[HOT]))).splitlines()
    assert "| | A | B | difference | |" in lines
    assert any(
        line.startswith("| queries | 100 /s | 120 /s | +20.") and "| better |" in line for line in lines
    )
    assert any(
        line.startswith("- **may NOT be compared in energy: A is 1 × Board, B is the wall;") for line in lines
    )
    assert "To be known of B:" in lines
    assert markdown(compared(one(), one()), ascii=True).isascii()


@pytest.mark.parametrize(
    ("change", "low", "high", "shown"),
    [
        (0.036, 0.027, 0.045, "+3.6 ± 0.9 %"),
        (-0.0852, -0.0868, -0.0836, "-8.52 ± 0.16 %"),
        (0.039, 0.003, 0.076, "+3.9 ± 3.7 %"),
        (0.0001, -0.1, 0.11, "0 ± 11 %"),
        (-0.0001, -0.1, 0.11, "0 ± 11 %"),
        (0.0, 0.0, 0.0, "0.0 ± 0.0 %"),
        (0.5, 0.1, None, "≥ +10.0 %"),
        (0.00777, None, None, "+0.78 %"),
        (None, None, None, "–"),
        (12.0, 10.0, 14.5, "+1200 ± 250 %"),
    ],
)
def test_a_change_is_rounded_to_its_interval(
    change: float | None, low: float | None, high: float | None, shown: str
) -> None:
    assert change_cell({"change": change, "low": low, "high": high}) == shown
