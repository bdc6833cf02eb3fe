"""Which devices a job uses: its processes first, then its environment, else every accelerator."""

from __future__ import annotations

from typing import Any

import pytest

from perfwatch.job.evidence import Evidence
from perfwatch.job.workers import Role
from perfwatch.metrics import UTILIZATION
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


class Known:
    """Processes by their roles; a number that is not named is not there."""

    def __init__(
        self,
        workers: tuple[int, ...] = (),
        *,
        behind: tuple[int, ...] = (),
        ours: tuple[int, ...] = (),
        strangers: tuple[int, ...] = (),
        server: bool = False,
        knows_the_server: bool = True,
        in_a_namespace: bool = False,
        environments: tuple[dict[str, str], ...] = (),
    ) -> None:
        self._roles = {
            **dict.fromkeys(workers, Role.WORKER),
            **dict.fromkeys(behind, Role.BEHIND),
            **dict.fromkeys(ours, Role.OURS),
            **dict.fromkeys(strangers, Role.STRANGER),
        }
        self.watches_a_server, self.knows_the_server = server, server and knows_the_server
        self.in_a_namespace = in_a_namespace
        self._environments = environments

    def look(self) -> None: ...
    def watch(self, server: Any) -> None: ...
    def server_of(self, pid: int) -> Any: ...
    def environments_of(self, server: Any) -> tuple[dict[str, str], ...]:
        return ()

    def role_of(self, pid: int) -> Role:
        return self._roles.get(pid, Role.UNKNOWN)

    def environments(self) -> tuple[dict[str, str], ...]:
        return self._environments

    def versions(self) -> dict[str, str]:
        return {"torch": "2.9.0"}

    def permitted(self) -> frozenset[int] | None:
        return self.permits

    permits: frozenset[int] | None = None


def processes(number: int, *pids: int) -> dict[str, Any]:
    return fmt.table(1.0, "processes", ("pid", "memory_bytes"), [(pid, 1) for pid in pids], number)


def test_the_devices_of_the_jobs_processes_and_those_shared_with_others() -> None:
    gathered = evidence({})
    told: list[dict[str, Any]] = []
    gathered.neighbour = told.append
    gathered.begin(Known((100, 101), strangers=(7, 8)))
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


def test_what_is_known_by_now_is_told_each_time_that_it_changes() -> None:
    gathered = evidence({})
    told: list[dict[str, Any]] = []
    gathered.concluded = told.append
    gathered.begin(Known((100, 101), strangers=(7,)))
    gathered.tick(0)
    gathered.tick(60_000_000)
    assert told == [], "a guess is nothing to tell"
    gathered.write(processes(1, 100))
    gathered.tick(70_000_000)
    gathered.write(processes(1, 100, 101))
    gathered.tick(80_000_000)
    assert [one["ids"] for one in told] == [[IDS[1]]], "another process of the job on the same device"
    gathered.write(processes(2, 101, 7))
    gathered.tick(90_000_000)
    assert told[-1]["ids"] == [IDS[1], IDS[2]]
    assert told[-1]["shared"] == {IDS[2]: ["pid 7"]}
    gathered.end()
    assert gathered.conclusion() == told[-1]


def test_who_was_on_a_device_before_the_job_is_on_it_still() -> None:
    gathered = evidence({})
    gathered.write(processes(1, 7))
    gathered.write(processes(2, 9))
    gathered.begin(Known((100,), strangers=(7,)))
    gathered.write(processes(1, 7, 100))
    gathered.end()
    found = gathered.conclusion()
    assert found["ids"] == [IDS[1]]
    assert found["shared"] == {IDS[1]: ["pid 7"]}, "pid 9 is gone"


def test_processes_seen_after_the_job_tell_nothing() -> None:
    gathered = evidence({})
    gathered.begin(Known((100,)))
    gathered.end()
    gathered.write(processes(1, 100))
    assert gathered.conclusion()["guessed"] is True


def test_a_worker_that_has_ended_is_no_stranger() -> None:
    gathered = evidence({})
    known = Known((100,))
    gathered.begin(known)
    gathered.write(processes(1, 100))
    known._roles[100] = Role.STRANGER  # its number belongs to another by now
    gathered.write(processes(1, 100, 101))
    assert gathered.conclusion()["shared"] == {}


def test_the_devices_of_a_watched_server_are_those_of_the_run() -> None:
    gathered = evidence({"CUDA_VISIBLE_DEVICES": "0"})
    gathered.begin(Known((50,), ours=(100,), strangers=(7,), server=True))
    gathered.write(processes(2, 50))
    gathered.write(processes(3, 100))
    gathered.end()
    found = gathered.conclusion()
    assert (found["ids"], found["shared"]) == ([IDS[2]], {})
    assert found["because"] == "the server's processes use them (pid 50)"


