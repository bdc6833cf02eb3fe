"""`perfwatch try SPEC < FILE`: what does a pattern find in a job's output, a mapping in JSON lines?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from perfwatch.cli.try_notes import Notes
from perfwatch.errors import ConfigError, SessionError
from perfwatch.metrics import DOUBTED
from perfwatch.model import Device, DeviceKind, Histogram, Kind, Metric, Sample
from perfwatch.workload.account import Account
from perfwatch.workload.followed import split_path
from perfwatch.workload.keys import LINE_BYTES as KEYS_LINE_BYTES
from perfwatch.workload.keys import Keys
from perfwatch.workload.lines import LINE_BYTES, Lines
from perfwatch.workload.patterns import Field, Finding, Match, Pattern, Says, compile_pattern
from perfwatch.workload.presets import PRESETS
from perfwatch.workload.tally import Tally, clean_text
from perfwatch.workload.training_told import MLLOG, LogLines

HELP = """Show what a pattern finds in a job's output, a mapping in JSON lines, or `mllog` in a training log
of MLPerf, read from standard input: per line, and in total. Exits with 1 if nothing matched."""
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
        help="a pattern, or what -w takes: stdout=PATTERN, stderr=PATTERN, output=PATTERN, log=PATH:PATTERN, "
        "jsonl=PATH:NAME=KEY.PATH,..., mllog. "
        f"A pattern is a template ('step {{steps}}'), a regex, or one of {', '.join(PRESETS)}",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a matching line, then the totals"
    )


def run(args: argparse.Namespace) -> int:
    trial = _trial(args.spec)
    if sys.stdin.isatty():
        raise ConfigError(
            "there is no output to search; give it on standard input: perfwatch try SPEC < FILE"
        )
    for number, line, findings in trial.search(sys.stdin.buffer):
        if args.json:
            _show_json(number, line, findings)
        else:
            _show_text(number, line, findings, trial.no_number)
    if args.json:
        found = {"lines": trial.lines, "matched": trial.matched, "totals": trial.totals()}
        print(json.dumps({**found, "notes": trial.notes()}))
    else:
        _show_totals(trial)
    return 0 if trial.matched else 1


class Trial:
    """One pattern, mapping or training log over one file, and what it adds up to.

    Args:
        search: what a line tells; a ValueError says that it cannot be understood.
        fields: the names that it may tell.
        pattern: what `search` belongs to, where that is a pattern.
        line_bytes: the longest line.
        no_number: what is said of a line that matches and tells no number.
        has_end: a run sees the last line, as of a job's own output; a file may always grow on.
    """

    def __init__(
        self,
        search: Callable[[str], Match | None],
        fields: Sequence[Field],
        pattern: Pattern | None = None,
        line_bytes: int = LINE_BYTES,
        no_number: str = "matched, but found no number",
        *,
        has_end: bool = False,
    ) -> None:
        self._has_end = has_end
        self._search = search
        self.no_number = no_number
        self._rates = {field.name for field in fields if field.says is Says.RATE}
        self._line_bytes = line_bytes
        self.misread = 0
        self.lines = 0
        self.matched = 0
        self.last_line = ""
        self._tally = Tally(Device("try", "try", DeviceKind.WORKLOAD), 0)
        self._account = Account(pattern, self._tally)
        self._notes = Notes(pattern)

    def search(self, stream: BinaryIO) -> Iterator[tuple[int, str, tuple[Finding, ...]]]:
        """The matching lines: their number, text, and what was found."""
        for line in _lines(stream, self._line_bytes):
            self.lines += 1
            self.last_line = line
            try:
                match = self._search(line)
            except ValueError:
                self.misread += 1
                continue
            if match is None:
                self._notes.pass_over(line)
                continue
            self.matched += 1
            self._account.take(match, 0)
            self._notes.take(match)
            yield self.lines, line, match.findings
        if self._has_end:
            self._account.end(0)

    def notes(self) -> list[str]:
        """What a run would make otherwise, or say of it."""
        return list(self._notes.sentences(self._account, self._tally))

    def totals(self) -> dict[str, Any]:
        """What was counted and timed, and where gauges stand; a rate's total needs times: None."""
        readings = self._tally.sample(0)
        if not readings:
            return {}
        sample = readings[-1]
        assert isinstance(sample, Sample)
        return {
            _bare(metric): None if _bare(metric) in self._rates else _figure(value)
            for metric, value in zip(self._tally.device.metrics, sample.values, strict=True)
            if not _bare(metric).endswith(DOUBTED)
        }


def _trial(spec: str) -> Trial:
    if spec == MLLOG or spec in {f"{kind}{MLLOG}" for kind in _KINDS} or spec.startswith("mllog="):
        return Trial(LogLines().search, (), no_number="a mark or a setting")
    if spec.startswith("jsonl="):
        keys = Keys(split_path(spec.removeprefix("jsonl="))[1])
        return Trial(keys.search, [key.field for key in keys.keys], line_bytes=KEYS_LINE_BYTES)
    if spec.startswith(("prometheus=", "http://", "https://")):
        raise ConfigError("a server's page is tried with: perfwatch doctor -w prometheus=URL")
    pattern = compile_pattern(_pattern_of(spec))
    return Trial(pattern.search, pattern.fields, pattern, has_end=not spec.startswith("log="))


def _pattern_of(spec: str) -> str:
    if spec.startswith("loadgen="):
        raise ConfigError(
            "loadgen= takes no pattern that could be tried; look at it with: perfwatch doctor -w SPEC"
        )
    for kind in _KINDS:
        if spec.startswith(kind):
            return spec.removeprefix(kind)
    if spec.startswith("log="):
        path, pattern = split_path(spec.removeprefix("log="))
        if not path or not pattern:
            raise ConfigError(f"cannot read {clean_text(spec)!r}: it is log=PATH:PATTERN")
        return pattern
    return spec


def _lines(stream: BinaryIO, line_bytes: int) -> Iterator[str]:
    lines = Lines(line_bytes)
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
    found = [{"name": name, "says": says.value, "value": value} for name, says, value, _ in findings]
    print(json.dumps({"line": number, "text": line, "found": found}))


def _show_text(number: int, line: str, findings: tuple[Finding, ...], no_number: str) -> None:
    found = ", ".join(f"{name} {value:.12g} {_UNITS[says]}" for name, says, value, _ in findings)
    print(f"{number:6d}  {found or no_number}    | {clean_text(line, 100)}")


def _show_totals(trial: Trial) -> None:
    print(f"{trial.matched} of {trial.lines} lines matched.")
    if trial.misread:
        print(f"Lines that are no JSON object: {trial.misread}.")
    if not trial.matched and trial.last_line:
        print(f"The last line is: {clean_text(trial.last_line, 200)}")
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
    for note in trial.notes():
        print(f"  ! {note}.")
