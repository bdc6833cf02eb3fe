"""Which servers of this machine count the job's work, unasked (`-w auto`)?

Those that the job runs, and those that it is connected to; not one that only another of them is connected to,
which would count the same work once more. The pages of all servers of this user's are read along and kept to
ourselves (the job's own from its begin, others from before it): what they said is recorded once one proves to
count the job's work, and never if it does not.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from perfwatch.clock import NS
from perfwatch.job import port
from perfwatch.job.foreign import PROC, Tree, descendants
from perfwatch.job.held import Held
from perfwatch.job.sockets import askers
from perfwatch.job.workers import Server
from perfwatch.sources.found import Asker, Found, own_listeners
from perfwatch.sources.listening import Listener

LOOK_S = 0.5
"""How often is looked for servers that are new, and for connections."""
PAUSES = 50
"""And so many times as long is waited as looking took: many processes have many files open."""
TRIES = 5
"""So often at each look is seen what the job and its servers are connected to."""
SETTLED_LOOKS = 4
"""So often one of the job's own is seen to work without another server asking it until it is believed."""
IDLE_S = 10.0
"""After so long one of the job's own counts that does not work yet."""


class Job(NamedTuple):
    """What is to be known of the job.

    Args:
        roots: its first processes.
        belongs: whether a process is of it.
        serves: told of each server that counts its work.
        began_ns: when it began; what it runs began to count then.
        is_new: all its processes began after that.
    """

    roots: Sequence[int]
    belongs: Callable[[int], bool]
    serves: Callable[[Server], None]
    began_ns: int
    is_new: bool


@dataclass
class _Candidate:
    """A server whose page is read, and held back.

    Args:
        tree: its processes.
        is_own: the job runs it; None as long as that was not looked at.
        since_ns: when it was found.
        looks: how often it was seen to work without being asked by another server.
        is_behind: another server asks it.
    """

    found: Found
    server: Server
    page: Held
    tree: Tree
    owners: Sequence[int]
    since_ns: int
    is_own: bool | None = None
    looks: int = 0
    is_behind: bool = False


