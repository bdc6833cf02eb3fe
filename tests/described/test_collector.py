"""Described collectors at work: commands on PATH, streams, files, directories, boards that share a meter."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from described.describing import CHIP, Told, collector, described, tool
from perfwatch_collectors.described.collector import DescribedOptions, class_from

sys.path.append(str(Path(__file__).parent.parent / "collectors"))
from serving import page, serving

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import DeviceKind, Scope
from perfwatch.testing import check_contract

ONE = '{"devices": [{"uuid": "A", "name": "X1", "power": 1500}]}'
TWO = ONE.replace("]}", ', {"uuid": "B", "name": "X1", "power": 2500}]}')


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_a_command_tells_devices_and_their_values(tools: Path) -> None:
    tool(tools, "chip-smi", f"echo '{TWO}'")
    one = collector(described())
    devices = list(one.open())
    assert [(each.id, each.name, each.index, each.scope) for each in devices] == [
        ("A", "X1", 0, Scope.ACCELERATOR),
        ("B", "X1", 1, Scope.ACCELERATOR),
    ]
    assert Told(one, devices).samples == {"A": (1.5,), "B": (2.5,)}
    one.close()
    assert check_contract(collector(described())) == "ok"


def test_the_first_command_that_is_there_is_run_without_a_shell(tools: Path) -> None:
    tool(
        tools,
        "newer-smi",
        'test "$1" = "a b;c" && test "$LC_ALL" = C && test "$NO_COLOR" = 1 && echo \'' + ONE + "'",
    )
    of = described(command='command = [["chip-of-old"], ["newer-smi", "a b;c"]]')
    assert [each.id for each in collector(of).open()] == ["A"]


def test_a_tool_that_is_not_there_is_named_with_what_to_do(tools: Path) -> None:
    of = described(command='command = [["chip-smi-x", "-j"], ["chip-stat-x"]]\nremedy = "install the SDK"')
    with pytest.raises(Unavailable) as caught:
        collector(of).open()
    assert str(caught.value) == "chip-smi-x or chip-stat-x is not there"
    assert caught.value.remedy == "install the SDK"
    assert check_contract(collector(of)) == "absent"


@pytest.mark.parametrize(
    ("script", "said", "remedy"),
    [
        ("echo 'no driver' >&2; exit 3", "chip-smi -j failed: no driver", "run chip-smi -j yourself to see"),
        ("exit 3", "chip-smi -j failed: exit 3", "run chip-smi -j yourself to see"),
        (
            "echo 'Permission denied' >&2; exit 3",
            "chip-smi -j failed: Permission denied",
            "needs rights that",
        ),
        ("echo oops", "chip-smi -j printed what is not understood: it is no JSON: it begins with 'oops'", ""),
        ("echo '{\"devices\": []}'", "chip-smi -j tells of no device", ""),
        ("sleep 20", "chip-smi -j gave no answer within 0.3 s and was ended", "a longer timeout"),
        (
            "sleep 20 & sleep 20",
            "chip-smi -j gave no answer within 0.3 s and was ended",
            "waits for its driver",
        ),
        ("head -c 9000000 /dev/zero", "chip-smi -j printed more than 4 MB and was ended", "ask it for less"),
    ],
)
def test_a_tool_that_fails_is_a_sentence_and_nobody_is_told_to_install_it(
    tools: Path, script: str, said: str, remedy: str
) -> None:
    tool(tools, "chip-smi", script)
    began_s = time.monotonic()
    slow = 'command = ["chip-smi", "-j"]\ntimeout = "0.3s"\nremedy = "install the SDK"'
    with pytest.raises(Unavailable) as caught:
        collector(described(command=slow)).open()
    assert str(caught.value) == said
    assert remedy in caught.value.remedy
    assert "install" not in caught.value.remedy
    assert time.monotonic() - began_s < 10.0


def test_what_to_do_where_a_tool_fails_may_be_described(tools: Path) -> None:
    of = described(
        command='command = ["chip-smi"]\ntimeout = "0.3s"\nif_failing = "it needs the group chips"'
    )

    def remedy() -> str:
        with pytest.raises(Unavailable) as caught:
            collector(of).open()
        return caught.value.remedy

    assert remedy() == ""
    for script in ("exit 3", "echo oops", "echo '{\"devices\": []}'"):
        tool(tools, "chip-smi", script)
        assert remedy() == "it needs the group chips"
    tool(tools, "chip-smi", "sleep 20")
    assert "a longer timeout" in remedy()


def test_a_tool_that_may_not_be_started_and_a_file_that_may_not_be_read(tools: Path, tmp_path: Path) -> None:
    (tools / "chip-smi").write_text("no program")
    (tools / "chip-smi").chmod(0o755)
    with pytest.raises(Unavailable, match="chip-smi -j cannot be started") as caught:
        collector(described(command='command = ["chip-smi", "-j"]\nremedy = "install the SDK"')).open()
    assert caught.value.remedy.startswith(f"see with ls -l who may run {tools}/chip-smi")
    (tmp_path / "load").mkdir()
    with pytest.raises(Unavailable, match="load cannot be read: is a directory") as caught:
        collector(described(command='file = "/load"\nremedy = "load the driver"'), tmp_path).open()
    assert caught.value.remedy == ""


def test_devices_that_tell_none_of_the_metrics_are_said_and_not_watched(tools: Path) -> None:
    """A wrong path made the whole document one device without a value, in silence."""
    tool(tools, "chip-smi", f"echo '{ONE}'")
    said = (
        "chip-smi -j tells none of the metrics of chip: no device has the field 'power'; there are 'devices'"
    )
    with pytest.raises(Unavailable, match=said):
        collector(described(each="")).open()


def test_a_tool_that_says_much_on_standard_error_is_not_blocked(tools: Path) -> None:
    tool(tools, "chip-smi", f"head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; echo '{ONE}'")
    assert [each.id for each in collector(described()).open()] == ["A"]


@pytest.mark.parametrize(
    "printed", ["dcmi module initialize failed.", '{"devices": [], "error": "no driver"}']
)
def test_a_tool_that_fails_and_says_why_where_its_devices_should_be(tools: Path, printed: str) -> None:
    tool(tools, "chip-smi", f"echo '{printed}'; exit 1")
    with pytest.raises(Unavailable, match="chip-smi -j failed: ") as caught:
        collector(described()).open()
    assert printed in str(caught.value)
    tool(tools, "chip-smi", f"echo '{ONE}'; echo 'one board is broken' >&2; exit 1")
    assert [each.id for each in collector(described()).open()] == ["A"]


def test_a_tool_that_fails_later_is_tried_again(tools: Path) -> None:
    tool(tools, "chip-smi", f"echo '{ONE}'")
    one = collector(described())
    devices = list(one.open())
    Told(one, devices)
    tool(tools, "chip-smi", "echo gone >&2; exit 1")
    with pytest.raises(TryAgain, match="chip-smi -j failed: gone"):
        list(one.read(devices))


def test_devices_come_tell_more_and_leave(tools: Path) -> None:
    tool(tools, "chip-smi", f"echo '{ONE}'")
    of = described(CHIP + 'temperature_celsius = "temp"\n')
    one = collector(of)
    devices = list(one.open())
    assert [metric.name for metric in devices[0].metrics] == ["power_watts"]
    Told(one, devices)
    tool(tools, "chip-smi", "echo '" + TWO.replace('"power": 1500', '"power": 1500, "temp": "41C"') + "'")
    told = Told(one, devices)
    assert {each.id: [metric.name for metric in each.metrics] for each in told.appeared} == {
        "A": ["power_watts", "temperature_celsius"],
        "B": ["power_watts"],
    }
    assert told.samples == {"A": (1.5, 41.0), "B": (2.5,)}
    tool(tools, "chip-smi", f"echo '{ONE}'")
    readings = [Told(one, devices) for _ in range(3)]
    assert [each.gone for each in readings] == [[], [], ["B"]], "an output that is cut short tells of fewer"
    assert readings[0].samples == {"A": (1.5, None)}, "what it told once it keeps"


def test_devices_that_share_a_meter_tell_it_once(tools: Path) -> None:
    of = described(
        CHIP.replace(
            "[metrics]", 'shares = "{sid}"\n[metrics]\nutilization_ratio = { from = "util", unit = "%" }'
        )
    )
    cards = [
        {"uuid": "A0", "sid": "7", "power": "30000", "util": "10"},
        {"uuid": "A1", "sid": "7", "power": "-", "util": "20"},
        {"uuid": "B0", "sid": "8", "power": "9000", "util": "30"},
        {"uuid": "C0", "sid": "9", "power": "1000", "util": "0"},
        {"uuid": "C1", "sid": "9", "power": "-", "util": "0"},
    ]
    import json

    tool(
        tools, "chip-smi", "echo '" + json.dumps({"devices": [{"name": "M", **card} for card in cards]}) + "'"
    )
    one = collector(of)
    devices = {each.id: each for each in one.open()}
    assert set(devices) == {"board 7", "A0", "A1", "B0", "board 9", "C0", "C1"}
    assert [devices[f"board {sid}"].index for sid in (7, 9)] == ["board-0", "board-1"]
    assert devices["A0"].parent == devices["A1"].parent == "board 7"
    assert (devices["B0"].parent, devices["board 7"].parent) == (None, None)
    assert devices["board 7"].name == "M board of 2"
    told = Told(one, list(devices.values())).samples
    boards = {"board 7": (30.0,), "board 9": (1.0,)}
    assert told == {**boards, "A0": (0.1,), "A1": (0.2,), "B0": (0.3, 9.0), "C0": (0.0,), "C1": (0.0,)}


def sharing(tools: Path, *dies: str) -> None:
    """Dies of one card, each of which repeats its watts."""
    cards = ", ".join(f'{{"uuid": "{die}", "name": "M", "sid": "7", "power": "30000"}}' for die in dies)
    tool(tools, "chip-smi", f"echo '{{\"devices\": [{cards}]}}'")


def test_a_meter_goes_on_while_one_of_its_devices_is_away(tools: Path) -> None:
    of = described(CHIP.replace("[metrics]", 'shares = "{sid}"\n[metrics]'))
    one = collector(of)
    sharing(tools, "A", "B")
    devices = one.open()
    list(one.read(devices))
    sharing(tools, "A")
    for _ in range(4):
        told = Told(one, devices)
        assert told.samples == {"board 7": (30.0,), "A": ()}
        assert told.appeared == []
    sharing(tools, "A", "B")
    assert Told(one, devices).samples["board 7"] == (30.0,)


def test_a_device_whose_meter_turns_out_to_be_shared_is_declared_under_it(tools: Path) -> None:
    of = described(CHIP.replace("[metrics]", 'shares = "{sid}"\n[metrics]'))
    one = collector(of)
    sharing(tools, "A")
    devices = one.open()
    assert [each.id for each in devices] == ["A"]
    list(one.read(devices))
    sharing(tools, "A", "B")
    told = Told(one, devices)
    assert {each.id: each.parent for each in told.appeared} == {
        "board 7": None,
        "A": "board 7",
        "B": "board 7",
    }
    assert told.samples == {"board 7": (30.0,), "A": (), "B": ()}


def test_a_sum_over_the_devices_of_a_board_is_unknown_while_one_is_away(tools: Path) -> None:
    told = 'power_watts = { from = "power", unit = "mW", shared = false, board = "sum" }'
    of = described(CHIP.replace("[metrics]", 'shares = "{sid}"\n[metrics]'), power_watts=told)
    one = collector(of)
    sharing(tools, "A", "B")
    devices = one.open()
    assert Told(one, devices).samples["board 7"] == (60.0,)
    sharing(tools, "A")
    assert Told(one, devices).samples["board 7"] == (None,)


STREAM = """
name = "chip"
[source]
command = ["chip-smi", "dump"]
stream = true
[read]
format = "lastline"
pattern = 'power (?P<power>\\S+)'
[device]
id = "only"
name = "chip"
[metrics]
power_watts = "power"
"""


def test_a_stream_is_one_child_that_prints_on(tools: Path, tmp_path: Path) -> None:
    tool(
        tools,
        "chip-smi",
        f"echo $$ >> {tmp_path}/pids; n=1; while :; do echo power $n W; n=$((n+1)); sleep 0.05; done",
    )
    one = collector(described(STREAM))
    devices = list(one.open())
    first = Told(one, devices).samples["only"][0]
    values = [first]
    deadline_s = time.monotonic() + 10.0
    while len(values) < 4 and time.monotonic() < deadline_s:
        try:
            values.append(Told(one, devices).samples["only"][0])
        except TryAgain:
            continue
    assert values == sorted(set(values)), "each reading is newer"
    assert len(values) == 4
    (pid,) = (tmp_path / "pids").read_text().split()
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_a_stream_may_begin_with_something_else(tools: Path, tmp_path: Path) -> None:
    """neuron-monitor's first report may be empty; to start it anew gave that one again, and no device."""
    script = f"echo $$ >> {tmp_path}/pids; echo; echo starting; sleep 0.2; echo power 5 W; sleep 20"
    tool(tools, "chip-smi", script)
    one = collector(described(STREAM))
    assert Told(one, list(one.open())).samples == {"only": (5.0,)}
    one.close()
    assert len((tmp_path / "pids").read_text().split()) == 1


