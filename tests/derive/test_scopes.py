"""Which devices are the run's, which make up the headline, and what is said of the others."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from derive.build import Session, codes, every, message, steps

from perfwatch.derive.live import LiveFigures
from perfwatch.derive.settings import CostInputs, Purchase, Settings
from perfwatch.errors import ConfigError
from perfwatch.metrics import ENERGY, MEMORY_USED, POWER, UTILIZATION
from perfwatch.model import DeviceKind, Scope

TIMES = every(1.0, 0.0, 34.0)
DRAM = {"index": "dram-0", "name": "DRAM", "kind": DeviceKind.MEMORY, "scope": Scope.DRAM}
PSYS = {"index": "psys", "name": "Platform", "kind": DeviceKind.NODE, "scope": Scope.NODE}


def job() -> Session:
    session = Session()
    session.counter(steps(3.0, 31.0, 100, 40))
    session.job(2.0, 32.0)
    return session


def in_run(summary: dict) -> list[str]:
    return [label for label, device in summary["energy"]["by_device"].items() if device["in_run"]]


def joules(summary: dict) -> float | None:
    return summary["energy"]["joules"]


def test_accelerators_are_the_headline_and_the_host_stands_beside_it():
    session = job()
    session.board(TIMES)
    session.board(TIMES, watts=200.0)
    session.package(TIMES, watts=50.0)
    session.package(TIMES, watts=10.0, **DRAM)
    session.package(TIMES, watts=400.0, **PSYS)
    summary = session.summary(window="job")
    assert (summary["energy"]["scope"], joules(summary)) == ("accelerator", pytest.approx(9000.0))
    assert in_run(summary) == ["nvidia:0", "nvidia:1"]
    beside = {scope: each["joules"] for scope, each in summary["energy"]["by_scope"].items()}
    assert beside == {
        "cpu": pytest.approx(1500.0),
        "dram": pytest.approx(300.0),
        "node": pytest.approx(12000.0),
    }
    assert summary["energy"]["not_included"] == ["CPU", "memory", "fans", "cooling"]
    assert summary["devices"]["ids"] == ["nvidia:0", "nvidia:1"]


def test_components_add_accelerators_packages_and_dram_and_nothing_twice():
    session = job()
    session.board(TIMES, watts=200.0)
    session.package(TIMES, watts=50.0, uuid="package")
    session.package(TIMES, watts=30.0, index="core-0", name="Core", parent="package")
    session.package(TIMES, watts=10.0, **DRAM)
    session.package(TIMES, watts=400.0, **PSYS)
    summary = session.summary(window="job", scope="components")
    assert joules(summary) == pytest.approx(30.0 * (200.0 + 50.0 + 10.0))
    assert in_run(summary) == ["nvidia:0", "rapl:package-0", "rapl:dram-0"]
    assert summary["devices"]["ids"] == ["nvidia:0", "rapl:package-0", "rapl:dram-0"]
    assert list(summary["energy"]["by_scope"]) == ["accelerator", "cpu", "dram", "node"]
    assert summary["energy"]["by_scope"]["cpu"]["joules"] == pytest.approx(1500.0)
    assert summary["energy"]["not_included"] == ["fans", "cooling"]


@pytest.mark.parametrize(
    ("used", "headline", "beside"), [("MOD", "module", "accelerator"), ("GPU", "accelerator", "module")]
)
def test_what_a_chip_lies_in_and_what_lies_in_it_stands_beside_it(used, headline, beside):
    session = job()
    session.board(TIMES, watts=600.0, uuid="MOD", scope=Scope.MODULE)
    session.board(TIMES, watts=400.0, uuid="GPU", parent="MOD")
    session.event(30.0, "devices", ids=[used], because="x", guessed=False, shared={})
    energy = session.summary(window="job")["energy"]
    watts = {"module": 600.0, "accelerator": 400.0}
    assert (energy["scope"], energy["joules"]) == (headline, pytest.approx(30.0 * watts[headline]))
    assert energy["by_scope"][beside]["joules"] == pytest.approx(30.0 * watts[beside])


def test_dies_that_share_a_meter_are_counted_once_by_it():
    session = job()
    session.board(TIMES, watts=500.0, uuid="METER", kind=DeviceKind.METER, collector="bmc")
    for _ in range(2):
        session.device(parent="METER", metrics=(UTILIZATION,), scope=None)
    session.event(
        30.0, "devices", ids=["NVIDIA-0-uuid", "NVIDIA-1-uuid"], because="x", guessed=False, shared={}
    )
    summary = session.summary(window="job")
    assert (summary["energy"]["scope"], joules(summary)) == ("accelerator", pytest.approx(15000.0))
    assert in_run(summary) == ["bmc:0"]


def test_without_an_accelerator_the_components_are_the_headline():
    session = job()
    session.package(TIMES)
    session.package(TIMES, index="package-1")
    summary = session.summary(window="job")
    assert (summary["energy"]["scope"], joules(summary)) == ("components", pytest.approx(3000.0))
    assert summary["energy"]["not_included"] == ["memory", "fans", "cooling"]
    assert summary["devices"]["because"] == "there is no accelerator"


def test_an_accelerator_that_tells_no_energy_leaves_the_components_and_is_named():
    session = job()
    session.device(metrics=(MEMORY_USED,))
    session.package(TIMES)
    summary = session.summary(window="job")
    assert summary["energy"]["scope"] == "components"
    assert summary["energy"]["not_included"] == ["nvidia:0", "memory", "fans", "cooling"]
    assert "low-coverage" in codes(summary, "insufficient")


def test_packages_that_a_page_of_the_same_machine_tells_as_well_are_counted_once():
    session = job()
    for index in ("package-0", "package-1"):
        session.package(TIMES, watts=50.0, index=index)
        session.package(TIMES, watts=50.0, index=index, collector="exporter", name="CPU package")
    session.package(TIMES, watts=10.0, **DRAM)
    session.package(TIMES, watts=10.0, collector="exporter", **DRAM)
    summary = session.summary(window="job", scope="components")
    assert joules(summary) == pytest.approx(30.0 * (100.0 + 10.0))
    assert in_run(summary) == ["rapl:package-0", "rapl:package-1", "rapl:dram-0"]
    assert summary["devices"]["because"].endswith(
        "; exporter:package-0 told of rapl:package-0 again, exporter:package-1 told of rapl:package-1 again, "
        "exporter:dram-0 told of rapl:dram-0 again"
    )


def test_nothing_is_said_of_packages_that_one_collector_tells_of():
    session = job()
    session.board(TIMES)
    session.package(TIMES)
    session.package(TIMES, collector="exporter", host="lab9")
    assert "again" not in session.summary(window="job")["devices"]["because"]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (
            {"uuid": "kepler-package-{}", "page": "kepler_exporter"},
            {"uuid": "rapl-package-{}", "page": "node_exporter"},
        ),
        (
            {"uuid": "rapl-package-{}", "page": "ceems_exporter"},
            {"uuid": "rapl-package-{}", "page": "node_exporter"},
        ),
        (
            {"uuid": "rapl-package-{}", "page": "node_exporter"},
            {"uuid": "rapl-package-{}", "page": "node_exporter"},
        ),
    ],
)
def test_packages_and_memory_that_two_pages_of_a_machine_tell_of_are_counted_once(mine, theirs):
    session = job()
    for collector, named in (("exporter", mine), ("exporter-2", theirs)):
        for index, watts in ((0, 50.0), (1, 30.0)):
            uuid = named["uuid"].format(index)
            session.package(
                TIMES,
                watts=watts,
                collector=collector,
                index=f"package-{index}",
                uuid=uuid,
                page=named["page"],
            )
        dram = named["uuid"].replace("package", "dram").format(0)
        session.package(TIMES, watts=10.0, collector=collector, uuid=dram, page=named["page"], **DRAM)
    assert joules(session.summary(window="job", scope="components")) == pytest.approx(30.0 * 90.0)


def test_a_meter_of_another_machine_is_no_meter_that_told_nothing():
    session = job()
    session.board(TIMES)
    meter = {"collector": "shelly", "kind": DeviceKind.METER, "scope": Scope.WALL, "index": 0}
    session.board(TIMES, watts=500.0, uuid="plug", host="lab1", **meter)
    summary = session.summary(window="job", scope="wall")
    assert joules(summary) is None
    said = message(summary, "no-power")
    assert said.startswith(
        "There is no energy: lab1/shelly:0 measured the wall of lab1, and the devices of the run"
    )
    assert said.endswith("and --meter lab1/shelly:0 takes this one as it is.")
    taken = session.summary(window="job", scope="wall", meter="lab1/shelly:0")
    assert joules(taken) == pytest.approx(15000.0)


def test_packages_that_two_collectors_of_one_kind_tell_are_all_counted():
    session = job()
    session.package(TIMES, watts=50.0, collector="hwmon", index="rails")
    session.package(TIMES, watts=20.0, collector="hwmon-2", index="rails")
    assert joules(session.summary(window="job", scope="components")) == pytest.approx(30.0 * 70.0)


def test_an_estimate_stands_back_where_a_sensor_tells_the_same():
    session = job()
    session.package(TIMES, watts=50.0)
    number = session.device(
        "cpu_estimate", metrics=(replace(ENERGY, estimated=True),), kind=DeviceKind.CPU, scope=Scope.CPU
    )
    session.poll(number, TIMES, lambda t: 65.0 * t)
    summary = session.summary(window="job")
    assert joules(summary) == pytest.approx(1500.0)
    assert in_run(summary) == ["rapl:package-0"]


def test_a_module_is_no_bare_accelerator_and_contains_its_hosts_cpu():
    session = job()
    session.board(TIMES, watts=500.0, scope=Scope.MODULE)
    session.package(TIMES, watts=100.0)
    summary = session.summary(window="job")
    assert (summary["energy"]["scope"], joules(summary)) == ("module", pytest.approx(15000.0))
    assert "CPU" not in summary["energy"]["not_included"]
    beside = session.summary(window="job", scope="components")
    assert joules(beside) == pytest.approx(15000.0)
    for one in (summary, beside):
        assert "rapl:package-0 (taken to be in the module)" in one["energy"]["not_included"]


@pytest.mark.parametrize("chip", [None, "silent", "measured"])
def test_a_rail_that_was_named_for_the_module_measures_it_where_no_chip_tells(chip):
    session = Session()
    if chip is not None:
        is_read = chip == "measured"
        number = session.device(collector="jetson", metrics=(UTILIZATION, *((POWER,) if is_read else ())))
        session.poll(number, TIMES, *[lambda t: 1.0] * (1 + is_read))
    rails = {"collector": "hwmon", "index": "rails", "kind": DeviceKind.METER, "scope": Scope.MODULE}
    session.poll(session.device(metrics=(POWER,), **rails), TIMES, lambda t: 20.0)
    session.job(5.0, 25.0)
    energy = session.summary(window="job")["energy"]
    if chip == "measured":
        assert energy["scope"] == "accelerator"
        assert energy["by_scope"]["module"]["joules"] == pytest.approx(400.0, rel=0.05)
    else:
        assert (energy["scope"], energy["joules"]) == ("module", pytest.approx(400.0, rel=0.05))


def test_node_is_the_headline_when_asked_for():
    session = job()
    session.board(TIMES)
    session.package(TIMES, watts=400.0, **PSYS)
    summary = session.summary(window="job", scope="node")
    assert (summary["energy"]["scope"], joules(summary)) == ("node", pytest.approx(12000.0))
    assert in_run(summary) == ["rapl:psys"]
    assert summary["devices"]["ids"] == ["nvidia:0"]
    assert "accelerator" in summary["energy"]["by_scope"]


def test_two_meters_of_one_scope_are_not_added_and_the_choice_is_asked_for():
    session = job()
    session.package(TIMES, watts=400.0, **PSYS)
    session.package(TIMES, watts=410.0, collector="bmc", **PSYS)
    summary = session.summary(window="job", scope="node")
    assert joules(summary) is None
    assert "--meter" in message(summary, "no-power")
    assert "rapl:psys, bmc:psys" in message(summary, "no-power")
    assert joules(session.summary(window="job", scope="node", meter="bmc")) == pytest.approx(12300.0)
    assert joules(session.summary(window="job", meter="rapl:psys")) == pytest.approx(12000.0)


def test_a_meter_that_is_not_there_is_answered_with_those_that_are():
    session = job()
    session.package(TIMES, **PSYS)
    with pytest.raises(ConfigError, match=r"'plug'.*rapl:psys"):
        session.summary(scope="wall", meter="plug")


def test_a_scope_that_nobody_measured_is_no_power():
    session = job()
    session.board(TIMES)
    summary = session.summary(window="job", scope="wall")
    assert (summary["energy"]["scope"], joules(summary)) == ("wall", None)
    assert "no-power" in codes(summary, "insufficient")
    assert summary["energy"]["by_device"]["nvidia:0"]["joules"] == pytest.approx(3000.0)


def test_a_sensor_of_unknown_scope_is_shown_and_not_summed_until_it_is_named():
    session = job()
    session.board(TIMES)
    session.board(TIMES, scope=None)
    summary = session.summary(window="job")
    assert joules(summary) == pytest.approx(3000.0)
    assert in_run(summary) == ["nvidia:0"]
    assert summary["energy"]["by_device"]["nvidia:1"]["scope"] is None
    assert joules(session.summary(window="job", devices="nvidia:0-1")) == pytest.approx(6000.0)


def test_a_partition_counts_with_the_chip_around_it():
    session = job()
    session.board(TIMES, watts=300.0, uuid="GPU-whole")
    session.device(metrics=(MEMORY_USED,), uuid="MIG-one", parent="GPU-whole")
    session.device(metrics=(MEMORY_USED,), uuid="MIG-two", parent="GPU-whole")
    session.event(1.0, "devices", ids=["MIG-one"], because="the job uses it", guessed=False)
    summary = session.summary(window="job")
    assert joules(summary) == pytest.approx(9000.0)
    assert in_run(summary) == ["nvidia:0"]
    assert "whole chip" in message(summary, "meter-wider-than-run")
    session.event(1.0, "devices", ids=["MIG-one", "MIG-two"], because="the job uses them", guessed=False)
    assert "meter-wider-than-run" not in codes(session.summary(window="job"))


@pytest.mark.parametrize("ids", [["MIG-one"], ["MIG-one", "MIG-two"], ["GPU-whole", "MIG-one", "MIG-two"]])
def test_a_board_and_its_partitions_are_paid_for_once(ids: list[str]):
    session = job()
    session.board(TIMES, watts=300.0, uuid="GPU-whole")
    session.device(metrics=(MEMORY_USED,), uuid="MIG-one", parent="GPU-whole")
    session.device(metrics=(MEMORY_USED,), uuid="MIG-two", parent="GPU-whole")
    session.event(1.0, "devices", ids=ids, because="the job uses it", guessed=False)
    rent = CostInputs(rent_per_hour=2.0, rent_basis="device")
    bought = CostInputs(purchases=(Purchase("*", price=10_000.0, lifetime_h=10_000.0, utilization=1.0),))
    rented = session.summary(window="job", cost=rent)
    assert rented["cost"]["assumptions"]["rented"] == 1
    assert rented["cost"]["machine"] == pytest.approx(2.0 * 30.0 / 3600.0)
    assert session.summary(window="job", cost=bought)["cost"]["assumptions"]["purchases"][0]["devices"] == 1
    assert rented["energy"]["by_device"]["nvidia:1"]["board"] == "nvidia:0"
    assert rented["energy"]["by_device"]["nvidia:0"]["board"] is None


def test_a_device_inside_another_of_the_run_is_not_added_to_it():
    session = job()
    session.board(TIMES, watts=300.0, uuid="card")
    session.board(TIMES, watts=120.0, uuid="chip", parent="card")
    assert joules(session.summary(window="job")) == pytest.approx(9000.0)


# which devices


def boards(count: int = 4) -> Session:
    session = job()
    for index in range(count):
        session.board(TIMES, watts=100.0 * (index + 1), uuid=f"GPU-{index}{index}aa-bb")
    return session


def test_the_last_devices_event_decides():
    session = boards()
    session.event(1.0, "devices", ids=[], because="first", guessed=True)
    session.event(31.0, "devices", ids=["GPU-11aa-bb"], because="pid 9 uses it", guessed=False)
    summary = session.summary(window="job")
    assert summary["devices"] == {"ids": ["nvidia:1"], "because": "pid 9 uses it"}
    assert in_run(summary) == ["nvidia:1"]
    assert summary["energy"]["by_device"].keys() == {f"nvidia:{index}" for index in range(4)}


@pytest.mark.parametrize("word", ["nvidia:0", "0"])
def test_a_device_that_several_hosts_have_is_named_with_its_host(word: str):
    session = job()
    session.board(TIMES, uuid="GPU-here")
    session.board(TIMES, uuid="GPU-there", host="there", index=0)
    with pytest.raises(
        ConfigError, match=r"several hosts have one; say which of here/nvidia:0, there/nvidia:0"
    ):
        session.summary(devices=word)
    assert in_run(session.summary(devices="there/nvidia:0")) == ["there/nvidia:0"]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("nvidia:1", ["nvidia:1"]),
        ("nvidia:2,nvidia:0", ["nvidia:0", "nvidia:2"]),
        ("nvidia:1-3", ["nvidia:1", "nvidia:2", "nvidia:3"]),
        ("nvidia", ["nvidia:0", "nvidia:1", "nvidia:2", "nvidia:3"]),
        ("2", ["nvidia:2"]),
        ("0-1,3", ["nvidia:0", "nvidia:1", "nvidia:3"]),
        ("GPU-22", ["nvidia:2"]),
        ("gpu-33AA", ["nvidia:3"]),
    ],
)
def test_devices_are_named_as_people_do(text, chosen):
    summary = boards().summary(devices=text)
    assert summary["devices"]["ids"] == chosen
    assert summary["devices"]["because"] == f"--devices {text} was given"
    assert "devices-guessed" not in codes(summary)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nvidia:9", r"'nvidia:9': no such device; there is nvidia:0, nvidia:1"),
        ("nvidai:1", r"did you mean nvidia:1"),
        ("GPU-", "several devices begin so"),
        ("nvidia:3-1", "the range runs backwards; write nvidia:1-3"),
        (" , ", "names none"),
        ("nvidia:2-5", "'nvidia:4'"),
    ],
)
def test_a_device_that_is_not_there_is_answered_with_those_that_are(text, says):
    with pytest.raises(ConfigError, match=says):
        boards().summary(devices=text)


def test_a_bare_index_needs_one_family_of_accelerators():
    session = boards(1)
    session.board(TIMES, collector="amd")
    with pytest.raises(ConfigError, match="'0': no such device; there is nvidia:0, amd:0"):
        session.summary(devices="0")


def test_cpus_that_were_named_are_the_run():
    session = job()
    session.board(TIMES)
    session.package(TIMES)
    session.package(TIMES, index="package-1", watts=70.0)
    summary = session.summary(window="job", devices="rapl:package-1")
    assert (summary["energy"]["scope"], joules(summary)) == ("components", pytest.approx(2100.0))
    assert summary["devices"]["ids"] == ["rapl:package-1"]


def test_several_hosts_stand_in_front_of_their_devices():
    session = job()
    session.board(TIMES, host="lab1")
    session.board(TIMES, host="lab2", watts=50.0)
    session.package(TIMES, host="lab2", watts=400.0, **PSYS)
    summary = session.summary(window="job", devices="lab2/nvidia:0")
    assert set(summary["energy"]["by_device"]) == {"lab1/nvidia:0", "lab2/nvidia:0", "lab2/rapl:psys"}
    assert in_run(summary) == ["lab2/nvidia:0"]
    assert joules(session.summary(window="job")) == pytest.approx(4500.0)
    assert summary["session"]["hosts"] == ["here", "lab1", "lab2"]


def test_the_coverage_and_error_of_a_total_are_its_devices():
    session = job()
    session.board(TIMES)
    session.board(every(1.0, 0.0, 31.0))
    summary = session.summary(window="job")
    assert summary["energy"]["coverage"] == pytest.approx(29 / 30)
    devices = summary["energy"]["by_device"].values()
    assert summary["energy"]["error_joules"] <= sum(each["error_joules"] for each in devices)
    assert summary["energy"]["error_joules"] > max(each["error_joules"] for each in devices)


def test_devices_measured_by_different_methods_make_a_mixed_total():
    session = job()
    session.board(TIMES, counter=False)
    session.board(TIMES, power=False)
    summary = session.summary(window="job")
    assert summary["energy"]["method"] == "mixed"
    assert summary["power"]["max_watts"] is None


def test_a_device_that_two_collectors_read_is_counted_once():
    """A board by its own library, and again by an exporter that tells power alone."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0), counter=False, collector="exporter", uuid="gpu-1")
    session.board(every(1.0, 0.0, 40.0), uuid="GPU-1")
    session.board(every(1.0, 0.0, 40.0), uuid="GPU-2", watts=50.0)
    session.job(10.0, 30.0)
    energy = session.summary()["energy"]
    assert energy["joules"] == pytest.approx(20.0 * 150.0)
    assert {name: one["in_run"] for name, one in energy["by_device"].items()} == {
        "exporter:0": False,
        "nvidia:0": True,
        "nvidia:1": True,
    }


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"uuid": "0000:c1:00.0", "serial": "AB121"}, {"uuid": "72ff74a1", "serial": "ab121"}),
        ({"uuid": "0000:C1:00.0-0-0", "bus": "0000:C1:00.0"}, {"uuid": "AAA-0", "bus": "00000000:c1:00.0"}),
        ({"uuid": "0000:c1:00.0"}, {"uuid": "AAA-0", "pci": "C1:00.0"}),
        ({"uuid": "GPU-7"}, {"uuid": "0", "bus": "", "serial": "0x0"} | {"serial": "GPU-7"}),
    ],
)
def test_a_device_that_a_driver_and_a_page_name_differently_is_counted_once(mine, theirs):
    session = job()
    session.board(TIMES, collector="amd", counter=False, **mine)
    session.board(TIMES, collector="exporter", counter=False, **theirs)
    summary = session.summary(window="job")
    assert joules(summary) == pytest.approx(3000.0)
    assert in_run(summary) == ["amd:0"]
    assert summary["devices"]["because"].endswith("exporter:0 told of amd:0 again")


