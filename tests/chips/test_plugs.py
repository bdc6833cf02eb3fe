"""Plugs that answer in JSON: Shelly of both kinds, Tasmota."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from chips.presets import preset, read

from perfwatch.model import DeviceKind, Scope

sys.path.append(str(Path(__file__).parent.parent / "collectors"))
sys.path.append(str(Path(__file__).parent.parent / "cli"))
from commandline import perfwatch
from serving import page, serving

GEN2 = {
    "id": 0,
    "output": True,
    "apower": 312.5,
    "voltage": 230.1,
    "current": 1.36,
    "aenergy": {"total": 2.5, "by_minute": [1.0], "minute_ts": 1},
    "temperature": {"tC": 41.2, "tF": 106.2},
}
GEN1 = {
    "mac": "A8",
    "meters": [{"power": 100.0, "total": 600}, {"power": 50.0, "total": 0}],
    "temperature": 30.5,
}
TASMOTA = {"StatusSNS": {"Time": "t", "ENERGY": {"Total": 1.5, "Power": 61, "Voltage": 229, "Current": 0.27}}}


@pytest.mark.parametrize(
    ("name", "answer", "watts", "joules"),
    [
        ("shelly", GEN2, 312.5, 2.5 * 3600),
        ("shelly1", GEN1, 150.0, 600 * 60),
        ("tasmota", TASMOTA, 61.0, 1.5 * 3.6e6),
    ],
)
def test_a_plug_tells_power_and_energy_of_the_wall(name, answer, watts, joules):
    (device,) = read(name, json.dumps(answer))
    assert device["power_watts"] == pytest.approx(watts)
    assert device["energy_joules_total"] == pytest.approx(joules)
    of = preset(name)
    assert (of.device.kind, of.device.scope, of.source.unasked) == (DeviceKind.METER, Scope.WALL, False)


@pytest.mark.parametrize("total", [4.2, [1.5, 2.7]])
def test_the_channels_of_a_tasmota_meter_are_summed(total):
    """Total is a list only with SetOption129 (EnergyFormat in Tasmota's xdrv_03_energy.ino)."""
    energy = {"Total": total, "Power": [61, 120], "Voltage": 229, "Current": [0.27, 0.53]}
    (device,) = read("tasmota", json.dumps({"StatusSNS": {"ENERGY": energy}}))
    assert device["power_watts"] == pytest.approx(181.0)
    assert device["energy_joules_total"] == pytest.approx(4.2 * 3.6e6)
    assert (device["plug_amperes"], device["plug_volts"]) == (pytest.approx(0.8), 229)


def test_a_channel_that_tells_nothing_leaves_the_sum_unknown():
    energy = {"Total": 4.2, "Power": [61, None], "Voltage": 229}
    (device,) = read("tasmota", json.dumps({"StatusSNS": {"ENERGY": energy}}))
    assert device.get("power_watts") is None


def test_a_plug_without_a_meter_tells_nothing():
    (device,) = read("shelly", json.dumps({"id": 0, "output": True}))
    assert "power_watts" not in device


@pytest.mark.parametrize("kind", ["meters", "emeters"])
def test_a_shelly_whose_meter_fails_its_check_tells_nothing_and_no_zero(kind):
    def told(*is_valid: bool) -> list[dict[str, object]]:
        meters = [{"power": 50.0 * one, "is_valid": one, "total": 600 * one} for one in is_valid]
        return read("shelly1", json.dumps({"mac": "A8", kind: meters}))

    assert told(True, True)[0]["power_watts"] == 100.0
    assert told(False) == told(True, False) == [], "a part that is not known leaves the sum unknown"


def test_two_plugs_are_two_meters(tmp_path: Path) -> None:
    with serving(page(json.dumps(GEN2))) as one, serving(page(json.dumps({**GEN2, "apower": 7.0}))) as other:
        done = perfwatch(
            *("snapshot", "--json", "--only", "simulated", "--no-collector", "simulated"),
            *("-c", f"shelly:url={one.url}", "-c", f"shelly:url={other.url}"),
            home=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    assert '"shelly:0"' in done.stdout
    assert '"shelly-2:0"' in done.stdout
    assert "312.5" in done.stdout
    assert "7.0" in done.stdout


@pytest.mark.parametrize(
    "said", [("--meter", "shelly:0+shelly-2:0"), ("--meter=shelly:0", "--meter=shelly-2:0")]
)
def test_two_plugs_of_one_machine_are_its_wall_together(tmp_path: Path, said: tuple[str, ...]) -> None:
    """Both plugs call themselves by the number of their switch, which is 0."""
    with serving(page(json.dumps(GEN2))) as one, serving(page(json.dumps({**GEN2, "apower": 7.0}))) as other:
        done = perfwatch(
            *(
                "run",
                "--only",
                "simulated",
                "-c",
                "simulated:devices=1",
                "-i",
                "0.2",
                "--json",
                "--no-record",
            ),
            *("-c", f"shelly:url={one.url}", "-c", f"shelly:url={other.url}", *said, "--", "sleep", "1"),
            home=tmp_path,
        )
    told = json.loads(done.stdout)
    assert told["energy"]["scope"] == "wall"
    assert told["power"]["mean_watts"] == pytest.approx(319.5, rel=0.01)


def test_a_meter_may_be_of_another_machine_than_the_one_that_reads_it(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    with serving(page(json.dumps(GEN2))) as plug:
        perfwatch(
            *("run", "--only", "simulated", "-c", "simulated:devices=1", "-i", "0.2", "-o", str(log)),
            *("-c", f"shelly:url={plug.url},host=lab9", "--", "sleep", "1"),
            home=tmp_path,
        )
    told = json.loads(perfwatch("summary", str(log), "--json", home=tmp_path).stdout)
    assert told["session"]["hosts"][-1] == "lab9"
    assert "wall" not in told["energy"]["by_scope"], "it is not the wall of this machine"


def test_its_accuracy_is_what_somebody_states(tmp_path: Path) -> None:
    with serving(page(json.dumps(GEN2))) as plug:
        done = perfwatch(
            *("run", "--only", "simulated", "-c", "simulated:devices=1", "-i", "0.2", "--json"),
            *("--no-record", "-c", f"shelly:url={plug.url},accuracy=1%", "--", "sleep", "1"),
            home=tmp_path,
        )
    wall = json.loads(done.stdout)["energy"]["by_scope"]["wall"]
    assert wall["gain_ratio"] == pytest.approx(0.01)
    wrong = perfwatch("snapshot", "-c", "shelly:accuracy=good", home=tmp_path)
    assert wrong.returncode == 2
    assert "cannot take 'good' as an accuracy: write it as 1% or 0.01" in wrong.stderr
