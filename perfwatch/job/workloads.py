"""Where the job's work is counted: the texts of `-w`, and the collectors that they mean."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from perfwatch.errors import ConfigError
from perfwatch.text import clean

STREAMS = ("stdout", "stderr", "output")
_LATER = ("prometheus", "log", "jsonl", "loadgen", "mllog", "auto")


class Workload(NamedTuple):
    """One `-w`: its kind and what follows the equals sign."""

    kind: str
    value: str


def add_argument(parser: argparse.ArgumentParser) -> None:
    """The option `-w`."""
    parser.add_argument(
        "-w",
        "--workload",
        metavar="SPEC",
        action="append",
        default=[],
        help="where work is counted: stdout=PATTERN, stderr=PATTERN, output=PATTERN (both), statsd=ADDR; "
        "repeatable. A job that uses perfwatch.client or $PERFWATCH_STATSD needs none",
    )


def parse(texts: Sequence[str]) -> list[Workload]:
    """The workloads of a command line.

    Raises:
        ConfigError: one is not of the form KIND=VALUE, or its kind is none that this version reads.
    """
    return [_parse(text) for text in texts]


def _parse(text: str) -> Workload:
    kind, equals, value = text.partition("=")
    if equals and kind in (*STREAMS, "statsd"):
        if not value:
            raise ConfigError(f"-w {clean(text)}: nothing follows the equals sign; {_example(kind)}")
        return Workload(kind, value)
    if kind in _LATER or "://" in text:
        raise ConfigError(
            f"-w {clean(text)}: this version counts work in a job's output and through StatsD; "
            "use stdout=PATTERN, stderr=PATTERN, output=PATTERN or statsd=ADDR"
        )
    kinds = ", ".join(STREAMS)
    raise ConfigError(
        f"-w {clean(text)}: write KIND=VALUE, where KIND is {kinds} or statsd; {_example('stdout')}"
    )


def _example(kind: str) -> str:
    if kind == "statsd":
        return "for example -w statsd=udp://127.0.0.1:8125"
    return f"for example -w {kind}='{{samples__rate}} samples/s'"
