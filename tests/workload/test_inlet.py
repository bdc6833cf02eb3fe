from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from perfwatch.clock import SystemClock
from perfwatch.errors import Unavailable
from perfwatch.testing import FakeClock
from perfwatch.workload.address import Address, parse_address
from perfwatch.workload.inlet import Inlet, dropped_by_table

LOOPBACK = parse_address("udp://127.0.0.1:0")


def send(address: Address, *datagrams: bytes) -> None:
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.connect(address.place)
        for datagram in datagrams:
            sock.send(datagram)


def test_what_was_sent_comes_in_order_with_times_between_sending_and_taking() -> None:
    clock = SystemClock()
    inlet = Inlet(LOOPBACK, clock)
    try:
        before_ns = clock.monotonic_ns()
        send(inlet.address, b"a", b"b", b"")
        inlet.wait()
        taken = inlet.take(10)
        assert [data for _, data in taken] == [b"a", b"b", b""]
        times = [at_ns for at_ns, _ in taken]
        # The kernel stamps by the wall clock: two readings apart from one another cost some microseconds.
        assert before_ns - 1_000_000 <= times[0] <= times[1] <= times[2] <= clock.monotonic_ns()
        assert inlet.take(10) == []
        assert inlet.dropped() == 0
    finally:
        inlet.close()


def test_another_clock_gets_its_own_times() -> None:
    clock = FakeClock()
    inlet = Inlet(LOOPBACK, clock)
    try:
        send(inlet.address, b"a")
        inlet.wait()
        assert inlet.take(10) == [(clock.monotonic_ns(), b"a")]
    finally:
        inlet.close()


def test_a_wall_clock_that_was_set_back_or_on_moves_no_time_out_of_order() -> None:
    clock = FakeClock()
    inlet = Inlet(LOOPBACK, clock)
    try:
        now_ns = clock.monotonic_ns()
        clock.advance(1.0)
        wild = [(now_ns - 10**12, b"a"), (now_ns + 10**12, b"b"), (now_ns, b"c")]
        times = [at_ns for at_ns, _ in inlet._in_order(wild)]
        assert times == [now_ns, clock.monotonic_ns(), clock.monotonic_ns()]
    finally:
        inlet.close()


def test_a_unix_socket_is_private_and_its_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "statsd"
    inlet = Inlet(parse_address(f"unix:{path}"), SystemClock())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    send(inlet.address, b"a")
    inlet.wait()
    assert [data for _, data in inlet.take(10)] == [b"a"]
    inlet.close()
    assert not path.exists()
    inlet.close()


def test_the_file_of_a_dead_listener_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "statsd"
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(path))
    dead.close()
    inlet = Inlet(parse_address(f"unix:{path}"), SystemClock())
    send(inlet.address, b"a")
    inlet.wait()
    assert [data for _, data in inlet.take(10)] == [b"a"]
    inlet.close()


def test_somebody_elses_file_or_socket_stays(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("mine")
    with pytest.raises(Unavailable, match="address already in use"):
        Inlet(parse_address(f"unix:{plain}"), SystemClock())
    assert plain.read_text() == "mine"
    first = Inlet(parse_address(f"unix:{tmp_path / 'live'}"), SystemClock())
    with pytest.raises(Unavailable, match="address already in use"):
        Inlet(first.address, SystemClock())
    first.close()


def test_a_port_that_is_taken_is_said() -> None:
    first = Inlet(LOOPBACK, SystemClock())
    with pytest.raises(Unavailable, match=r"cannot listen .* address already in use; choose another"):
        Inlet(first.address, SystemClock())
    first.close()


def test_what_does_not_fit_into_the_buffer_is_counted_by_the_kernel() -> None:
    inlet = Inlet(LOOPBACK, SystemClock())
    try:
        inlet._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        send(inlet.address, *[b"x" * 1000] * 200)
        received = len(inlet.take(1000))
        dropped = inlet.dropped()
        assert dropped is not None
        assert 0 < received < 200
        assert received + dropped == 200
        assert dropped_by_table(Path("/proc/net"), os.fstat(inlet._socket.fileno()).st_ino) == dropped
    finally:
        inlet.close()


def test_the_table_of_sockets_is_read_by_inode(tmp_path: Path) -> None:
    """Invented lines in the format of proc_net(5)."""
    header = (
        "  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref\n"
    )
    line = " 415: 0100007F:1F90 00000000:0000 07 0:0 00:0 00000000 0 0 777 2 0000000000000000 42\n"
    (tmp_path / "udp").write_text(header)
    (tmp_path / "udp6").write_text(header + line)
    assert dropped_by_table(tmp_path, 777) == 42
    assert dropped_by_table(tmp_path, 778) is None
    assert dropped_by_table(tmp_path / "absent", 777) is None


def test_waiting_ends_when_it_is_woken() -> None:
    inlet = Inlet(LOOPBACK, SystemClock())
    waiting = threading.Thread(target=inlet.wait, daemon=True)
    waiting.start()
    inlet.wake()
    waiting.join(10)
    assert not waiting.is_alive()
    inlet.close()
