"""`perfwatch run -w auto`: whose server counts the work, when nobody says so?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import PYTHON, perfwatch

NOTHING = ("--only", "simulated", "--no-collector", "simulated")
SERVER = '''
"""A model server: answers queries at /, passes them on to another one if that is named, shows what it did."""
import encodings.idna, http.server, os, sys, threading, time, urllib.request

if "--nobody" in sys.argv:  # who may read no more of Python than was imported
    os.setuid(65534)
done = 0
upstream = next((word for word in sys.argv[1:] if word.startswith("http")), "")


class Query(http.server.BaseHTTPRequestHandler):
    pages = 0

    def do_GET(self):
        global done
        if self.path == "/metrics" and self.pages not in (0, self.server.server_port):
            return self.send_error(404)
        if self.path == "/metrics":
            told = f"# TYPE vllm:request_success_total counter\\nvllm:request_success_total {done}\\n"
        elif self.path == "/":
            if upstream:
                urllib.request.urlopen(upstream).read()
            else:
                time.sleep(0.02)
            done += 1
            told = "done"
        else:
            return self.send_error(404)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(told.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Query)
if "--apart" in sys.argv:  # its page has a port of its own
    queries = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Query)
    threading.Thread(target=queries.serve_forever, daemon=True).start()
    Query.pages = server.server_port
else:
    queries = server
print(f"http://127.0.0.1:{queries.server_port}/", flush=True)
server.serve_forever()
'''
JOB = """
import os, subprocess, sys, time, urllib.request

def serve(*upstream):
    started = subprocess.Popen([sys.executable, {server!r}, *upstream], stdout=subprocess.PIPE, text=True)
    return started, started.stdout.readline().strip()

def ask(url, seconds):
    until, n = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        urllib.request.urlopen(url).read()
        n += 1
    return n
"""


@pytest.fixture
def server(tmp_path: Path) -> Path:
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    return path


@pytest.fixture
def serving(server: Path) -> Iterator[Callable[..., str]]:
    """Starts a server that is not the job's; returns its address."""
    started = []

    def start(*words: str) -> str:
        one = subprocess.Popen([sys.executable, str(server), *words], stdout=subprocess.PIPE, text=True)
        started.append(one)
        assert one.stdout is not None
        return one.stdout.readline().strip()

    yield start
    for one in started:
        one.kill()
        one.communicate()


def run(home: Path, server: Path, code: str, **names: str) -> tuple[dict[str, Any], int, str]:
    """A job's whole work as it was counted, how many queries it says it made, and what was said."""
    script = home / "job.py"
    script.write_text(JOB.format(server=str(server)) + textwrap.dedent(code).format(**names))
    asked = home / "asked"
    done = perfwatch(
        "run", *NOTHING, "--json", "-w", "auto", "--", PYTHON, str(script), str(asked), home=home
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    column = summary if summary["window"]["kind"] == "job" else summary["also"]["job"]
    return column["work"], int(asked.read_text()), done.stderr


def test_a_server_that_the_job_asks_counts_exactly_and_one_that_others_ask_does_not(
    tmp_path: Path, server: Path, serving: Callable[..., str]
) -> None:
    mine, others = serving(), serving()
    urllib.request.urlopen(mine).read()  # before the job: not of it
    busy = f"import urllib.request\nwhile True: urllib.request.urlopen({others!r}).read()"
    client = subprocess.Popen([sys.executable, "-c", busy])
    try:
        work, asked, said = run(
            tmp_path, server, "n = ask({mine!r}, 2.5); open(sys.argv[1], 'w').write(str(n))", mine=mine
        )
    finally:
        client.kill()
        client.wait()
    assert work["queries"] == {**work["queries"], "count": asked, "error": 0.0, "source": "page"}
    assert f"the server at {mine}metrics counts the work: the job is connected to it" in said
    assert f"the server at {others}metrics worked meanwhile as well, and the job was not seen to ask" in said


def test_a_server_that_the_job_runs_counts_from_its_first_query_on(
    tmp_path: Path, server: Path, serving: Callable[..., str]
) -> None:
    serving()
    work, asked, said = run(
        tmp_path,
        server,
        """
        one, url = serve()
        n = ask(url, 2.5)
        time.sleep(1.3)  # it is read once more
        open(sys.argv[1], "w").write(str(n))
        one.kill()
        """,
    )
    assert work["queries"]["count"] == asked
    assert said.count("counts the work: the job runs it") == 1


def test_a_server_behind_another_does_not_count_the_same_work_again(tmp_path: Path, server: Path) -> None:
    work, asked, said = run(
        tmp_path,
        server,
        """
        engine, url = serve()
        gateway, front = serve(url)
        n = ask(front, 3)
        time.sleep(1.3)
        open(sys.argv[1], "w").write(str(n))
        gateway.kill(), engine.kill()
        """,
    )
    assert work["queries"]["count"] == asked
    assert said.count("counts the work: the job runs it") == 1


def test_a_server_whose_page_has_a_port_of_its_own_is_found_by_its_process(
    tmp_path: Path, server: Path, serving: Callable[..., str]
) -> None:
    mine = serving("--apart")
    work, asked, said = run(
        tmp_path, server, "n = ask({mine!r}, 2.5); open(sys.argv[1], 'w').write(str(n))", mine=mine
    )
    assert work["queries"]["count"] == asked
    assert "counts the work: the job is connected to it" in said


def test_where_there_is_no_server_of_the_jobs_that_is_said(
    tmp_path: Path, server: Path, serving: Callable[..., str]
) -> None:
    url = serving()
    done = perfwatch("run", *NOTHING, "-w", "auto", "--", PYTHON, "-c", "pass", home=tmp_path)
    assert done.returncode == 0
    said = "-w auto found no server that the job runs or is connected to and whose page counts work"
    assert f"{said} (there is " in done.stderr
    assert f"{url}metrics" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a server as somebody else")
def test_another_users_server_that_the_job_asks_is_not_asked_and_named(
    tmp_path: Path, server: Path, serving: Callable[..., str]
) -> None:
    theirs = serving("--nobody")
    work, asked, said = run(
        tmp_path, server, "open(sys.argv[1], 'w').write(str(ask({theirs!r}, 2)))", theirs=theirs
    )
    assert (work, asked > 10) == ({}, True)
    assert f"and the job is connected to {theirs.rstrip('/')}; name it: -w {theirs.rstrip('/')}" in " ".join(
        said.split()
    )


def test_auto_takes_no_value(tmp_path: Path) -> None:
    done = perfwatch("run", "-w", "auto=yes", "--", "true", home=tmp_path)
    assert done.returncode == 2
    assert "write just -w auto" in done.stderr


def test_the_doctor_names_the_servers_that_are_found(tmp_path: Path, serving: Callable[..., str]) -> None:
    url = serving()
    done = perfwatch("doctor", "--json", "-w", "auto", home=tmp_path)
    told = [one for one in json.loads(done.stdout)["collectors"] if one["name"] == "auto"]
    assert len(told) == 1
    assert told[0]["verdict"] == "ok"
    assert f"{url}metrics" in told[0]["message"]
