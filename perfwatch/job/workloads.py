"""Where the job's work is counted: the texts of `-w`, and the collectors that they mean."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

from perfwatch.errors import ConfigError
from perfwatch.redact import redact
from perfwatch.text import clean

STREAMS = ("stdout", "stderr", "output")
POLLED = {"prometheus": "page", "log": "log", "jsonl": "jsonl"}
"""Kinds that are read by a collector of their own, one for each `-w`, and that collector's name."""
_LATER = ("loadgen", "mllog", "auto")
_EXAMPLES = {
    "statsd": "udp://127.0.0.1:8125",
    "prometheus": "http://127.0.0.1:8000/metrics",
    "log": "'server.log:done in {latency__ms} ms'",
    "jsonl": "results.jsonl:queries=done",
    **dict.fromkeys(STREAMS, "'{samples__rate} samples/s'"),
}


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
        help="where work is counted: stdout=PATTERN, stderr=PATTERN, output=PATTERN (both), "
        "log=PATH:PATTERN, jsonl=PATH, URL of a server or prometheus=URL, statsd=ADDR; repeatable. "
        "A job that uses perfwatch.client or $PERFWATCH_STATSD needs none",
    )


def parse(texts: Sequence[str]) -> list[Workload]:
    """The workloads of a command line.

    Raises:
        ConfigError: one is not of the form KIND=VALUE, its kind is none that this version reads, or its
            pattern, path or address cannot be read.
    """
    wanted = [_parse(text) for text in texts]
    _check(wanted)
    return wanted


def polled(wanted: Sequence[Workload]) -> list[Any]:
    """The collectors that read pages and files, one for each workload of such a kind.

    Raises:
        ConfigError: an address, a path or a pattern cannot be read.
    """
    from perfwatch import plugins

    found: list[Any] = []
    counts: dict[str, int] = {}
    for one in wanted:
        name = POLLED.get(one.kind)
        if name is not None:
            collector: Any = plugins.load(plugins.find(name))
            index = counts.get(name, 0)
            counts[name] = index + 1
            found.append(collector(collector.Options.of(one.value, index)))
    return found


def _check(wanted: Sequence[Workload]) -> None:
    """Refuse what no collector will take, before anything is opened or recorded."""
    from perfwatch.workload.patterns import compile_pattern

    for one in wanted:
        if one.kind in STREAMS:
            compile_pattern(one.value)
    polled(wanted)


def _parse(text: str) -> Workload:
    if text.startswith(("http://", "https://")):
        return Workload("prometheus", text)
    kind, equals, value = text.partition("=")
    kinds = (*STREAMS, "statsd", *POLLED)
    if equals and kind in kinds:
        if not value:
            raise ConfigError(f"-w {clean(text)}: nothing follows the equals sign; {_example(kind)}")
        return Workload(kind, value)
    shown = clean(redact(text))
    if kind in _LATER:
        raise ConfigError(f"-w {shown}: this version does not read {kind}; there is {', '.join(kinds)}")
    if "://" in text:
        raise ConfigError(f"-w {shown}: the page of a server is given such as {_EXAMPLES['prometheus']}")
    raise ConfigError(
        f"-w {shown}: write KIND=VALUE, where KIND is one of {', '.join(kinds)}; {_example('stdout')}"
    )


def _example(kind: str) -> str:
    return f"for example -w {kind}={_EXAMPLES[kind]}"
