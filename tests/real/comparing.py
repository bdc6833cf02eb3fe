"""What they say beside what we say: a line of a table for each figure, and a failure at the end."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

HEAD = ("what", "theirs", "ours", "verdict")
NEXT_BUCKET = 1
"""A client's clock stands outside of the server's, so its median may lie in the next bucket."""


class Comparison:
    """One software's figures beside ours; used as `with`, it fails at its end if a line differed.

    Args:
        name: of the software. say: where a line of the table goes.
    """

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._say, self._differing = say, list[str]()
        say(f"\n{name}")
        self._line(*HEAD)

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            assert not self._differing, "differs: " + "; ".join(self._differing)

    def equal(self, what: str, theirs: object, ours: object) -> None:
        """Counts and words are the same or they are not."""
        self._judge(what, shown(theirs), shown(ours), "equal" if theirs == ours else "")

    def close(self, what: str, theirs: float | None, ours: float | None, ratio: float) -> None:
        """A figure that both have measured, each in its own way."""
        verdict = ""
        if theirs and ours is not None and abs(ours / theirs - 1.0) <= ratio:
            verdict = f"{100.0 * (ours / theirs - 1.0):+.2f} %"
        self._judge(what, shown(theirs), shown(ours), verdict)

    def bucket(self, what: str, theirs: float | None, ours: float | None, edges: Sequence[float]) -> None:
        """A quantile of a client's own times, and ours from a server's buckets with these upper edges."""
        verdict = ""
        if theirs is not None and ours is not None and edges:
            apart = abs(bisect_left(edges, theirs) - bisect_left(edges, ours))
            verdict = {0: "same bucket", NEXT_BUCKET: "next bucket"}.get(apart, "")
        self._judge(what, shown(theirs), shown(ours), verdict)

    def not_above(self, what: str, theirs: float | None, ours: float | None) -> None:
        """A time by a client's clock, and by that of the server, which cannot have seen more of it."""
        below = theirs is not None and ours is not None and 0.0 < ours <= theirs
        self._judge(what, shown(theirs), shown(ours), "not above" if below else "")

    def inside(self, what: str, theirs: int, at_least: float, at_most: float) -> None:
        """A client's count, and the bounds that ours has."""
        verdict = "inside" if at_least <= theirs <= at_most else ""
        self._judge(what, shown(theirs), f"{shown(at_least)} to {shown(at_most)}", verdict)

    def _judge(self, what: str, theirs: str, ours: str, verdict: str) -> None:
        if not verdict:
            self._differing.append(f"{what}: theirs {theirs}, ours {ours}")
        self._line(what, theirs, ours, verdict or "DIFFERS")

    def _line(self, what: str, theirs: str, ours: str, verdict: str) -> None:
        self._say(f"  {what:<44} {theirs:>14} {ours:>14}   {verdict}")


def shown(value: object) -> str:
    """A figure in the table: six digits, and no .0 behind a count."""
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) >= 1 else f"{value:.6g}"
    return str(value)


def bucket_edges(page: str, series: str, per_second: float = 1.0) -> list[float]:
    """The upper edges of a histogram on a metrics page, in seconds; it has so many of its units in one."""
    found = re.findall(rf'^{re.escape(series)}_bucket{{[^}}]*le="([^"]+)"', page, re.MULTILINE)
    return sorted({float(edge) / per_second for edge in found})
