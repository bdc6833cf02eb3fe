"""Which server of this user's on this machine tells its work on a metrics page, unasked?

Only ports of loopback that the user's own processes listen on are asked, each once, with one small request;
nothing is read of it but whether it is a page that the page collector knows.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

FIRST_LOOK_S, LOOK_S = 1.0, 5.0
"""When ports are looked at first, and how often from then on."""
CONNECT_S, WHOLE_S = 0.2, 0.5
"""How long a connection and a whole page are waited for."""
PAGE_BYTES = 1 << 20
TABLE_BYTES = 1 << 18
"""So much of the kernel's table is read; what listens stands at its beginning."""
LEAST_PORT = 1024
"""Below are the system's own services, which would only write the request into their logs."""
NEVER = frozenset({3306, 5432, 5672, 6379, 9092, 11211, 27017})
"""Databases and queues: they speak no HTTP and take a request of it for an attack."""
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = "0A"
_LOOPBACK = {
    "00000000": "127.0.0.1",
    "0100007F": "127.0.0.1",
    "00000000000000000000000000000000": "::1",
    "00000000000000000000000001000000": "::1",
}
"""Addresses as the kernel writes them (proc(5), /proc/net/tcp), and how to reach them on loopback."""


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


def listeners(user_id: int, tables: Sequence[Path] = _TABLES) -> list[Listener]:
    """The ports of loopback that this user's processes listen on; none where the kernel has no such table."""
    found: dict[int, Listener] = {}
    for table in tables:
        with contextlib.suppress(OSError), table.open("rb") as stream:
            for line in stream.read(TABLE_BYTES).decode("ascii", "replace").splitlines()[1:]:
                one = _listener(line.split(), user_id)
                if one is not None:
                    found.setdefault(one.port, one)
    return list(found.values())


def _listener(fields: Sequence[str], user_id: int) -> Listener | None:
    if len(fields) < 10 or fields[3] != _LISTENS or fields[7] != str(user_id):
        return None
    address, _, port_text = fields[1].partition(":")
    host, port = _LOOPBACK.get(address), int(port_text, 16)
    if host is None or port < LEAST_PORT or port in NEVER:
        return None
    return Listener(host, port, fields[9])


def tells_work(one: Listener) -> bool:
    """Whether there is a metrics page with series that are known as work. One request, 0.5 s at most."""
    body = _page(one)
    if body is None:
        return False
    from perfwatch.workload.exposition import Page  # late: most starts find no server to ask
    from perfwatch.workload.quantities import KNOWN

    page = Page(body)
    return any(page.declares(series) for quantity in KNOWN for series in quantity.series)


def _page(one: Listener) -> bytes | None:
    until_s = time.monotonic() + WHOLE_S
    request = f"GET /metrics HTTP/1.0\r\nHost: localhost:{one.port}\r\nAccept: text/plain\r\n\r\n"
    try:
        with socket.create_connection((one.host, one.port), CONNECT_S) as connection:
            connection.sendall(request.encode("ascii"))
            answer = bytearray()
            while len(answer) < PAGE_BYTES and (left_s := until_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                piece = connection.recv(1 << 16)
                if not piece:
                    break
                answer += piece
    except OSError:
        return None
    head, blank, body = bytes(answer).partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split(b" ")
    fine = blank and len(status) > 1 and status[0].startswith(b"HTTP/") and status[1] == b"200"
    return body if fine else None


class Finder:
    """Looks for such a server on a thread of its own, until one is found or nobody needs one any more.

    Args:
        listening: what is listened on now.
        tells: whether one of them tells work.
    """

    def __init__(
        self,
        listening: Callable[[], Iterable[Listener]] = lambda: listeners(os.getuid()),
        tells: Callable[[Listener], bool] = tells_work,
    ) -> None:
        self.found = ""
        """The address of its page; empty until there is one."""
        self._listening = listening
        self._tells = tells
        self._asked: set[Listener] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perfwatch-finder", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no further: work is known, or the screen is closed."""
        self._end.set()

    def look(self) -> None:
        """Ask what has begun to listen since the last time."""
        for one in self._listening():
            if one not in self._asked and not self._end.is_set():
                self._asked.add(one)
                if self._tells(one):
                    self.found = one.url
                    return

    def _run(self) -> None:
        wait_s = FIRST_LOOK_S
        while not self.found and not self._end.wait(wait_s):
            self.look()
            wait_s = LOOK_S
