"""`perfwatch import mlperf`: logs of results and power in the exact formats, values invented or published."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commandline import imported_summary, perfwatch

BEGIN = datetime(2031, 5, 14, 9, 30, 0, 123000)


def stamp(offset_s: float) -> str:
    return (BEGIN + timedelta(seconds=offset_s)).strftime("%m-%d-%Y %H:%M:%S.%f")[:-3]


def detail(**values: Any) -> str:
    """Records as LoadGen writes them; each key's value as given."""
    metadata = {"is_error": False, "is_warning": False, "file": "loadgen/results.cc", "line_no": 1, "pid": 1}
    lines = [
        ":::MLLOG "
        + json.dumps(
            {
                "key": key.replace("__", "."),
                "value": value,
                "time_ms": 612345.678901,
                "namespace": "mlperf::logging",
                "event_type": "POINT_IN_TIME",
                "metadata": metadata,
            }
        )
        for key, value in values.items()
    ]
    return "\n".join(lines) + "\n"


def power_log(
    watts: Callable[[float], float], until_s: float, *, channels: int = 0, first_s: float = -5.0
) -> str:
    """A sample a second, some before and behind the window."""
    lines, at_s = [], first_s
    while at_s <= until_s + 5.0:
        parts = "".join(
            f",Ch{n},Watts,{watts(at_s) / channels:.6f},Volts,229.9" for n in range(1, channels + 1)
        )
        lines.append(
            f"Time,{stamp(at_s)},Watts,{watts(at_s):.6f},Volts,229.910000,Amps,1.834000,PF,0.978300,"
            f"Mark,2031-05-14_09-29-00_testing{parts}"
        )
        at_s += 1.0
    return "\n".join(lines) + "\n"


def result(where: Path, scenario: str, duration_s: float, *, power: str | None = None, **values: Any) -> Path:
    """A directory of results."""
    where.mkdir(parents=True, exist_ok=True)
    told = {
        "loadgen_version": "3.0 @ abcdef",
        "sut_name": "example-sut",
        "effective_scenario": scenario,
        "effective_samples_per_query": 8 if scenario == "MultiStream" else 1,
        "result_validity": "VALID",
        "power_begin": stamp(0.0),
        "power_end": stamp(duration_s),
    }
    (where / "mlperf_log_detail.txt").write_text(detail(**{**told, **values}))
    (where / "mlperf_log_summary.txt").write_text(f"MLPerf Results Summary\nScenario : {scenario}\n")
    if power is not None:
        (where / "spl.txt").write_text(power)
    return where


def summary(where: Path, home: Path, *options: str) -> dict[str, Any]:
    return imported_summary("mlperf", where, home, *options)


def test_offline_is_told_in_samples_per_joule_by_the_checkers_rule_and_by_ours(tmp_path: Path) -> None:
    """Published: 25 262.1 tokens a second at 6 153.0 W are 4.1057 tokens per joule."""
    where = result(
        tmp_path / "Server" / "run_1",  # a directory's name says nothing
        "Offline",
        600.0,
        power=power_log(lambda _: 6153.0, 600.0),
        loadgen_version="4.1 @ abcdef",
        result_samples_per_second=85.9,
        result_tokens_per_second=25262.1,
        result_query_count=1,
    )
    found = summary(where.parent, tmp_path)
    assert found["mlperf"]["scenario"] == "Offline"
    assert found["mlperf"]["metric"] == {
        "name": "result_tokens_per_second",
        "value": 25262.1,
        "unit": "tokens/s",
    }
    assert found["mlperf"]["efficiency"]["value"] == pytest.approx(4.1057, abs=5e-5)
    assert found["efficiency"]["generated_tokens"]["per_joule"] == pytest.approx(4.1057, abs=5e-5)
    assert found["window"]["kind"] == "marks"
    assert found["window"]["duration_s"] == pytest.approx(600.0)
    assert found["energy"]["scope"] == "wall"
    assert found["session"]["started"] == "2031-05-14T09:29:55.123000+00:00"


def test_a_power_log_that_is_none_is_refused_and_one_of_another_day_is_said(tmp_path: Path) -> None:
    where = result(tmp_path / "run_1", "Offline", 600.0, result_samples_per_second=1.0)
    junk = where / "mlperf_log_detail.txt"
    done = perfwatch("import", "mlperf", str(where), "--power", str(junk), home=tmp_path)
    assert done.returncode == 1
    assert "no line of it is a reading of PTDaemon" in done.stderr
    assert done.stderr.count("\n") == 1
    later = tmp_path / "spl.txt"
    later.write_text(power_log(lambda _: 500.0, 90_000.0, first_s=86_400.0))
    done = perfwatch("import", "mlperf", str(where), "--power", str(later), home=tmp_path)
    assert done.returncode == 0
    assert "has no reading of this run's time" in done.stderr


