"""Some series of a page fell: did their process begin anew, and all that it counts?

A process that begins anew begins all of its counters anew, and one that is quick may be above its old value
at the next reading. But a part alone can begin anew as well: a model that was loaded again, a backend of a
gateway. Where nothing tells when the process began, the other series say which it was: one that stands a
little above where it stood has gone on, since one that begins anew comes so near by chance only. What such
a chance is worth against it is a logarithm; one that at least doubled says nothing, and each series that fell
outweighs a chance of one in eight.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from perfwatch.workload.tally import Number

FELL_BITS = 2.0


def all_began_anew(fell: int, stood: Iterable[tuple[Number, Number]]) -> bool:
    """Whether the whole process did.

    Args:
        fell: how many of its series fell.
        stood: of each of the others, what it counted before and what it counts now.
    """
    against = math.fsum(_bits(before, now) for before, now in stood)
    return against < FELL_BITS * fell


def _bits(before: Number, now: Number) -> float:
    """How much a series that did not fall says that it went on."""
    return max(0.0, math.log2(now / (now - before + 1)) - 1.0) if now > 0 else 0.0
