"""Values that are made of several: products and shares; objects by name, empty lists, files beside."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from described.describing import CHIP, Told, collector, described, tool, values_in
from perfwatch_collectors.described.directories import Directories
from perfwatch_collectors.described.records import values_at
from perfwatch_collectors.described.trial import of_sample

from perfwatch.errors import ConfigError


def told(metric: str, device: dict[str, Any]) -> object:
    """What a metric of one device is."""
    name = metric.partition(" ")[0]
    found = values_in(described(power_watts=metric), json.dumps({"devices": [{"uuid": "A", **device}]}))
    return found["A"].get(name, "not told")


# -- products and shares ---------------------------------------------------------------------------------


def test_volts_and_amperes_of_a_rail_are_watts() -> None:
    rail = 'power_watts = { from = "mV", times = "mA", unit = "uW", most = 100, zero_is_missing = true }'
    assert told(rail, {"mV": 5016, "mA": 960}) == pytest.approx(4.81536)
    assert told(rail, {"mV": 5016, "mA": "N/A"}) is None
    assert told(rail, {"mV": 5016}) is None
    assert told(rail, {"mV": 5016, "mA": 0}) is None
    assert told(rail, {"mV": 5016000, "mA": 960000}) is None, "more than can be"
    assert told(rail, {"mV": 5016, "mA": "960 C"}) is None, "a unit is no amount"


def test_each_value_is_multiplied_by_the_one_at_its_place() -> None:
    rails = 'power_watts = { from = "mV[*]", times = "mA[*]", unit = "uW", combine = "sum" }'
    assert told(rails, {"mV": [5000, 1000], "mA": [100, 2000]}) == pytest.approx(2.5)
    assert told(rails, {"mV": [5000, 1000], "mA": [100]}) == pytest.approx(0.6), "one multiplies all"
    assert told(rails, {"mV": [5000, 1000, 1], "mA": [100, 1]}) is None


def test_a_sum_by_a_number_is_a_share() -> None:
    share = (
        'utilization_ratio = { from = "cores[*]", unit = "%", combine = "sum", '
        'over = ["chips", "of_each"], most = 1 }'
    )
    assert told(share, {"cores": [100, 50], "chips": 2, "of_each": 2}) == pytest.approx(0.375)
    assert told(share, {"cores": [100, 50], "chips": 0, "of_each": 2}) is None
    assert told(share, {"cores": [100, 50], "chips": 2}) is None
    assert told(share, {"cores": [100, 100, 100], "chips": 1, "of_each": 2}) is None, "more than all"


# -- objects by name -------------------------------------------------------------------------------------


def test_the_values_of_an_object_are_its_items() -> None:
    assert values_at({"cores": {"0": {"load": 1}, "7": {"load": 2}}}, "cores[*].load") == [1, 2]
    assert values_at({"cores": {}}, "cores[*].load") == []


@pytest.mark.parametrize("each", ["[*]", "cards[*]", "boards|cards[*]"])
def test_an_object_of_devices_by_name(each: str) -> None:
    of = described(CHIP.replace('each = "devices"', f'each = "{each}"').replace('"{uuid}"', '"{@key}"'))
    cards = {"card0": {"power": 1000}, "card1": {"power": "N/A"}, "count": 2}
    output = json.dumps(cards if each == "[*]" else {"cards": cards})
    assert values_in(of, output) == {"card0": {"power_watts": 1.0}, "card1": {"power_watts": None}}


def test_the_first_of_several_lists_that_is_there() -> None:
    of = described(each='each = "gpu_data|."')
    one = {"uuid": "A", "power": 2000}
    assert values_in(of, json.dumps({"gpu_data": [one]})) == {"A": {"power_watts": 2.0}}
    assert values_in(of, json.dumps([one])) == {"A": {"power_watts": 2.0}}
    assert values_in(of, '{"gpu_data": []}') == {}
    with pytest.raises(ConfigError, match="is no path"):
        described(each='each = "gpu_data|[x"')


# -- what only some tell, and lists without items --------------------------------------------------------


def test_a_metric_that_is_right_on_some_boards_alone() -> None:
    counter = 'energy_joules_total = { from = "joules", only = { model = ["MI[2-9]*"] } }'
    assert told(counter, {"joules": 5, "model": "MI250X"}) == 5.0
    assert told(counter, {"joules": 5, "model": "MI100"}) == "not told"
    assert told(counter, {"joules": 5}) == "not told"


def test_a_list_without_items_may_mean_something_and_one_that_is_not_there_does_not() -> None:
    load = 'utilization_ratio = { from = "jobs[*].load", unit = "%", combine = "sum", empty = 0 }'
    assert told(load, {"jobs": []}) == 0.0
    assert told(load, {"jobs": [{"load": 25}]}) == 0.25
    assert told(load, {"jobs": [{}]}) == "not told"
    assert told(load, {}) == "not told"
    assert told(load.replace(", empty = 0", ""), {"jobs": []}) == "not told"


def test_a_trial_tells_the_same(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text('{"devices": [{"uuid": "A", "name": "X", "mV": 5000, "mA": 200}]}')
    rail = 'power_watts = { from = "mV", times = "mA", unit = "uW" }'
    ((_, (tried,)),) = of_sample(described(power_watts=rail), sample).devices
    assert tried.value == pytest.approx(1.0)


# -- files beside, and what is asked once -------------------------------------------------------------------


def test_a_file_may_be_named_by_what_another_one_beside_it_says(tmp_path: Path) -> None:
    for number, (kind, text) in enumerate([("cpu-thermal", "53968"), ("gpu-thermal", "51312")]):
        zone = tmp_path / f"chip/zone{number}"
        zone.mkdir(parents=True)
        (zone / "type").write_text(f"{kind}\n")
        (zone / "temp").write_text(f"{text}\n")
    (record,) = Directories(tmp_path, "/chip", "").records()
    assert record.values('zone*/temp{type="gpu-*"}') == ["51312"]
    assert record.values('zone*/temp{name="gpu-*"}') == []


def test_what_does_not_change_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    tool(
        tmp_path / "bin",
        "chip-smi",
        f"""echo $1 >> {tmp_path}/calls
        test $1 = metric && echo '{{"devices": [{{"gpu": 0, "power": 1000}}]}}' && exit
        echo '{{"devices": [{{"gpu": 0, "uuid": "A", "name": "X1"}}]}}'""",
    )
    text = CHIP.replace(
        'command = ["chip-smi", "-j"]',
        'command = ["chip-smi", "metric"]\nalso = ["chip-smi", "static"]\nalso_once = true',
    ).replace('each = "devices"', 'each = "devices"\njoin = "gpu"')
    one = collector(described(text))
    (device,) = one.open()
    assert (device.id, device.name) == ("A", "X1")
    assert [Told(one, [device]).samples for _ in range(3)] == [{"A": (1.0,)}] * 3
    assert sorted((tmp_path / "calls").read_text().split()) == ["metric"] * 3 + ["static"]


# -- sums of which a part is not known ---------------------------------------------------------------------


def test_a_sum_of_which_a_part_is_not_known_is_not_known() -> None:
    rails = 'power_watts = { from = "rails[*].w", combine = "sum"%s }'
    told_by = {"rails": [{"w": 10}, {"w": 20}, {"w": "N/A"}, {"w": 40}]}
    assert told(rails % "", told_by) is None
    assert told(rails % ", partial = true", told_by) == 70.0
    assert told(rails % "", {"rails": [{"w": 10}, {"volts": 1}]}) == 10.0, "absent is not unknown"
    assert told(rails % ", zero_is_missing = true", {"rails": [{"w": 0}, {"w": 10}]}) == 10.0
    assert told(rails % ", zero_is_missing = true", {"rails": [{"w": 0}, {"w": 0}]}) is None
    assert told(rails % ", most = 100", {"rails": [{"w": 101}, {"w": 10}]}) is None


@pytest.mark.parametrize(("more", "board_w"), [("", None), (", partial = true", 30.0)])
def test_a_board_of_which_a_die_is_not_known_is_not_known(more: str, board_w: float | None) -> None:
    of = described(
        CHIP.replace('scope = "accelerator"', 'scope = "accelerator"\nshares = "{board}"'),
        power_watts=f'power_watts = {{ from = "w", shared = false, board = "sum"{more} }}',
    )
    dies = [{"uuid": "a", "board": "B", "w": 30}, {"uuid": "b", "board": "B", "w": "N/A"}]
    assert values_in(of, json.dumps({"devices": dies}))["board B"]["power_watts"] == board_w
