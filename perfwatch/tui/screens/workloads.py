"""Workloads: what does each source of work tell? Rates, totals, queries in work, and how long they take."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

from perfwatch import metrics as m
from perfwatch.derive.windows import MEASURE
from perfwatch.derive.workload_now import BEFORE, EXPECTED, GOAL, Counted, Goal, Timed, WorkloadNow
from perfwatch.exporters.words import per_joule_unit, place_of
from perfwatch.frame import Bin, DeviceNow, Frame
from perfwatch.model import State
from perfwatch.tui.draw import charts, kept, table, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.device_facts import state_style
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.row import Line, Row, Span, beside, blank, fitted, inside, with_margins
from perfwatch.tui.draw.table import Column
from perfwatch.tui.view import View
from perfwatch.units import format_count, format_duration, format_latency, format_quantity, format_rate

FIGURES_COLUMNS, WIDE_FIGURES_COLUMNS = 46, 57
"""Columns of a workload's figures where charts stand beside them, and where there is room for all of them."""
WIDE = 116
CHARTS_FROM = 78
AXIS_COLUMNS = 8
ROOMY = 50
"""From so many columns on, the first chart says which stretch of time it shows."""
MOST_CHART_LINES = 9
GAUGE_COLUMNS, MOST_GAUGE_LINES = 6, 3
SHOWN_QUANTILES = (("p50", "p50_s"), ("p90", "p90_s"), ("p99", "p99_s"))
"""Title of the column, and the key of the figure."""

COUNTS = (
    Column("name", "WORK", 14, right=False, most=20),
    Column("rate", "NOW", 10),
    Column("total", "TOTAL", 11, rank=1),
)
TIMES = (
    Column("name", "TIME", 12, right=False, most=22),
    Column("p50", "p50", 8),
    Column("p90", "p90", 8, rank=2),
    Column("p99", "p99", 8),
    Column("n", "COUNT", 7, rank=3),
)

SORTS: Mapping[str, Callable[[DeviceNow, WorkloadNow], Any]] = {
    "name": lambda one, _: one.label,
    "rate": lambda _, work: max(
        (each.per_s for each in work.counted if each.per_s is not None), default=None
    ),
    "waiting": lambda one, _: one.value(m.WAITING.name),
}
"""Orders beside that of appearance."""


