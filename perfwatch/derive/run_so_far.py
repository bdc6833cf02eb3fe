"""What is known of a run besides how it stands, as perfwatch.derive.live_run finds it out.

Light to import: whoever draws it needs no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfwatch.derive.findings import Finding
    from perfwatch.derive.live_latency import Timing
    from perfwatch.derive.live_watch import Mark, Stretch
    from perfwatch.derive.odd import Odd
    from perfwatch.derive.spans import Span


@dataclass(frozen=True)
class RunSoFar:
    """What is known of the run besides how it stands.

    Args:
        began: when it began, seconds of the session; None if there is no job.
        error_j: expanded uncertainty of its energy, J; None where it is not known while it runs.
        numbers: the devices of the headline, by their numbers in the stream.
        timings: how long queries take.
        findings: the verdict so far, the gravest first.
        phases: begun by the job or a person; those without an end go on.
        marks: instants with a name.
        throttles: when a device of the run ran with reduced clocks.
        gaps: when nothing told energy.
        odd: the devices that depart from their like, those that still do first.
        pace: work per second lately, from which its end is foretold; None if it is not known.
    """

    began: float | None = None
    error_j: float | None = None
    numbers: tuple[int, ...] = ()
    timings: tuple[Timing, ...] = ()
    findings: tuple[Finding, ...] = ()
    phases: tuple[Stretch, ...] = ()
    marks: tuple[Mark, ...] = ()
    throttles: tuple[Stretch, ...] = ()
    gaps: tuple[Span, ...] = ()
    odd: tuple[Odd, ...] = ()
    pace: float | None = None
