"""Which processes own the port of a server on this machine's loopback?

Linux: the sockets that listen there, and who has them open (proc(5)).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import SplitResult

from perfwatch.job.foreign import PROC, ancestors
from perfwatch.job.sockets import Address, listening_sockets, sockets_of

INIT = 1
USUAL = {"http": 80, "https": 443}


def number_of(parts: SplitResult) -> int:
    """The port of a URL; 0 where it names none and its scheme has none.

    Raises:
        ValueError: what stands there is no port.
    """
    return parts.port or USUAL.get(parts.scheme, 0)


def loopback_addresses(host: str) -> list[Address]:
    """The addresses of a host that is this machine's loopback; [] for any other."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    inside = all(address.is_loopback or address.is_unspecified for address in addresses)
    return list(dict.fromkeys(addresses)) if inside else []


def owners(addresses: Sequence[Address], port: int, root: Path = PROC) -> list[int]:
    """The processes that own a port at one of the addresses, without those that descend from others of them.

    [] if none listens there or if that cannot be seen: another user's, another network namespace's.
    """
    inodes = _listening(addresses, port, root)
    found = set(holders(inodes, root)) if inodes else set()
    if len(found) > 1:
        found.discard(INIT)  # it opened the socket for a service, which has it now
    return sorted(pid for pid in found if not found & set(ancestors(pid, root)))


def is_open(addresses: Sequence[Address], port: int, root: Path = PROC) -> bool:
    """Whether somebody listens there."""
    return bool(_listening(addresses, port, root))


def _listening(addresses: Sequence[Address], port: int, root: Path) -> set[str]:
    """The sockets that a connection to the first address that is listened at would reach."""
    sockets = [(one.address, one.inode) for one in listening_sockets(root) if one.port == port]
    for wanted in addresses:
        exact = {inode for address, inode in sockets if address == wanted}
        wide = {inode for address, inode in sockets if _is_wide_for(address, wanted)}
        if exact or wide:
            return exact or wide
    return set()


def _is_wide_for(address: Address, wanted: Address) -> bool:
    return address.is_unspecified and address.version >= wanted.version


def holders(inodes: set[str], root: Path = PROC) -> Iterator[int]:
    """The processes that have one of these sockets open, as far as that may be seen."""
    for entry in root.glob("[0-9]*"):
        pid = int(entry.name)
        if inodes & sockets_of(pid, root):
            yield pid
