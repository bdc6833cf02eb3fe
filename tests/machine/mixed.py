"""A machine of many makers, for tests: what each of its roads tells, and what it draws.

    with Mixed(folder) as mixed:
        perfwatch("run", *mixed.options, ..., extra=mixed.env)

Two NVIDIA boards by a fake library, one ATOM-Max of four dies and one C2 of two IPUs by stand-ins of their
makers' tools, a processor by a powercap tree that counts, rails by a hwmon tree, and the management
controller of the whole.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from fake_nvml import Constant, FakeDevice, FakeNvml, Ramp, Square, Wave
from machine.redfish import PASSWORD, USER, running

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "chips"

NVIDIA_W, ATOM_MAX_W, C2_W = (60.0, 80.0), 120.0, 99.5
ACCELERATORS_W = sum(NVIDIA_W) + ATOM_MAX_W + C2_W
PROCESSOR_W, NODE_W, BOARD_IN_NODE_W = 45.0, 374.0, 210.5
RAIL_W = 4.81536
TICK_S = 0.005


class Mixed:
    """The machine; it runs between `__enter__` and `__exit__`.

    Args:
        waves: what each NVIDIA board draws.
    """

    options: tuple[str, ...] = ()
    """How perfwatch is told of its places."""
    env: dict[str, str]

    def __init__(self, folder: Path, waves: Sequence[Wave] = tuple(map(Constant, NVIDIA_W))) -> None:
        self._folder = folder
        self._waves = waves
        self._stack = ExitStack()
        self._over = threading.Event()

    def __enter__(self) -> Mixed:
        boards = [FakeDevice(wave=wave) for wave in self._waves]
        fake = self._stack.enter_context(FakeNvml(devices=boards))
        controller = self._stack.enter_context(running())
        tools = self._folder / "bin"
        stand_in(tools, "rbln-smi", atom_max())
        stand_in(tools, "gc-inventory", c2())
        self._rails()
        counter = self._counter()
        threading.Thread(target=self._count, args=(counter,), daemon=True).start()
        self.options = (
            *("--only", "nvidia,rebellions,graphcore,rapl,hwmon,redfish"),
            *("-c", f"rapl:root={self._folder}", "-c", f"hwmon:root={self._folder}"),
            *("-c", f"redfish:url={controller.url}"),
        )
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        self.env = {**fake.env(), "PATH": path, "REDFISH_USER": USER, "REDFISH_PASSWORD": PASSWORD}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._stack.close()

    def _rails(self) -> None:
        chip = self._folder / "sys/class/hwmon/hwmon0"
        chip.mkdir(parents=True)
        rails = {"name": "ina3221", "power1_label": "VDD_IN", "power1_input": f"{round(RAIL_W * 1e6)}"}
        for name, text in rails.items():
            (chip / name).write_text(f"{text}\n")

    def _counter(self) -> Path:
        zone = self._folder / "sys/class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        for name, text in {"name": "package-0", "max_energy_range_uj": "262143328850"}.items():
            (zone / name).write_text(f"{text}\n")
        (zone / "energy_uj").write_text("1000000000000\n")
        return zone / "energy_uj"

    def _count(self, counter: Path) -> None:
        """Let the processor's counter run; it is as long at all times, so that no reader sees half of it."""
        began = time.monotonic()
        with counter.open("r+b", buffering=0) as file:
            while not self._over.wait(TICK_S):
                microjoules = round(PROCESSOR_W * 1e6 * (time.monotonic() - began))
                os.pwrite(file.fileno(), b"%d\n" % (1_000_000_000_000 + microjoules), 0)


def stand_in(folder: Path, tool: str, output: str) -> None:
    """A command that prints an output."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{tool}.txt"
    kept.write_text(output)
    script = folder / tool
    script.write_text(f"#!/bin/sh\nexec cat {kept}\n")
    script.chmod(0o755)


def atom_max() -> str:
    """`rbln-smi -j` of one card whose four dies each repeat what the card draws."""
    document = json.loads((SAMPLES / "rebellions/rbln-stat-loaded.json").read_text())
    document["devices"] = document["devices"][:4]
    for at, one in enumerate(document["devices"]):
        one |= {"sid": "0001", "name": "RBLN-CA25", "uuid": f"die-{at}"}
        one["card_power"] = f"{round(ATOM_MAX_W * 1e6)}uW"
    return json.dumps(document)


def c2() -> str:
    """`gc-inventory` of one board with two IPUs, each of which tells what the board draws."""
    one = (SAMPLES / "graphcore/gc-info-device-info-c2-busy.txt").read_text()
    other = one.partition("\n")[2].replace("  id: 0", "  id: 1")
    return one + "\n" + other.replace("board ipu index: 1", "board ipu index: 0")


def main() -> None:
    """Keep such a machine under a folder, and say how to watch it: `python -m machine.mixed FOLDER`."""
    waves = Square(40.0, 70.0, period_s=14.0, duty=0.7), Ramp(35.0, 69.0, period_s=21.0)
    with Mixed(Path(sys.argv[1]), waves) as mixed:
        told = {key: text for key, text in mixed.env.items() if os.environ.get(key) != text}
        print(json.dumps({"options": mixed.options, "env": told}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
