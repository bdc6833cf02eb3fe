"""NVIDIA boards and drivers that fail: only what failed is missing, and it says so.

The library is a fake whose faults are switched while it runs; each test has its own copy of it.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_nvml import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    INVALID_ARGUMENT,
    LIB_RM_VERSION_MISMATCH,
    NO_PERMISSION,
    NOT_SUPPORTED,
    RESET_REQUIRED,
    TIMEOUT,
    UNKNOWN,
    FakeDevice,
    FakeNvml,
    build,
    hopper,
)
from fake_nvml.opened import Watched, collector_of, opened
from perfwatch_collectors.nvidia import NvidiaCollector, NvidiaOptions
from perfwatch_collectors.nvidia_library import load

from perfwatch.clock import SystemClock
from perfwatch.errors import TryAgain, Unavailable
from perfwatch.model import Appeared, Batch, Gone, Sample, Status
from perfwatch.runner import Runner
from perfwatch.testing import FakeClock

AGES_S = 20.0


def eventually(happened: Callable[[], Any], what: str) -> Any:
    """Wait until it has happened; a failure after so long that no machine is that slow."""
    until_s = time.monotonic() + AGES_S
    while not (result := happened()):
        assert time.monotonic() < until_s, f"never came: {what}"
        time.sleep(0.002)
    return result


def polled_until(watched: Watched, kind: type[Any]) -> list[Any]:
    """Poll, the clock standing still, until a reading of this kind comes."""
    return eventually(lambda: watched.poll() and watched.of(kind), kind.__name__)  # type: ignore[no-any-return]


def bus_with(path: Path, *devices: tuple[str, str, str, str]) -> Path:
    """A sysfs of PCI devices: address, vendor, class, runtime status."""
    for address, vendor, device_class, status in devices:
        device = path / "bus/pci/devices" / address
        (device / "power").mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n", encoding="ascii")
        (device / "class").write_text(f"{device_class}\n", encoding="ascii")
        (device / "power/runtime_status").write_text(f"{status}\n", encoding="ascii")
    (path / "bus/pci/devices").mkdir(parents=True, exist_ok=True)
    return path


# -- nothing to read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason", "remedy"),
    [
        (DRIVER_NOT_LOADED, "not loaded", "modprobe"),
        (LIB_RM_VERSION_MISMATCH, "different versions", "start perfwatch again"),
        (NO_PERMISSION, "refuses this user", "/dev/nvidia"),
        (UNKNOWN, "does not start", "nvidia-smi"),
        (31, "31", "nvidia-smi"),
    ],
)
def test_a_driver_that_does_not_start_is_unavailable_with_a_remedy(
    code: int, reason: str, remedy: str
) -> None:
    with FakeNvml(1) as fake:
        fake.fail_init(code)
        collector = collector_of(fake)
        with pytest.raises(Unavailable, match=reason) as caught:
            collector.open()
        assert remedy in caught.value.remedy
        collector.close()
        assert fake.shutdowns == 0


def test_a_driver_without_devices_is_unavailable_and_shut_down() -> None:
    with FakeNvml(0) as fake:
        with pytest.raises(Unavailable, match="no device"):
            collector_of(fake).open()
        assert fake.inits == fake.shutdowns == 1


def test_a_library_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(Unavailable, match="cannot load /no/such/library"):
        NvidiaCollector(NvidiaOptions(library="/no/such/library")).open()


def run_in_child(code: str, fake: FakeNvml | None, sysfs: Path) -> str:
    """What a fresh process prints, in which `collector` looks at this sysfs."""
    begin = f"""
import sys
from pathlib import Path
from perfwatch.errors import Unavailable
from perfwatch_collectors.nvidia import NvidiaCollector
collector = NvidiaCollector(sysfs=Path({str(sysfs)!r}))
"""
    child = subprocess.run(
        [sys.executable, "-c", begin + code],
        env=fake.env() if fake else None,
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stderr == ""
    return child.stdout


TRY_TO_OPEN = """
try:
    print(len(collector.open()), "devices")
except Unavailable as error:
    print(error, "|", error.remedy, "|", "pynvml" in sys.modules)
