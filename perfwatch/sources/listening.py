"""On which ports of loopback do this user's own processes listen?

Asked of the kernel by sock_diag(7), which walks the listening sockets alone. /proc/net/tcp (proc(5)) walks
the table of all connections, which takes milliseconds even where there are none; it is read where the kernel
or a sandbox refuses the question.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

TABLE_BYTES = 1 << 18
"""So much of the kernel's table is read; what listens stands at its beginning."""
LEAST_PORT = 1024
"""Below are the system's own services, which would only write the request into their logs."""
NEVER = frozenset({3306, 5432, 5672, 6379, 9092, 11211, 27017})
"""Databases and queues: they speak no HTTP and take a request of it for an attack."""
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = "0A"
_LOOPBACK = {
    "00000000": "127.0.0.1",
    "0100007F": "127.0.0.1",
    "00000000000000000000000000000000": "::1",
    "00000000000000000000000001000000": "::1",
}
"""Addresses as the kernel's tables write them (words in this machine's order), and how to reach them."""
_ANSWER_S = 0.5
_SOCK_DIAG, _BY_FAMILY = 4, 20
_DUMP = 0x301
"""NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH."""
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=4BI48x")
"""inet_diag_req_v2: family, protocol, extensions, padding, states; the socket, which a dump leaves out."""
_MESSAGE = struct.Struct("=4B2s2s4I4I2I4I2I")
"""inet_diag_msg: family, state, timer, retransmissions; the ports and addresses; interface and cookie; the
timer's end and two queues, the user, the inode."""


class Listener(NamedTuple):
    """A port that is listened on. The inode tells apart what listened there one after the other."""

    host: str
    port: int
    inode: str

    @property
    def url(self) -> str:
        """The address of its metrics page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"


def listeners(user_id: int) -> list[Listener]:
    """The ports of loopback that this user's processes listen on; none where the kernel does not tell."""
    try:
        told = list(_told())
    except (OSError, AttributeError, struct.error):  # no Linux, no such question, or none allowed here
        return listed(user_id)
    return _of_user(told, user_id)


def listed(user_id: int, tables: Sequence[Path] = TABLES) -> list[Listener]:
    """The same by the kernel's tables."""
    return _of_user((one for table in tables for one in _rows(table)), user_id)


class _Socket(NamedTuple):
    """A socket that listens: its address as in `_LOOPBACK`, its port, whose it is, its inode."""

    address: str
    port: int
    user_id: int
    inode: str


def _of_user(sockets: Iterable[_Socket], user_id: int) -> list[Listener]:
    found: dict[int, Listener] = {}
    for one in sockets:
        host = _LOOPBACK.get(one.address)
        if one.user_id == user_id and host is not None and one.port >= LEAST_PORT and one.port not in NEVER:
            found.setdefault(one.port, Listener(host, one.port, one.inode))
    return list(found.values())


def _rows(table: Path) -> Iterator[_Socket]:
    with contextlib.suppress(OSError, ValueError), table.open("rb") as stream:
        for line in stream.read(TABLE_BYTES).decode("ascii", "replace").splitlines()[1:]:
            fields = line.split()
            if len(fields) >= 10 and fields[3] == _LISTENS:
                address, _, port = fields[1].partition(":")
                yield _Socket(address, int(port, 16), int(fields[7]), fields[9])


def _told() -> Iterator[_Socket]:
    """What sock_diag(7) tells of both families. Raises OSError where it is refused or does not answer."""
    for family in (socket.AF_INET, socket.AF_INET6):
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        with socket.socket(socket.AF_NETLINK, kind, _SOCK_DIAG) as kernel:
            kernel.settimeout(_ANSWER_S)
            wanted = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << int(_LISTENS, 16))
            kernel.send(_HEADER.pack(_HEADER.size + len(wanted), _BY_FAMILY, _DUMP, 1, 0) + wanted)
            yield from _answers(kernel)


def _answers(kernel: socket.socket) -> Iterator[_Socket]:
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


def _socket(data: bytes, at: int) -> _Socket:
    family, _, _, _, port, _, *rest = _MESSAGE.unpack_from(data, at)
    words = rest[:4] if family == socket.AF_INET6 else rest[:1]
    address = "".join(f"{word:08X}" for word in words)
    return _Socket(address, int.from_bytes(port, "big"), rest[-2], str(rest[-1]))