def test_dies_with_one_serial_number_and_boards_with_none_are_each_counted():
    session = job()
    for die in ("a", "b"):
        session.board(TIMES, collector="amd", uuid=die, serial="AB121")
    session.board(TIMES, collector="exporter", uuid="c", serial="0")
    session.board(TIMES, collector="npu", uuid="d", serial="0")
    assert joules(session.summary(window="job")) == pytest.approx(4 * 3000.0)


def test_the_same_board_of_another_host_is_another_one():
    session = job()
    session.board(TIMES, collector="amd", uuid="0000:c1:00.0")
    session.board(TIMES, collector="exporter", uuid="x", bus="0000:c1:00.0", host="lab1")
    assert joules(session.summary(window="job")) == pytest.approx(6000.0)


def test_of_equal_ids_what_was_told_decides_not_what_was_declared():
    session = job()
    session.board(TIMES, collector="aa", counter=False, uuid="A", watts=50.0)
    number = session.device("bb", metrics=(ENERGY, POWER), uuid="A")
    session.poll(number, TIMES, lambda t: None, lambda t: None)
    summary = session.summary(window="job")
    assert (joules(summary), in_run(summary)) == (pytest.approx(1500.0), ["aa:0"])


def meters(*watts: float, asked: tuple[str, ...] = (), board: bool = False) -> Session:
    """A job beside plugs `plug0`, `plug1`, ... that draw so much; they were found in this order."""
    session = Session(**({"asked": list(asked)} if asked else {}))
    for number, power_w in enumerate(watts):
        session.board(
            TIMES, collector=f"plug{number}", watts=power_w, kind=DeviceKind.METER, scope=Scope.WALL
        )  # fmt: skip
    if board:
        session.board(TIMES)
    session.job(2.0, 32.0)
    return session


