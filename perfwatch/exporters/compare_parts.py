"""How a figure of a comparison is called and written: in a table of a terminal and in one of Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.compare_change import BETTER, CANNOT_TELL, NO_DIFFERENCE, WORSE
from perfwatch.exporters import words
from perfwatch.text import clean
from perfwatch.units import (
    DASH,
    format_duration,
    format_latency,
    format_money,
    format_quantity,
    format_rate,
)

Json = Mapping[str, Any]

NOT_COMPARABLE = "not comparable"
MOST_DECIMALS = 3
"""A thousandth of a percent is not worth more digits."""
MOST_NAMED = 4
"""More figures than these are counted and not named: the table names them."""
SMALL_MONEY = 1e-3
"""An amount per unit below this is told of a million."""
_STATISTICS = {"mean_s": "mean", "p50_s": "p50", "p90_s": "p90", "p99_s": "p99"}


@dataclass(frozen=True)
class Line:
    """One figure of both groups as people read it."""

    label: str
    values: tuple[str, str]
    change: str
    verdict: str
    because: str


def lines_of(comparison: Json, unit: str | None, currency: str | None) -> Iterator[Line]:
    """The figures that people are shown: those of the unit, of no other work."""
    for path, figure in comparison["figures"].items():
        name = figure["name"]
        if figure["kind"] != "latency" and name is not None and name != unit:
            continue
        label, write = _face(path, figure, currency)
        values = figure["values"]
        yield Line(
            label,
            (write(values[0]), write(values[1])),
            change_cell(figure),
            NOT_COMPARABLE if figure["blocked_by"] else figure["verdict"],
            "" if figure["blocked_by"] or figure["verdict"] != CANNOT_TELL else clean(figure["because"]),
        )


Write = Callable[["float | None"], str]


def _face(path: str, figure: Json, currency: str | None) -> tuple[str, Write]:
    """What a figure is called, and how its values are written."""
    kind, name = figure["kind"], str(figure["name"])
    if kind == "latency":
        return f"{words.timing(name)} {_STATISTICS[path.rpartition('.')[2]]}", format_latency
    if kind == "cost per work":
        return _cost_face(figure, name, currency)
    faces: dict[str, tuple[str, Write]] = {
        "duration": ("duration", format_duration),
        "rate": (words.spoken(name), format_rate),
        "power": ("power", lambda value: format_quantity(value, "W")),
        "energy": ("energy", lambda value: format_quantity(value, "J")),
        "work per energy": (words.per_joule_unit(name), format_quantity),
        "energy per work": (f"energy/{words.singular(name)}", lambda value: format_quantity(value, "J")),
        "cost": (
            "electricity" if path == "cost.energy" else "cost",
            lambda value: format_money(value, currency),
        ),
    }
    return faces[kind]


def _cost_face(figure: Json, name: str, currency: str | None) -> tuple[str, Write]:
    known = [value for value in figure["values"] if value is not None]
    if known and max(known) < SMALL_MONEY:
        label = f"cost/M {words.spoken(name.removeprefix('generated_'))}"
        return label, lambda value: format_money(None if value is None else value * 1e6, currency)
    return f"cost/{words.singular(name)}", lambda value: format_money(value, currency)


def change_cell(figure: Json) -> str:
    """A change with the wider side of its interval: `+3.6 ± 0.9 %`; the JSON has both sides."""
    change, low, high = figure["change"], figure["low"], figure["high"]
    if change is None:
        return DASH
    if low is None:
        return f"{_signed(change, _decimals(change / 10))} %"
    if high is None:
        return f"≥ {_signed(low, _decimals(low / 10))} %"
    half = max(high - change, change - low)
    decimals = _decimals(half)
    hidden = float(_plain(abs(change), decimals)) <= float(_plain(half, decimals))
    if hidden and not low <= 0 <= high:
        decimals += 1  # 3.9 ± 3.6 is a difference, 4 ± 4 does not look like one
    return f"{_signed(change, decimals)} ± {_plain(half, decimals)} %"


def _signed(ratio: float, decimals: int) -> str:
    number = _plain(ratio, decimals)
    return f"+{number}" if ratio > 0 and float(number) else number


def _plain(ratio: float, decimals: int) -> str:
    text = f"{ratio * 100:.{decimals}f}"
    return text if float(text) else text.removeprefix("-")


def _decimals(error: float) -> int:
    """So many that the error, as a percentage, keeps a digit, or two where the first is a 1."""
    percent = abs(error) * 100
    if percent == 0:
        return 1
    first = f"{percent:.1e}"
    return min(max(int(first[0] == "1") - int(first.partition("e")[2]), 0), MOST_DECIMALS)


def answer(comparison: Json, lines: Sequence[Line]) -> str:
    """What it comes to, in one sentence."""
    told = {
        verdict: [line.label for line in lines if line.verdict == verdict]
        for verdict in (BETTER, WORSE, NO_DIFFERENCE, CANNOT_TELL, NOT_COMPARABLE)
    }
    parts = [f"{verdict} in {', '.join(told[verdict])}" for verdict in (BETTER, WORSE) if told[verdict]]
    if told[NO_DIFFERENCE]:
        others = " in other figures" if parts else ""
        parts.append(f"{NO_DIFFERENCE}{others}")
    if told[NOT_COMPARABLE]:
        parts.append(f"{few(told[NOT_COMPARABLE])} may not be compared")
    if told[CANNOT_TELL]:
        parts.append("the rest cannot be told" if parts else "nothing can be told")
    return f"{comparison['group']} against {comparison['against']}: {'; '.join(parts) or 'no figures'}."


def few(labels: Sequence[str]) -> str:
    """The figures by name, or their number where they are many."""
    return ", ".join(labels) if len(labels) <= MOST_NAMED else f"{len(labels)} figures"


def findings_of(groups: Sequence[Json]) -> dict[str, list[Json]]:
    """What stands against the runs, by the groups that it is about: `A`, `B`, `A and B`."""
    about: dict[str, list[str]] = {}
    told: dict[str, Json] = {}
    for group in groups:
        for finding in group["findings"]:
            told[finding["message"]] = finding
            about.setdefault(finding["message"], []).append(group["label"])
    found: dict[str, list[Json]] = {}
    for message, labels in sorted(about.items(), key=lambda one: (-len(one[1]), one[1])):
        about_whom = ", ".join(labels[:-1]) + (" and " if labels[1:] else "") + labels[-1]
        found.setdefault(about_whom, []).append(told[message])
    return found


def basis(comparison: Json, groups: Sequence[Json]) -> str:
    """What the intervals rest on, and what they say nothing about."""
    pair = [group for group in groups if group["label"] in (comparison["group"], comparison["against"])]
    single = [group["label"] for group in pair if len(group["runs"]) == 1]
    several = [f"{len(group['runs'])} runs of {group['label']}" for group in pair if len(group["runs"]) > 1]
    said = ["Intervals hold in 95 %"]
    if several:
        said.append(
            f"from the scatter between {' and '.join(several)} (Student's t) or from the errors, if wider"
        )
    if len(single) == 2:
        said.append(f"from each run's errors or {_slices(pair)}, if wider")
        said.append("one run each: says nothing about other days")
    elif single:
        said.append(f"one run of {single[0]} is taken to scatter as the others do")
    return "; ".join(said) + "."


def _slices(pair: Sequence[Json]) -> str:
    told = [(group["label"], group["slices"][0]) for group in pair]
    known = [f"{count} slices of {label}" for label, count in told if count]
    without = [label for label, count in told if not count]
    if not known:
        return "what chance does to counts"
    more = f" (none is known of {without[0]})" if without else ""
    return f"its scatter over time, {' and '.join(known)}{more}"


def subject(group: Json, runs: Sequence[Json]) -> str:
    """What a group is: its job, when, and how often."""
    first = runs[group["runs"][0]]
    session = first.get("session")
    session = session if isinstance(session, Mapping) else {}
    command = session.get("command")
    words_of = " ".join(map(str, command)) if isinstance(command, list) else ""
    job = words_of or str(session.get("name") or "a recording")
    started = str(session.get("started") or "")[:16].replace("T", " ")
    many = f"{len(group['runs'])} runs, first " if len(group["runs"]) > 1 else ""
    return clean(f"{job}" + (f", {many}{started} UTC" if started else ""))
