from __future__ import annotations

import io
import json
from typing import Any

import pytest

from perfwatch.cli import main


class Stdin(io.TextIOWrapper):
    """Standard input with these bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))


def tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: bytes, *words: str
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", Stdin(data))
    status = main(["try", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


OUTPUT = b"starting\nstep 1,000 took 20ms\nstep 2,000 took 30ms at 53.8k samples/s\nbye \x1b[31mred"


def test_it_shows_what_each_line_tells_and_the_totals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = tried(monkeypatch, capsys, OUTPUT, "stdout=step {steps} took {latency__ms}ms")
    assert (status, err) == (0, "")
    assert "steps 1000 in all, latency 0.02 s" in out
    assert "2 of 4 lines matched" in out
    assert "steps: 2000" in out
    assert "latency: 2 timings, mean 0.025 s, min 0.02 s, max 0.03 s" in out


def test_a_rates_total_is_not_made_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = tried(monkeypatch, capsys, OUTPUT, "{samples__rate} samples/s")
    assert status == 0
    assert "samples 53800 /s" in out
    assert "needs the times" in out


def test_nothing_found_is_a_failure_that_shows_the_last_line_without_its_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = tried(monkeypatch, capsys, OUTPUT, "epoch {epochs}")
    assert status == 1
    assert "The last line is: bye red" in out


@pytest.mark.parametrize(
    ("pattern", "totals"),
    [
        ("step {steps}", {"steps": 2000}),
        ("^step", {"lines": 2}),
        ("log=/var/log/x:step {steps}", {"steps": 2000}),
        ("{samples__rate} samples/s", {"samples": None}),
        (
            "took {latency__ms}ms",
            {"latency": {"count": 2, "mean_s": 0.025, "min_s": 0.02, "max_s": 0.03}},
        ),
        ("loss {loss__gauge}", {}),
    ],
)
def test_json_has_a_line_for_each_match_then_the_totals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pattern: str, totals: dict[str, Any]
) -> None:
    status, out, _ = tried(monkeypatch, capsys, OUTPUT, "--json", pattern)
    *matches, ending = [json.loads(line) for line in out.splitlines()]
    assert ending["totals"] == totals
    assert (ending["lines"], ending["matched"]) == (4, len(matches))
    assert status == (0 if matches else 1)
    assert all(set(match) == {"line", "text", "found"} for match in matches)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("(", "at character 1"),
        ("stdout=", "empty pattern"),
        ("log=/var/log/x", "log=PATH:PATTERN"),
        ("loadgen=x", "doctor -w"),
    ],
)
def test_a_wrong_spec_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spec: str, says: str
) -> None:
    status, _, err = tried(monkeypatch, capsys, OUTPUT, spec)
    assert status == 2
    assert says in err
    assert err.count("\n") == 1


LOG = (
    b':::MLLOG {"key": "submission_benchmark", "value": "resnet", "time_ms": 1000, "metadata": {}}\n'
    b"loss 3.2\n"
    b':::MLLOG {"key": "run_start", "value": null, "time_ms": 2000, "metadata": {}}\n'
    b':::MLLOG {"key": "eval_accuracy", "value": 0.5, "time_ms": 3000, "metadata": {"samples_count": 128}}\n'
)


@pytest.mark.parametrize("spec", ["mllog", "stdout=mllog", "mllog=/data/result_0.txt"])
def test_a_training_log_shows_its_figures_marks_and_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spec: str
) -> None:
    status, out, err = tried(monkeypatch, capsys, LOG, spec)
    assert (status, err) == (0, "")
    assert [line.split("|")[0].split(maxsplit=1) for line in out.splitlines()[:3]] == [
        ["1", "a mark or a setting    "],
        ["3", "a mark or a setting    "],
        ["4", "samples 128 in all, eval_accuracy 0.5 (gauge)    "],
    ]
    assert "3 of 4 lines matched.\n  samples: 128\n  eval_accuracy: 0.5" in out


@pytest.mark.parametrize(("spec", "meant"), [("tqmd", "tqdm"), ("stderr=kera", "keras"), ("mlog", "mllog")])
def test_a_slip_in_a_presets_name_is_answered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spec: str, meant: str
) -> None:
    status, _, err = tried(monkeypatch, capsys, OUTPUT, spec)
    assert status == 2
    assert f"did you mean {meant}?" in err


def test_a_word_that_looks_like_a_presets_name_counts_lines_where_it_is_forced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tried(monkeypatch, capsys, b"tqmd\n", "re:tqmd")[0] == 0


@pytest.mark.parametrize(
    ("spec", "output", "says"),
    [
        (
            "step {steps}",
            "".join(f"step {n}\n" for n in (5000, 5010, 5020, 5030)),
            "the work of earlier jobs",
        ),
        ("samples={samples}", "samples=1000 ok\n" * 3, "write {samples__inc}"),
        ("step {steps}", "step 10\nstep 20\n", "steps: up to 9 more or less"),
        (
            "tqdm",
            "\r  0%|   | 0/9 [00:00<?, ?it/s]\r 33%|#  | 3/9 [00:03<00:06, 1it/s]",
            "up to 6 more or less",
        ),
        ("tqdm", "100%|#| 25\r100%|#| 25\r", "(2 such lines)"),
        ("{samples__rate}/s", "5/s\n6/s\n", "first line to be of as long a time as the second"),
        ("step {steps}", "[rank0]: step 1\n[rank1]: step 1\n", "steps: 1 line in no count: other ranks"),
        (
            "hf",
            " 10%|# | 1/9 [00:01<00:08]\n 50%|# | 1/2 [00:01<00:01]\n",
            "1 line in no count: bars of something",
        ),
    ],
)
def test_it_says_what_a_run_would_leave_out_or_doubt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spec: str, output: str, says: str
) -> None:
    _, out, _ = tried(monkeypatch, capsys, output.encode(), spec)
    (said,) = [line for line in out.splitlines() if line.startswith("  ! ") and says in line]
    assert said.endswith(".")
    _, out, _ = tried(monkeypatch, capsys, output.encode(), spec, "--json")
    assert any(says in note for note in json.loads(out.splitlines()[-1])["notes"])


def test_it_says_nothing_of_lines_that_leave_nothing_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = "".join(f"step {n} samples=8\n" for n in range(1, 50))
    _, out, _ = tried(monkeypatch, capsys, output.encode(), "step {steps} samples={samples__inc}")
    assert "!" not in out
