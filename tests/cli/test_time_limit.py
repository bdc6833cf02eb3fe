"""Does a run that --duration ended say so, and does one that ended by itself not?"""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import perfwatch, run_job


@pytest.mark.parametrize(
    ("job", "status"), [("exec sleep 60", 143), ("trap 'kill $!; exit 7' TERM; sleep 60 & wait", 7)]
)
def test_a_job_that_the_time_limit_ended_says_so_and_keeps_its_status(
    job: str, status: int, tmp_path: Path
) -> None:
    done = run_job("sh", "-c", job, home=tmp_path, options=("--duration", "300ms"))
    assert done.returncode == status
    assert f"ended by the time limit of 300 ms, exit {status}" in done.stderr


def test_a_job_that_ended_before_the_time_limit_says_nothing_of_it(tmp_path: Path) -> None:
    done = run_job("sh", "-c", "kill -TERM $$", home=tmp_path, options=("--duration", "60s"))
    assert "ended by SIGTERM, exit 143" in done.stderr
    assert "time limit" not in done.stderr


@pytest.mark.parametrize(
    "command", [("run", "--duration", "0", "--", "true"), ("record", "--duration", "0s")]
)
def test_no_time_at_all_is_refused(command: tuple[str, ...], tmp_path: Path) -> None:
    done = perfwatch(*command, home=tmp_path)
    assert done.returncode == 2
    assert "leave it out for no limit" in done.stderr


@pytest.mark.parametrize("command", ["run", "demo"])
def test_figures_of_now_need_some_time(command: str, tmp_path: Path) -> None:
    done = perfwatch(command, "--now", "0", *(["--", "true"] if command == "run" else []), home=tmp_path)
    assert done.returncode == 2
    assert "as in --now 30s" in done.stderr
