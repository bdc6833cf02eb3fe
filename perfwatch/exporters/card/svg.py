"""The card as a picture: one SVG that needs nothing else, for light and dark pages and for screen readers.

Words are set by the reader's own fonts, whose widths are not known here. So lines are broken by those of a
wide face (DejaVu Sans): in a narrower one they are shorter, in none do they leave the card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from perfwatch.exporters.card.model import MOST_LINES, SIMULATED, Card, Figure, held
from perfwatch.text import width

WIDTH, MARGIN, GAP = 760, 28, 20
ROOM = WIDTH - 2 * MARGIN
TILES = 3
TILE = (ROOM - (TILES - 1) * GAP) / TILES

_STYLE = """
.page{fill:#ffffff;stroke:#d0d7de}.rule{stroke:#d8dee4}.ink{fill:#1f2328}.dim{fill:#59636e}
.good{fill:#1a7f37}.caveats{fill:#9a6700}.bad{fill:#cf222e}.sim{fill:#9a6700}.on{fill:#ffffff}
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}
.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.b{font-weight:600}
@media (prefers-color-scheme:dark){
.page{fill:#0d1117;stroke:#3d444d}.rule{stroke:#30363d}.ink{fill:#f0f6fc}.dim{fill:#9198a1}
.good{fill:#3fb950}.caveats{fill:#d29922}.bad{fill:#f85149}.sim{fill:#d29922}.on{fill:#0d1117}}
"""
_VALUE = re.compile(
    r"(?P<number>(?:[<≥≤] )?-?\d[\d. ]*?(?:e[+-]\d+)?)"
    r"(?: ± (?P<error>\d[\d. e+-]*?))?(?: (?P<unit>[^\d ]\D*))?"
)
_BREADTHS = {
    sign: breadth
    for signs, breadth in (("ijlI'|", 0.3), (" .,:;!/", 0.34), ("ftr()[]-·", 0.42), ("mwMW%@—…", 1.0))
    for sign in signs
}
"""Of a font's size, in DejaVu Sans."""
_CAPITAL, _OTHER, _BOLDER = 0.7, 0.64, 1.1
_HANGING = 10
"""Further lines of a finding stand so far to the right, below its words."""


def render(card: Card) -> str:
    """The picture, without a line end at its end."""
    return _Picture(card).text()


@dataclass(frozen=True, slots=True)
class Value:
    """A figure's text in its parts, which are set in different sizes; an error has its unit with it."""

    number: str
    error: str = ""
    unit: str = ""


def parted(text: str) -> Value:
    """`1.99 ± 0.01 tok/J` in its parts; what is made otherwise (`12 min 03 s`) is one."""
    found = _VALUE.fullmatch(text)
    if found is None:
        return Value(text)
    unit = found["unit"] or ""
    error = f"± {found['error']} {unit}".rstrip() if found["error"] else ""
    return Value(found["number"], error, unit)


def breadth(text: str, size: float) -> float:
    """How broad a text is at most, px."""
    return size * sum(
        _BREADTHS.get(sign) or (_CAPITAL if sign.isupper() else _OTHER * width(sign)) for sign in text
    )


def bold(size: float) -> float:
    """The size of ordinary text that is as broad as bold text of this size."""
    return size * _BOLDER


def lines_of(text: str, size: float, room: float) -> list[str]:
    """A text in lines that fit the room; a word that is too long is cut in pieces."""
    lines, line = [], ""
    for word in filter(None, held(text).split(" ")):
        joined = f"{line} {word}" if line else word
        if breadth(joined, size) <= room:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while breadth(line, size) > room and len(line) > 1:
            head = _head(line, size, room)
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line] if line else lines


def few_lines_of(text: str, size: float, room: float) -> list[str]:
    """The same in two lines at most, cut with an ellipsis."""
    lines = lines_of(text, size, room)
    kept, last = lines[: MOST_LINES - 1], lines[MOST_LINES - 1 :]
    return [*kept, one_line(" ".join(last), size, room)] if last else kept


def one_line(text: str, size: float, room: float) -> str:
    """The text, cut to the room with an ellipsis."""
    if breadth(text, size) <= room:
        return text
    return _head(text, size, room - breadth("…", size)).rstrip() + "…"


def _head(text: str, size: float, room: float) -> str:
    taken = 0.0
    for at, sign in enumerate(text):
        taken += breadth(sign, size)
        if taken > room:
            return text[: max(at, 1)]
    return text


class _Picture:
    """One card being drawn from above to below."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._y = 0.0
        self._drawn: list[str] = []

    def text(self) -> str:
        """The whole file."""
        self._head()
        self._figures()
        self._rule()
        self._verdict()
        self._rule()
        self._conditions()
        height = round(self._y + 18)
        title, about = escape(_title(self._card)), escape(_description(self._card))
        size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
                f'<title id="title">{title}</title>',
                f'<desc id="desc">{about}</desc>',
                f"<style>{_STYLE}</style>",
                f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="12"/>',
                *self._drawn,
                "</svg>",
            ]
        )

    def _head(self) -> None:
        self._y = 42
        brand = "perfwatch"
        room = ROOM - breadth(brand, bold(15)) - GAP
        self._put(MARGIN, one_line(self._card.title, bold(19), room), 19, "ink b")
        self._put(WIDTH - MARGIN, brand, 15, "dim b", anchor="end")
        if self._card.simulated:
            self._y += 16
            self._box(MARGIN, self._y, ROOM, 28, "sim")
            self._y += 19
            self._put(WIDTH / 2, SIMULATED, 14, "on b", anchor="middle")
            self._y += 9
        self._y += 34

    def _figures(self) -> None:
        figures = self._card.figures
        for at in range(0, len(figures), TILES):
            top = self._y
            heights = [
                self._tile(figure, MARGIN + place * (TILE + GAP), top)
                for place, figure in enumerate(figures[at : at + TILES])
            ]
            self._y = top + max(heights) + 28
        self._y -= 10

    def _tile(self, figure: Figure, x: float, top: float) -> float:
        """Label, value and what belongs beside it; returns how high that is."""
        self._y = top
        self._put(x, one_line(figure.label, 13, TILE), 13, "dim")
        self._y += 32
        value = parted(figure.text)
        size = _fitting(value)
        unit = f'<tspan dx="5" class="ink" font-size="{size * 0.55:g}">{escape(value.unit)}</tspan>'
        self._put(x, value.number, size, "ink b", more=unit if value.unit else "")
        notes = "; ".join(filter(None, (value.error, figure.note)))
        for number, line in enumerate(few_lines_of(notes, 12, TILE)):
            self._y += 17 if number else 20
            self._put(x, line, 12, "dim")
        return self._y - top

    def _verdict(self) -> None:
        judgement = self._card.judgement
        grade = judgement.grade
        self._y += 24
        top = self._y - 14
        self._put(MARGIN + 16, one_line(judgement.sentence, bold(15), ROOM - 16), 15, f"{grade} b")
        for line in lines_of(judgement.limits, 12.5, ROOM - 16):
            self._said(line)
        for sentence in judgement.unknown:
            self._points("– ", lines_of(sentence, 12.5, ROOM - 16 - 2 * _HANGING))
        for finding in judgement.findings:
            self._points("• ", few_lines_of(finding.message, 12.5, ROOM - 16 - 2 * _HANGING))
        if judgement.rest:
            self._points("• ", [judgement.rest])
        self._box(MARGIN, top, 4, self._y - top + 5, grade, round_=2)
        self._y += 20

    def _points(self, mark: str, lines: Sequence[str]) -> None:
        """A sentence behind a mark."""
        for at, line in enumerate(lines):
            self._said(line if at else mark + line, _HANGING if at else 0)

    def _said(self, line: str, indent: float = 0) -> None:
        self._y += 19
        self._put(MARGIN + 16 + indent, line, 12.5, "ink")

    def _conditions(self) -> None:
        self._y += 5
        asked = (f"{name}: {said}" for name, said in self._card.asked)
        for text in (" · ".join(self._card.machine), " · ".join(self._card.measured), *asked):
            for line in lines_of(text, 12, ROOM):
                self._y += 17
                self._put(MARGIN, line, 12, "dim")
        self._y += 19
        *made, hashed = self._card.made_of
        self._put(MARGIN, " · ".join(made), 12, "dim")
        self._put(WIDTH - MARGIN, hashed, 12, "dim mono", anchor="end")

    def _rule(self) -> None:
        self._drawn.append(
            f'<line class="rule" x1="{MARGIN}" y1="{self._y:g}" x2="{WIDTH - MARGIN}" y2="{self._y:g}"/>'
        )

    def _box(self, x: float, y: float, breadth_: float, height: float, kind: str, *, round_: int = 6) -> None:
        at = f'x="{x:g}" y="{y:g}" width="{breadth_:g}" height="{height:g}"'
        self._drawn.append(f'<rect class="{kind}" {at} rx="{round_}"/>')

    def _put(
        self, x: float, text: str, size: float, kind: str, *, anchor: str = "start", more: str = ""
    ) -> None:
        at = f'x="{x:g}" y="{self._y:g}" font-size="{size:g}" class={quoteattr(kind)} text-anchor="{anchor}"'
        self._drawn.append(f"<text {at}>{escape(text)}{more}</text>")


def _fitting(value: Value) -> float:
    """The largest size of a number in which it and its unit fit a tile."""
    size = 28.0
    while size > 10 and breadth(value.number, bold(size)) + 5 + breadth(value.unit, bold(size * 0.55)) > TILE:
        size -= 1
    return size


def _title(card: Card) -> str:
    return f"{card.title}, measured by perfwatch" + (f" ({SIMULATED})" if card.simulated else "")


def _description(card: Card) -> str:
    """The card for who hears it: figures, verdict, conditions."""
    return " ".join(_sentences(card))


def _sentences(card: Card) -> Iterator[str]:
    for figure in card.figures:
        yield f"{figure.label}: {figure.text if figure.value is not None else 'not known'}."
    yield card.judgement.sentence
    for texts in (card.judgement.unknown, [finding.message for finding in card.judgement.findings]):
        yield from texts
    yield from _listed(card.machine, card.measured, card.made_of)


def _listed(*lists: Sequence[str]) -> Iterator[str]:
    for phrases in lists:
        if phrases:
            yield "; ".join(phrases) + "."
