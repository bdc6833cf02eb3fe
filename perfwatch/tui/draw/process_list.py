"""Which processes run, and which of them use which device? The tables of devices and host as one list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.frame import Frame, Processes
from perfwatch.model import State


@dataclass(frozen=True)
class Use:
    """What a process uses of one device; `memory_bytes` None where the driver does not tell."""

    device: str
    memory_bytes: float | None
    type: str
    stale: bool


@dataclass(frozen=True)
class Process:
    """One process; None is unknown.

    Args:
        cpu_ratio: 1 is one CPU busy.
        started_s: seconds since 1970.
        uses: the devices that it uses, in their order.
        is_job: it is the job that perfwatch started.
    """

    pid: int
    ppid: int | None = None
    name: str | None = None
    user: str | None = None
    cpu_ratio: float | None = None
    rss_bytes: float | None = None
    started_s: float | None = None
    uses: tuple[Use, ...] = ()
    is_job: bool = False

    @property
    def device_bytes(self) -> float | None:
        """Memory on all its devices; None where one of them does not tell."""
        told = [one.memory_bytes for one in self.uses]
        if not told or any(one is None for one in told):
            return None
        return sum(one for one in told if one is not None)


@dataclass(frozen=True)
class Branch:
    """A process in its tree: `last` tells of each step down to it whether it was the last of its siblings."""

    process: Process
    last: tuple[bool, ...] = ()


def processes_of(frame: Frame) -> list[Process]:
    """Every process that the host or a device names, by its number."""
    uses = _uses(frame)
    hosts = _host_rows(frame.tables)
    job = frame.job.get("pid")
    return [
        Process(
            pid=pid,
            ppid=_whole(row.get("ppid")),
            name=_text(row.get("name")),
            user=_text(row.get("user")),
            cpu_ratio=_number(row.get("cpu_ratio")),
            rss_bytes=_number(row.get("rss_bytes")),
            started_s=_number(row.get("started")),
            uses=tuple(uses.get(pid, ())),
            is_job=pid == job,
        )
        for pid in sorted({*uses, *hosts})
        for row in [hosts.get(pid, {})]
    ]


def _uses(frame: Frame) -> dict[int, list[Use]]:
    """What the devices tell, by process; a device that is gone has none."""
    devices = {one.number: one for one in frame.devices}
    found: dict[int, list[Use]] = {}
    for table in sorted(frame.tables, key=lambda one: -1 if one.number is None else one.number):
        device = None if table.number is None else devices.get(table.number)
        if device is None or device.state is State.GONE:
            continue
        for pid, row in _rows(table):
            use = Use(
                device.label,
                _number(row.get("memory_bytes")),
                _text(row.get("type")) or "",
                device.state is not State.OK,
            )
            found.setdefault(pid, []).append(use)
    return found


def _host_rows(tables: Iterable[Processes]) -> dict[int, Mapping[str, Any]]:
    return {pid: row for table in tables if table.number is None for pid, row in _rows(table)}


def _rows(table: Processes) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """Rows by their columns' names; a table without processes has none."""
    for cells in table.rows:
        row = dict(zip(table.columns, cells, strict=False))
        pid = _whole(row.get("pid"))
        if pid is not None:
            yield pid, row


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def tree(processes: Sequence[Process]) -> list[Branch]:
    """Parents before their children; whose branch uses devices comes first, then who is busiest."""
    by_pid = {one.pid: one for one in processes}
    children: dict[int | None, list[Process]] = {}
    for one in processes:
        parent = one.ppid if one.ppid in by_pid and one.ppid != one.pid else None
        children.setdefault(parent, []).append(one)
    weights = _weights(processes, by_pid)
    found: list[Branch] = []
    seen: set[int] = set()
    # Circles of parents, which only a damaged table has, hang on no root: they come at the end.
    roots = sorted(children.get(None, []), key=lambda one: weights[one.pid])
    waiting = [Branch(one) for one in reversed([*roots, *processes])]
    while waiting:
        branch = waiting.pop()
        if branch.process.pid in seen:
            continue
        seen.add(branch.process.pid)
        found.append(branch)
        below = sorted(children.get(branch.process.pid, []), key=lambda one: weights[one.pid])
        branches = [Branch(child, (*branch.last, child is below[-1])) for child in below]
        waiting += reversed(branches)
    return found


def _weights(processes: Sequence[Process], by_pid: Mapping[int, Process]) -> dict[int, tuple[Any, ...]]:
    """By which branches are ordered: devices in use below, CPU in use below, number."""
    used = dict.fromkeys(by_pid, 0)
    busy = dict.fromkeys(by_pid, 0.0)
    for one in processes:
        above: Process | None = one
        seen: set[int] = set()
        while above is not None and above.pid not in seen:
            seen.add(above.pid)
            used[above.pid] += len(one.uses)
            busy[above.pid] += one.cpu_ratio or 0.0
            above = by_pid.get(above.ppid) if above.ppid is not None else None
    return {pid: (-used[pid], -busy[pid], pid) for pid in by_pid}
