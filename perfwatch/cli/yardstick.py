"""`perfwatch yardstick [BENCHMARK]`: published results to compare a run with, without a session."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from perfwatch.cli import asking, results, standard

HELP = """Published MLPerf results: how fast systems are and what they draw.
`perfwatch summary FILE --against mlperf` puts a run beside them."""
SCHEMA = "perfwatch.yardstick/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "benchmark", nargs="?", metavar="BENCHMARK", help="resnet50, bert-99, ... (default: all)"
    )
    parser.add_argument(
        "--scenario", metavar="S", help="offline, server, single-stream, multi-stream, training"
    )
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="as JSON on standard output")
    asking.add_look_arguments(group)
    parser.add_argument("--config", metavar="FILE", help="configuration file instead of the user's own")


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config
    from perfwatch.errors import ConfigError
    from perfwatch.exporters.yardstick_text import render
    from perfwatch.yardstick.table import benchmark_of, benchmarks, find, in_order, scenario_of

    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}")
    scenario = scenario_of(args.scenario) if args.scenario is not None else None
    benchmark = benchmark_of(args.benchmark, scenario) if args.benchmark is not None else None
    rows = in_order(find(benchmark, scenario))
    if not rows:
        there = ", ".join(benchmarks()[benchmark]) if benchmark is not None else ""
        raise ConfigError(f"of {benchmark} no {scenario} result is published here: there are {there}")
    if args.json:
        results.write_json({"schema": SCHEMA, "source": "mlperf", "rows": [asdict(row) for row in rows]})
        return 0
    stream = standard.out()
    look = results.look(args, config, stream)
    text = render(rows, columns=look["width"] or 100, color=look["color"], ascii_only=look["ascii"])
    stream.write(text + "\n")
    return 0
