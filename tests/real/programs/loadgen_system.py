"""A system under test for MLPerf's LoadGen: it answers in a thread of its own, as fast as it is told to.

    python loadgen_system.py SCENARIO OUTDIR [--seconds 6] [--rate 200] [--trace]

What it answered itself is printed, as a count that neither LoadGen nor perfwatch made.
"""

from __future__ import annotations

import argparse
import json
import queue
import threading
import time
from pathlib import Path

import mlperf_loadgen as loadgen

SAMPLES = 64
ANSWER_S = 0.002


class System:
    """Answers one sample after another."""

    def __init__(self) -> None:
        self.answered = 0
        self._asked: queue.SimpleQueue[list[loadgen.QuerySample]] = queue.SimpleQueue()
        threading.Thread(target=self._answer_all, daemon=True).start()

    def issue(self, samples: list[loadgen.QuerySample]) -> None:
        self._asked.put(samples)

    def _answer_all(self) -> None:
        while True:
            for sample in self._asked.get():
                time.sleep(ANSWER_S)
                self.answered += 1
                loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(sample.id, 0, 0)])


def settings_of(scenario: str, seconds: float, rate: float) -> loadgen.TestSettings:
    """So long, at this rate where the scenario has one."""
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, scenario)
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms = round(seconds * 1000)
    settings.single_stream_expected_latency_ns = round(ANSWER_S * 1e9)
    settings.offline_expected_qps = rate
    settings.server_target_qps = rate
    settings.server_target_latency_ns = 50_000_000
    settings.server_target_latency_percentile = 0.9
    return settings


def logs_in(outdir: Path, trace: bool) -> loadgen.LogSettings:
    outdir.mkdir(parents=True, exist_ok=True)
    logs = loadgen.LogSettings()
    logs.log_output.outdir = str(outdir)
    logs.enable_trace = trace
    return logs


def nothing(*_: object) -> None:
    """Samples are in memory, and no answer is held back."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", choices=["SingleStream", "Offline", "Server"])
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--trace", action="store_true")
    args = parser.parse_args()

    system = System()
    test = loadgen.ConstructSUT(system.issue, nothing)
    library = loadgen.ConstructQSL(SAMPLES, SAMPLES, nothing, nothing)
    settings = settings_of(args.scenario, args.seconds, args.rate)
    loadgen.StartTestWithLogSettings(test, library, settings, logs_in(args.outdir, args.trace))
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(test)
    print(json.dumps({"answered": system.answered}))


if __name__ == "__main__":
    main()
