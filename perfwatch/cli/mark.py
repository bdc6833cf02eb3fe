"""`perfwatch mark NAME [begin|end]`: put a mark into the run around this shell."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time

from perfwatch.errors import ConfigError, reason_of
from perfwatch.workload.address import VARIABLE, Address, parse_address
from perfwatch.workload.statsd import EDGES, mark_line

HELP = "Put a mark into the run around this shell: the begin or end of a phase, or a point."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the phase; `measure` is the measured window")
    parser.add_argument("edge", nargs="?", choices=EDGES, default="point", help="what happens now")


def run(args: argparse.Namespace) -> int:
    at_ns = time.monotonic_ns()
    line = mark_line(args.name, args.edge, at_ns)
    told = os.environ.get(VARIABLE)
    if not told:
        raise ConfigError(
            f"cannot put the mark {args.name!r}: {VARIABLE} is not set, so this shell is not inside a run; "
            "start it with: perfwatch run -- COMMAND"
        )
    address = parse_address(told)
    try:
        _send(address, line)
    except OSError as error:
        reason = reason_of(error)
        print(
            f"perfwatch mark: cannot put the mark {args.name!r}: nothing takes it at {address} ({reason}); "
            "is the run over?",
            file=sys.stderr,
        )
        return 1
    return 0


def _send(address: Address, line: bytes) -> None:
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        sock.connect(address.place)
        sock.send(line)
        # On the same machine the answer "nobody listens" is there when `send` returns.
        refused = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if refused:
            raise OSError(refused, os.strerror(refused))