def test_a_meter_that_nobody_chose_is_named_with_the_option_that_chooses_it():
    said = message(meters(200.0).summary(window="job"), "no-power")
    assert said.endswith("plug0:0 measured the wall: --scope wall makes it the headline.")
    said = message(meters(200.0, 210.0).summary(window="job"), "no-power")
    assert "plug0:0 and plug1:0 measured the wall: --meter plug0:0 or --meter plug1:0 makes" in said
    assert "measured the" not in message(meters().summary(window="job"), "no-power")


def test_of_several_meters_of_the_wall_all_are_named():
    wall = meters(200.0, 210.0, board=True).summary(window="job")["energy"]["by_scope"]["wall"]
    assert (wall["joules"], wall["devices"]) == (pytest.approx(6000.0), ["plug0:0"])
    assert wall["notes"] == ["of plug0:0; plug1:0 told 6.30 kJ; choose with --meter"]
    alone = meters(200.0, board=True).summary(window="job")["energy"]["by_scope"]["wall"]
    assert (alone["devices"], alone["notes"]) == (["plug0:0"], [])


def test_the_meter_that_was_asked_for_first_is_shown_whichever_answered_first():
    session = meters(200.0, 210.0, asked=("plug1", "plug0"), board=True)
    wall = session.summary(window="job")["energy"]["by_scope"]["wall"]
    assert (wall["joules"], wall["devices"]) == (pytest.approx(6300.0), ["plug1:0"])


