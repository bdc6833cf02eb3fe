"""`perfwatch doctor`: what is found here, what is not, why, and what to do about it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch.cli import standard
from perfwatch.cli.collectors import asked_for_by
from perfwatch.cli.environment import BROKEN, OK, Check, checks, config_check
from perfwatch.errors import ConfigError

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.tape import DeviceTape
    from perfwatch.plugins import Plugin
    from perfwatch.sources.once import Once

HELP = """What is found here, what is not, why, and what to do about it: each collector, and what of this
machine matters. Exits with 1 if something that should work does not; missing hardware is no fault."""
ABSENT, ON_REQUEST = "absent", "on request"
MOST_DEVICES = 8
NARROWEST, WIDTH = 40, 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.sources import choose

    choose.add_arguments(parser, once=True)
    parser.add_argument(
        "-w",
        "--workload",
        metavar="SPEC",
        action="append",
        default=[],
        help="also look whether work can be counted there: URL, prometheus=URL, log=PATH:PATTERN, "
        "jsonl=PATH, auto",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config

    said, config = config_check(lambda: load_config(args.config))
    collectors = [*_collectors(args, config), *_work_sources(args.workload)]
    here = [*checks(), said]
    if args.json:
        standard.out().write(json.dumps(_as_json(collectors, here), indent=2) + "\n")
    else:
        standard.out().write("\n".join(_lines(collectors, here)) + "\n")
    return 1 if any(check.verdict == BROKEN for check in [*collectors, *here]) else 0


# The collectors


def _collectors(args: argparse.Namespace, config: Config) -> Iterator[Check]:
    from perfwatch import plugins
    from perfwatch.cli.choosing import chosen_collectors
    from perfwatch.sources.once import read_once

    chosen = chosen_collectors(args, config)
    read = read_once(chosen)
    waits_for = {one.collector.name: one.collector.waits_for for one in chosen}
    for name in read.states:
        yield _looked_at(name, read, waits_for.get(name, ""))
    others = [one for one in plugins.every(config.own_collectors).values() if one.name not in read.states]
    waiting = [one for one in others if one.needs and not plugins.has_one_of(one.needs)]
    for plugin in others:
        if plugin not in waiting:
            yield _not_chosen(plugin)
    yield from _chips_that_are_not_here(waiting)


def _looked_at(name: str, read: Once, waits_for: str) -> Check:
    from perfwatch.model import State
    from perfwatch.sources.live import OPEN_WAIT_S

    state, reason, remedy = read.states[name]
    devices = [device for device in read.tape.devices.values() if device.collector == name]
    silent = [device.label for device in devices if not len(device.times)]
    if state is State.ABSENT:
        return Check(name, ABSENT, reason, remedy)
    if state is State.OPENING and waits_for:
        said = f"{waits_for} did not answer within {OPEN_WAIT_S:g} s"
        return Check(name, BROKEN, said, f"run {waits_for} yourself to see whether it hangs")
    if state is State.OPENING:
        said = f"it did not find out within {OPEN_WAIT_S:g} s whether there is something to read"
        return Check(name, BROKEN, said)
    if state is not State.OK:
        return Check(name, BROKEN, f"{state.value}: {reason}", remedy)
    if silent:
        return Check(name, BROKEN, f"no answer from {', '.join(silent)}")
    return Check(name, OK, _what_is_there(devices))


def _what_is_there(devices: Sequence[DeviceTape]) -> str:
    if not devices:
        return "ready; there is no device yet"
    told = [f"{device.label} {device.device.name}{_tells(device)}" for device in devices[:MOST_DEVICES]]
    more = len(devices) - MOST_DEVICES
    return "; ".join([*told, *([f"and {more} more"] if more > 0 else []), *_rails(devices)])


def _rails(devices: Sequence[DeviceTape]) -> Iterator[str]:
    """What may be named to be summed, where a collector tells that (`hwmon`), each name as it is typed."""
    names = [str(device.device.facts["rails"]) for device in devices if "rails" in device.device.facts]
    if names:
        yield f"rails to name: {', '.join(names)}"


def _tells(device: DeviceTape) -> str:
    """How its energy is known, for devices that have one."""
    from perfwatch.metrics import ENERGY, POWER, TELL_ENERGY
    from perfwatch.model import DeviceKind

    names = [
        word
        for word, metric in (("energy counter", ENERGY), ("power", POWER))
        if device.get(metric.name) is not None
    ]
    declared = [metric.name for metric in device.device.metrics if metric.name in TELL_ENERGY]
    if not names and declared:
        return f" (gave no number for {' and '.join(declared)})"
    if not names and device.device.kind is DeviceKind.ACCELERATOR:
        return " (tells neither power nor energy)"
    return f" ({' and '.join(names)})" if names else ""


def _chips_that_are_not_here(described: Sequence[Plugin]) -> Iterator[Check]:
    """In one line those whose tool or files are not on this machine."""
    if described:
        names = ", ".join(one.name for one in described)
        yield Check("other chips", ABSENT, f"none of the tools or drivers of {names} is here (docs/chips.md)")


def _not_chosen(plugin: Plugin) -> Check:
    """A collector that takes no part: whether it could."""
    from perfwatch import plugins

    try:
        loaded = plugins.load(plugin)
    except ConfigError as error:
        return Check(plugin.name, BROKEN, str(error))
    remedy = f"add {asked_for_by(plugin.name)} to a command"
    return Check(plugin.name, ON_REQUEST, loaded.about or plugin.origin, remedy)


# Where work is counted


def _work_sources(texts: Sequence[str]) -> Iterator[Check]:
    """Each page or file that was named: whether it can be read, and what it tells now."""
    from perfwatch.job import workloads
    from perfwatch.sources.live import Chosen
    from perfwatch.sources.once import read_once

    wanted = workloads.parse(texts)
    for one in wanted:
        if one.kind == workloads.AUTO:
            yield _servers_found()
        elif one.kind not in workloads.POLLED:
            raise ConfigError(
                f"there is nothing to look at for -w {one.kind}= before a job runs; try a pattern with: "
                "perfwatch try SPEC < FILE"
            )
    for collector in workloads.polled(wanted):
        read = read_once([Chosen(collector, collector.period_s)])
        state, reason, remedy = read.states[collector.name]
        told = "; ".join(map(_told, read.tape.devices.values()))
        if state.value == OK:
            yield Check(collector.name, OK, told)
        else:
            yield Check(collector.name, BROKEN, reason, remedy)


def _servers_found() -> Check:
    """This user's servers on this machine whose metrics page shows work."""
    from perfwatch.sources.found import Asker, own_listeners

    found = Asker().found(own_listeners())
    if not found:
        return Check("auto", ABSENT, "no server of this user's on this machine shows work on a metrics page")
    return Check("auto", OK, f"work is told at {', '.join(one.url for one in found)}")


