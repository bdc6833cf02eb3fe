"""Which servers of this machine count the job's work, unasked (`-w auto`)?

Those that the job runs, and those that it is connected to; not one that only another of them is connected to,
which would count the same work once more. The pages of all servers of this user's are read along and kept to
ourselves (the job's own from its begin, others from before it): what they said is recorded once one proves to
count the job's work, and never if it does not.

Who is connected to whom is seen by looking, and a connection may last for a moment only. So of several
servers it is looked closely while one of them works, and two whose counters move alike are not both
believed.
"""

from __future__ import annotations

import ipaddress
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from perfwatch.clock import NS
from perfwatch.job import port
from perfwatch.job.foreign import PROC, Tree, descendants
from perfwatch.job.held import Held
from perfwatch.job.sockets import askers, sockets_of
from perfwatch.job.workers import Server
from perfwatch.sources.found import Asker, Found, others_listeners, own_listeners
from perfwatch.sources.listening import Listener

LOOK_S = 0.5
"""How often is looked for servers that are new, and for connections."""
CLOSELY_S = 0.4
"""For so long of that is looked again and again while it is not known whether one of several counts."""
TRY_S, TRIES = 0.015, 10
"""So long lies between two of these, and so many times as long as one of them took."""
PAUSES = 50
"""So many times as long as looking at all processes took is waited for the next time: they may have many
files open."""
SETTLED_MOVES = 6
"""After so many moves of its counters, in which no other server was seen to ask it, one is believed."""
SURE_S = 1.0
"""Of several none is believed before so long: who asks whom is seen first when they work."""
IDLE_S = 10.0
"""And after so long one of the job's own that does not work yet."""
ALIKE = 0.02
"""Counters that moved equally far, up to this share, or one query, count the same."""


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


@dataclass(eq=False)
class _Known:
    """A server.

    Args:
        server: where it is.
        url: of its page.
        page: what it says, held back or let go.
        since_ns: when it was found.
        owners: the processes that listen; none before it is up.
        ports: all at which they listen: queries may come in at another one than the page has.
        tree: these and their descendants.
        is_own: the job runs it; None as long as that was not looked at.
        is_named: by a person.
        is_taken: it counts.
        is_behind: another server asks it.
        is_in_front: it asks one that counts already.
        askers: which processes of the job were seen to do so that are of no server, as far as is known, and
            since when.
    """

    server: Server
    url: str
    page: Held
    since_ns: int
    owners: Sequence[int] = ()
    ports: Set[int] = frozenset()
    tree: Tree = field(default_factory=lambda: Tree(()))
    is_own: bool | None = None
    is_named: bool = False
    is_taken: bool = False
    is_behind: bool = False
    is_in_front: bool = False
    askers: dict[int, int] = field(default_factory=dict)

    @property
    def asked_ns(self) -> int | None:
        """Since when somebody asks it who is no server: of another's than the job's the job itself."""
        return min(self.askers.values(), default=None)

    @property
    def is_asked(self) -> bool:
        return bool(self.askers)

    @property
    def works(self) -> bool:
        return self.page.moves > 0


