"""How do datagrams get in without loss, each with the time of its arrival, whatever state we are in?

The kernel stamps them (SO_TIMESTAMPNS), so that a time is right even when perfwatch was stopped or busy,
and keeps them in a buffer as large as it permits. What it had to drop it counts (SO_MEMINFO).
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
import struct
import sys
from pathlib import Path

from perfwatch.clock import Clock, SystemClock, ahead_ns
from perfwatch.errors import Unavailable, reason_of
from perfwatch.workload.address import Address

# Linux' include/uapi/asm-generic/socket.h; Python names none of these (it names SO_TIMESTAMPNS from 3.14 on).
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SO_MEMINFO = 55
MEMINFO = struct.Struct("9I")
MEMINFO_DROPS = 8
"""Index of SK_MEMINFO_DROPS (include/uapi/linux/sock_diag.h)."""
TIMESPEC = struct.Struct("@ll")
BUFFER_BYTES = 64 * 2**20
"""The kernel doubles it for its own accounting: some 160,000 small datagrams."""
LARGEST_DATAGRAM = 65_536
"""UDP has no larger ones; Unix sockets have."""
CUT = b"(a datagram of more than 64 KB was cut here)"
LINUX = sys.platform == "linux" and sys.maxsize > 2**32


class Inlet:
    """A bound datagram socket.

    Args:
        address: where to listen; port 0 lets the system choose.
        clock: tells the time of arrival where the kernel's stamp cannot be used.

    Raises:
        Unavailable: the system refuses the address.
    """

    def __init__(self, address: Address, clock: Clock) -> None:
        self._clock = clock
        self._made: tuple[Path, int] | None = None
        self._socket = socket.socket(address.family, socket.SOCK_DGRAM)
        try:
            self._bind(address)
        except OSError as error:
            self._socket.close()
            raise Unavailable(
                f"cannot listen for StatsD on {address}: {reason_of(error)}; choose another port or path"
            ) from error
        self._socket.setblocking(False)
        self.buffer_bytes = _widen(self._socket)
        # The kernel's stamps belong to the system's clocks and mean nothing on any other.
        self.stamped = isinstance(clock, SystemClock) and _ask_for_stamps(self._socket)
        self._latest_ns = clock.monotonic_ns()
        self._ear, self._bell = socket.socketpair()
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._poll.register(self._ear, select.POLLIN)

    @property
    def address(self) -> Address:
        """Where it listens, with the port that the system chose."""
        name = self._socket.getsockname()
        family = self._socket.family
        return Address(family, name if isinstance(name, str) else (name[0], name[1]))

    def wait(self) -> None:
        """Wait until something arrived, or `wake` was called."""
        self._poll.poll()

    def wake(self) -> None:
        """End `wait` in another thread, now and from now on."""
        self._bell.send(b"x")

    def take(self, most: int) -> list[tuple[int, bytes]]:
        """What arrived, in order, each with its time (CLOCK_MONOTONIC, ns); at most so many datagrams."""
        now_ns = self._clock.monotonic_ns()
        offset_ns = ahead_ns(self._clock)
        taken: list[tuple[int, bytes]] = []
        receive = self._socket.recvmsg
        space = socket.CMSG_SPACE(TIMESPEC.size) if self.stamped else 0
        while len(taken) < most:
            try:
                data, ancillary, flags, _ = receive(LARGEST_DATAGRAM, space)
            except (BlockingIOError, InterruptedError):
                break
            except ConnectionError:
                continue  # an earlier answer of ours bounced; nothing to do with what comes in
            at_ns = now_ns
            if flags & socket.MSG_TRUNC:
                # Half a line can say something else; one that cannot be read is said.
                data = data[: data.rfind(b"\n") + 1] + CUT
            if ancillary:
                seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
                at_ns = seconds * 1_000_000_000 + nanoseconds + offset_ns
            taken.append((at_ns, data))
        return self._in_order(taken)

    def dropped(self) -> int | None:
        """How many datagrams the kernel has dropped so far; None where it does not tell."""
        if not LINUX:
            return None
        try:
            return int(
                MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size))[
                    MEMINFO_DROPS
                ]
            )
        except (OSError, struct.error):
            return dropped_by_table(Path("/proc/net"), os.fstat(self._socket.fileno()).st_ino)

    def close(self) -> None:
        """Stop listening; a Unix socket's file goes with it."""
        for sock in (self._socket, self._ear, self._bell):
            sock.close()
        if self._made is not None:
            path, inode = self._made
            with contextlib.suppress(OSError):
                if path.stat(follow_symlinks=False).st_ino == inode:
                    path.unlink()
            self._made = None

    def _bind(self, address: Address) -> None:
        if isinstance(address.place, str):
            path = Path(address.place)
            _clear_left_over(path)
            self._socket.bind(address.place)
            path.chmod(0o600)
            self._made = (path, path.stat().st_ino)
        else:
            self._socket.bind(address.place)

    def _in_order(self, taken: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """The same with times that never fall and are not in the future, whatever the wall clock did."""
        now_ns = self._clock.monotonic_ns()
        latest_ns = self._latest_ns
        for place, (at_ns, data) in enumerate(taken):
            if at_ns < latest_ns or at_ns > now_ns:
                at_ns = min(max(at_ns, latest_ns), now_ns)  # noqa: PLW2901
                taken[place] = (at_ns, data)
            latest_ns = at_ns
        self._latest_ns = latest_ns
        return taken


def dropped_by_table(proc_net: Path, inode: int) -> int | None:
    """The drops of a UDP socket by its line in /proc/net/udp or udp6 (proc_net(5): inode and drops)."""
    for name in ("udp", "udp6"):
        try:
            lines = (proc_net / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if len(columns) >= 13 and columns[9] == str(inode) and columns[12].isdecimal():
                return int(columns[12])
    return None


def _widen(sock: socket.socket) -> int:
    """Make the receive buffer as large as the system permits; what it became, in bytes."""
    if LINUX:
        with contextlib.suppress(OSError):  # needs CAP_NET_ADMIN
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
            return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    size = BUFFER_BYTES
    while size >= 65_536:
        try:
            # Linux cuts it to net.core.rmem_max; other systems refuse what is too much.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
            break
        except OSError:
            size //= 2
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _ask_for_stamps(sock: socket.socket) -> bool:
    if not LINUX:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def _clear_left_over(path: Path) -> None:
    """Remove a socket's file that nobody listens on any more; anything else stays and makes `bind` fail."""
    try:
        if not stat.S_ISSOCK(path.stat(follow_symlinks=False).st_mode):
            return
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
