"""Which lines did a job print, and when?

LF, CR and CRLF end a line; empty lines are passed over. A line's time is when its last byte came: a
progress bar is ended only by the CR of the next one. ANSI escape sequences and other controls are removed.

How a bar is drawn tells what it is, so a line may end in one of `ENDINGS`, which no other line has in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LINE_BYTES = 8192
"""What a line has beyond is not looked at."""
TAKEN_BACK = "\b"
"""The end of a line that backspaces take back: Keras draws a bar over like this until it is done."""
BELOW = "\v"
"""The end of a line behind which the cursor goes up, once for each row: tqdm draws a bar below others so."""
ENDINGS = TAKEN_BACK + BELOW

_CR = 0x0D
_LABEL = re.compile(rb"\s*(?:\d+|\[[^\]\s]+\](?:<std(?:out|err)>)?):\s?")
"""What srun, mpirun and torchrun put before the lines of a rank; a bar begins with a CR behind it."""
_LONGEST_LABEL = 100
_ENDS = re.compile(rb"[\r\n]")
_OF_NUMBERS = b"0123456789.,_'eE+-kKMG"
"""What a number can be made of."""
# ECMA-48: control sequences, operating system commands, strings, two-character escapes.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]"
)
_UP = re.compile(rb"(?:\x1b\[A)+$")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def plain_text(line: bytes) -> str:
    """A line as text, without escape sequences and controls."""
    text = line.decode("utf-8", "replace")
    if text.isprintable():
        return text
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def _ending(line: bytes) -> str:
    """How it goes on behind a line, of `ENDINGS`."""
    if line.endswith(b"\b"):
        return TAKEN_BACK
    up = _UP.search(line) if line.endswith(b"\x1b[A") else None
    return "" if up is None else BELOW * up[0].count(b"A")


class Lines:
    """Puts the lines of one stream together from the pieces in which it arrives.

    Args:
        line_bytes: what a line has beyond is not looked at.
    """

    def __init__(self, line_bytes: int = LINE_BYTES) -> None:
        self._line_bytes = line_bytes
        self._begun = bytearray()
        self._begun_ns = 0
        self._is_cut = self._is_torn = False

    def feed(self, data: bytes, at_ns: int) -> Iterator[tuple[int, str]]:
        """The lines that a piece completes, each with its time."""
        pieces = _ENDS.split(data)
        if self._is_torn:
            self._is_torn = len(pieces) == 1
            pieces[0] = b""
        place = 0
        for piece in pieces[:-1]:
            place += len(piece) + 1
            self._add(piece, at_ns)
            if data[place - 1] == _CR and self._is_a_label():
                continue
            yield from self.end()
        self._add(pieces[-1], at_ns)

    def tear(self) -> None:
        """A piece is missing here: what was begun has lost its end, and what comes next its beginning.

        Put together they would be a line that was never printed, with a number that nobody counted.
        """
        self._begun.clear()
        self._is_cut, self._is_torn = False, True

    def end(self) -> Iterator[tuple[int, str]]:
        """What was printed since the last line end, as a line."""
        if self._begun:
            line, self._begun = bytes(self._begun), bytearray()
            if self._is_cut:  # the first half of a number is another number
                line, self._is_cut = line.rstrip(_OF_NUMBERS), False
            text = plain_text(line)
            if text:
                yield self._begun_ns, text + _ending(line)

    def _is_a_label(self) -> bool:
        """Whether nothing but a launcher's label was printed: a CR behind it begins a bar."""
        return len(self._begun) <= _LONGEST_LABEL and _LABEL.fullmatch(self._begun) is not None

    def _add(self, piece: bytes, at_ns: int) -> None:
        if piece:
            room = self._line_bytes - len(self._begun)
            self._is_cut |= len(piece) > room
            self._begun += piece[:room]
            self._begun_ns = at_ns
