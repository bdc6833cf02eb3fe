"""On which ports of loopback do this user's own processes listen?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from perfwatch.job.sockets import ListeningSocket, listening_sockets

LEAST_PORT = 1024
"""Below are the system's own services, which would only write the request into their logs."""
NEVER = frozenset({3306, 5432, 5672, 6379, 9092, 11211, 27017})
"""Databases and queues: they speak no HTTP and take a request of it for an attack."""
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "127.0.0.1": "127.0.0.1", "::": "::1", "::1": "::1"}  # noqa: S104 - read


class Listener(NamedTuple):
    """A port that is listened on. The inode tells apart what listened there one after the other."""

    host: str
    port: int
    inode: str

    @property
    def root(self) -> str:
        """The address of the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def listeners(
    user_id: int, sockets: Iterable[ListeningSocket] | None = None, *, others: bool = False
) -> list[Listener]:
    """The ports of loopback that this user's processes listen on; none where the kernel does not tell.

    Args:
        sockets: what listens; asked for if not given.
        others: those of all other users instead.
    """
    found: dict[int, Listener] = {}
    for one in listening_sockets() if sockets is None else sockets:
        host = _REACHED_AT.get(str(one.address))
        if (
            (one.user_id == user_id) is not others
            and host is not None
            and one.port >= LEAST_PORT
            and one.port not in NEVER
        ):
            found.setdefault(one.port, Listener(host, one.port, one.inode))
    return list(found.values())
