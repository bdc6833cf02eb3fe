"""May we watch this process, which somebody else started, and does it still run?

A process is told from a later one with its number by a pidfd where the system has them, else by the time of
its start (proc(5), field 22 of `stat`). All is read from /proc; nothing is sent to the process.
"""

from __future__ import annotations

import os
import pwd
import select
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from perfwatch.errors import ConfigError, PerfwatchError

PROC = Path("/proc")
MOST_PROCESSES = 2000
"""So many of a tree are looked at."""
KERNEL_THREADS = 2
"""Parent of the kernel's own threads."""
_OVER = "ZX"
_STARTED = 19
"""Of what follows the name in `stat`: the start, in ticks since boot."""


class CannotAttach(PerfwatchError):
    """It is not there, has ended, or is not ours to watch."""


class ForeignProcess:
    """A running process that is not our child.

    Args:
        pid: its number.
        root: where /proc is.
        pidfd: names it whatever becomes of its number; None where the system has none.
    """

    def __init__(self, pid: int, root: Path = PROC, pidfd: int | None = None) -> None:
        self.pid = pid
        self._root = root
        self._pidfd = pidfd
        self._started = _started(pid, root)

    @classmethod
    def open(
        cls, pid: int, root: Path = PROC, open_pidfd: Callable[[int], int] | None = None
    ) -> ForeignProcess:
        """Take hold of a process.

        Args:
            pid: its number.
            root: where /proc is.
            open_pidfd: `os.pidfd_open` by default, where there is one.

        Raises:
            CannotAttach: there is none with this number, or it has ended.
        """
        opener = open_pidfd or getattr(os, "pidfd_open", None)
        try:
            pidfd = None if opener is None else opener(pid)
        except OSError:  # gone, or a kernel or sandbox without pidfds: /proc tells which
            pidfd = None
        process = cls(pid, root, pidfd)
        if process.has_ended():
            raise CannotAttach(f"cannot attach to process {pid}: it has ended")
        return process

    def has_ended(self) -> bool:
        """Whether it is over; one whose parent has not taken note of that yet is."""
        if self._pidfd is not None:
            return _is_readable(self._pidfd)
        return self._started is None or _started(self.pid, self._root) != self._started

    @property
    def wakes(self) -> bool:
        """Whether its end is told at once (`when_over`), so that nobody need look often."""
        return self._pidfd is not None

    def when_over(self, call: Callable[[], None]) -> None:
        """Call this once when it is over, from a thread of its own; nothing where the system cannot tell."""
        if self._pidfd is None:
            return
        pidfd = self._pidfd

        def wait() -> None:
            poller = select.poll()
            poller.register(pidfd, select.POLLIN)
            poller.poll()
            call()

        threading.Thread(target=wait, name="perfwatch-pidfd", daemon=True).start()

    def command(self) -> list[str]:
        """Its command line, else its name in brackets; [] if neither can be read."""
        try:
            text = (self._root / str(self.pid) / "cmdline").read_bytes()
            words = [os.fsdecode(word) for word in text.rstrip(b"\0").split(b"\0")]
            if any(words):
                return words
            return [f"[{(self._root / str(self.pid) / 'comm').read_text(errors='replace').strip()}]"]
        except OSError:
            return []

    def environment(self) -> dict[str, str]:
        """What it was started with; {} if that may not be read."""
        try:
            text = (self._root / str(self.pid) / "environ").read_bytes()
        except OSError:
            return {}
        pairs = (os.fsdecode(entry).partition("=") for entry in text.split(b"\0") if b"=" in entry)
        return {name: value for name, _, value in pairs}


def take_hold(pid: int) -> ForeignProcess:
    """Hold a process of which a run makes sense.

    Raises:
        ConfigError, CannotAttach: as `check_attachable`.
    """
    check_attachable(pid)
    process = ForeignProcess.open(pid)
    check_attachable(pid)  # again: the number may have passed to another before it was held
    if process.has_ended():
        raise CannotAttach(f"cannot attach to process {pid}: it has ended")
    return process


