"""`perfwatch doctor`: what is there, what is broken, and that missing hardware is neither."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commandline import perfwatch
from fake_nvml import FakeNvml

from perfwatch.cli import environment

if TYPE_CHECKING:
    import pytest

SIMULATED = ("--only", "simulated")


def doctor(home: Path, *arguments: str, **more: Any) -> tuple[int, dict[str, dict[str, str]]]:
    """Status and findings by name."""
    done = perfwatch("doctor", "--json", *arguments, home=home, **more)
    found = json.loads(done.stdout)
    assert found["schema"] == "perfwatch.doctor/1"
    return done.returncode, {one["name"]: one for one in [*found["collectors"], *found["here"]]}


def _install(tmp_path: Path, name: str, version: str, entry_points: str = "") -> dict[str, str]:
    """Metadata of an installed distribution, and the environment that shows it to Python."""
    place = tmp_path / "elsewhere"
    info = place / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)
    return {"PYTHONPATH": str(place)}


def test_a_machine_on_which_all_is_well(tmp_path: Path) -> None:
    done = perfwatch("doctor", *SIMULATED, home=tmp_path)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "collectors"
    assert lines[-1] == "nothing is broken"
    assert "simulated:0 Simulated accelerator (energy counter and power)" in done.stdout
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in done.stdout


def test_boards_are_found_and_named(tmp_path: Path) -> None:
    with FakeNvml(10) as fake:
        status, found = doctor(tmp_path, "--only", "nvidia", extra=fake.env())
    assert status == 0
    assert found["nvidia"]["verdict"] == "ok"
    assert found["nvidia"]["message"].startswith("nvidia:0 NVIDIA Fake T4 (energy counter and power); ")
    assert found["nvidia"]["message"].endswith("; and 2 more")


def test_hardware_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    status, found = doctor(tmp_path, "--only", "rapl", "-c", f"rapl:root={tmp_path}")
    assert status == 0
    assert found["rapl"]["verdict"] == "absent"
    assert "powercap is missing" in found["rapl"]["message"]


def test_a_remedy_of_shell_lines_is_printed_so_that_it_can_be_copied(tmp_path: Path) -> None:
    file = tmp_path / "chip.py"
    long_line = "sudo tee /etc/udev/rules.d/70-chip.rules <<< '" + "x" * 150 + "'"
    file.write_text(
        "from perfwatch.collector import Collector\n"
        "from perfwatch.errors import Unavailable\n"
        "class Chip(Collector):\n"
        "    name = 'chip'\n"
        "    def open(self):\n"
        f"        raise Unavailable('no \\x1b[2Jpermission', {long_line!r} + '\\nsudo udevadm trigger\\n')\n"
        "    def read(self, devices): return []\n"
    )
    done = perfwatch("doctor", "--only", "", "-c", str(file), home=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "  absent      chip: no permission" in lines
    assert f"      {long_line}" in lines
    assert "      sudo udevadm trigger" in lines


def test_a_collector_that_raises_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "chip.py"
    file.write_text(
        "from perfwatch.collector import Collector\n"
        "class Chip(Collector):\n"
        "    name = 'chip'\n"
        "    def open(self): raise RuntimeError('oh no')\n"
        "    def read(self, devices): return []\n"
    )
    done = perfwatch("doctor", *SIMULATED, "-c", str(file), home=tmp_path)
    assert done.returncode == 1
    assert "chip: failed: RuntimeError: oh no" in done.stdout
    assert done.stdout.splitlines()[-1] == "broken: chip"


def test_collectors_that_take_part_on_request_are_listed(tmp_path: Path) -> None:
    _, found = doctor(tmp_path, *SIMULATED)
    assert found["statsd"]["verdict"] == "on request"
    assert found["statsd"]["remedy"] == "add -w statsd=ADDR to a command"


def test_a_foreign_collector_that_cannot_be_imported_is_broken(tmp_path: Path) -> None:
    extra = _install(tmp_path, "some-chip", "1.0", "[perfwatch.collectors]\nsomechip = no_such_module:Chip\n")
    status, found = doctor(tmp_path, *SIMULATED, extra=extra)
    assert status == 1
    assert "collector somechip (some-chip) cannot be loaded" in found["somechip"]["message"]


def test_another_package_called_perfwatch_is_noticed_and_our_own_is_not(tmp_path: Path) -> None:
    _, found = doctor(tmp_path, *SIMULATED)
    assert "perfwatch (another)" not in found
    status, found = doctor(tmp_path, *SIMULATED, extra=_install(tmp_path, "perfwatch", "9.9"))
    assert status == 1
    assert "another package called perfwatch (9.9)" in found["perfwatch (another)"]["message"]


def test_the_old_nvml_package_is_noticed(tmp_path: Path) -> None:
    extra = _install(tmp_path, "nvidia-ml-py3", "7.352.0")
    status, found = doctor(tmp_path, *SIMULATED, extra=extra)
    assert status == 1
    assert "pip uninstall nvidia-ml-py3" in found["nvidia-ml-py3"]["remedy"]


def test_a_state_directory_that_cannot_be_written_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, found = doctor(tmp_path, *SIMULATED, extra={"XDG_STATE_HOME": str(tmp_path / "file/state")})
    assert status == 1
    assert found["recorded runs"]["verdict"] == "broken"
    assert "-o" in found["recorded runs"]["remedy"]


def test_recorded_runs_are_counted(tmp_path: Path) -> None:
    runs = tmp_path / ".local/state/perfwatch/sessions"
    runs.mkdir(parents=True)
    (runs / "20260101T000000-a.jsonl.zst").write_bytes(b"x" * 3_000_000)
    _, found = doctor(tmp_path, *SIMULATED)
    assert found["recorded runs"]["message"].startswith(f"1 in {runs}, 3.00 MB; ")


def test_a_config_that_cannot_be_read_is_broken_and_the_rest_is_told(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[run\n")
    status, found = doctor(tmp_path, *SIMULATED, "--config", str(config))
    assert status == 1
    assert "line 1" in found["config"]["message"]
    assert found["simulated"]["verdict"] == "ok"
    config.write_text("[run]\ninterval = 2\n")
    status, found = doctor(tmp_path, *SIMULATED, "--config", str(config))
    assert status == 0
    assert found["config"]["message"] == str(config)


def test_versions_terminal_and_the_buffer_for_work_are_told(tmp_path: Path) -> None:
    _, found = doctor(tmp_path, *SIMULATED)
    assert "nvidia-ml-py " in found["libraries"]["message"]
    assert found["terminal"]["message"] == "none: standard output is a file or a pipe"
    assert "needs a terminal" in found["dashboard"]["message"]
    assert " MiB" in found["StatsD"]["message"]


class Terminal:
    """Standard output as a terminal has it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


