"""A run around a job on the fake's boards, and what they truly used meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness import ROOT  # puts the fake on the path

from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.session.reader import open_session

if TYPE_CHECKING:
    from fake_nvml import FakeNvml


def record(
    log: Path, options: Sequence[str], job: Sequence[str], environment: Mapping[str, str]
) -> tuple[Tape, Span]:
    """What `perfwatch run` recorded into this file, and the job's window."""
    command = [sys.executable, "-m", "perfwatch", "run", "-q", "--only", "nvidia", "-o", str(log)]
    subprocess.run(
        [*command, *options, "--", *job],
        env=dict(environment), cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    session = open_session(str(log))
    tape = Tape.of(session.header, session.records())
    begin, end = (event.t for event in tape.of_kind("job"))
    return tape, Span(begin, end)


def boards_of(tape: Tape) -> list[DeviceTape]:
    """The boards in the order in which they were declared."""
    return [device for device in tape.devices.values() if device.collector == "nvidia"]


def truth_j(fake: FakeNvml, tape: Tape, device: DeviceTape, span: Span) -> float:
    """What a board used in a window of the session."""
    origin_ns = tape.header["clock"]["monotonic_ns"]
    ends = (origin_ns + round(t * 1e9) for t in span)
    return fake.true_joules(int(device.device.index or 0), *ends)
