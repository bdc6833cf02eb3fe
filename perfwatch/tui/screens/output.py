"""Output: what does the job print, and what happened? The newest lines of both, searched by the filter."""

from __future__ import annotations

from collections.abc import Sequence

from perfwatch.frame import Frame
from perfwatch.text import clean, shorten, width, wrap
from perfwatch.tui.draw import ansi, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.plain_ascii import ascii_rows, ascii_text
from perfwatch.tui.draw.row import Line, Row, Span, beside, fitted, inside, with_margins
from perfwatch.tui.draw.sentences import Told, told
from perfwatch.tui.screens import EVENTS
from perfwatch.tui.view import View

SIDE_BY_SIDE = 160
"""From so many columns on, output and events stand beside each other."""
EVENT_SHARE = 0.36
_STYLE_BEHIND = 200
"""A colour that was set more lines ago than this is not known any more."""


def draw(frame: Frame, view: View, size: tuple[int, int], _book: Book) -> list[Row]:
    """The job's output and the events; `view.selected` lines back from the newest one."""
    columns, height = inside(size[0]), size[1]
    lines, events = _lines(frame, view), _events(frame, view)
    if view.zoom == EVENTS:
        rows = _all_events(view, events, columns, height)
    else:
        rows = _panes(frame, view, (columns, height), lines, events)
    rows = with_margins(fitted(rows, columns, height), size[0])
    return ascii_rows(rows) if view.ascii else rows


def rows(frame: Frame, view: View) -> int:
    """How many rows there are to go back through."""
    return len(_lines(frame, view)) if frame.output and view.zoom != EVENTS else len(_events(frame, view))


def _lines(frame: Frame, view: View) -> Sequence[int]:
    """The places of the lines of output that pass the filter."""
    if not view.filter:
        return range(len(frame.output))
    return [at for at, line in enumerate(frame.output) if view.matches(ansi.searched(line))]


def _events(frame: Frame, view: View) -> list[Told]:
    return [one for one in told(frame) if view.matches(one.text)]


def _panes(
    frame: Frame, view: View, size: tuple[int, int], lines: Sequence[int], events: Sequence[Told]
) -> list[Row]:
    columns, height = size
    if not frame.output:
        return [*_no_output(frame, columns), *_event_pane(view, events, columns, height - 2, view.selected)]
    if columns >= SIDE_BY_SIDE:
        beside_columns = int(columns * EVENT_SHARE)
        left = columns - beside_columns - 1
        return beside(
            [
                (left, _output_pane(frame, view, lines, left, height)),
                (1, []),
                (beside_columns, _event_pane(view, events, beside_columns, height, 0)),
            ],
            height,
        )
    below = min(len(events) + 1, max(3, round(height * EVENT_SHARE)))
    return [
        *_output_pane(frame, view, lines, columns, height - below),
        *_event_pane(view, events, columns, below, 0),
    ]


# -- the output ----------------------------------------------------------------------------------------


def _no_output(frame: Frame, columns: int) -> list[Row]:
    """No page of dashes: what is missing, and what to do."""
    first, second = Line(columns), Line(columns)
    if frame.playback is not None and frame.job:
        first.put("A recording does not say when its job printed what.", "text")
        second.put("Its output, where it was kept, is shown from the job's end on.", "dim")
    elif frame.job:
        first.put("The job has printed nothing that was seen here.", "text")
        second.put("Its output is shown when perfwatch starts it with a dashboard.", "dim")
    else:
        first.put("No job: nothing is printed here.", "text")
        second.put("To see one: ", "dim").put("perfwatch run -- COMMAND", "key")
    return [first.row(), second.row()]


def _output_pane(frame: Frame, view: View, lines: Sequence[int], columns: int, height: int) -> list[Row]:
    if height <= 0:
        return []
    last = max(len(lines) - view.selected, min(len(lines), height - 1))
    first = max(0, last - (height - 1))
    count = _counted(len(lines), len(frame.output), "line", view)
    if last < len(lines):
        count = f"{len(lines) - last} newer below, {count}"
    spans = _spans_of(frame.output, lines[first:last], view)
    body = [_cut(columns, one, view.filter) for one in spans]
    return fitted([_rule("output", count, columns), *body], columns, height)


