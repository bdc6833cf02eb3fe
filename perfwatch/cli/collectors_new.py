"""`perfwatch collectors new NAME`: a starter of a collector, described or programmed, with its test."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from perfwatch import plugins
from perfwatch.cli import results, standard
from perfwatch.errors import ConfigError, reason_of
from perfwatch.text import clean

DESCRIBED = """# What each word means: docs/describing-a-chip.md. See what it reads:
#   perfwatch collectors check ./NAME.toml --sample output.json
#   perfwatch collectors check ./NAME.toml
name = "NAME"
about = "NAME devices (NAME-smi --json)"

[source]
command = ["NAME-smi", "--json"]
remedy = "install the tools of NAME"

[read]
format = "json"
each = "devices"

[device]
id = "{serial}"
name = "{model}"
scope = "accelerator"

[metrics]
power_watts = { from = "power", unit = "W", most = 1000 }
temperature_celsius = { from = "temperature", unit = "C" }
utilization_ratio = { from = "utilization", unit = "%" }
"""
TEST_OF_DESCRIBED = '''"""NAME.toml, held against an output of its tool (run it with pytest)."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OUTPUT = {
    "devices": [
        {"serial": "1", "model": "NAME", "power": "41.5 W", "temperature": "N/A", "utilization": "87"}
    ]
}


def test_an_output_tells_power_and_utilization(tmp_path):
    sample = tmp_path / "output.json"
    sample.write_text(json.dumps(OUTPUT))
    check = [sys.executable, "-m", "perfwatch", "collectors", "check", str(HERE / "NAME.toml"), "--json"]
    told = json.loads(subprocess.check_output([*check, "--sample", str(sample)]))
    values = {name: one["value"] for name, one in told[0]["metrics"].items()}
    assert values == {"power_watts": 41.5, "temperature_celsius": None, "utilization_ratio": 0.87}
'''
PROGRAMMED = '''"""Reads NAME devices. What each part promises: docs/writing-a-collector.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfwatch.collector import Collector
from perfwatch.errors import DeviceGone, Unavailable
from perfwatch.metrics import POWER
from perfwatch.model import Device, DeviceKind, Reading, Sample, Scope


@dataclass(frozen=True)
class Options:
    """root: where /sys is; a test gives a directory of its own."""

    root: str = "/"


class CLASSCollector(Collector):
    name = "NAME"
    about = "NAME devices, through the files of their driver"
    floor_s = 0.1
    Options = Options

    def open(self) -> Sequence[Device]:
        folder = Path(self.options.root, "sys/class/NAME")
        self._found = {path.name: path for path in sorted(folder.glob("*"))}
        if not self._found:
            raise Unavailable("no NAME device: /sys/class/NAME is missing or empty")
        return [
            Device(name, "NAME", DeviceKind.ACCELERATOR, index, (POWER,), scope=Scope.ACCELERATOR)
            for index, name in enumerate(self._found)
        ]

    def read(self, devices: Sequence[Device]) -> Iterable[Reading]:
        for device in devices:
            path = self._found[device.id]
            if not path.exists():
                raise DeviceGone(device.id, "its folder disappeared")
            yield Sample(device.id, (_watts(path / "power_uw"),))


def _watts(path: Path) -> float | None:
    try:
        return int(path.read_text()) * 1e-6
    except (OSError, ValueError):
        return None
'''
TEST_OF_PROGRAMMED = '''"""NAME.py, held against the contract with and without devices. Run it with pytest."""

from perfwatch.testing import check_contract

from NAME import CLASSCollector, Options


def test_without_a_device_it_says_so(tmp_path):
    assert check_contract(CLASSCollector(Options(root=str(tmp_path)))) == "absent"


def test_a_device_tells_its_power(tmp_path):
    folder = tmp_path / "sys/class/NAME/card0"
    folder.mkdir(parents=True)
    (folder / "power_uw").write_text("41500000\\n")
    collector = CLASSCollector(Options(root=str(tmp_path)))
    assert [sample.values for sample in collector.read(collector.open())] == [(41.5,)]
    assert check_contract(CLASSCollector(Options(root=str(tmp_path)))) == "ok"
'''


def run(args: argparse.Namespace, names: list[str]) -> int:
    """Write the starter and its test beside each other, here.

    Raises:
        ConfigError: no name, one that is none, or a file that is there already.
    """
    if len(names) != 1 or not re.fullmatch(r"[a-z][a-z0-9_]*", names[0]):
        shown = clean(" ".join(names), 60)
        raise ConfigError(
            f"cannot begin a collector named {shown!r}: it takes one word of small letters, digits and _, as "
            "in: perfwatch collectors new mychip"
        )
    (name,) = names
    if name in plugins.builtin():
        raise ConfigError(
            f"cannot begin a collector named {name}: one of this name comes with perfwatch, and yours would "
            f"take its place; take another name, as in: perfwatch collectors new my_{name}"
        )
    kind = ".py" if args.python else ".toml"
    starter, test = (PROGRAMMED, TEST_OF_PROGRAMMED) if args.python else (DESCRIBED, TEST_OF_DESCRIBED)
    files = {Path(f"{name}{kind}"): starter, Path(f"test_{name}.py"): test}
    for path in files:
        if path.exists():
            raise ConfigError(f"cannot write {path}: it exists already; take another name or directory")
    words = "".join(part.title() for part in name.split("_"))
    try:
        for path, text in files.items():
            path.write_text(text.replace("NAME", name).replace("CLASS", words), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write here: {reason_of(error)}") from error
    standard.out().write("".join(f"{path}\n" for path in files))
    results.say(f"perfwatch collectors: next: perfwatch collectors check ./{name}{kind}")
    return 0
