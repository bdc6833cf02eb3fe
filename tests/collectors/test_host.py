"""The host: what is read from a tree laid out by hand, and from this machine."""

from __future__ import annotations

import os
from collections import namedtuple
from pathlib import Path
from typing import Any

import psutil
import pytest
from perfwatch_collectors.host import HostCollector, HostOptions
from perfwatch_collectors.host_counters import CpuUse
from perfwatch_collectors.host_processes import Processes, script_of

from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import Device, DeviceKind, Sample, Scope, Table
from perfwatch.testing import FakeClock, check_contract

STAT = "cpu  {0} 0 0 {1} 0 0 0 0 0 0\ncpu0 {0} 0 0 {1} 0 0 0 0 0 0\nbtime 1700000000\n"
MEMINFO = """\
MemTotal: 1000 kB
MemFree: 300 kB
MemAvailable: 600 kB
Buffers: 0 kB
Cached: 0 kB
Active: 1 kB
Inactive: 1 kB
Shmem: 0 kB
Slab: 1 kB
SReclaimable: 0 kB
SwapTotal: 80 kB
SwapFree: 50 kB
"""
DISKSTATS = """\
 259 0 nvme0n1 10 0 100 0 20 0 200 0 0 0 0
 259 1 nvme0n1p1 10 0 100 0 20 0 200 0 0 0 0
 253 0 dm-0 10 0 100 0 20 0 200 0 0 0 0
   7 0 loop0 5 0 50 0 0 0 0 0 0 0 0
"""
NETWORK = """\
Inter-|   Receive        |  Transmit
 face |bytes    packets  |bytes
    lo: 7000 1 0 0 0 0 0 0 7000 1 0 0 0 0 0 0
  eth0: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0
   br0: 90 1 0 0 0 0 0 0 190 1 0 0 0 0 0 0
"""


