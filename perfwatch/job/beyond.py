"""Who does the work behind a process that only passes connections on: a container's proxy, a gateway?

The owner of a server's port may hold no device at all: docker-proxy owns the port of a container, a router
that of many servers. What it is connected to is asked of the kernel (proc(5)): a port of this machine's own
network belongs to who listens there; any other one may be that of a container, whose processes have a network
of their own in which somebody listens at that address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from perfwatch.job import port
from perfwatch.job.foreign import PROC
from perfwatch.job.sockets import Address, connections, listed, sockets_of


class Place(NamedTuple):
    """Where a process has a connection to, and whether that is in our own network."""

    address: Address
    port: int
    is_here: bool


def reached(pids: Iterable[int], own_port: int, root: Path = PROC) -> set[Place]:
    """What these processes are connected to, but for those who are connected to their own port."""
    inodes = {inode for pid in pids for inode in sockets_of(pid, root)}
    found = set()
    for one in connections(root) if inodes else ():
        if one.inode in inodes and one.port != own_port:
            found.add(Place(one.remote_address, one.remote_port, one.is_here))
    return found


def owners_here(places: Iterable[Place], root: Path = PROC) -> list[int]:
    """The processes that listen at those of the places that are in our own network."""
    found = [pid for one in places if one.is_here for pid in port.owners([one.address], one.port, root)]
    return list(dict.fromkeys(found))


def is_in_a_container_at(pid: int, places: Iterable[Place], root: Path = PROC) -> bool:
    """Whether a process has a network of its own, in which somebody listens at one of the places."""
    elsewhere = [one for one in places if not one.is_here]
    if not elsewhere or _network(str(pid), root) in (None, _network("self", root)):
        return False
    listening = {(one.address, one.port) for one in listed(root, pid)}
    return any(
        (one.address, one.port) in listening
        or (_is_open_to_all(one, listening) and one.address in _addresses(pid, root))
        for one in elsewhere
    )


def _is_open_to_all(place: Place, listening: set[tuple[Address, int]]) -> bool:
    return any(
        number == place.port and address.is_unspecified and address.version >= place.address.version
        for address, number in listening
    )


def _network(pid: str, root: Path) -> int | None:
    """The network namespace of a process; None where that may not be seen."""
    try:
        return (root / pid / "ns/net").stat().st_ino
    except OSError:
        return None


def _addresses(pid: int, root: Path) -> set[Address]:
    """The addresses that the network of a process has for itself."""
    found: set[Address] = set()
    try:
        before = ""
        for line in (root / str(pid) / "net/fib_trie").read_text("ascii", "replace").splitlines():
            if "host LOCAL" in line:  # the address stands in the line before
                found.add(ipaddress.ip_address(before.rsplit(maxsplit=1)[-1]))
            before = line
        for line in (root / str(pid) / "net/if_inet6").read_text("ascii", "replace").splitlines():
            found.add(ipaddress.ip_address(bytes.fromhex(line.split()[0])))
    except (OSError, ValueError, IndexError):
        pass
    return found
