"""Runs to be compared, made by hand: summaries with invented figures, and sessions of chosen noise."""

from __future__ import annotations

import random
from typing import Any

from derive.build import Session, every

from perfwatch.derive.compare import Group, compare
from perfwatch.derive.compare_figures import Run
from perfwatch.derive.scatter import scatter_of
from perfwatch.derive.summary import summarise
from perfwatch.metrics import ENERGY

UUID = "GPU-01234567-89ab-cdef-0123-456789abcdef"


def summary(
    *,
    rate: float = 100.0,
    watts: float = 300.0,
    duration_s: float = 100.0,
    error_ratio: float = 0.01,
    gain: float | None = 0.05,
    uuid: str = UUID,
    host: str = "lab1",
    scope: str = "accelerator",
    tags: dict[str, Any] | None = None,
    driver: str = "550",
    kind: str = "work",
    unit: str = "queries",
    **more: Any,
) -> dict[str, Any]:
    """A summary of one board that did queries; its scatter is a hundredth of each figure."""
    count, joules = rate * duration_s, watts * duration_s
    per_joule = count / joules
    told = {"standard_ratio": error_ratio / 2, "slices": 20, "freedom": 19.0}
    paths = (f"work.{unit}.rate_per_s", "power.mean_watts", f"efficiency.{unit}.per_joule")
    return {
        "schema": "perfwatch.summary/1",
        "session": {"command": ["job"], "exit_status": 0, "hosts": [host], "started": None, "name": None},
        "conditions": {
            "tags": tags or {},
            "devices": {"Board": {"count": 1, "driver": driver, "power_limit_watts": 400.0}},
        },
        "window": {"kind": kind, "duration_s": duration_s, "phase": None, "warmup_s": 0.0},
        "work": {unit: {"count": count, "error": 0.0, "rate_per_s": rate, "source": "statsd"}},
        "unit": unit,
        "energy": {
            "scope": scope,
            "joules": joules,
            "error_joules": error_ratio * joules,
            "gain_ratio": gain,
            "method": "counter",
            "by_device": {
                "nvidia:0": {
                    "name": "Board",
                    "uuid": uuid,
                    "host": host,
                    "scope": scope,
                    "in_run": True,
                    "method": "counter",
                }
            },
        },
        "power": {"mean_watts": watts},
        "efficiency": {
            unit: {
                "per_joule": per_joule,
                "per_joule_error": error_ratio * per_joule,
                "joules_per": 1 / per_joule,
            }
        },
        "cost": None,
        "latency": {},
        "scatter": dict.fromkeys(paths, told),
        "quality": [],
        **more,
    }


def timing(factor: float = 1.0, count: int = 1000, **more: Any) -> dict[str, Any]:
    """An entry of `latency`."""
    told = {"mean_s": 0.12, "min_s": 0.05, "p50_s": 0.1, "p90_s": 0.2, "p99_s": 0.4, "max_s": 0.6}
    return {"count": count, **{key: factor * value for key, value in told.items()}, **more}


def compared(*sides: Any, vary: tuple[str, ...] = ()) -> dict[str, Any]:
    """The comparison of summaries, or of lists of them that are repetitions."""
    groups = [
        Group(label, label.lower(), tuple(Run(one) for one in (side if isinstance(side, list) else [side])))
        for label, side in zip("ABCDEF", sides, strict=False)
    ]
    return compare(groups, vary=vary)


def figures(*sides: Any, vary: tuple[str, ...] = ()) -> dict[str, Any]:
    """The figures of the second against the first."""
    found: dict[str, Any] = compared(*sides, vary=vary)["comparisons"][0]["figures"]
    return found


def conditions(*sides: Any, vary: tuple[str, ...] = ()) -> dict[str, Any]:
    """What differs between the first and the second, by key."""
    return {one["key"]: one for one in compared(*sides, vary=vary)["comparisons"][0]["conditions"]}


def noisy_session(
    chance: random.Random,
    *,
    seconds: int = 220,
    memory: float = 0.5,
    rate: float = 40.0,
    watts: float = 300.0,
) -> Session:
    """A session whose rate and power swing by themselves, each second a little like the one before."""
    session = Session(command=["job"])
    swings = [0.0, 0.0]
    joules, done = [0.0], [0.0]
    for _ in range(seconds + 2):
        swings = [memory * swing + chance.gauss(0.0, 1.0) for swing in swings]
        joules.append(round(joules[-1] + watts * (1 + 0.05 * swings[0]), 6))
        done.append(done[-1] + max(0.0, rate * (1 + 0.1 * swings[1])))
    board = session.device(metrics=(ENERGY.observed(update_s=0.01),), uuid=UUID)
    for t in every(1.0, 0.0, seconds + 2.0):
        session.sample(board, t, joules[int(t)])
    session.counter([(0.0, 0), *((t + 0.5, int(done[t])) for t in range(1, seconds))])
    session.job(1.0, seconds + 1.0)
    session.records.sort(key=lambda record: record["t"])
    return session


def noisy_summary(chance: random.Random, **options: Any) -> dict[str, Any]:
    """Its summary with its scatter, as a comparison reads it."""
    tape = noisy_session(chance, **options).tape()
    found = summarise(tape)
    found["scatter"] = {path: one.to_json() for path, one in scatter_of(tape).items()}
    return found