def draw(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """One block a workload, the selected one first in sight."""
    columns, height = inside(size[0]), size[1]
    shown = listed(frame, view)
    if not shown:
        rows = _nothing(frame, view, columns)
    else:
        blocks = _blocks(shown, Paper(frame, view, book), (columns, height))
        rows = _in_sight(blocks, max(0, min(view.selected, len(shown) - 1)), (columns, height))
    rows = with_margins(fitted(rows, columns, height), size[0])
    return ascii_rows(rows) if view.ascii else rows


def rows(frame: Frame, view: View) -> int:
    """How many workloads can be selected."""
    return len(listed(frame, view))


def listed(frame: Frame, view: View) -> list[DeviceNow]:
    """The workloads that pass the filter, in the order asked for; else what counts nothing yet last."""
    found = [
        one
        for one in frame.workloads
        if view.matches(one.label, one.device.name, one.host, one.state.value, _work(frame, one).kind)
    ]
    order = view.sort.get("workloads", "")
    key = SORTS.get(order.lstrip("-"))
    if key is None:
        kinds = list(dict.fromkeys(one.collector for one in found))
        return sorted(
            found,
            key=lambda one: (
                not _work(frame, one).counted,
                kinds.index(one.collector),
                one.device.index,
                one.host,
            ),
        )
    return table.ordered(
        found,
        lambda one: key(one, _work(frame, one)),
        largest_first=order.lstrip("-") != "name",
        turned=order.startswith("-"),
    )


def _work(frame: Frame, one: DeviceNow) -> WorkloadNow:
    return frame.work.get(one.number, WorkloadNow(""))


def _nothing(frame: Frame, view: View, columns: int) -> list[Row]:
    """What is missing, and what to do."""
    if frame.workloads:
        first = Line(columns).put(f"None of {len(frame.workloads)} workloads matches ").foreign(view.filter)
        return [first.row(), Line(columns).put("/ changes the filter", "dim").row()]
    return [
        Line(columns).put("Nothing tells its work yet. To count it:").row(),
        Line(columns).put("  perfwatch run -w URL -- COMMAND", "key").put("   a server's page", "dim").row(),
        Line(columns)
        .put("  perfwatch run -w output='{queries} queries' -- COMMAND", "key")
        .put("   what the job prints", "dim")
        .row(),
    ]


# -- blocks --------------------------------------------------------------------------------------------


def _blocks(shown: Sequence[DeviceNow], paper: Paper, size: tuple[int, int]) -> list[list[Row]]:
    columns, height = size
    lines = max(1, (height + 1) // len(shown) - 1)
    selected = max(0, min(paper.view.selected, len(shown) - 1)) if len(shown) > 1 else -1
    return [_block(one, paper, (columns, lines), selected=at == selected) for at, one in enumerate(shown)]


def _in_sight(blocks: Sequence[list[Row]], selected: int, size: tuple[int, int]) -> list[Row]:
    """All blocks below each other; those above the selected one are left out as far as it needs room."""
    columns, height = size
    first = 0
    while first < selected and sum(len(block) + 1 for block in blocks[first : selected + 1]) - 1 > height:
        first += 1
    found: list[Row] = []
    for block in blocks[first:]:
        found += [blank(columns), *block] if found else block
    return found


def _block(one: DeviceNow, paper: Paper, size: tuple[int, int], *, selected: bool) -> list[Row]:
    """A heading, figures, and charts beside them or below, in so many lines; figures may need more."""
    columns, lines = size
    work = _work(paper.frame, one)
    head = _heading(one, work, paper.frame.t, columns, selected=selected)
    if one.state is State.GONE:
        return [head]
    if columns < CHARTS_FROM:
        figures = _figures(one, work, paper.frame, columns)
        return [head, *figures, *_charts(one, work, paper, (columns, lines - 1 - len(figures)))]
    taken = FIGURES_COLUMNS if columns < WIDE else WIDE_FIGURES_COLUMNS
    figures = _figures(one, work, paper.frame, taken)
    left = columns - taken - 2
    chart = _charts(one, work, paper, (left, max(len(figures), lines - 1)))
    both = [(taken, figures), (2, []), (left, chart)]
    return [head, *beside(both, max(len(figures), len(chart)))]


def _heading(one: DeviceNow, work: WorkloadNow, now: float, columns: int, *, selected: bool) -> Row:
    """Its name, what kind of source it is, and how it does."""
    line = Line(columns)
    line.put("▸ " if selected else "", "accent").foreign(one.label, "title").put("  ")
    server = one.device.facts.get("server")
    if server:
        line.foreign(str(server), "text").put("  ")
    if one.device.name != one.label:
        line.foreign(one.device.name, "dim" if server else "text").put("  ")
    if work.kind and work.kind not in (one.collector, one.device.name):
        line.foreign(work.kind, "dim").put("  ")
    if one.state is not State.OK:
        style = state_style(one.state)
        line.put(one.state.value, style).foreign(f": {one.reason}" if one.reason else "", style).put(" ")
        age = one.age_s(now)
        line.right([Span("never read" if age is None else f"read {words.age(age)} ago", style)])
    elif line.room > 2:
        line.put("─" * line.room, "border")
    return line.row()


# -- figures -------------------------------------------------------------------------------------------


def _figures(one: DeviceNow, work: WorkloadNow, frame: Frame, columns: int) -> list[Row]:
    rows = []
    if work.counted:
        placed = table.placed(COUNTS, columns)
        rows = [table.heading(placed, columns)]
        rows += [table.row(placed, columns, _count(each, one)) for each in work.counted]
    rows += _efficiency(one, frame, columns)
    rows += _time_to_train(one, frame, columns)
    rows += [_goal(each, columns) for each in work.goals]
    rows += _gauges(one, columns)
    timed = [each for each in work.timed if each.run.count]
    if timed:
        placed = table.placed(TIMES, columns)
        rows.append(table.heading(placed, columns))
        rows += [table.row(placed, columns, _time(each)) for each in timed]
    rows += kept.lines([work], columns)
    if not rows:
        rows = [Line(columns).put("  nothing counted yet", "dim").row()]
    return rows


def _efficiency(one: DeviceNow, frame: Frame, columns: int) -> list[Row]:
    """Of one of several servers: its work per joule, now and in the run, and of which devices."""
    standing = frame.standing
    server = None if standing is None else standing.servers.get(one.number)
    if standing is None or server is None:
        return []
    if not server.devices:
        return [Line(columns).put("its devices are not seen: no ratio of its own", "dim").row()]
    if server.shared:
        others = dict.fromkeys(place_of(name) for names in server.shared.values() for name in names)
        line = Line(columns).put("no ratio of its own: ", "dim")
        return [line.foreign(f"{', '.join(server.shared)} also serves {', '.join(others)}", "dim").row()]
    unit = per_joule_unit(standing.unit or "")
    now, run = (format_quantity(each.per_joule(standing.unit)) for each in (server.now, server.run))
    line = Line(columns).put("efficiency ", "text").put(f"{now} {unit}", "efficiency").put(" now, ", "dim")
    line.put(run, "efficiency").put(" in the run", "dim")
    return [line.row(), Line(columns).foreign(f"on {', '.join(server.devices)}", "dim").row()]


def _time_to_train(one: DeviceNow, frame: Frame, columns: int) -> list[Row]:
    """Of a training log: from its start to now, or to its stop."""
    if one.device.facts.get("work") != "mlperf":
        return []
    told = [each for each in frame.run.phases if (each.name, each.origin) == (MEASURE, "mllog")]
    if not told:
        return []
    end = frame.t if told[-1].end is None else told[-1].end
    line = Line(columns).put("time to train ", "text").put(format_duration(end - told[-1].start), "value")
    return [line.put(" so far" if told[-1].end is None else "", "dim").row()]


def _count(each: Counted, one: DeviceNow) -> dict[str, Span]:
    failed = each.name == "errors"
    style = "stale" if one.state is not State.OK else "bad" if failed and each.total else "work"
    name = f"{_spoken(each.name)} !" if failed and each.total else _spoken(each.name)
    return {
        "name": Span(name, "bad" if failed and each.total else "text"),
        "rate": Span(format_rate(each.per_s), style),
        "total": Span(format_count(round(each.total, 3)), "value"),
    }


def _spoken(name: str) -> str:
    """As people say it: the tokens of the prompt go in, those that are generated come out."""
    known = {
        "prompt_tokens": "tokens in",
        "generated_tokens": "tokens out",
        "kv_cache_usage_ratio": "KV cache in use",
    }
    return known.get(name, name.replace("_", " "))


def _goal(each: Goal, columns: int) -> Row:
    """`steps 1 230 of 5 000, 24 %, 12 min left`."""
    line = Line(columns).foreign(f"{_spoken(each.name)} ", "text")
    line.put(format_count(each.reached), "value").put(f" of {format_count(each.goal)}", "dim")
    line.put(f", {words.percent(each.reached / each.goal)}", "dim")
    if each.left_s is not None and each.left_s > 0.0:
        line.put(", ", "dim").put(format_duration(each.left_s), "value").put(" left", "dim")
    return line.row()


def _gauges(one: DeviceNow, columns: int) -> list[Row]:
    """Running, waiting, and every other gauge that it tells, in fields side by side."""
    names = {metric.name for metric in one.device.metrics}
    gauges = [
        metric
        for metric in one.device.metrics
        if metric.kind.value == "gauge" and not _of_goal(metric.name, names)
    ]
    style = "stale" if one.state is not State.OK else "value"
    rows: list[Row] = []
    line = Line(columns)
    for metric in gauges:
        name = _spoken(metric.name)
        told = words.value(metric, one.values.get(metric.name))
        field = len(name) + 1 + max(GAUGE_COLUMNS, len(told))
        if line.used and line.room < field:
            if len(rows) + 1 == MOST_GAUGE_LINES:
                break
            rows.append(line.row())
            line = Line(columns)
        line.foreign(name, "label", columns=len(name)).put(" ").cell(told, field - len(name) - 1, style)
        line.put("  ")
    return [*rows, line.row()] if line.used else rows


def _of_goal(name: str, names: Container[str]) -> bool:
    """Whether a gauge is told with the goal that it belongs to."""
    return name.endswith((GOAL, EXPECTED)) or (
        name.endswith(BEFORE) and f"{name.removesuffix(BEFORE)}{GOAL}" in names
    )


def _time(each: Timed) -> dict[str, Span]:
    """Over the span of now; over the run where nothing was timed lately, and the name says so."""
    latency, suffix = (each.now, "") if each.now.count else (each.run, " (run)")
    found = {
        "name": Span(_spoken(each.name) + suffix, "text"),
        "n": Span(format_count(round(latency.count)), "dim"),
    }
    for title, key in SHOWN_QUANTILES:
        found[title] = Span(words.percentile(latency, key), "value")
    return found


# -- charts --------------------------------------------------------------------------------------------


class _Wanted(NamedTuple):
    """One chart: what it is called, of what, how it looks, and how its numbers are written."""

    title: str
    metric: str
    style: str
    form: Callable[[float | None], str]


def _charts(one: DeviceNow, work: WorkloadNow, paper: Paper, size: tuple[int, int]) -> list[Row]:
    """As many charts as have room, one below the other, on one axis of time."""
    columns, lines = size
    wanted = _wanted(work)[: max(1, lines // 3)]
    if not wanted or columns < AXIS_COLUMNS + 10 or lines < 2:
        return []
    frame, view, book = paper
    span = charts.Span.ending(paper.t, view.seconds(frame.t), columns - AXIS_COLUMNS)
    height = max(1, min(MOST_CHART_LINES, lines // len(wanted) - 1))
    held = span.held(frame, one.device)
    found: list[Row] = []
    since = f", last {words.age(view.seconds(frame.t))}" if columns >= ROOMY else ""
    for each in sorted(wanted, key=lambda each: each.metric.rpartition(":")[2] if ":" in each.metric else ""):
        known = book.ask(one.number, each.metric, span)
        title = each.title if found else each.title + since
        found += _chart(
            each._replace(title=title), known, span, (columns, height), held=held, ascii_only=view.ascii
        )
    return found


def _wanted(work: WorkloadNow) -> list[_Wanted]:
    """By weight: the rate of the first work that moved, then the percentiles of the first timing."""
    found = []
    counted = next((each for each in _by_weight(work) if each.total), None)
    if counted is not None:
        found.append(_Wanted(f"{_spoken(counted.name)} /s", counted.metric, "work", format_count))
    timed = next((each for each in work.timed if each.run.count), None)
    if timed is not None:
        for title in ("p99", "p50", "p90"):
            metric = f"{timed.metric}:{title}_s"
            found.append(_Wanted(f"{_spoken(timed.name)} {title}", metric, "accent", format_latency))
    return found


def _by_weight(work: WorkloadNow) -> list[Counted]:
    """What comes out before what goes in, and errors last."""
    order = [*m.WORK_UNITS, "", "prompt_tokens", "errors"]
    return sorted(work.counted, key=lambda each: order.index(each.name if each.name in order else ""))


def _chart(
    wanted: _Wanted,
    known: Mapping[int, Bin],
    span: charts.Span,
    size: tuple[int, int],
    *,
    held: int,
    ascii_only: bool,
) -> list[Row]:
    """A title with the newest value, and the chart with its top and bottom beside it."""
    columns, height = size
    largest = charts.largest(known, span)
    top = charts.ceiling(largest)
    head = Line(columns).skip_to(AXIS_COLUMNS).foreign(wanted.title, "label")
    if largest is None:
        head.put("  too few to tell", "dim")
    else:
        head.right([Span(wanted.form(_newest(known, span)), "value")])
    rows = [head.row()]
    drawn = charts.chart(known, span, height, 0.0, top, peak=False, ascii_only=ascii_only, held=held)
    for at, text in enumerate(drawn):
        edge = wanted.form(top) if at == 0 and largest is not None else ""
        edge = "0" if at == height - 1 and not edge else edge
        rows.append(Line(columns).cell(edge, AXIS_COLUMNS - 1, "dim").put(" ").put(text, wanted.style).row())
    return rows


def _newest(known: Mapping[int, Bin], span: charts.Span) -> float | None:
    values = [known[at][2] for at in range(span.last, span.first - 1, -1) if at in known]
    return next((value for value in values if value is not None), None)
