"""How do several charts share one time axis? Charts with a gutter, what happened drawn in, lanes and ticks.

A column of characters is two bins of `charts.Span`; everything that has a time is put into its column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from perfwatch.derive.live_course import PER_JOULE, WATTS, WORK_RATE
from perfwatch.frame import RUN, Bin
from perfwatch.text import clean, to_ascii
from perfwatch.tui.draw import charts
from perfwatch.tui.draw.charts import Book, Span
from perfwatch.tui.draw.row import Line, Row
from perfwatch.tui.view import View

GUTTER = 17
"""Columns left of a chart: its name and the top of its axis."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800)
_TICK_COLUMNS = 12


@dataclass(frozen=True)
class Band:
    """Something that lasted, in seconds of the session. `end` None: it still does."""

    name: str
    start: float
    end: float | None = None


@dataclass(frozen=True)
class Drawn:
    """What is drawn into the charts."""

    phases: tuple[Band, ...] = ()
    marks: tuple[tuple[str, float], ...] = ()
    throttles: tuple[Band, ...] = ()
    gaps: tuple[Band, ...] = ()

    @property
    def happened(self) -> bool:
        """Whether the lane of marks, throttles and gaps has anything to show."""
        return bool(self.marks or self.throttles or self.gaps)


@dataclass(frozen=True)
class Track:
    """One chart: its name, the style of its dots, what is known, the top of its axis in words, its unit."""

    name: str
    style: str
    known: Mapping[int, Bin]
    top: float
    top_words: str
    unit: str = ""


IN_THE_FILL = {"phase": "value", "mark": "mark"}
"""How an upright line looks where a chart is filled: the hue of phases is that of a chart."""
_STYLES = {WORK_RATE: "work", WATTS: "power", PER_JOULE: "efficiency"}


def track_of(name: str, metric: str, unit: str, span: Span, book: Book) -> Track:
    """A series of the run over the span, and a round top of its axis."""
    known = book.ask(RUN, metric, span)
    top = charts.ceiling(charts.largest(known, span))
    if unit == "W":
        return Track(name, _STYLES[metric], known, top, _brief(top) + unit)
    return Track(name, _STYLES[metric], known, top, _brief(top).rstrip(), unit)


