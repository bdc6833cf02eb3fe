"""Where the job's work is counted: the texts of `-w`, and the collectors that they mean."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from perfwatch.errors import ConfigError
from perfwatch.redact import redact
from perfwatch.text import clean

STREAMS = ("stdout", "stderr", "output")
POLLED = {"prometheus": "page", "log": "log", "jsonl": "jsonl", "mllog": "mllog", "loadgen": "loadgen"}
"""Kinds that are read by a collector of their own, one for each `-w`, and that collector's name."""
AUTO = "auto"
"""Looks for the job's servers by itself (perfwatch.job.auto)."""
_EXAMPLES = {
    "statsd": "udp://127.0.0.1:8125",
    "prometheus": "http://127.0.0.1:8000/metrics",
    "log": "'server.log:done in {latency__ms} ms'",
    "jsonl": "results.jsonl:queries=done",
    "mllog": "result_0.txt",
    "loadgen": "build/logs",
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
        "log=PATH:PATTERN, jsonl=PATH, mllog=PATH, loadgen=DIR, URL of a server or prometheus=URL, "
        "statsd=ADDR, auto (servers on this machine that the job runs or is connected to); repeatable. "
        "A job that uses perfwatch.client or $PERFWATCH_STATSD needs none",
    )


def parse(texts: Sequence[str]) -> list[Workload]:
    """The workloads of a command line.

    Raises:
        ConfigError: one is not of the form KIND=VALUE, its kind is none that this version reads, or its
            pattern, path or address cannot be read.
    """
    wanted = distinct([_parse(text) for text in texts])
    _check(wanted)
    return wanted


def distinct(wanted: Sequence[Workload]) -> list[Workload]:
    """Each source once, however often it was named: what it counts must not be added to itself.

    A page that is named with and without counters of one's own is read once, with all of them.
    """
    found: dict[tuple[str, str], Workload] = {}
    both = {one.value for one in wanted if one.kind == "output"}
    for one in wanted:
        if one.kind in ("stdout", "stderr") and one.value in both:
            continue
        key = (one.kind, _place_of_page(one.value) if one.kind == "prometheus" else one.value)
        known = found.get(key)
        found[key] = one if known is None else _merged(known, one)
    return list(found.values())


def _place_of_page(url: str) -> str:
    """What two addresses of one page have in common."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url  # `_check` says what is wrong with it
    host = "127.0.0.1" if host == "localhost" else host
    path = "/metrics" if parts.path in ("", "/") else parts.path
    return f"{parts.scheme}://{host}:{port}{path}?{parts.query}"


def _merged(known: Workload, again: Workload) -> Workload:
    """The same page, with the counters that either names."""
    address, _, named = known.value.partition("#")
    more = again.value.partition("#")[2]
    both = ",".join(dict.fromkeys(filter(None, (named, more))))
    return known._replace(value=f"{address}#{both}" if both else address)


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


def pages(wanted: Sequence[Workload]) -> list[str]:
    """The addresses of the metrics pages that are named."""
    return [one.value.partition("#")[0] for one in wanted if one.kind == "prometheus"]


def page_collector(url: str, index: int, since_ns: int) -> Any:
    """The collector of a page that was found.

    Args:
        url: its address.
        index: the number among the pages of a run.
        since_ns: when its server began to count, on the monotonic clock; 0 if that is not known.
    """
    from perfwatch import plugins

    collector: Any = plugins.load(plugins.find(POLLED["prometheus"]))
    return collector(collector.Options(url, index, since_ns))


def _check(wanted: Sequence[Workload]) -> None:
    """Refuse what no collector will take, before anything is opened or recorded."""
    from perfwatch.workload.patterns import compile_pattern

    for one in wanted:
        if one.kind in STREAMS and one.value != "mllog":  # which is no pattern (perfwatch_collectors.output)
            compile_pattern(one.value)
    polled(wanted)


def _parse(text: str) -> Workload:
    if text.startswith(("http://", "https://")):
        return Workload("prometheus", text)
    if text == AUTO:
        return Workload(AUTO, "")
    kind, equals, value = text.partition("=")
    kinds = (*STREAMS, "statsd", *POLLED)
    if equals and kind in kinds:
        if not value:
            raise ConfigError(f"-w {clean(text)}: nothing follows the equals sign; {_example(kind)}")
        return Workload(kind, value)
    shown = clean(redact(text))
    if kind == AUTO:
        raise ConfigError(f"-w {shown}: write just -w auto; the address of a server is given as -w URL")
    if "://" in text:
        raise ConfigError(f"-w {shown}: the page of a server is given such as {_EXAMPLES['prometheus']}")
    raise ConfigError(
        f"-w {shown}: write KIND=VALUE, where KIND is one of {', '.join(kinds)}, or the http:// address of a "
        f"server's metrics page, or auto; {_example('stdout')}"
    )


def _example(kind: str) -> str:
    return f"for example -w {kind}={_EXAMPLES[kind]}"