BOTH = "plug0:0+plug1:0"


def test_meters_that_feed_a_machine_together_are_added_where_a_person_says_so():
    session = meters(200.0, 210.0)
    alone = [session.summary(window="job", meter=f"plug{n}:0")["energy"] for n in (0, 1)]
    energy = session.summary(window="job", meter=BOTH)["energy"]
    assert (energy["scope"], energy["joules"]) == ("wall", pytest.approx(6000.0 + 6300.0))
    assert energy["error_joules"] > max(one["error_joules"] for one in alone)
    assert [key for key, one in energy["by_device"].items() if one["in_run"]] == ["plug0:0", "plug1:0"]


def test_a_sum_of_meters_stands_beside_another_headline():
    summary = meters(200.0, 210.0, board=True).summary(window="job", scope="accelerator", meter=BOTH)
    wall = summary["energy"]["by_scope"]["wall"]
    assert (wall["joules"], wall["notes"]) == (pytest.approx(12300.0), [])
    assert wall["devices"] == ["plug0:0", "plug1:0"]


def silent_since(t: float) -> Session:
    """Two plugs, of which the second tells nothing any more from this time on."""
    session = meters(200.0)
    session.board(
        [one for one in TIMES if one < t], collector="plug1", kind=DeviceKind.METER, scope=Scope.WALL
    )
    session.board(TIMES)
    return session


