"""Run: what did the job do, draw and cost, now and over the run so far, and can it be quoted?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from perfwatch.derive.energy import gain_of
from perfwatch.derive.findings import INFO, INSUFFICIENT, WARN
from perfwatch.derive.live_course import PER_JOULE, WATTS, WORK_RATE
from perfwatch.derive.live_watch import Stretch
from perfwatch.derive.standing import Standing
from perfwatch.derive.windows import MEASURE
from perfwatch.derive.workload_now import EXPECTED
from perfwatch.exporters.words import device_list, per_joule_unit, timing
from perfwatch.frame import Frame, Playback
from perfwatch.text import clean, width, wrap
from perfwatch.tui.draw import bars, charts, kept, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.headline import ERROR, LABEL, NOW, SO_FAR, Headline
from perfwatch.tui.draw.money import PRICE_HINT
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.row import Line, Row, beside, blank, fitted
from perfwatch.tui.draw.source_list import SOURCES, sources_of
from perfwatch.tui.draw.telling import metered_hint, silent_rows, work_hint
from perfwatch.tui.draw.timeline import GUTTER, Band, Drawn, Timeline, Track, track_of
from perfwatch.tui.view import View
from perfwatch.units import DASH, format_percent

if TYPE_CHECKING:
    from perfwatch.derive.odd import Odd

SMALL = (66, 16)
"""A screen below this shows four figures and a graph."""
PHASE_COLUMNS = 16
WIDE = 108
"""From so many columns on, latency and verdict stand beside the figures."""
ROOMY = 30
"""From so many lines on, a blank one stands above the charts."""
PATIENCE_S = 5.0
"""So long readings may take to come; then it is said what to do."""


def draw(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """The screen, exactly as large as asked."""
    columns, height = size
    if frame.standing is None:
        rows = _waiting(frame, columns)
    else:
        story = _Story(frame, frame.standing, view)
        is_small = columns < SMALL[0] or height < SMALL[1]
        rows = (_small if is_small else _large)(story, columns, height, book)
    return fitted(ascii_rows(rows) if view.ascii else rows, columns, height)


def _waiting(frame: Frame, columns: int) -> list[Row]:
    """There is nothing to show: at first it may come, later it must be told what to do."""
    if frame.playback is not None:
        far = frame.playback.seen is not None
        if far or not (frame.devices or frame.workloads):
            return _unread(frame.playback, columns)
    began = frame.run.began or 0.0
    metered = metered_hint(frame)
    if frame.t - began < PATIENCE_S and (frame.devices or frame.workloads):
        said = ["waiting for the second reading of power or work"]
    elif metered:
        said = ["no device of the run tells power or energy", *metered, *work_hint(frame)]
    elif columns < SMALL[0]:
        said = ["nothing tells power or energy", *work_hint(frame, briefly=True)]
    else:
        said = ["nothing here tells power or energy", *work_hint(frame)]
    rows = [Line(columns).put(f" {text}", "label").row() for text in said]
    last = "`perfwatch doctor` says what is found here, and why not"
    rows += silent_rows(frame, columns)
    return [Line(columns).row(), *rows, Line(columns).put(f" {last}", "dim").row()]


def _unread(playback: Playback, columns: int) -> list[Row]:
    """Of a moment of a recording nothing is known yet: no advice for a job that is over."""
    if playback.seen is not None:
        share = words.percent(playback.seen)
        said = [f"its totals are worked out: {share} so far", "2 has its devices, 7 its events"]
    elif playback.grows or playback.t < playback.end:
        said = ["nothing was read yet; ] goes on"]
    else:
        said = ["no device is in this recording"]
    return [Line(columns).row(), *(Line(columns).put(f" {text}", "label").row() for text in said)]


class _Story(Headline):
    """The figures of one frame in words, and what happened."""

    def __init__(self, frame: Frame, standing: Standing, view: View) -> None:
        super().__init__(frame, standing)
        self.view = view
        self.t = view.moment(frame.t)

    # -- progress ----------------------------------------------------------------------------------

    def progress(self) -> tuple[float, float | None] | None:
        """The share that is done, and the seconds that are left; None where no workload tells a total."""
        if self.unit is None:
            return None
        totals = [one.value(self.unit + EXPECTED) for one in self.frame.workloads]
        expected = sum(total for total in totals if total is not None)
        done = self.standing.run.work.get(self.unit)
        if expected <= 0 or done is None:
            return None
        rate = self.frame.run.pace
        # Of a moment gone by nothing is foretold, nor of a job that has ended.
        foretold = rate and self.t >= self.standing.t and "end" not in self.frame.job
        left_s = max(0.0, expected - done) / rate if rate and foretold else None
        return min(1.0, done / expected), left_s

    # -- what happened -----------------------------------------------------------------------------

    def drawn(self) -> Drawn:
        run = self.frame.run
        return Drawn(
            phases=tuple(Band(phase.name, phase.start, phase.end) for phase in run.phases),
            marks=tuple((mark.name, mark.t) for mark in run.marks),
            throttles=tuple(Band(throttle.name, throttle.start, throttle.end) for throttle in run.throttles),
            gaps=(*(Band("no readings", gap.start, gap.end) for gap in run.gaps), *self.losses()),
        )

    def losses(self) -> list[Band]:
        """When a device of the run was gone."""
        began: dict[int, float] = {}
        found: list[Band] = []
        for event in self.frame.events:
            number = event.fields.get("n")
            if number not in self.frame.run.numbers:
                continue
            if event.kind == "gone":
                began[number] = event.t
            elif event.kind == "back" and number in began:
                found.append(Band("gone", began.pop(number), event.t))
        return [*found, *(Band("gone", t) for t in began.values())]

    def phases(self) -> list[Stretch]:
        """The phases of the job so far; a window that a person measures is none of them."""
        return [one for one in self.frame.run.phases if (one.name, one.origin) != (MEASURE, "person")]


# The large screen


def _large(story: _Story, columns: int, height: int, book: Book) -> list[Row]:
    head = [_status(story, columns), _rule(columns)]
    if columns >= WIDE:
        left = LABEL + NOW + SO_FAR + ERROR + 2
        strip = _strip(story, left)
        beneath = [*_timings(story, columns - left), *_remarks(story, columns - left, 6)]
        if story.view.zoom == SOURCES:
            beneath = sources_of(story.frame, story.standing, columns - left)
        tall = max(len(strip), len(beneath))
        head += beside([(left, strip), (columns - left, beneath)], tall)
        feet: list[Row] = []
    else:
        head += _strip(story, columns)
        feet = [*_timings(story, columns, most=1 if height < 30 else 4)]
        feet += _remarks(story, columns, 2 if height < 30 else 5)
        if story.view.zoom == SOURCES:
            feet = sources_of(story.frame, story.standing, columns)
    head += _hints(story, columns)
    if height >= ROOMY:
        head.append(blank(columns))
    room = height - len(head) - len(feet)
    return [*head, *_charts(story, columns, room, book), *feet]


def _status(story: _Story, columns: int) -> Row:
    """Phase and progress; which devices the watts are of."""
    row = Line(columns).put(" ")
    _put_phase(row, story)
    progress = story.progress()
    if progress is not None:
        share, left_s = progress
        row.put(bars.bar(share, 16, ascii_only=story.view.ascii, track=True), "work")
        row.cell(words.percent(share), 6, "value").put("  ")
        if left_s is not None:
            row.put("ends in ", "label").put(words.clock(left_s), "value").put("  ")
    labels = device_list(story.standing.devices)
    row.put(story.scope if story.standing.devices else "no device tells its power", "title")
    if labels and width(clean(labels)) + 2 <= row.room:
        row.put(": ", "dim").foreign(labels, "dim")
    gain = _gain(story)
    if len(gain) <= row.room:
        row.put(gain, "dim")
    return row.row()


def _gain(story: _Story) -> str:
    """The gain of the sensors, which is in none of the errors that stand beside the figures."""
    used = [one for one in story.frame.devices if one.label in story.standing.devices]
    known = [gain for one in used if (gain := gain_of(one.device, one.collector)) is not None]
    return f"; not in ±: sensor gain, about {format_percent(max(known))}" if known else ""


def _put_phase(row: Line, story: _Story) -> None:
    """The phase and how long it lasts, in a field that stays when it ends: nothing behind it moves."""
    known = story.phases()
    if not known:
        return
    phase = next((one for one in reversed(known) if one.end is None), None)
    name, lasts = (phase.name, words.clock(story.t - phase.start)) if phase else (DASH, "")
    columns = min(PHASE_COLUMNS, max(width(clean(one.name)) for one in known))
    row.put("phase ", "label").foreign(name, "phase" if phase else "dim", columns=columns).put("  ")
    row.cell(lasts, len("00:00"), "value").put("  ")


def _rule(columns: int) -> Row:
    return Line(columns).put("─" * columns, "border").row()


def _strip(story: _Story, columns: int) -> list[Row]:
    """*now* beside *run*."""
    now_s, run_s = story.standing.now.span.duration_s, story.standing.run.span.duration_s
    rows = [
        Line(columns)
        .put(" ")
        .cell("", LABEL)
        .cell(f"now, {int(now_s)} s", NOW, "label")
        .cell(f"run, {words.clock(run_s)}", SO_FAR, "label")
        .row()
    ]
    for figure in story.figures():
        row = Line(columns).put(" ").cell(figure.label, LABEL, "label", right=False)
        row.cell(figure.now, NOW, figure.style).cell(figure.run, SO_FAR, figure.style)
        row.put(" ").cell(figure.error_words, ERROR - 1, "dim", right=False)
        rows.append(row.row())
    return rows


def _hints(story: _Story, columns: int) -> list[Row]:
    """What to type for what is missing."""
    rows = [] if story.priced else [Line(columns).put(f" {PRICE_HINT}", "dim").row()]
    if story.unit is None:
        rows += [Line(columns).put(f" {text}", "warn").row() for text in work_hint(story.frame)]
    if not story.standing.devices:
        rows += [Line(columns).put(f" {text}", "warn").row() for text in metered_hint(story.frame)]
    return [*rows, *silent_rows(story.frame, columns, most=2)]


_QUANTILES = (("p50", "p50_s"), ("p90", "p90_s"), ("p99", "p99_s"))
_QUANTILE, _TIMING, _BETWEEN = 8, 8, 1


def _timings(story: _Story, columns: int, most: int = 4) -> list[Row]:
    """Percentiles of each timing, now and of the run, and how many queries keep to the objectives."""
    objectives = kept.lines(list(story.frame.work.values()), columns, indent=" ")[-most:]
    timings = story.frame.run.timings[:most]
    if not timings:
        return objectives
    spans = ("now", "run") if columns > _TIMING + 6 * _QUANTILE + _BETWEEN else ("run",)
    titles = Line(columns).put(" ").cell("latency", _TIMING, "label", right=False)
    for span in spans:
        titles.put(" " * _BETWEEN if span == "run" and len(spans) > 1 else "")
        for name, _ in _QUANTILES:
            titles.cell(f"{span} {name}" if name == "p50" else name, _QUANTILE, "dim")
    rows = [titles.row()]
    for each in timings:
        row = Line(columns).put(" ")
        row.foreign(timing(each.name), "text", columns=_TIMING)
        for span in spans:
            row.put(" " * _BETWEEN if span == "run" and len(spans) > 1 else "")
            for _, key in _QUANTILES:
                row.cell(words.percentile(each.now if span == "now" else each.run, key), _QUANTILE, "value")
        rows.append(row.row())
    return [*rows, *objectives]


def _remarks(story: _Story, columns: int, most: int) -> list[Row]:
    """The verdict with its reasons, and the device that departs from its like."""
    odd = _odd(story, columns)
    verdict = _verdict(story, columns, max(1, most - len(odd)))
    return [*verdict, *odd]


_SIGNS = {INSUFFICIENT: ("x", "bad"), WARN: ("!", "warn"), INFO: ("i", "dim")}


def _verdict(story: _Story, columns: int, most: int) -> list[Row]:
    findings = [one for one in story.frame.run.findings if one.code != "no-work" or story.unit is not None]
    levels = {one.level for one in findings}
    if INSUFFICIENT in levels:
        verdict, style = "not to be quoted yet", "bad"
    elif WARN in levels:
        verdict, style = "quote with care", "warn"
    elif story.unit is None:
        verdict, style = "nothing to quote without work", "dim"
    else:
        verdict, style = "good to quote so far", "good"
    texts: list[tuple[str, str]] = []
    for finding in findings:
        sign, own = _SIGNS[finding.level]
        for at, part in enumerate(wrap(finding.message, max(10, columns - 6))):
            texts.append((f" {sign} {part}" if at == 0 else f"   {part}", own))
    first = Line(columns).put(f" {verdict}", style)
    if most == 1 and findings:
        first.put(": ", style).foreign(findings[0].message, "text")
    rows = [first.row()]
    for at, (text, own) in enumerate(texts[: most - 1]):
        more = " …" if at == most - 2 and len(texts) >= most else ""
        row = Line(columns).put(text[:3], own)
        rows.append(row.foreign(text[3:] + more, "text").row())
    return rows


def _odd(story: _Story, columns: int, most: int = 2) -> list[Row]:
    """The device that departs most from its like; that there are others as well."""
    if not story.frame.run.odd:
        return []
    odd, *others = story.frame.run.odd
    text = _departure(story, odd)
    if others:
        text += f" (and {', '.join(clean(one.label) for one in others)})"
    room = columns - width(clean(odd.label)) - 2
    first, *more = wrap(text, max(10, columns - 3), first=max(10, room))
    row = Line(columns).put(" ").foreign(odd.label, "throttle").put(" ").put(first)
    if most == 1 and more:
        row.put(f" {' '.join(more)}")
        more = []
    return [row.row(), *(Line(columns).put(f"   {part}").row() for part in more)]


def _departure(story: _Story, odd: Odd) -> str:
    """`clock 1.20 GHz, the others 1.90 GHz: thermal, since 01:00`."""
    run, departure = story.frame.run, odd.departures[0]
    reasons = [one.name for one in run.throttles if one.origin == odd.label and one.end is None]
    why = f": {reasons[-1]}" if reasons and not departure.ended else ""
    if departure.all_along:
        return f"{departure}{why}, all along"
    since = words.clock(departure.since - (run.began or 0.0))
    if departure.ended:
        return f"{departure}, for {words.clock(departure.lasts_s)} from {since} on"
    return f"{departure}{why}, since {since}"


# Charts


def _charts(story: _Story, columns: int, height: int, book: Book) -> list[Row]:
    """Work, power and work per joule on one time axis, as tall as there is room."""
    if height < 2:
        return []
    span = charts.Span.ending(story.t, story.view.seconds(story.t), columns - GUTTER)
    timeline = Timeline(span, columns, story.view, story.drawn())
    lanes = timeline.lanes() if height >= 8 else []
    room = height - len(lanes) - 1
    tracks = _tracks(story, span, book)[: max(1, room)]
    each, more = divmod(room, len(tracks))
    rows: list[Row] = []
    for place, track in enumerate(tracks):
        rows += timeline.chart(track, each + (place < more))
    return [*rows, *lanes, timeline.axis()]


def _tracks(story: _Story, span: charts.Span, book: Book) -> list[Track]:
    power = track_of("power", WATTS, "W", span, book)
    if story.unit is None:
        return [power]
    work = track_of("work", WORK_RATE, f"{story.short_unit}/s", span, book)
    if not story.standing.devices:
        return [work]
    per_joule = per_joule_unit(story.unit)
    return [work, power, track_of("work/J", PER_JOULE, per_joule, span, book)]


# The small screen


def _small(story: _Story, columns: int, height: int, book: Book) -> list[Row]:
    """Four figures, one graph, and the verdict."""
    label = 11
    now = max(10, (columns - label) * 2 // 5)
    story.fields = now - 1, columns - label - now  # a blank stays between label and value
    wanted = {"power", "efficiency", "energy"}
    figures = [one for place, one in enumerate(story.figures()) if one.label in wanted or place == 0][:4]
    rows = [
        Line(columns)
        .cell("", label)
        .cell("now", now, "label")
        .cell(f"run {words.clock(story.standing.run.span.duration_s)}", columns - label - now, "label")
        .row()
    ]
    for figure in figures:
        name = "work" if figure.style == "work" else figure.label
        row = Line(columns).cell(f" {name}", label, "label", right=False)
        row.cell(figure.now, now, figure.style)
        rows.append(row.cell(figure.run, columns - label - now, figure.style).row())
    if story.unit is None:
        hints = work_hint(story.frame, briefly=True)
        rows += [Line(columns).put(f" {text}", "warn").row() for text in hints]
    feet = [*_verdict(story, columns, 1), *(_odd(story, columns, most=1) if height > 10 else [])]
    room = height - len(rows) - len(feet)
    return [*rows, *_graph(story, columns, room, book), *feet]


def _graph(story: _Story, columns: int, height: int, book: Book) -> Sequence[Row]:
    if height < 1:
        return []
    room = columns - GUTTER
    if room < 8:
        return []
    span = charts.Span.ending(story.t, story.view.seconds(story.t), room)
    track = _tracks(story, span, book)[-1]
    return Timeline(span, columns, story.view, story.drawn()).chart(track, height)
