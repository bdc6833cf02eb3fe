"""`perfwatch try SPEC < FILE`: show what a pattern finds in a job's output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from perfwatch.errors import ConfigError, SessionError
from perfwatch.model import Device, DeviceKind, Histogram, Kind, Metric, Sample
from perfwatch.workload.account import Account
from perfwatch.workload.lines import Lines
from perfwatch.workload.patterns import Finding, Pattern, Says, compile_pattern
from perfwatch.workload.presets import PRESETS
from perfwatch.workload.tally import Tally, clean_text

HELP = """Show what a pattern finds in a job's output, read from standard input: per line, and in total.
Exits with 1 if nothing matched."""
_KINDS = ("stdout=", "stderr=", "output=")
_READ_BYTES = 65536
_UNITS = {
    Says.TOTAL: "in all",
    Says.INCREMENT: "more",
    Says.RATE: "/s",
    Says.TIMING: "s",
    Says.GAUGE: "(gauge)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "spec",
        metavar="SPEC",
        help="a pattern, or what -w takes: stdout=PATTERN, stderr=PATTERN, output=PATTERN, log=PATH:PATTERN. "
        f"A pattern is a template ('step {{steps}}'), a regex, or one of {', '.join(PRESETS)}",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a matching line, then the totals"
    )


def run(args: argparse.Namespace) -> int:
    pattern = compile_pattern(_pattern_of(args.spec))
    if sys.stdin.isatty():
        raise ConfigError(
            "there is no output to search; give it on standard input: perfwatch try SPEC < FILE"
        )
    trial = Trial(pattern)
    show = _show_json if args.json else _show_text
    for number, line, findings in trial.search(sys.stdin.buffer):
        show(number, line, findings)
    if args.json:
        print(json.dumps({"lines": trial.lines, "matched": trial.matched, "totals": trial.totals()}))
    else:
        _show_totals(trial)
    return 0 if trial.matched else 1


class Trial:
    """One pattern over one file, and what it adds up to."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.lines = 0
        self.matched = 0
        self.last_line = ""
        self._tally = Tally(Device("try", "try", DeviceKind.WORKLOAD), 0)
        self._account = Account(pattern, self._tally)

    def search(self, stream: BinaryIO) -> Iterator[tuple[int, str, tuple[Finding, ...]]]:
        """The matching lines: their number, text, and what was found."""
        for line in _lines(stream):
            self.lines += 1
            self.last_line = line
            match = self.pattern.search(line)
            if match is not None:
                self.matched += 1
                self._account.take(match, 0)
                yield self.lines, line, match.findings

    def totals(self) -> dict[str, Any]:
        """What was counted and timed, and where gauges stand; a rate's total needs times: None."""
        rates = {field.name for field in self.pattern.fields if field.says is Says.RATE}
        readings = self._tally.sample(0)
        if not readings:
            return {}
        sample = readings[-1]
        assert isinstance(sample, Sample)
        return {
            _bare(metric): None if _bare(metric) in rates else _figure(value)
            for metric, value in zip(self._tally.device.metrics, sample.values, strict=True)
        }


def _pattern_of(spec: str) -> str:
    for kind in _KINDS:
        if spec.startswith(kind):
            return spec.removeprefix(kind)
    if spec.startswith("log="):
        path, colon, pattern = spec.removeprefix("log=").replace("\\:", "\0").partition(":")
        if not path or not colon:
            raise ConfigError(f"cannot read {clean_text(spec)!r}: it is log=PATH:PATTERN")
        return pattern.replace("\0", "\\:")
    return spec


def _lines(stream: BinaryIO) -> Iterator[str]:
    lines = Lines()
    while data := _read(stream):
        for _, text in lines.feed(data, 0):
            yield text
    for _, text in lines.end():
        yield text


def _read(stream: BinaryIO) -> bytes:
    try:
        return stream.read(_READ_BYTES)
    except OSError as error:
        raise SessionError(
            f"cannot read the output from standard input: {error.strerror}; give it as try SPEC < FILE"
        ) from error


def _bare(metric: Metric) -> str:
    suffix = {Kind.COUNTER: "_total", Kind.HISTOGRAM: "_seconds"}.get(metric.kind, "")
    return metric.name.removesuffix(suffix)


def _figure(value: Any) -> Any:
    if isinstance(value, Histogram):
        return {"count": value.n, "mean_s": value.sum / value.n, "min_s": value.min, "max_s": value.max}
    return value


def _show_json(number: int, line: str, findings: tuple[Finding, ...]) -> None:
    found = [{"name": name, "says": says.value, "value": value} for name, says, value in findings]
    print(json.dumps({"line": number, "text": line, "found": found}))


def _show_text(number: int, line: str, findings: tuple[Finding, ...]) -> None:
    found = ", ".join(f"{name} {value:.12g} {_UNITS[says]}" for name, says, value in findings)
    print(f"{number:6d}  {found or 'matched, but found no number'}    | {clean_text(line, 100)}")


def _show_totals(trial: Trial) -> None:
    print(f"{trial.matched} of {trial.lines} lines matched.")
    if not trial.matched:
        if trial.last_line:
            print(f"The last line is: {clean_text(trial.last_line, 200)}")
        return
    for name, figure in trial.totals().items():
        if figure is None:
            print(f"  {name}: a rate; its total needs the times of the lines, which a file does not have")
        elif isinstance(figure, dict):
            print(
                f"  {name}: {figure['count']} timings, mean {figure['mean_s']:.6g} s, "
                f"min {figure['min_s']:.6g} s, max {figure['max_s']:.6g} s"
            )
        else:
            print(f"  {name}: {figure:.12g}")
