from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.workload import growth
from perfwatch.workload.exposition import Page, labels_of, without_label
from perfwatch.workload.growth import Growing


def moved(totals: list[float]) -> float:
    """How far a recorded counter moved: one that falls was restarted and adds what it is."""
    return sum(now - before if now >= before else now for before, now in pairwise(totals))


def recorded(growing: Growing, page: dict[bytes, tuple[float, ...]], **how: Any) -> list[float]:
    """What is recorded of a page, column 0: what shows that something began anew, then the total."""
    total = growing.take(page, **how)[0]
    return [total] if growing.first is None else [growing.first[0], total]


STEP = st.tuples(st.sampled_from(["work", "work", "hide", "restart"]), st.integers(1, 50))


@given(st.lists(st.tuples(STEP, STEP, STEP), max_size=20))
def test_whatever_replicas_do_their_work_is_counted_once(
    course: list[tuple[tuple[str, int], tuple[str, int], tuple[str, int]]],
) -> None:
    """Three replicas work, hide from a page, or restart (which shows: they begin below what they were)."""
    counts, shown, truth = [100, 200, 300], [100, 200, 300], 0
    growing = Growing()
    totals = recorded(growing, {bytes([key]): (count,) for key, count in enumerate(counts)})
    for steps in course:
        page = {}
        for key, (what, amount) in enumerate(steps):
            if what == "restart":
                counts[key] = min(amount, shown[key] - 1) if shown[key] else 0
                truth += counts[key]
            elif what == "work":
                truth += amount
                counts[key] += amount
            if what != "hide":
                page[bytes([key])] = (counts[key],)
                shown[key] = counts[key]
        if page:
            totals += recorded(growing, page)
    assert moved(totals) == truth


def test_columns_of_a_histogram_move_together() -> None:
    growing = Growing()
    assert growing.take({b"a": (10, 4, 1.5), b"b": (2, 2, 0.5)}) == (12, 6, 2.0)
    assert growing.take({b"a": (1, 1, 0.1), b"b": (3, 2, 0.75)}) == (2, 1, pytest.approx(0.35))
    assert growing.first is None, "the fall shows by itself"


def test_a_restart_that_is_told_counts_what_came_since() -> None:
    growing = Growing()
    growing.take({b"": (5,)})
    assert moved([5, *recorded(growing, {b"": (80,)}, anew=[b""])]) == 80
    growing.take({b"": (90,)})
    assert moved([90, *recorded(growing, {b"\x001\x00": (7,)})]) == 7, "another process, begun since"


def test_series_that_change_their_names_for_ever_are_let_go_and_stay_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(growth, "KEPT", 3)
    growing = Growing()
    totals = [growing.take({f"id={n}".encode(): (1,)})[0] for n in range(10)]
    assert totals == list(range(1, 11))


PAGE = Page(
    b"# TYPE n counter\r\nn 1\r\n"
    b'n{a="x\\"y",b="}"} 2 1700000000000\n'
    b'n{} 3 # {trace="1"} 0.5\n'
    b"n_created 1.7e9\nn_total 4\nnn 5\nnot n 6\n"
    b'n{c="1"} NaN\nn{c="2"} 1_000\nn{c="3"} +Inf\nn{broken\n'
)


def test_only_series_of_exactly_the_name_are_found() -> None:
    found = [(line.labels, line.value) for line in PAGE.lines("n")]
    assert found[:3] == [(b"", 1), (b'a="x\\"y",b="}"', 2), (b"", 3)]
    assert [value for _, value in found[3:]] == [None, None, None]
    assert [line.value for line in PAGE.lines("n_total")] == [4]
    assert list(PAGE.lines("absent")) == []


def test_labels_are_read_with_their_escapes() -> None:
    assert labels_of(b'a="x\\"y", b="\\\\", c="1\\n2",') == {"a": 'x"y', "b": "\\", "c": "1\n2"}
    assert without_label(b'a="1",le="0.5",b="2"', "le") == (b'a="1",b="2"', "0.5")
    assert without_label(b'le="+Inf"', "le") == (b"", "+Inf")
    assert without_label(b'a="1"', "le") == (b'a="1"', None)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_page(body: bytes) -> None:
    page = Page(body + b"\nn 1\n")
    assert [line.value for line in page.lines("n")][-1] == 1
    page.names()
    assert page.has_metrics
