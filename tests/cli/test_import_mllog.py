"""`perfwatch import mllog`: training logs and power logs in the exact formats, values invented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from commandline import imported_summary, perfwatch

ZERO_MS = 1_936_000_000_000


def record(key: str, at_s: float, value: Any = None, kind: str = "POINT_IN_TIME", **metadata: Any) -> str:
    told = {
        "namespace": "worker0",
        "time_ms": ZERO_MS + round(at_s * 1000),
        "event_type": kind,
        "key": key,
        "value": value,
        "metadata": {"file": "train.py", "lineno": 88, **metadata},
    }
    return f":::MLLOG {json.dumps(told)}"


def training(minutes: float, *, epochs: int = 4, status: str = "success", prefix: str = "") -> str:
    """A run that starts at 60 s and tells an accuracy after each epoch."""
    start, stop = 60.0, 60.0 + 60.0 * minutes
    each = (stop - start) / epochs
    lines = [
        record("submission_benchmark", 0.0, "resnet"),
        record("submission_org", 0.0, "example"),
        record("global_batch_size", 1.0, 3264),
        record("train_samples", 1.0, 1_000_000),
        record("init_start", 2.0, kind="INTERVAL_START"),
        record("init_stop", 50.0, kind="INTERVAL_END"),
        record("run_start", start, kind="INTERVAL_START"),
    ]
    for epoch in range(epochs):
        begin, end = start + epoch * each, start + (epoch + 1) * each
        lines += [
            record("epoch_start", begin, kind="INTERVAL_START", epoch_num=epoch + 1),
            record("epoch_stop", end - 1.0, kind="INTERVAL_END", epoch_num=epoch + 1),
            record("eval_start", end - 1.0, kind="INTERVAL_START", epoch_num=epoch + 1),
            record("eval_accuracy", end - 0.5, 0.5 + epoch / 20, epoch_num=epoch + 1),
            record("eval_stop", end - 0.5, kind="INTERVAL_END", epoch_num=epoch + 1),
        ]
    lines.append(record("run_stop", stop, kind="INTERVAL_END", status=status))
    return "\n".join(f"{prefix}{line}" for line in lines) + "\n"


def node(
    watts: Callable[[float], float],
    until_s: float,
    *,
    stop_s: float | None,
    eff: float = 1.0,
    ahead_s: float = 0.0,
) -> str:
    """Readings 2.1 s apart from 58 s on, by a clock that is so far ahead."""
    lines = [record("power_measurement_start", 58.0 + ahead_s), record("conversion_eff", 58.0 + ahead_s, eff)]
    at_s = 60.1
    while at_s <= until_s:
        lines.append(record("power_reading", at_s + ahead_s, watts(at_s)))
        at_s += 2.1
    if stop_s is not None:
        lines.append(record("power_measurement_stop", stop_s + ahead_s))
    return "\n".join(lines) + "\n"


def benchmark(folder: Path, minutes: Iterable[float], **power: str) -> Path:
    """A directory of result_N.txt, with the same power logs for each."""
    for number, each in enumerate(minutes):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"result_{number}.txt").write_text(training(each))
        for name, text in power.items():
            place = folder / "power" / f"result_{number}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{name}.txt").write_text(text)
    return folder


def summary(place: Path, home: Path, *options: str) -> dict[str, Any]:
    return imported_summary("mllog", place, home, *options)


def test_time_and_energy_to_train_by_the_summarizers_rule_and_by_ours(tmp_path: Path) -> None:
    """Two nodes of 5 and 6 kW for 20 minutes: 13.2 MJ."""
    logs = {
        "node_0": node(lambda _: 5000.0, 1300.0, stop_s=1290.0),
        "node_1": node(lambda _: 6000.0, 1300.0, stop_s=1290.0),
    }
    folder = benchmark(tmp_path / "resnet", [20.0], **logs)
    found = summary(folder / "result_0.txt", tmp_path)
    assert found["window"]["kind"] == "marks"
    assert found["window"]["because"] == "the training log says when the run started and stopped"
    assert found["window"]["duration_s"] == pytest.approx(1200.0)
    assert found["mlperf"]["scenario"] == "Training"
    assert found["mlperf"]["valid"] is True
    assert found["mlperf"]["metric"] == {"name": "time_to_train", "value": 1200.0, "unit": "s"}
    assert (found["mlperf"]["eval_accuracy"], found["mlperf"]["eval_accuracy_goal"]) == (0.65, None)
    text = perfwatch("summary", str(tmp_path / "imported.jsonl"), home=tmp_path).stdout
    assert "eval accuracy 0.65" in " ".join(text.split())
    assert found["mlperf"]["energy_joules"] == pytest.approx(13.2e6, rel=2e-3)
    assert found["energy"]["joules"] == pytest.approx(13.2e6, rel=2e-3)
    assert found["energy"]["scope"] == "node"
    assert found["energy"]["error_joules"] is not None
    assert found["work"]["samples"]["count"] == 4_000_000
    assert found["work"]["samples"]["source"] == "mlperf"
    assert found["work"]["epochs"]["count"] == 4
    assert found["efficiency"]["samples"]["per_joule"] == pytest.approx(4e6 / 13.2e6, rel=2e-3)
    tags = found["conditions"]["tags"]
    assert (tags["benchmark"], tags["scenario"], tags["batch"]) == ("resnet", "Training", "3264")


def test_the_conversion_of_each_meter_and_a_rated_interconnect_count(tmp_path: Path) -> None:
    """5 kW at a conversion of 0.96 and 200 W rated for 1200 s: 6.0 MJ."""
    logs = {
        "node_0": node(lambda _: 5000.0, 1300.0, stop_s=1290.0, eff=0.96),
        "sw_0": record("interconnect_power_est", 0.0, 200.0) + "\n",
    }
    folder = benchmark(tmp_path / "bert", [20.0], **logs)
    found = summary(folder, tmp_path)
    assert found["mlperf"]["energy_joules"] == pytest.approx(6.0e6, rel=2e-3)
    assert found["energy"]["joules"] == pytest.approx(6.0e6, rel=2e-3)
    assert found["energy"]["method"] == "mixed"
    rent = ("--rent", "30 EUR/h/node", "--json")
    shown = perfwatch("summary", str(tmp_path / "imported.jsonl"), *rent, home=tmp_path).stdout
    assert json.loads(shown)["cost"]["machine"] == pytest.approx(10.0), "a switch is no node"


@pytest.mark.parametrize("stop_s", [58.0, None], ids=["a stop at the time of the start", "no stop"])
def test_without_a_good_stop_the_last_reading_is_the_end(tmp_path: Path, stop_s: float | None) -> None:
    """Published logs carry stops with the very time of their start."""
    logs = {"node_0": node(lambda t: 4000.0 + t, 1300.0, stop_s=stop_s)}
    folder = benchmark(tmp_path / "resnet", [20.0], **logs)
    found = summary(folder, tmp_path)
    mean_w = 4000.0 + (58.0 + 1300.0) / 2
    assert found["mlperf"]["energy_joules"] == pytest.approx(mean_w * 1200.0, rel=2e-3)
    assert found["energy"]["joules"] == pytest.approx((4000.0 + 660.0) * 1200.0, rel=2e-3)


def test_a_rated_interconnect_alone_is_no_energy_of_a_run(tmp_path: Path) -> None:
    """MLCommons' summarizer stops where there is no file of a node."""
    folder = benchmark(tmp_path / "r", [20.0], sw_0=record("interconnect_power_est", 0.0, 300.0) + "\n")
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert "no node was measured: no node_*.txt lies beside sw_0.txt" in done.stderr
    found = summary(folder, tmp_path)
    assert found["mlperf"]["energy_joules"] is None
    assert found["efficiency"]["samples"]["per_joule"] is None
    text = perfwatch("summary", str(tmp_path / "imported.jsonl"), home=tmp_path).stdout
    assert "not to be quoted" in text
    assert "no node was measured" in text