def _told(device: DeviceTape) -> str:
    """What a source of work said just now, or where it will be read from."""
    latest = [
        f"{name.removesuffix('_total')} {series.values[-1]:.12g}" for name, series in device.series.items()
    ]
    timed = [name.removesuffix("_seconds") for name in device.buckets]
    if latest or timed:
        return f"{device.device.name}: {', '.join([*latest, *timed])}"
    if Path(device.device.name).is_dir():
        return f"{device.device.name} is there; what is written there from now on is read"
    if os.path.lexists(device.device.name):
        return f"{device.device.name} is there and is read from its end on"
    return f"{device.device.name} is not there yet and will be waited for"


# How it is told


def _as_json(collectors: Sequence[Check], here: Sequence[Check]) -> dict[str, object]:
    return {
        "schema": "perfwatch.doctor/1",
        "collectors": [_record(check) for check in collectors],
        "here": [_record(check) for check in here],
    }


def _record(check: Check) -> dict[str, str]:
    return {
        "name": check.name,
        "verdict": check.verdict,
        "message": check.message,
        "remedy": check.remedy,
    }


def _lines(collectors: Sequence[Check], here: Sequence[Check]) -> Iterator[str]:
    yield "collectors"
    for check in collectors:
        yield from _check_lines(check)
    if any(check.verdict == ON_REQUEST for check in collectors):
        yield from _what_to_do_next()
    yield "this machine"
    for check in here:
        yield from _check_lines(check)
    broken = [check.name for check in [*collectors, *here] if check.verdict == BROKEN]
    yield f"broken: {', '.join(broken)}" if broken else "nothing is broken"


def _what_to_do_next() -> Iterator[str]:
    """How what is on request is asked for; the options are too many for this page."""
    from perfwatch.exporters.layout import Paint, hanging

    said = (
        "-c NAME adds to a command what is on request, -w what counts work. A meter has to be told where it "
        "is, as -c shelly:url=URL or -c redfish:url=https://BMC (docs/meters.md); `perfwatch collectors "
        "NAME` lists what each takes, and `perfwatch doctor -c NAME:...` tries it before a job needs it."
    )
    yield from hanging(said, _width(), "next: ", paint=Paint(color=False, ascii_only=not _takes_unicode()))


def _check_lines(check: Check) -> Iterator[str]:
    from perfwatch.exporters.layout import Paint, hanging

    paint = Paint(color=False, ascii_only=not _takes_unicode())
    yield from hanging(check.message, _width(), f"  {check.verdict:<10}  {check.name}: ", paint=paint)
    if check.remedy and check.verdict != ON_REQUEST:
        for line in check.remedy.splitlines():  # shell lines: never wrapped, so that they can be copied
            yield f"      {paint.line(line)}"


def _width() -> int:
    try:
        return min(max(os.get_terminal_size(standard.out().fileno()).columns, NARROWEST), WIDTH)
    except (OSError, ValueError):
        return WIDTH


def _takes_unicode() -> bool:
    return (standard.out().encoding or "ascii").lower().startswith("utf")
