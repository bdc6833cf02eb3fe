"""`perfwatch compare` as people use it: which runs are meant, what is refused, and the exit status."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from commandline import perfwatch, run_job, sessions
from derive.build import Session, every, steps

PER_JOULE = "efficiency.queries.per_joule"


def session(path: Path, *, watts: float = 123.0, queries: int = 2000, **header: Any) -> Path:
    """A job of 60 s on one board, steady."""
    built = Session(command=["job"], **header)
    built.board(every(1.0, 0.0, 62.0), watts=watts, uuid="GPU-01234567-89ab-cdef-0123-456789abcdef")
    built.job(1.0, 61.0)
    built.counter(steps(1.5, 60.5, queries, 600))
    built.records.sort(key=lambda record: record["t"])
    path.write_text("\n".join(json.dumps(record) for record in (built.header, *built.records)) + "\n")
    return path


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """A run, and one that draws a tenth more."""
    return str(session(tmp_path / "a.jsonl")), str(session(tmp_path / "b.jsonl", watts=135.3))


def compared(*words: str, home: Path, **more: Any) -> dict[str, Any]:
    done = perfwatch("compare", *words, "--json", home=home, **more)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def verdict(found: dict[str, Any], path: str = PER_JOULE) -> str:
    return str(found["comparisons"][0]["figures"][path]["verdict"])


def test_two_sessions_are_compared_in_every_form(two: tuple[str, str], tmp_path: Path) -> None:
    found = compared(*two, home=tmp_path)
    assert found["schema"] == "perfwatch.compare/1"
    assert verdict(found) == "worse"
    assert [one["schema"] for one in found["runs"]] == ["perfwatch.summary/1"] * 2
    text = perfwatch("compare", *two, home=tmp_path)
    assert (text.returncode, text.stderr) == (0, "")
    assert "B against A: worse in power, energy, queries/J, energy/query; no difference shown" in text.stdout
    table = perfwatch("compare", *two, "--to", "md", home=tmp_path).stdout
    assert "| queries/J | 0.275 | 0.250 | -9.1 ± 0.5 % | worse |" in table
    assert perfwatch("compare", *two, "-q", home=tmp_path).stdout == ""


def test_a_summary_file_is_as_good_as_its_session(two: tuple[str, str], tmp_path: Path) -> None:
    for name, file in zip("ab", two, strict=True):
        done = perfwatch("summary", file, "-q", "--summary-json", f"{name}.json", home=tmp_path, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    expected = compared(*two, home=tmp_path)["comparisons"]
    assert compared("a.json", two[1], home=tmp_path, cwd=tmp_path)["comparisons"] == expected
    text = (tmp_path / "b.json").read_text()
    assert compared(two[0], "-", home=tmp_path, input=text)["comparisons"] == expected
    one_line = json.dumps(json.loads(text))
    assert compared(two[0], "-", home=tmp_path, input=one_line)["comparisons"] == expected


def test_a_session_comes_through_a_pipe_as_well(two: tuple[str, str], tmp_path: Path) -> None:
    expected = compared(*two, home=tmp_path)["comparisons"]
    assert compared("-", two[1], home=tmp_path, input=Path(two[0]).read_text())["comparisons"] == expected
    twice = perfwatch("compare", "-", "-", home=tmp_path, input=Path(two[0]).read_text())
    assert twice.returncode == 2
    assert "cannot read standard input twice" in twice.stderr


def test_a_run_against_itself_shows_no_difference(two: tuple[str, str], tmp_path: Path) -> None:
    found = compared(two[0], two[0], home=tmp_path)["comparisons"][0]
    assert found["conditions"] == []
    assert {figure["verdict"] for figure in found["figures"].values()} == {"no difference shown"}


def test_commas_make_a_group_and_a_comma_in_a_name_does_not(two: tuple[str, str], tmp_path: Path) -> None:
    chance = random.Random(3)
    names = [f"{side}{number}.jsonl" for side in "ab" for number in range(3)]
    for name in names:
        watts = (120.0 if name < "b" else 140.0) * chance.gauss(1.0, 0.01)
        session(tmp_path / name, watts=watts)
    found = compared(",".join(names[:3]), ",".join(names[3:]), home=tmp_path, cwd=tmp_path)
    assert [group["runs"] for group in found["groups"]] == [[0, 1, 2], [3, 4, 5]]
    power = found["comparisons"][0]["figures"]["power.mean_watts"]
    assert (power["verdict"], power["rests_on"]) == ("worse", ["runs"])
    session(tmp_path / "a0.jsonl,a1.jsonl")
    found = compared("a0.jsonl,a1.jsonl", names[3], home=tmp_path, cwd=tmp_path)
    assert [group["runs"] for group in found["groups"]] == [[0], [1]]


def test_a_name_and_a_tag_mean_all_runs_that_have_them(tmp_path: Path) -> None:
    for name, tag in (("before", "x=1"), ("before", "x=1"), ("after", "x=2")):
        run_job("true", home=tmp_path, options=("--name", name, "--tag", tag, "-q"))
    assert len(sessions(tmp_path)) == 3
    for words in (("before", "after"), ("x=1", "x=2")):
        found = compared(*words, home=tmp_path)
        assert [group["runs"] for group in found["groups"]] == [[0, 1], [2]]
    assert [group["runs"] for group in compared("last~1", "last", home=tmp_path)["groups"]] == [[0], [1]]


def test_options_of_the_summary_hold_for_all_runs(two: tuple[str, str], tmp_path: Path) -> None:
    found = compared(*two, "--window", "job", "--warmup", "5s", "--rent", "3.6/h/device", home=tmp_path)
    assert [one["window"]["duration_s"] for one in found["runs"]] == [55.0, 55.0]
    assert found["comparisons"][0]["figures"]["cost.total"]["change"] == pytest.approx(0.0)


def test_of_a_summary_file_only_what_it_says_can_be_asked(two: tuple[str, str], tmp_path: Path) -> None:
    perfwatch("summary", two[0], "-q", "--summary-json", "a.json", home=tmp_path, cwd=tmp_path)

    def asked(*options: str) -> tuple[int, str]:
        done = perfwatch("compare", "a.json", two[1], *options, home=tmp_path, cwd=tmp_path)
        return done.returncode, done.stderr

    assert asked("--unit", "queries", "--scope", "accelerator", "--window", "work") == (0, "")
    status, said = asked("--price", "0.2/kWh", "--scope", "wall")
    assert status == 2
    assert "cannot take --price and --scope wall of a.json: it is a summary" in said
    assert asked("--unit", "tokens")[0] == 2


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), 0),
        (("--fail-on", f"{PER_JOULE} < -3%"), 3),
        (("--fail-on", f"{PER_JOULE} < -20%"), 0),
        (("--fail-on", "latency.latency.p99_s > 5%"), 1),
        (("--fail-on", "latency.latency.p99_s > 5%", "--strict"), 3),
        (("--require", "energy,work"), 0),
        (("--require", "latency"), 1),
        (("--require", "latency", "--fail-on", f"{PER_JOULE} < -3%"), 3),
    ],
)
def test_gates_decide_the_exit_status(
    two: tuple[str, str], tmp_path: Path, options: tuple[str, ...], status: int
) -> None:
    done = perfwatch("compare", *two, "-q", *options, home=tmp_path)
    assert (done.returncode, bool(done.stderr)) == (status, status > 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.jsonl",), "cannot compare a.jsonl with nothing"),
        (("a.jsonl", "b.jsonl", "--json", "--to", "md"), "both say what to print"),
        (("a.jsonl", "b.jsonl", "--strict"), "--strict sharpens --fail-on"),
        (("a.jsonl", "b.jsonl", "--fail-on", f"{PER_JOULE} < 2"), "here a limit is a change in %"),
        (("a.jsonl", ","), "names no run"),
        (("a.jsonl", "b.jsonl", "--phase", "nope"), "a.jsonl: cannot take phase 'nope'"),
        (("a.jsonl", *["b.jsonl"] * 26), "26 at most"),
    ],
)
def test_what_means_nothing_is_refused(
    two: tuple[str, str], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = perfwatch("compare", *words, home=tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n"schema": "perfwatch.summary/2"}', "its schema is 'perfwatch.summary/2'"),
        ('{\n"a": 1}', "it names no schema"),
        ('{\n"schema": ', "it is no JSON that can be read"),
        ("{\n" + '"a": {' * 100_000, "it is no JSON that can be read"),
        ('{\n"a": ' + "[" * 300 + "]" * 300 + "}", "nested deeper than 20 levels"),
        ("[]", "is not a perfwatch session"),
    ],
)
def test_a_file_that_is_no_summary_gets_a_sentence(
    two: tuple[str, str], tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "odd.json").write_text(text)
    done = perfwatch("compare", two[0], str(tmp_path / "odd.json"), home=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_summary_of_nonsense_is_compared_without_harm(two: tuple[str, str], tmp_path: Path) -> None:
    text = json.dumps(compared(*two, home=tmp_path)["runs"][0], indent=1)
    odd = text.replace("123.0", "NaN").replace("2000", "1e999").replace('"job"', '"\\u001b[31m\\u202e"')
    (tmp_path / "odd.json").write_text(odd)
    for options in (("--json",), (), ("--to", "md")):
        done = perfwatch("compare", two[0], str(tmp_path / "odd.json"), *options, home=tmp_path)
        assert done.returncode == 0, done.stderr
        assert options == ("--json",) or not {"\x1b", "\u202e"} & set(done.stdout)


def test_what_is_compared_by_a_tag_is_said(tmp_path: Path) -> None:
    a = session(tmp_path / "a.jsonl", tags={"precision": "fp16"})
    b = session(tmp_path / "b.jsonl", queries=4000, tags={"precision": "fp8"})
    assert verdict(compared(str(a), str(b), home=tmp_path)) == "cannot tell"
    assert verdict(compared(str(a), str(b), "--vary", "model,precision", home=tmp_path)) == "better"