def test_a_conversion_that_is_no_ratio_leaves_its_node_out_and_the_energy_unknown(tmp_path: Path) -> None:
    logs = {
        "node_0": node(lambda _: 5000.0, 1300.0, stop_s=1290.0, eff=97),
        "node_1": node(lambda _: 5000.0, 1300.0, stop_s=1290.0, eff=0.97),
    }
    folder = benchmark(tmp_path / "r", [20.0], **logs)
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert "node_0.txt has a conversion_eff of 97, which is no ratio above 0 and up to 1" in done.stderr
    found = summary(folder, tmp_path)
    assert found["energy"]["joules"] == pytest.approx(5000.0 * 0.97 * 1200, rel=1e-3), "what is known stays"
    assert found["mlperf"]["energy_joules"] is None
    (said,) = [one for one in found["quality"] if one["level"] == "insufficient"]
    assert said["message"].startswith("The energy is not that of the whole run: node_0.txt has")


@pytest.mark.parametrize(
    ("watts", "said"),
    [
        (0.0, "node_0.txt tells no power; it is left out"),
        (1e9, "no machine draws 0 W or less, nor over 100 MW"),
    ],
)
def test_what_no_machine_draws_is_no_reading(tmp_path: Path, watts: float, said: str) -> None:
    def read(at_s: float) -> float:
        return watts if watts == 0.0 or 600.0 < at_s < 610.0 else 5000.0

    folder = benchmark(tmp_path / "r", [20.0], node_0=node(read, 1300.0, stop_s=1290.0))
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert said in done.stderr
    found = summary(folder, tmp_path)
    assert found["mlperf"]["energy_joules"] is None
    assert found["power"]["max_watts"] == (None if watts == 0.0 else 5000.0)


