"""Which processes use the machine most, and which processes are they children of?

Of a process its name and numbers are recorded, never its arguments: they may hold secrets. Of an interpreter
the script that it runs is told as well (`python train.py`), since its own name says nothing. On Linux
/proc/PID/stat is read directly (proc(5)), which takes a quarter of psutil's time; elsewhere psutil tells.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from perfwatch.model import Table
from perfwatch.redact import redact
from perfwatch.text import clean

COLUMNS = ("pid", "ppid", "name", "user", "cpu_ratio", "rss_bytes", "started")
"""`cpu_ratio`: 1 is one CPU busy since the scan before; `started`: seconds since 1970."""
_LARGEST_BY_CPU = 20
_LARGEST_BY_MEMORY = 20
_ANCESTORS = 64
_NAME_LENGTH = 64
_INTERPRETERS = ("python", "pypy", "node", "ruby", "perl", "julia", "bash", "sh", "zsh")
_COMMAND_BYTES = 4096
_CODE = ("--eval", "--print")
_CODE_AMONG = re.compile(r"-[A-Za-z]*[cep]").match
"""Options by which code, or where to read it, stands on the command line: `-c`, `-e`, `-p`, `-lc`."""


class Process(NamedTuple):
    """One process at one moment. `started_s` in seconds since 1970; `user` is empty until it is asked for."""

    pid: int
    ppid: int
    name: str
    user: str
    cpu_s: float
    rss_bytes: int
    started_s: float


class Processes:
    """Scans the processes and keeps their CPU time for the next scan's differences.

    Args:
        root: stands before /proc.
        psutil: the module, for boot time, and for everything where there is no /proc.
    """

    def __init__(self, root: Path, psutil: Any) -> None:
        self._proc = root / "proc"
        self._psutil = psutil
        self._linux = (self._proc / "stat").is_file()
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._users: dict[int, str] = {}
        self._scripts: dict[tuple[int, float, str], str] = {}
        self._before: tuple[int, dict[tuple[int, float], float]] | None = None

    def table(self, now_ns: int) -> Table:
        """The largest processes and their ancestors, by PID.

        Args:
            now_ns: the time of the scan; `cpu_ratio` is `None` in the first one.
        """
        found = {process.pid: process for process in self._scan()}
        ratios = self._cpu_ratios(now_ns, found.values())
        chosen = _with_ancestors(_largest(found.values(), ratios), found)
        self._scripts = {
            self._key(one): self._scripts.get(self._key(one)) or self._named(one) for one in chosen
        }
        rows = [self._row(process, ratios.get(process.pid)) for process in chosen]
        return Table("processes", COLUMNS, rows)

    def _row(self, process: Process, cpu_ratio: float | None) -> Sequence[Any]:
        return (
            process.pid,
            process.ppid,
            clean(self._scripts[self._key(process)], _NAME_LENGTH),
            clean(process.user or self._user(process.pid), _NAME_LENGTH),
            # CPU time comes in ticks of 10 ms: more digits would be noise.
            round(cpu_ratio, 4) if cpu_ratio is not None else None,
            process.rss_bytes,
            round(process.started_s, 2),
        )

    @staticmethod
    def _key(process: Process) -> tuple[int, float, str]:
        """A process between one exec and the next."""
        return process.pid, process.started_s, process.name

    def _named(self, process: Process) -> str:
        """Its name, and of an interpreter what it runs."""
        if not self._linux or process.name.rstrip("0123456789.") not in _INTERPRETERS:
            return process.name
        try:
            with open(f"{self._proc}/{process.pid}/cmdline", "rb") as file:  # noqa: PTH123 - as below
                arguments = file.read(_COMMAND_BYTES).decode("utf-8", "replace").split("\0")
        except OSError:
            return process.name
        return f"{process.name} {script_of(arguments[1:])}".rstrip()

    def _cpu_ratios(self, now_ns: int, processes: Iterable[Process]) -> dict[int, float]:
        """CPU time since the scan before over the time since then; a PID given anew starts at nothing."""
        before, self._before = (
            self._before,
            (now_ns, {(one.pid, one.started_s): one.cpu_s for one in processes}),
        )
        if before is None or now_ns <= before[0]:
            return {}
        step_s = (now_ns - before[0]) * 1e-9
        return {
            pid: max(0.0, cpu_s - before[1].get((pid, started_s), 0.0)) / step_s
            for (pid, started_s), cpu_s in self._before[1].items()
        }

    def _scan(self) -> list[Process]:
        return self._scan_proc() if self._linux else self._scan_psutil()

    def _scan_proc(self) -> list[Process]:
        try:
            names = os.listdir(self._proc)  # noqa: PTH208 - a thousand Path objects cost more than the reading
        except OSError:
            return []
        booted_s = float(self._psutil.boot_time())
        found = []
        for name in names:
            if name.isdigit():
                process = self._read_proc(int(name), booted_s)
                if process is not None:
                    found.append(process)
        return found

    def _read_proc(self, pid: int, booted_s: float) -> Process | None:
        """proc(5): the name stands in parentheses and may contain some; fields 4, 14, 15, 22, 24 follow."""
        try:
            descriptor = os.open(f"{self._proc}/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            text = os.read(descriptor, 4096)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        name, _, rest = text.partition(b"(")[2].rpartition(b")")
        fields = rest.split()
        try:
            return Process(
                pid=pid,
                ppid=int(fields[1]),
                name=name.decode("utf-8", "replace"),
                user="",
                cpu_s=(int(fields[11]) + int(fields[12])) / self._ticks_per_s,
                rss_bytes=int(fields[21]) * self._page_bytes,
                started_s=booted_s + int(fields[19]) / self._ticks_per_s,
            )
        except (IndexError, ValueError):
            return None

    def _scan_psutil(self) -> list[Process]:
        wanted = ["ppid", "name", "username", "cpu_times", "memory_info", "create_time"]
        found = []
        for process in self._psutil.process_iter(wanted):
            told = process.info
            if told["cpu_times"] is None or told["memory_info"] is None:
                continue  # not ours to look at
            found.append(
                Process(
                    pid=process.pid,
                    ppid=told["ppid"] or 0,
                    name=told["name"] or "",
                    user=told["username"] or "?",
                    cpu_s=told["cpu_times"].user + told["cpu_times"].system,
                    rss_bytes=told["memory_info"].rss,
                    started_s=told["create_time"] or 0.0,
                )
            )
        return found

    def _user(self, pid: int) -> str:
        """The owner's name, asked once for each user: the answer may come over a network."""
        try:
            uid = os.stat(f"{self._proc}/{pid}").st_uid  # noqa: PTH116 - as above
        except OSError:
            return "?"
        if uid not in self._users:
            self._users[uid] = _user_name(uid)
        return self._users[uid]


