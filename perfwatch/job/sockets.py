"""Which TCP sockets of this machine (of this network namespace) are listened on, which are connected?

Asked of the kernel by sock_diag(7), which walks the listening sockets alone. The tables of proc(5),
/proc/net/tcp and tcp6, walk all connections, which takes milliseconds even where there are none; they are
read where the kernel or a sandbox refuses the question, and under a root of one's own.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Set
from pathlib import Path
from typing import NamedTuple, TypeVar

from perfwatch.job.foreign import PROC

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TABLE_BYTES = 1 << 20
"""So much of a table is read; what listens stands at its beginning."""
CONNECTIONS_BYTES = 4 << 20
"""So much of a table is read for connections, which is tens of thousands."""
_ESTABLISHED, _LISTENS = "01", "0A"
_SOCKET = "socket:["
_ANSWER_S = 0.5
_SOCK_DIAG, _BY_FAMILY = 4, 20
_DUMP = 0x301
"""NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH."""
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=4BI48x")
"""inet_diag_req_v2: family, protocol, extensions, padding, states; the socket, which a dump leaves out."""
_MESSAGE = struct.Struct("=4B2s2s16s16s2I4I2I")
"""inet_diag_msg: family, state, timer, retransmissions; the ports and addresses; interface and cookie; the
timer's end and two queues, the user, the inode."""


class ListeningSocket(NamedTuple):
    """A socket that listens: where, whose it is, and its inode, which says who has it open."""

    address: Address
    port: int
    user_id: int
    inode: str


class Connection(NamedTuple):
    """An established connection: its two ends, and the inode of the socket that is ours."""

    address: Address
    port: int
    remote_address: Address
    remote_port: int
    inode: str

    @property
    def is_here(self) -> bool:
        """Whether its other end is on this machine, in our own network."""
        return self.remote_address.is_loopback or self.remote_address == self.address


def listening_sockets(root: Path = PROC) -> list[ListeningSocket]:
    """Every TCP socket that listens; none where nothing tells."""
    if root == PROC:
        with contextlib.suppress(OSError, AttributeError, struct.error):  # no Linux, or none is told here
            return list(_told())
    return listed(root)


def listed(root: Path = PROC, pid: int | None = None) -> list[ListeningSocket]:
    """The same by the kernel's tables, and of the network namespace of another process."""
    return _understood(
        lambda row: ListeningSocket(*_end(row[1]), int(row[7]), row[9]),
        _rows(root, pid, _LISTENS, TABLE_BYTES),
    )


def connections(root: Path = PROC) -> list[Connection]:
    """Every connection of this network namespace, as far as the tables are read."""
    return _understood(
        lambda row: Connection(*_end(row[1]), *_end(row[2]), row[9]),
        _rows(root, None, _ESTABLISHED, CONNECTIONS_BYTES),
    )


def askers(ports: Set[int], root: Path = PROC, *, among: Iterable[int] | None = None) -> dict[int, set[int]]:
    """Which processes, as far as they may be seen, are connected to each of these ports of this machine.

    Args:
        ports: the ports.
        root: where /proc is.
        among: only these processes are looked at, which is quick: who asks for a moment only is seen then.
    """
    if among is None and not any(one.remote_port in ports for one in connections(root)):
        return {}
    # First the processes, then what is connected: a connection that is gone by then is not looked for.
    users: dict[str, set[int]] = {}
    for pid in [int(entry.name) for entry in root.glob("[0-9]*")] if among is None else among:
        for inode in sockets_of(pid, root):
            users.setdefault(inode, set()).add(pid)
    found: dict[int, set[int]] = {}
    for one in connections(root):
        if one.remote_port in ports and one.inode in users and one.is_here:
            found.setdefault(one.remote_port, set()).update(users[one.inode])
    return found


def sockets_of(pid: int, root: Path = PROC) -> set[str]:
    """The inodes of the sockets that a process has open; none where that may not be seen."""
    try:
        files = list((root / str(pid) / "fd").iterdir())
    except OSError:
        return set()
    targets = [_target(file) for file in files]
    return {target[len(_SOCKET) : -1] for target in targets if target.startswith(_SOCKET)}


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:  # closed meanwhile
        return ""


_One = TypeVar("_One", ListeningSocket, Connection)


def _understood(make: Callable[[list[str]], _One], rows: Iterable[list[str]]) -> list[_One]:
    found: list[_One] = []
    for row in rows:
        with contextlib.suppress(ValueError):
            found.append(make(row))
    return found


def _rows(root: Path, pid: int | None, state: str, most_bytes: int) -> Iterator[list[str]]:
    """The rows of the tables that are in a state, cut into fields."""
    for name in ("tcp", "tcp6"):
        table = root / ("self" if pid is None else str(pid)) / "net" / name
        with contextlib.suppress(OSError), table.open("rb") as stream:
            for line in stream.read(most_bytes).decode("ascii", "replace").splitlines()[1:]:
                fields = line.split()
                if len(fields) >= 10 and fields[3] == state:
                    yield fields


def _end(text: str) -> tuple[Address, int]:
    """`0100007F:1F90` is 127.0.0.1, port 8080."""
    address, _, port = text.partition(":")
    return _of_words(address), int(port, 16)


def _of_words(text: str) -> Address:
    """`0100007F` is 127.0.0.1: words of four bytes, each in this machine's order."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[place : place + 4][::-1] for place in range(0, len(raw), 4))
    return _unmapped(raw)


def _unmapped(raw: bytes) -> Address:
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _told() -> Iterator[ListeningSocket]:
    """What sock_diag(7) tells of both families. Raises OSError where it is refused or does not answer."""
    for family in (socket.AF_INET, socket.AF_INET6):
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        with socket.socket(socket.AF_NETLINK, kind, _SOCK_DIAG) as kernel:
            kernel.settimeout(_ANSWER_S)
            wanted = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << int(_LISTENS, 16))
            kernel.send(_HEADER.pack(_HEADER.size + len(wanted), _BY_FAMILY, _DUMP, 1, 0) + wanted)
            yield from _answers(kernel)


def _answers(kernel: socket.socket) -> Iterator[ListeningSocket]:
    while True:
        data, at = kernel.recv(1 << 16), 0
        while at < len(data):
            size, kind, *_ = _HEADER.unpack_from(data, at)
            if kind == _DONE:
                return
            if kind == _ERROR or size < _HEADER.size:
                raise OSError("the kernel does not tell what listens")
            yield _socket(data, at + _HEADER.size)
            at += (size + 3) & ~3


def _socket(data: bytes, at: int) -> ListeningSocket:
    family, _, _, _, port, _, address, *rest = _MESSAGE.unpack_from(data, at)
    raw = address if family == socket.AF_INET6 else address[:4]
    return ListeningSocket(_unmapped(raw), int.from_bytes(port, "big"), rest[-2], str(rest[-1]))
