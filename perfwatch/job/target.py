"""What does the person mean by `attach WHAT`: a process, or a server by its URL?"""

from __future__ import annotations

import socket
from urllib.parse import SplitResult, urlsplit

from perfwatch.errors import ConfigError
from perfwatch.job import port
from perfwatch.job.attached import Target
from perfwatch.job.foreign import CannotAttach, ForeignProcess, take_hold
from perfwatch.redact import redact
from perfwatch.text import clean

CONNECT_S = 2.0
"""How long the first connection to a server is waited for."""
_WRITE = "write a process id or the URL of a server's metrics, such as http://127.0.0.1:8000/metrics"


def find_target(what: str) -> Target:
    """The process or the server.

    Raises:
        ConfigError: it is neither.
        CannotAttach: it is not there, or not ours to watch.
    """
    if what == "last":
        raise ConfigError(
            "cannot attach to last: this version starts no detached runs that it could mean; " + _WRITE
        )
    if what.isascii() and what.isdigit():
        return _process(int(what))
    if is_url(what):
        return _server(what)
    hint = f"; for a server: http://{what}" if ":" in what and "://" not in what else ""
    raise ConfigError(f"cannot attach to {clean(redact(what), 200)!r}: {_WRITE}{clean(redact(hint), 200)}")


def is_url(what: str) -> bool:
    """Whether it names a server."""
    return what.startswith(("http://", "https://"))


def _process(pid: int) -> Target:
    process = take_hold(pid)
    command = process.command()
    name = f" ({clean(redact(command[0]).rpartition('/')[2], 40)})" if command else ""
    return Target(f"process {pid}{name}", command, process.environment(), (process,))


def _server(url: str) -> Target:
    parts = urlsplit(url)
    try:
        host, number = parts.hostname or "", port.number_of(parts)
    except ValueError:
        host, number = "", 0
    if not host or not number:
        raise ConfigError(f"cannot attach to {clean(redact(url), 200)}: {_WRITE}")
    shown = _shown(parts)
    _check_answers(host, number, shown)
    addresses = port.loopback_addresses(host)
    processes = [ForeignProcess.open(pid) for pid in port.owners(addresses, number)] if addresses else []
    return Target(
        what=f"the server at {shown}",
        command=processes[0].command() if processes else [shown],
        environment=processes[0].environment() if processes else {},
        processes=processes,
        url=shown,
        listens=lambda: port.is_open(addresses, number),
    )


def _shown(parts: SplitResult) -> str:
    """The address without user, password, query and what we put behind its `#`."""
    return clean(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", 200)


def _check_answers(host: str, number: int, shown: str) -> None:
    try:
        socket.create_connection((host, number), CONNECT_S).close()
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CannotAttach(
            f"cannot attach to {shown}: no connection ({clean(reason.lower(), 100)}); "
            "is the server up, and the port right?"
        ) from error
