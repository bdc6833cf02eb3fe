"""Which processes do the counted work: those of a server that is watched, else the job's own?

A server is found by who owns its port, and that process' tree works for it. Nothing is asked of a process;
all is read from /proc.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from perfwatch.job import port
from perfwatch.job.beyond import Place, is_in_a_container_at, owners_here, reached
from perfwatch.job.cgroup import CGROUPS, permitted_minors
from perfwatch.job.foreign import PROC, ForeignProcess, Tree, descendants
from perfwatch.job.frameworks import versions_of
from perfwatch.job.sockets import Address

INITIAL_NAMESPACE = 0xEFFFFFFC
"""Inode of the first PID namespace (linux/proc_ns.h, PROC_PID_INIT_INO)."""


class Role(enum.Enum):
    """What a process is to the run.

    BEHIND: it serves what the owner of the server's port passes on. UNKNOWN: it is not there any more, or its
    number is that of another PID namespace.
    """

    WORKER = enum.auto()
    BEHIND = enum.auto()
    OURS = enum.auto()
    STRANGER = enum.auto()
    UNKNOWN = enum.auto()


class Server(NamedTuple):
    """A server on this machine: the addresses at which it may listen, and its port."""

    addresses: tuple[Address, ...]
    port: int


def servers_of(urls: Iterable[str]) -> list[Server]:
    """The servers among these addresses that are on this machine's loopback."""
    found = []
    for url in urls:
        try:
            parts = urlsplit(url)
            host, number = parts.hostname or "", port.number_of(parts)
        except ValueError:
            continue
        # Another name would have to be asked for, which may take long, and is hardly this machine's.
        addresses = port.loopback_addresses(host) if host == "localhost" or _is_literal(host) else []
        if addresses and number:
            found.append(Server(tuple(addresses), number))
    return found


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Workers:
    """The processes of a run.

    Args:
        roots: the first processes of the job.
        belongs: whether a process is of the job.
        servers: those that count its work.
        root: where /proc is.
        cgroups: where the hierarchies of cgroup v1 are.
    """

    def __init__(
        self,
        roots: Sequence[int],
        belongs: Callable[[int], bool],
        servers: Sequence[Server] = (),
        root: Path = PROC,
        cgroups: Path = CGROUPS,
    ) -> None:
        self._cgroups = cgroups
        self._roots = roots
        self._belongs = belongs
        self._servers = list(servers)
        self._root = root
        self._owners: dict[Server, list[int]] = {}
        self._trees: dict[Server, Tree] = {}
        self._reached: set[Place] = set()
        self._beyond: Tree | None = None
        self._in_containers: dict[int, bool] = {}

    def watch(self, server: Server) -> None:
        """Another server counts the work."""
        if server not in self._servers:
            self._servers = [*self._servers, server]

    def look(self) -> None:
        """Find who owns the ports that nobody was known to own, and whom the owners pass on to."""
        for server in self._servers:
            if server not in self._owners:
                owners = port.owners(server.addresses, server.port, self._root)
                if owners:
                    self._owners[server] = owners
                    self._trees[server] = Tree(owners, self._root)
        self._look_beyond()

    def _look_beyond(self) -> None:
        for server, owners in self._owners.items():
            self._reached |= reached(descendants(owners, self._root), server.port, self._root)
        self._in_containers.clear()
        others = [pid for pid in owners_here(self._reached, self._root) if not self._belongs(pid)]
        if others:
            self._beyond = Tree(others, self._root)

    @property
    def watches_a_server(self) -> bool:
        """Whether a server does the work."""
        return bool(self._servers)

    @property
    def knows_the_server(self) -> bool:
        """Whether the processes of some server are known."""
        return bool(self._owners)

    def server_of(self, pid: int) -> Server | None:
        """The server that a process works for; None for one of none."""
        return next((server for server, tree in self._trees.items() if tree.holds(pid)), None)

    def environments_of(self, server: Server) -> list[Mapping[str, str]]:
        """What the processes of one server were started with."""
        return self._environments(self._owners.get(server, ()))

    def role_of(self, pid: int) -> Role:
        """What a process (by the number that the driver tells) is to the run."""
        if self.in_a_namespace or not (self._root / str(pid)).exists():
            return Role.UNKNOWN
        if any(tree.holds(pid) for tree in self._trees.values()):
            return Role.WORKER
        if self._belongs(pid):
            return Role.OURS if self.knows_the_server else Role.WORKER
        return Role.BEHIND if self._is_beyond(pid) else Role.STRANGER

    def _is_beyond(self, pid: int) -> bool:
        if self._beyond is not None and self._beyond.holds(pid):
            return True
        if pid not in self._in_containers:
            self._in_containers[pid] = is_in_a_container_at(pid, self._reached, self._root)
        return self._in_containers[pid]

    @cached_property
    def in_a_namespace(self) -> bool:
        """Whether process numbers here are not those of the machine, which a driver tells."""
        try:
            return (self._root / "self/ns/pid").stat().st_ino != INITIAL_NAMESPACE
        except OSError:
            return False

    def environments(self) -> list[Mapping[str, str]]:
        """What the processes that do the work were started with: those of the tree without children."""
        return self._environments(self._first())

    def _environments(self, roots: Sequence[int]) -> list[Mapping[str, str]]:
        return [
            environment
            for pid in self._leaves(roots)
            if (environment := ForeignProcess(pid, self._root).environment())
        ]

    def versions(self) -> dict[str, str]:
        """The frameworks in the environment of those processes (see perfwatch.job.frameworks)."""
        return versions_of(self._leaves(self._first()), self._root)

    def permitted(self) -> frozenset[int] | None:
        """Minor numbers of NVIDIA's devices that the device cgroup of those processes lets them use.

        None where it permits all, or cannot be read: cgroup v2 has no list, and there the driver hides what
        is not permitted. (Linux, Documentation/admin-guide/cgroup-v1/devices.rst.)
        """
        found = [permitted_minors(pid, self._root, self._cgroups) for pid in self._first()]
        known = [minors for minors in found if minors is not None]
        return frozenset().union(*known) if known and len(known) == len(found) else None

    def _first(self) -> Sequence[int]:
        """From whom those that do the work descend."""
        return [pid for owners in self._owners.values() for pid in owners] or self._roots

    def _leaves(self, roots: Sequence[int]) -> list[int]:
        return sorted(pid for pid, children in descendants(roots, self._root).items() if not children)