class ServersOfTheJob:
    """Looks for them on a thread of its own while the job runs.

    Args:
        add: takes another collector in.
        page: the collector of the page at an address, the number among the pages, and since when it counts
            the job's work (0: from its first reading).
        tell: told a sentence for people, and whose it is.
        named: servers that are read already.
        pages: how many pages are read already.
        asker: asks those that listen.
        listening: who does.
        root: where /proc is.
    """

    def __init__(
        self,
        add: Callable[[Any], None],
        page: Callable[[str, int, int], Any],
        tell: Callable[[str, str], None],
        named: Iterable[Server] = (),
        pages: int = 0,
        *,
        asker: Asker | None = None,
        listening: Callable[[], Sequence[Listener]] = own_listeners,
        root: Path = PROC,
    ) -> None:
        self._add = add
        self._page = page
        self._tell = tell
        self._named = list(named)
        self._ports = {server.port for server in self._named}
        self._asker = asker or Asker()
        self._listening = listening
        self._root = root
        self._pages = pages
        self._held: list[_Candidate] = []
        self._trees: list[Tree] = []
        """The processes of all servers that are known."""
        self._server_pids: set[int] = set()
        """Those of them that listen."""
        self._taken = 0
        self._pause_s = LOOK_S
        self._job: Job | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perfwatch-auto", daemon=True)

    def look_before(self) -> None:
        """Take in the servers that are there before the job."""
        for server in self._named:
            owners = self._owners(server)
            self._trees.append(Tree(owners, self._root))
            self._server_pids.update(owners)
        for found in self._new():
            self._hold(found, 0)

    def begin(self, job: Job) -> None:
        """The job runs from now on."""
        self._job = job
        self._thread.start()

    def end(self) -> None:
        """It is over: decide what is left to decide, and say if nothing was found."""
        self._over.set()
        if self._job is None:
            return
        self._thread.join(2 * LOOK_S)
        for one in [one for one in self._held if one.is_own and not one.is_behind]:
            self._take(one, self._job, "the job runs it")
        if not self._taken and not self._named:
            self._tell("page", self._nothing())

    def _nothing(self) -> str:
        """A job in a container is not seen to be connected: it is not guessed which server it asks."""
        found = "-w auto found no server that the job runs or is connected to and whose page counts work"
        others = [one.found.url for one in sorted(self._held, key=lambda one: not one.page.works)]
        return (
            f"{found} (there is {', '.join(others)}); name it: -w URL"
            if others
            else f"{found}; name it: -w URL"
        )

    def _run(self) -> None:
        job = self._job
        assert job is not None
        while not self._over.wait(self._pause_s):
            self._look(job)

    def _look(self, job: Job) -> None:
        for found in self._new():
            self._hold(found, job.began_ns if job.is_new else 0)
        if not self._held:
            return
        now_ns = time.monotonic_ns()
        asking = self._asking(job)
        self._pause_s = max(LOOK_S, PAUSES * (time.monotonic_ns() - now_ns) / NS)
        for one in list(self._held):
            if one.is_own is None:
                one.is_own = any(map(job.belongs, one.owners))
            self._decide(one, job, asking.get(one.server.port, set()), now_ns)

    def _asking(self, job: Job) -> dict[int, set[int]]:
        """Who is connected to which of the ports; the job and its servers may be so for moments only."""
        ports = {one.server.port for one in self._held}
        found = askers(ports, self._root)
        likely = {*self._server_pids, *descendants(job.roots, self._root)}
        for _ in range(TRIES):
            for number, pids in askers(ports, self._root, among=likely).items():
                found.setdefault(number, set()).update(pids)
        return found

    def _decide(self, one: _Candidate, job: Job, asking: set[int], now_ns: int) -> None:
        """Whether its work is the job's, by who is connected to it."""
        servers = {pid for pid in asking if self._is_of_another_server(pid, one)}
        one.is_behind = one.is_behind or bool(servers)
        if any(map(job.belongs, asking - servers - set(one.owners))):
            self._take(one, job, "the job runs it" if one.is_own else "the job is connected to it")
        elif one.is_own and not one.is_behind:
            one.looks += one.page.works
            if one.looks >= SETTLED_LOOKS or now_ns - one.since_ns > IDLE_S * NS:
                self._take(one, job, "the job runs it")

    def _is_of_another_server(self, pid: int, one: _Candidate) -> bool:
        return any(tree is not one.tree and tree.holds(pid) for tree in self._trees)

    # -- one server

    def _new(self) -> list[Found]:
        """Servers whose page is not read yet; one that begins anew at a port is read on."""
        return self._asker.found([one for one in self._listening() if one.port not in self._ports])

    def _owners(self, server: Server) -> list[int]:
        return port.owners(server.addresses, server.port, self._root)

    def _hold(self, found: Found, began_ns: int) -> None:
        """Read its page along; if it is the job's own, all it counted since that began."""
        server = server_of(found)
        owners = self._owners(server)
        is_own = any(map(self._job.belongs, owners)) if self._job is not None else None
        page = self._page(found.url, self._pages, began_ns if is_own else 0)
        self._pages += 1
        self._ports.add(server.port)
        one = _Candidate(
            found, server, Held(page), Tree(owners, self._root), owners, time.monotonic_ns(), is_own
        )
        self._trees.append(one.tree)
        self._server_pids.update(owners)
        self._held.append(one)
        self._add(page)

    def _take(self, one: _Candidate, job: Job, because: str) -> None:
        self._held.remove(one)
        one.page.let_go(job.began_ns)
        self._taken += 1
        job.serves(one.server)
        self._tell("auto", f"the server at {one.found.url} counts the work: {because}")


def server_of(found: Found) -> Server:
    """Where it is, as the evidence of processes wants it."""
    return Server((ipaddress.ip_address(found.listener.host),), found.listener.port)
