"""Does perfwatch count and time what MLPerf's LoadGen counts and times? `make run` shows it.

Runs examples/loadgen_classifier.py under `perfwatch run`, then lays LoadGen's own count and 90th percentile
beside perfwatch's. Exits with the run's status, or 1 if the two disagree.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from perfwatch_collectors.rapl import RaplCollector

from perfwatch.errors import CollectorError

EXAMPLE = Path(__file__).with_name("loadgen_classifier.py")
TDP_W = 65.0
"""Of many desktop processors; nobody can know yours from here."""
EXAMPLE_PRICE = "0.30/kWh"
P90_AGREES_WITHIN = 0.01


def energy_options(tdp_w: float | None) -> list[str]:
    """Nothing if the processor tells its energy; else the estimate, and a sentence that says so."""
    if tdp_w is not None:
        print(f"energy is ESTIMATED from a TDP of {tdp_w:g} W, as asked")
        return ["-c", f"cpu_estimate:tdp={tdp_w:g}"]
    collector = RaplCollector()
    try:
        collector.open()
    except CollectorError as error:
        print(
            f"{error}; so energy is ESTIMATED from a TDP of {TDP_W:g} W, which is a guess "
            "(yours: make run TDP=...)"
        )
        return ["-c", f"cpu_estimate:tdp={TDP_W:g}"]
    finally:
        collector.close()
    return []


def cost_options(price: str | None, currency: str | None) -> list[str]:
    """The price that was given, or an example price and a sentence that says so."""
    if price is not None:
        return ["--price", price, *(["--currency", currency] if currency else [])]
    print(f"electricity at {EXAMPLE_PRICE} EUR is an example (yours: make run PRICE=... CURRENCY=...)")
    return ["--price", EXAMPLE_PRICE, "--currency", "EUR"]


def say_what_else_was_watched(summary: dict) -> None:
    """The devices that tell power and are no part of the run: here the accelerators."""
    for label, device in summary["energy"]["by_device"].items():
        if not device["in_run"] and device["mean_watts"] is not None:
            print(
                f"also watched: {label}, {device['name']}: {device['mean_watts']:.1f} W on average; "
                "not of the run, because the work is the processor's"
            )


def compare(summary: dict, own: dict) -> bool:
    """Print both counts and both percentiles side by side; whether they agree."""
    work = summary["work"].get("queries") or {}
    latency = summary["latency"].get("latency") or {}
    queries, p90_s = work.get("count"), latency.get("p90_s")
    if queries is None or p90_s is None:
        print(f"perfwatch told no {'queries' if queries is None else '90th percentile'} to compare")
        return False
    same_count = queries == own["queries"]
    ratio = p90_s / own["p90_s"] - 1
    close = abs(ratio) <= P90_AGREES_WITHIN
    print(f"\n{'':20}{own['asked_by']:>16}{'perfwatch':>16}")
    print(f"{'queries':20}{own['queries']:>16}{queries:>16}   {'equal' if same_count else 'DIFFERENT'}")
    print(
        f"{'90th percentile':20}{own['p90_s'] * 1e3:>13.3f} ms{p90_s * 1e3:>13.3f} ms   "
        f"{ratio * 100:+.2f} %{'' if close else ', MORE THAN 1 %'}"
    )
    return same_count and close


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", default="20", help="how long the example asks")
    parser.add_argument("--plain", action="store_true", help="without LoadGen")
    parser.add_argument("--tdp", type=float, help="TDP of the processor in watts: estimate its energy")
    parser.add_argument("--price", help="of electricity, such as 0.12/kWh")
    parser.add_argument("--currency", help="of the price")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="perfwatch-example-") as directory:
        summary_path, outdir = Path(directory, "summary.json"), Path(directory, "loadgen")
        job = [
            os.path.relpath(sys.executable),
            os.path.relpath(EXAMPLE),
            "--seconds",
            args.seconds,
            str(outdir),
        ]
        options = [*energy_options(args.tdp), *cost_options(args.price, args.currency)]
        options += [] if args.plain else ["--unit", "queries", "-w", f"loadgen={outdir}"]
        watch = [sys.executable, "-m", "perfwatch", "run", "--summary-json", str(summary_path), *options]
        # The work is the processor's: an accelerator that is here is watched, but is not part of the run.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        sys.stdout.flush()
        status = subprocess.run(
            [*watch, "--", *job, *(["--plain"] if args.plain else [])], env=environment, check=False
        ).returncode
        if status:
            return status
        summary = json.loads(summary_path.read_text(encoding="utf-8"))
        own = json.loads((outdir / "own_figures.json").read_text(encoding="utf-8"))
    say_what_else_was_watched(summary)
    return 0 if compare(summary, own) else 1


if __name__ == "__main__":
    sys.exit(main())