def test_a_power_log_of_another_time_gives_no_energy_by_the_rule(tmp_path: Path) -> None:
    """The meter's computer had its clock in another zone."""
    ahead = node(lambda _: 5000.0, 1300.0, stop_s=1290.0, ahead_s=9 * 3600.0)
    folder = benchmark(tmp_path / "r", [20.0], node_0=ahead)
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert "node_0.txt has no reading of this run's time: did it run on another day, or clock?" in done.stderr
    found = summary(folder, tmp_path)
    assert found["mlperf"]["energy_joules"] is None
    said = {one["code"]: one["message"] for one in found["quality"]}
    assert said["no-power"] == "There is no energy: node_0.txt has no reading of this run's time."
    assert said["stale-device"] == "mllog:node_0 gave nothing for 20 min 00 s."


def test_a_log_without_an_end_keeps_the_others_of_its_directory_from_nothing(tmp_path: Path) -> None:
    folder = benchmark(tmp_path / "resnet", [20.0, 21.0, 22.0, 30.0, 10.0])
    cut = folder / "result_4.txt"
    cut.write_text("\n".join(line for line in cut.read_text().splitlines() if "run_stop" not in line))
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert done.returncode == 1
    assert f"cannot import {cut}: no run_stop of a training run stands in it" in done.stderr
    assert done.stderr.count("next: perfwatch summary") == 4
    # It stands for the worst: of 20, 21, 22 and 30 min the best is left out.
    assert "Olympic mean of 5 runs, best and worst left out: 24.333 min to train" in done.stderr


def test_a_directory_is_scored_without_its_best_and_worst_run(tmp_path: Path) -> None:
    logs = {"node_0": node(lambda _: 5000.0, 4000.0, stop_s=3990.0)}
    folder = benchmark(tmp_path / "resnet", [20.0, 21.0, 22.0, 30.0, 10.0], **logs)
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Olympic mean of 5 runs, best and worst left out: 21.000 min to train, 6.299 MJ" in done.stderr
    assert done.stderr.count("next: perfwatch summary /") == 4
    assert "next: perfwatch summary last" in done.stderr
    refused = perfwatch("import", "mllog", str(folder), "-o", str(tmp_path / "x.jsonl"), home=tmp_path)
    assert refused.returncode == 2
    assert "cannot use -o for the 5 logs of a directory" in refused.stderr


