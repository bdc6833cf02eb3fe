"""`perfwatch run` with meters that do not answer: who asked for one learns why it is silent."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import run_job

sys.path.append(str(Path(__file__).parent.parent / "collectors"))

from serving import Server, page


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    yield serving
    serving.close()


def ran(home: Path, *options: str, seconds: str = "0.5", **extra: str) -> str:
    done = run_job("sleep", seconds, home=home, options=options, extra=extra)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_a_plug_without_that_page_is_named_at_once_and_in_the_summary(tmp_path: Path, server: Server) -> None:
    server.answer = page("", status="404 Not Found")
    said = ran(tmp_path, "-c", f"shelly:url=http://127.0.0.1:{server.port}/rpc/X?id=0")
    why = f"the page http://127.0.0.1:{server.port}/rpc/X?*** answers with status 404; is the path right?"
    assert f"perfwatch: shelly tells nothing: {why}" in said
    assert f"- shelly told nothing of this run: {why}" in said


def test_a_plug_that_is_switched_off_is_named(tmp_path: Path, server: Server) -> None:
    server.close()
    said = ran(tmp_path, "-c", f"tasmota:url=http://127.0.0.1:{server.port}/cm")
    assert "- tasmota told nothing of this run" in said
    assert "connection refused" in said


def test_a_plug_that_does_not_answer_in_time_is_named(tmp_path: Path, server: Server) -> None:
    server.answer = lambda connection: time.sleep(10)
    said = ran(tmp_path, "-c", f"tasmota:url=http://127.0.0.1:{server.port}/cm")
    assert "- tasmota told nothing of this run" in said
    assert "gave no answer within 2 s" in said


def test_a_command_that_hangs_is_named(tmp_path: Path) -> None:
    tool = tmp_path / "ipmitool"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(0o755)
    described = tmp_path / "slow.toml"
    described.write_text(
        f'name = "slow"\n[source]\ncommand = ["{tool}"]\ntimeout = "1s"\n[read]\nformat = "keyvalue"\n'
        '[device]\nid = "m"\nname = "m"\nkind = "meter"\nscope = "node"\n[metrics]\npower_watts = "P"\n'
    )
    said = ran(tmp_path, "-c", str(described), PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert "- slow told nothing of this run: ipmitool gave no answer within 1 s and was ended" in said


def test_a_meter_that_answers_is_not_spoken_of(tmp_path: Path, server: Server) -> None:
    server.answer = page('{"id": 0, "apower": 180.5}', content_type="application/json")
    assert "told nothing" not in ran(tmp_path, "-c", f"shelly:url=http://127.0.0.1:{server.port}/rpc/X?id=0")


def test_quiet_says_it_in_the_summary_alone(tmp_path: Path, server: Server) -> None:
    server.answer = page("", status="404 Not Found")
    said = ran(tmp_path, "-q", "-c", f"shelly:url=http://127.0.0.1:{server.port}/x")
    assert "tells nothing" not in said