def test_a_stream_that_tells_of_nothing_says_so_once_its_time_is_over(tools: Path) -> None:
    tool(tools, "chip-smi", "echo 'no driver'")
    with pytest.raises(Unavailable, match="chip-smi dump tells of no device"):
        collector(described(STREAM)).open()


def test_a_stream_that_ends_is_started_again(tools: Path) -> None:
    tool(tools, "chip-smi", "echo power 5 W")
    one = collector(described(STREAM))
    devices = list(one.open())
    assert Told(one, devices).samples == {"only": (5.0,)}
    seen, said = [], []
    deadline_s = time.monotonic() + 10.0
    while not seen and time.monotonic() < deadline_s:
        try:
            seen.append(Told(one, devices).samples)
        except TryAgain as error:
            said.append(str(error))
    one.close()
    assert seen == [{"only": (5.0,)}]
    assert "ended (exit 0); it is started again" in said[0]


def test_two_records_of_one_id_are_no_device_rather_than_half_of_them(tools: Path) -> None:
    tool(tools, "chip-smi", """echo '{"devices": [{"uuid": "A", "power": 1}, {"uuid": "A", "power": 2}]}'""")
    with pytest.raises(
        Unavailable, match="chip-smi -j does not tell its devices apart: 2 records have the id 'A'"
    ):
        collector(described()).open()


