"""Which devices the job uses, by evidence: processes, their environment, else every accelerator.

A sink of the hub: it reads along the device tables of processes (`processes` with a device) and asks at
once, while they live, what a process is to the run. What it concludes is recorded as a `devices` event, so
that a replay needs no process table (design: which devices).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from perfwatch.clock import NS
from perfwatch.derive.unread import named
from perfwatch.job.visible import VARIABLES, undecided, visible
from perfwatch.job.workers import Role, Server, servers_of
from perfwatch.metrics import UTILIZATION
from perfwatch.model import DeviceKind
from perfwatch.session import format as fmt

LOOKS_S = (0.05, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""So long after the begin processes are looked at, and then each so often as at last."""
LOOKS_FOR_LOAD = 6
"""Which devices are busy is told after so many looks: at first all of them are loading."""
BUSY = 0.05
"""A device that is busy for less of the time does no work."""


class Processes(Protocol):
    """What a run knows of its processes: perfwatch.job.workers.Workers."""

    @property
    def watches_a_server(self) -> bool: ...
    @property
    def knows_the_server(self) -> bool: ...
    @property
    def in_a_namespace(self) -> bool: ...
    def look(self) -> None: ...
    def watch(self, server: Server) -> None: ...
    def server_of(self, pid: int) -> Server | None: ...
    def environments_of(self, server: Server) -> Sequence[Mapping[str, str]]: ...
    def role_of(self, pid: int) -> Role: ...
    def environments(self) -> Sequence[Mapping[str, str]]: ...
    def versions(self) -> Mapping[str, str]: ...
    def permitted(self) -> frozenset[int] | None: ...


class _Decided(NamedTuple):
    """The numbers of the devices of the run, and how that was found out.

    Args:
        guessed: nothing showed which ones they are.
        by_load: they are those that were busy; who was on them is not known.
    """

    numbers: Sequence[int]
    because: str
    guessed: bool = False
    by_load: bool = False


