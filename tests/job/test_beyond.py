"""Who serves behind a container's proxy: by what it is connected to, and by who listens there."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from perfwatch.job.beyond import Place, is_in_a_container_at, reached

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
HERE, CONTAINER = "0100007F", "020011AC"
"""127.0.0.1 and 172.17.0.2."""
BRIDGE = "010011AC"
AT = [Place(ip_address("172.17.0.2"), 8000, is_here=False)]


def row(local: str, remote: str, state: str, inode: int) -> str:
    return f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1\n"


def table(root: Path, pid: str, *rows: str) -> None:
    net = root / pid / "net"
    net.mkdir(parents=True, exist_ok=True)
    (net / "tcp").write_text(HEAD + "".join(rows))


def process(root: Path, pid: int, *, network: int = 0, sockets: tuple[int, ...] = ()) -> None:
    fds = root / str(pid) / "fd"
    fds.mkdir(parents=True)
    for fd, inode in enumerate(sockets):
        (fds / str(fd)).symlink_to(f"socket:[{inode}]")
    own = root / str(pid) / "ns"
    own.mkdir()
    (own / "net").symlink_to(root / f"network-{network}")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine on which process 40 passes port 8000 on to a container with process 50."""
    for network in (0, 1, 2):
        (tmp_path / f"network-{network}").touch()
    table(
        tmp_path,
        "self",
        row(f"{HERE}:1F40", f"{HERE}:C350", "01", 11),  # somebody who asks the proxy
        row(f"{BRIDGE}:C351", f"{CONTAINER}:1F40", "01", 12),  # what the proxy passes on
        row(f"{HERE}:C352", f"{HERE}:1F90", "01", 13),  # another process's
    )
    (tmp_path / "self/ns").mkdir()
    (tmp_path / "self/ns/net").symlink_to(tmp_path / "network-0")
    process(tmp_path, 40, sockets=(11, 12))
    process(tmp_path, 50, network=1)
    return tmp_path


def test_a_proxy_has_a_connection_to_the_container(proc: Path) -> None:
    assert reached([40], 8000, proc) == set(AT)


@pytest.mark.parametrize(
    ("listens", "has", "expected"),
    [
        ("00000000:1F40", CONTAINER, True),
        (f"{CONTAINER}:1F40", "", True),
        ("00000000:1F41", CONTAINER, False),
        ("00000000:1F40", BRIDGE, False),
    ],
)
def test_who_listens_there_in_a_network_of_its_own_serves(
    proc: Path, listens: str, has: str, expected: bool
) -> None:
    table(proc, "50", row(listens, "00000000:0000", "0A", 90))
    words = str(ip_address(bytes.fromhex(has)[::-1])) if has else "127.0.0.1"
    (proc / "50/net/fib_trie").write_text(f"Local:\n     |-- {words}\n        /32 host LOCAL\n")
    assert is_in_a_container_at(50, AT, proc) is expected


def test_who_is_in_our_own_network_is_in_no_container(proc: Path) -> None:
    process(proc, 60, network=0)
    table(proc, "60", row(f"{CONTAINER}:1F40", "00000000:0000", "0A", 90))
    assert not is_in_a_container_at(60, AT, proc)
    assert not is_in_a_container_at(70, AT, proc), "a process that is not there"
