"""How work and timings stand in the summary object, those of the run and those of a server alone."""

from __future__ import annotations

from typing import Any

from perfwatch.derive.latency import QUANTILES, Latency
from perfwatch.derive.work import Counted


def work_object(counted: Counted, duration_s: float) -> dict[str, Any]:
    """An entry of `work`; the rate is per second of a window of so many seconds."""
    known = counted.count is not None and duration_s > 0
    return {
        "count": counted.count,
        "error": counted.error if counted.count is not None else None,
        "rate_per_s": counted.count / duration_s if known and counted.count is not None else None,
        "source": counted.source,
        "others": [{"source": other.source, "count": other.count} for other in counted.others],
    }


def latency_object(found: Latency) -> dict[str, Any]:
    """An entry of `latency`, in seconds."""
    return {
        "count": found.count,
        "mean_s": found.mean_s,
        "min_s": found.min_s,
        **{key: found.percentiles[key] for key in QUANTILES},
        "max_s": found.max_s,
        "lower_limits": list(found.lower_limits),
        "buckets": {key: list(bounds) for key, bounds in found.buckets.items()},
    }
