"""Which processes own the port of a server on this machine's loopback?

Linux: the listening sockets of /proc/net/tcp and tcp6 (proc(5)), and who has them open.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from perfwatch.job.foreign import PROC, ancestors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LISTENS = "0A"
INIT = 1


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
    holders = set(_holders(inodes, root)) if inodes else set()
    if len(holders) > 1:
        holders.discard(INIT)  # it opened the socket for a service, which has it now
    return sorted(pid for pid in holders if not holders & set(ancestors(pid, root)))


def is_open(addresses: Sequence[Address], port: int, root: Path = PROC) -> bool:
    """Whether somebody listens there."""
    return bool(_listening(addresses, port, root))


def _listening(addresses: Sequence[Address], port: int, root: Path) -> set[str]:
    """The sockets that a connection to the first address that is listened at would reach."""
    sockets = [(address, inode) for address, at, inode in _sockets(root) if at == port]
    for wanted in addresses:
        exact = {inode for address, inode in sockets if address == wanted}
        wide = {inode for address, inode in sockets if _is_wide_for(address, wanted)}
        if exact or wide:
            return exact or wide
    return set()


def _is_wide_for(address: Address, wanted: Address) -> bool:
    return address.is_unspecified and address.version >= wanted.version


def _sockets(root: Path) -> Iterator[tuple[Address, int, str]]:
    """Every listening socket: its address, port and inode."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (root / "self" / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENS:
                address, _, port = fields[1].partition(":")
                yield _address(address), int(port, 16), fields[9]


def _address(text: str) -> Address:
    """`0100007F` is 127.0.0.1: words of four bytes, each in this machine's order."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[place : place + 4][::-1] for place in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _holders(inodes: set[str], root: Path) -> Iterator[int]:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for entry in root.glob("[0-9]*"):
        try:
            if any(_target(file) in wanted for file in (entry / "fd").iterdir()):
                yield int(entry.name)
        except OSError:
            continue


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:
        return ""