def _spans_of(output: Sequence[str], places: Sequence[int], view: View) -> list[tuple[Span, ...]]:
    """The lines at these places, each begun in the colour that the lines before it left."""
    wanted = set(places)
    pen, found = ansi.PLAIN, []
    for at in range(max(0, min(wanted, default=0) - _STYLE_BEHIND), max(wanted, default=-1) + 1):
        spans, pen = ansi.shown(ascii_text(output[at]) if view.ascii else output[at], pen)
        if at in wanted:
            found.append(spans)
    return found


def _cut(columns: int, spans: Sequence[Span], wanted: str) -> Row:
    """The spans in one row, an ellipsis where they have no room, what was searched for marked."""
    line = Line(columns)
    too_long = sum(width(span.text) for span in spans) > columns
    for span in spans:
        room = line.room - (1 if too_long else 0)
        text = shorten(span.text, room, "")
        for part, style in _marked(text, span.style, wanted):
            line.put(part, style)
    if too_long:
        line.put("…", "dim")
    return line.row()


def _marked(text: str, style: str, wanted: str) -> list[tuple[str, str]]:
    """The text in pieces, those that are searched for in the style of what is selected."""
    folded, needle = text.casefold(), wanted.casefold()
    if not needle or len(folded) != len(text):
        return [(text, style)]
    pieces, at = [], 0
    while (found := folded.find(needle, at)) >= 0:
        pieces += [(text[at:found], style), (text[found : found + len(needle)], "selected")]
        at = found + len(needle)
    return [*pieces, (text[at:], style)]


# -- the events ----------------------------------------------------------------------------------------


def _event_pane(view: View, events: Sequence[Told], columns: int, height: int, back: int) -> list[Row]:
    if height <= 0:
        return []
    last = max(len(events) - back, min(len(events), height - 1))
    first = max(0, last - (height - 1))
    older = f"{first} older; enter: all" if first and not back else ""
    title = _rule("events", f"{len(events)} found" if view.filter else older, columns)
    body = [_event(one, columns, view.filter) for one in events[first:last]]
    if not body and height > 1:
        body = [Line(columns).put("  nothing yet" if not view.filter else "  none", "dim").row()]
    return fitted([title, *body], columns, height)


def _all_events(view: View, events: Sequence[Told], columns: int, height: int) -> list[Row]:
    """The events alone, none cut: long ones go on in further lines; `view.selected` back from the newest."""
    shown = list(events[: max(1, len(events) - view.selected)])
    body: list[Row] = []
    for one in reversed(shown):
        parts = wrap(clean(one.text), max(10, columns - 10))
        lines = [_event(one._replace(text=parts[0] if parts else ""), columns, view.filter)]
        lines += [
            _cut(columns, (Span(" " * 10, "dim"), Span(part, "text")), view.filter) for part in parts[1:]
        ]
        if body and len(body) + len(lines) > height - 1:
            break
        body = [*lines, *body]
    newer = len(events) - len(shown)
    note = f"{newer} newer below, {len(events)} in all" if newer else f"{len(events)} in all"
    return fitted([_rule("events", f"{note}; enter: output too", columns), *body], columns, height)


def _event(one: Told, columns: int, wanted: str) -> Row:
    spans = [
        Span(f"{words.clock(one.t):>7} ", "dim"),
        Span(f"{one.sign} ", one.style),
        Span(clean(one.text), "text" if one.style in ("good", "mark") else one.style),
    ]
    return _cut(columns, spans, wanted)


def _counted(found: int, there: int, thing: str, view: View) -> str:
    if view.filter:
        return f"{found} of {there} {thing}s"
    return f"{there} {thing}{'' if there == 1 else 's'}"


def _rule(title: str, note: str, columns: int) -> Row:
    """A thin line with a title at its left and a note at its right."""
    line = Line(columns).put("─ ", "border").put(title, "title").put(" ", "border")
    spare = columns - line.used - (width(note) + 3 if note else 0)
    if spare < 1:
        return line.put("─" * line.room, "border").row()
    line.put("─" * spare, "border")
    if note:
        line.put(" ").put(note, "dim").put(" ─", "border")
    return line.row()
