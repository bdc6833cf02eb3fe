"""The card as a framed block of text, for an issue's code block or a mail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfwatch.exporters.card.model import MOST_LINES, SIMULATED, Card, held
from perfwatch.exporters.layout import Paint, Row, hanging, table
from perfwatch.exporters.summary_parts import glued
from perfwatch.text import pad, width

COLUMNS = 72
_INSIDE = COLUMNS - 4
_UNICODE, _ASCII = tuple("┌─┐│├┤└┘"), tuple("+-+|++++")
_MARKS = {"insufficient": "  ! ", "warn": "  * "}


def render(card: Card, *, ascii: bool = False) -> str:  # noqa: A002 - the word of the option --ascii
    """The card, at most 72 columns wide, without a line end at its end."""
    return "\n".join(_Block(card, ascii_only=ascii).lines())


class _Block:
    """One card being written."""

    def __init__(self, card: Card, *, ascii_only: bool) -> None:
        self._card = card
        self._paint = Paint(color=False, ascii_only=ascii_only)
        self._signs = _ASCII if ascii_only else _UNICODE

    def lines(self) -> Iterator[str]:
        """The whole block, line by line."""
        left, dash, right, side, tee, eet, low_left, low_right = self._signs
        yield self._edge(left, right)
        for at, part in enumerate((self._head(), self._figures(), self._conditions(), self._verdict())):
            if at:
                yield tee + dash * (COLUMNS - 2) + eet
            for line in part:
                yield f"{side} {pad(line, _INSIDE)} {side}"
        yield low_left + dash * (COLUMNS - 2) + low_right

    def _edge(self, left: str, right: str) -> str:
        dash = self._signs[1]
        told = f"{dash} perfwatch "
        return left + told + dash * (COLUMNS - 2 - width(told)) + right

    def _head(self) -> Iterator[str]:
        yield self._paint.cut(self._card.title, _INSIDE)
        if self._card.simulated:
            yield self._paint.line(f"*** {SIMULATED} ***")

    def _figures(self) -> Sequence[str]:
        rows = [Row(figure.label, (figure.text,), glued(figure.note)) for figure in self._card.figures]
        return table(rows, [""], _INSIDE, self._paint)[1:]  # one column of figures needs no title

    def _conditions(self) -> Iterator[str]:
        for phrases in (self._card.machine, self._card.measured):
            if phrases:
                yield from self._wrapped("; ".join(phrases))
        for name, said in self._card.asked:
            yield from self._wrapped(said, f"{name}: ")
        yield from self._wrapped("; ".join(self._card.made_of))

    def _verdict(self) -> Iterator[str]:
        judgement = self._card.judgement
        yield from self._wrapped(" ".join(filter(None, (judgement.sentence, judgement.limits))))
        for sentence in judgement.unknown:
            yield from self._wrapped(sentence, "  – ")
        for finding in judgement.findings:
            yield from self._cut(self._wrapped(finding.message, _MARKS.get(finding.level, "  - ")))
        if judgement.rest:
            yield f"  - {judgement.rest}"

    def _cut(self, lines: Sequence[str]) -> Sequence[str]:
        """As many lines as a finding may have; that something was cut is seen."""
        if len(lines) <= MOST_LINES:
            return lines
        last = f"{lines[MOST_LINES - 1]} {lines[MOST_LINES].strip()}"
        return [*lines[: MOST_LINES - 1], self._paint.cut(last, _INSIDE)]

    def _wrapped(self, text: str, first: str = "") -> Sequence[str]:
        return hanging(held(text), _INSIDE, first, paint=self._paint)
