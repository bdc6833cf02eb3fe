"""JSON lines: the records as they were, and no half line."""

from __future__ import annotations

import json

import pytest
from derive.build import Session

from perfwatch.errors import SessionError
from perfwatch.exporters.jsonl import lines

HEADER = json.dumps(Session().header).encode()


def test_lines_are_passed_on_byte_for_byte_however_the_text_is_cut() -> None:
    text = HEADER + b'\n{"t": 1.0,  "event":"x","n":1.50}\n\n{"t":2.0}\n'
    expected = [HEADER + b"\n", b'{"t": 1.0,  "event":"x","n":1.50}\n', b'{"t":2.0}\n']
    for size in (1, 7, 10_000):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert list(lines("x", chunks)) == expected


def test_a_torn_last_line_is_left_out() -> None:
    assert list(lines("x", [HEADER + b'\n{"t":1.0}\n{"t":2.'])) == [HEADER + b"\n", b'{"t":1.0}\n']


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "is empty"),
        (b"hello\n", "no JSON object"),
        (b"{}\n", "no perfwatch header"),
        (b"[" * 100_000 + b"\n", "no JSON object"),
        (b'{"format":"perfwatch.session","version":99}\n', "update perfwatch"),
    ],
)
def test_what_is_no_session_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(SessionError, match=reason):
        list(lines("x.jsonl", [text]))


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(SessionError, match="that is no session"):
        list(lines("x.jsonl", (b"a" * 1_000_000 for _ in range(100))))