def write(root: Path, path: str, content: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


@pytest.fixture(autouse=True)
def psutil_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector over a tree moves psutil's path until it is closed."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", "/proc")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """An invented machine of one CPU, a disk with a partition and a mapping, a card with a bridge."""
    for path, content in {
        "proc/stat": STAT.format(1000, 9000),
        "proc/meminfo": MEMINFO,
        "proc/loadavg": "1.25 0.50 0.10 2/100 4711\n",
        "proc/diskstats": DISKSTATS,
        "proc/net/dev": NETWORK,
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: Invented CPU 9000\ncpu MHz\t\t: 2500.000\n",
        "etc/machine-id": "00112233445566778899aabbccddeeff\n",
        "sys/block/nvme0n1/device/model": "x",
        "sys/block/dm-0/size": "1",
        "sys/block/loop0/size": "1",
        "sys/class/net/lo/mtu": "1",
        "sys/class/net/eth0/device/vendor": "x",
        "sys/class/net/br0/mtu": "1",
    }.items():
        write(tmp_path, path, content)
    return tmp_path


class Watched:
    """A host collector over a tree, read by name."""

    def __init__(self, root: Path, processes_s: float = 0.0) -> None:
        self.root = root
        self.clock = FakeClock()
        self.collector = HostCollector(HostOptions(str(root), processes_s), clock=self.clock)
        self.devices = self.collector.open()

    @property
    def node(self) -> Device:
        return self.devices[0]

    def readings(self, after_s: float = 1.0) -> list[Any]:
        self.clock.advance(after_s)
        return list(self.collector.read(self.devices))

    def values(self, device: Device | None = None, after_s: float = 1.0) -> dict[str, Any]:
        device = device or self.node
        (sample,) = [
            one for one in self.readings(after_s) if isinstance(one, Sample) and one.device_id == device.id
        ]
        return dict(zip([metric.name for metric in device.metrics], sample.values, strict=True))


@pytest.fixture
def watched(machine: Path) -> Watched:
    return Watched(machine)


def test_it_keeps_the_contract_here_on_a_tree_and_on_nothing(machine: Path, tmp_path_factory: Any) -> None:
    nothing = tmp_path_factory.mktemp("nothing")
    assert check_contract(HostCollector()) == "ok"
    assert check_contract(HostCollector(HostOptions(str(machine)))) == "ok"
    assert check_contract(HostCollector(HostOptions(str(nothing)))) == "absent"


def test_the_node_tells_no_power_and_has_no_scope(watched: Watched) -> None:
    assert (watched.node.kind, watched.node.scope) == (DeviceKind.NODE, None)
    assert not any("watts" in metric.name or "joules" in metric.name for metric in watched.node.metrics)


def test_memory_swap_load_and_clock_come_in_our_units(watched: Watched) -> None:
    seen = watched.values()
    assert seen["memory_used_bytes"] == 400 * 1024
    assert seen["memory_total_bytes"] == 1000 * 1024
    assert seen["swap_used_bytes"] == 30 * 1024
    assert seen["swap_total_bytes"] == 80 * 1024
    assert seen["load_1m"] == 1.25
    assert seen["cpu_frequency_hertz"] == 2.5e9


def test_a_partition_a_mapping_and_a_loop_are_not_counted_beside_their_disk(watched: Watched) -> None:
    seen = watched.values()
    assert seen["disk_read_bytes_total"] == 100 * 512
    assert seen["disk_written_bytes_total"] == 200 * 512


def test_loopback_and_a_bridge_are_not_counted_beside_the_card(watched: Watched) -> None:
    seen = watched.values()
    assert seen["network_received_bytes_total"] == 100
    assert seen["network_sent_bytes_total"] == 200


def test_without_a_card_every_interface_but_loopback_is_counted(machine: Path) -> None:
    (machine / "sys/class/net/eth0/device/vendor").unlink()
    (machine / "sys/class/net/eth0/device").rmdir()
    watched = Watched(machine)
    assert watched.values()["network_received_bytes_total"] == 190


def test_utilization_is_the_share_of_cpu_time_since_the_reading_before(watched: Watched) -> None:
    write(watched.root, "proc/stat", STAT.format(1030, 9070))
    seen = watched.values()
    assert seen["cpu_utilization_ratio"] == pytest.approx(0.3)
    assert seen["cpu0_utilization_ratio"] == pytest.approx(0.3)


def test_utilization_is_unknown_and_not_zero_before_time_has_passed(watched: Watched) -> None:
    assert watched.values(after_s=0.001)["cpu_utilization_ratio"] is None
    write(watched.root, "proc/stat", STAT.format(1030, 9070))
    assert watched.values()["cpu_utilization_ratio"] == pytest.approx(0.3)


CpuTimes = namedtuple("CpuTimes", "user nice system idle iowait guest")


class FakeCpus:
    """CPUs whose times a test sets."""

    def __init__(self, *times: CpuTimes) -> None:
        self.times = list(times)

    def cpu_times(self, percpu: bool) -> list[CpuTimes]:
        assert percpu
        return self.times


def test_waiting_for_disks_is_idle_and_a_guest_is_counted_once() -> None:
    clock = FakeClock()
    cpus = FakeCpus(CpuTimes(10, 0, 0, 10, 0, 0))
    use = CpuUse(cpus, clock)
    cpus.times = [CpuTimes(12, 0, 0, 14, 2, 2)]
    clock.advance(1.0)
    assert use.read() == [pytest.approx(0.25), pytest.approx(0.25)]


def test_a_cpu_that_goes_offline_leaves_the_cores_unknown_and_the_whole_known() -> None:
    clock = FakeClock()
    cpus = FakeCpus(CpuTimes(0, 0, 0, 0, 0, 0), CpuTimes(0, 0, 0, 0, 0, 0))
    use = CpuUse(cpus, clock)
    seen = []
    for user in (1, 2):
        cpus.times = [CpuTimes(user, 0, 0, user, 0, 0)]
        clock.advance(1.0)
        seen.append(list(use.read()))
    assert seen == [[None, None, None], [0.5, None, None]]


def test_more_than_256_cores_are_not_shown_one_by_one() -> None:
    use = CpuUse(FakeCpus(*[CpuTimes(0, 0, 0, 0, 0, 0)] * 300), FakeClock())
    assert len(use.metrics) == 1 + 256


def test_a_file_that_cannot_be_read_once_leaves_its_values_unknown(watched: Watched) -> None:
    (watched.root / "proc/meminfo").rename(watched.root / "proc/away")
    seen = watched.values()
    assert seen["memory_used_bytes"] is None
    assert seen["load_1m"] == 1.25


def test_what_the_machine_does_not_tell_is_not_declared(machine: Path) -> None:
    (machine / "proc/diskstats").unlink()
    watched = Watched(machine)
    assert "disk_read_bytes_total" not in [metric.name for metric in watched.node.metrics]


def test_the_id_is_stable_and_does_not_give_the_machine_id_away(machine: Path) -> None:
    first, second = Watched(machine), Watched(machine)
    assert first.node.id == second.node.id
    assert "00112233" not in first.node.id


def test_a_copied_tree_leaves_psutil_as_it_was(machine: Path) -> None:
    watched = Watched(machine)
    assert str(machine / "proc") == psutil.PROCFS_PATH
    watched.collector.close()
    assert psutil.PROCFS_PATH == "/proc"


# Temperatures


def chip(root: Path, number: int, name: str, **files: str) -> None:
    write(root, f"sys/class/hwmon/hwmon{number}/name", name)
    for file, content in files.items():
        write(root, f"sys/class/hwmon/hwmon{number}/{file}", content)


def test_the_hottest_cpu_sensor_is_the_temperature_and_each_has_its_own(machine: Path) -> None:
    chip(machine, 0, "nvme", temp1_input="81000", temp1_label="Composite")
    chip(machine, 1, "nvme", temp1_input="41000", temp1_label="Composite")
    chip(
        machine,
        2,
        "coretemp",
        temp1_input="61500",
        temp1_label="Package id 0",
        temp2_input="63000",
        temp2_label="Core 0",
    )
    watched = Watched(machine)
    assert {name: value for name, value in watched.values().items() if "celsius" in name} == {
        "temperature_celsius": 61.5,
        "nvme_composite_temperature_celsius": 81.0,
        "nvme_composite_2_temperature_celsius": 41.0,
        "coretemp_package_id_0_temperature_celsius": 61.5,
    }


def test_sensors_are_read_again_only_after_a_while(machine: Path) -> None:
    chip(machine, 0, "k10temp", temp1_input="50000")
    watched = Watched(machine)
    chip(machine, 0, "k10temp", temp1_input="60000")
    assert watched.values(after_s=1.0)["temperature_celsius"] == 50.0
    assert watched.values(after_s=4.0)["temperature_celsius"] == 60.0


def test_a_reading_that_cannot_be_is_unknown(machine: Path) -> None:
    chip(machine, 0, "acpitz", temp1_input="-273200", temp2_input="27800")
    watched = Watched(machine)
    seen = watched.values()
    assert seen["acpitz_temp1_temperature_celsius"] is None
    assert seen["temperature_celsius"] == 27.8


def test_a_sensor_that_its_driver_calls_broken_is_no_hottest_one(machine: Path) -> None:
    chip(machine, 0, "jc42", temp1_input="99000", temp1_fault="1", temp2_input="27800", temp2_fault="0")
    seen = Watched(machine).values()
    assert seen["jc42_temp1_temperature_celsius"] is None
    assert seen["temperature_celsius"] == 27.8


def test_without_hwmon_the_thermal_zones_tell(machine: Path) -> None:
    write(machine, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write(machine, "sys/class/thermal/thermal_zone0/temp", "48300\n")
    watched = Watched(machine)
    assert watched.values()["temperature_celsius"] == 48.3


def test_the_mean_clock_comes_from_cpufreq_where_it_is(machine: Path) -> None:
    for cpu, kilohertz in enumerate((1_000_000, 3_000_000)):
        write(machine, f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq", f"{kilohertz}\n")
    watched = Watched(machine)
    assert watched.values()["cpu_frequency_hertz"] == 2e9


# Battery


def supply(root: Path, name: str, **files: str) -> None:
    for file, content in files.items():
        write(root, f"sys/class/power_supply/{name}/{file}", content + "\n")


def battery(root: Path, **files: str) -> tuple[Watched, Device, dict[str, Any]]:
    supply(root, "BAT0", type="Battery", status="Discharging", capacity="50", power_now="12500000")
    supply(root, "BAT0", **files)
    watched = Watched(root)
    _, meter = watched.devices
    seen = watched.values(meter)
    return watched, meter, seen


def test_a_discharging_battery_is_a_wattmeter_of_the_node(machine: Path) -> None:
    _, meter, seen = battery(machine)
    assert (meter.kind, meter.scope) == (DeviceKind.METER, Scope.NODE)
    assert seen == {"power_watts": 12.5, "battery_charge_ratio": 0.5}


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging", "Unknown"])
def test_a_battery_that_does_not_feed_the_node_tells_no_power(machine: Path, status: str) -> None:
    _, _, seen = battery(machine, status=status)
    assert seen["power_watts"] is None


def test_a_battery_beside_a_plugged_in_adapter_measures_only_a_part_and_tells_none(machine: Path) -> None:
    supply(machine, "AC", type="Mains", online="1")
    _, _, seen = battery(machine)
    assert seen["power_watts"] is None


def test_power_is_current_times_voltage_where_there_is_no_power(machine: Path) -> None:
    supply(machine, "BAT0", type="Battery", status="Discharging", capacity="80")
    supply(machine, "BAT0", current_now="-1500000", voltage_now="12000000")
    watched = Watched(machine)
    assert watched.values(watched.devices[1])["power_watts"] == pytest.approx(18.0)


def test_two_batteries_are_one_meter(machine: Path) -> None:
    supply(
        machine, "BAT1", type="Battery", status="Unknown", power_now="0", energy_now="20", energy_full="50"
    )
    _, meter, seen = battery(machine, energy_now="40", energy_full="50")
    assert meter.name == "Battery (BAT0, BAT1)"
    assert seen == {"power_watts": 12.5, "battery_charge_ratio": pytest.approx(0.6)}


def test_the_battery_of_a_mouse_is_not_the_machines(machine: Path) -> None:
    supply(machine, "hidpp_battery_0", type="Battery", scope="Device", status="Discharging", capacity="9")
    watched = Watched(machine)
    assert len(watched.devices) == 1


# Processes


def process(
    root: Path, pid: int, name: str, *, ppid: int = 1, ticks: int = 0, pages: int = 10, started: int = 500
) -> None:
    fields = ["S", str(ppid), *["0"] * 9, str(ticks), "0", *["0"] * 6, str(started), "0", str(pages), "0"]
    write(root, f"proc/{pid}/stat", f"{pid} ({name}) {' '.join(fields)}\n")


def rows(readings: list[Any]) -> list[dict[str, Any]]:
    (table,) = [one for one in readings if isinstance(one, Table)]
    assert table.name == "processes"
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_process_is_told_with_its_share_of_a_cpu_since_the_scan_before(machine: Path) -> None:
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    process(machine, 4711, "worker", ppid=1, ticks=7 * tick, pages=300, started=50 * tick)
    watched = Watched(machine, processes_s=10.0)
    (first,) = rows(watched.readings())
    assert first["cpu_ratio"] is None
    process(machine, 4711, "worker", ppid=1, ticks=12 * tick, pages=300, started=50 * tick)
    (second,) = rows(watched.readings(after_s=10.0))
    assert second == {
        "pid": 4711,
        "ppid": 1,
        "name": "worker",
        "user": second["user"],
        "cpu_ratio": 0.5,
        "rss_bytes": 300 * page,
        "started": 1_700_000_050,
    }
    assert second["user"]


def test_processes_are_scanned_only_when_due_and_never_if_not_wanted(machine: Path) -> None:
    process(machine, 5, "worker")
    often, never = Watched(machine, processes_s=10.0), Watched(machine, processes_s=0.0)

    def tables(watched: Watched) -> list[int]:
        polls = [watched.readings(after_s=4.0) for _ in range(5)]
        return [sum(isinstance(one, Table) for one in poll) for poll in polls]

    assert tables(often) == [1, 0, 0, 1, 0]
    assert tables(never) == [0] * 5


def test_the_largest_are_told_with_their_ancestors(machine: Path) -> None:
    process(machine, 1, "init", ppid=0, pages=1)
    process(machine, 2, "shell", ppid=1, pages=1)
    for pid in range(100, 160):
        process(machine, pid, f"worker{pid}", ppid=2 if pid == 159 else 50_000, pages=pid)
    told = [row["pid"] for row in rows(Watched(machine, processes_s=1.0).readings())]
    assert told == [1, 2, *range(140, 160)]


def test_a_pid_that_was_given_anew_does_not_inherit_cpu_time(machine: Path) -> None:
    tick = os.sysconf("SC_CLK_TCK")
    process(machine, 9, "old", ticks=1000 * tick, started=1)
    watched = Watched(machine, processes_s=10.0)
    watched.readings()
    process(machine, 9, "new", ticks=2 * tick, started=99_999)
    (row,) = rows(watched.readings(after_s=10.0))
    assert row["cpu_ratio"] == 0.2


def test_a_name_cannot_steer_the_terminal_or_break_the_columns(machine: Path) -> None:
    process(machine, 5, "evil) S 1 \x1b[2J\n(x" + "y" * 500, ppid=77)
    watched = Watched(machine, processes_s=1.0)
    (row,) = rows(watched.readings())
    assert row["ppid"] == 77
    assert row["name"].startswith("evil) S 1 ")
    assert row["name"].isprintable()
    assert len(row["name"]) <= 64


def test_arguments_and_environment_are_not_recorded(machine: Path) -> None:
    process(machine, 5, "tool")
    write(machine, "proc/5/cmdline", "tool\0--token=SECRET\0")
    write(machine, "proc/5/environ", "KEY=SECRET\0")
    assert "SECRET" not in repr(Watched(machine, processes_s=1.0).readings())


def test_a_ring_of_parents_ends(machine: Path) -> None:
    process(machine, 5, "one", ppid=6)
    process(machine, 6, "other", ppid=5)
    watched = Watched(machine, processes_s=1.0)
    assert [row["pid"] for row in rows(watched.readings())] == [5, 6]


def test_this_very_process_is_found_on_this_machine() -> None:
    processes = Processes(Path("/"), psutil)
    mine = {one.pid: one for one in processes._scan()}[os.getpid()]
    assert mine.ppid == os.getppid()
    assert mine.cpu_s > 0
    assert mine.started_s == pytest.approx(psutil.Process().create_time(), abs=2.0)


def test_where_there_is_no_proc_psutil_tells_the_processes(tmp_path: Path) -> None:
    processes = Processes(tmp_path, psutil)
    found = {one.pid: one for one in processes._scan()}
    assert found[os.getpid()].user == psutil.Process().username()
    assert os.getpid() in [row[0] for row in processes.table(1).rows]


def test_a_scan_interval_without_sense_is_answered_with_what_to_type() -> None:
    with pytest.raises(ConfigError, match="-c host:processes_s=10"):
        HostCollector(HostOptions(processes_s=-1.0)).open()


def test_without_anything_to_read_it_names_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=str(tmp_path / "proc")):
        HostCollector(HostOptions(str(tmp_path))).open()
    assert psutil.PROCFS_PATH == "/proc"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train.py", "--token", "hunter2"], "train.py"),
        (["-u", "-W", "error", "/home/u/my run/train.py"], "train.py"),
        (
            ["-m", "vllm.entrypoints.openai.api_server", "--api-key", "hunter2"],
            "-m vllm.entrypoints.openai.api_server",
        ),
        (["-c", "import secret.hunter2"], ""),
        (["-lc", "curl https://u:hunter2@x.y"], ""),
        (["-", "hunter2.x"], ""),
        (["--eval", "hunter2.x"], ""),
        ([], ""),
    ],
)
def test_of_an_interpreter_its_script_is_told_and_no_argument(arguments: list[str], told: str) -> None:
    assert script_of(arguments) == told


def test_an_interpreter_is_listed_with_its_script(machine: Path) -> None:
    process(machine, 5, "python3.11")
    write(machine, "proc/5/cmdline", "python3.11\0/home/u/train.py\0--token=hunter2\0")
    process(machine, 6, "worker")
    write(machine, "proc/6/cmdline", "worker\0x.py\0")
    listed = rows(Watched(machine, processes_s=1.0).readings())
    assert [row["name"] for row in listed] == ["python3.11 train.py", "worker"]