def test_a_sum_of_which_one_meter_tells_nothing_in_the_window_is_not_known():
    """Half of a machine is no figure."""
    summary = silent_since(2.0).summary(window="job", meter=BOTH)
    assert joules(summary) is None
    assert "no-power" in codes(summary, "insufficient")
    beside = silent_since(2.0).summary(window="job", scope="accelerator", meter=BOTH)
    assert beside["energy"]["by_scope"]["wall"]["joules"] is None


def test_a_sum_of_which_one_meter_was_never_there_is_refused_or_not_shown():
    session = meters(200.0, board=True)
    with pytest.raises(ConfigError, match=r"'plug1:0'.*plug0:0, and without it the sum is not known"):
        session.summary(window="job", meter=BOTH)
    summary = session.summary(window="job", scope="accelerator", meter=BOTH)
    assert "wall" not in summary["energy"]["by_scope"]


@pytest.mark.parametrize(
    ("meter", "said"),
    [
        ("plug0:0+plug0:0", "plug0:0 is named twice"),
        ("plug0:0+rapl:psys", "they measure node and wall, of which one is in the other"),
        ("plug0:0+", "cannot take meter ''"),
    ],
)
def test_what_would_count_something_twice_is_no_sum_of_meters(meter: str, said: str):
    session = meters(200.0)
    session.package(TIMES, **PSYS)
    with pytest.raises(ConfigError, match=re.escape(said)):
        session.summary(window="job", meter=meter)


