"""Outputs of each format: several devices, torn ends, what vendors' tools print around them."""

from __future__ import annotations

import contextlib
import json

import pytest
from described.describing import CHIP, described, values_in
from hypothesis import given
from hypothesis import strategies as st
from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import FORMATS, Read, Unreadable, records
from perfwatch_collectors.described.records import Record, values_at

DOCUMENT = {
    "version": "1.2",
    "devices": [
        {"uuid": "A", "name": "X1", "power": 1500, "cores": [{"load": "10%"}, {"load": "30%"}]},
        {"uuid": "B", "name": "X1", "power": "2 W", "stats": [{"type": "POWER", "value": 7}]},
    ],
}


@pytest.mark.parametrize(
    ("each", "output"),
    [
        ("cards", '{"cards": []}'),
        ("cards", '{"cards": null}'),
        ("cards[*]", '{"cards": {}}'),
        ("cards[*].chips", '{"cards": [{"chips": []}]}'),
    ],
)
def test_a_list_that_is_there_and_empty_is_no_device(each: str, output: str) -> None:
    assert records(output.encode(), Read("json", each=each)) == []


def test_json_tells_a_list_of_devices():
    assert values_in(described(), json.dumps(DOCUMENT)) == {
        "A": {"power_watts": 1.5},
        "B": {"power_watts": 2.0},
    }


def test_what_a_tool_says_before_and_after_its_json_is_passed_over():
    text = f"WARNING: old driver\n{json.dumps(DOCUMENT)}\ntrailing words"
    assert set(values_in(described(), text)) == {"A", "B"}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("version", ["1.2"]),
        ("devices[0].power", [1500]),
        ("devices[*].uuid", ["A", "B"]),
        ("devices[0].cores[*].load", ["10%", "30%"]),
        ("devices[1].stats[type=POWER].value", [7]),
        ("devices[9].power", []),
        ("devices[0].nothing.there", []),
        ("version.deeper", []),
        ("devices[type=POWER].value", []),
    ],
)
def test_a_path_names_values_in_a_document(path, values):
    assert values_at(DOCUMENT, path) == values


def test_true_and_false_of_json_are_named_as_it_writes_them() -> None:
    ports = {"ports": [{"on": True, "w": 5}, {"on": False, "w": 0}, {"on": True, "w": 7}]}
    assert values_at(ports, "ports[on=true].w") == [5, 7]
    assert Record(ports).text("ports[1].on") == "false"
    of = CHIP.replace('scope = "accelerator"', 'scope = "accelerator"\nonly = { is_on = ["true"] }')
    document = {"devices": [{"uuid": uuid, "power": 1, "is_on": uuid == "A"} for uuid in "AB"]}
    for text in (of, of.replace('["true"]', "true")):
        assert set(values_in(described(text), json.dumps(document))) == {"A"}


def test_a_key_that_holds_a_dot_is_found_as_it_is():
    assert Record({"a.b": 1, "a": {"b": 2}}).values("a.b") == [1]


def test_several_values_of_a_device_are_combined():
    of = described(power_watts='utilization_ratio = { from = "cores[*].load", combine = "mean" }')
    assert values_in(of, json.dumps(DOCUMENT))["A"] == {"utilization_ratio": pytest.approx(0.2)}


def test_a_document_that_is_the_list_itself_or_a_single_device():
    whole = described(each='each = "."')
    assert set(values_in(whole, json.dumps(DOCUMENT["devices"]))) == {"A", "B"}
    single = described(each="")
    assert set(values_in(single, json.dumps(DOCUMENT["devices"][0]))) == {"A"}


def test_json_lines_tell_with_the_newest_whole_line():
    lines = "\n".join(json.dumps({**DOCUMENT["devices"][0], "power": n}) for n in (1000, 2000))
    of = described(format='format = "jsonl"', each="")
    assert values_in(of, lines + '\n{"uuid": "A", "pow')["A"] == {"power_watts": 2.0}


CSV = """id, name, power (W), memory
0, X1, 281.13, 1024 MiB
1, X1, N/A, 2048 MiB
"""