def test_without_a_power_log_the_import_and_the_summary_say_so(tmp_path: Path) -> None:
    where = result(tmp_path / "run_1", "Offline", 600.0, result_samples_per_second=1.0)
    done = perfwatch("import", "mlperf", str(where), home=tmp_path)
    assert done.returncode == 0
    assert "no spl.txt lies beside the logs, so there is no energy; --power FILE names one" in done.stderr
    said = {one["code"]: one["message"] for one in summary(where, tmp_path)["quality"]}
    assert said["no-power"].startswith("There is no energy: the logs were imported without a power log")


def test_a_run_without_work_per_joule_of_its_own_is_not_ranked_by_it(tmp_path: Path) -> None:
    """The power log stops after a third of the run."""
    power = power_log(lambda _: 100.0, 200.0)
    where = result(tmp_path / "run_1", "Offline", 600.0, power=power, result_samples_per_second=353232.0)
    summary(where, tmp_path)
    log = str(tmp_path / "imported.jsonl")
    done = perfwatch("summary", log, "--against", "mlperf/resnet50/offline", "--json", home=tmp_path)
    found = json.loads(done.stdout)
    assert found["efficiency"]["samples"]["per_joule"] is None
    assert found["against"]["run"]["per_joule"] is None
    (refused,) = found["against"]["refused"]
    assert refused == "this run has no work per joule to compare (see its quality): only speed is compared"
    assert all(row["per_joule_ratio"] is None for row in found["against"]["rows"])


def test_single_stream_is_told_in_millijoules_a_query(tmp_path: Path) -> None:
    """Published: 0.329131 ms and 208.14 mJ a query at 627.1 W."""
    queries = round(627.1 * 600.0 * 1000 / 208.14)
    where = result(
        tmp_path / "run_1",
        "SingleStream",
        600.0,
        power=power_log(lambda _: 627.1, 600.0),
        early_stopping_latency_ss=329131,
        result_query_count=queries,
        result_mean_latency_ns=325000,
    )
    found = summary(where, tmp_path)
    assert found["mlperf"]["metric"]["value"] == pytest.approx(0.329131e-3)
    assert found["mlperf"]["efficiency"]["value"] == pytest.approx(208.14, abs=0.005)
    assert found["work"]["queries"]["count"] == queries
    assert found["efficiency"]["queries"]["joules_per"] == pytest.approx(0.20814, rel=1e-4)
    text = perfwatch("summary", str(tmp_path / "imported.jsonl"), home=tmp_path).stdout
    assert "0.329131 ms" in text
    assert "208.140 mJ/query by the checker" in " ".join(text.split())


def test_a_query_of_multi_stream_has_eight_samples(tmp_path: Path) -> None:
    where = result(
        tmp_path / "run_1",
        "MultiStream",
        600.0,
        power=power_log(lambda _: 100.0, 600.0),
        early_stopping_latency_ms=1336096,
        result_query_count=449_000,
    )
    found = summary(where, tmp_path)
    assert found["work"]["samples"]["count"] == 8 * 449_000
    assert found["mlperf"]["efficiency"]["samples_per_joule"] == pytest.approx(8 * 449_000 / 60_000)


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("3.0 @ abcdef", "result_scheduled_samples_per_sec"),
        ("4.1 @ abcdef", "result_completed_samples_per_sec"),
        ("5.0.19", "result_completed_samples_per_sec"),
    ],
)
def test_the_metric_of_server_is_that_of_its_round(tmp_path: Path, version: str, name: str) -> None:
    where = result(
        tmp_path / "run_1",
        "Server",
        600.0,
        loadgen_version=version,
        result_scheduled_samples_per_sec=2500.5,
        result_completed_samples_per_sec=2480.25,
        result_query_count=1_488_150,
    )
    assert summary(where, tmp_path)["mlperf"]["metric"]["name"] == name


def test_the_checker_takes_samples_strictly_inside_and_above_zero(tmp_path: Path) -> None:
    """A sample on the window's edge does not count, nor one of nothing; ours weighs by time.

    A single sample of nothing is bridged like any that is missing.
    """

    def watts(at_s: float) -> float:
        if at_s in (0.0, 10.0):
            return 900.0
        return 0.0 if at_s == 5.0 else 100.0

    where = result(
        tmp_path / "run_1", "Offline", 10.0, power=power_log(watts, 10.0), result_samples_per_second=50.0
    )
    found = summary(where, tmp_path)
    assert found["mlperf"]["power"]["samples"] == 8
    assert found["mlperf"]["efficiency"]["value"] == pytest.approx(0.5)
    assert found["energy"]["joules"] == pytest.approx(100.0 * 10 + 800.0)