def test_a_run_that_did_not_converge_stands_for_the_worst(tmp_path: Path) -> None:
    folder = benchmark(tmp_path / "resnet", [20.0, 21.0, 22.0])
    (folder / "result_3.txt").write_text(training(5.0, status="aborted"))
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert "21.500 min to train" in done.stderr
    (folder / "result_4.txt").write_text(training(5.0, status="aborted"))
    done = perfwatch("import", "mllog", str(folder), home=tmp_path)
    assert "no score: too few of these runs converged" in done.stderr


def test_ranks_and_torn_lines_do_no_harm(tmp_path: Path) -> None:
    """Every rank writes the same, behind a prefix of its launcher."""
    ranks = [training(20.0, prefix=prefix).splitlines() for prefix in ("1: ", "0: ")]
    both = "".join(f"{one}\n{other}\n" for one, other in zip(*ranks, strict=True))
    log = tmp_path / "train.log"
    log.write_text("banner\n" + both + ':::MLLOG {"key": "run_st')
    found = summary(log, tmp_path)
    assert found["work"]["samples"]["count"] == 4_000_000
    assert found["window"]["duration_s"] == pytest.approx(1200.0)
    assert found["energy"]["joules"] is None
    assert found["mlperf"]["energy_joules"] is None


def test_a_phase_of_the_log_can_be_summarised(tmp_path: Path) -> None:
    folder = benchmark(tmp_path / "r", [20.0], node_0=node(lambda _: 5000.0, 1300.0, stop_s=1290.0))
    summary(folder, tmp_path)
    shown = perfwatch("summary", str(tmp_path / "imported.jsonl"), "--phase", "eval", "--json", home=tmp_path)
    found = json.loads(shown.stdout)
    assert found["window"]["duration_s"] == pytest.approx(4 * 0.5)


def test_it_stands_beside_published_training(tmp_path: Path) -> None:
    folder = benchmark(tmp_path / "r", [19.635])
    summary(folder, tmp_path)
    log = str(tmp_path / "imported.jsonl")
    shown = perfwatch("summary", log, "--against", "mlperf", "--json", home=tmp_path)
    rows = json.loads(shown.stdout)["against"]["rows"]
    dgx = next(row for row in rows if row["submitter"] == "NVIDIA")
    assert dgx["speed_ratio"] == pytest.approx(1.461, abs=5e-4)
    text = perfwatch("summary", log, "--against", "mlperf", home=tmp_path).stdout
    assert "19.6350 min to train; converged" in text
    assert "−31.5 %" in text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no run_start"),
        (record("run_start", 1.0) + "\n", "no run_stop"),
        (record("run_start", 9.0) + "\n" + record("run_stop", 4.0), "no run_stop"),
        (record("run_start", 9.0) + "\n" + record("run_stop", 1e300), "no run_stop"),
        ("\x00\xff nonsense\n:::MLLOG {]", "no run_start"),
        (record("run_start", 1.0).replace(str(ZERO_MS + 1000), '"soon"'), "no run_start"),
    ],
)
def test_what_tells_no_run_is_answered_in_a_sentence(tmp_path: Path, text: str, why: str) -> None:
    log = tmp_path / "train.log"
    log.write_text(text)
    done = perfwatch("import", "mllog", str(log), home=tmp_path)
    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_files_are_said(tmp_path: Path) -> None:
    nothing = perfwatch("import", "mllog", str(tmp_path / "no"), home=tmp_path)
    assert "there is no such file or directory" in nothing.stderr
    empty = perfwatch("import", "mllog", str(tmp_path), home=tmp_path)
    assert "no result_*.txt lies there" in empty.stderr
    folder = benchmark(tmp_path / "r", [20.0])
    power = perfwatch(
        "import", "mllog", str(folder / "result_0.txt"), "--power", str(tmp_path / "p"), home=tmp_path
    )
    assert power.returncode == 1
    assert "there is no such directory" in power.stderr
