"""The card as Markdown, as GitHub and forums render it: a table, and lines below it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perfwatch.exporters.card.model import SIMULATED, Card

_SIGNS = re.compile(r"[\\`*_\[\]|~$]")
_AT_START = re.compile(r"\A(?:[-+#=]|\d+[.)](?=\s|\Z))")
"""What makes a list, a heading or a quotation of a line."""
_LINKED = re.compile(r"(?<=[@#!])(?=\w)|(?<=GH)(?=-\d)")
"""Where GitHub would name a person, an issue or a request."""
_ADDRESS = re.compile(r"(?<=\w)(?=://)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_NOTHING = "<!-- -->"
"""It is not shown, and parts what must not be one word."""
_MARKS = {"insufficient": "**!** ", "warn": ""}


def render(card: Card) -> str:
    """The card, without a line end at its end."""
    return "\n".join(_lines(card))


def escaped(text: str) -> str:
    """A text that Markdown shows as it is: no markup, no table cell, no link, nobody named."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SIGNS.sub(lambda found: "\\" + found[0], text)
    text = _AT_START.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], text)
    return _ADDRESS.sub(_NOTHING, _LINKED.sub(_NOTHING, text))


def _lines(card: Card) -> Iterator[str]:
    yield f"**{escaped(card.title)}**"
    if card.simulated:
        yield ""
        yield f"> **{escaped(SIMULATED)}**"
    yield ""
    yield from _table(card)
    yield ""
    yield from _verdict(card)
    yield ""
    yield "  \n".join(_conditions(card))


def _table(card: Card) -> Iterator[str]:
    yield "| figure | value | |"
    yield "|:--|--:|:--|"
    for figure in card.figures:
        yield f"| {escaped(figure.label)} | **{escaped(figure.text)}** | {escaped(figure.note)} |"


def _verdict(card: Card) -> Iterator[str]:
    judgement = card.judgement
    yield f"**{escaped(judgement.sentence)}** {escaped(judgement.limits)}".rstrip()
    told = [
        *map(escaped, judgement.unknown),
        *(_MARKS.get(finding.level, "") + escaped(finding.message) for finding in judgement.findings),
        *([escaped(judgement.rest)] if judgement.rest else []),
    ]
    if told:
        yield ""
        yield from (f"- {line}" for line in told)


def _conditions(card: Card) -> Iterator[str]:
    """Lines of one paragraph: two blanks at the end of a line break it."""
    for phrases in (card.machine, card.measured):
        if phrases:
            yield " · ".join(map(escaped, phrases))
    for name, said in card.asked:
        yield f"{name}: {escaped(said)}"
    *made, _ = card.made_of
    hashed = f"{card.source.kind} sha256 `{card.source.short}`"
    yield " · ".join([*map(escaped, made), hashed])