def check_attachable(pid: int, root: Path = PROC, own_uid: int | None = None) -> None:
    """Whether this number is that of a process which the person may watch.

    Args:
        pid: the number.
        root: where /proc is.
        own_uid: whose processes may be watched (0: everybody's); our own by default.

    Raises:
        ConfigError: it is no process of which a run makes sense; says what to name.
        CannotAttach: there is none, it has ended, or it is another user's.
    """
    what = f"cannot attach to process {pid}"
    if pid == os.getpid():
        raise ConfigError(f"{what}: that is perfwatch itself; name the process that does the work")
    if pid == 1:
        raise ConfigError(f"{what}: every process here descends from it; name the one that does the work")
    if not root.is_dir():
        raise CannotAttach(f"{what}: this system has no {root} to look into; give the URL of its server")
    status = _status(pid, root)
    if status is None:
        raise _not_there(pid, what)
    if status.get("Tgid", str(pid)) != str(pid):
        process = status["Tgid"]
        raise ConfigError(f"{what}: that is a thread of process {process}; attach to {process}")
    if KERNEL_THREADS in (pid, int(status.get("PPid") or 0)):
        raise ConfigError(f"{what}: that is a thread of the kernel; name the process that does the work")
    if status.get("State", "")[:1] in _OVER:
        parent = status.get("PPid", "unknown")
        raise CannotAttach(f"{what}: it has ended already, only its parent (pid {parent}) has not noticed")
    _check_owner(what, int(status.get("Uid", "0").split()[0]), os.geteuid() if own_uid is None else own_uid)


class Tree:
    """Processes and all that descends from them.

    One that was seen in the tree stays of it when its parent ends and another becomes its parent.
    """

    def __init__(self, roots: Iterable[int], root: Path = PROC) -> None:
        self._roots = frozenset(roots)
        self._root = root
        self._seen: dict[int, int | None] = {}

    def holds(self, pid: int) -> bool:
        """Whether a process is of the tree."""
        started = _started(pid, self._root)
        if started is not None and self._seen.get(pid, -1) == started:
            return True
        found = bool(self._roots & {pid, *ancestors(pid, self._root)})
        if found:
            self._seen[pid] = started
        return found


def descendants(roots: Iterable[int], root: Path = PROC) -> dict[int, list[int]]:
    """The children of each process of a tree, those of the roots included."""
    waiting, found = list(roots), dict[int, list[int]]()
    while waiting and len(found) < MOST_PROCESSES:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = _children(pid, root)
            waiting += found[pid]
    return found


def _children(pid: int, root: Path) -> list[int]:
    """Its children, as far as the kernel lists them (CONFIG_PROC_CHILDREN)."""
    found: list[int] = []
    try:
        threads = list((root / str(pid) / "task").iterdir())
    except OSError:
        return found
    for thread in threads:
        try:
            text = (thread / "children").read_text()
        except OSError:
            continue
        found += [int(word) for word in text.split() if word.isdigit()]
    return found


def ancestors(pid: int, root: Path = PROC) -> list[int]:
    """Its parent, that one's parent, and so on."""
    found: list[int] = []
    parent = _parent(pid, root)
    while parent > 0 and parent not in found:
        found.append(parent)
        parent = _parent(parent, root)
    return found


def _not_there(pid: int, what: str) -> PerfwatchError:
    try:
        os.kill(pid, 0)  # asks, and sends nothing
    except PermissionError:
        return CannotAttach(f"{what}: it is another user's; run perfwatch as that user, or with sudo")
    except (ProcessLookupError, OverflowError):
        return CannotAttach(f"{what}: there is no process with this number (ps -e lists them)")
    return CannotAttach(f"{what}: what it is cannot be read in /proc; run perfwatch with sudo")


def _check_owner(what: str, owner_uid: int, own_uid: int) -> None:
    if own_uid in (0, owner_uid):
        return
    try:
        owner = pwd.getpwuid(owner_uid).pw_name
    except KeyError:
        owner = f"uid {owner_uid}"
    raise CannotAttach(f"{what}: it is {owner}'s; run perfwatch as that user, or with sudo")


def _status(pid: int, root: Path) -> dict[str, str] | None:
    try:
        lines = (root / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.partition(":") for line in lines)
    return {key: value.strip() for key, _, value in pairs}


def _stat(pid: int, root: Path) -> list[str]:
    """What follows the name in `stat`: state, parent, ...; [] if it is not there."""
    try:
        return (root / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _started(pid: int, root: Path) -> int | None:
    """When a process that still runs was started; None for one that is over or not there."""
    fields = _stat(pid, root)
    if len(fields) <= _STARTED or fields[0] in _OVER:
        return None
    return int(fields[_STARTED])


def _parent(pid: int, root: Path) -> int:
    fields = _stat(pid, root)
    return int(fields[1]) if len(fields) > 1 else 0


def _is_readable(fd: int) -> bool:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(0))
