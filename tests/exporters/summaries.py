"""Summary objects as design and code make them, with invented figures, to be changed by a test."""

from __future__ import annotations

from typing import Any

from perfwatch.derive.cost import CostDevice, carbon, cost
from perfwatch.derive.settings import CostInputs

H100 = "NVIDIA H100 80GB HBM3"
RENT = CostInputs(rent_per_hour=2.5, currency="USD")


def _window(kind: str, duration_s: float, because: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "spans": [[0.0, duration_s]],
        "start_s": 0.0,
        "end_s": duration_s,
        "duration_s": duration_s,
        "phase": None,
        "because": because,
    }


def _energy(joules: float, error_joules: float) -> dict[str, Any]:
    part = {
        "joules": joules / 8,
        "counter_joules": joules / 8,
        "integrated_joules": joules / 8 * 1.004,
        "integral_off_ratio": 0.004,
    }
    devices = {
        f"nvidia:{n}": {
            "name": H100,
            "uuid": f"GPU-{n}",
            "host": "lab1",
            "scope": "accelerator",
            "in_run": True,
            "error_joules": error_joules / 8,
            "method": "counter",
            "mean_watts": 730.0,
            "max_watts": 790.0,
            "samples": 618,
            "coverage": 1.0,
            **part,
        }
        for n in range(8)
    }
    return {
        "scope": "accelerator",
        "joules": joules,
        "error_joules": error_joules,
        "gain_ratio": 0.05,
        "method": "counter",
        "net_joules": None,
        "net_error_joules": None,
        "idle_watts": None,
        "idle_watts_error": None,
        "coverage": 1.0,
        "not_included": ["CPU", "memory", "fans", "cooling"],
        "by_device": devices,
        "by_scope": {},
    }


def _figures(
    window: dict[str, Any], work: dict[str, float], joules: float, error: float, inputs: CostInputs
) -> dict[str, Any]:
    duration_s = window["duration_s"]
    priced = cost(
        inputs,
        joules=joules,
        duration_s=duration_s,
        devices=[CostDevice(f"nvidia:{n}", H100) for n in range(8)],
        work=work,
        working_s=61.8,
        job_s=74.2,
    )
    return {
        "window": window,
        "work": {
            name: {"count": count, "rate_per_s": count / duration_s, "source": "statsd", "others": []}
            for name, count in {**work, "errors": 0}.items()
        },
        "energy": _energy(joules, error),
        "power": {"mean_watts": joules / duration_s, "max_watts": None},
        "efficiency": {
            name: {
                "per_joule": count / joules,
                "per_joule_error": count / joules * error / joules,
                "joules_per": joules / count,
            }
            for name, count in work.items()
        },
        "cost": priced,
        "carbon": carbon(inputs, joules=joules, work=work),
    }


def server(inputs: CostInputs = RENT) -> dict[str, Any]:
    """A language model server on eight GPUs, while it worked and as a whole job."""
    tokens = {"generated_tokens": 120_481, "queries": 300}
    main = _figures(
        _window("work", 61.8, "from the first to the last change of `generated_tokens`"),
        tokens,
        361_000,
        2_100,
        inputs,
    )
    job = _figures(
        _window("job", 74.2, "nothing was marked and nothing counted work"),
        tokens,
        401_000,
        2_300,
        inputs,
    )
    return {
        "schema": "perfwatch.summary/1",
        "session": {
            "id": "s",
            "name": None,
            "started": "2026-01-01T00:00:00.000000+00:00",
            "hosts": ["lab1"],
            "command": ["vllm", "bench", "serve", "--model", "m"],
            "exit_status": 0,
            "interval_s": 0.1,
            "perfwatch": "0.1.0",
        },
        "conditions": {
            "tags": {},
            "os": "Linux",
            "devices": {H100: {"count": 8, "driver": "570", "firmware": None, "power_limit_watts": 700.0}},
            "versions": {},
            "git_commit": None,
            "per_query": {"prompt_tokens": None, "generated_tokens": 401.6},
        },
        **main,
        "devices": {
            "ids": [f"nvidia:{n}" for n in range(8)],
            "because": "the server on :8000 (pid 4711) uses them",
        },
        "unit": "generated_tokens",
        "latency": {
            "time_to_first_token": timing(300, p50=0.212, p90=0.45, p99=0.89, longest=1.21),
            "inter_token_latency": timing(120_181, p50=0.0141, p90=0.022, p99=0.031, longest=0.2),
        },
        "utilization": {},
        "observer": {
            "cpu_s": 0.2,
            "cpu_ratio": 0.003,
            "rss_bytes": 38e6,
            "samples": 4944,
            "late_samples": 0,
            "missed_ticks": 0,
        },
        "also": {"job": {**job, "quality": []}},
        "quality": [],
    }


