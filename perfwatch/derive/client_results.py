"""What did benchmark clients say of the run themselves (`perfwatch import result`)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfwatch.derive.tape import Tape
from perfwatch.units import format_count

APART = 0.01
"""Counts that differ by more than this share disagree."""
LATENCIES = ("time_to_first_token", "inter_token_latency", "latency")
STATISTICS = ("mean_s", "min_s", "p50_s", "p90_s", "p95_s", "p99_s", "max_s")


def client_results(tape: Tape) -> list[dict[str, Any]]:
    """Each result that was added to the session, as the summary has it."""
    return [_result(event.fields) for event in tape.of_kind("client_result")]


def _result(told: Mapping[str, Any]) -> dict[str, Any]:
    """Out of an event; a session may come from elsewhere."""
    work, latency = told.get("work"), told.get("latency")
    return {
        "tool": str(told.get("tool") or "a client")[:80],
        "file": str(told.get("file") or "")[:200],
        "duration_s": _number(told.get("duration_s")),
        "work": _numbers(work),
        "latency": {
            name: {key: value for key, value in _numbers(found).items() if key in STATISTICS}
            for name, found in (latency.items() if isinstance(latency, Mapping) else ())
            if name in LATENCIES
        },
    }


def disagreements(results: Sequence[Mapping[str, Any]], counted: Mapping[str, float | None]) -> list[str]:
    """Where a client counted something else than we did over the whole job, in sentences.

    Args:
        results: as `client_results` gives them; counts of several clients add up.
        counted: our counts of the whole job.
    """
    found = []
    tools = " and ".join(dict.fromkeys(str(one["tool"]) for one in results))
    for name, ours in counted.items():
        theirs = [one["work"][name] for one in results if name in one["work"]]
        if not theirs or ours is None:
            continue
        total = sum(theirs)
        if abs(total - ours) > max(APART * max(total, ours), 0.5):
            found.append(
                f"{tools} counted {format_count(total)} {name} of its own and we {format_count(ours)} in the "
                "whole job; what it left out (warm-up, failures) or others asked would explain it."
            )
    return found


def _numbers(told: object) -> dict[str, float]:
    pairs = told.items() if isinstance(told, Mapping) else ()
    found = {str(name)[:80]: _number(value) for name, value in list(pairs)[:50]}
    return {name: value for name, value in found.items() if value is not None}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e18:
        return None
    return value
