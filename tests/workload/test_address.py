from __future__ import annotations

import socket

import pytest

from perfwatch.errors import ConfigError
from perfwatch.workload.address import parse_address

GOOD = [
    ("udp://127.0.0.1:8125", socket.AF_INET, ("127.0.0.1", 8125), "udp://127.0.0.1:8125"),
    ("127.0.0.1:0", socket.AF_INET, ("127.0.0.1", 0), "udp://127.0.0.1:0"),
    (":8125", socket.AF_INET, ("127.0.0.1", 8125), "udp://127.0.0.1:8125"),
    ("udp://[::1]:8125", socket.AF_INET6, ("::1", 8125), "udp://[::1]:8125"),
    ("unix:/tmp/a b", socket.AF_UNIX, "/tmp/a b", "unix:/tmp/a b"),
    ("unix:///tmp/a", socket.AF_UNIX, "/tmp/a", "unix:/tmp/a"),
]


@pytest.mark.parametrize(("text", "family", "place", "shown"), GOOD)
def test_an_address_is_understood(text: str, family: int, place: object, shown: str) -> None:
    address = parse_address(text)
    assert (address.family, address.place, str(address)) == (family, place, shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8125",
        "udp://",
        "udp://host",
        "udp://host:x",
        "udp://h:99999",
        "tcp://h:1",
        "unix:",
        "unix:" + "x" * 200,
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot use the address"):
        parse_address(text)
