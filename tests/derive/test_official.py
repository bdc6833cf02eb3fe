"""What LoadGen said of one run of a job, or of several."""

from __future__ import annotations

from typing import Any

from derive.build import Session

from perfwatch.exporters.summary_text import render


def told(*runs: tuple[str, bool | None, str]) -> dict[str, Any]:
    """A session in which runs ended: where, with which verdict, in which mode."""
    session = Session()
    session.job(0.0, 20.0)
    for number, (place, valid, mode) in enumerate(runs, 1):
        metric = {"name": "result_samples_per_second", "value": 100.0 * number, "unit": "samples/s"}
        which = {"source": "loadgen", "run": number, "place": place}
        session.event(2.0 * number - 1.0, "mlperf", scenario="Offline", mode=mode, valid=None, **which)
        session.event(
            2.0 * number, "mlperf", scenario="Offline", mode=mode, valid=valid, metric=metric, **which
        )
    return session.summary()


MEASURED, JUDGED = "PerformanceOnly", "AccuracyOnly"


def test_one_run_has_its_own_verdict_and_no_list() -> None:
    found = told(("run_0", True, MEASURED))["mlperf"]
    assert (found["valid"], found["metric"]["value"], found["runs"]) == (True, 100.0, [])


def test_several_runs_are_as_good_as_the_worst_of_them() -> None:
    summary = told(("run_0", False, MEASURED), ("run_1", True, MEASURED), ("accuracy", None, JUDGED))
    found = summary["mlperf"]
    assert found["valid"] is False
    assert [(run["place"], run["valid"]) for run in found["runs"]] == [
        ("run_0", False),
        ("run_1", True),
        ("accuracy", None),
    ]
    assert "run_0 100.000 samples/s INVALID; run_1 200.000 samples/s VALID" in flat(summary)
    assert told(("run_0", True, MEASURED), ("accuracy", None, JUDGED))["mlperf"]["valid"] is True


def test_of_many_runs_those_that_are_not_valid_are_named() -> None:
    runs = [("", number != 3, MEASURED) for number in range(1, 21)]
    assert "run 3 300.000 samples/s INVALID; 19 VALID" in flat(told(*runs))


def flat(summary: dict[str, Any]) -> str:
    return " ".join(render(summary).split()).replace("\u00a0", " ")
