"""`perfwatch collectors check FILE`: what a file of one's own reads, here or of a captured output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import perfwatch

sys.path.append(str(Path(__file__).parent.parent))
sys.path.append(str(Path(__file__).parent.parent / "collectors"))
from described.describing import CHIP, tool
from serving import page, serving

OUTPUT = {
    "devices": [
        {"uuid": "A", "name": "X1", "power": "1500", "temp": "N/A"},
        {"uuid": "B", "name": "X1", "power": "1.5 XW", "temp": "41C"},
    ]
}
MORE = 'temperature_celsius = "temp"\nfan_ratio = { from = "fan", unit = "%" }\n'


def written(home: Path, text: str = CHIP + MORE) -> str:
    path = home / "chip.toml"
    path.write_text(text)
    (home / "output.json").write_text(json.dumps(OUTPUT))
    return str(path)


def test_a_captured_output_shows_each_field_and_why_it_tells_nothing(tmp_path: Path) -> None:
    file = written(tmp_path)
    done = perfwatch("collectors", "check", file, "--sample", str(tmp_path / "output.json"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "chip:0 X1 id A (accelerator, accelerator)"
    assert "power_watts 1.50 W power: 1500" in lines
    assert "temperature_celsius – temp: N/A (the tool knows nothing)" in lines
    assert "power_watts – power: 1.5 XW (no number, or not in a unit of W)" in lines
    assert "temperature_celsius 41 °C temp: 41C" in lines
    assert "fan_ratio: no device has the field 'fan'" in done.stderr


def test_it_is_told_as_json_too(tmp_path: Path) -> None:
    file = written(tmp_path)
    done = perfwatch(
        "collectors", "check", file, "--json", "--sample", str(tmp_path / "output.json"), home=tmp_path
    )
    first = json.loads(done.stdout)[0]
    assert (first["id"], first["scope"]) == ("A", "accelerator")
    assert first["metrics"]["power_watts"] == {
        "value": 1.5,
        "unit": "W",
        "field": "power",
        "text": ["1500"],
        "why": "",
    }
    assert first["metrics"]["temperature_celsius"]["why"] == "the tool knows nothing"


def test_on_this_machine_it_reads_once_and_is_held_against_the_contract(tmp_path: Path) -> None:
    file = written(tmp_path, CHIP)
    tools = tmp_path / "bin"
    path = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = perfwatch("collectors", "check", file, home=tmp_path, extra=path)
    assert done.returncode == 1
    assert done.stderr.strip() == "perfwatch collectors: chip finds nothing here: chip-smi is not there"
    tool(tools, "chip-smi", f"cat {tmp_path}/output.json")
    done = perfwatch("collectors", "check", file, home=tmp_path, extra=path)
    assert done.returncode == 0, done.stderr
    assert "power_watts      1.50 W" in done.stdout
    assert done.stderr.strip() == "perfwatch collectors: chip keeps the contract"


def test_what_is_wrong_is_a_sentence(tmp_path: Path) -> None:
    file = written(tmp_path)
    cases = [
        (("check",), 2, "check takes a file"),
        (("check", str(tmp_path / "none.toml")), 2, "no such file"),
        (("check", file, "--sample", str(tmp_path / "none")), 1, "cannot read"),
        (("check", file, "--sample", file), 1, "is not understood: it is no whole JSON"),
        (("--sample", file), 2, "cannot use --sample without check"),
    ]
    for arguments, status, said in cases:
        done = perfwatch("collectors", *arguments, home=tmp_path)
        assert (done.returncode, said in done.stderr) == (status, True), done.stderr
        assert "Traceback" not in done.stderr


def test_a_described_device_is_watched_and_summed_like_any_other(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tool(tools, "chip-smi", f"cat {tmp_path}/output.json")
    file = written(tmp_path, CHIP)
    (tmp_path / "output.json").write_text(json.dumps({"devices": [OUTPUT["devices"][0]]}))
    done = perfwatch(
        *("run", "--only", "simulated", "--no-collector", "simulated", "-c", file, "-i", "0.2", "--json"),
        *("--", "sleep", "1.5"),
        home=tmp_path,
        extra={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    energy = json.loads(done.stdout)["energy"]
    assert energy["scope"] == "accelerator"
    assert energy["method"] == "integrated"
    assert abs(energy["by_device"]["chip:0"]["mean_watts"] - 1.5) < 1e-6


@pytest.mark.parametrize("options", [(), ("--python",)])
def test_a_starter_reads_its_own_example_and_its_test_passes(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = perfwatch("collectors", "new", "my_chip", *options, home=tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kind = "py" if options else "toml"
    assert done.stdout.split() == [f"my_chip.{kind}", "test_my_chip.py"]
    assert done.stderr.strip() == f"perfwatch collectors: next: perfwatch collectors check ./my_chip.{kind}"
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_chip.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
    again = perfwatch("collectors", "new", "my_chip", *options, home=tmp_path, cwd=tmp_path)
    assert (again.returncode, "it exists already" in again.stderr) == (2, True)


def test_a_name_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    for names in ((), ("My Chip",), ("a", "b"), ("../x",)):
        done = perfwatch("collectors", "new", *names, home=tmp_path, cwd=tmp_path)
        assert (done.returncode, "one word of small letters" in done.stderr) == (2, True)
    assert list(tmp_path.glob("*.toml")) == []


def test_a_field_that_no_device_has_is_named_with_what_there_is(tmp_path: Path) -> None:
    """A meter that is shared by a field that is not there would be counted for each device."""
    file = written(tmp_path, CHIP.replace("[device]", '[device]\nshares = "{sreial}"') + MORE)
    output = str(tmp_path / "output.json")
    tool(tmp_path / "bin", "chip-smi", f"cat {output}")
    path = {"PATH": f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}"}
    for how in (("--sample", output), ()):
        done = perfwatch("collectors", "check", file, *how, home=tmp_path, extra=path)
        assert done.returncode == 1
        assert "keeps the contract" not in done.stderr
        there = "there are 'uuid', 'name', 'power', 'temp'"
        assert f"shares of [device]: no device has the field 'sreial'; {there}" in done.stderr
        assert f"fan_ratio: no device has the field 'fan'; {there}" in done.stderr


def test_a_field_that_is_around_a_device_is_said_with_how_to_write_it(tmp_path: Path) -> None:
    file = written(tmp_path, CHIP.replace("[metrics]", '[metrics]\nfan_ratio = "rack.fan"'))
    output = tmp_path / "around.json"
    output.write_text(
        json.dumps({"rack": {"fan": 0.5}, "devices": [{"uuid": "A", "name": "X1", "power": "5"}]})
    )
    done = perfwatch("collectors", "check", file, "--sample", str(output), home=tmp_path)
    assert "no device has the field 'rack.fan'; what is around it has: write ..rack.fan" in done.stderr


def test_a_number_that_cannot_be_is_refused_and_the_unit_that_fits_is_named(tmp_path: Path) -> None:
    metrics = 'utilization_ratio = "util"\ntemperature_celsius = "temp"\n'
    file = written(tmp_path, CHIP.replace("mW", "W") + metrics)
    device = {"uuid": "A", "name": "X1", "power": "-5", "util": "873", "temp": "52000"}
    output = tmp_path / "output.json"
    output.write_text(json.dumps({"devices": [device, {**device, "uuid": "B", "util": "873 %"}]}))
    done = perfwatch("collectors", "check", file, "--sample", str(output), home=tmp_path)
    assert done.returncode == 0, done.stderr
    unit = "its unit may be wrong"
    share, beyond = "is beyond what can be (0 to 1.1)", "is beyond what can be"
    assert [line.removeprefix("perfwatch collectors: ") for line in done.stderr.splitlines()] == [
        f"power_watts: -5 of A is refused: -5 {beyond} (0 to 200000); give least where it may be negative",
        f"utilization_ratio: 873 of A is refused: 873 {share}; {unit}: ‰ would fit",
        f"temperature_celsius: 52000 of A is refused: 52000 {beyond} (-200 to 250); {unit}: mC would fit",
    ]
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f"utilization_ratio – util: 873 (873 {share}; {unit}: ‰ would fit)" in lines
    assert f"utilization_ratio – util: 873 % (8.73 {share}; {unit})" in lines


def test_a_number_that_is_far_too_small_is_doubted(tmp_path: Path) -> None:
    metrics = 'temperature_celsius = { from = "temp", unit = "mC" }\nmemory_total_bytes = "memory"\n'
    file = written(tmp_path, CHIP + metrics)
    device = {"uuid": "A", "name": "X1", "power": "250", "temp": "52", "memory": "16384"}
    output = tmp_path / "output.json"
    quiet = {**device, "uuid": "B", "power": "900000", "temp": "0", "memory": "16 GiB"}
    output.write_text(json.dumps({"devices": [device, quiet]}))
    done = perfwatch("collectors", "check", file, "--sample", str(output), home=tmp_path)
    little = "which is very little; its unit may be wrong"
    assert [line.removeprefix("perfwatch collectors: ") for line in done.stderr.splitlines()] == [
        f"power_watts: 250 of A is 0.25 W, {little}: W would fit",
        f"temperature_celsius: 52 of A is 0.052 Cel, {little}: C would fit",
        f"memory_total_bytes: 16384 of A is 16384 By, {little}: MiB or GiB or MB or GB would fit",
    ]
    assert done.returncode == 0


def test_a_name_that_may_be_mistyped_is_remarked(tmp_path: Path) -> None:
    file = written(tmp_path, CHIP + 'powr_watts = "power"\n')
    done = perfwatch("collectors", "check", file, "--sample", str(tmp_path / "output.json"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "powr_watts: did you mean power_watts? As it stands it is one of your own" in done.stderr


def test_two_records_with_one_id_are_said(tmp_path: Path) -> None:
    """The last one would count alone, and the power of the other be in no sum: in a file, of a stream too."""
    file = written(tmp_path, CHIP.replace("{uuid}", "{name}"))
    done = perfwatch("collectors", "check", file, "--sample", str(tmp_path / "output.json"), home=tmp_path)
    assert done.returncode == 1
    assert "2 records have the id 'X1': put into id of [device] what tells them apart" in done.stderr
    for other in ('command = ["chip-smi"]\nstream = true', f'file = "{tmp_path}/output.json"'):
        text = CHIP.replace('command = ["chip-smi", "-j"]', other).replace("{uuid}", "{name}")
        how = ("--sample", str(tmp_path / "output.json")) if "stream" in other else ()
        done = perfwatch("collectors", "check", written(tmp_path, text), *how, home=tmp_path)
        assert (done.returncode, "2 records have the id 'X1'" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("rows", "status", "is_said"),
    [
        ("X1,5\nX1,6\n", 1, "2 records have the id 'X1'"),
        ("X1,5\nX2,6\nX1,7\nX2,8\n", 1, "or say newest = true in [read]"),
        ("X1,5\nX1,6\nX2,7\n", 1, "2 records have the id 'X1'"),
    ],
    ids=["one device twice, or two", "two devices, each twice", "three devices"],
)
def test_rows_of_one_id_are_readings_one_after_the_other_only_where_that_is_said(
    tmp_path: Path, rows: str, status: int, is_said: str
) -> None:
    text = CHIP.replace('format = "json"\neach = "devices"', 'format = "csv"').replace("{uuid}", "{name}")
    file = written(tmp_path, text)
    output = tmp_path / "output.csv"
    output.write_text(f"name,power\n{rows}")
    done = perfwatch("collectors", "check", file, "--sample", str(output), home=tmp_path)
    assert (done.returncode, is_said in done.stderr) == (status, True), done.stderr
    for newest in (
        text.replace('"csv"', '"csv"\nnewest = true'),
        text.replace('-j"]', '-j"]\nstream = true'),
    ):
        done = perfwatch(
            "collectors", "check", written(tmp_path, newest), "--sample", str(output), home=tmp_path
        )
        doubt = "X1,5\nX1" in rows and "X2" in rows
        assert (done.returncode, "records in a row have the id 'X1'" in done.stderr) == (0, doubt), (
            done.stderr
        )


def test_options_stand_before_and_behind_the_file(tmp_path: Path) -> None:
    file, output = written(tmp_path, CHIP), str(tmp_path / "output.json")
    told = {
        perfwatch("collectors", *words, home=tmp_path).stdout
        for words in (
            ("check", file, "--sample", output),
            ("check", "--sample", output, file),
            ("--sample", output, "check", file),
        )
    }
    assert len(told) == 1
    assert "chip:0  X1  id A" in told.pop()


def test_a_file_takes_the_options_that_it_takes_after_c(tmp_path: Path) -> None:
    text = CHIP.replace('command = ["chip-smi", "-j"]', 'url = "http://127.0.0.1:9/"')
    with serving(page(json.dumps(OUTPUT))) as server:
        file = f"{written(tmp_path, text)}:url=http://127.0.0.1:{server.port}/status"
        done = perfwatch("collectors", "check", file, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "chip:0  X1  id A" in done.stdout
    done = perfwatch("collectors", "check", f"{file},ulr=x", home=tmp_path)
    assert (done.returncode, "did you mean url?" in done.stderr) == (2, True)


def test_one_that_comes_with_perfwatch_is_checked_by_its_name(tmp_path: Path) -> None:
    sample = Path(__file__).parent.parent / "data/chips/ascend/npu-smi-info-910b.txt"
    done = perfwatch("collectors", "check", "ascend", "--sample", str(sample), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ascend:0  Huawei 910B3" in done.stdout


ROWS = """
name = "rows"

[source]
command = ["rows-smi"]

[read]
format = "table"
titles = "Power(W)"

[device]
id = "{ID}"
name = "{Name}"
scope = "accelerator"

[metrics]
power_watts = { from = "Power(W)", unit = "W" }
"""


def test_a_row_that_is_lost_fails_the_check_unless_it_is_said_to_be_no_device(tmp_path: Path) -> None:
    """A device that nobody reads is missing from every sum."""
    output = tmp_path / "output"
    output.write_text("ID  Name  Power(W)\n0   Foo   75.0\n1   Foo\nTotal  75.0 W\n")
    check = ("collectors", "check", written(tmp_path, ROWS), "--sample", str(output))
    lost = perfwatch(*check, home=tmp_path)
    assert lost.returncode == 1
    assert "'1 Foo' is passed over: it has 2 cells, and there are 3 titles" in lost.stderr.replace("   ", " ")
    named = ROWS.replace('"table"', '"table"\nno_device = ["1 *", "Total *"]')
    written(tmp_path, named)
    assert perfwatch(*check, home=tmp_path).returncode == 0