def test_a_command_may_ask_for_the_environment_and_for_the_name_of_the_machine(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "chip-smi", """echo '{"devices": [{"uuid": "'$1'", "name": "'$2'"}]}'""")
    of = described(
        CHIP.replace('power_watts = { from = "power", unit = "mW" }', 'ids_total = "uuid"'),
        command='command = ["chip-smi", "{$OF_CHIP|@hostname}", "{a} $B"]',
    )
    (device,) = collector(of).open()
    assert (device.id, device.name) == (os.uname().nodename, "{a} $B")
    monkeypatch.setenv("OF_CHIP", "node7; rm x")
    (device,) = collector(of).open()
    assert device.id == "node7; rm x"


def test_what_two_commands_print_may_be_read_as_one_text(tools: Path) -> None:
    tool(tools, "chip-smi", "echo 'model: X1'")
    tool(tools, "chip-power", "echo 'power: 5 W'")
    text = """
    name = "chip"
    [source]
    command = ["chip-smi"]
    also = ["chip-power"]
    [read]
    format = "keyvalue"
    [device]
    id = "{model}"
    [metrics]
    power_watts = "power"
    """
    one = collector(described(text))
    assert Told(one, list(one.open())).samples == {"X1": (5.0,)}
    tool(tools, "chip-power", "echo 'no sensor' >&2; exit 1")
    with pytest.raises(Unavailable, match="chip-power failed: no sensor"):
        collector(described(text)).open()


