"""`perfwatch cost FILE`: what a recorded run cost at other prices, and what so much work a day would take."""

from __future__ import annotations

import argparse
import gc
import math
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from perfwatch.cli import asking, results, standard
from perfwatch.derive.projection import DAYS_PER_MONTH
from perfwatch.errors import ConfigError
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.projection import Demand
    from perfwatch.derive.settings import CostInputs, Settings

HELP = (
    "What a recorded run costs at other prices, and what so much work a day would take. FILE: as for summary."
)
SCHEMA = "perfwatch.cost/1"
_DAYS = {
    "s": 1 / 86400,
    "min": 1 / 1440,
    "h": 1 / 24,
    "d": 1.0,
    "day": 1.0,
    "week": 7.0,
    "month": DAYS_PER_MONTH,
    "year": 365.25,
}
"""Days in the time that a demand is told for."""
MOST_PER_DAY = 1e18
"""A hundred million tokens for everybody alive."""
_MANY = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_DEMAND = re.compile(r"\s*(\d[\d_]*(?:\.\d*)?(?:e\+?\d+)?)\s*([kKMG]?)\s*/\s*([a-z]+)\s*", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="last", metavar="FILE", help="the session")
    group = parser.add_argument_group("the projection")
    group.add_argument("--at", metavar="1000000/day", help="project to so much work, counted in --unit")
    group.add_argument("--peak", metavar="3", help="the busiest hour has so many times the mean (default: 1)")
    asking.add_summary_arguments(parser)
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="as JSON on standard output")
    asking.add_look_arguments(group)
    asking.add_window_arguments(parser)
    parser.add_argument("--config", metavar="FILE", help="configuration file instead of the user's own")


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config
    from perfwatch.derive.projection import project, rate_per_price
    from perfwatch.exporters.cost_text import render

    gc.disable()  # records hold no cycles, and a day of them is looked through again and again
    demand = parse_demand(args.at, args.peak)
    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}")
    tape, _ = results.load(args.file)
    summary = results.summarise(tape, _settings(args, tape.header, config))
    if args.unit is not None and demand is None:
        for finding in summary["quality"]:
            if finding["code"] == "no-work":  # the costs of the run stand, none of them per unit
                results.say(f"perfwatch: {finding['message']}")
    projection = None if demand is None else project(summary, demand)
    if args.json:
        results.write_json(
            {
                "schema": SCHEMA,
                "session": summary["session"],
                "window": summary["window"],
                "devices": summary["devices"],
                "unit": summary["unit"],
                "cost": summary["cost"],
                "carbon": summary["carbon"],
                "rate_per_s_per_price": rate_per_price(summary),
                "projection": projection,
            }
        )
        return 0
    stream = standard.out()
    stream.write(render(summary, projection, called=args.file, **results.look(args, config, stream)) + "\n")
    return 0


def parse_demand(at: str | None, peak: str | None) -> Demand | None:
    """What `--at` and `--peak` say; None without `--at`.

    Raises:
        ConfigError: one of them says no demand.
    """
    from perfwatch.derive.projection import Demand

    times = _peak(peak)
    if at is None:
        if peak is not None:
            raise ConfigError("cannot use --peak without --at: add --at 1000000/day")
        return None
    found = _DEMAND.fullmatch(at)
    if found is None or found[3] not in _DAYS:
        raise ConfigError(
            f"cannot use --at {clean(at, 60)!r}: it takes a number above 0 and a time out of "
            f"{', '.join(_DAYS)}, "
            "as in 1000000/day, 2M/month or 20/s"
        )
    per_day = float(found[1].replace("_", "")) * _MANY[found[2]] / _DAYS[found[3]]
    if not 0.0 < per_day <= MOST_PER_DAY:
        raise ConfigError(
            f"cannot use --at {clean(at, 60)!r}: it takes a number above 0 and up to {MOST_PER_DAY:g} a day, "
            "as in 1000000/day"
        )
    return Demand(per_day, times)


def _peak(text: str | None) -> float:
    if text is None:
        return 1.0
    try:
        times = float(text)
    except ValueError:
        times = math.nan
    if not 1.0 <= times < 1e6:
        raise ConfigError(f"cannot use --peak {clean(text, 60)!r}: it takes a number from 1 on, as in 3")
    return times


def _settings(args: argparse.Namespace, header: Mapping[str, Any], config: Config) -> Settings:
    """Options over what was recorded over today's config."""
    from perfwatch.derive.settings import Settings

    recorded = Settings.from_json(header.get("settings") or {})
    prices = _prices(recorded.cost, config.cost)
    before = replace(recorded, cost=prices, units={**config.units, **recorded.units})
    return asking.recorded_settings(args, before)


def _prices(recorded: CostInputs, todays: CostInputs) -> CostInputs:
    """What was recorded over today's config; alone, and that is said, where they are in two currencies."""
    untouched = type(recorded)()
    given = {
        one.name: value
        for one in fields(recorded)
        if (value := getattr(recorded, one.name)) != getattr(untouched, one.name)
    }
    try:
        return todays.merge(given)
    except ConfigError:
        results.say(
            f"perfwatch: [cost] of the config is left out: it is in {clean(todays.currency)}, "
            f"the recording in {clean(recorded.currency)}; --price or --rent gives other prices"
        )
        return recorded
