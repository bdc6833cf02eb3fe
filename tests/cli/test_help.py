"""Does the help of a command say how it is typed, and fit a terminal?"""

from __future__ import annotations

import pytest

from perfwatch import cli

USAGES = {
    "run": "perfwatch run [options] -- COMMAND",
    "summary": "perfwatch summary [options] [FILE]",
    "export": "perfwatch export --to {csv,jsonl} [options] [FILE]",
    "mark": "perfwatch mark [options] NAME [{begin,end,point}]",
    "collectors": "perfwatch collectors [options] [NAME ...]",
    "record": "perfwatch record [options]",
    "client": "perfwatch client --write DIR [options]",
}


@pytest.mark.parametrize(("word", "usage"), USAGES.items())
def test_the_usage_is_one_line(word: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([word, "--help"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [f"usage: {usage}", ""]


@pytest.mark.parametrize("word", cli.COMMANDS)
def test_help_fits_80_columns(
    word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main([word, "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_command_that_reads_once_takes_the_period_and_does_not_speak_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["snapshot", "--help"]) == 0
    assert "--interval" not in capsys.readouterr().out
    assert cli.main(["snapshot", "-i", "banana"]) == 2
    assert "--interval" in capsys.readouterr().err
