"""Options that several commands share: what a summary is asked for, how it is shown."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perfwatch.errors import ConfigError
from perfwatch.text import clean, from_system

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.settings import Settings


def add_summary_arguments(parser: argparse.ArgumentParser) -> None:
    """What the figures are taken over, and what they cost."""
    group = parser.add_argument_group("the figures")
    group.add_argument(
        "-d",
        "--devices",
        metavar="LIST",
        help="devices of the run: nvidia:0-3, a UUID's beginning "
        "(default: those that the job's processes use, or all)",
    )
    group.add_argument(
        "--unit",
        metavar="NAME",
        help="the unit of work that ratios are shown in; NAME@KIND picks a source "
        "(default: the first of generated_tokens, samples, queries, steps that moves)",
    )
    group.add_argument(
        "--slo",
        metavar="LIMITS",
        help="count the queries that keep to these limits apart, with their energy and cost: "
        "ttft=200ms,itl=50ms or latency=15ms",
    )
    group.add_argument(
        "--scope",
        choices=("accelerator", "components", "node", "wall"),
        help="what the headline's energy covers; components are accelerators, CPUs and memory "
        "(default: accelerator where one tells its energy, else components)",
    )
    group.add_argument(
        "--meter",
        metavar="NAME",
        action=_Added,
        help="which meter --scope node or wall means; NAME+NAME, or repeated: their sum, where each feeds "
        "a part of the machine",
    )
    group.add_argument(
        "--window",
        choices=("job", "marks", "work"),
        help="what the figures are taken over (default: marks, else work, else job)",
    )
    group.add_argument("--warmup", metavar="TIME", help="cut so much off the front of the window")
    cost = parser.add_argument_group("cost (no price is built in)")
    cost.add_argument(
        "--price", metavar="0.12/kWh", help="electricity, of a kWh, or a CSV file of times and prices"
    )
    cost.add_argument(
        "--rent", metavar="2.5/h/device", help="rent of each device, or 20/h/node; electricity is in it"
    )
    cost.add_argument("--pue", metavar="1.2", help="facility energy over device energy (default: 1)")
    cost.add_argument("--carbon", metavar="430", help="grams of CO2 equivalent per kWh, or a CSV file")
    cost.add_argument("--currency", metavar="USD", help="currency of the amounts (default: none is named)")
    cost.add_argument("--cost-scope", choices=("energy",), help="energy: electricity alone is the whole cost")


class _Added(argparse.Action):
    """Of an option that is repeated the names are added up: the last one alone would be half of it."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, values if before is None else f"{before}+{values}")


def add_window_arguments(parser: argparse.ArgumentParser) -> None:
    """Windows of a recorded session beside those of --window."""
    group = parser.add_argument_group("the window, of a recorded session")
    add_phase_argument(group)
    group.add_argument(
        "--from",
        dest="since",
        metavar="TIME",
        help="begin here: seconds of the session as window.start_s tells them, or a mark's name",
    )
    group.add_argument("--to", dest="until", metavar="TIME", help="end here, likewise")


def add_phase_argument(group: argparse._ActionsContainer) -> None:
    """The window that a phase is."""
    group.add_argument("--phase", metavar="NAME", help="take this phase")


def published(text: str) -> dict[str, str]:
    """Which published results `mlperf`, `mlperf/resnet50` or `mlperf/resnet50/offline` means.

    Raises:
        ConfigError: it names another table.
    """
    source, _, rest = text.strip().partition("/")
    if source.casefold() != "mlperf":
        raise ConfigError(
            f"nothing is published here under {clean(text, 60)!r}: it takes mlperf, mlperf/resnet50 or "
            "mlperf/resnet50/offline"
        )
    benchmark, _, scenario = rest.partition("/")
    named = {"benchmark": benchmark, "scenario": scenario}
    return {key: word for key, word in named.items() if word}


def settings_of(args: argparse.Namespace, config: Config, header: Mapping[str, Any]) -> Settings:
    """The settings of a recorded session, from its header, with what the command line changes.

    Raises:
        ConfigError: a value is wrong, or two windows are asked for.
    """
    from perfwatch.derive.settings import Settings

    recorded = Settings.from_json(header.get("settings") or {})
    units = {**units_asked_for(args, config.units), **recorded.units}
    return recorded_settings(args, replace(recorded, units=units))


