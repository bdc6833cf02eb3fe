"""Where are StatsD lines sent: what does `udp://HOST:PORT` or `unix:PATH` mean?"""

from __future__ import annotations

import socket
from typing import NamedTuple

from perfwatch.errors import ConfigError

VARIABLE = "PERFWATCH_STATSD"
"""The environment variable that tells a job the address."""


class Address(NamedTuple):
    """A place for datagrams: the family of the socket and what `connect` or `bind` takes."""

    family: socket.AddressFamily
    place: tuple[str, int] | str

    def __str__(self) -> str:
        if isinstance(self.place, str):
            return f"unix:{self.place}"
        host, port = self.place
        return f"udp://[{host}]:{port}" if ":" in host else f"udp://{host}:{port}"


def parse_address(text: str) -> Address:
    """The place that a text names.

    Raises:
        ConfigError: it names none.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path or "\0" in path or len(path.encode()) > 100:
            raise ConfigError(f"cannot use the address {text!r}: unix: needs a path of at most 100 bytes")
        return Address(socket.AF_UNIX, path)
    host, colon, port = text.removeprefix("udp://").rpartition(":")
    if "/" in host or not colon or not (port.isascii() and port.isdecimal() and int(port) < 65536):
        raise ConfigError(
            f"cannot use the address {text!r}: write udp://HOST:PORT, such as udp://127.0.0.1:8125, "
            "or unix:PATH"
        )
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    return Address(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, int(port)))
