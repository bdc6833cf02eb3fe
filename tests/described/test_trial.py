"""What `collectors check` says of a file and an output: what it doubts, and what it passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from described.describing import CHIP, collector, described
from perfwatch_collectors.described.trial import Trial, of_sample

from perfwatch.model import Event

ENERGY = 'energy_joules_total = { from = "e", unit = "uJ", wraps_at = 4294967296 }\n'


def tried(tmp_path: Path, output: object, text: str = CHIP, **replaced: str) -> Trial:
    """What is made of an output: a text, or a document."""
    sample = tmp_path / "output"
    sample.write_text(output if isinstance(output, str) else json.dumps(output))
    return of_sample(described(text, **replaced), sample)


def warnings(tmp_path: Path, output: object, text: str = CHIP, **replaced: Any) -> str:
    return "\n".join(tried(tmp_path, output, text, **replaced).warnings)


def test_a_counter_that_is_beyond_its_wrap_is_doubted(tmp_path: Path) -> None:
    def of(raw: int) -> str:
        return warnings(
            tmp_path, {"devices": [{"uuid": "A", "name": "X", "power": 1000, "e": raw}]}, CHIP + ENERGY
        )

    assert of(2**32 - 1) == ""
    assert "5000000000 of A is beyond its wraps_at" in of(5 * 10**9)


def test_a_comma_that_may_be_either_sign_is_refused_until_it_is_said(tmp_path: Path) -> None:
    output = {"devices": [{"uuid": "A", "name": "X", "power": "41,250 W"}]}
    (_, (one,)) = tried(tmp_path, output).devices[0]
    assert (one.value, one.why) == (
        None,
        'its comma may be either sign: say decimal = "," or thousands = "," in [read]',
    )
    for said, watts in (('decimal = ","', 41.25), ('thousands = ","', 41250.0)):
        text = CHIP.replace('each = "devices"', f'each = "devices"\n{said}')
        (_, (one,)) = tried(tmp_path, output, text).devices[0]
        assert one.value == watts


@pytest.mark.parametrize("text", ["12,5 W", "1234,5", "1.234,50 W", "0,2505"])
def test_a_decimal_comma_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    (_, (one,)) = tried(tmp_path, {"devices": [{"uuid": "A", "name": "X", "power": text}]}).devices[0]
    assert (one.value, one.why) == (None, 'its comma is that of decimals: say decimal = "," in [read]')


def test_a_number_that_is_far_too_large_is_doubted(tmp_path: Path) -> None:
    output = {"devices": [{"uuid": "A", "name": "X", "power": 41250}]}
    said = warnings(tmp_path, output, power_watts='power_watts = { from = "power", unit = "W" }')
    assert "41250 of A is 41250 W, which is very much; its unit may be wrong: mW would fit" in said
    known = 'power_watts = { from = "power", unit = "W", most = 50000 }'
    assert warnings(tmp_path, output, power_watts=known) == ""
    assert warnings(tmp_path, {"devices": [{"uuid": "A", "name": "X", "power": 700_000}]}) == ""


TABLE = """
name = "blank"

[source]
command = ["blanksmi"]

[read]
format = "table"
titles = "Power(W)"

[device]
id = "{ID}"
scope = "accelerator"

[metrics]
power_watts = { from = "Power(W)", unit = "W" }
"""
ROWS = """BlankSMI 1.0  (of 2026)
ID   Name        Power(W)  Temp(C)  Util(%)
---  ----------  --------  -------  -------
0    Foo 100     75.0      50       90
1    Foo 100               51       80
3    Foo  200    78.0      53       60

3 cards, 1 degraded
"""


def test_lines_that_look_like_devices_and_cannot_be_read_are_told(tmp_path: Path) -> None:
    trial = tried(tmp_path, ROWS, TABLE)
    assert [device.id for device, _ in trial.devices] == ["0"]
    said = "\n".join(trial.faults)
    assert "'1 Foo 100 51 80' is passed over: it has 4 cells, and there are 5 titles; columns" in " ".join(
        said.split()
    )
    assert said.count("passed over") == 2, "rulers and what is below the table are no devices"


def test_a_line_that_is_no_device_can_be_named(tmp_path: Path) -> None:
    of = TABLE.replace('"table"', '"table"\nno_device = ["1 *", "3  *"]')
    assert tried(tmp_path, ROWS, of).faults == ()


@pytest.mark.parametrize("how", ['"csv"', '"table"\ntitles = "Power(W)"\nseparator = ","'])
def test_a_sum_with_a_cell_for_each_title_is_no_device_either(tmp_path: Path, how: str) -> None:
    of = TABLE.replace('"table"\ntitles = "Power(W)"', how + '\nno_device = "Total*"')
    trial = tried(tmp_path, "ID,Name,Power(W)\n0,X,75.5\n1,X,20.0\nTotal,X,95.5\n", of)
    assert [device.id for device, _ in trial.devices] == ["0", "1"]
    assert not any("Total" in said for said in trial.faults)


def test_a_run_says_once_that_devices_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "output").write_text(ROWS)
    of = described(TABLE.replace('command = ["blanksmi"]', f'file = "{tmp_path}/output"'))
    one = collector(of)
    devices = list(one.open())
    notes = [each for each in one.read(devices) if isinstance(each, Event)]
    assert [note.fields["code"] for note in notes] == ["stale-device"]
    assert "blank lacks what 2 lines of its output tell" in notes[0].fields["text"]
    assert not [each for each in one.read(devices) if isinstance(each, Event)]


def test_a_row_of_csv_with_more_cells_than_titles_is_told(tmp_path: Path) -> None:
    of = TABLE.replace('"table"\ntitles = "Power(W)"', '"csv"')
    trial = tried(tmp_path, "ID,Name,Power(W)\n0,X,1,075.5\n1,X,75.5,\n", of)
    assert [device.id for device, _ in trial.devices] == ["1"], "an empty cell at the end is none"
    assert any("'0,X,1,075.5' is passed over: it has 4 cells" in said for said in trial.faults)
