"""Descriptions in a few words, and the collectors that they make."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfwatch_collectors.described.collector import DescribedOptions, class_from
from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import records
from perfwatch_collectors.described.language import parse

from perfwatch.collector import Collector
from perfwatch.model import Appeared, Device, Gone, Sample

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description

CHIP = """
name = "chip"

[source]
command = ["chip-smi", "-j"]

[read]
format = "json"
each = "devices"

[device]
id = "{uuid}"
name = "{name}"
scope = "accelerator"

[metrics]
power_watts = { from = "power", unit = "mW" }
"""


def described(text: str = CHIP, **replaced: str) -> Description:
    """A description; `replaced` lines take the place of those that begin with the same word."""
    lines = textwrap.dedent(text).splitlines()
    for word, line in replaced.items():
        lines = [line if each.startswith(f"{word} ") else each for each in lines]
    return parse("\n".join(lines), "chip.toml")


def values_in(of: Description, output: str | bytes) -> dict[str, dict[str, Any]]:
    """What a description reads of an output: device id -> metric -> value."""
    content = output.encode() if isinstance(output, str) else output
    return {
        one.device.id: dict(
            zip([metric.name for metric in one.device.metrics], one.sample().values, strict=True)
        )
        for one in devices_in(records(content, of.read), of)
    }


def collector(of: Description, root: Path | str = "/") -> Collector:
    """The collector of a description."""
    return class_from(of)(DescribedOptions(root=str(root)))


def tool(folder: Path, name: str, script: str) -> None:
    """A stand-in for a vendor's command."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


class Told:
    """What one reading of a collector told."""

    def __init__(self, one: Collector, devices: list[Device]) -> None:
        readings = list(one.read(devices))
        self.samples = {each.device_id: each.values for each in readings if isinstance(each, Sample)}
        self.appeared = [each.device for each in readings if isinstance(each, Appeared)]
        self.gone = [each.device_id for each in readings if isinstance(each, Gone)]
