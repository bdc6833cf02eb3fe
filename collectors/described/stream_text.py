"""Of what a stream printed since the reading before: what belongs to it, and which part of it is whole?

A reading falls anywhere in what a tool prints. Titles that it printed once hold of all that follows, and a
record of several lines that a reading cuts in two is kept until its end has come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from perfwatch_collectors.described.formats import BOM, titles_at
from perfwatch_collectors.described.patience import seen_by
from perfwatch_collectors.described.patterns import TEXT_CHARACTERS, compiled

from perfwatch.workload.lines import plain_text

if TYPE_CHECKING:
    from perfwatch_collectors.described.formats import Read

MOST_KEPT = 2**18
"""Of what never becomes a record so much is kept at most; and so much of what was said before the first."""
_OPENING = re.compile(r"^[{\[]", re.MULTILINE)


class StreamText:
    """Puts together what the readings of one stream tell."""

    def __init__(self, how: Read) -> None:
        self._how = how
        self._begun = ""
        """What was not whole yet."""
        self._head = ""
        """What was said once, and holds of all: the line of titles, or what stands before the first block."""
        self._is_told = False
        """What was begun is a block that was told already: lines that still come to it tell it anew."""
        self._block_lines = 0
        self._take = _TAKES.get(how.format, StreamText.lines)

    def whole(self, output: bytes) -> bytes:
        """What the records of this reading are in, of what was printed since the last one."""
        text = "".join(f"{plain_text(line)}\n" for line in output.removeprefix(BOM).splitlines())
        return self._take(self, text).encode()

    def rest(self) -> bytes:
        """What was begun, where nothing more comes: the end of a last record is seen by that alone."""
        begun, self._begun = self._begun, ""
        return f"{self._head}{begun}".encode() if begun and not self._is_told else b""

    def lines(self, text: str) -> str:
        """Each line is whole."""
        return text

    def rows(self, text: str) -> str:
        """Rows below the line of titles, which may have come long ago."""
        lines = text.splitlines()
        at = titles_at(lines, self._how, is_begin=not self._head)
        if at is not None:
            self._head = f"{lines[at]}\n"
        return self._head + text

    def blocks(self, text: str) -> str:
        """Blocks of lines; the last one is whole where it has as many of them as the one before."""
        if not self._how.begins:
            return text
        begins = compiled(self._how.begins)
        before, blocks = _cut(f"{self._begun}{text}".splitlines(keepends=True), begins)
        self._head = self._head or before[:MOST_KEPT]
        if not blocks:
            return ""
        told_already = self._is_told and blocks[0] == self._begun
        if len(blocks) > 1:
            self._block_lines = blocks[-2].count("\n")
        self._begun = blocks[-1][-MOST_KEPT:]
        self._is_told = 0 < self._block_lines <= blocks[-1].count("\n")
        whole = blocks if self._is_told else blocks[:-1]
        return "".join((self._head, *whole[told_already:])) if whole[told_already:] else ""

    def matches(self, text: str) -> str:
        """What the pattern fits; what comes after its last match may be the beginning of the next one."""
        pattern = compiled(self._how.pattern)
        text = seen_by(pattern, (self._begun + text)[-TEXT_CHARACTERS:]).text
        end = 0
        for match in pattern.finditer(text):
            end = match.end()
        _, _, rest = (
            text[end:].partition("\n") if text[:end] and text[end - 1] != "\n" else ("", "", text[end:])
        )
        self._begun = rest[-MOST_KEPT:]
        return text[:end]

    def documents(self, text: str) -> str:
        """The newest whole document; one that only begins is kept."""
        text = self._begun + text
        newest, self._begun = "", ""
        at = 0
        while (opening := _OPENING.search(text, at)) is not None:
            try:
                _, at = json.JSONDecoder().raw_decode(text, opening.start())
            except RecursionError:
                return text
            except ValueError as error:
                if _is_cut(text, error):
                    self._begun = text[opening.start() :][-MOST_KEPT:]
                    break
                at = opening.end()
            else:
                newest = text[opening.start() : at]
        return newest


def _cut(lines: Sequence[str], begins: re.Pattern[str]) -> tuple[str, list[str]]:
    """What stands before the first line that begins a block, and the blocks."""
    starts = [at for at, line in enumerate(lines) if begins.search(seen_by(begins, line).text)]
    ends = [*starts[1:], len(lines)]
    blocks = ["".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]
    return "".join(lines[: starts[0] if starts else len(lines)]), blocks


def _is_cut(text: str, error: ValueError) -> bool:
    """Whether a document is only not whole yet: what is wrong is that it ends."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")


_TAKES: dict[str, Callable[[StreamText, str], str]] = {
    "csv": StreamText.rows,
    "table": StreamText.rows,
    "keyvalue": StreamText.blocks,
    "regex": StreamText.matches,
    "json": StreamText.documents,
}
"""How each format is put together; of others each line is whole."""