def _brief(value: float) -> str:
    """`5 k`, `200 `, `0.5 `: a round number, ready for a unit."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {prefix}"
    return f"{value:g} "


class Timeline:
    """A stretch of time, and what happened in it.

    Args:
        span: the bins that are shown.
        columns: of the whole picture, the gutter included.
    """

    def __init__(self, span: Span, columns: int, view: View, drawn: Drawn) -> None:
        self._span = span
        self._columns = columns
        self._room = columns - GUTTER
        self._view = view
        self._drawn = drawn
        self._throttled = self._columns_of(drawn.throttles)
        self._missing = self._columns_of(drawn.gaps)
        self._uprights = self._lines()
        self._pieces = self._cut()

    # -- charts ------------------------------------------------------------------------------------

    def chart(self, track: Track, height: int) -> list[Row]:
        """A chart with its gutter: throttled and missing columns in styles of their own, marks as lines."""
        bars = charts.chart(
            track.known, self._span, height, 0.0, track.top, peak=False, ascii_only=self._view.ascii
        )
        rows = []
        for y, bar in enumerate(bars):
            row = Line(self._columns)
            _gutter(row, track, y, height)
            for piece in self._pieces:
                row.put(*self._drawn_piece(piece, bar, track.style, lowest=y == height - 1))
            rows.append(row.row())
        return rows

    def _cut(self) -> list[_Piece]:
        """The columns in runs that are drawn alike."""

        def kind(x: int) -> str:
            if x in self._uprights:
                return f"upright {x}"
            if x in self._missing:
                return "missing"
            return "throttled" if x in self._throttled else ""

        runs = [(name, list(group)) for name, group in groupby(range(self._room), key=kind)]
        return [_Piece(group[0], group[-1] + 1, name.partition(" ")[0]) for name, group in runs]

    def _drawn_piece(self, piece: _Piece, bar: str, style: str, *, lowest: bool) -> tuple[str, str]:
        text = bar[piece.first : piece.beyond]
        if text.isspace():
            if piece.kind == "upright":
                return self._uprights[piece.first]
            if piece.kind == "missing" and lowest:
                return ("-" if self._view.ascii else "╌") * len(text), "gap"
            return text, "text"
        if piece.kind == "upright":  # seen in the filled part too, as a column that stands out
            return text, IN_THE_FILL[self._uprights[piece.first][1]]
        return text, "throttle" if piece.kind == "throttled" else style

    def _lines(self) -> dict[int, tuple[str, str]]:
        """Upright lines: where a phase begins or ends, and at marks."""
        ends = [t for phase in self._drawn.phases for t in (phase.start, phase.end) if t is not None]
        found = {x: (":" if self._view.ascii else "┊", "phase") for t in ends if (x := self._place(t)) >= 0}
        for _, t in self._drawn.marks:
            found[self._place(t)] = ("!" if self._view.ascii else "╎", "mark")
        return found

    def _place(self, t: float) -> int:
        """The column of a time; outside of the picture it is negative or beyond its last one."""
        return int((t / self._span.width_s - self._span.first) // 2)

    def _columns_of(self, bands: Iterable[Band]) -> set[int]:
        found: set[int] = set()
        for band in bands:
            last = self._room - 1 if band.end is None else min(self._room - 1, self._place(band.end))
            found.update(range(max(0, self._place(band.start)), last + 1))
        return found

    # -- below the charts --------------------------------------------------------------------------

    def lanes(self) -> list[Row]:
        """Phases by name; throttles, gaps and marks."""
        drawn = self._drawn
        rows = []
        if drawn.phases:
            rows.append(self._lane("phases", [_Kind(drawn.phases, "phase", "─", "-")], ()))
        if drawn.happened:
            kinds = [_Kind(drawn.throttles, "throttle", "▒", "#"), _Kind(drawn.gaps, "gap", "╌", "-")]
            rows.append(self._lane("events", kinds, drawn.marks))
        return rows

    def _lane(self, title: str, kinds: Sequence[_Kind], marks: Sequence[tuple[str, float]]) -> Row:
        cells = [(" ", "text")] * self._room
        owners: list[Band | None] = [None] * self._room
        bands = [(kind, band) for kind in kinds for band in kind.bands]
        for kind, band in bands:
            for x in self._columns_of([band]):
                cells[x], owners[x] = (kind.plain if self._view.ascii else kind.sign, kind.style), band
        for kind, band in bands:  # a name stands where no later band lies over it, whole or not at all
            mine = [x for x in range(self._room) if owners[x] is band]
            name = f" {_safe(band.name)} "
            if len(mine) >= len(name) + 2 and mine[len(name) + 1] == mine[0] + len(name) + 1:
                _write(cells, mine[0] + 1, name, kind.style)
        for name, t in marks:
            x = self._place(t)
            if 0 <= x < self._room:
                cells[x] = ("^" if self._view.ascii else "▲", "mark")
                _write(cells, x + 1, _safe(name)[: _blanks(cells, x + 1)], "mark")
        row = Line(self._columns)
        row.put(" ").cell(title, GUTTER - 2, "dim", right=False).put(" ")
        return _put_cells(row, cells)

    def axis(self) -> Row:
        """Ticks, counted back from now."""
        column_s = 2 * self._span.width_s
        shown_s = self._room * column_s
        most = max(1, self._room // _TICK_COLUMNS)
        step_s = next((step for step in _STEPS_S if shown_s / step <= most), shown_s)
        end = "paused" if self._view.paused_at is not None else "now"
        cells = [" "] * max(self._room, len(end))
        cells[len(cells) - len(end) :] = end
        for back in range(1, int(shown_s / step_s) + 1):
            words = _back(back * step_s)
            x = self._room - 1 - round(back * step_s / column_s)
            if x >= 0 and x + len(words) < self._room - len(end) - 1:
                cells[x : x + len(words)] = words
        return Line(self._columns).put(" " * GUTTER).put("".join(cells), "dim").row()


class _Piece(NamedTuple):
    """Columns `first` up to but not including `beyond`, and what they are: upright, missing, throttled."""

    first: int
    beyond: int
    kind: str


@dataclass(frozen=True)
class _Kind:
    """Bands that look alike: their style, and their sign in both alphabets."""

    bands: Sequence[Band]
    style: str
    sign: str
    plain: str


def _gutter(row: Line, track: Track, y: int, height: int) -> None:
    if y == 0:
        row.put(" ").cell(track.name, 6, track.style, right=False)
        row.cell(track.top_words, GUTTER - 8, "dim").put(" ")
    elif y == height - 1:
        row.cell("0", GUTTER - 1, "dim").put(" ")
    elif y == 1:
        row.cell(track.unit, GUTTER - 1, "dim").put(" ")
    else:
        row.skip_to(GUTTER)


def _put_cells(row: Line, cells: Sequence[tuple[str, str]]) -> Row:
    for style, group in groupby(cells, key=lambda cell: cell[1]):
        row.put("".join(text for text, _ in group), style)
    return row.row()


def _safe(name: str) -> str:
    """A name from outside, harmless and one column a character."""
    return to_ascii(clean(name, 40))


def _write(cells: list[tuple[str, str]], x: int, text: str, style: str) -> None:
    for at, character in enumerate(text[: max(0, len(cells) - x)]):
        cells[x + at] = (character, style)


def _blanks(cells: Sequence[tuple[str, str]], x: int) -> int:
    """How many cells are free from a column on."""
    return next((at - x for at in range(x, len(cells)) if cells[at][0] != " "), len(cells) - x)


def _back(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % (size / 2) == 0:
            return f"-{seconds / size:g} {unit}"
    return f"-{seconds:.0f} s"
