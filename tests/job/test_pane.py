"""What the dashboard shows of the job's output, and who gets it when the screen is gone."""

from __future__ import annotations

from perfwatch.job.pane import LINE_BYTES, LINES, Pane


def test_pieces_become_lines_and_the_unfinished_one_is_last() -> None:
    pane = Pane()
    pane.feed("stdout", b"one\ntw", 0)
    pane.feed("stdout", b"o\nthree", 0)
    assert pane.lines() == ("one", "two", "three")


def test_two_streams_do_not_mix_within_a_line() -> None:
    pane = Pane()
    pane.feed("stdout", b"left ", 0)
    pane.feed("stderr", b"right\n", 0)
    pane.feed("stdout", b"over\n", 0)
    assert pane.lines() == ("right", "left over")


def test_a_progress_bar_keeps_its_newest_state_only() -> None:
    pane = Pane()
    pane.feed("stderr", b"\r 10 %\r 20 %", 0)
    assert pane.lines() == (" 20 %",)
    pane.feed("stderr", b"\r 30 %\r", 0)
    assert pane.lines() == (" 30 %\r",)


def test_lines_and_their_number_are_bounded() -> None:
    pane = Pane()
    pane.feed("stdout", b"x" * 100_000 + b"\n", 0)
    assert len(pane.lines()[0]) == LINE_BYTES
    pane.feed("stdout", b"y\n" * (3 * LINES), 0)
    assert len(pane.lines()) == LINES


def test_a_stream_that_ends_without_a_line_end_loses_nothing() -> None:
    pane = Pane()
    pane.feed("stdout", b"last words", 0)
    pane.feed("stdout", b"", 0)
    assert pane.lines() == ("last words",)


def test_when_nobody_draws_any_more_the_newest_lines_and_all_that_follows_are_handed_on() -> None:
    pane, got = Pane(), bytearray()
    pane.feed("stdout", b"1\n2\n3\nhal", 0)
    pane.hand_over(2, got.extend)
    pane.feed("stdout", b"f\n4\n", 0)
    assert bytes(got) == b"2\n3\nhalf\n4\n"
