"""Which server of this user's on this machine tells its work on a metrics page, unasked?

Only ports of loopback that the user's own processes listen on are asked, each once, with one small request;
nothing is read of it but whether it is a page that the page collector knows.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfwatch.sources.listening import Listener

FIRST_LOOK_S, LOOK_S = 1.0, 5.0
"""When ports are looked at first, and how often from then on."""
CONNECT_S, WHOLE_S = 0.2, 0.5
"""How long a connection and a whole page are waited for."""
PAGE_BYTES = 1 << 20


def tells_work(one: Listener) -> bool:
    """Whether there is a metrics page with series that are known as work. One request, 0.5 s at most."""
    body = _page(one)
    if body is None:
        return False
    from perfwatch.workload.exposition import Page  # late: most starts find no server to ask
    from perfwatch.workload.servers import recognised

    return bool(recognised(Page(body)))


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


def _own_listeners() -> Iterable[Listener]:
    from perfwatch.sources.listening import listeners  # late: a start does not wait for it

    return listeners(os.getuid())


class Finder:
    """Looks for such a server on a thread of its own, until one is found or nobody needs one any more.

    Args:
        listening: what is listened on now.
        tells: whether one of them tells work.
    """

    def __init__(
        self,
        listening: Callable[[], Iterable[Listener]] = _own_listeners,
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
