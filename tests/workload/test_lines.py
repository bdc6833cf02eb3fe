from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perfwatch.workload.lines import LINE_BYTES, Lines, plain_text


def lines_of(*pieces: bytes) -> list[tuple[int, str]]:
    lines = Lines()
    found = [line for at, piece in enumerate(pieces) for line in lines.feed(piece, at)]
    return found + list(lines.end())


def test_lf_cr_and_crlf_end_a_line_and_empty_lines_are_passed_over() -> None:
    assert lines_of(b"a\nb\rc\r\nd\n\n\re") == [(0, "a"), (0, "b"), (0, "c"), (0, "d"), (0, "e")]


def test_a_line_has_the_time_at_which_its_last_byte_came() -> None:
    """The CR that ends a progress bar comes with the next bar."""
    assert lines_of(b"step ", b"1", b"\rstep 2", b"\n") == [(1, "step 1"), (2, "step 2")]


def test_escape_sequences_and_controls_are_removed() -> None:
    assert plain_text(b"\x1b[1m 938/1875\x1b[0m \x1b]0;title\x07ok\x1b[A\x08\x1b(B") == " 938/1875 ok"
    assert plain_text("\t±\xa0é".encode()) == "\t±\xa0é"


def test_bytes_that_are_no_utf8_do_not_hide_the_line() -> None:
    assert plain_text(b"step \xff 5") == "step \N{REPLACEMENT CHARACTER} 5"


def test_a_line_without_end_takes_no_more_room_than_a_line_may() -> None:
    lines = Lines()
    for at in range(100):
        assert list(lines.feed(b"x" * 1000, at)) == []
    assert [len(text) for _, text in lines.feed(b"\nnext\n", 100)] == [LINE_BYTES, 4]


@given(
    st.lists(st.sampled_from(["step 1", "é", "", "x" * 300, "\x1b[31mred\x1b[0m"]), max_size=20),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.integers(1, 50), max_size=200),
)
def test_any_chunking_gives_the_same_lines(texts: list[str], end: bytes, sizes: list[int]) -> None:
    data = b"".join(text.encode() + end for text in texts)
    pieces, rest = [], data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    pieces.append(rest)
    assert [text for _, text in lines_of(*pieces)] == [plain_text(text.encode()) for text in texts if text]