def seen_on(
    monkeypatch: pytest.MonkeyPatch, *, term: str, size: tuple[int, int]
) -> dict[str, environment.Check]:
    monkeypatch.setattr(environment.standard, "out", Terminal)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("os.get_terminal_size", lambda fd: os.terminal_size(size))
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLORTERM", raising=False)
    return {check.name: check for check in environment._dashboard()}


def test_a_terminal_says_what_the_dashboard_can_show_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = seen_on(monkeypatch, term="xterm-256color", size=(120, 40))
    assert checks["dashboard"].message == "can be drawn: 256 colours, braille charts"
    assert "byte code" in checks


def test_a_small_terminal_is_told_apart_from_one_without_a_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "30x10 shows little" in seen_on(monkeypatch, term="xterm", size=(30, 10))["dashboard"].message
    checks = seen_on(monkeypatch, term="dumb", size=(120, 40))
    assert (checks["dashboard"].verdict, "byte code" in checks) == ("note", False)
    assert "TERM is 'dumb'" in checks["dashboard"].message


def test_byte_code_that_is_missing_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.pycache_prefix", str(tmp_path))
    (check,) = environment._compiled()
    assert check.verdict == "note"
    assert "-m compileall" in check.remedy


def test_a_newcomer_reads_what_to_type_for_a_meter(tmp_path: Path) -> None:
    said = " ".join(
        perfwatch("doctor", *SIMULATED, home=tmp_path, extra={"PATH": str(tmp_path)}).stdout.split()
    )
    assert "on request shelly: a Shelly plug" in said
    assert "next: -c NAME adds to a command what is on request" in said
    assert "-c redfish:url=https://BMC (docs/meters.md)" in said
    absent = said[said.index("other chips:") :]
    assert "ipmi_dcmi" in absent
    assert "tasmota" not in absent, "a plug needs no tool"


def test_a_meter_that_does_not_answer_is_tried_before_a_job_needs_it(tmp_path: Path) -> None:
    status, found = doctor(tmp_path, *SIMULATED, "-c", "shelly:url=http://127.0.0.1:9/x")
    assert status == 1
    assert found["shelly"]["verdict"] == "broken"
    assert "connection refused" in found["shelly"]["message"]


def test_a_tool_that_hangs_is_named_with_how_to_try_it(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "hl-smi").write_text("#!/bin/sh\nsleep 600\n")
    (tools / "hl-smi").chmod(0o755)
    path = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    status, found = doctor(tmp_path, "--only", "gaudi", extra=path)
    assert (status, found["gaudi"]["verdict"]) == (1, "broken")
    assert found["gaudi"]["message"].startswith("hl-smi -Q index,uuid,name")
    assert found["gaudi"]["message"].endswith(" did not answer within 3 s")
    assert found["gaudi"]["remedy"].startswith("run hl-smi -Q index,uuid,name")
