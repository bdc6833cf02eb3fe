"""What does one answer of a small image classifier cost on this CPU?

MLPerf's LoadGen asks the questions, one after another (scenario SingleStream), and times the answers with
its own clock. This program answers them and tells perfwatch of each one:

    perfwatch run -- python examples/loadgen_classifier.py [--seconds 20] [OUTDIR]

The classifier is a network of 784, 256 and 10 neurons in plain Python: real arithmetic on one thread that
needs nothing installed. Its weights are random, so its answers mean nothing. Where LoadGen cannot be
installed, a plain loop asks the same questions. OUTDIR gets LoadGen's logs and `own_figures.json`, what
whoever asked counted and timed by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from operator import mul
from pathlib import Path

from perfwatch import client

try:
    import mlperf_loadgen as loadgen
except ImportError:
    loadgen = None

PIXELS, HIDDEN, CLASSES = 28 * 28, 256, 10
IMAGES = 64
MLLOG = ":::MLLOG "


class Classifier:
    """A network of two layers with random weights, and the images that it is asked about."""

    def __init__(self) -> None:
        dice = random.Random(1)
        self._hidden = [[dice.gauss(0, 0.05) for _ in range(PIXELS)] for _ in range(HIDDEN)]
        self._output = [[dice.gauss(0, 0.10) for _ in range(HIDDEN)] for _ in range(CLASSES)]
        self._images = [[dice.random() for _ in range(PIXELS)] for _ in range(IMAGES)]

    def answer(self, index: int) -> int:
        """The class of an image."""
        image = self._images[index % IMAGES]
        hidden = [max(0.0, sum(map(mul, row, image))) for row in self._hidden]
        scores = [sum(map(mul, row, hidden)) for row in self._output]
        return scores.index(max(scores))


def warm_up(classifier: Classifier, queries: int = 20) -> float:
    """Answer a few questions outside the measured window; how long one takes, in seconds."""
    with client.phase("warmup"):
        before_s = time.perf_counter()
        for index in range(queries):
            classifier.answer(index)
        return (time.perf_counter() - before_s) / queries


def ask_with_loadgen(
    classifier: Classifier, seconds: float, expected_s: float, outdir: Path
) -> dict[str, object]:
    """Let LoadGen ask for so long, and return what it says of it in its own log."""

    def issue(samples: list[loadgen.QuerySample]) -> None:
        for sample in samples:
            before_s = time.perf_counter()
            classifier.answer(sample.index)
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(sample.id, 0, 0)])
            client.timing("latency", time.perf_counter() - before_s)
            client.count("queries")

    def nothing(*_: object) -> None:
        """The images are in memory, and no answer is held back."""

    settings = loadgen.TestSettings()
    settings.scenario = loadgen.TestScenario.SingleStream
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms = round(seconds * 1000)
    settings.single_stream_expected_latency_ns = round(expected_s * 1e9)
    logs = loadgen.LogSettings()
    logs.log_output.outdir = str(outdir)
    logs.enable_trace = False

    system = loadgen.ConstructSUT(issue, nothing)
    library = loadgen.ConstructQSL(IMAGES, IMAGES, nothing, nothing)
    with client.phase("measure"):
        loadgen.StartTestWithLogSettings(system, library, settings, logs)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(system)
    return figures_of_log(outdir / "mlperf_log_detail.txt")


def figures_of_log(path: Path) -> dict[str, object]:
    """LoadGen's own count and plain 90th percentile (not its early-stopping estimate, which is larger)."""
    records = [
        json.loads(line.removeprefix(MLLOG))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(MLLOG)
    ]
    values = {record["key"]: record["value"] for record in records}
    return {
        "asked_by": "LoadGen",
        "queries": values["result_query_count"],
        "p90_s": values["result_90.00_percentile_latency_ns"] / 1e9,
    }


def ask_in_a_loop(classifier: Classifier, seconds: float) -> dict[str, object]:
    """The same questions without LoadGen."""
    took_s: list[float] = []
    with client.phase("measure"):
        end_s = time.perf_counter() + seconds
        while (before_s := time.perf_counter()) < end_s:
            classifier.answer(len(took_s))
            took_s.append(time.perf_counter() - before_s)
            client.timing("latency", took_s[-1])
            client.count("queries")
    took_s.sort()
    return {
        "asked_by": "the plain loop",
        "queries": len(took_s),
        "p90_s": took_s[math.ceil(0.9 * len(took_s)) - 1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("outdir", nargs="?", type=Path, default=Path(), help="where logs go")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to ask")
    parser.add_argument("--plain", action="store_true", help="a plain loop, also where LoadGen is installed")
    args = parser.parse_args()
    args.outdir.mkdir(parents=True, exist_ok=True)

    classifier = Classifier()
    expected_s = warm_up(classifier)
    if loadgen is None or args.plain:
        why = "as asked" if args.plain else "MLPerf's LoadGen is not installed"
        print(f"{why}: a plain timed loop asks for {args.seconds:g} s", flush=True)
        figures = ask_in_a_loop(classifier, args.seconds)
    else:
        print(f"MLPerf's LoadGen asks for {args.seconds:g} s, one query after another", flush=True)
        figures = ask_with_loadgen(classifier, args.seconds, expected_s, args.outdir)
    (args.outdir / "own_figures.json").write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