class ServersOfTheJob:
    """Looks for them on a thread of its own while the job runs.

    Args:
        add: takes another collector in.
        page: the collector of the page at an address, the number among the pages, and since when it counts
            the job's work (0: from its first reading).
        tell: told a sentence for people, and whose it is.
        named: servers that are read already, and the collectors of their pages.
        pages: how many pages are read already.
        asker: asks those that listen.
        listening: who does.
        others: who does of other users; they are not asked.
        root: where /proc is.
    """

    def __init__(
        self,
        add: Callable[[Any], None],
        page: Callable[[str, int, int], Any],
        tell: Callable[[str, str], None],
        named: Iterable[tuple[Server, Any]] = (),
        pages: int = 0,
        *,
        asker: Asker | None = None,
        listening: Callable[[], Sequence[Listener]] = own_listeners,
        others: Callable[[], Sequence[Listener]] = others_listeners,
        root: Path = PROC,
    ) -> None:
        self._add = add
        self._page = page
        self._tell = tell
        self._asker = asker or Asker()
        self._listening = listening
        self._others = others
        self._foreign: dict[int, Listener] = {}
        """Those of other users that the job was seen to be connected to."""
        self._root = root
        self._pages = pages
        self._known = [
            _Known(
                server,
                named_page.options.url,
                Held(named_page, is_free=True),
                0,
                is_named=True,
                is_taken=True,
            )
            for server, named_page in named
        ]
        self._next_ns = 0
        """When all processes are looked at again."""
        self._job: Job | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perfwatch-auto", daemon=True)

    def look_before(self) -> None:
        """Take in the servers that are there before the job."""
        self._find_owners()
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
        for one in [one for one in self._held if not one.is_in_front]:
            if one.is_asked or (one.is_own and not one.is_behind):
                self._take(one, self._job, "the job runs it" if one.is_own else "the job is connected to it")
        if not any(one.is_taken for one in self._known):
            self._tell("page", self._nothing())
            return
        for one in self._held:
            if one.works and not one.is_behind and not one.is_in_front:
                self._tell(
                    "auto",
                    f"the server at {one.url} worked meanwhile as well, and the job was not seen to ask it: "
                    "it is in no count; if the job did, name both: -w URL",
                )

    @property
    def _held(self) -> list[_Known]:
        """Those of which it is not decided whether they count."""
        return [one for one in self._known if not one.is_taken]

    def _nothing(self) -> str:
        """A job in a container is not seen to be connected: it is not guessed which server it asks."""
        if self._foreign:
            urls = [one.root for one in self._foreign.values()]
            return (
                f"-w auto asks no other user's server unless it is named, and the job is connected to "
                f"{', '.join(urls)}; name it: -w {urls[0]}"
            )
        found = "-w auto found no server that the job runs or is connected to and whose page counts work"
        others = [one.url for one in sorted(self._held, key=lambda one: not one.works)]
        there = f" (there is {', '.join(others)})" if others else ""
        return f"{found}{there}; name it: -w URL"

    def _run(self) -> None:
        job = self._job
        assert job is not None
        while not self._over.wait(LOOK_S):
            self._look(job)

    def _look(self, job: Job) -> None:
        if not any(one.is_taken for one in self._known):
            self._look_at_others(job)
        for found in self._new():
            self._hold(found, job.began_ns if job.is_new else 0)
        if not self._held:
            return
        self._find_owners()
        for one in self._held:
            if one.is_own is None:
                one.is_own = any(map(job.belongs, one.owners))
        self._look_at_connections(job)
        now_ns = time.monotonic_ns()
        for one in self._held:
            self._decide(one, job, now_ns)

    def _look_at_others(self, job: Job) -> None:
        """Take note of other users' servers that the job is connected to."""
        there = {one.port: one for one in self._others()}
        asking = askers(set(there), self._root, among=list(descendants(job.roots, self._root)))
        self._foreign.update((number, there[number]) for number in asking)

    # -- who asks whom

    def _look_at_connections(self, job: Job) -> None:
        """Everybody's now and then; those of the job and of the servers more closely."""
        began_ns = time.monotonic_ns()
        ports = {number for one in self._known for number in one.ports}
        if began_ns >= self._next_ns:
            self._take_note(askers(ports, self._root), job)
            took_ns = time.monotonic_ns() - began_ns
            self._next_ns = began_ns + max(round(LOOK_S * NS), PAUSES * took_ns)
        likely = {pid for one in self._known for pid in descendants(one.owners, self._root)}
        likely.update(descendants(job.roots, self._root))
        moving = any(one.is_own and (one.works or one.is_asked) for one in self._held)
        closely = len(self._known) > 1 and moving
        until_ns = time.monotonic_ns() + round(CLOSELY_S * NS if closely else 0)
        while True:
            tried_ns = time.monotonic_ns()
            self._take_note(askers(ports, self._root, among=likely), job)
            now_ns = time.monotonic_ns()
            pause_s = max(TRY_S, TRIES * (now_ns - tried_ns) / NS)
            if now_ns >= until_ns or self._over.wait(pause_s):
                return

    def _take_note(self, asking: Mapping[int, set[int]], job: Job) -> None:
        for one in self._known:
            for pid in {pid for number in one.ports for pid in asking.get(number, ())}:
                if pid == os.getpid() or one.tree.holds(pid):
                    continue
                if pid in one.askers:
                    continue
                server = next((other for other in self._known if other.tree.holds(pid)), None)
                if server is not None:
                    self._is_asked_by(one, server)
                elif one.is_own or job.belongs(pid):
                    one.askers[pid] = time.monotonic_ns()

    def _is_asked_by(self, one: _Known, server: _Known) -> None:
        one.is_behind = True
        server.is_in_front = server.is_in_front or one.is_taken

    def _note_what_asked_before(self, server: _Known) -> None:
        """A server that is new may have been seen to ask others when nobody knew that it is one."""
        for one in self._known:
            for pid in [pid for pid in one.askers if one is not server and server.tree.holds(pid)]:
                del one.askers[pid]
                self._is_asked_by(one, server)

    def _find_owners(self) -> None:
        """Whose processes listen, and where else they do: one that a person named may come up late."""
        listening = self._listening()
        for one in self._known:
            if not one.owners:
                one.owners = self._owners(one.server)
                one.tree = Tree(one.owners, self._root)
            inodes = {inode for pid in one.owners for inode in sockets_of(pid, self._root)}
            one.ports = {one.server.port, *(each.port for each in listening if each.inode in inodes)}

    def _owners(self, server: Server) -> list[int]:
        return port.owners(server.addresses, server.port, self._root)

    # -- one server

    def _decide(self, one: _Known, job: Job, now_ns: int) -> None:
        """Whether its work is the job's, by who is connected to it."""
        if one.is_in_front:
            return
        if one.asked_ns is not None:
            if len(self._known) > 1 and now_ns - one.asked_ns < SURE_S * NS:
                return
            self._take(one, job, "the job runs it" if one.is_own else "the job is connected to it")
        elif one.is_own and not one.is_behind:
            idle = not one.works and now_ns - one.since_ns > IDLE_S * NS
            if idle or one.page.moves >= SETTLED_MOVES:
                self._take(one, job, "the job runs it")

    def _new(self) -> list[Found]:
        """Servers whose page is not read yet; one that begins anew at a port is read on."""
        ports = {one.server.port for one in self._known}
        return self._asker.found([one for one in self._listening() if one.port not in ports])

    def _hold(self, found: Found, began_ns: int) -> None:
        """Read its page along; if it is the job's own, all it counted since that began."""
        server = server_of(found)
        owners = self._owners(server)
        is_own = any(map(self._job.belongs, owners)) if self._job is not None else None
        page = self._page(found.url, self._pages, began_ns if is_own else 0)
        self._pages += 1
        one = _Known(
            server=server,
            url=found.url,
            page=Held(page),
            since_ns=time.monotonic_ns(),
            owners=owners,
            ports={server.port},
            tree=Tree(owners, self._root),
            is_own=is_own,
        )
        self._known.append(one)
        self._note_what_asked_before(one)
        self._add(page)

    def _take(self, one: _Known, job: Job, because: str) -> None:
        twin = next((other for other in self._known if other.is_taken and _count_the_same(one, other)), None)
        if twin is not None and not (one.is_asked and set(one.owners).isdisjoint(twin.owners)):
            one.is_behind = True
            self._tell(
                "auto",
                f"the server at {one.url} is left out: it counts the same as the one at {twin.url}, and "
                "nobody else was seen to ask it; if these are two replicas, name both: -w URL",
            )
            return
        one.is_taken = True
        one.page.let_go(job.began_ns)
        job.serves(one.server)
        self._tell("auto", f"the server at {one.url} counts the work: {because}")


def _count_the_same(one: _Known, other: _Known) -> bool:
    """Whether all that both count grew equally since they were read first; of one process, at two ports."""
    mine, theirs = one.page.growth(), other.page.growth()
    common = [name for name in mine if name in theirs and (mine[name] or theirs[name])]
    return bool(common) and all(
        abs(mine[name] - theirs[name]) <= max(1.0, ALIKE * max(mine[name], theirs[name])) for name in common
    )


def server_of(found: Found) -> Server:
    """Where it is, as the evidence of processes wants it."""
    return Server((ipaddress.ip_address(found.listener.host),), found.listener.port)