def test_csv_has_titles_or_columns():
    text = """
    name = "chip"
    [source]
    command = ["chip-smi"]
    [read]
    format = "csv"
    [device]
    id = "{id}"
    name = "{name}"
    [metrics]
    power_watts = "power (W)"
    memory_used_bytes = "memory"
    """
    found = values_in(described(text), CSV)
    assert found == {
        "0": {"power_watts": 281.13, "memory_used_bytes": 2**30},
        "1": {"power_watts": None, "memory_used_bytes": 2**31},
    }
    named = described(text.replace('"csv"', '"csv"\n    columns = ["id", "name", "power (W)", "memory"]'))
    assert values_in(named, CSV) == found
    assert values_in(named, CSV.partition("\n")[2]) == found
    numbered = described(text.replace("power (W)", "3").replace('"memory"', '"4"'))
    assert values_in(numbered, CSV) == found


NEST = """
name = "nest"
[source]
command = ["nestd"]
[read]
format = "json"
each = "modules[*].chips"
[device]
id = "{bus}"
name = "Nest {..model}"
scope = "module"
shares = "{..module.sn}"
facts = { rack = "{....rack}", place = "{..@key}" }
[metrics]
power_watts = "..module.watt.now"
utilization_ratio = "busy"
"""


def test_a_field_of_the_object_around_a_device_is_its_too():
    chips = [{"bus": "01", "busy": 0.5}, {"bus": "02", "busy": 0.25}]
    modules = {
        "left": {"model": "N1", "module": {"sn": "M1", "watt": {"now": 120.5}}, "chips": chips},
        "right": {"model": "N2", "module": {"sn": "M2", "watt": {"now": 80}}, "chips": [{"bus": "03"}]},
    }
    output = json.dumps({"rack": "R7", "modules": modules})
    of = described(NEST)
    assert values_in(of, output) == {
        "board M1": {"power_watts": 120.5},
        "01": {"utilization_ratio": 0.5},
        "02": {"utilization_ratio": 0.25},
        "03": {"power_watts": 80.0},
    }
    devices = {one.device.id: one.device for one in devices_in(records(output.encode(), of.read), of)}
    assert devices["02"].name == "Nest N1"
    assert devices["02"].facts == {"rack": "R7", "place": "left"}
    too_far = described(NEST.replace("....rack", "......rack"))
    assert values_in(too_far, output) == values_in(of, output)


ZED = """
name = "zed"
[source]
command = ["zedstat"]
[read]
format = "csv"
separator = ";"
[device]
id = "{Serial}"
name = "{Board}"
[metrics]
power_watts = { from = "Pwr[mW]", unit = "mW" }
"""
ROWS = """# zedstat 0.9; 2 boards
driver 3.1
Slot;Serial;Board;Pwr[mW]
0;ZA-1;"Zed 9, rev B";100000
1;ZA-2;"Zed 9, rev C";N/A
"""


def test_what_stands_before_the_titles_of_csv_is_passed_over():
    told = {"ZA-1": {"power_watts": 100.0}, "ZA-2": {"power_watts": None}}
    assert values_in(described(ZED), ROWS) == told
    assert values_in(described(ZED, format='format = "csv"\ntitles = "Serial"'), ROWS) == told
    named = 'format = "csv"\ncolumns = ["Slot", "Serial", "Board", "Pwr[mW]"]'
    assert values_in(described(ZED, format=named), ROWS.replace("Slot;Serial;Board;Pwr[mW]\n", "")) == told
    with pytest.raises(Unreadable, match="no line of it has the titles"):
        values_in(described(ZED, format='format = "csv"\ntitles = "Watts"'), ROWS)


def test_a_title_with_brackets_is_no_path_also_where_it_is_missing():
    assert values_in(described(ZED), "Serial;Board\nZA-1;Zed\n") == {"ZA-1": {}}


def test_a_number_that_names_a_column_is_no_title():
    numbered = described(ZED.replace("Pwr[mW]", "4").replace("{Serial}", "{2}"))
    rows = "a;b;c;d\n1;4;5;6\n2;3;4;5\n"
    assert values_in(numbered, rows) == {"4": {"power_watts": 0.006}, "3": {"power_watts": 0.005}}


def test_of_a_stream_of_rows_the_newest_of_each_device_counts():
    text = """
    name = "chip"
    [source]
    command = ["chip-smi", "dump"]
    stream = true
    [read]
    format = "csv"
    columns = ["time", "id", "watts"]
    [device]
    id = "{id}"
    name = "chip"
    [metrics]
    power_watts = "watts"
    """
    rows = "1, 0, 10\n1, 1, 20\n2, 0, 11\n2, 1, 21\n3, 0"
    assert values_in(described(text), rows) == {"0": {"power_watts": 11.0}, "1": {"power_watts": 21.0}}


