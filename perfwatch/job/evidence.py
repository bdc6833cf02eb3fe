"""Which devices the job uses, by evidence: its processes, its environment, else every accelerator.

A sink of the hub: it reads along the device tables of processes (`processes` with a device) and asks at
once, while they live, whether a process is of the job. What it concludes is recorded as a `devices`
event, so that a replay needs no process table (design: which devices).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from perfwatch.model import DeviceKind
from perfwatch.session import format as fmt

_VISIBLE = {
    "nvidia": ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    "amd": ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
    "intel": ("ZE_AFFINITY_MASK",),
    "gaudi": ("HABANA_VISIBLE_DEVICES",),
    "rebellions": ("RBLN_DEVICES",),
    "furiosa": ("FURIOSA_DEVICES",),
    "tpu": ("TPU_VISIBLE_CHIPS",),
}
_NONE = ("", "-1", "none", "void", "NoDevFiles")


class Evidence:
    """Gathers what tells which devices a job uses.

    Args:
        environment: the job's environment.
        job: what a sentence calls it.
    """

    def __init__(self, environment: Mapping[str, str], job: str = "the job") -> None:
        self._environment = environment
        self._job = job
        self._lock = threading.Lock()
        self._accelerators: dict[int, tuple[str, Mapping[str, Any]]] = {}
        self._used: dict[int, set[int]] = {}
        self._shared: dict[int, set[int]] = {}
        self.neighbour: Callable[[fmt.Record], None] = lambda _: None
        """Told of each process of others on a device, once, while the job runs: `n`, `pid`."""
        self.belongs: Callable[[int], bool] | None = None
        """Whether a process (host pid) is of the job; set while it runs, when that can be asked."""

    def write(self, record: Mapping[str, Any]) -> None:
        if "device" in record:
            declared = record["device"]
            if declared["kind"] == DeviceKind.ACCELERATOR.value:
                with self._lock:
                    self._accelerators[declared["n"]] = (declared["collector"], declared)
        elif self.belongs and record.get("table") == "processes" and record.get("n") is not None:
            self._take_processes(record["n"], record, self.belongs)

    def tick(self, now_ns: int) -> None:
        return None

    def _take_processes(self, number: int, record: Mapping[str, Any], belongs: Callable[[int], bool]) -> None:
        column = record["columns"].index("pid")
        for row in record["rows"]:
            pid = int(row[column])
            into = self._used if belongs(pid) else self._shared
            with self._lock:
                known = into.setdefault(number, set())
                new = pid not in known
                known.add(pid)
            if new and into is self._shared:
                self.neighbour({"n": number, "pid": pid})

    def conclusion(self) -> fmt.Record:
        """The fields of the `devices` event: ids, because, guessed, shared."""
        with self._lock:
            ids, because, guessed = self._decide()
            shared = {
                str(self._accelerators[number][1]["id"]): [f"pid {pid}" for pid in sorted(pids)]
                for number, pids in self._shared.items()
                if number in self._accelerators
            }
        return {"ids": ids, "because": because, "guessed": guessed, "shared": shared}

    def _decide(self) -> tuple[list[str], str, bool]:
        used = [number for number in self._accelerators if number in self._used]
        if used:
            pids = sorted({pid for number in used for pid in self._used[number]})
            names = ", ".join(str(pid) for pid in pids[:4]) + (", ..." if len(pids) > 4 else "")
            return self._ids(used), f"{self._job}'s processes use them (pid {names})", False
        for collector in {collector for collector, _ in self._accelerators.values()}:
            for variable in _VISIBLE.get(collector, ()):
                numbers = self._visible(collector, variable)
                if numbers is not None:
                    value = self._environment[variable]
                    return (
                        self._ids(numbers),
                        f"{variable}={value} in {self._job}'s environment says so",
                        False,
                    )
        if not self._accelerators:
            return [], "there is no accelerator here", False
        return self._ids(list(self._accelerators)), f"nothing tells which of them {self._job} uses", True

    def _visible(self, collector: str, variable: str) -> list[int] | None:
        """The devices that a variable lets the job see; None where it decides nothing."""
        text = self._environment.get(variable)
        if text is None or text.strip() == "all":
            return None
        mine = {n: device for n, (name, device) in self._accelerators.items() if name == collector}
        if text.strip() in _NONE:
            return []
        numbers = []
        for word in (part.strip() for part in text.split(",")):
            found = self._match(mine, word)
            if found is None:
                return None
            numbers.append(found)
        return numbers

    def _match(self, mine: Mapping[int, Mapping[str, Any]], word: str) -> int | None:
        if word.isdigit():
            if not self._numbers_are_certain(mine):
                return None
            return next((n for n, device in mine.items() if device.get("index") == int(word)), None)
        found = [n for n, device in mine.items() if word and str(device["id"]).startswith(word)]
        return found[0] if len(found) == 1 else None

    def _numbers_are_certain(self, mine: Mapping[int, Mapping[str, Any]]) -> bool:
        """CUDA counts the fastest first unless told otherwise; alike devices keep the bus order."""
        models = {str(device["name"]) for device in mine.values()}
        return len(models) == 1 or self._environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"

    def _ids(self, numbers: list[int]) -> list[str]:
        return [str(self._accelerators[number][1]["id"]) for number in numbers]