class Evidence:
    """Gathers what tells which devices a job uses.

    Args:
        environment: what the job was started with.
        job: what a sentence calls it.
    """

    def __init__(self, environment: Mapping[str, str], job: str = "the job") -> None:
        self._given = _of_devices(environment)
        self._job = job
        self._lock = threading.Lock()
        self._accelerators: dict[int, tuple[str, Mapping[str, Any]]] = {}
        self._tables: dict[int, fmt.Record] = {}
        self._used: dict[int, set[int]] = {}
        self._behind: dict[int, set[int]] = {}
        self._shared: dict[int, set[int]] = {}
        self._environments: list[Mapping[str, str]] = []
        self._busy: dict[int, tuple[float, int]] = {}
        self._places: dict[int, int] = {}
        self._unread: dict[str, tuple[str, Any]] = {}
        """Devices that are there and cannot be read: what people call them, their collector and index."""
        self._permitted: frozenset[int] | None = None
        self._versions: Mapping[str, str] = {}
        self._unknown = False
        self._workers: Processes | None = None
        self._found: list[Server] = []
        self._pages: dict[str, list[Server]] = {}
        """By the id of a page's device, the server on this machine that has it."""
        self._users: dict[Server, set[int]] = {}
        """The devices of each server's processes."""
        self._told_to: dict[Server, list[Mapping[str, str]]] = {}
        """What the environments of each server's processes say about devices."""
        self._server = False
        self._blind = False
        self._looks = 0
        self._began_ns: int | None = None
        self.neighbour: Callable[[fmt.Record], None] = lambda _: None
        """Told of each process of others on a device, once, while the job runs: `n`, `pid`."""
        self.learnt: Callable[[fmt.Record], None] = lambda _: None
        """Told of conditions of the job that were found out: `versions`."""
        self.concluded: Callable[[fmt.Record], None] = lambda _: None
        """Told, while the job runs, which devices it uses as far as is known, each time that this changes."""
        self._news = False
        self._told: tuple[Any, ...] = ()

    # -- while it runs -----------------------------------------------------------------------------

    def begin(self, workers: Processes) -> None:
        """The job runs from now on. Whoever was on a device before is on it still."""
        workers.look()
        with self._lock:
            self._workers, self._server = workers, workers.watches_a_server
            tables = dict(self._tables)
        for number, table in tables.items():
            self._take_processes(number, table, workers)

    def serves(self, server: Server) -> None:
        """A server was found that counts the job's work; from any thread."""
        self._found.append(server)

    def end(self) -> None:
        """The job is over: what comes now tells nothing of it."""
        if self._workers is not None and self._found:
            self._look(self._workers)
        with self._lock:
            workers, self._workers = self._workers, None
        if workers is not None:
            self._blind = workers.watches_a_server and not workers.knows_the_server
            self._unknown = self._unknown and workers.in_a_namespace

    def write(self, record: Mapping[str, Any]) -> None:
        if "s" in record:
            self._take_samples(record["s"])
        elif "device" in record:
            self._declare(record["device"])
        elif record.get("event") == "note":
            self._note_unread(record)
        elif record.get("table") == "processes" and record.get("n") is not None:
            with self._lock:
                self._tables[record["n"]] = dict(record)
                workers = self._workers
            if workers is not None:
                self._take_processes(record["n"], record, workers)

    def tick(self, now_ns: int) -> None:
        """Look at the processes now and then, soon at first: a job may be short, a server may come late."""
        workers = self._workers
        if workers is None:
            return
        if self._began_ns is None:
            self._began_ns = now_ns
        last = len(LOOKS_S) - 1
        due_s = LOOKS_S[min(self._looks, last)] + max(0, self._looks - last) * LOOKS_S[last]
        is_due = now_ns - self._began_ns >= due_s * NS
        if is_due or self._found:
            self._looks += is_due
            self._look(workers)
            self._news = True
        if self._news:
            self._news = False
            self._conclude_so_far(workers)

    def _conclude_so_far(self, workers: Processes) -> None:
        """Whoever looks at the run while it goes on sees the devices that are known by now."""
        self._blind = workers.watches_a_server and not workers.knows_the_server
        with self._lock:
            decided = self._decide()
        if decided.guessed or (decided.by_load and self._looks < LOOKS_FOR_LOAD):
            return
        found = self.conclusion()
        told = (found["ids"], sorted(found["shared"]), found.get("unread"))
        if told != self._told:
            self._told = told
            self.concluded(found)

    def _look(self, workers: Processes) -> None:
        while self._found:
            workers.watch(self._found.pop())
        self._server = workers.watches_a_server
        workers.look()
        for environment in workers.environments():
            told = _of_devices(environment)
            if told and told not in self._environments:
                self._environments.append(told)
        for server in [server for servers in self._pages.values() for server in servers]:
            told_to = [_of_devices(each) for each in workers.environments_of(server)]
            self._told_to[server] = [each for each in told_to if each] or self._told_to.get(server, [])
        self._permitted = workers.permitted()
        versions = {**self._versions, **workers.versions()}
        if versions != self._versions:
            self._versions = versions
            self.learnt({"versions": versions})

    def _declare(self, declared: Mapping[str, Any]) -> None:
        if declared["kind"] == DeviceKind.WORKLOAD.value:
            url = (declared.get("facts") or {}).get("url")
            self._pages[declared["id"]] = servers_of([str(url)]) if url else []
        if declared["kind"] != DeviceKind.ACCELERATOR.value:
            return
        number = declared["n"]
        self._unread.pop(f"{declared['collector']}:{declared.get('index', 0)}", None)
        names = [metric["name"] for metric in declared["metrics"]]
        with self._lock:
            self._accelerators[number] = (declared["collector"], declared)
            if UTILIZATION.name in names:
                self._places[number] = names.index(UTILIZATION.name)

    def _note_unread(self, note: Mapping[str, Any]) -> None:
        told = named(note)
        if told is not None:
            with self._lock:
                self._unread[told[0]] = (note["unread"]["collector"], note["unread"]["index"])

    def _take_samples(self, rows: Sequence[Sequence[Any]]) -> None:
        """How busy the devices are: what tells where a server's processes cannot be seen."""
        if not self._server or self._workers is None:
            return
        for number, _, values in rows:
            place = self._places.get(number)
            busy = values[place] if place is not None and place < len(values) else None
            if isinstance(busy, (int, float)):
                total, count = self._busy.get(number, (0.0, 0))
                self._busy[number] = (total + busy, count + 1)

    def _take_processes(self, number: int, record: Mapping[str, Any], workers: Processes) -> None:
        column = record["columns"].index("pid")
        for pid in (int(row[column]) for row in record["rows"]):
            role = workers.role_of(pid)
            self._unknown = self._unknown or role is Role.UNKNOWN
            if role in (Role.WORKER, Role.BEHIND):
                users = self._used if role is Role.WORKER else self._behind
                server = workers.server_of(pid)
                with self._lock:
                    self._news |= number not in users
                    users.setdefault(number, set()).add(pid)
                    if server is not None:
                        self._users.setdefault(server, set()).add(number)
            elif role is Role.STRANGER and pid not in self._used.get(number, ()):
                with self._lock:
                    known = self._shared.setdefault(number, set())
                    new = pid not in known
                    known.add(pid)
                if new:
                    self._news = True
                    self.neighbour({"n": number, "pid": pid})

    # -- in the end --------------------------------------------------------------------------------

    def conclusion(self) -> fmt.Record:
        """The fields of the `devices` event: ids, because, guessed, shared, what hindered, what is unread."""
        with self._lock:
            decided = self._decide()
            ids = [str(self._accelerators[n][1]["id"]) for n in decided.numbers if n in self._accelerators]
            shared = {
                str(self._accelerators[number][1]["id"]): [f"pid {pid}" for pid in sorted(pids)]
                for number, pids in self._strangers(decided).items()
                if number in self._accelerators
            }
        found = {"ids": ids, "because": decided.because, "guessed": decided.guessed, "shared": shared}
        unread = [name for n, name in enumerate(self._unread) if _number_of_unread(n) in decided.numbers]
        if unread:
            found["unread"] = unread
        if by_workload := self._by_workload():
            found["by_workload"] = by_workload
        if decided.guessed and self._unknown:
            found["hindered"] = "the driver tells process numbers of another PID namespace"
        return found

    def _by_workload(self) -> dict[str, list[str]]:
        """The devices of each of several servers: what its processes use, else may use."""
        if len(self._pages) < 2:
            return {}
        found = {}
        for page, servers in self._pages.items():
            numbers = {number for server in servers for number in self._users.get(server, ())}
            if not numbers:
                told = [each for server in servers for each in self._told_to.get(server, ())]
                seen = visible(self._accelerators, told) if told else None
                numbers = set(seen[0]) if seen is not None else set()
            ids = [str(one["id"]) for number, (_, one) in self._accelerators.items() if number in numbers]
            if ids:
                found[page] = ids
        return found

    def _strangers(self, decided: _Decided) -> Mapping[int, set[int]]:
        """Who else was on each device; nobody where nothing tells the server's processes from others."""
        if decided.by_load:
            return {}
        if not self._used:
            return self._shared
        devices = {*self._shared, *self._behind}
        return {n: self._shared.get(n, set()) | self._behind.get(n, set()) for n in devices}

    def _decide(self) -> _Decided:
        who = "the server" if self._server and not self._blind else self._job
        for users, whose in ((self._used, f"{who}'s processes"), (self._behind, f"processes behind {who}")):
            used = [number for number in self._accelerators if number in users]
            if used:
                pids = sorted({pid for number in used for pid in users[number]})
                names = ", ".join(str(pid) for pid in pids[:4]) + (", ..." if len(pids) > 4 else "")
                return _Decided(used, f"{whose} use them (pid {names})")
        mine = self._permitted_ones()
        restricted = len(mine) < len(self._accelerators)
        mine = {**mine, **self._unread_ones()}
        environments = self._environments or ([] if self._server else [self._given])
        seen = visible(mine, environments, by_place=restricted)
        if seen is not None:
            numbers, said = seen
            return _Decided(numbers, f"{said} in {who}'s environment says so")
        if not mine:
            return _Decided([], "there is no accelerator here")
        seen_too = undecided(mine, environments)
        but = f"; {seen_too}" if seen_too else ""
        if restricted:
            return _Decided(list(mine), f"{who}'s device cgroup permits no others{but}")
        busy = [number for number in self._accelerators if self._share_busy(number) >= BUSY]
        if self._server and busy:
            own = "whose processes are not seen" if self._blind else "whose own processes use none"
            return _Decided(busy, f"they were busy while the server worked, {own}", by_load=True)
        return _Decided(list(mine), f"nothing tells which of them {who} uses{but}", guessed=True)

    def _unread_ones(self) -> dict[int, tuple[str, Mapping[str, Any]]]:
        """Devices that cannot be read, under numbers of their own: the job may use them all the same."""
        models = {str(device["name"]) for _, device in self._accelerators.values()}
        name = models.pop() if len(models) == 1 else None
        return {
            _number_of_unread(n): (collector, {"id": "", "index": index, "name": name})
            for n, (collector, index) in enumerate(self._unread.values())
        }

    def _permitted_ones(self) -> dict[int, tuple[str, Mapping[str, Any]]]:
        """The accelerators without those that the device cgroup forbids."""
        if self._permitted is None:
            return self._accelerators
        minors = {
            n: (device.get("facts") or {}).get("minor") for n, (_, device) in self._accelerators.items()
        }
        return {
            number: one
            for number, one in self._accelerators.items()
            if minors[number] is None or minors[number] in self._permitted
        }

    def _share_busy(self, number: int) -> float:
        total, count = self._busy.get(number, (0.0, 0))
        return total / count if count else 0.0


def _number_of_unread(place: int) -> int:
    """A number that no device of the stream has."""
    return -1 - place


def _of_devices(environment: Mapping[str, str]) -> dict[str, str]:
    """What an environment says about devices."""
    return {name: environment[name] for name in VARIABLES if name in environment}
