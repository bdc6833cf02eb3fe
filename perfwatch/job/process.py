"""The job's process: started as `time` would start it, waited for, signalled, never left to a helper."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from perfwatch.errors import ConfigError
from perfwatch.session.stdout import for_a_child

RUN_VARIABLE = "PERFWATCH_RUN"
"""Every process of the job carries it, so that those left behind can be named."""


class CannotStart(Exception):
    """The command cannot be started; `status` is a shell's: 127 not found, 126 not executable."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Ending:
    """How the job ended. `status` is as a shell gives it: 128+N when signal N ended it."""

    status: int
    signal: int | None
    cpu_s: float


class Job:
    """A running job."""

    def __init__(self, process: subprocess.Popen[bytes], *, apart: bool = False) -> None:
        self._process = process
        self._apart = apart
        self.pid = process.pid
        self.ending: Ending | None = None

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        stdout: int | None = None,
        stderr: int | None = None,
        user: str | None = None,
        unblocked: AbstractContextManager[None] | None = None,
        apart: bool = False,
    ) -> Job:
        """Start the command in our process group, with our standard input.

        Args:
            command: program and arguments.
            environment: the child's whole environment.
            stdout: a file descriptor for its standard output; None to inherit ours. Likewise `stderr`.
            user: run it as this user (we are root).
            unblocked: entered while the child is made, so that it inherits no blocked signal.
            apart: in a group of its own and with /dev/null as input: our terminal is taken by a dashboard.

        Raises:
            CannotStart: it was not found or is not executable.
        """
        identity = _identity(user)
        try:
            with unblocked or nullcontext():
                process = subprocess.Popen(
                    list(command), env={**environment, **identity.variables},
                    stdout=for_a_child() if stdout is None else stdout, stderr=stderr,
                    stdin=subprocess.DEVNULL if apart else None, start_new_session=apart,
                    user=identity.uid, group=identity.gid, extra_groups=identity.groups,
                )  # fmt: skip
        except FileNotFoundError as error:
            raise CannotStart(_not_found(command[0]), 127) from error
        except (PermissionError, NotADirectoryError, IsADirectoryError) as error:
            raise CannotStart(f"cannot execute {command[0]}: {error.strerror}", 126) from error
        except OSError as error:
            raise CannotStart(f"cannot execute {command[0]}: {error.strerror}", 126) from error
        except ValueError as error:
            raise CannotStart(f"cannot execute {command[0]!r}: {error}", 126) from error
        return cls(process, apart=apart)

    def poll(self) -> Ending | None:
        """How it ended, if it has."""
        if self.ending is None:
            try:
                pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            except ChildProcessError:
                self.ending = Ending(1, None, 0.0)
                return self.ending
            if pid == self.pid:
                code = os.waitstatus_to_exitcode(status)
                self._process.returncode = code  # Popen must not wait for it again
                self.ending = Ending(
                    code if code >= 0 else 128 - code,
                    -code if code < 0 else None,
                    round(usage.ru_utime + usage.ru_stime, 6),
                )
        return self.ending

    def hears_our_terminal(self) -> bool:
        """Whether what the terminal sends to our process group reaches it as well."""
        try:
            return os.getpgid(self.pid) == os.getpgrp()
        except OSError:
            return False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs; to its whole group where that is its own."""
        if self.ending is None:
            try:
                (os.killpg if self._apart else os.kill)(self.pid, number)
            except ProcessLookupError:
                return


@dataclass(frozen=True)
class _Identity:
    uid: int | None
    gid: int | None
    groups: list[int] | None
    variables: dict[str, str]


def job_user(asked: str | None) -> str | None:
    """Whom the job runs as: who was asked for, else under sudo who called it, else ourselves (None).

    Raises:
        ConfigError: there is no such user, or we may not become them.
    """
    if asked is not None:
        try:
            entry = pwd.getpwnam(asked)
        except KeyError:
            raise ConfigError(f"--as {asked}: there is no such user on this machine") from None
        if entry.pw_uid == os.geteuid():
            return None
        if os.geteuid() != 0:
            raise ConfigError(f"--as {asked}: only root can start the job as another user")
        return asked
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() != 0 or not caller.isdigit() or caller == "0":
        return None
    try:
        return pwd.getpwuid(int(caller)).pw_name
    except KeyError:
        return None


def _identity(user: str | None) -> _Identity:
    if user is None:
        return _Identity(None, None, None, {})
    entry = pwd.getpwnam(user)
    groups = os.getgrouplist(user, entry.pw_gid)
    variables = {"HOME": entry.pw_dir, "USER": user, "LOGNAME": user}
    return _Identity(entry.pw_uid, entry.pw_gid, groups, variables)


def _not_found(program: str) -> str:
    if Path(program).exists():
        return f"cannot execute {program}: the interpreter in its first line was not found"
    if "/" in program:
        return f"cannot start {program}: there is no such file"
    return f"cannot start {program}: not found in PATH; give its path, or install it where PATH looks"


def left_behind(run_id: str, root: Path = Path("/proc")) -> list[tuple[int, str]]:
    """Processes that still carry the run's mark in their environment: pid and name.

    Only those whose environment we may read (our own user's, or all as root).
    """
    mark = f"{RUN_VARIABLE}={run_id}".encode()
    return [
        (pid, name)
        for pid, environment, name in _processes(root)
        if pid != os.getpid() and mark in environment.split(b"\0")
    ]


def _processes(root: Path) -> Iterator[tuple[int, bytes, str]]:
    for entry in sorted(root.glob("[0-9]*")):
        try:
            if b") Z " in (entry / "stat").read_bytes():
                continue
            environment = (entry / "environ").read_bytes()
            name = (entry / "comm").read_text(errors="replace").strip()
        except OSError:
            continue
        yield int(entry.name), environment, name


def belongs_to(pid: int, job_pid: int, run_id: str, root: Path = Path("/proc")) -> bool:
    """Whether a process is of the job: it descends from it, or carries the run's mark."""
    seen = set()
    ancestor = pid
    while ancestor > 1 and ancestor not in seen:
        if ancestor == job_pid:
            return True
        seen.add(ancestor)
        ancestor = _parent(ancestor, root)
    try:
        environment = (root / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{RUN_VARIABLE}={run_id}".encode() in environment.split(b"\0")


def _parent(pid: int, root: Path) -> int:
    try:
        stat = (root / str(pid) / "stat").read_text(errors="replace")
        return int(stat.rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
