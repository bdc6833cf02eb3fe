"""Where is each figure of the run from? Its source, what it covers, and how it is found, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.derive.settings import Settings
from perfwatch.derive.standing import Standing
from perfwatch.exporters.words import device_list, spoken
from perfwatch.frame import Frame
from perfwatch.metrics import ENERGY
from perfwatch.text import wrap
from perfwatch.tui.draw.row import Line, Row

SOURCES = "sources"
"""The view's `zoom` on the screen of the run while sources are shown."""
LABEL = 16


def sources_of(frame: Frame, standing: Standing, columns: int) -> list[Row]:
    """The sources, each behind the name of its figure."""
    rows: list[Row] = []
    for name, text in _told(frame, standing):
        for at, part in enumerate(wrap(text, max(10, columns - LABEL - 2))):
            line = Line(columns).put(" ").cell("" if at else name, LABEL, "label", right=False)
            rows.append(line.put(" ").foreign(part, "text").row())
    return rows


def _told(frame: Frame, standing: Standing) -> Iterator[tuple[str, str]]:
    unit = standing.unit
    if unit is not None:
        tells = [one for one in frame.workloads if f"{unit}_total" in one.values]
        kinds = dict.fromkeys(frame.work[one.number].kind for one in tells if one.number in frame.work)
        where = device_list([one.label for one in tells])
        yield spoken(unit), f"counted by {where} ({', '.join(kinds)})" if tells else "made of other counts"
    yield from _energy_told(frame, standing)
    if unit is not None and standing.devices:
        yield "efficiency", "work over energy of the same time: a ratio of sums"
    prices = Settings.from_json(frame.header.get("settings") or {}).cost
    currency = f" {prices.currency}" if prices.currency else ""
    if prices.price_per_kwh is not None:
        pue = f" x PUE {prices.pue:g}" if prices.pue else ""
        yield "electricity", f"{prices.price_per_kwh:g}{currency}/kWh{pue}, as given"
    if prices.rent_per_hour is not None:
        yield "rent", f"{prices.rent_per_hour:g}{currency}/h a {prices.rent_basis}, as given"
    if prices.carbon_g_per_kwh is not None:
        yield "CO2", f"{prices.carbon_g_per_kwh:g} g/kWh, as given"
    yield "", "enter closes this"


def _energy_told(frame: Frame, standing: Standing) -> Iterator[tuple[str, str]]:
    named = set(standing.devices)  # with several hosts a label has its host before it
    mine = [one for one in frame.devices if named & {one.label, f"{one.host}/{one.label}"}]
    if not mine:
        return
    counters = sum(any(metric.name == ENERGY.name for metric in one.device.metrics) for one in mine)
    way = "their energy counters" if counters == len(mine) else "the integral of their power"
    way = f"{counters} energy counters, else integrals of power" if 0 < counters < len(mine) else way
    yield "power", f"sensors of {device_list(standing.devices)}; scope {standing.scope}"
    yield "energy", f"{way}{', estimated' if standing.estimated else ''}; ± covers about 95 %"
