"""Which devices a job uses: its processes first, then its environment, else every accelerator."""

from __future__ import annotations

from typing import Any

import pytest

from perfwatch.job.evidence import Evidence
from perfwatch.model import Device, DeviceKind
from perfwatch.session import format as fmt

IDS = [f"GPU-{n}aaa{n}" for n in range(4)]


def evidence(environment: dict[str, str], names: tuple[str, ...] = ("A100",) * 4) -> Evidence:
    gathered = Evidence(environment)
    for n, name in enumerate(names):
        device = Device(IDS[n], name, DeviceKind.ACCELERATOR, index=n)
        gathered.write({"t": 0.0, "device": fmt.encode_device(n, "nvidia", device)})
    gathered.write(
        {
            "t": 0.0,
            "device": fmt.encode_device(9, "rapl", Device("p", "CPU", DeviceKind.CPU, index="package-0")),
        }
    )
    return gathered


def processes(number: int, *pids: int) -> dict[str, Any]:
    return fmt.table(1.0, "processes", ("pid", "memory_bytes"), [(pid, 1) for pid in pids], number)


def test_the_devices_of_the_jobs_processes_and_those_shared_with_others() -> None:
    gathered = evidence({})
    told: list[dict[str, Any]] = []
    gathered.belongs, gathered.neighbour = (lambda pid: pid in (100, 101)), told.append
    gathered.write(processes(1, 100))
    gathered.write(processes(2, 101, 7))
    gathered.write(processes(2, 101, 7))
    gathered.write(processes(3, 8))
    found = gathered.conclusion()
    assert found["ids"] == [IDS[1], IDS[2]]
    assert found["because"] == "the job's processes use them (pid 100, 101)"
    assert found["guessed"] is False
    assert found["shared"] == {IDS[2]: ["pid 7"], IDS[3]: ["pid 8"]}
    assert told == [{"n": 2, "pid": 7}, {"n": 3, "pid": 8}]  # each once, while the job runs


def test_processes_seen_before_or_after_the_job_tell_nothing() -> None:
    gathered = evidence({})
    gathered.write(processes(1, 100))
    assert gathered.conclusion()["guessed"] is True


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2", [2]),
        ("1,3", [1, 3]),
        (IDS[2], [2]),
        ("GPU-3", [3]),
        ("", []),
        ("-1", []),
    ],
)
def test_the_environment_tells_where_no_process_was_seen(value: str, expected: list[int]) -> None:
    found = evidence({"CUDA_VISIBLE_DEVICES": value}).conclusion()
    assert found["ids"] == [IDS[n] for n in expected]
    assert "CUDA_VISIBLE_DEVICES" in found["because"]
    assert found["guessed"] is False


def test_numbers_decide_nothing_among_different_models_unless_in_bus_order() -> None:
    mixed = ("A100", "T4", "A100", "T4")
    assert evidence({"CUDA_VISIBLE_DEVICES": "1"}, mixed).conclusion()["guessed"] is True
    ordered = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert evidence(ordered, mixed).conclusion()["ids"] == [IDS[1]]


@pytest.mark.parametrize("value", ["9", "GPU-x", "GPU-", "1,GPU-x", "all"])
def test_what_names_no_device_of_ours_decides_nothing(value: str) -> None:
    found = evidence({"CUDA_VISIBLE_DEVICES": value}).conclusion()
    assert found["guessed"] is True
    assert found["ids"] == IDS
