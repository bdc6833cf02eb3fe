from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from perfwatch_collectors.statsd import StatsdCollector, StatsdOptions

from perfwatch.cli import main
from perfwatch.model import Event


@pytest.fixture(params=["udp", "unix"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StatsdCollector]:
    options = StatsdOptions() if request.param == "udp" else StatsdOptions(address=f"unix:{tmp_path / 's'}")
    collector = StatsdCollector(options)
    collector.open()
    yield collector
    collector.close()


def test_marks_arrive_with_their_edge(listening: StatsdCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFWATCH_STATSD", listening.address)
    assert [main(["mark", *words]) for words in (["load", "begin"], ["load", "end"], ["here"])] == [0, 0, 0]
    marks = [one for one in listening.read([]) if isinstance(one, Event)]
    assert [(mark.fields["name"], mark.fields["edge"]) for mark in marks] == [
        ("load", "begin"),
        ("load", "end"),
        ("here", "point"),
    ]
    times = [mark.at_ns or 0 for mark in marks]
    assert times == sorted(times)


def test_outside_of_a_run_it_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PERFWATCH_STATSD", raising=False)
    assert main(["mark", "load", "begin"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("perfwatch mark: cannot put the mark 'load': PERFWATCH_STATSD is not set")
    assert said.count("\n") == 1


@pytest.mark.parametrize("address", ["nonsense", "udp://127.0.0.1"])
def test_an_address_that_is_none_is_wrong_use(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PERFWATCH_STATSD", address)
    assert main(["mark", "load"]) == 2


def test_a_run_that_is_over_is_a_failure_and_said(
    listening: StatsdCollector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERFWATCH_STATSD", listening.address)
    listening.close()
    assert main(["mark", "load", "begin"]) == 1
    assert "is the run over?" in capsys.readouterr().err


def test_a_name_that_would_break_the_line_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFWATCH_STATSD", "udp://127.0.0.1:9")
    assert main(["mark", "a|b"]) == 2
