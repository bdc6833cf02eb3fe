"""Which rows tell what benchmark clients found out themselves, beside our figures?"""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.exporters import words
from perfwatch.exporters.layout import Row
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.units import format_count, format_duration, format_latency

MOST = 8
STATISTICS = (("mean_s", "mean"), ("p50_s", "p50"), ("p90_s", "p90"), ("p99_s", "p99"))


def rows(parts: Parts) -> Iterator[Row]:
    """One row a result."""
    for one in (parts.summary.get("client_results") or [])[:MOST]:
        yield Row(str(one["tool"]), None, "; ".join(filter(None, _told(one))))


def _told(one: Json) -> Iterator[str]:
    counts = [
        glued(f"{format_count(count)} {'failed' if name == 'errors' else words.spoken(name)}")
        for name, count in (one.get("work") or {}).items()
    ]
    took = "" if one.get("duration_s") is None else glued(f" in {format_duration(one['duration_s'])}")
    yield f"it counted {', '.join(counts)}{took}"
    for name, timing in (one.get("latency") or {}).items():
        figures = [
            glued(f"{word} {format_latency(timing[key])}")
            for key, word in STATISTICS
            if timing.get(key) is not None
        ]
        if figures:
            yield f"{words.timing(name)} {', '.join(figures)}"