def test_a_device_without_a_model_has_the_name_of_its_description(tools: Path) -> None:
    tool(tools, "chip-smi", f"echo '{ONE}'")
    (device,) = collector(described(CHIP.replace('name = "{name}"\n', ""))).open()
    assert device.name == "chip"


def test_of_rows_that_are_readings_the_newest_counts(tools: Path) -> None:
    tool(tools, "chip-smi", "printf 'uuid,power\nA,1000\nA,2000\n'")
    how = 'format = "csv"\nnewest = true'
    one = collector(described(format=how, each=""))
    assert Told(one, list(one.open())).samples == {"A": (2.0,)}


def test_a_file_is_read_below_the_root(tmp_path: Path) -> None:
    text = STREAM.replace(
        'command = ["chip-smi", "dump"]\nstream = true', 'file = "/sys/kernel/debug/chip/load"'
    )
    place = tmp_path / "sys/kernel/debug/chip/load"
    with pytest.raises(Unavailable, match="/sys/kernel/debug/chip/load is not there"):
        collector(described(text), tmp_path).open()
    place.parent.mkdir(parents=True)
    place.write_text("power 12 W\n")
    one = collector(described(text), tmp_path)
    assert Told(one, list(one.open())).samples == {"only": (12.0,)}


TREE = """
name = "hwmon_chip"
[source]
directory = "/sys/class/hwmon/hwmon*"
[read]
format = "directory"
[device]
id = "{@link:device}"
name = "{name}"
kind = "meter"
scope = "module"
only = { name = ["ina226", "ina231"] }
[metrics]
power_watts = { from = "power1_input", unit = "uW" }
temperature_celsius = { from = "temp*_input", unit = "mC", combine = "max" }
"""


