"""Which metric a description means by a name."""

from __future__ import annotations

from pathlib import Path

import perfwatch_collectors
import pytest
from perfwatch_collectors.described.language import load
from perfwatch_collectors.described.names import doubt_of, meant_by, metric_named

from perfwatch.metrics import CATALOGUE
from perfwatch.model import Kind, Unit

FOLDER = Path(str(perfwatch_collectors.__file__)).parent
OF_PRESETS = {
    told.metric.name
    for folder in ("chips", "exporters")
    for file in (FOLDER / folder).glob("*.toml")
    for told in load(file).metrics
}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("power_watt", "power_watts"),
        ("power", "power_watts"),
        ("power_limit_watt", "power_limit_watts"),
        ("energy_joules", "energy_joules_total"),
        ("utilization", "utilization_ratio"),
        ("sm_clock_mhz", "sm_clock_hertz"),
        ("memory_used", "memory_used_bytes"),
        ("spikes_total", None),
        ("fan_rpm", None),
        ("tower_watts", None),
        ("power_state", None),
    ],
)
def test_a_name_without_a_unit_that_is_like_one_with_it_is_a_slip(name: str, meant: str | None) -> None:
    assert meant_by(name) == meant


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("powr_watts", "did you mean power_watts?"),
        ("utilisation_ratio", "did you mean utilization_ratio?"),
        ("step_total", "did you mean steps_total?"),
        ("board_watt", "did you mean board_watts?"),
        ("bus_mhz", "did you mean bus_hertz?"),
        ("leak_wh_total", "did you mean leak_joules_total?"),
    ],
)
def test_a_name_of_ones_own_that_may_be_a_slip_is_remarked(name: str, said: str) -> None:
    assert said in doubt_of(name)


@pytest.mark.parametrize("name", sorted({*CATALOGUE, *OF_PRESETS}))
def test_what_is_known_and_what_presets_tell_of_their_own_is_neither(name: str) -> None:
    assert (meant_by(name), doubt_of(name)) == (None, "")


def test_the_end_of_a_name_says_unit_and_kind() -> None:
    told = [metric_named(name) for name in ("soc_watts", "soc_joules_total", "spikes_total", "nsp_used")]
    assert [(one.unit, one.kind) for one in told] == [
        (Unit.WATT, Kind.GAUGE),
        (Unit.JOULE, Kind.COUNTER),
        (Unit.COUNT, Kind.COUNTER),
        (Unit.COUNT, Kind.GAUGE),
    ]
