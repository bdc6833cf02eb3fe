"""MLPerf's LoadGen in three scenarios, with and without its trace: its own logs beside ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from real.places import PROGRAMS, Place, place
from real.running import watched

if TYPE_CHECKING:
    from real.comparing import Comparison

pytestmark = pytest.mark.real

NS = 1e9
METRICS = {
    "SingleStream": ("early_stopping_latency_ss", NS),
    "Offline": ("result_samples_per_second", 1.0),
    "Server": ("result_completed_samples_per_sec", 1.0),
}
"""The official metric's record in the detail log, and by what it is divided to be in our unit."""


@pytest.fixture(scope="module")
def loadgen() -> Place:
    return place("loadgen", "mlperf_loadgen", "mlcommons-loadgen>=6", "numpy")


def details(outdir: Path) -> dict[str, Any]:
    """The records of LoadGen's detail log."""
    lines = (outdir / "mlperf_log_detail.txt").read_text().splitlines()
    records = [json.loads(line.removeprefix(":::MLLOG ")) for line in lines if line.startswith(":::MLLOG ")]
    return {record["key"]: record["value"] for record in records}


def verdict_of_summary(outdir: Path) -> str:
    """What LoadGen's summary for people says."""
    found = re.search(r"^Result is : (\w+)", (outdir / "mlperf_log_summary.txt").read_text(), re.MULTILINE)
    return found[1] if found else "?"


@pytest.mark.parametrize("trace", [True, False], ids=["trace", "no trace"])
@pytest.mark.parametrize("scenario", ["SingleStream", "Offline", "Server"])
def test_loadgen(
    loadgen: Place, tmp_path: Path, compared: Callable[[str], Comparison], scenario: str, trace: bool
) -> None:
    outdir = tmp_path / "logs"
    run = watched(
        *(loadgen.python, str(PROGRAMS / "loadgen_system.py"), scenario, str(outdir)),
        *(("--trace",) if trace else ()),
        home=tmp_path / "home",
        options=("-w", f"loadgen={outdir}"),
    )
    theirs, ours = details(outdir), run.summary["mlperf"]
    answered = json.loads(run.printed.splitlines()[-1])["answered"]
    heading = f"LoadGen {loadgen.version('mlcommons_loadgen')} {scenario}{'' if trace else ', no trace'}"
    with compared(heading) as table:
        table.equal("samples, by the system under test", answered, run.count("samples"))
        if scenario == "Offline":
            table.equal("queries (one)", theirs["result_query_count"], ours["queries"])
        else:
            table.equal("queries, detail log", theirs["result_query_count"], run.count("queries"))
        table.equal("verdict, summary", verdict_of_summary(outdir), "VALID" if ours["valid"] else "INVALID")
        key, unit = METRICS[scenario]
        table.equal(f"metric, {key}", theirs[key] / unit, ours["metric"]["value"])
        if scenario != "Offline":
            compare_percentiles(table, theirs, run.summary, trace)


def compare_percentiles(
    table: Comparison, theirs: dict[str, Any], summary: dict[str, Any], trace: bool
) -> None:
    """Those that LoadGen tells at its end, and those that we count out of its trace."""
    for rank, name in ((50, "p50_s"), (90, "p90_s"), (99, "p99_s")):
        value = theirs[f"result_{rank}.00_percentile_latency_ns"] / NS
        table.equal(f"p{rank} of a query, s, as told", value, summary["mlperf"]["latency"][name])
        if trace:
            ours = summary["latency"]["latency"][name]
            table.close(f"p{rank} of a query, s, by the trace", value, ours, 0.02)
