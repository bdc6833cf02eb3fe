"""`perfwatch collectors check FILE`: what a collector's file reads here, or of a captured output."""

from __future__ import annotations

import argparse
import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perfwatch import plugins
from perfwatch.cli import results, standard
from perfwatch.collector import Collector
from perfwatch.config.file import default_path, own_collectors
from perfwatch.errors import CollectorError, ConfigError, Unavailable
from perfwatch.model import Device, Metric, Sample, Unit
from perfwatch.options import collector_options, parse_collector_spec
from perfwatch.testing import check_contract
from perfwatch.text import clean
from perfwatch.tui.draw.words import value as spoken

TRIAL = f"{plugins.BUILTIN_PACKAGE}.described.trial"


def run(args: argparse.Namespace, files: list[str]) -> int:
    """Show what each file reads; 1 where one reads nothing, or breaks the contract."""
    if not files:
        raise ConfigError(
            "perfwatch collectors check takes a file, as in: perfwatch collectors check ./chip.toml"
        )
    if args.sample is not None and len(files) > 1:
        raise ConfigError("cannot use --sample with several files: an output is that of one of them")
    return max([_check(args, file) for file in files])


def _check(args: argparse.Namespace, text: str) -> int:
    """One file, or one of the collectors that there are, with options as after `-c`."""
    spec = parse_collector_spec(text)
    if spec.path is not None:
        loaded = plugins.load_file(spec.path)
    else:
        known = plugins.every(own_collectors(default_path(os.environ, [])))
        loaded = plugins.load(plugins.named(str(spec.name), known))
    options = collector_options(loaded, spec.values)
    if args.sample is not None:
        return _of_sample(loaded, Path(args.sample), as_json=args.json)
    return _of_this_machine(loaded, options, as_json=args.json)


def _of_sample(loaded: type[Collector], sample: Path, *, as_json: bool) -> int:
    description = getattr(loaded, "description", None)
    if description is None:
        raise ConfigError(f"cannot use --sample with {loaded.name}: a collector in Python reads by itself")
    try:
        found: Any = importlib.import_module(TRIAL).of_sample(description, sample)
    except CollectorError as error:
        results.say(f"perfwatch collectors: {error}")
        return 1
    return _show(loaded.name, found, as_json=as_json)


def _show(name: str, found: Any, *, as_json: bool) -> int:
    """What a trial found; 1 where it is no device, or devices cannot be told apart as was meant."""
    out = standard.out()
    if as_json:
        out.write(json.dumps([_as_json(device, tried) for device, tried in found.devices], indent=2) + "\n")
    else:
        out.writelines(f"{line}\n" for one in found.devices for line in _lines(name, *one))
    for said in (*found.faults, *found.warnings):
        results.say(f"perfwatch collectors: {said}")
    return 0 if found.devices and not found.faults else 1


def _as_json(device: Device, tried: Any) -> dict[str, Any]:
    return {
        "id": device.id,
        "index": device.index,
        "name": device.name,
        "kind": device.kind.value,
        "scope": None if device.scope is None else device.scope.value,
        "parent": device.parent,
        "facts": dict(device.facts),
        "metrics": {
            one.metric.name: {
                **_told(one.metric, one.value),
                "field": one.source,
                "text": list(one.raw),
                "why": one.why,
            }
            for one in tried
        },
    }


def _lines(name: str, device: Device, tried: Any) -> Iterator[str]:
    yield f"{clean(name)}:{clean(device.index)}  {clean(device.name)}  id {clean(device.id)}{_place(device)}"
    if device.facts:
        yield "    " + ", ".join(f"{clean(key)} {clean(value)}" for key, value in device.facts.items())
    room = max((len(one.metric.name) for one in tried), default=0)
    for one in tried:
        value = spoken(one.metric, one.value)
        why = f"  ({one.why})" if one.why else ""
        told = f"{one.source}: {', '.join(one.raw) or 'nothing'}"
        yield f"    {one.metric.name:<{room}}  {value:>10}  {told}{why}"


def _place(device: Device) -> str:
    of = f", of {clean(device.parent)}" if device.parent else ""
    scope = f", {device.scope.value}" if device.scope is not None else ""
    return f"  ({device.kind.value}{scope}{of})"


def _of_this_machine(loaded: type[Collector], options: Any, *, as_json: bool) -> int:
    """One reading here, and the contract."""
    collector = loaded(options)
    try:
        devices = {device.id: device for device in collector.open()}
        if hasattr(loaded, "description"):
            shown = _show(
                loaded.name, importlib.import_module(TRIAL).of_this_machine(collector), as_json=as_json
            )
            return max(shown, _contract(loaded, options, is_usable=shown == 0))
        samples = [one for one in collector.read(list(devices.values())) if isinstance(one, Sample)]
    except Unavailable as absent:
        results.say(f"perfwatch collectors: {loaded.name} finds nothing here: {absent}")
        if absent.remedy:
            results.say(f"  {absent.remedy}")
        return 1
    except CollectorError as error:
        results.say(f"perfwatch collectors: {loaded.name} cannot read: {error}")
        return 1
    finally:
        collector.close()
    out = standard.out()
    values = {one.device_id: one.values for one in samples}
    if as_json:
        told = [_read_here(device, values.get(device.id, ())) for device in devices.values()]
        out.write(json.dumps(told, indent=2) + "\n")
    else:
        for device in devices.values():
            out.write("\n".join(_lines_here(loaded.name, device, values.get(device.id, ()))) + "\n")
    return _contract(loaded, options)


def _read_here(device: Device, values: Any) -> dict[str, Any]:
    told = {metric.name: _told(metric, one) for metric, one in zip(device.metrics, values, strict=False)}
    return {**_as_json(device, ()), "metrics": told}


def _lines_here(name: str, device: Device, values: Any) -> Iterator[str]:
    yield from _lines(name, device, ())
    room = max((len(metric.name) for metric in device.metrics), default=0)
    for metric, one in zip(device.metrics, values, strict=False):
        yield f"    {metric.name:<{room}}  {spoken(metric, one):>10}"


def _told(metric: Metric, value: Any) -> dict[str, Any]:
    return {
        "value": value if isinstance(value, (int, float, str)) else None,
        "unit": "" if metric.unit in (Unit.COUNT, Unit.RATIO) else metric.unit.value,
    }


def _contract(loaded: type[Collector], options: Any, *, is_usable: bool = True) -> int:
    """Hold it against the contract; 1 where it breaks it. One that cannot be used is not praised."""
    try:
        check_contract(loaded(options))
    except AssertionError as error:
        results.say(f"perfwatch collectors: the contract is broken: {clean(error)}")
        return 1
    if is_usable:
        results.say(f"perfwatch collectors: {loaded.name} keeps the contract")
    else:
        results.say(f"perfwatch collectors: {loaded.name} is not to be used as it stands: see above")
    return 0
