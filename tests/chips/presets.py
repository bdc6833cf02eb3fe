"""Presets on captured outputs: what the devices are, and what they tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import perfwatch_collectors
from perfwatch_collectors.described.apart import said_twice
from perfwatch_collectors.described.devices import devices_in, ids_in
from perfwatch_collectors.described.directories import Directories
from perfwatch_collectors.described.formats import records, records_and_rest
from perfwatch_collectors.described.language import load

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description

CHIPS = Path(str(perfwatch_collectors.__file__)).parent / "chips"
SAMPLES = Path(__file__).parent.parent / "data" / "chips"

Device = dict[str, Any]


def preset(name: str) -> Description:
    """A description that comes with perfwatch."""
    return load(CHIPS / f"{name}.toml")


def read(name: str, output: str | bytes) -> list[Device]:
    """What a preset reads of an output: each device's id, name, parent and values, as one dict."""
    content = output.encode() if isinstance(output, str) else output
    of = preset(name)
    told = records(content, of.read)
    assert list(said_twice(ids_in(told, of), of)) == [], "a run would refuse it"
    return [_flat(one) for one in devices_in(told, of)]


def sample(name: str, file: str) -> list[Device]:
    """The same of a captured output."""
    output = (SAMPLES / file).read_bytes()
    assert records_and_rest(output, preset(name).read)[1] == [], "a run would say that devices may be missing"
    return read(name, output)


def tree(name: str, root: Path) -> list[Device]:
    """The same of a copied tree of directories."""
    of = preset(name)
    return [_flat(one) for one in devices_in(Directories(root, of.source.directory, "").records(), of)]


def planted(root: Path, listing: str) -> Path:
    """A tree out of lines `PATH = CONTENT` (\\n: a new line) and `PATH -> TARGET`, a link in the tree."""
    for line in listing.splitlines():
        path, arrow, target = line.partition(" -> ")
        if arrow:
            place = root / path.strip().lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(root / target.strip().lstrip("/"))
            continue
        path, _, content = line.partition(" = ")
        if path.strip():
            place = root / path.strip().lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content.replace("\\n", "\n") + "\n")
    return root


def _flat(one: Any) -> Device:
    device = one.device
    values = dict(zip([metric.name for metric in device.metrics], one.sample().values, strict=True))
    return {"id": device.id, "name": device.name, "parent": device.parent, "index": device.index, **values}