def test_a_meter_that_lost_its_reading_for_a_while_leaves_a_gap(tmp_path: Path) -> None:
    """Ten seconds of 0 W and ten of -1 W are unknown, and no energy of nothing."""

    def watts(at_s: float) -> float:
        return 0.0 if 100.0 <= at_s < 110.0 else -1.0 if 200.0 <= at_s < 210.0 else 400.0

    power = power_log(watts, 600.0)
    where = result(tmp_path / "run_1", "Offline", 600.0, power=power, result_samples_per_second=50.0)
    done = perfwatch("import", "mlperf", str(where), home=tmp_path)
    assert "20 readings of spl.txt are left out: no machine draws 0 W or less" in done.stderr
    found = summary(where, tmp_path)
    assert found["power"]["mean_watts"] == pytest.approx(400.0)
    assert found["energy"]["coverage"] == pytest.approx(1 - 22 / 600, abs=2e-3)
    assert found["energy"]["joules"] == pytest.approx(400.0 * 600 * found["energy"]["coverage"])
    assert {"gap", "low-coverage"} <= {one["code"] for one in found["quality"]}


@pytest.mark.parametrize("watts", [0.0, 1e9], ids=["nothing", "a gigawatt"])
def test_a_power_log_that_tells_no_power_gives_no_energy_with_the_reason(
    tmp_path: Path, watts: float
) -> None:
    where = result(
        tmp_path / "run_1",
        "Offline",
        600.0,
        power=power_log(lambda _: watts, 600.0),
        result_samples_per_second=50.0,
    )
    found = summary(where, tmp_path)
    assert found["energy"]["joules"] is None
    assert found["mlperf"]["efficiency"] is None
    assert "There is no energy: no line of spl.txt tells a power." in [
        one["message"] for one in found["quality"]
    ]
    assert "good to quote" not in perfwatch("summary", str(tmp_path / "imported.jsonl"), home=tmp_path).stdout


def test_channels_are_seen_and_never_added_to_their_sum(tmp_path: Path) -> None:
    where = result(
        tmp_path / "run_1",
        "Offline",
        60.0,
        power=power_log(lambda _: 400.0, 60.0, channels=2),
        result_samples_per_second=10.0,
    )
    found = summary(where, tmp_path)
    assert found["energy"]["joules"] == pytest.approx(400.0 * 60)
    snapshot = (tmp_path / "imported.jsonl").read_text()
    assert '"channel 2"' in snapshot
    assert '"parent":"spl"' in snapshot.replace(" ", "")


def test_a_channel_that_cannot_be_read_costs_nothing_of_the_sum(tmp_path: Path) -> None:
    lines = power_log(lambda _: 400.0, 60.0, channels=2).splitlines()
    lines[::2] = [line.replace("Ch2,Watts,200.000000", "Ch2,Watts,OVER") for line in lines[::2]]
    lines[1::2] = [line.replace("Ch2,Watts,200.000000", "Ch2,Watts,-1.000000") for line in lines[1::2]]
    where = result(
        tmp_path / "run_1", "Offline", 60.0, power="\n".join(lines), result_samples_per_second=10.0
    )
    found = summary(where, tmp_path)
    assert found["mlperf"]["power"]["samples"] == 59
    assert found["energy"]["joules"] == pytest.approx(400.0 * 60)
    assert found["energy"]["coverage"] == pytest.approx(1.0)


def test_logs_of_round_0_5_are_read(tmp_path: Path) -> None:
    where = tmp_path / "run_1"
    where.mkdir()
    (where / "mlperf_log_detail.txt").write_text(
        '"pid": 426, "tid": 426, "ts": 23043ns : effective_samples_per_query : 1\n'
        '"pid": 426, "tid": 426, "ts": 23050ns : result_query_count : 30000\n'
        f'"pid": 426, "tid": 426, "ts": 23051ns : POWER_BEGIN: "mode" : Performance, "time" : {stamp(0)}\n'
        f'"pid": 426, "tid": 426, "ts": 23052ns : POWER_END: "mode" : Performance, "time" : {stamp(60)}\n'
    )
    (where / "mlperf_log_summary.txt").write_text(
        "SUT name : old-sut\nScenario : Single Stream\nMode     : Performance\n"
        "90th percentile latency (ns) : 2037735\nResult is : VALID\n"
    )
    (where / "spl.txt").write_text(power_log(lambda _: 15.0, 60.0))
    found = summary(where, tmp_path)
    assert found["mlperf"]["scenario"] == "SingleStream"
    assert found["mlperf"]["metric"]["value"] == pytest.approx(2.037735e-3)
    assert found["mlperf"]["valid"] is True
    assert found["mlperf"]["efficiency"]["value"] == pytest.approx(15.0 * 60 * 1000 / 30000)
    assert found["conditions"]["tags"]["sut"] == "old-sut"


