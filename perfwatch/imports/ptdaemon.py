"""The power log of SPEC's PTDaemon, `spl.txt`: one line a sample, of one channel or several.

    Time,05-14-2031 09:30:01.104,Watts,412.5,Volts,229.9,Amps,1.834,PF,0.978,Mark,2031-05-14_testing
    Time,05-14-2031 09:30:01.104,Watts,824.1,...,Mark,...,Ch1,Watts,412.1,...,Ch2,Watts,412.0,...

Times are UTC. The first Watts of a line is the sum of its channels, which counts whatever these are.
(Seen in mlcommons/inference_results.)
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from perfwatch.imports.power import MOST_WATTS, drawn
from perfwatch.workload.loadgen_result import number, utc_seconds


class Sample(NamedTuple):
    """One line: seconds since 1970, watts, and watts of each channel; None is no reading."""

    at_s: float
    watts: float | None
    channels: tuple[float | None, ...] = ()


def samples(lines: Iterable[str]) -> tuple[list[Sample], int]:
    """The samples in the order of their times, and how many lines could not be read."""
    found, strange = [], 0
    for line in lines:
        if not line.strip():
            continue
        sample = _sample(line.strip().split(","))
        if sample is None:
            strange += 1
        else:
            found.append(sample)
    return sorted(found, key=lambda one: one.at_s), strange


def _sample(fields: list[str]) -> Sample | None:
    if len(fields) < 4 or fields[0].strip() != "Time":
        return None
    at_s = utc_seconds(fields[1])
    watts = [number(value) for name, value in pairwise(fields) if name.strip() == "Watts"]
    if at_s is None or not watts or watts[0] is None:
        return None
    return Sample(at_s, drawn(watts[0]), tuple(map(_of_channel, watts[1:])))


def _of_channel(watts: float | None) -> float | None:
    """The reading of one channel; unlike the sum it may be 0 W, as that of a spare supply."""
    return watts if watts is not None and 0.0 <= watts <= MOST_WATTS else None