TABLE = """
name = "chip"
[source]
command = ["chip-smi"]
[read]
format = "table"
{how}
[device]
id = "{{NPU}}"
name = "chip"
[metrics]
power_watts = "Pwr(W)"
temperature_celsius = "Temp(C)"
"""


BY_BLANKS = "some tool 1.0\nNPU    Pwr(W)   Temp(C)\n0      13.4     45\n1      -        46\n"
BY_BARS = "| NPU | Pwr(W) | Temp(C) |\n|-----|---|---|\n| 0 | 13.4 W | 45C |\n| 1 | N/A | 46 |"


@pytest.mark.parametrize(
    ("how", "output"),
    [
        ('titles = "NPU"', BY_BLANKS),
        ('titles = "NPU"\nseparator = "|"', BY_BARS),
        ('columns = ["NPU", "Pwr(W)", "Temp(C)"]', "0 13.4 45\n1 - 46\n"),
        ('columns = ["NPU", "Pwr(W)", "Temp(C)"]\nwidths = [4, 6, 5]', "0   13.4  45   \n1   -     46   \n"),
    ],
)  # fmt: skip
def test_a_table_has_its_columns_apart_by_blanks_a_sign_or_widths(how, output):
    found = values_in(described(TABLE.format(how=how)), output)
    assert found["0"] == {"power_watts": 13.4, "temperature_celsius": 45.0}
    assert found["1"] == {"power_watts": None, "temperature_celsius": 46.0}


KEYS = """
name = "chip"
[source]
command = ["chip-util", "-q"]
[read]
format = "keyvalue"
begins = '^QID (?P<qid>\\d+)'
[device]
id = "{serial}"
name = "chip"
index = "{qid}"
facts = { tool = "{$.Version}" }
[metrics]
memory_total_bytes = "Dram Total"
power_watts = "Board power(Watts)"
"""


def test_key_value_lines_belong_to_the_device_that_began_before_them():
    output = """Version: 2.1
QID 4
        serial:0xa
        Dram Total:32692 MB
        Board power(Watts):48.00
QID 5
        serial:0xb
        Dram Total: 100 MB
"""
    of = described(KEYS)
    found = values_in(of, output)
    assert found == {
        "0xa": {"memory_total_bytes": 32692e6, "power_watts": 48.0},
        "0xb": {"memory_total_bytes": 100e6},
    }


def test_a_pattern_fits_once_for_each_device_over_several_lines():
    text = """
    name = "gaudi"
    [source]
    command = ["hl-smi"]
    [read]
    format = "regex"
    pattern = '''(?x)
        ^\\|\\s+(?P<id>\\d+)\\s+(?P<name>HL-\\S+).*\\n
        \\|.*?(?P<temp>\\S+)\\s+N/A\\s+(?P<power>\\d+W)'''
    [device]
    id = "{id}"
    name = "{name}"
    [metrics]
    power_watts = "power"
    temperature_celsius = "temp"
    """
    output = """
|   0  HL-225              N/A  | 0000:19:00.0     N/A |                   0  |
| N/A   29C   N/A    93W / 600W |    768MiB / 98304MiB |     0%           N/A |
|   1  HL-225              N/A  | 0000:1a:00.0     N/A |                   0  |
| N/A   31C   N/A   102W / 600W |    768MiB / 98304MiB |     0%           N/A |
"""
    found = values_in(described(text), output)
    assert [one["power_watts"] for one in found.values()] == [93.0, 102.0]
    assert [one["temperature_celsius"] for one in found.values()] == [29.0, 31.0]