def test_queries_of_round_0_5_follow_from_their_rate_where_nothing_counts_them(tmp_path: Path) -> None:
    where = tmp_path / "run_1"
    where.mkdir()
    (where / "mlperf_log_detail.txt").write_text(
        f'"pid": 426, "tid": 426, "ts": 23051ns : POWER_BEGIN: "mode" : Performance, "time" : {stamp(0)}\n'
        f'"pid": 426, "tid": 426, "ts": 23052ns : POWER_END: "mode" : Performance, "time" : {stamp(600)}\n'
    )
    (where / "mlperf_log_summary.txt").write_text(
        "SUT name : old-sut\nScenario : Single Stream\nMode     : Performance\n"
        "90th percentile latency (ns) : 2037735\nResult is : VALID\n"
        "QPS w/ loadgen overhead         : 520.10\nQPS w/o loadgen overhead        : 521.00\n"
    )
    (where / "spl.txt").write_text(power_log(lambda _: 15.0, 600.0))
    found = summary(where, tmp_path)
    assert found["work"]["queries"]["count"] == pytest.approx(520.10 * 600, abs=0.5)
    assert found["mlperf"]["efficiency"]["value"] == pytest.approx(15.0 * 1000 / 520.10, rel=1e-5)
    assert found["mlperf"]["efficiency"]["unit"] == "mJ/query"


@pytest.mark.parametrize("count", [-3, 1e300])
def test_a_count_that_no_run_can_have_is_unknown(tmp_path: Path, count: float) -> None:
    where = result(
        tmp_path / "run_1",
        "SingleStream",
        60.0,
        power=power_log(lambda _: 400.0, 60.0),
        early_stopping_latency_ss=-5,
        result_mean_latency_ns=-5,
        result_query_count=count,
    )
    found = summary(where, tmp_path)
    assert found["mlperf"]["queries"] is None
    assert found["mlperf"]["metric"] is None
    assert found["mlperf"]["latency"] is None
    assert found["work"] == {}
    assert "no-work" in {one["code"] for one in found["quality"]}


def test_a_result_without_power_has_its_work_and_its_verdict(tmp_path: Path) -> None:
    where = result(
        tmp_path / "run_1", "Offline", 60.0, result_samples_per_second=7000.5, result_validity="INVALID"
    )
    found = summary(where, tmp_path)
    assert found["mlperf"]["valid"] is False
    assert found["mlperf"]["efficiency"] is None
    assert found["work"]["samples"]["count"] == 420_030
    assert found["energy"]["joules"] is None


def test_damaged_lines_are_left_out_and_said(tmp_path: Path) -> None:
    log = power_log(lambda _: 100.0, 60.0) + "Time,yesterday,Watts,1\nTime,05-14-2031 09:3"
    where = result(tmp_path / "run_1", "Offline", 60.0, power=log, result_samples_per_second=10.0)
    with (where / "mlperf_log_detail.txt").open("a") as stream:
        stream.write(':::MLLOG {"key": "result_samples_per_second", "val')
    done = perfwatch("import", "mlperf", str(where), "-o", str(tmp_path / "x.jsonl"), home=tmp_path)
    assert done.returncode == 0
    assert "2 lines of spl.txt could not be read" in done.stderr


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "neither mlperf_log_detail.txt nor mlperf_log_summary.txt lies there"),
        ({"mlperf_log_detail.txt": "nothing\n"}, "name no scenario"),
        ({"mlperf_log_detail.txt": detail(effective_scenario="Offline")}, "hold no result"),
        (
            {"mlperf_log_summary.txt": "Scenario : SingleStream\nResult is : VALID\n"},
            "mlperf_log_detail.txt is missing",
        ),
    ],
)
def test_what_is_no_result_is_answered_in_a_sentence(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    where = tmp_path / "run_1"
    where.mkdir()
    for name, text in files.items():
        (where / name).write_text(text)
    done = perfwatch("import", "mlperf", str(where), home=tmp_path)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "no such directory" in perfwatch("import", "mlperf", str(tmp_path / "nix"), home=tmp_path).stderr


def test_it_goes_to_the_shelf_as_a_run_does(tmp_path: Path) -> None:
    where = result(tmp_path / "run_1", "Offline", 60.0, result_samples_per_second=10.0)
    done = perfwatch("import", "mlperf", str(where), "--name", "atom", "--tag", "chip=x", home=tmp_path)
    assert "perfwatch summary last" in done.stderr
    found = json.loads(perfwatch("summary", "atom", "--json", home=tmp_path).stdout)
    assert found["conditions"]["tags"] == {
        "scenario": "Offline", "sut": "example-sut", "loadgen": "3.0 @ abcdef", "chip": "x",
    }  # fmt: skip
