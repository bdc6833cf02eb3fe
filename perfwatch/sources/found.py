"""Which servers of this user's on this machine tell their work on a metrics page, unasked?

Only ports of loopback that the user's own processes listen on are asked, each with one small request now and
then; nothing is read of it but whether it is a page that the page collector knows.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from perfwatch.sources.listening import Listener

FIRST_LOOK_S, LOOK_S = 1.0, 5.0
"""When ports are looked at first, and how often from then on."""
CONNECT_S, WHOLE_S = 0.2, 0.5
"""How long a connection and a whole page are waited for."""
PAGE_BYTES = 1 << 20
AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""So long after one request comes the next: a server listens before it answers, and shows many counters only
once they counted something. What has no metrics is asked no more after these, all else each so often as at
last."""
ABREAST = 8
"""So many are asked at a time."""
FINE, NO_HTTP = 200, 0


class Answer(NamedTuple):
    """What a port answered.

    Args:
        place: the path of its metrics page; empty if it has none that is known as work.
        over: it is no server of metrics, or none that will be one.
    """

    place: str = ""
    over: bool = False


def asked(one: Listener) -> Answer:
    """Whether a port has a metrics page with series that are known as work: at most three small requests."""
    from perfwatch.workload.exposition import Page  # late: most starts find no server to ask
    from perfwatch.workload.servers import PATHS, recognised

    for place in PATHS:
        told = _told(one, place)
        if told is None:
            return Answer()
        status, body = told
        if status == NO_HTTP:
            break
        page = Page(body)
        if status == FINE and page.has_metrics:
            return Answer(place if recognised(page) else "")
    return Answer(over=True)


def _told(one: Listener, place: str) -> tuple[int, bytes] | None:
    """The status and what stands there; None if the port gave no answer in time."""
    until_s = time.monotonic() + WHOLE_S
    request = f"GET {place} HTTP/1.0\r\nHost: localhost:{one.port}\r\nAccept: text/plain\r\n\r\n"
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
    if not answer:
        return None
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    speaks = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()
    return (int(words[1]), body) if speaks else (NO_HTTP, b"")


class Found(NamedTuple):
    """A server that tells its work."""

    listener: Listener
    url: str
    """The address of its page."""


class Asker:
    """Asks those that listen, each for the first time at once and again after a while.

    Args:
        ask: one of them.
        now_s: time.
    """

    def __init__(
        self, ask: Callable[[Listener], Answer] = asked, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._now_s = now_s
        self._known: dict[Listener, tuple[int, float]] = {}
        """How often each was asked, and when it is asked next."""

    def found(self, listening: Iterable[Listener]) -> list[Found]:
        """Those that tell work, each once."""
        now_s, there = self._now_s(), list(listening)
        for gone in self._known.keys() - set(there):
            del self._known[gone]
        due = [one for one in there if self._known.get(one, (0, now_s))[1] <= now_s]
        if not due:
            return []
        found = []
        for one, answer in zip(due, self._answers(due), strict=True):
            self._known[one] = self._after(one, answer)
            if answer.place:
                found.append(Found(one, f"{one.root}{answer.place}"))
        return found

    def _answers(self, due: Sequence[Listener]) -> list[Answer]:
        if len(due) == 1:
            return [self._ask(due[0])]
        with ThreadPoolExecutor(ABREAST, thread_name_prefix="perfwatch-asker") as pool:
            return list(pool.map(self._ask, due))

    def _after(self, one: Listener, answer: Answer) -> tuple[int, float]:
        times = self._known.get(one, (0, 0.0))[0]
        enough = answer.place or (answer.over and times >= len(AGAIN_S))
        pause_s = float("inf") if enough else AGAIN_S[min(times, len(AGAIN_S) - 1)]
        return times + 1, self._now_s() + pause_s


def own_listeners() -> list[Listener]:
    """What this user's processes listen on now."""
    from perfwatch.sources.listening import listeners  # late: a start does not wait for it

    return listeners(os.getuid())


def others_listeners() -> list[Listener]:
    """What other users' processes listen on; they are never asked."""
    from perfwatch.sources.listening import listeners

    return listeners(os.getuid(), others=True)


class Finder:
    """Looks for such a server on a thread of its own, until one is found or nobody needs one any more.

    Args:
        listening: what is listened on now.
        asker: asks them.
    """

    def __init__(
        self, listening: Callable[[], Iterable[Listener]] = own_listeners, asker: Asker | None = None
    ) -> None:
        self.found = ""
        """The address of its page; empty until there is one."""
        self._listening = listening
        self._asker = asker or Asker()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perfwatch-finder", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no further: work is known, or the screen is closed."""
        self._end.set()

    def look(self) -> None:
        """Ask whoever listens, as far as it is their time."""
        found = self._asker.found(self._listening())
        if found and not self._end.is_set():
            self.found = found[0].url

    def _run(self) -> None:
        wait_s = FIRST_LOOK_S
        while not self.found and not self._end.wait(wait_s):
            self.look()
            wait_s = LOOK_S