@pytest.mark.parametrize(
    ("how", "output", "said"),
    [
        (Read("json"), b"usage: chip-smi", "it is no JSON: it begins with 'usage: chip-smi'"),
        (Read("json"), b"", "it is no JSON: it is empty"),
        (Read("json"), b'{"devices": [', "it is no whole JSON"),
        (Read("json", each="cards"), b'{"devices": []}', "it has no 'cards'; there are 'devices'"),
        (
            Read("json", each="gpus.cards"),
            b'{"gpus": {"a": 1, "b": 2}}',
            "it has no 'gpus.cards'; in 'gpus' there are 'a', 'b'",
        ),
        (
            Read("json", each="cards.gpu"),
            b'{"cards": [{"gpu": 1}]}',
            "it has no 'cards.gpu'; 'cards' is a list of 1: write [*] for all in it, or [0] for the first",
        ),
        (
            Read("json", each="driver"),
            b'{"driver": "2.4"}',
            "'driver' is no list of devices: it has '2.4' in it",
        ),
        (
            Read("json", each="x"),
            b'{"\\u001b[31mred": 1, "' + b"k" * 60 + b'": 2}',
            f"it has no 'x'; there are 'red', '{'k' * 39}…'",
        ),
        (
            Read("json", each="x"),
            json.dumps({f"k{at}": at for at in range(100)}).encode(),
            f"it has no 'x'; there are {', '.join(repr(f'k{at}') for at in range(20))}, ...",
        ),
        (Read("json"), b"[" * 100_000, "nested too deeply"),
        (Read("jsonl"), b'{"a": \n', "no line of it is whole JSON"),
        (
            Read("table", titles="NPU"),
            b"nothing\n",
            "no line of it has the titles (with 'NPU'); it has the lines 'nothing'",
        ),
        (
            Read("table", titles="Serail", separator="|"),
            b"+---+\n| a banner |\n| ID | Serial |\n+---+\n| 0 | A |\n",
            "no line of it has the titles (with 'Serail'); it has the lines '| ID | Serial |', '| 0 | A |'",
        ),
        (
            Read("prometheus", families=("power",)),
            b"# TYPE hw_power gauge\nhw_power 3\n# TYPE hw_temp gauge\nhw_temp 4\n",
            "it has none of power; there are 'hw_power', 'hw_temp'",
        ),
        (Read("regex", pattern=r"(?P<a>\d)"), b"1" * 2000, "more than 1024 devices"),
    ],
)
def test_an_output_that_is_not_what_was_described_says_what_it_is(how, output, said):
    with pytest.raises(Unreadable) as caught:
        records(output, how)
    assert said in str(caught.value)


def test_colours_and_carriage_returns_are_no_part_of_a_value():
    of = described(format='format = "regex"', each="pattern = '(?P<uuid>A)=(?P<power>\\S+)(?P<name>)'")
    assert values_in(of, "\x1b[32mA=1500\x1b[0m\r\n") == {"A": {"power_watts": 1.5}}


@given(st.binary(max_size=300), st.sampled_from(sorted(FORMATS)))
def test_no_output_breaks_a_format(output, name):
    how = Read(name, pattern=r"(?P<a>\w+)", begins=r"(?P<b>x)", titles="a")
    with contextlib.suppress(Unreadable):
        for record in records(output, how):
            record.text("a")


@pytest.mark.parametrize("path", ["a..b", "a[", "a[]", "a[1", "]", "a[b=c"])
def test_a_path_that_is_none_is_answered(path):
    with pytest.raises(ValueError, match="is no path"):
        values_at({}, path)


def test_of_several_names_the_first_that_is_there_tells():
    of = described(
        power_watts='power_watts = { from = ["watts", "power"], unit = "mW" }', id='id = "{serial|uuid}"'
    )
    output = {
        "devices": [{"uuid": "A", "name": "X", "power": 1500}, {"serial": "S", "uuid": "B", "watts": "2 W"}]
    }
    assert values_in(of, json.dumps(output)) == {"A": {"power_watts": 1.5}, "S": {"power_watts": 2.0}}


def test_a_byte_order_mark_is_no_text() -> None:
    of = described(CHIP.replace('"json"\neach = "devices"', '"csv"'))
    assert values_in(of, b"\xef\xbb\xbfuuid,name,power\nA,X,1000\n") == {"A": {"power_watts": 1.0}}


@pytest.mark.parametrize("each", ["$.devices[*]", "$.devices", "$.x|$.devices"])
def test_a_path_of_devices_may_begin_at_the_whole_document(each: str) -> None:
    of = described(each=f'each = "{each}"')
    assert values_in(of, '{"devices": [{"uuid": "A", "power": 1000}]}') == {"A": {"power_watts": 1.0}}