def test_the_live_figure_of_a_sum_is_unknown_while_one_meter_tells_nothing():
    for session, watts in ((meters(200.0, 210.0), 410.0), (silent_since(2.0), None)):
        live = LiveFigures()
        session.header["settings"] = Settings(meter=BOTH).to_json()
        for record in (session.header, *sorted(session.records, key=lambda one: float(one["t"]))):
            live.take(record)
        standing = live.standing()
        assert standing is not None
        assert standing.now.watts == (watts if watts is None else pytest.approx(watts))


def test_a_board_that_tells_no_energy_is_answered_with_the_meter_that_does():
    session = meters(200.0)
    session.device(metrics=(UTILIZATION,))
    session.package(TIMES)
    said = message(session.summary(window="job", scope="components"), "low-coverage")
    assert "(plug0:0 measured the wall: --scope wall makes it the headline)" in said


def test_the_stated_accuracy_of_a_meter_stands_beside_its_energy_and_not_in_the_error():
    session = job()
    session.board(TIMES)
    stated = ENERGY.observed(update_s=0.01).accurate_to(0.01)
    meter = session.device("plug", metrics=(stated,), kind=DeviceKind.METER, scope=Scope.WALL)
    session.poll(meter, TIMES, lambda t: 200.0 * t)
    wall = session.summary(window="job")["energy"]["by_scope"]["wall"]
    assert wall["gain_ratio"] == 0.01
    assert wall["error_joules"] < 0.001 * wall["joules"]
    energy = session.summary(window="job", scope="wall")["energy"]
    assert (energy["scope"], energy["gain_ratio"]) == ("wall", 0.01)
    assert session.summary(window="job")["energy"]["gain_ratio"] == 0.05, "NVIDIA's is known"
    assert meters(200.0).summary(window="job", scope="wall")["energy"]["gain_ratio"] is None