def recorded_settings(args: argparse.Namespace, before: Settings) -> Settings:
    """The settings with what the command line of a recorded session changes.

    Raises:
        ConfigError: a value is wrong, or two windows are asked for.
    """
    windows = {"--phase": args.phase, "--from and --to": args.since or args.until, "--window": args.window}
    asked = [option for option, value in windows.items() if value is not None]
    if len(asked) > 1:
        raise ConfigError(f"cannot take two windows: give either {' or '.join(asked)}")
    if args.warmup is None and (args.phase or args.since or args.until):
        before = before.merge({"warmup_s": 0.0})  # what was told of another window
    return settings(args, before).merge({"phase": args.phase, "since": args.since, "until": args.until})


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """How the summary is shown and judged."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="the summary as JSON on standard output")
    group.add_argument("--summary-json", metavar="FILE", help="the summary as JSON into a file")
    group.add_argument(
        "--require",
        metavar="LIST",
        help="exit 1 unless these were measured: energy, work, efficiency, latency, goodput, cost",
    )
    group.add_argument(
        "--fail-on",
        metavar="LIMIT",
        action="append",
        default=[],
        help="exit 3 if this holds: 'efficiency.queries.per_joule < 2.0' (names as in --json); repeatable",
    )
    add_look_arguments(group)
    group.add_argument(
        "-v", "--verbose", action="store_true", help="say what each collector finds and how it does"
    )
    group.add_argument("-q", "--quiet", action="store_true", help="no summary for people, no notes")


def add_look_arguments(group: argparse._ArgumentGroup) -> None:
    """How text looks."""
    group.add_argument("--ascii", action="store_true", help="ASCII only")
    group.add_argument("--no-color", action="store_true", help="no colours (also NO_COLOR)")


def settings(args: argparse.Namespace, before: Settings) -> Settings:
    """The settings with what this command line changes.

    Raises:
        ConfigError: a value is wrong.
    """
    from perfwatch.objectives import parse_slo
    from perfwatch.prices import cost_changes

    changes = {
        "unit": args.unit,
        "slo": None if args.slo is None else parse_slo(args.slo),
        "scope": args.scope,
        "meter": args.meter,
        "window": args.window,
        "warmup_s": duration(args.warmup, "--warmup"),
        "devices": args.devices,
        "cost": cost_changes(
            price=args.price,
            rent=args.rent,
            pue=args.pue,
            carbon=args.carbon,
            currency=args.currency,
            cost_scope=args.cost_scope,
        ),
    }
    return before.merge(changes)


def units_asked_for(
    args: argparse.Namespace, known: Mapping[str, Mapping[str, float]]
) -> dict[str, Mapping[str, float]]:
    """Of the user's own units those that the command line names, and what they are made of.

    The others stay away: a recorded run gives the same summary, whatever the config holds by now.
    """
    texts = [args.unit or "", *(args.fail_on or ()), *([args.require] if args.require else ())]
    words = {word for text in texts for word in re.split(r"[^\w]+", text)}
    found: dict[str, Mapping[str, float]] = {}
    waiting = [name for name in known if name in words]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = known[name]
            waiting += [part for part in known[name] if part in known]
    return found


def duration(text: str | None, option: str) -> float | None:
    """A time in seconds, or None where it was not given.

    Raises:
        ConfigError: it is no time.
    """
    if text is None:
        return None
    from perfwatch.units import parse_duration

    try:
        return parse_duration(text)
    except ConfigError as error:
        raise ConfigError(f"{option}: {error}") from error


def time_limit(args: argparse.Namespace) -> float | None:
    """`--duration` in seconds, or None.

    Raises:
        ConfigError: it is no time, or none at all.
    """
    limit_s = duration(args.duration, "--duration")
    if limit_s == 0:
        raise ConfigError(
            f"--duration {args.duration}: nothing can be measured in no time; leave it out for no limit"
        )
    return limit_s


def now_s(args: argparse.Namespace) -> float:
    """The span of the figures of *now*, s.

    Raises:
        ConfigError: it is no time, or none at all.
    """
    found_s = duration(args.now, "--now")
    if not found_s:
        raise ConfigError(f"--now {args.now}: figures of now need some time, as in --now 30s")
    return found_s


def name(args: argparse.Namespace) -> str | None:
    """`--name`, as it may be recorded: without secrets."""
    from perfwatch.redact import redact

    return None if args.name is None else redact(from_system(args.name))


def tags(texts: list[str]) -> dict[str, str]:
    """`--tag KEY=VALUE` as a mapping, as it may be recorded: without secrets.

    Raises:
        ConfigError: one has no equals sign or no key.
    """
    from perfwatch.redact import redact_command

    for text in texts:
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--tag {text!r}: write KEY=VALUE, for example --tag precision=fp8")
    pairs = [text.partition("=") for text in redact_command([from_system(text.lstrip()) for text in texts])]
    return {key.strip(): value for key, _, value in pairs}
