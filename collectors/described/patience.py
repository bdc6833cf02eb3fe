"""How much of a line does a pattern get through in good time?

A pattern that cannot take for ever (`patterns`) may still take a power of the length: `.*.*.*x` on four
thousand letters without an x some minutes, in which no thread of perfwatch moves. How high that power may be
stands in the pattern, and how long it takes on a line is seen on the begin of it: before more of a long line
is looked at, it is worked out what that may cost at most.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from perfwatch_collectors.described.patterns import (
    LINE_CHARACTERS,
    MOST_WAYS,
    lines_for,
    parsed,
    power_of_way,
    ways_of,
)

MOST_S = 0.1
"""So much CPU time a line may take, and so much it may take to find that out."""
_QUICK = 2
"""Up to this power of its length no line that is looked at takes long."""
_STEPS = 5e6
"""So many steps of a match take less than that."""
_shortest: dict[str, int] = {}
"""How much of a line each pattern gets through, of those that met one that was too long for them."""


class Seen(NamedTuple):
    """What a pattern sees of a text.

    Args:
        text: with the lines cut on which it would take too long.
        cut: the first part of each of those.
    """

    text: str
    cut: tuple[str, ...] = ()


def seen_by(pattern: re.Pattern[str], text: str) -> Seen:
    """As much of a text as the pattern gets through soon."""
    text = lines_for(text)
    power = _power_of(pattern.pattern)
    if power <= _QUICK:
        return Seen(text)
    lines = text.split("\n")
    seen = [_soon(pattern, line, power) for line in lines]
    cut = tuple(one for one, line in zip(seen, lines, strict=True) if len(one) < len(line))
    return Seen("\n".join(seen), cut) if cut else Seen(text)


def _soon(pattern: re.Pattern[str], line: str, power: int) -> str:
    """The begin of a line; it is found out once how long that may be at most."""
    line = line[: _shortest.get(pattern.pattern, LINE_CHARACTERS)]
    length = _harmless(pattern, line, power)
    if length < len(line):
        _shortest[pattern.pattern] = length
    return line[:length]


def _harmless(pattern: re.Pattern[str], line: str, power: int) -> int:
    """How much of a line: more by so much each time as is harmless whatever is in it."""
    at_once = at = _at_once(power)
    spent_s = 0.0
    while at < len(line):
        before_s = time.thread_time()
        deque(pattern.finditer(line[:at]), maxlen=0)
        took_s = time.thread_time() - before_s
        spent_s += took_s
        longer = min(len(line), at + at_once)
        if max(spent_s, took_s * (longer / at) ** power) > MOST_S:
            return at
        at = longer
    return len(line)


@lru_cache(64)
def _at_once(power: int) -> int:
    """So many characters take no more than the steps that are allowed: of n parts n!-th of the power."""
    return min(LINE_CHARACTERS, int((_STEPS * math.factorial(power)) ** (1.0 / power)))


@lru_cache(256)
def _power_of(pattern: str) -> int:
    """To which power of a line's length a pattern may take, at most."""
    tree = parsed(pattern)
    highest = max(map(power_of_way, islice(ways_of(tree), MOST_WAYS)), default=0)
    return highest + (not pattern.startswith(("^", r"\A")))