def test_directories_are_devices_and_their_files_the_fields(tmp_path: Path) -> None:
    for at, (name, power) in enumerate([("ina226", "2500000"), ("nvme", "1"), ("ina231", None)]):
        folder = tmp_path / f"sys/class/hwmon/hwmon{at}"
        bus = tmp_path / f"sys/devices/i2c-{at}-0040"
        folder.mkdir(parents=True)
        bus.mkdir(parents=True)
        (folder / "device").symlink_to(bus)
        (folder / "name").write_text(f"{name}\n")
        for sensor, reading in (("temp1_input", "41000"), ("temp2_input", "43500")):
            (folder / sensor).write_text(f"{reading}\n")
        if power is not None:
            (folder / "power1_input").write_text(f"{power}\n")
    one = collector(described(TREE), tmp_path)
    devices = list(one.open())
    assert [(each.id, each.name, each.kind) for each in devices] == [
        ("i2c-0-0040", "ina226", DeviceKind.METER),
        ("i2c-2-0040", "ina231", DeviceKind.METER),
    ]
    assert Told(one, devices).samples == {"i2c-0-0040": (2.5, 43.5), "i2c-2-0040": (43.5,)}
    with pytest.raises(Unavailable, match=r"/sys/class/hwmon/hwmon\* is not there"):
        collector(described(TREE), tmp_path / "elsewhere").open()


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        (
            {"command": "command = 'chip-smi -j'"},
            "command in [source] of chip.toml ('chip-smi -j'): it takes a program",
        ),
        ({"command": ""}, "it takes one of command, file, directory, url, and has none"),
        ({"command": 'command = ["a"]\nfile = "/b"'}, "has command and file"),
        ({"command": 'directory = "/sys/x*"'}, 'a directory has the format "directory"'),
        (
            {"command": 'file = "/b"\nstream = true'},
            "stream in [source] of chip.toml (True): it takes a command",
        ),
        (
            {"command": 'command = ["a"]\nalso = "b"'},
            "also in [source] of chip.toml ('b'): it takes a program",
        ),
        (
            {"command": 'command = ["a"]\nperiod = "soon"'},
            "period in [source] of chip.toml ('soon'): it takes a duration",
        ),
        (
            {"format": 'format = "xml"'},
            "format in [read] of chip.toml ('xml'): it takes one of json, jsonl, csv",
        ),
        ({"format": 'format = "regex"'}, "it takes a pattern with named groups"),
        (
            {"format": 'format = "json"\nnewest = true'},
            "newest in [read] of chip.toml (True): it takes a format",
        ),
        (
            {"format": 'format = "regex"\npattern = "("'},
            "cannot use pattern in [read] of chip.toml: '(' is no regular expression: missing )",
        ),
        (
            {"power_watts": 'power_watts = { from = "p", find = "[" }'},
            "cannot use find in [metrics.power_watts] of chip.toml: '[' is no regular expression",
        ),
        (
            {"power_watts": 'power_watts = { from = "p", minus = "b]" }'},
            "cannot use minus in [metrics.power_watts] of chip.toml: 'b]' is no path at ']'",
        ),
        (
            {"scope": 'facts = { driver = "{$.a[}" }'},
            "cannot use facts.driver in [device] of chip.toml: 'a[' is no path",
        ),
        (
            {"command": 'url = "ftp://me:SECRET@host/x"'},
            "cannot use url in [source] of chip.toml: 'ftp://host/x' is no address; write http://HOST:PORT/PATH",
        ),
        (
            {"power_watts": 'power_watt = "p"'},
            "power_watt in [metrics] of chip.toml: did you mean power_watts?",
        ),
        ({"power_watts": 'temperature = "p"'}, "did you mean temperature_celsius?"),
        ({"power_watts": 'memory_used_byte = "p"'}, "did you mean memory_used_bytes?"),
        ({"power_watts": 'energy_joules = "p"'}, "did you mean energy_joules_total?"),
        (
            {"power_watts": 'energy_joules_total = { from = "p", unit = "mj" }'},
            "unit in [metrics.energy_joules_total] of chip.toml ('mj'): it takes mJ or MJ: large and small",
        ),
        (
            {"power_watts": 'energy_joules_total = { from = "p", unit = "W" }'},
            "it takes a unit of it: J, mJ, uJ, kJ, MJ, Wh, kWh",
        ),
        ({"each": 'each = "a[["'}, "cannot use each in [read] of chip.toml: 'a[[' is no path"),
        ({"id": ""}, "cannot use [device] of chip.toml: id is missing"),
        ({"id": 'id = "{a[}"'}, "cannot use id in [device] of chip.toml: 'a[' is no path"),
        ({"scope": 'scope = "card"'}, "scope in [device] of chip.toml ('card'): it takes one of accelerator"),
        ({"scope": 'kind = "workload"'}, "kind in [device]"),
        ({"scope": 'scop = "wall"'}, "cannot use scop in [device] of chip.toml: did you mean scope?"),
        ({"power_watts": "power_watts = 5"}, "power_watts in [metrics] of chip.toml (5): it takes a field"),
        ({"power_watts": ""}, "[metrics] says of no metric where it stands"),
        (
            {"power_watts": 'power_watts = { unit = "W" }'},
            "[metrics.power_watts] of chip.toml: from is missing",
        ),
        (
            {"power_watts": 'power_watts = { from = "p", unit = "MiB" }'},
            "('MiB'): it takes a unit of it: W, mW",
        ),
        (
            {"power_watts": 'power_watts = { from = "p", combine = "median" }'},
            "it takes one of first, sum, mean",
        ),
        ({"power_watts": 'Power = "p"'}, "it takes small letters, digits and _"),
        ({"power_watts": 'latency_seconds = "p"'}, "a histogram cannot be described"),
        ({"name": 'name = "my chip"'}, "name of chip.toml ('my chip'): it takes one word"),
        ({"name": 'name = "'}, "cannot read chip.toml: "),
    ],
)
def test_what_a_description_cannot_say_is_answered_at_its_place(replaced: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        described(**replaced)
    assert said in str(caught.value)


def test_metrics_of_ones_own_have_the_unit_of_their_name() -> None:
    of = described(
        CHIP + 'tile_exec_ratio = { from = "x", unit = "%" }\nspikes_total = "y"\nsoc_watts = "z"\n'
    )
    told = {each.metric.name: (each.metric.unit.value, each.metric.kind.value) for each in of.metrics}
    assert told["tile_exec_ratio"] == ("1", "gauge")
    assert told["spikes_total"] == ("{count}", "counter")
    assert told["soc_watts"] == ("W", "gauge")


DCGM = """
name = "dcgm"
[source]
url = "URL"
[read]
format = "prometheus"
each = "UUID"
[device]
id = "{UUID}"
name = "{modelName}"
index = "{gpu}"
scope = "accelerator"
[metrics]
power_watts = { from = "DCGM_FI_DEV_POWER_USAGE", unit = "W" }
energy_joules_total = { from = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", unit = "mJ" }
temperature_celsius = { from = ['TEMP{sensor="gpu"}', "DCGM_FI_DEV_GPU_TEMP"], unit = "C" }
"""
PAGE = """# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="NVIDIA T4"} 26.5
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-b",modelName="NVIDIA T4"} 9223372036854775794
# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-a",modelName="NVIDIA T4"} 5000
TEMP{UUID="GPU-a",sensor="memory"} 61
TEMP{UUID="GPU-a",sensor="gpu"} 41
DCGM_FI_DEV_GPU_TEMP{gpu="1",UUID="GPU-b"} 44
"""


def test_a_page_of_metrics_is_gathered_by_its_labels_into_devices() -> None:
    with serving(page(PAGE)) as server:
        one = collector(described(DCGM.replace("URL", server.url)))
        devices = list(one.open())
        told = Told(one, devices).samples
        one.close()
    assert [(each.id, each.name, each.index) for each in devices] == [
        ("GPU-a", "NVIDIA T4", 0),
        ("GPU-b", "NVIDIA T4", 1),
    ]
    assert told == {"GPU-a": (26.5, 5.0, 41.0), "GPU-b": (None, 44.0)}


def test_a_page_without_any_of_the_families_says_which_were_looked_for() -> None:
    said = "it has none of DCGM_FI_DEV_POWER_USAGE"
    with serving(page("up 1\n")) as server, pytest.raises(TryAgain, match=said):
        collector(described(DCGM.replace("URL", server.url))).open()


def test_a_page_that_is_not_there_yet_is_tried_again_and_another_address_may_be_given() -> None:
    of = described(DCGM.replace("URL", "http://127.0.0.1:9/metrics"))
    with pytest.raises(TryAgain, match="is the server up"):
        collector(of).open()
    with serving(page(PAGE)) as server:
        one = class_from(of)(DescribedOptions(url=server.url))
        assert len(one.open()) == 2
        one.close()


def test_an_address_that_is_none_is_refused_where_it_is_given() -> None:
    of = described(DCGM.replace("URL", "http://127.0.0.1:9/metrics"))
    said = "cannot set option url of collector dcgm to 'ftp://host': it takes http://HOST:PORT/PATH"
    with pytest.raises(ConfigError, match=said):
        class_from(of)(DescribedOptions(url="ftp://me:SECRET@host"))
    with pytest.raises(ConfigError, match="option url of collector chip: it reads no page"):
        class_from(described())(DescribedOptions(url="http://host/"))


def test_a_meter_that_answers_in_json_and_asks_who_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
    name = "plug"
    [source]
    url = "URL/status"
    user = "PLUG_USER"
    password = "PLUG_PASSWORD"
    [read]
    format = "json"
    [device]
    id = "plug"
    name = "plug"
    kind = "meter"
    scope = "wall"
    [metrics]
    power_watts = "apower"
    energy_joules_total = { from = "aenergy.total", unit = "Wh" }
    """
    told = page('{"apower": 312.5, "aenergy": {"total": 2.0}}')
    unknown = page("", status="401 Unauthorized", headers='WWW-Authenticate: Basic realm="plug"\r\n')
    with serving() as server:

        def guarded(connection: socket.socket) -> None:
            (told if "Authorization" in server.requests[-1] else unknown)(connection)

        server.answer = guarded
        of = described(text.replace("URL", f"http://127.0.0.1:{server.port}"))
        with pytest.raises(
            Unavailable, match="the variable PLUG_USER of the environment is not set"
        ) as absent:
            collector(of).open()
        assert absent.value.remedy.startswith("export PLUG_USER=... PLUG_PASSWORD=..., or name a file with")
        monkeypatch.setenv("PLUG_USER", "me")
        monkeypatch.setenv("PLUG_PASSWORD", "SECRET")
        one = collector(of)
        assert Told(one, list(one.open())).samples == {"plug": (312.5, 7200.0)}
        one.close()
    assert "authorization: Basic bWU6U0VDUkVU" in server.requests[-1].replace(
        "Authorization", "authorization"
    )


def test_an_address_that_is_none_of_metrics_is_asked_for_as_it_is() -> None:
    text = """
    name = "rack"
    [source]
    url = "URL"
    [read]
    format = "json"
    [device]
    id = "rack"
    name = "rack"
    [metrics]
    power_watts = "w"
    """
    with serving(page('{"w": 312.5}', content_type="text/html")) as server:
        one = collector(described(text.replace("URL", f"http://127.0.0.1:{server.port}/")))
        assert Told(one, list(one.open())).samples == {"rack": (312.5,)}
        one.close()
    assert server.requests[-1].startswith("GET / ")


def test_a_page_is_waited_for_as_long_as_a_description_says() -> None:
    released = threading.Event()
    with serving() as server:
        server.answer = lambda connection: released.wait(30) and None
        text = DCGM.replace('url = "URL"', f'url = "{server.url}"\ntimeout = "0.2s"')
        with pytest.raises(TryAgain, match=r"gave no answer within 0\.2 s"):
            collector(described(text)).open()
        released.set()


def test_a_command_behind_a_shell_is_called_by_the_program_that_it_is_about(tools: Path) -> None:
    text = """
    name = "chip"
    [source]
    command = ["sh", "-c", 'chip-tool | grep W']
    needs = "chip-tool"
    remedy = "install it"
    [read]
    format = "regex"
    pattern = 'power (?P<watts>[0-9]+) W'
    [device]
    id = "chip"
    name = "chip"
    [metrics]
    power_watts = "watts"
    """
    with pytest.raises(Unavailable, match=r"\Achip-tool is not there\Z") as said:
        collector(described(text)).open()
    assert said.value.remedy == "install it"
    tool(tools, "chip-tool", "echo broken >&2; exit 3")
    with pytest.raises(Unavailable, match=r"\Achip-tool failed: "):
        collector(described(text)).open()
    tool(tools, "chip-tool", "echo power 30 W")
    one = collector(described(text))
    assert Told(one, list(one.open())).samples == {"chip": (30.0,)}
    one.close()