def test_a_servers_environment_counts_and_not_that_of_its_client() -> None:
    gathered = evidence({"CUDA_VISIBLE_DEVICES": "0"})
    gathered.begin(Known(server=True, environments=({"CUDA_VISIBLE_DEVICES": "1,2", "HOME": "/"},)))
    gathered.tick(0)
    gathered.tick(10**9)
    gathered.end()
    found = gathered.conclusion()
    assert found["ids"] == [IDS[1], IDS[2]]
    assert found["because"] == "CUDA_VISIBLE_DEVICES=1,2 in the server's environment says so"


@pytest.mark.parametrize(
    ("variables", "expected", "because"),
    [
        ({}, [1, 3], "the job's device cgroup permits no others"),
        ({"CUDA_VISIBLE_DEVICES": "1"}, [3], "CUDA_VISIBLE_DEVICES=1 in the job's environment says so"),
    ],
)
def test_what_a_device_cgroup_forbids_is_not_the_jobs(
    variables: dict[str, str], expected: list[int], because: str
) -> None:
    """CUDA counts those that it sees: its second is the fourth of the machine."""
    gathered = Evidence(variables)
    for n in range(4):
        device = Device(IDS[n], "A100", DeviceKind.ACCELERATOR, index=n, facts={"minor": n})
        gathered.write({"t": 0.0, "device": fmt.encode_device(n, "nvidia", device)})
    known = Known()
    known.permits = frozenset({1, 3})
    gathered.begin(known)
    gathered.tick(0)
    gathered.tick(10**9)
    found = gathered.conclusion()
    assert (found["ids"], found["because"]) == ([IDS[n] for n in expected], because)
    assert found["guessed"] is False


def test_versions_of_the_jobs_frameworks_are_told_once() -> None:
    gathered = evidence({})
    told: list[dict[str, Any]] = []
    gathered.learnt = told.append
    gathered.begin(Known())
    for second in range(10):
        gathered.tick(second * 10**9)
    assert told == [{"versions": {"torch": "2.9.0"}}]


def test_what_the_jobs_own_processes_were_started_with_counts() -> None:
    gathered = evidence({"CUDA_VISIBLE_DEVICES": "0,1,2,3"})
    ranks = ({"CUDA_VISIBLE_DEVICES": "1"}, {"CUDA_VISIBLE_DEVICES": "3"})
    gathered.begin(Known(environments=ranks))
    for second in range(3):
        gathered.tick(second * 10**9)
    found = gathered.conclusion()
    assert found["ids"] == [IDS[1], IDS[3]]
    assert "CUDA_VISIBLE_DEVICES=1 and CUDA_VISIBLE_DEVICES=3" in found["because"]


def test_a_server_that_is_not_seen_is_told_by_the_devices_that_are_busy() -> None:
    gathered = evidence({})
    for n in range(4):
        device = Device(IDS[n], "A100", DeviceKind.ACCELERATOR, index=n, metrics=(UTILIZATION,))
        gathered.write({"t": 0.0, "device": fmt.encode_device(n, "nvidia", device)})
    gathered.begin(Known(server=True, knows_the_server=False))
    for t in range(5):
        gathered.write(fmt.batch(t, "nvidia", 0.0, [[n, t, [0.9 if n == 3 else 0.0]] for n in range(4)]))
    gathered.end()
    found = gathered.conclusion()
    assert (found["ids"], found["guessed"]) == ([IDS[3]], False)
    assert "busy while the server worked" in found["because"]


def busy(gathered: Evidence, *numbers: int) -> None:
    for t in range(5):
        rows = [[n, t, [0.9 if n in numbers else 0.0]] for n in range(4)]
        gathered.write(fmt.batch(t, "nvidia", 0.0, rows))


def boards_with_utilization() -> Evidence:
    gathered = Evidence({})
    for n in range(4):
        device = Device(IDS[n], "A100", DeviceKind.ACCELERATOR, index=n, metrics=(UTILIZATION,))
        gathered.write({"t": 0.0, "device": fmt.encode_device(n, "nvidia", device)})
    return gathered


def test_who_serves_behind_the_owner_of_the_port_does_the_work() -> None:
    gathered = boards_with_utilization()
    gathered.begin(Known((50,), behind=(60,), strangers=(7,), server=True))
    gathered.write(processes(2, 60, 7))
    busy(gathered, 3)
    gathered.end()
    found = gathered.conclusion()
    assert (found["ids"], found["shared"]) == ([IDS[2]], {IDS[2]: ["pid 7"]})
    assert found["because"] == "processes behind the server use them (pid 60)"


def test_who_serves_behind_one_that_uses_devices_itself_is_a_neighbour() -> None:
    gathered = evidence({})
    gathered.begin(Known((50,), behind=(60,), server=True))
    gathered.write(processes(1, 50, 60))
    gathered.write(processes(2, 60))
    found = gathered.conclusion()
    assert (found["ids"], found["shared"]) == ([IDS[1]], {IDS[1]: ["pid 60"], IDS[2]: ["pid 60"]})


