"""Efficiency: how do work, power and cost hang together? The run's path in the plane of work/s against watts.

Lines through the plane join what has the same work per joule; where prices are known, what costs the same per
unit. A run that gets better moves to the upper left, across them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perfwatch.derive.live_course import WATTS, WORK_RATE
from perfwatch.derive.standing import Standing
from perfwatch.exporters.words import per_joule_unit
from perfwatch.frame import RUN, Bin, Frame
from perfwatch.text import clean, width
from perfwatch.tui.draw import charts, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.money import Money, money_of, rates_of, unit_cost
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.plane import LogScale, Plane, Scale, log_scale_of, scale_of
from perfwatch.tui.draw.row import Line, Row, fitted
from perfwatch.tui.draw.telling import ratios_shown, work_hint
from perfwatch.tui.draw.timeline import GUTTER as CHART_GUTTER
from perfwatch.tui.draw.timeline import Drawn, Timeline, track_of
from perfwatch.tui.view import View
from perfwatch.units import DASH, format_quantity, significant

POINTS = 120
"""So many points make the path, two a character of a chart of half as many."""
NEWEST, NEWEST_ASCII = "●", "@"
LATELY = 12
"""The newest points are joined; of the older ones the dots remain."""
BESIDE, MOST_LINES = (0.75, 1.35), 7
"""Lines of equal value are drawn for so much less and more than the path has, and at most so many."""
RATE = 14
"""The least columns of a rate with its unit."""
GUTTER = 11
ROOMY = 60
"""A plane of so many columns has room for what electricity costs along a line of equal efficiency."""
FAR_APART = 20.0
"""What is so many times more than another cannot be seen beside it on an axis of differences."""
LEAST = (24, 5)
"""A plane below this tells nothing; the figures alone are shown."""


@dataclass(frozen=True)
class _Point:
    """Where the run was: power in W, work per second."""

    watts: float
    rate: float


def draw(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """The screen, exactly as large as asked."""
    rows = _rows(frame, view, size, book)
    return ascii_rows(rows) if view.ascii else rows


def _rows(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    columns, height = size
    standing = frame.standing
    if standing is None:
        text = " efficiency needs power and work: nothing has been read twice yet"
        return fitted([Line(columns).put(text, "label").row()], columns, height)
    if standing.unit is None:
        return fitted(_without_work(frame, standing, view, size, book), columns, height)
    points = _path(frame, view, book)
    head = _head(frame, standing, view, points, columns)
    comparable = _comparable(frame, standing)
    head += _beside_lines(frame, comparable, view, columns)
    room = (columns - GUTTER, height - len(head) - 2)
    if room[0] < LEAST[0] or room[1] < LEAST[1] or not points:
        if not points:
            head.append(Line(columns).put(" the path begins with the next readings", "dim").row())
        return fitted(head, columns, height)
    return fitted([*head, *_plane(frame, standing, view, (points, comparable), room)], columns, height)


def _without_work(
    frame: Frame, standing: Standing, view: View, size: tuple[int, int], book: Book
) -> list[Row]:
    """Power and energy, and how to tell work."""
    columns, height = size
    row = Line(columns).put(" power ", "label").put(words.watts(standing.now.watts), "power")
    row.put("  energy ", "label").put(format_quantity(standing.run.joules, "J"), "value")
    hint = work_hint(frame, briefly=columns < 80)
    rows = [row.row(), *(Line(columns).put(f" {text}", "warn").row() for text in hint)]
    if height >= len(rows) + 3 and columns >= GUTTER + LEAST[0]:
        t = view.moment(frame.t)
        span = charts.Span.ending(t, view.seconds(t), columns - CHART_GUTTER)
        timeline = Timeline(span, columns, view, Drawn())
        rows += [
            *timeline.chart(track_of("power", WATTS, "W", span, book), height - len(rows) - 1),
            timeline.axis(),
        ]
    return rows


def _head(frame: Frame, standing: Standing, view: View, points: Sequence[_Point], columns: int) -> list[Row]:
    """*now* and *run* in one line each."""
    rows, shown = [], ratios_shown(frame)
    spans = ("now", standing.now), ("run", standing.run)
    rates = [figures.rate(standing.unit) for _, figures in spans]
    told = [DASH if rate is None else f"{significant(rate)} {_unit(standing)}/s" for rate in rates]
    field = max(RATE, *(width(text) + 1 for text in told))
    for (name, figures), rate in zip(spans, told, strict=True):
        ratio = figures.per_joule(standing.unit) if shown else None
        # The sign of the newest point in the picture below stands before its figures.
        sign = (NEWEST_ASCII if view.ascii else NEWEST) if name == "now" and points else " "
        row = Line(columns).put(f" {sign} ", "accent").put(name, "label")
        row.cell(rate, field, "work").put(" ")
        row.cell(words.watts(figures.watts), 8, "power").put(" ")
        row.cell(format_quantity(ratio, per_joule_unit(standing.unit or "")), min(17, row.room), "efficiency")
        money = money_of(frame, figures, ratios=shown)
        if money.cost is not None:
            row.put("  ").put(_cost_words(money, standing.unit or ""), "value")
        rows.append(row.row())
    return rows


def _cost_words(money: Money, unit: str) -> str:
    amount, per = unit_cost(money.per(unit), money.currency, unit)
    return f"{amount} / {per}" + (" electricity" if money.electricity_only else "")


def _unit(standing: Standing) -> str:
    return per_joule_unit(standing.unit or "").removesuffix("/J")


def _path(frame: Frame, view: View, book: Book) -> list[_Point]:
    """Where the run was, the oldest first."""
    t = view.moment(frame.t)
    span = charts.Span.ending(t, view.seconds(t), POINTS // 2)
    watts, rates = book.ask(RUN, WATTS, span), book.ask(RUN, WORK_RATE, span)
    found = []
    for place in range(span.first, span.last + 1):
        power, rate = _mean(watts, place), _mean(rates, place)
        if power is not None and rate is not None:
            found.append(_Point(power, rate))
    return found


def _mean(known: Mapping[int, Bin], place: int) -> float | None:
    return known[place][2] if place in known else None


def _plane(
    frame: Frame,
    standing: Standing,
    view: View,
    shown: tuple[Sequence[_Point], Mapping[str, _Point]],
    room: tuple[int, int],
) -> list[Row]:
    """The run's path and the recorded runs that can be compared, with lines and axes."""
    points, others = shown
    columns, height = room
    newest = _newest(standing) or points[-1]
    x, y = _axes([*points, newest, *others.values()], columns, height)
    plane = Plane(columns, height, x, y, ascii_only=view.ascii)
    path = [(point.watts, point.rate) for point in points]
    # Before all texts, so that none lies there.
    plane.sign(newest.watts, newest.rate, NEWEST_ASCII if view.ascii else NEWEST, "accent")
    for sign, point in zip(_signs(view), others.values(), strict=False):
        plane.sign(point.watts, point.rate, sign, "mark")
    _lines(plane, (x, y), [*points, *(others.values() if isinstance(x, LogScale) else ())], frame, standing)
    for x_w, rate in path[:-LATELY]:
        plane.dot(x_w, rate, "dim")
    plane.path(path[-LATELY - 1 :], "efficiency")
    return [
        *_with_axis(plane, y, view, room, f"{_unit(standing)}/s"),
        *_below(x, view, columns),
    ]