def script_of(arguments: Sequence[str]) -> str:
    """What an interpreter runs: a file's name, or `-m MODULE`; empty where code stands among its arguments.

    What comes after that are the program's own arguments, which are nobody's business.
    """
    for place, argument in enumerate(arguments):
        if argument == "-m":
            return redact(" ".join(arguments[place : place + 2]))
        if argument == "-" or argument.startswith(_CODE) or _CODE_AMONG(argument):
            return ""
        if not argument.startswith("-") and ("." in argument or "/" in argument):
            return redact(argument.rsplit("/", 1)[-1])
    return ""


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _largest(processes: Iterable[Process], ratios: dict[int, float]) -> list[Process]:
    """The largest by CPU and by memory; a process that uses none of either is not among them."""
    everyone = list(processes)
    by_cpu = [one for one in everyone if ratios.get(one.pid, 0.0) > 0]
    by_memory = [one for one in everyone if one.rss_bytes > 0]
    by_cpu.sort(key=lambda one: (-ratios[one.pid], one.pid))
    by_memory.sort(key=lambda one: (-one.rss_bytes, one.pid))
    chosen = {one.pid: one for one in by_cpu[:_LARGEST_BY_CPU] + by_memory[:_LARGEST_BY_MEMORY]}
    return list(chosen.values())


def _with_ancestors(chosen: Iterable[Process], everyone: dict[int, Process]) -> list[Process]:
    """The chosen and whom they descend from, so that a tree can be drawn; by PID."""
    kept = {process.pid: process for process in chosen}
    for process in list(kept.values()):
        parent = everyone.get(process.ppid)
        for _ in range(_ANCESTORS):
            if parent is None or parent.pid in kept:
                break
            kept[parent.pid] = parent
            parent = everyone.get(parent.ppid)
    return [kept[pid] for pid in sorted(kept)]