collector.close()
"""


def test_without_library_and_device_it_is_absent_without_importing_pynvml(tmp_path: Path) -> None:
    said = run_in_child(
        "import ctypes\n"
        "def none_here(name): raise OSError(f'{name}: cannot open shared object file')\n"
        "ctypes.CDLL = none_here" + TRY_TO_OPEN,
        None,
        bus_with(tmp_path, ("0000:00:02.0", "0x8086", "0x030000", "active")),
    )
    assert said == "no NVIDIA device on the PCI bus and no libnvidia-ml.so.1 |  | False\n"


def test_a_device_without_library_says_what_to_install(tmp_path: Path) -> None:
    said = run_in_child(
        "import ctypes\n"
        "def none_here(name): raise OSError(f'{name}: cannot open shared object file')\n"
        "ctypes.CDLL = none_here" + TRY_TO_OPEN,
        None,
        bus_with(tmp_path, ("0000:41:00.0", "0x10de", "0x030200", "active")),
    )
    assert "0000:41:00.0" in said
    assert "install NVIDIA's driver" in said


def test_boards_that_sleep_are_not_woken(tmp_path: Path) -> None:
    sysfs = bus_with(
        tmp_path,
        ("0000:01:00.0", "0x10de", "0x030000", "suspended"),
        ("0000:01:00.1", "0x10de", "0x040300", "active"),  # its sound device is no board
    )
    with FakeNvml(1) as fake:
        said = run_in_child(TRY_TO_OPEN, fake, sysfs)
        assert "0000:01:00.0" in said
        assert "sleeps" in said
        assert fake.calls(None) == 0


def test_one_board_awake_is_enough(tmp_path: Path) -> None:
    sysfs = bus_with(
        tmp_path,
        ("0000:01:00.0", "0x10de", "0x030000", "suspended"),
        ("0000:02:00.0", "0x10de", "0x030200", "active"),
    )
    with FakeNvml(2) as fake:
        assert run_in_child(TRY_TO_OPEN, fake, sysfs) == "2 devices\n"


def test_a_library_is_used_where_the_bus_shows_no_board(tmp_path: Path) -> None:
    """Containers and WSL: the library answers although sysfs shows nothing."""
    with FakeNvml(1) as fake:
        assert run_in_child(TRY_TO_OPEN, fake, bus_with(tmp_path)) == "1 devices\n"
        assert run_in_child(TRY_TO_OPEN, fake, tmp_path / "none") == "1 devices\n"


def test_a_missing_pynvml_is_named(tmp_path: Path) -> None:
    with FakeNvml(1) as fake:
        said = run_in_child("sys.modules['pynvml'] = None" + TRY_TO_OPEN, fake, bus_with(tmp_path))
    assert "pynvml is missing" in said
    assert "pip install nvidia-ml-py" in said
    assert importlib.metadata.version("nvidia-ml-py")


# -- calls that are missing or refused ----------------------------------------------------------------


def test_memory_falls_back_to_the_older_call() -> None:
    board = FakeDevice(memory_used_bytes=5 << 30, memory_reserved_bytes=1 << 30)
    with opened([board], missing=["nvmlDeviceGetMemoryInfo_v2"]) as watched:
        watched.poll()
        assert watched.value(0, "memory_used_bytes") == 5 << 30
    with opened([board]) as watched:
        watched.fake.set_error(0, "nvmlDeviceGetMemoryInfo", NOT_SUPPORTED)
        watched.poll()
        assert watched.value(0, "memory_used_bytes") == 6 << 30
        assert watched.fake.calls(0, "nvmlDeviceGetMemoryInfo") == 0


def test_throttle_reasons_have_an_older_name() -> None:
    with opened([FakeDevice(throttle=0x20)], missing=["nvmlDeviceGetCurrentClocksEventReasons"]) as watched:
        watched.poll()
        assert watched.value(0, "throttle_reasons") == 0x20


def test_temperature_has_a_newer_name() -> None:
    with opened([FakeDevice(temperature_c=55)], missing=["nvmlDeviceGetTemperature"]) as watched:
        watched.poll()
        assert watched.value(0, "temperature_celsius") == 55


def exported() -> list[str]:
    """What the fake exports of the functions that a board is asked with."""
    output = subprocess.run(
        ["nm", "-D", "--defined-only", str(build() / "libnvidia-ml.so.1")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line.split()[-1] for line in output.splitlines() if " nvmlDevice" in line]


def test_no_symbol_is_indispensable_but_the_way_to_a_board() -> None:
    """Each symbol is hidden in turn, and then nearly all of them."""
    ways = {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"}
    names = [name for name in exported() if name not in ways]
    assert len(names) > 40
    for name in names:
        with opened(1, missing=[name]) as watched:
            watched.poll()
            assert len(watched.of(Sample)) == 1, name
    keep = ways | {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetTemperature"}
    with opened(1, missing=[name for name in names if name not in keep]) as watched:
        watched.poll()
        (device,) = watched.devices
        assert [metric.name for metric in device.metrics] == ["temperature_celsius"]


def test_a_board_without_uuid_is_known_by_its_bus_address_and_found_again_by_its_place() -> None:
    with opened(2, missing=["nvmlDeviceGetUUID"]) as watched:
        watched.poll()
        assert watched.sampled() == ["00000000:10:00.0", "00000000:11:00.0"]
        watched.fake.lose(1)
        watched.poll()
        watched.fake.bring_back(1)
        watched.clock.advance(11.0)
        (appeared,) = polled_until(watched, Appeared)
        assert appeared.device.id == "00000000:11:00.0"


def test_a_field_that_fails_alone_leaves_the_others() -> None:
    with opened([hopper()]) as watched:
        watched.fake.set_field_error(0, 185, TIMEOUT)
        watched.poll()
        assert watched.value(0, "power_average_watts") is None
        assert watched.value(0, "power_watts") is None
        assert watched.value(0, "power_instant_watts") == 60.0
        watched.fake.set_field_error(0, 185, 0)
        watched.poll()
        assert watched.value(0, "power_watts") == 60.0


def test_a_field_refused_at_the_start_is_not_asked_for_again() -> None:
    with FakeNvml([hopper()]) as fake:
        fake.set_field_error(0, 82, NOT_SUPPORTED)
        fake.set_field_error(0, 186, NOT_SUPPORTED)
        collector = collector_of(fake)
        (device,) = collector.open()
        names = {metric.name for metric in device.metrics}
        assert not names & {"memory_temperature_celsius", "power_instant_watts"}
        assert {"power_watts", "power_average_watts", "energy_joules_total"} <= names
        fake.set_field_error(0, 82, 0)
        (sample,) = [reading for reading in collector.read([device]) if isinstance(reading, Sample)]
        assert None not in sample.values
        collector.close()


@pytest.mark.parametrize("code", [TIMEOUT, NOT_SUPPORTED, 31, INVALID_ARGUMENT])
def test_a_call_that_fails_once_is_a_missing_value_and_not_a_zero(code: int) -> None:
    calls = {
        "nvmlDeviceGetUtilizationRates": "utilization_ratio",
        "nvmlDeviceGetMemoryInfo_v2": "memory_used_bytes",
        "nvmlDeviceGetTemperature": "temperature_celsius",
        "nvmlDeviceGetClockInfo": "sm_clock_hertz",
        "nvmlDeviceGetFieldValues": "energy_joules_total",
    }
    with opened(2) as watched:
        for function, metric in calls.items():
            watched.fake.set_error(0, function, code)
            watched.poll(after_s=1.0)
            assert watched.value(0, metric) is None, function
            assert watched.value(1, metric) is not None
            watched.fake.set_error(0, function, 0)
            watched.poll(after_s=1.0)
            assert watched.value(0, metric) is not None


# -- boards that come and go --------------------------------------------------------------------------


@pytest.mark.parametrize("code", [GPU_IS_LOST, UNKNOWN, RESET_REQUIRED])
def test_a_lost_board_is_gone_and_the_others_go_on(code: int) -> None:
    with opened(3) as watched:
        watched.poll()
        watched.fake.lose(1, code)
        watched.poll(after_s=0.1)
        (gone,) = watched.of(Gone)
        assert gone.device_id == watched.fake.uuid(1)
        assert str(code) in gone.reason
        assert watched.sampled() == [watched.fake.uuid(0), watched.fake.uuid(2)]


def test_a_lost_handle_is_never_touched_again() -> None:
    with opened(2) as watched:
        watched.poll()
        watched.fake.lose(0)
        watched.poll()
        touched = watched.fake.lost_calls(0)
        for _ in range(20):
            watched.poll(after_s=5.0)
        watched.fake.bring_back(0)
        for _ in range(20):
            watched.poll(after_s=5.0)
        assert touched == 1
        assert watched.fake.lost_calls(0) == 1
        assert watched.fake.stale_calls(0) == 0


def test_a_lost_board_is_looked_for_every_ten_to_thirty_seconds() -> None:
    by_uuid = "nvmlDeviceGetHandleByUUID"
    with opened(2) as watched:
        watched.poll()
        watched.fake.lose(0)
        watched.poll()
        looked_at_s, started_ns = [], watched.clock.monotonic_ns()
        for _ in range(125):
            watched.poll(after_s=1.0)
            due = watched.fake.calls(0, by_uuid)
            for place in watched.collector._places:
                if place.search is not None:
                    eventually(place.search.ended, "the end of a search")
                    watched.poll()
            if watched.fake.calls(0, by_uuid) > len(looked_at_s) or due > len(looked_at_s):
                looked_at_s.append((watched.clock.monotonic_ns() - started_ns) / 1e9)
        assert looked_at_s == [10.0, 30.0, 60.0, 90.0, 120.0]


def test_a_board_that_is_back_appears_under_its_id() -> None:
    with opened(2) as watched:
        watched.poll()
        lost, other = watched.devices
        watched.fake.lose(0)
        watched.poll()
        assert watched.devices == [other]
        watched.fake.bring_back(0)
        watched.poll(after_s=9.0)
        assert not watched.of(Appeared)
        watched.clock.advance(2.0)
        (appeared,) = polled_until(watched, Appeared)
        assert appeared.device == lost
        watched.poll()
        assert set(watched.sampled()) == {lost.id, other.id}
        assert not watched.of(Appeared)


def test_a_board_that_came_back_is_declared_until_it_is_asked_for() -> None:
    """A trial read of another board may swallow the first declaration."""
    with opened(2) as watched:
        watched.poll()
        watched.fake.lose(0)
        watched.poll()
        watched.fake.bring_back(0)
        watched.clock.advance(11.0)
        polled_until(watched, Appeared)
        other = [device for device in watched.devices if device.id == watched.fake.uuid(1)]
        again = [r for r in watched.collector.read(other) if isinstance(r, Appeared)]
        assert [reading.device.id for reading in again] == [watched.fake.uuid(0)]


def test_a_board_that_is_asked_for_after_it_was_lost_is_said_to_be_gone_again() -> None:
    with opened(2) as watched:
        devices = list(watched.devices)
        watched.fake.lose(0)
        for _ in range(3):
            readings = list(watched.collector.read(devices))
            assert [r.device_id for r in readings if isinstance(r, Gone)] == [devices[0].id]
        assert watched.fake.lost_calls(0) == 1


def test_when_all_boards_are_lost_they_still_come_back() -> None:
    with opened(1) as watched:
        watched.poll()
        watched.fake.lose(0)
        watched.poll()
        assert watched.devices == []
        watched.fake.bring_back(0)
        watched.clock.advance(11.0)
        polled_until(watched, Appeared)
        watched.poll()
        assert watched.sampled() == [watched.fake.uuid(0)]


def test_mig_instances_leave_and_return_with_their_board() -> None:
    with opened([FakeDevice(architecture="ga100", mig_instances=2), FakeDevice()]) as watched:
        watched.poll()
        everyone = {device.id for device in watched.devices}
        watched.fake.lose(0)
        watched.poll()
        assert len(watched.of(Gone)) == 3
        watched.fake.bring_back(0)
        watched.clock.advance(11.0)
        assert len(polled_until(watched, Appeared)) == 3
        watched.poll()
        assert set(watched.sampled()) == everyone


def test_a_board_without_permission_is_noted_and_the_others_are_read() -> None:
    with FakeNvml(3) as fake:
        fake.deny(1)
        collector = collector_of(fake, clock := FakeClock())
        watched = Watched(fake, collector, clock, list(collector.open()))
        watched.poll()
        assert watched.sampled() == [fake.uuid(0), fake.uuid(2)]
        (note,) = watched.notes()
        assert "GPU 1" in note
        assert "may not be read" in note
        watched.poll(after_s=100.0)
        assert watched.notes() == []
        collector.close()


def test_only_boards_without_permission_are_unavailable() -> None:
    with FakeNvml(2) as fake:
        fake.deny(0)
        fake.deny(1)
        with pytest.raises(Unavailable, match=r"GPU 0 may not be read.*GPU 1 may not be read"):
            collector_of(fake).open()
        assert fake.inits == fake.shutdowns == 1


def test_a_board_lost_before_the_start_is_noted_and_joins_later() -> None:
    with FakeNvml(2) as fake:
        fake.lose(0)
        collector = collector_of(fake, clock := FakeClock())
        watched = Watched(fake, collector, clock, list(collector.open()))
        watched.poll()
        assert watched.sampled() == [fake.uuid(1)]
        assert "GPU 0" in watched.notes()[0]
        fake.bring_back(0)
        clock.advance(11.0)
        polled_until(watched, Appeared)
        watched.poll()
        assert set(watched.sampled()) == {fake.uuid(0), fake.uuid(1)}
        collector.close()


def test_a_board_that_hangs_at_the_start_joins_when_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfwatch_collectors.nvidia.FIND_S", 0.2)
    with FakeNvml(2) as fake:
        fake.hang(0)
        collector = collector_of(fake, clock := FakeClock())
        watched = Watched(fake, collector, clock, list(collector.open()))
        watched.poll()
        assert watched.sampled() == [fake.uuid(1)]
        assert "has not answered" in watched.notes()[0]
        assert watched.unread() == [
            {"collector": "nvidia", "index": 0, "reason": "has not answered for 0.2 s"}
        ]
        fake.release(0)
        polled_until(watched, Appeared)
        watched.poll()
        assert set(watched.sampled()) == {fake.uuid(0), fake.uuid(1)}
        collector.close()
        assert fake.inits == fake.shutdowns == 1


def test_boards_that_all_hang_are_not_asked_again_and_nvml_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("perfwatch_collectors.nvidia.FIND_S", 0.1)
    with FakeNvml(1) as fake:
        fake.hang(0)
        collector = collector_of(fake)
        with pytest.raises(Unavailable, match="has not answered"):
            collector.open()
        calls = fake.calls(0)
        with pytest.raises(Unavailable, match="still has not answered"):
            collector.open()
        assert fake.calls(0) == calls
        assert fake.shutdowns == 0
        fake.release(0)
        eventually(lambda: fake.waiting(0) == 0, "the end of the hang")
        eventually(collector._places[0].search.ended, "the end of the search")
        assert len(collector.open()) == 1
        collector.close()


# -- the driver ---------------------------------------------------------------------------------------


def test_a_reloaded_driver_is_started_once_more() -> None:
    with opened(2) as watched:
        watched.poll()
        watched.fake.reload_driver()
        with pytest.raises(TryAgain, match="reloaded"):
            watched.poll()
        watched.poll()
        assert watched.sampled() == [device.id for device in watched.devices]
        assert not watched.of(Appeared)
        assert watched.fake.inits == 2
        assert watched.fake.stale_calls(0) == watched.fake.stale_calls(1) == 0
    assert watched.fake.shutdowns == 1


def test_a_driver_that_is_not_back_yet_is_tried_again() -> None:
    with opened(1) as watched:
        watched.poll()
        watched.fake.reload_driver()
        watched.fake.fail_init(DRIVER_NOT_LOADED)
        for _ in range(3):
            with pytest.raises(TryAgain):
                watched.poll()
        watched.fake.fail_init(0)
        watched.poll()
        assert len(watched.sampled()) == 1


def test_a_driver_that_came_back_newer_than_our_library_is_unavailable() -> None:
    with opened(1) as watched:
        watched.poll()
        watched.fake.reload_driver()
        watched.fake.fail_init(LIB_RM_VERSION_MISMATCH)
        with pytest.raises(TryAgain):
            watched.poll()
        with pytest.raises(Unavailable, match="different versions") as caught:
            watched.poll()
        assert "start perfwatch again" in caught.value.remedy


def test_a_reloaded_driver_may_tell_other_metrics() -> None:
    with opened(2) as watched:
        watched.poll()
        watched.fake.set_error(0, "nvmlDeviceGetFanSpeed", NOT_SUPPORTED)
        watched.fake.deny(1, GPU_IS_LOST)
        watched.fake.reload_driver()
        with pytest.raises(TryAgain):
            watched.poll()
        watched.poll()
        (appeared,) = watched.of(Appeared)
        assert appeared.device.id == watched.fake.uuid(0)
        assert "fan_ratio" not in {metric.name for metric in appeared.device.metrics}
        assert [len(sample.values) for sample in watched.of(Sample)] == [len(appeared.device.metrics)]
        assert [gone.device_id for gone in watched.of(Gone)] == [watched.fake.uuid(1)]


def test_a_reload_while_every_board_is_away_is_noticed() -> None:
    with opened(1) as watched:
        watched.poll()
        watched.fake.lose(0)
        watched.poll()
        watched.fake.bring_back(0)
        watched.fake.reload_driver()
        watched.clock.advance(11.0)
        polled_until(watched, Appeared)
        assert watched.fake.inits == 2
        watched.poll()
        assert watched.sampled() == [watched.fake.uuid(0)]


def test_close_is_harmless_twice_and_before_open() -> None:
    with FakeNvml(1) as fake:
        collector = collector_of(fake)
        collector.close()
        collector.open()
        collector.close()
        collector.close()
        assert fake.inits == fake.shutdowns == 1
        collector.open()
        collector.close()
        assert fake.inits == fake.shutdowns == 2


# -- under the runner ---------------------------------------------------------------------------------


@pytest.fixture
def posts() -> Iterator[tuple[list[Any], Callable[[FakeNvml], Runner]]]:
    """What a real runner posts, at 100 Hz; stopped at the end."""
    seen: list[Any] = []
    runners: list[Runner] = []
    ended = threading.Event()

    def start(fake: FakeNvml) -> Runner:
        clock = SystemClock()
        collector = NvidiaCollector(NvidiaOptions(str(fake.library)), sysfs=Path("/nonexistent"))
        runner = Runner(
            collector, period_s=0.01, clock=clock, post=seen.append, epoch_ns=clock.monotonic_ns()
        )
        runners.append(runner)
        runner.start()

        def watch() -> None:
            while not ended.wait(0.05):
                runner.watch(clock.monotonic_ns())

        threading.Thread(target=watch, daemon=True).start()
        return runner

    yield seen, start
    ended.set()
    for runner in runners:
        runner.stop()
        runner.join(5.0)


def samples_of(seen: list[Any], device_id: str) -> int:
    batches = [post for post in list(seen) if isinstance(post, Batch)]
    return sum(
        isinstance(reading, Sample) and reading.device_id == device_id
        for batch in batches
        for _, reading in batch.readings
    )


def test_a_board_that_hangs_costs_only_itself(posts: Any) -> None:
    seen, start = posts
    with FakeNvml(4) as fake:
        start(fake)
        eventually(lambda: samples_of(seen, fake.uuid(3)) > 5, "samples")
        fake.hang(1)
        eventually(
            lambda: [p for p in list(seen) if isinstance(p, Status) and p.device_id == fake.uuid(1)],
            "the hanging board's state",
        )
        counts = {device: samples_of(seen, fake.uuid(device)) for device in range(4)}
        eventually(lambda: samples_of(seen, fake.uuid(3)) > counts[3] + 50, "samples of the others")
        assert samples_of(seen, fake.uuid(1)) == counts[1]
        assert samples_of(seen, fake.uuid(0)) > counts[0] + 40
        assert fake.waiting(1) == 1
        fake.release(1)
        eventually(lambda: samples_of(seen, fake.uuid(1)) > counts[1] + 5, "the board's return")


def test_a_board_that_is_lost_while_it_hangs_is_gone(posts: Any) -> None:
    seen, start = posts
    with FakeNvml(2) as fake:
        start(fake)
        eventually(lambda: samples_of(seen, fake.uuid(1)) > 5, "samples")
        fake.hang(0)
        eventually(
            lambda: [p for p in list(seen) if isinstance(p, Status) and p.device_id == fake.uuid(0)],
            "the hanging board's state",
        )
        fake.lose(0)
        fake.release(0)

        def gone() -> list[Any]:
            batches = [post for post in list(seen) if isinstance(post, Batch)]
            return [r for batch in batches for _, r in batch.readings if isinstance(r, Gone)]

        assert eventually(gone, "the word that it is gone")[0].device_id == fake.uuid(0)


# -- the door -----------------------------------------------------------------------------------------


class OtherBinding:
    """Only the four names that are used of pynvml; a missing function is told by either exception."""

    class NVMLError(Exception):
        value = 13

    class NVMLLibraryMismatchError(Exception):
        """As in pynvml: not an NVMLError."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self.nvmlInit, self.nvmlShutdown = nvml.nvmlInit, nvml.nvmlShutdown

    def _nvmlGetFunctionPointer(self, name: str) -> Any:  # noqa: N802 - pynvml's name
        if name == "nvmlDeviceGetFanSpeed":
            raise self.NVMLError(13)
        if name == "nvmlDeviceGetEncoderUtilization":
            raise self.NVMLLibraryMismatchError(name)
        return self._nvml._nvmlGetFunctionPointer(name)


def test_a_missing_function_is_understood_by_either_exception() -> None:
    with FakeNvml(1) as fake:
        collector = NvidiaCollector(nvml=OtherBinding(load(str(fake.library), Path("/nonexistent"))))
        (device,) = collector.open()
        collector.close()
    names = {metric.name for metric in device.metrics}
    assert not names & {"fan_ratio", "encoder_utilization_ratio"}
    assert {"decoder_utilization_ratio", "power_watts"} <= names