def _newest(standing: Standing) -> _Point | None:
    """Where the run is *now*, as its line above the plane says."""
    rate, watts = standing.now.rate(standing.unit), standing.now.watts
    return None if rate is None or watts is None else _Point(watts, rate)


def _axes(points: Sequence[_Point], columns: int, height: int) -> tuple[Scale, Scale]:
    """Of watts and of work/s; where systems of quite another size are shown, axes of ratios."""
    watts, rates = [point.watts for point in points], [point.rate for point in points]
    ticks = max(2, columns // 14), max(2, height // 4)
    positive = min(watts) > 0.0 and min(rates) > 0.0
    if positive and max(max(watts) / min(watts), max(rates) / min(rates)) > FAR_APART:
        return log_scale_of(watts, ticks[0]), log_scale_of(rates, ticks[1])
    return scale_of(watts, ticks[0]), scale_of(rates, ticks[1])


# Recorded runs beside this one


def _comparable(frame: Frame, standing: Standing) -> dict[str, _Point]:
    """Where the recorded runs were that counted the same work and measured the same scope, by name."""
    unit = standing.unit or ""
    return {
        one.name: _Point(one.watts, one.rates[unit])
        for one in frame.beside
        if one.watts is not None and one.scope == standing.scope and unit in one.rates
    }


def _signs(view: View) -> str:
    return "ABCDEFGH" if view.ascii else "◆■▲◇□△○◊"


def _beside_lines(frame: Frame, comparable: Mapping[str, _Point], view: View, columns: int) -> list[Row]:
    """A line for each: its sign and figures; those that cannot stand in the plane by the reason why."""
    rows, signs, refused = [], iter(_signs(view)), dict[str, list[str]]()
    for one in frame.beside:
        point = comparable.get(one.name)
        if point is None:
            standing = frame.standing
            other_scope = standing is not None and one.scope != standing.scope
            refused.setdefault(f"measured at {one.scope}" if other_scope else "other work", []).append(
                one.name
            )
            continue
        sign = next(signs, None)
        if sign is None:
            continue
        row = Line(columns).put(f" {sign} ", "mark").foreign(one.name, "label").put("  ")
        row.put(f"{significant(point.rate)}/s", "work").put("  ").put(words.watts(point.watts), "power")
        if point.watts > 0.0 and frame.standing is not None:
            unit = per_joule_unit(frame.standing.unit or "")
            row.put("  ").put(format_quantity(point.rate / point.watts, unit), "efficiency")
        rows.append(row.row())
    left = len(comparable) - len(_signs(view))
    if left > 0:
        rows.append(Line(columns).put(f"   and {left} more", "dim").row())
    scope = frame.standing.scope if frame.standing is not None else ""
    return rows + [_refused(names, why, scope, columns) for why, names in refused.items()]


def _refused(names: Sequence[str], why: str, scope: str, columns: int) -> Row:
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    row = Line(columns).put("   ").foreign(name, "label", columns=min(width(clean(name)), columns // 2))
    if why != "other work":
        why += f", this run at {scope}"
    return row.put(f"  cannot be compared: {why}", "dim").row()


# Lines of the same work per joule, and of the same cost


def _over(value: float, by: float) -> float:
    return value / by if by > 0.0 else math.inf


def _lines(
    plane: Plane, scales: tuple[Scale, Scale], points: Sequence[_Point], frame: Frame, standing: Standing
) -> None:
    x, y = scales
    unit = standing.unit or ""
    rates, money = rates_of(frame), money_of(frame, standing.run)
    whole = rates is not None and rates.per_s > 0.0
    ratios = [point.rate / point.watts for point in points]
    for ratio in _round_between(ratios, _over(y.low, x.high), _over(y.high, x.low)):
        label = f"{ratio:.4g} {per_joule_unit(unit)}"
        if rates is not None and not whole and plane.columns >= ROOMY:  # both are the same lines
            amount, per = unit_cost(rates.per_joule / ratio, money.currency, unit)
            label += f" = {amount}/{per}"
        _labelled(plane, 0.0, ratio, label, "border")
    moving = [point for point in points if point.rate > 0.0]
    if rates is not None and whole:
        paid = [(rates.per_joule * point.watts + rates.per_s) / point.rate for point in moving]
        cheapest, dearest = (rates.per_joule * watts + rates.per_s for watts in (x.low, x.high))
        for cost in _round_between(paid, _over(cheapest, y.high), _over(dearest, y.low)):
            amount, per = unit_cost(cost, money.currency, unit)
            # cost = (per_joule * W + per_s) / rate
            label = f"{amount}/{per}"
            _labelled(plane, rates.per_s / cost, rates.per_joule / cost, label, "clock")


def _labelled(plane: Plane, at_zero: float, slope: float, label: str, style: str) -> None:
    end = plane.ray(at_zero, slope, style)
    if end is not None:
        down, across = end
        shown = "label" if style == "border" else style
        begin = across - len(label) - 1
        if not plane.text(down, begin, label, shown):
            plane.text(down + 1, begin, label, shown)


def _round_between(values: Sequence[float], lowest: float, highest: float) -> list[float]:
    """Round values around those of the path, as far as their lines can be seen."""
    known = [value for value in values if value > 0.0]
    if not known:
        return []
    low, high = max(lowest, BESIDE[0] * min(known)), min(highest, BESIDE[1] * max(known))
    if high / low > FAR_APART:
        return list(log_scale_of([low, high], MOST_LINES).ticks)[:MOST_LINES]
    return [tick for tick in scale_of([low, high], MOST_LINES - 1).ticks if tick > 0.0][:MOST_LINES]


# Axes


def _with_axis(plane: Plane, y: Scale, view: View, room: tuple[int, int], unit: str) -> list[Row]:
    columns, height = room
    labels = {
        height - 1 - round(y.share(tick) * (height - 1)): significant(tick) for tick in reversed(y.ticks)
    }
    rows = []
    for down, cells in enumerate(plane.rows()):
        row = Line(columns + GUTTER)
        text = labels.get(down, "")
        if down == 1 and not text:
            text = unit
        row.cell(text, GUTTER - 2, "dim").put(" ")
        row.put(("+" if view.ascii else "┤") if down in labels else ("|" if view.ascii else "│"), "border")
        for part, style in cells:
            row.put(part, style)
        rows.append(row.row())
    return rows


def _below(x: Scale, view: View, columns: int) -> list[Row]:
    rule = ["-" if view.ascii else "─"] * columns
    words_of = [" "] * columns
    free_from = 0
    for tick in x.ticks:
        across = round(x.share(tick) * (columns - 1))
        rule[across] = "+" if view.ascii else "┴"
        text = format_quantity(tick, "W")
        begin = min(max(0, across - len(text) // 2), columns - len(text))
        if begin >= free_from:
            words_of[begin : begin + len(text)] = text
            free_from = begin + len(text) + 2
    corner = "+" if view.ascii else "└"
    first = Line(columns + GUTTER).put(" " * (GUTTER - 1)).put(corner + "".join(rule), "border")
    return [
        first.row(),
        Line(columns + GUTTER).put(" " * GUTTER).put("".join(words_of), "dim").row(),
    ]
