from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perfwatch.workload.cells import CELL_NS, Arrival, Cell, Cells

MS = 1_000_000
OPENED = 1_000 * MS


def joined(cells: Cells, *arrivals: tuple[float, str]) -> list[Cell]:
    """Arrivals as (ms after opening, what); `|name` is a mark."""
    return list(
        cells.join([Arrival(OPENED + round(at * MS), what, what.startswith("|")) for at, what in arrivals])
    )


def seen(cells: list[Cell]) -> list[tuple[float, str]]:
    return [((cell.at_ns - OPENED) / MS, "".join(cell.said)) for cell in cells]


def test_rare_arrivals_are_never_joined() -> None:
    assert seen(joined(Cells(OPENED), (0, "a"), (60, "b"), (120, "c"))) == [(0, "a"), (60, "b"), (120, "c")]


def test_the_first_after_a_silence_stands_alone_and_the_others_join() -> None:
    cells = joined(
        Cells(OPENED), (10, "a"), (12, "b"), (30, "c"), (62, "d"), (63, "e"), (200, "f"), (201, "g")
    )
    assert seen(cells) == [(10, "a"), (62, "bcd"), (63, "e"), (200, "f"), (201, "g")]


def test_what_arrived_at_one_instant_stays_together() -> None:
    assert seen(joined(Cells(OPENED), (10, "a"), (10, "b"), (11, "c"))) == [(10, "ab"), (11, "c")]


def test_a_batch_that_follows_closely_is_no_silence() -> None:
    cells = Cells(OPENED)
    joined(cells, (10, "a"))
    assert seen(joined(cells, (20, "b"), (30, "c"))) == [(30, "bc")]


def test_no_cell_reaches_over_a_mark() -> None:
    cells = joined(Cells(OPENED), (10, "a"), (20, "b"), (25, "|m"), (26, "c"), (27, "d"))
    assert seen(cells) == [(10, "a"), (20, "b"), (25, "|m"), (27, "cd")]


def test_a_mark_of_the_past_splits_where_it_belongs() -> None:
    cells = joined(Cells(OPENED), (10, "a"), (20, "b"), (30, "c"), (22, "|m"))
    assert seen(cells) == [(10, "a"), (20, "b"), (22, "|m"), (30, "c")]


def test_one_instant_keeps_the_order_of_counts_and_marks() -> None:
    """A datagram holds counts and marks; the recording's microseconds must still tell them apart."""
    cells = joined(Cells(OPENED), (10, "a"), (10, "|begin"), (10, "b"), (10, "|end"), (10, "c"))
    assert seen(cells) == [
        (10, "a"),
        (10, "|begin"),
        (10.001, "b"),
        (10.001, "|end"),
        (10.002, "c"),
    ]


def test_what_comes_too_late_gets_the_time_of_the_last_sample() -> None:
    cells = Cells(OPENED)
    joined(cells, (100, "a"))
    assert seen(joined(cells, (90, "b"), (95, "|m"))) == [(100, "b"), (95, "|m")]


def test_nothing_is_before_the_opening() -> None:
    assert seen(joined(Cells(OPENED), (-5, "a"))) == [(0, "a")]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 300 * MS), st.booleans()), max_size=30).map(sorted),
        min_size=1,
        max_size=4,
    )
)
def test_counting_up_to_a_mark_finds_exactly_what_came_before_it(
    batches: list[list[tuple[int, bool]]],
) -> None:
    """In rounded microseconds, as a recording keeps them, and whatever the batches."""
    cells, told, base = Cells(OPENED), 0, OPENED
    samples: list[tuple[int, int]] = []
    marks: list[tuple[int, int]] = []
    total = 0
    for batch in batches:
        arrivals = [Arrival(base + at, told + place, mark) for place, (at, mark) in enumerate(batch)]
        order = {
            arrival.what: sum(not one.is_mark for one in arrivals[:place])
            for place, arrival in enumerate(arrivals)
        }
        before = total
        for cell in cells.join(arrivals):
            if cell.is_mark:
                marks.append((round(cell.at_ns / 1000), before + order[cell.said[0]]))
            else:
                total += len(cell.said)
                samples.append((round(cell.at_ns / 1000), total))
        told += len(batch)
        base += 400 * MS
    assert total == sum(not mark for batch in batches for _, mark in batch)
    assert samples == sorted(samples)
    for at, expected in marks:
        assert max((count for when, count in samples if when <= at), default=0) == expected


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300))
def test_a_cell_is_never_longer_than_it_may_be(times: list[int]) -> None:
    arrivals = [Arrival(OPENED + at, at) for at in sorted(times)]
    for cell in Cells(OPENED).join(arrivals):
        assert cell.at_ns - OPENED == cell.said[-1]
        assert cell.said[-1] - cell.said[0] <= CELL_NS
