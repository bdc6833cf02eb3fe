"""`perfwatch record`: the machine alone, until ctrl-C or for a time, with the summary at its end."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from commandline import QUICK, command, environment, perfwatch, sessions
from fake_nvml import Constant, FakeDevice, FakeNvml

FAST = (*QUICK, "-i", "50ms")


def test_a_recording_ends_after_its_time_with_the_summary(tmp_path: Path) -> None:
    done = perfwatch("record", *FAST, "--duration", "600ms", "--name", "night", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "energy, 4 devices" in done.stderr
    (file,) = sessions(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = perfwatch("summary", "night", "--json", home=tmp_path)
    assert json.loads(again.stdout)["session"]["name"] == "night"


def test_the_energy_of_a_recording_is_that_of_the_boards(tmp_path: Path) -> None:
    with FakeNvml([FakeDevice(wave=Constant(300.0))]) as fake:
        done = perfwatch(
            "record",
            *("--only", "nvidia", "-i", "100ms", "--duration", "1.5s", "--json"),
            home=tmp_path,
            extra=fake.env(),
        )
    summary = json.loads(done.stdout)
    energy = summary["energy"]
    assert energy["method"] == "counter"
    assert energy["joules"] == pytest.approx(300.0 * summary["window"]["duration_s"], rel=0.02)
    assert summary["window"]["duration_s"] >= 1.5


def test_a_secret_in_the_name_or_a_tag_is_not_written(tmp_path: Path) -> None:
    told = ("--name", "hf_hunter2hunter2hunter2", "--tag", "api_key=a hunter2", "--tag", "tokens=128")
    for kind in ("record", "stream"):
        done = perfwatch(kind, *FAST, "--duration", "200ms", *told, home=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "hunter2" not in done.stdout + done.stderr
    exported = perfwatch("export", "last", "--to", "jsonl", home=tmp_path).stdout
    assert "hunter2" not in exported
    assert '"tokens":"128"' in exported


def test_a_named_file_is_written_and_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    arguments = ("record", *FAST, "--duration", "200ms", "-q", "-o", str(out))
    assert perfwatch(*arguments, home=tmp_path).returncode == 0
    before = out.read_bytes()
    again = perfwatch(*arguments, home=tmp_path)
    assert again.returncode == 1
    assert "add --force" in again.stderr
    assert out.read_bytes() == before
    assert perfwatch(*arguments, "--force", home=tmp_path).returncode == 0
    assert out.read_bytes() != before
    assert sessions(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_and_the_summary_is_printed(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    with subprocess.Popen(
        command("record", *FAST), env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().endswith("; ctrl-C ends it\n")
        process.send_signal(number)
        assert "devices: simulated:0-3" in process.stderr.read()
        assert process.wait(30) == status
    assert len(sessions(tmp_path)) == 1


def test_plain_prints_a_line_a_period_on_standard_error(tmp_path: Path) -> None:
    done = perfwatch("record", *FAST, "-q", "--plain", "--duration", "1.5s", home=tmp_path)
    lines = done.stderr.splitlines()
    assert len(lines) >= 2
    ratio = r"(?:[\d.]+|–) tok/J"  # a dash while the run is too short for one
    line = rf"00:0\d  [\d.]+ kW  \d+ % busy  [\d ]+ tok/s  {ratio}  run {ratio}"
    assert [line for one in lines if not re.fullmatch(line, one)] == []


def test_a_limit_that_is_broken_sets_the_status(tmp_path: Path) -> None:
    done = perfwatch(
        *("record", *FAST, "-q", "--duration", "300ms", "--fail-on", "energy.joules > 0"), home=tmp_path
    )
    assert done.returncode == 3
    assert "energy.joules" in done.stderr


def test_a_pipe_gets_the_records_and_the_summary_goes_to_standard_error(tmp_path: Path) -> None:
    done = perfwatch("record", *FAST, "--duration", "300ms", "-o", "-", home=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["format"] == "perfwatch.session"
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "end"
    assert "energy, 4 devices" in done.stderr


def test_two_things_for_standard_output_are_refused(tmp_path: Path) -> None:
    done = perfwatch("record", *FAST, "--json", "-o", "-", home=tmp_path)
    assert done.returncode == 2
    assert "both write to standard output" in done.stderr


def test_without_a_writable_home_it_is_measured_and_said(tmp_path: Path) -> None:
    done = perfwatch("record", *FAST, "--duration", "300ms", home=tmp_path, extra={"HOME": "/proc/nothing"})
    assert done.returncode == 0
    assert "this run is not kept" in done.stderr
    assert "energy, 4 devices" in done.stderr