def timing(count: int, *, p50: float, p90: float | None, p99: float | None, longest: float) -> dict[str, Any]:
    """One entry of `latency`."""
    return {
        "count": count,
        "mean_s": p50,
        "min_s": p50 / 2,
        "p50_s": p50,
        "p90_s": p90,
        "p95_s": p90,
        "p99_s": p99,
        "p999_s": None,
        "max_s": longest,
        "lower_limits": [],
    }


def one_window(summary: dict[str, Any]) -> dict[str, Any]:
    """The same run where nothing told when it worked: only the whole job."""
    job = summary["also"]["job"]
    return {**summary, **{key: job[key] for key in job if key != "quality"}, "also": {}}


def finding(code: str, level: str, message: str) -> dict[str, str]:
    return {"code": code, "level": level, "message": message}


def too_short(inputs: CostInputs = RENT) -> dict[str, Any]:
    """A run whose window is too short for ratios."""
    summary = server(inputs)
    short = finding("short-window", "insufficient", "3.1 s are too short; from 5 s on it is shown.")
    for ratios in summary["efficiency"].values():
        ratios.update(dict.fromkeys(ratios))
    if summary["cost"]:
        summary["cost"]["per"] = dict.fromkeys(summary["cost"]["per"])
        summary["cost"]["per_million"] = dict.fromkeys(summary["cost"]["per_million"])
    summary["quality"] = [short]
    return summary


def nothing() -> dict[str, Any]:
    """`perfwatch run -- sleep 5` on a machine that tells no power."""
    summary = one_window(server(CostInputs()))
    summary["session"]["command"] = ["sleep", "5"]
    summary["window"]["duration_s"] = 5.003
    summary["conditions"]["devices"] = {}
    summary["devices"] = {"ids": [], "because": "there is no accelerator"}
    summary["work"], summary["efficiency"], summary["latency"], summary["unit"] = {}, {}, {}, None
    summary["energy"] = {
        **dict.fromkeys(summary["energy"]),
        "scope": "components",
        "not_included": ["CPU"],
        "by_device": {},
        "by_scope": {},
    }
    summary["power"] = {"mean_watts": None, "max_watts": None}
    summary["quality"] = [
        finding("no-power", "insufficient", "No device of the run told its power; see `perfwatch doctor`."),
        finding("no-work", "insufficient", "Nothing counted work: say where with -w."),
    ]
    return summary


def on_a_cpu(method: str = "estimated") -> dict[str, Any]:
    """A loop on a CPU, its energy estimated or measured."""
    summary = one_window(server(CostInputs(price_per_kwh=0.3, currency="EUR", carbon_g_per_kwh=430.0)))
    device = next(iter(summary["energy"]["by_device"].values()))
    cpu = {**device, "scope": "cpu", "method": method, "counter_joules": None, "name": "Ryzen 7"}
    summary["energy"] |= {
        "scope": "components",
        "method": method,
        "gain_ratio": None,
        "by_device": {"cpu_estimate:package-0": cpu},
    }
    summary["conditions"]["devices"] = {"Ryzen 7": {"count": 1, "power_limit_watts": None}}
    summary["devices"] = {"ids": ["cpu_estimate:package-0"], "because": "there is no accelerator"}
    return summary