def test_behind_a_proxy_whose_server_is_not_found_the_busy_devices_are_taken_and_nobody_accused() -> None:
    gathered = boards_with_utilization()
    gathered.begin(Known((50,), strangers=(70,), server=True))
    gathered.write(processes(3, 70))
    busy(gathered, 3)
    gathered.end()
    found = gathered.conclusion()
    assert (found["ids"], found["guessed"], found["shared"]) == ([IDS[3]], False, {})
    assert found["because"].endswith("whose own processes use none")


def unread(index: int) -> dict[str, Any]:
    told = {"collector": "nvidia", "index": index, "reason": "has not answered for 2 s"}
    return fmt.event(0.5, "note", {"text": "a sentence", "unread": told})


def test_a_device_that_cannot_be_read_may_be_the_jobs() -> None:
    gathered = evidence({})
    gathered.write(unread(4))
    found = gathered.conclusion()
    assert (found["ids"], found["guessed"], found["unread"]) == (IDS, True, ["nvidia:4"])


def test_a_device_that_cannot_be_read_is_the_jobs_where_its_environment_says_so() -> None:
    gathered = evidence({"CUDA_VISIBLE_DEVICES": "0,4"})
    gathered.write(unread(4))
    found = gathered.conclusion()
    assert (found["ids"], found["guessed"], found["unread"]) == ([IDS[0]], False, ["nvidia:4"])
    elsewhere = evidence({"CUDA_VISIBLE_DEVICES": "0"})
    elsewhere.write(unread(4))
    assert "unread" not in elsewhere.conclusion()


def test_a_device_that_joins_later_is_read() -> None:
    gathered = evidence({})
    gathered.write(unread(4))
    device = Device("GPU-late", "A100", DeviceKind.ACCELERATOR, index=4)
    gathered.write({"t": 5.0, "device": fmt.encode_device(4, "nvidia", device)})
    assert "unread" not in gathered.conclusion()


def test_numbers_of_another_namespace_are_compared_with_nothing() -> None:
    gathered = evidence({})
    gathered.begin(Known((2,), in_a_namespace=True))
    gathered.write(processes(1, 4_000_000))
    gathered.end()
    found = gathered.conclusion()
    assert (found["guessed"], found["shared"]) == (True, {})
    assert "another PID namespace" in found["hindered"]


def test_what_families_see_adds_up_whatever_their_order() -> None:
    gathered = evidence({"CUDA_VISIBLE_DEVICES": "1", "ROCR_VISIBLE_DEVICES": "0"})
    amd = Device("amd-0", "MI300X", DeviceKind.ACCELERATOR, index=0)
    gathered.write({"t": 0.0, "device": fmt.encode_device(20, "amd", amd)})
    assert gathered.conclusion()["ids"] == [IDS[1], "amd-0"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2", [2]),
        ("1,3", [1, 3]),
        (IDS[2], [2]),
        ("GPU-3", [3]),
        ("", []),
        ("-1", []),
        ("-1,0", []),
        ("0,-1,1", [0]),  # CUDA takes those before the first that is none
        ("1,GPU-x", [1]),
    ],
)
def test_the_environment_tells_where_no_process_was_seen(value: str, expected: list[int]) -> None:
    found = evidence({"CUDA_VISIBLE_DEVICES": value}).conclusion()
    assert found["ids"] == [IDS[n] for n in expected]
    assert "CUDA_VISIBLE_DEVICES" in found["because"]
    assert found["guessed"] is False


def test_numbers_decide_nothing_among_different_models_unless_in_bus_order() -> None:
    mixed = ("A100", "T4", "A100", "T4")
    found = evidence({"CUDA_VISIBLE_DEVICES": "1"}, mixed).conclusion()
    assert found["guessed"] is True
    assert found["because"].endswith(
        "CUDA_VISIBLE_DEVICES=1 was seen, but numbers decide nothing among different models: "
        "CUDA_DEVICE_ORDER=PCI_BUS_ID or --devices would settle it"
    )
    ordered = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert evidence(ordered, mixed).conclusion()["ids"] == [IDS[1]]


@pytest.mark.parametrize("value", ["9", "GPU-x", "GPU-", "9,1"])
def test_what_decides_nothing_is_seen_all_the_same(value: str) -> None:
    because = evidence({"CUDA_VISIBLE_DEVICES": value}).conclusion()["because"]
    assert f"CUDA_VISIBLE_DEVICES={value} was seen, but which devices it names is not known" in because
    assert "--devices would settle it" in because
    assert "PCI_BUS_ID" not in because


@pytest.mark.parametrize("environment", [{}, {"CUDA_VISIBLE_DEVICES": "all"}, {"ROCR_VISIBLE_DEVICES": "0"}])
def test_what_says_nothing_of_these_devices_is_not_told(environment: dict[str, str]) -> None:
    assert evidence(environment).conclusion()["because"] == "nothing tells which of them the job uses"


@pytest.mark.parametrize("value", ["9", "GPU-x", "GPU-", "9,1", "all"])
def test_what_names_no_device_of_ours_decides_nothing(value: str) -> None:
    found = evidence({"CUDA_VISIBLE_DEVICES": value}).conclusion()
    assert found["guessed"] is True
    assert found["ids"] == IDS
