"""Outputs of which one field alone does not tell: second commands, rates, labels, boards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from described.describing import CHIP, Told, collector, described, tool, values_in
from perfwatch_collectors.described.collector import DescribedOptions, class_from
from perfwatch_collectors.described.devices import Rates, devices_in
from perfwatch_collectors.described.directories import Directories
from perfwatch_collectors.described.records import Record
from perfwatch_collectors.described.trial import of_sample

from perfwatch.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


# -- a second command, and a command that does not answer ------------------------------------------------

TWO_CALLS = """
name = "chip"
[source]
command = [["chip-smi", "info", "--format"], ["chip-smi", "info", "--output"]]
also = [["chip-smi", "status", "--format"], ["chip-smi", "status", "--output"]]
[read]
format = "json"
each = "."
join = "dev_name|device"
[device]
id = "{uuid}"
name = "chip"
[metrics]
power_watts = "power"
utilization_ratio = { from = "util", unit = "%" }
"""
INFO = (
    '[{"uuid": "A", "dev_name": "npu0", "power": "38 W"}, {"uuid": "B", "dev_name": "npu1", "power": "37 W"}]'
)
STATUS = '[{"device": "npu1", "util": 20}, {"device": "npu0", "util": 10}, {"device": "npu9", "util": 90}]'


def test_a_second_command_tells_more_of_the_same_devices(tools: Path) -> None:
    tool(tools, "chip-smi", f"test $1 = info && echo '{INFO}' || echo '{STATUS}'")
    one = collector(described(TWO_CALLS))
    assert Told(one, list(one.open())).samples == {"A": (38.0, 0.1), "B": (37.0, 0.2)}


def test_where_the_second_command_fails_the_first_one_tells(tools: Path) -> None:
    tool(tools, "chip-smi", f"test $1 = info && echo '{INFO}' || exit 3")
    one = collector(described(TWO_CALLS))
    assert Told(one, list(one.open())).samples == {"A": (38.0,), "B": (37.0,)}


def test_of_several_commands_the_first_that_tells_of_a_device_is_used(tools: Path) -> None:
    tool(
        tools,
        "chip-smi",
        f"""test "$2" = --output || {{ echo "unknown option $2" >&2; exit 2; }}
        test $1 = info && echo '{INFO}' || echo '{STATUS}'""",
    )
    one = collector(described(TWO_CALLS))
    assert Told(one, list(one.open())).samples == {"A": (38.0, 0.1), "B": (37.0, 0.2)}


def test_where_none_answers_the_first_one_says_why(tools: Path) -> None:
    tool(tools, "chip-smi", 'echo "no $2" >&2; exit 2')
    with pytest.raises(Unavailable, match="chip-smi info --format failed: no --format"):
        collector(described(TWO_CALLS)).open()


@pytest.mark.parametrize(
    "text",
    [
        TWO_CALLS.replace('join = "dev_name|device"\n', ""),
        CHIP.replace("[device]", 'join = "uuid"\n[device]'),
        CHIP.replace('command = ["chip-smi", "-j"]', 'file = "/x"\nalso = ["a"]').replace(
            "[device]", 'join = "uuid"\n[device]'
        ),
    ],
)
def test_a_second_command_needs_the_field_that_joins_both(text: str) -> None:
    with pytest.raises(ConfigError, match="also takes a second command, beside command, and join in"):
        described(text)


# -- parts of a text -------------------------------------------------------------------------------------


def found_in(text: str, how: str) -> object:
    metric = f"utilization_ratio = {{ from = 'load', unit = '%', {how} }}"
    return values_in(described(power_watts=metric), json.dumps({"devices": [{"uuid": "A", "load": text}]}))


def test_a_pattern_finds_several_values_in_the_text_of_a_field() -> None:
    how = "find = 'Core\\d: *(\\d+%)', combine = 'mean'"
    assert found_in("Core0: 25%, Core1: 50%, Core2: 0%,", how) == {"A": {"utilization_ratio": 0.25}}
    assert found_in("NPU load: 7%", "find = '\\d+%'") == {"A": {"utilization_ratio": 0.07}}
    assert found_in("no load", how) == {"A": {"utilization_ratio": None}}


def test_a_pattern_that_is_none_is_answered_and_one_that_finds_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no regular expression"):
        described(power_watts="power_watts = { from = 'p', find = '(' }")
    sample = tmp_path / "sample.json"
    sample.write_text('{"devices": [{"uuid": "A", "name": "X", "power": "none today"}]}')
    trial = of_sample(described(power_watts="power_watts = { from = 'power', find = '\\d+' }"), sample)
    ((_, (tried,)),) = trial.devices
    assert tried.why == "the field is not there, or find is not in it"


def test_what_is_used_is_the_total_without_what_is_free() -> None:
    of = described(
        power_watts='memory_used_bytes = { from = "total", minus = ["free", "left"], unit = "MiB" }'
    )
    listed = [
        {"uuid": "A", "total": "16 GiB", "free": 1024},
        {"uuid": "B", "total": 2, "left": "1"},
        {"uuid": "C", "total": 2},
        {"uuid": "D", "total": 2, "free": "N/A"},
    ]
    found = {
        key: one["memory_used_bytes"] for key, one in values_in(of, json.dumps({"devices": listed})).items()
    }
    assert found == {"A": 15 * 2**30, "B": 2**20, "C": None, "D": None}


# -- totals whose growth is told -------------------------------------------------------------------------

BUSY = CHIP.replace(
    'power_watts = { from = "power", unit = "mW" }',
    'utilization_ratio = { from = "busy", unit = "us", rate = true, most = 1 }',
)


def grown(of: Description, *readings: tuple[float, object]) -> list[float | None]:
    """What is told of a total that was read at these times."""
    times = iter([at for at, _ in readings])
    rates = Rates(lambda: next(times))
    told = []
    for _, total in readings:
        (found,) = devices_in([Record({"uuid": "A", "name": "X", "busy": total})], of)
        told.append(rates.of(found).values[0])
    return told


def test_the_growth_of_a_total_is_told_from_its_second_reading_on() -> None:
    of = described(BUSY)
    assert grown(of, (0.0, 0), (1.0, 250_000), (3.0, 1_250_000)) == [None, 0.25, 0.5]


def test_a_total_that_began_anew_is_missing_or_runs_too_fast_tells_nothing() -> None:
    of = described(BUSY)
    assert grown(of, (0.0, 900_000), (1.0, 100_000), (2.0, 200_000)) == [None, None, pytest.approx(0.1)]
    assert grown(of, (0.0, 0), (1.0, "N/A"), (2.0, 1_000_000)) == [None, None, 0.5]
    assert grown(of, (0.0, 0), (1.0, 1_050_000), (2.0, 9_000_000)) == [None, 1.0, None]
    assert grown(of, (0.0, 0), (0.0, 500)) == [None, None]


def test_a_trial_of_a_total_says_when_it_is_told(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text('{"devices": [{"uuid": "A", "name": "X", "busy": 2500000}]}')
    ((_, (tried,)),) = of_sample(described(BUSY), sample).devices
    assert (tried.value, tried.why) == (None, "a total (2.5): its growth is told from the second reading on")


def test_a_total_is_read_anew_where_the_first_reading_comes_late(tools: Path, tmp_path: Path) -> None:
    tool(
        tools,
        "chip-smi",
        f"""echo x >> {tmp_path}/calls
        echo '{{"devices": [{{"uuid": "A", "name": "X", "busy": '$(wc -l < {tmp_path}/calls)'}}]}}'""",
    )
    one = collector(described(BUSY))
    Told(one, list(one.open()))
    assert (tmp_path / "calls").read_text() == "x\nx\n"


def test_power_is_the_growth_of_energy() -> None:
    of = described(power_watts='power_watts = { from = "busy", unit = "mJ", rate = true }')
    assert grown(of, (0.0, 1000), (2.0, 5000)) == [None, 2.0]


def test_only_what_is_a_rate_may_grow() -> None:
    with pytest.raises(ConfigError, match=r"rate in .* it takes a metric in 1, W, By/s, Hz"):
        described(power_watts='temperature_celsius = { from = "t", rate = true }')
    with pytest.raises(ConfigError, match=r"\('W'\): it takes a unit of it: J, mJ"):
        described(power_watts='power_watts = { from = "t", unit = "W", rate = true }')


# -- files beside the directory, and files that a label names ---------------------------------------------

SENSORS = """
name = "chip"
[source]
directory = "/sys/class/chip/chip*"
[read]
format = "directory"
[device]
id = "{busname}"
name = "chip"
only = { kind = ["npu*"] }
skip = { kind = ["*mgmt"] }
[metrics]
power_watts = { from = '/sys/bus/pci/devices/{busname}/hwmon/*/power*_input{label="*Total*"}', unit = "uW" }
utilization_ratio = { from = "/sys/kernel/debug/chip/load", unit = "%" }
"""


def chip(root: Path, at: int, kind: str, bus: str) -> None:
    sensors = root / f"sys/bus/pci/devices/{bus}/hwmon/hwmon{at}"
    place = root / f"sys/class/chip/chip{at}"
    for folder in (sensors, place):
        folder.mkdir(parents=True)
    (place / "kind").write_text(f"{kind}\n")
    (place / "busname").write_text(f"{bus}\n")
    for number, (label, power) in enumerate([("VCCINT", "1000000"), ("Card Total Power", "42000000")], 1):
        (sensors / f"power{number}_label").write_text(f"{label}\n")
        (sensors / f"power{number}_input").write_text(f"{power}\n")


def test_a_field_may_be_a_file_elsewhere_named_by_another_field_or_by_its_label(tmp_path: Path) -> None:
    for at, kind in enumerate(["npu-x", "npu-mgmt", "gpu"]):
        chip(tmp_path, at, kind, f"0000:0{at}:00.0")
    load = tmp_path / "sys/kernel/debug/chip/load"
    load.parent.mkdir(parents=True)
    load.write_text("25%\n")
    one = collector(described(SENSORS), tmp_path)
    assert Told(one, list(one.open())).samples == {"0000:00:00.0": (42.0, 0.25)}


def test_a_file_whose_field_is_not_there_is_not_there(tmp_path: Path) -> None:
    chip(tmp_path, 0, "npu", "0000:00:00.0")
    (tmp_path / "sys/class/chip/chip0/busname").unlink()
    (record,) = Directories(tmp_path, "/sys/class/chip/chip*", "").records()
    assert record.values("/sys/bus/pci/devices/{busname}/hwmon/hwmon*/power1_input") == []
    assert record.values('power*_input{label="*"}') == []


def test_a_file_below_a_directory_of_roots_says_that_it_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SENSORS.replace('directory = "/sys/class/chip/chip*"', 'file = "/secret/load"\nremedy = "be root"')
    text = text.replace('"directory"', '"regex"\npattern = "(?P<load>x)"')

    def forbidden(path: Path, *_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", forbidden)
    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(Unavailable, match="cannot be read: permission denied") as caught:
        class_from(described(text))(DescribedOptions(root=str(tmp_path))).open()
    assert caught.value.remedy.startswith("run perfwatch as a user who may read")


# -- boards, names, brackets -----------------------------------------------------------------------------


def test_a_board_tells_the_mean_of_its_devices_which_tell_their_own_besides() -> None:
    text = CHIP.replace("[metrics]", 'shares = "{sid}"\n[metrics]\n') + (
        'utilization_ratio = { from = "util", unit = "%", board = "mean" }\n'
    )
    cards = [("A", "10"), ("B", "30"), ("C", "N/A")]
    listed = ", ".join(
        f'{{"uuid": "{key}", "sid": "7", "util": "{util}", "power": 2000}}' for key, util in cards
    )
    found = values_in(described(text), f'{{"devices": [{listed}]}}')
    assert found["board 7"] == {"power_watts": 2.0, "utilization_ratio": 0.2}
    assert found["A"] == {"utilization_ratio": 0.1}
    assert found["C"] == {"utilization_ratio": None}


def test_a_trial_shows_what_a_boards_value_is_made_of(tmp_path: Path) -> None:
    text = CHIP.replace("[metrics]", 'shares = "{sid}"\n[metrics]\n') + (
        'utilization_ratio = { from = "util", unit = "%", board = "mean" }\n'
    )
    cards = [{"uuid": key, "sid": "7", "util": util} for key, util in (("A", "10"), ("B", "30"))]
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps({"devices": cards}))
    (_, (tried,)), *_ = of_sample(described(text), sample).devices
    assert (tried.source, tried.raw, tried.value) == ("mean of util", ("10", "30"), pytest.approx(0.2))


def test_of_several_names_of_an_id_one_that_is_not_known_gives_way() -> None:
    of = described(id='id = "{bus_id|board_id}"')
    output = '{"devices": [{"bus_id": "N/A", "board_id": "7"}, {"bus_id": "0000:01:00.0", "board_id": "7"}]}'
    assert list(values_in(of, output)) == ["7", "0000:01:00.0"]
    assert list(values_in(of, '{"devices": [{"bus_id": "N/A"}]}')) == ["chip-0"]


@pytest.mark.parametrize(
    "before", ["[WARN] old driver\n", "[1/2] reading {fast}\n  ", "see [docs]\n[x] done\n"]
)
def test_brackets_in_what_a_tool_says_before_its_json_are_passed_over(before: str) -> None:
    output = f'{before}{{"devices": [{{"uuid": "A", "power": 1500}}]}}'
    assert values_in(described(), output) == {"A": {"power_watts": 1.5}}
