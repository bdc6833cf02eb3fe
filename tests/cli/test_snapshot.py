"""`perfwatch snapshot`: one reading of real, simulated, pretended and broken collectors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import perfwatch
from fake_nvml import Constant, FakeDevice, FakeNvml

from perfwatch import cli

NVIDIA = ("--only", "nvidia")


@pytest.fixture
def fake() -> Iterator[FakeNvml]:
    board = FakeDevice(name="NVIDIA Fake T4", wave=Constant(60.0), limit_w=70.0)
    with FakeNvml([board, board]) as made:
        yield made


def test_boards_of_a_fake_nvml_stand_in_the_table(fake: FakeNvml, tmp_path: Path) -> None:
    done = perfwatch("snapshot", *NVIDIA, home=tmp_path, extra=fake.env())
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split()[:4] == ["device", "name", "busy", "power"]
    assert [line.split()[0] for line in lines[2:]] == ["nvidia:0", "nvidia:1"]
    assert "60.0 of 70.0 W" in lines[2]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout


def test_json_holds_every_value_of_a_board(fake: FakeNvml, tmp_path: Path) -> None:
    done = perfwatch("snapshot", "--json", *NVIDIA, home=tmp_path, extra=fake.env())
    found = json.loads(done.stdout)
    assert found["schema"] == "perfwatch.snapshot/1"
    device = found["devices"]["nvidia:1"]
    assert device["uuid"] == fake.uuid(1)
    assert device["power"] == {"watts": 60.0, "source": "sensor"}
    assert device["metrics"]["memory_total_bytes"] == 16 << 30
    assert found["collectors"]["nvidia"]["state"] == "ok"


def test_a_board_that_hangs_costs_only_itself(fake: FakeNvml, tmp_path: Path) -> None:
    fake.hang(0)
    done = perfwatch("snapshot", "--json", *NVIDIA, home=tmp_path, extra=fake.env())
    devices = json.loads(done.stdout)["devices"]
    assert done.returncode == 0
    assert devices["nvidia:1"]["power"]["watts"] == 60.0
    assert devices.get("nvidia:0", {"age_s": None})["age_s"] is None


@pytest.mark.parametrize("spelling", [["snapshot"], ["--once"], ["snapshot", "--once"], []])
def test_every_spelling_gives_the_table(
    spelling: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert cli.main([*spelling, "--only", "simulated"]) == 0
    assert "simulated:3  " in capsys.readouterr().out


def test_a_machine_without_accelerators_gets_its_own_figures_and_a_hint(tmp_path: Path) -> None:
    done = perfwatch("snapshot", "--only", "host", home=tmp_path)
    assert done.returncode == 0
    assert "CPU " in done.stdout
    assert "memory " in done.stdout
    assert done.stdout.splitlines()[-3] == "No accelerator was found."


def test_with_nothing_to_read_the_status_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text(
        "from perfwatch.collector import Collector\n"
        "from perfwatch.errors import Unavailable\n"
        "class Empty(Collector):\n"
        "    name = 'empty'\n"
        "    def open(self):\n"
        "        raise Unavailable('there is no chip')\n"
        "    def read(self, devices):\n"
        "        return []\n"
    )
    done = perfwatch("snapshot", "--only", "", "-c", str(tmp_path / "empty.py"), home=tmp_path)
    assert done.returncode == 1
    assert "empty finds nothing to read: there is no chip" in done.stdout
    assert "No accelerator was found." in done.stdout


def _plugin(tmp_path: Path, name: str, read: str) -> str:
    file = tmp_path / f"{name}.py"
    file.write_text(
        "import time\n"
        "from perfwatch.collector import Collector\n"
        "from perfwatch.metrics import POWER\n"
        "from perfwatch.model import Device, DeviceKind, Sample\n"
        f"class Chip(Collector):\n"
        f"    name = {name!r}\n"
        "    def open(self):\n"
        "        return [Device('C', 'Chip \\x1b[31m', DeviceKind.ACCELERATOR, metrics=(POWER,))]\n"
        "    def read(self, devices):\n"
        f"        {read}\n"
    )
    return str(file)


def test_a_collector_that_raises_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    chip = _plugin(tmp_path, "chip", "raise RuntimeError('no \\x1b[2J luck')")
    done = perfwatch("snapshot", "--only", "simulated", "-c", chip, home=tmp_path)
    assert done.returncode == 0
    assert "simulated:0" in done.stdout
    assert "chip failed: RuntimeError: no luck" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_collector_that_hangs_holds_nothing_up(tmp_path: Path) -> None:
    chip = _plugin(tmp_path, "chip", "time.sleep(3600)")
    done = perfwatch("snapshot", "--only", "simulated", "-c", chip, home=tmp_path)
    assert done.returncode == 0
    assert "simulated:0" in done.stdout
    assert "chip hangs: no answer for" in done.stdout


def test_a_wrong_option_is_answered_with_a_sentence(tmp_path: Path) -> None:
    done = perfwatch("snapshot", "-c", "simulated:devices=many", home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("perfwatch snapshot: cannot set option devices of collector simulated")
    assert done.stderr.count("\n") == 1


def test_a_locale_without_unicode_gets_ascii(tmp_path: Path) -> None:
    extra: dict[str, Any] = {"PYTHONIOENCODING": "ascii"}
    done = perfwatch("snapshot", "--only", "simulated", home=tmp_path, extra=extra)
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_only_may_name_the_collector_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "chip.py"
    file.write_text(
        "from perfwatch.collector import Collector\n"
        "from perfwatch.model import Device, DeviceKind, Sample\n"
        "class Chip(Collector):\n"
        "    name = 'chip'\n"
        "    about = 'a chip'\n"
        "    def open(self): return [Device('c', 'Chip', DeviceKind.ACCELERATOR)]\n"
        "    def read(self, devices): return [Sample('c', ())]\n"
    )
    done = perfwatch("snapshot", "--json", "--only", "chip", "-c", str(file), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["devices"]) == ["chip:0"]


def test_a_command_that_hangs_is_ended_with_the_snapshot(tmp_path: Path) -> None:
    tool, number = tmp_path / "hangsmi", tmp_path / "number"
    tool.write_text(f"#!/bin/sh\necho $$ > {number}\nexec sleep 300\n")
    tool.chmod(0o755)
    chip = tmp_path / "chip.toml"
    chip.write_text(
        f'name = "chip"\nabout = "a chip"\n[source]\ncommand = ["{tool}"]\ntimeout = "60s"\n'
        '[read]\nformat = "json"\n[device]\nid = "{id}"\nname = "a chip"\n'
        '[metrics]\npower_watts = { from = "w", unit = "W" }\n'
    )
    done = perfwatch("snapshot", "--only", "chip", "-c", str(chip), home=tmp_path)
    assert "chip is not ready: it gave no answer in time" in done.stdout
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)


def test_what_was_asked_for_and_is_not_there_says_why(tmp_path: Path) -> None:
    done = perfwatch(
        "snapshot", "--only", "simulated", "-c", "ipmi_dcmi", home=tmp_path, extra={"PATH": str(tmp_path)}
    )
    said = " ".join(done.stdout.split())
    assert "ipmi_dcmi finds nothing to read: " in said
    assert "nothing to read for" not in said
