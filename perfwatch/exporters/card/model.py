"""The nouns of a card: what it says, before anything is laid out.

All of its text is safe to show: without control characters, and without places and people unless asked for.
Markdown and XML escape it for themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from perfwatch.exporters.layout import GREEN, YELLOW
from perfwatch.text import GLUE


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the six figures.

    Args:
        name: what it is called in the JSON.
        label: what it is called by people.
        text: value and error for people; a dash where it is not known.
        value: in the base unit `unit`; None where it is not known.
        error: its expanded uncertainty in the same unit, where it has one.
        note: what belongs beside it.
        because: why it is not known.
    """

    name: str
    label: str
    text: str
    value: float | None
    unit: str
    error: float | None = None
    note: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands against the figures."""

    level: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the figures can be quoted, and what they leave out.

    Args:
        words: the summary's own.
        color: the code of its colour in a terminal.
        unknown: why figures have a dash, a sentence each.
        findings: the gravest of them.
        more: how many others there are.
    """

    words: str
    color: str
    limits: str
    unknown: tuple[str, ...]
    findings: tuple[Finding, ...]
    more: int

    @property
    def grade(self) -> str:
        """`good`, `caveats` or `bad`."""
        return {GREEN: "good", YELLOW: "caveats"}.get(self.color, "bad")

    @property
    def sentence(self) -> str:
        """The words as a sentence of their own."""
        return f"{self.words[:1].upper()}{self.words[1:]}."

    @property
    def rest(self) -> str:
        """That there is more than what is listed; empty where there is not."""
        return f"{self.more} more: perfwatch summary tells them." if self.more else ""


@dataclass(frozen=True, slots=True)
class Source:
    """What the card was made of, and the SHA-256 of its text: a `session` or a `summary`."""

    kind: str
    sha256: str

    @property
    def short(self) -> str:
        """The first digits of the hash, as many as a card shows."""
        return self.sha256[:12]


@dataclass(frozen=True, slots=True)
class Card:
    """A run as it is pasted.

    Args:
        machine: devices, caps, drivers, versions and tags, a phrase each.
        measured: scope and method of the energy, and the window, a phrase each.
        asked: what is shown only where it was asked for (`hosts`, `command`), by name.
    """

    title: str
    simulated: bool
    figures: tuple[Figure, ...]
    machine: tuple[str, ...]
    measured: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]
    judgement: Judgement
    version: str
    date: str | None
    source: Source

    @property
    def made_of(self) -> tuple[str, ...]:
        """Version, date and hash, a phrase each; a card of a summary says that it is one."""
        date = (f"{self.date} UTC",) if self.date else ()
        return (f"perfwatch {self.version}", *date, f"{self.source.kind} sha256 {self.source.short}")


SIMULATED = "SIMULATED: not measured on a real device"
MOST_LINES = 2
"""A finding is told in so many lines at most; the JSON has all of it."""
_BEHIND_NUMBER = re.compile(r"(?<=\d) (?=\S)")


def held(text: str) -> str:
    """The text with its numbers held to what they count, so that no line ends between them."""
    return _BEHIND_NUMBER.sub(GLUE, text)
