"""RAPL: which zones there are, what is counted once, and what is said when nothing can be read."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from perfwatch_collectors import pyrapl_door
from perfwatch_collectors.powercap import Counter, find_zones
from perfwatch_collectors.pyrapl_door import PyraplDoor, PyraplError
from perfwatch_collectors.rapl import RaplCollector, RaplOptions

from perfwatch.errors import Unavailable
from perfwatch.model import Appeared, Device, DeviceKind, Event, Gone, Reading, Sample, Scope
from perfwatch.testing import FakeClock, check_contract

DATA = Path(__file__).parent.parent / "data" / "powercap"


def lay_out(root: Path, name: str) -> Path:
    """A tree of `tests/data/powercap` below `root`."""
    for line in (DATA / name).read_text().splitlines():
        path, _, content = line.partition(" = ")
        write(root, path, content)
    return root


def write(root: Path, path: str, content: str) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content + "\n")


def zone(root: Path, number: str, name: str, energy_uj: int, range_uj: int = 262143328850) -> None:
    top = f"sys/class/powercap/{number}"
    write(root, f"{top}/name", name)
    write(root, f"{top}/energy_uj", str(energy_uj))
    write(root, f"{top}/max_energy_range_uj", str(range_uj))


def use(root: Path, number: str, energy_uj: int) -> None:
    """Let a zone's counter stand at a value; the file stays the same one, as in sysfs."""
    with (root / f"sys/class/powercap/{number}/energy_uj").open("r+") as file:
        file.write(f"{energy_uj}\n")
        file.truncate()


def collector(root: Path, **more: Any) -> RaplCollector:
    return RaplCollector(RaplOptions(str(root)), **more)


def opened(root: Path, **more: Any) -> tuple[RaplCollector, dict[str, Device]]:
    rapl = collector(root, **more)
    return rapl, {str(device.index): device for device in rapl.open()}


def joules(readings: list[Reading]) -> dict[str, Any]:
    return {one.device_id: one.values[0] for one in readings if isinstance(one, Sample)}


# Zones


def test_it_keeps_the_contract_with_and_without_rapl(tmp_path: Path) -> None:
    assert check_contract(collector(tmp_path)) == "absent"
    assert check_contract(collector(lay_out(tmp_path, "intel-two-sockets.txt"))) == "ok"


def test_each_zone_is_a_device_in_joules_that_declares_where_it_wraps(tmp_path: Path) -> None:
    rapl, devices = opened(lay_out(tmp_path, "intel-core-95w.txt"))
    assert list(devices) == ["package-0", "core-0"]
    package = devices["package-0"]
    (metric,) = package.metrics
    assert (package.id, package.kind, package.scope) == ("rapl-package-0", DeviceKind.CPU, Scope.CPU)
    assert metric.wraps_at == pytest.approx(262_143.32885)
    assert metric.update_s == 0.001
    assert joules(list(rapl.read(list(devices.values())))) == {
        "rapl-package-0": pytest.approx(240_422.366267),
        "rapl-core-0": pytest.approx(118_821.284256),
    }


def test_a_zone_whose_limit_is_off_still_counts_energy(tmp_path: Path) -> None:
    """`enabled` 0 is about the power limit: the captured core zone has it, and a counter that moved."""
    _, devices = opened(lay_out(tmp_path, "intel-core-95w.txt"))
    assert "core-0" in devices
    assert "power_limit_watts" not in devices["core-0"].facts
    assert devices["package-0"].facts["max_power_watts"] == pytest.approx(95.0)


def test_what_is_inside_a_package_names_it_as_parent_and_dram_does_not(tmp_path: Path) -> None:
    _, devices = opened(lay_out(tmp_path, "intel-two-sockets.txt"))
    assert {index: (device.scope, device.parent) for index, device in devices.items()} == {
        "package-0": (Scope.CPU, None),
        "core-0": (Scope.CPU, "rapl-package-0"),
        "dram-0": (Scope.DRAM, None),
        "package-1": (Scope.CPU, None),
        "core-1": (Scope.CPU, "rapl-package-1"),
        "dram-1": (Scope.DRAM, None),
        "psys": (Scope.NODE, None),
    }
    assert devices["package-1"].facts["power_limit_watts"] == pytest.approx(205.0)


