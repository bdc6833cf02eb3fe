"""Patterns that take a power of a line's length: a long line is cut where it would hold up perfwatch."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from described.describing import collector, described
from perfwatch_collectors.described.patience import seen_by
from perfwatch_collectors.described.patterns import LINE_CHARACTERS, compiled
from perfwatch_collectors.described.trial import of_sample

from perfwatch.model import Event, Sample

LOG = """
name = "log"

[source]
file = "{file}"

[read]
format = "regex"
pattern = '{pattern}'

[device]
id = "{{id}}"
scope = "accelerator"

[metrics]
power_watts = {{ from = "watts", unit = "W" }}
"""
SLOW = r"(?P<id>\d).*.*.*power (?P<watts>\S+) W"


@pytest.mark.parametrize(
    ("pattern", "sign"),
    [
        (r".*.*.*x", "a"),
        (r".*?(?P<a>\d+).*?(?P<b>\d+).*?x", "1"),
        (r"(?:.*.*.*x)?y", "a "),
        (r"\s*\s*\s*\s*x", " "),
        (r"^(.+)-(.+)-(.+)-(.+)x$", "-"),
    ],
)
def test_no_line_takes_long_however_a_pattern_is_written(pattern: str, sign: str) -> None:
    """Each of these takes minutes to days on a whole line."""
    slow = compiled(pattern)
    line = (sign * LINE_CHARACTERS)[:LINE_CHARACTERS]
    before_s = time.thread_time()
    for _ in range(3):
        list(slow.finditer(seen_by(slow, line).text))
    assert time.thread_time() - before_s < 3.0


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?P<id>\d+): .*power (?P<watts>[\d.]+) W",
        r"^\s*(\S+)\s+.*?(\d+)W .*?(\d+)C",
        r".*foo.*bar.*(?P<n>\d+)",
    ],
)
def test_a_line_that_is_quickly_looked_at_is_seen_whole(pattern: str) -> None:
    line = ("3: some card, power 41.25 W, 54 C, foo 1 bar 2; " * 100)[:LINE_CHARACTERS]
    seen = seen_by(compiled(pattern), line)
    assert (seen.text, seen.cut) == (line, ())


def test_a_line_that_would_take_too_long_is_said_and_the_others_are_read(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_text("0: board, power 75.0 W\n" + "1" * 3000 + "\n2: board, power 76.0 W\n")
    of = described(LOG.format(file=file, pattern=SLOW))
    trial = of_sample(of, file)
    assert [device.id for device, _ in trial.devices] == ["0", "2"]
    (said,) = trial.warnings
    assert "is passed over: the pattern takes too long on more than its first" in said
    assert trial.faults == ()
    one = collector(of)
    readings = list(one.read(list(one.open())))
    assert [each.values for each in readings if isinstance(each, Sample)] == [(75.0,), (76.0,)]
    notes = [each.fields["text"] for each in readings if isinstance(each, Event)]
    assert len(notes) == 1
    assert "takes too long" in str(notes[0])