def test_the_mmio_twin_is_ignored(tmp_path: Path) -> None:
    tree = find_zones(lay_out(tmp_path, "intel-two-sockets.txt"))
    assert [one.number for one in tree.zones if "mmio" in one.number] == []
    assert sum(one.role == "package" for one in tree.zones) == 2


def test_where_only_the_mmio_tree_is_there_it_is_read(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 5_000_000)
    rapl, devices = opened(tmp_path)
    assert joules(list(rapl.read(list(devices.values())))) == {"rapl-package-0": pytest.approx(5.0)}


def test_flat_and_nested_views_of_one_tree_give_each_zone_once(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl/intel-rapl:0", "package-0", 1)
    zone(tmp_path, "intel-rapl/intel-rapl:0/intel-rapl:0:0", "dram", 2)
    top = tmp_path / "sys/class/powercap"
    (top / "intel-rapl:0").symlink_to(top / "intel-rapl/intel-rapl:0")
    (top / "intel-rapl:0:0").symlink_to(top / "intel-rapl/intel-rapl:0/intel-rapl:0:0")
    assert [one.index for one in find_zones(tmp_path).zones] == ["package-0", "dram-0"]


def test_numbers_may_have_gaps_and_say_nothing_about_what_a_zone_is(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:1", "psys", 1)
    zone(tmp_path, "intel-rapl:10", "package-1", 2)
    zone(tmp_path, "intel-rapl:3", "package-0", 3)
    zone(tmp_path, "intel-rapl:10:2", "uncore", 4)
    assert [one.index for one in find_zones(tmp_path).zones] == ["psys", "package-0", "package-1", "uncore-1"]


def test_a_dangling_zone_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 7)
    (tmp_path / "sys/class/powercap/intel-rapl:1").symlink_to(tmp_path / "nowhere")
    _, devices = opened(tmp_path)
    assert list(devices) == ["package-0"]


def test_a_platform_that_is_listed_by_each_package_is_counted_once(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    zone(tmp_path, "intel-rapl:0:0", "psys", 1)
    zone(tmp_path, "intel-rapl:1", "package-1", 1)
    zone(tmp_path, "intel-rapl:1:0", "psys-1", 1)
    _, devices = opened(tmp_path)
    assert [devices[index].parent for index in ("psys", "psys-1")] == [None, "rapl-psys"]


def test_a_zone_that_nobody_knows_is_shown_without_a_scope(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "moon", 1)
    _, devices = opened(tmp_path)
    assert [(device.name, device.scope) for device in devices.values()] == [("moon", None)]


# Reading


def test_a_counter_that_wraps_is_handed_over_as_it_stands(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 262_143_000_000)
    rapl, devices = opened(tmp_path)
    seen = []
    for energy_uj in (262_143_300_000, 1_000_000):
        use(tmp_path, "intel-rapl:0", energy_uj)
        seen += joules(list(rapl.read(list(devices.values())))).values()
    assert seen == [pytest.approx(262_143.3), pytest.approx(1.0)]


class FailingCounter(Counter):
    """A counter that answers with an error once it is told to."""

    error: OSError | None = None

    def read_uj(self) -> int | None:
        if self.error is not None:
            raise self.error
        return super().read_uj()


def two_counters(root: Path) -> tuple[RaplCollector, dict[str, Device], dict[str, FailingCounter]]:
    zone(root, "intel-rapl:0", "package-0", 3_000_000)
    zone(root, "intel-rapl:1", "package-1", 4_000_000)
    counters: dict[str, FailingCounter] = {}

    def open_counter(file: Path) -> Counter:
        return counters.setdefault(file.parent.name, FailingCounter(file))

    rapl, devices = opened(root, open_counter=open_counter)
    return rapl, devices, counters


def test_a_zone_that_leaves_is_gone_and_the_other_is_still_read(tmp_path: Path) -> None:
    rapl, devices, counters = two_counters(tmp_path)
    counters["intel-rapl:0"].error = OSError(errno.ENODEV, "No such device")
    first, second = rapl.read(list(devices.values()))
    assert first == Gone("rapl-package-0", "its energy counter is gone: No such device")
    assert joules([second]) == {"rapl-package-1": 4.0}


def test_a_reading_that_fails_once_is_unknown_and_not_zero(tmp_path: Path) -> None:
    rapl, devices, counters = two_counters(tmp_path)
    counters["intel-rapl:1"].error = OSError(errno.EIO, "Input/output error")
    assert joules(list(rapl.read(list(devices.values())))) == {"rapl-package-0": 3.0, "rapl-package-1": None}
    counters["intel-rapl:1"].error = None
    assert joules(list(rapl.read(list(devices.values()))))["rapl-package-1"] == 4.0


def test_only_the_devices_asked_for_are_read(tmp_path: Path) -> None:
    rapl, devices, _ = two_counters(tmp_path)
    assert joules(list(rapl.read([devices["package-1"]]))) == {"rapl-package-1": 4.0}


def test_closing_gives_every_file_back(tmp_path: Path) -> None:
    lay_out(tmp_path, "intel-two-sockets.txt")
    before = len(list(Path("/proc/self/fd").iterdir()))
    rapl, _ = opened(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 7
    rapl.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# Dies that show one counter twice


def dies(root: Path) -> tuple[RaplCollector, dict[str, Device], FakeClock]:
    clock = FakeClock()
    rapl, devices = opened(root, clock=clock)
    return rapl, devices, clock


def test_mirrored_dies_are_counted_once_from_the_beginning_and_it_is_said(tmp_path: Path) -> None:
    rapl, devices, _ = dies(lay_out(tmp_path, "amd-two-dies.txt"))
    assert devices["package-0-die-1"].parent == "rapl-package-0-die-0"
    assert devices["package-0-die-1"].facts["mirror_of"] == "rapl-package-0-die-0"
    assert devices["core-0-die-1"].parent == "rapl-package-0-die-1"
    notes = [one for one in rapl.read(list(devices.values())) if isinstance(one, Event)]
    assert [note.fields["text"] for note in notes] == [
        "rapl: package-0-die-1 shows the same counter as package-0-die-0; it is counted once"
    ]
    assert [one for one in rapl.read(list(devices.values())) if isinstance(one, Event)] == []


def step(
    rapl: RaplCollector, devices: dict[str, Device], clock: FakeClock, root: Path, totals_uj: list[int]
) -> list[Reading]:
    clock.advance(1.0)
    for number, total_uj in enumerate(totals_uj):
        use(root, f"intel-rapl:{number}", total_uj)
    return list(rapl.read(list(devices.values())))


def parents(readings: list[Reading]) -> list[str | None]:
    return [one.device.parent for one in readings if isinstance(one, Appeared)]


def test_dies_with_counters_of_their_own_are_both_counted(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0-die-0", 50_000_000_000)
    zone(tmp_path, "intel-rapl:1", "package-0-die-1", 48_000_000_000)
    rapl, devices, clock = dies(tmp_path)
    assert devices["package-0-die-1"].parent is None
    readings = []
    for n in range(60):
        totals = [50_000_000_000 + n * 70_000_000, 48_000_000_000 + n * 60_000_000]
        readings += step(rapl, devices, clock, tmp_path, totals)
    assert parents(readings) == []


def test_dies_that_stay_equal_over_many_polls_are_recognised_later(tmp_path: Path) -> None:
    """One of the two was set back to zero once, so their totals do not give them away."""
    zone(tmp_path, "intel-rapl:0", "package-0-die-0", 50_000_000_000)
    zone(tmp_path, "intel-rapl:1", "package-0-die-1", 20_000_000)
    rapl, devices, clock = dies(tmp_path)
    readings = []
    for n in range(40):
        totals = [50_000_000_000 + n * 68_000_000, 20_000_000 + n * 68_010_000]
        readings += step(rapl, devices, clock, tmp_path, totals)
    assert parents(readings) == ["rapl-package-0-die-0"]
    assert sum(isinstance(one, Event) for one in readings) == 1


def test_dies_that_only_looked_alike_are_told_apart_again(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0-die-0", 50_000_000_000)
    zone(tmp_path, "intel-rapl:1", "package-0-die-1", 50_000_000_100)
    rapl, devices, clock = dies(tmp_path)
    assert devices["package-0-die-1"].parent == "rapl-package-0-die-0"
    readings = []
    for n in range(10):
        totals = [50_000_000_000 + n * 68_000_000, 50_000_000_100 + n * 40_000_000]
        readings += step(rapl, devices, clock, tmp_path, totals)
    assert parents(readings) == [None]


def test_a_wrap_does_not_tell_mirrored_dies_apart(tmp_path: Path) -> None:
    root = lay_out(tmp_path, "amd-two-dies.txt")
    rapl, devices, clock = dies(root)
    readings = []
    for n in range(30):
        first = (50_000_000_000 + n * 1_000_000_000) % 65_532_610_987
        readings += step(rapl, devices, clock, root, [first, first])
    assert parents(readings) == []


# Nothing to read


def test_no_permission_is_one_sentence_with_a_remedy_that_outlives_a_boot(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 7)

    def refuse(file: Path) -> Counter:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    with pytest.raises(Unavailable) as caught:
        collector(tmp_path, open_counter=refuse).open()
    reason = str(caught.value)
    assert reason.startswith("cannot read the energy of package-0: no permission for ")
    assert "intel-rapl:0/energy_uj" in reason
    assert "\n" not in reason
    assert "/etc/udev/rules.d/" in caught.value.remedy
    subprocess.run(["bash", "-n", "-c", caught.value.remedy], check=True)  # it is shell


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without permission")
def test_a_user_without_permission_is_refused_by_the_file_itself(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 7)
    (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").chmod(0o400)
    for directory in [tmp_path, *tmp_path.parents][:-2]:
        directory.chmod(directory.stat().st_mode | 0o055)
    as_nobody = (
        "import os, sys\n"
        "from perfwatch_collectors.rapl import RaplCollector, RaplOptions\n"
        "from perfwatch.errors import Unavailable\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: RaplCollector(RaplOptions(sys.argv[1])).open()\n"
        "except Unavailable as absent: print(absent)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", as_nobody, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "no permission for" in done.stdout


def test_one_zone_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 7)
    zone(tmp_path, "intel-rapl:1", "package-1", 7)
    file = tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj"
    file.unlink()
    file.mkdir()  # reads of it fail, whoever we are
    _, devices = opened(tmp_path)
    assert list(devices) == ["package-1"]


def absent(root: Path) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        collector(root).open()
    return caught.value


def test_a_machine_without_the_tree_names_what_is_missing(tmp_path: Path) -> None:
    assert f"{tmp_path}/sys/class/powercap is missing" in str(absent(tmp_path))


def test_a_virtual_machine_says_that_it_is_one(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu vme hypervisor lahf_lm")
    error = absent(tmp_path)
    assert "virtual machine" in str(error)
    assert "cpu_estimate:tdp=" in error.remedy


def test_a_container_that_masks_the_zones_says_so(tmp_path: Path) -> None:
    write(tmp_path, ".dockerenv", "")
    top = tmp_path / "sys/class/powercap"
    top.mkdir(parents=True)
    (top / "intel-rapl:0").symlink_to(tmp_path / "masked")
    error = absent(tmp_path)
    assert "(intel-rapl:0) lead nowhere; this is a container" in str(error)


def test_a_bare_machine_without_the_module_is_told_to_load_it(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", "vendor_id\t: AuthenticAMD\nflags\t\t: fpu vme")
    (tmp_path / "sys/class/powercap").mkdir(parents=True)
    assert "modprobe intel_rapl_msr" in absent(tmp_path).remedy


# pyRAPL: the real one, whose fixed paths are led into a tree of ours


@pytest.fixture
def pyrapl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = pyrapl_door._import()
    from pyRAPL import device_api

    def moved(path: str) -> str:
        return str(tmp_path / path.lstrip("/"))

    def open_moved(path: str, mode: str = "r") -> Any:
        return open(moved(path), mode)  # noqa: PTH123 - it stands in for open()

    elsewhere = SimpleNamespace(path=SimpleNamespace(exists=lambda path: Path(moved(path)).exists()))
    monkeypatch.setattr(device_api, "os", elsewhere)
    monkeypatch.setattr(device_api, "open", open_moved, raising=False)
    return module


def sockets(root: Path, physical_ids: list[int]) -> None:
    """CPUs, one a socket, and the control type's directory that pyRAPL looks into."""
    write(root, "sys/devices/system/cpu/present", f"0-{len(physical_ids) - 1}")
    for cpu, physical_id in enumerate(physical_ids):
        write(root, f"sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id", str(physical_id))


def nested(root: Path, names: dict[str, tuple[str, int]]) -> None:
    """Zones as on a real machine: below the control type, with the flat links beside it."""
    top = root / "sys/class/powercap"
    for number, (name, energy_uj) in names.items():
        above, _, _ = number.rpartition(":")
        place = f"intel-rapl/{above}/{number}" if ":" in above else f"intel-rapl/{number}"
        zone(root, place, name, energy_uj)
        (top / number).symlink_to(top / place)


TWO_SOCKETS = {
    "intel-rapl:0": ("package-0", 11_000_000),
    "intel-rapl:0:0": ("dram", 12_000_000),
    "intel-rapl:1": ("package-1", 13_000_000),
    "intel-rapl:1:0": ("core", 99_000_000),
    "intel-rapl:1:1": ("dram", 14_000_000),
    "intel-rapl:2": ("psys", 15_000_000),
}


def sources(devices: dict[str, Device]) -> dict[str, Any]:
    return {index: device.facts["source"] for index, device in devices.items()}


def test_pyrapl_reads_packages_and_dram_and_the_tree_what_it_does_not_know(
    tmp_path: Path, pyrapl: Any
) -> None:
    nested(tmp_path, TWO_SOCKETS)
    sockets(tmp_path, [0, 1])
    rapl, devices = opened(tmp_path, pyrapl=pyrapl)
    assert sources(devices) == {
        "package-0": "pyRAPL",
        "dram-0": "pyRAPL",
        "package-1": "pyRAPL",
        "core-1": "powercap",
        "dram-1": "pyRAPL",
        "psys": "powercap",
    }
    use(tmp_path, "intel-rapl:1", 23_000_000)
    assert joules(list(rapl.read(list(devices.values())))) == {
        "rapl-package-0": 11.0,
        "rapl-dram-0": 12.0,
        "rapl-package-1": 23.0,
        "rapl-core-1": 99.0,
        "rapl-dram-1": 14.0,
        "rapl-psys": 15.0,
    }
    rapl.close()


def test_closing_gives_back_the_files_that_pyrapl_leaves_open(tmp_path: Path, pyrapl: Any) -> None:
    nested(tmp_path, TWO_SOCKETS)
    sockets(tmp_path, [0, 1])
    before = len(list(Path("/proc/self/fd").iterdir()))
    rapl, _ = opened(tmp_path, pyrapl=pyrapl)
    rapl.close()
    rapl.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def no_present_file(root: Path) -> None:
    nested(root, TWO_SOCKETS)


def an_offline_cpu(root: Path) -> None:
    nested(root, TWO_SOCKETS)
    sockets(root, [0, 1])
    (root / "sys/devices/system/cpu/cpu1/topology/physical_package_id").unlink()


def several_dies(root: Path) -> None:
    nested(root, {"intel-rapl:0": ("package-0-die-0", 1), "intel-rapl:1": ("package-0-die-1", 2)})
    sockets(root, [0, 0])


def a_gap_in_the_numbers(root: Path) -> None:
    nested(root, {"intel-rapl:0": ("package-0", 1), "intel-rapl:2": ("package-1", 2)})
    sockets(root, [0, 1])


def numbers_that_start_above_zero(root: Path) -> None:
    nested(root, {"intel-rapl:1": ("package-0", 1)})
    sockets(root, [0])


def an_unreadable_counter(root: Path) -> None:
    nested(root, {"intel-rapl:0": ("package-0", 1), "intel-rapl:1": ("package-1", 2)})
    sockets(root, [0, 1])
    file = root / "sys/class/powercap/intel-rapl:1/energy_uj"
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "misfortune",
    [
        no_present_file,
        an_offline_cpu,
        several_dies,
        a_gap_in_the_numbers,
        numbers_that_start_above_zero,
        an_unreadable_counter,
    ],
)
def test_where_pyrapl_fails_the_tree_is_read_directly(
    tmp_path: Path, pyrapl: Any, misfortune: Callable[[Path], None]
) -> None:
    misfortune(tmp_path)
    with pytest.raises(PyraplError):
        PyraplDoor(pyrapl)
    _, devices = opened(tmp_path, pyrapl=pyrapl)
    assert devices
    assert set(sources(devices).values()) == {"powercap"}


# pyRAPL: a stand-in, for what a tree cannot bring about


class StandIn:
    """A module like pyRAPL over one socket, with what a test wants to go wrong."""

    class PyRAPLException(Exception):
        pass

    def __init__(self, values: list[float], error: Exception | None = None) -> None:
        self.values = values
        self.error = error
        self.read_error: Exception | None = None

    def Device(self, number: int) -> int:  # noqa: N802
        return number

    def Sensor(self, devices: list[int]) -> StandIn:  # noqa: N802
        if self.error is not None:
            raise self.error
        return self

    def energy(self) -> list[float]:
        if self.read_error is not None:
            raise self.read_error
        return self.values


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "intel-rapl:0/energy_uj"),
        FileNotFoundError(errno.ENOENT, "No such file", "/sys/devices/system/cpu/present"),
        StandIn.PyRAPLException(),
        TypeError("'NoneType' object is not iterable"),
        ValueError("could not convert string to float: ''"),
    ],
)
def test_no_exception_of_pyrapl_gets_out(tmp_path: Path, error: Exception) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    _, devices = opened(tmp_path, pyrapl=StandIn([5e6, -1], error))
    assert sources(devices) == {"package-0": "powercap"}


def test_a_pyrapl_that_reads_another_counter_is_not_believed(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    _, devices = opened(tmp_path, pyrapl=StandIn([9e6, -1]))
    assert sources(devices) == {"package-0": "powercap"}


def test_a_missing_socket_of_pyrapl_is_not_a_reading_of_minus_one(tmp_path: Path) -> None:
    assert PyraplDoor(StandIn([-1, -1, 7e6, -1])).read_uj() == {"package-1": 7_000_000}


def test_a_pyrapl_that_fails_while_reading_is_left_and_it_is_said(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    module = StandIn([5e6, -1])
    rapl, devices = opened(tmp_path, pyrapl=module)
    assert sources(devices) == {"package-0": "pyRAPL"}
    module.read_error = OSError(errno.EIO, "Input/output error")
    readings = list(rapl.read(list(devices.values())))
    (again,) = [one.device for one in readings if isinstance(one, Appeared)]
    (note,) = [one for one in readings if isinstance(one, Event)]
    assert again.facts["source"] == "powercap"
    assert "pyRAPL failed (read: OSError" in note.fields["text"]
    assert joules(readings) == {"rapl-package-0": 5.0}
    assert joules(list(rapl.read(list(devices.values())))) == {"rapl-package-0": 5.0}


def test_pyrapl_is_not_asked_about_a_copied_tree(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    _, devices = opened(tmp_path)
    assert sources(devices) == {"package-0": "powercap"}


def test_importing_pyrapl_leaves_standard_error_and_the_root_logger_alone() -> None:
    """In a fresh interpreter, as the import warns only once."""
    code = (
        "import logging\n"
        "from perfwatch_collectors import pyrapl_door\n"
        "pyrapl_door._import()\n"
        "root = logging.getLogger()\n"
        "assert root.handlers == [] and root.filters == [], (root.handlers, root.filters)\n"
        "logging.getLogger('job').warning('still heard')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "still heard\n")


def test_a_log_of_somebody_else_is_heard_while_pyrapl_is_imported(caplog: pytest.LogCaptureFixture) -> None:
    with pyrapl_door._quiet_root_logger():
        logging.getLogger("job").warning("still heard")
        logging.warning("heard as well")
    assert caplog.messages == ["still heard", "heard as well"]


def test_a_short_term_limit_says_how_much_a_package_may_draw_for_a_while(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5)
    for number, term, limit_uw in ((0, "long_term", 15_000_000), (1, "short_term", 64_000_000)):
        top = f"sys/class/powercap/intel-rapl:0/constraint_{number}"
        write(tmp_path, f"{top}_name", term)
        write(tmp_path, f"{top}_power_limit_uw", str(limit_uw))
    _, devices = opened(tmp_path)
    facts = devices["package-0"].facts
    assert (facts["power_limit_watts"], facts["peak_power_watts"]) == (15.0, 64.0)
