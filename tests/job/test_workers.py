"""Which processes do the counted work: a server's by its port, the job's by their tree; what they may see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfwatch.job import process
from perfwatch.job.workers import Role, Workers, servers_of

SERVER = """
import http.server, os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
print(server.server_port, child.pid, flush=True)
server.serve_forever()
"""
GATEWAY = """
import socket, sys
behind = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.accept()[0].recv(1)
"""
TREE = """
import os, subprocess, sys, time
for rank in ("0", "1"):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                     env={**os.environ, "CUDA_VISIBLE_DEVICES": rank})
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    children: list[subprocess.Popen[str]] = []
    yield children
    for child in children:
        os.killpg(child.pid, signal.SIGKILL)
        assert child.stdout is not None
        child.stdout.close()
        child.wait()


def start(
    children: list[subprocess.Popen[str]], code: str, *arguments: str, **more: str
) -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
        start_new_session=True,
    )
    children.append(child)
    assert child.stdout is not None
    return child, child.stdout.readline()


def workers(job: subprocess.Popen[str], *urls: str) -> Workers:
    found = Workers([job.pid], lambda pid: process.belongs_to(pid, job.pid, "none"), servers_of(urls))
    found.look()
    return found


def test_a_watched_server_and_its_tree_do_the_work_and_the_client_is_ours(
    started: list[subprocess.Popen[str]],
) -> None:
    server, told = start(started, SERVER, CUDA_VISIBLE_DEVICES="1")
    port, child = told.split()
    client, _ = start(started, "import time; print(flush=True); time.sleep(60)")
    known = workers(client, f"http://localhost:{port}/metrics")
    assert known.knows_the_server
    assert [known.role_of(pid) for pid in (server.pid, int(child), client.pid, os.getpid())] == [
        Role.WORKER,
        Role.WORKER,
        Role.OURS,
        Role.STRANGER,
    ]
    assert {one.get("CUDA_VISIBLE_DEVICES") for one in known.environments()} == {"1"}


def test_a_server_that_comes_later_is_found_then(started: list[subprocess.Popen[str]]) -> None:
    server, told = start(started, SERVER)
    client, _ = start(started, "import time; print(flush=True); time.sleep(60)")
    known = Workers(
        [client.pid], lambda pid: pid == client.pid, servers_of([f"http://127.0.0.1:{told.split()[0]}"])
    )
    assert not known.knows_the_server
    assert known.role_of(client.pid) is Role.WORKER, "nobody else is known to do it"
    known.look()
    assert known.role_of(server.pid) is Role.WORKER


def test_who_serves_behind_a_gateway_is_told_from_strangers(
    started: list[subprocess.Popen[str]],
) -> None:
    server, told = start(started, SERVER)
    port, child = told.split()
    gateway, its_port = start(started, GATEWAY, port)
    client, _ = start(started, "import time; print(flush=True); time.sleep(60)")
    known = workers(client, f"http://127.0.0.1:{its_port.strip()}")
    roles = [known.role_of(pid) for pid in (gateway.pid, server.pid, int(child), client.pid, os.getpid())]
    assert roles == [Role.WORKER, Role.BEHIND, Role.BEHIND, Role.OURS, Role.STRANGER]
    assert workers(client, f"http://127.0.0.1:{port}").role_of(gateway.pid) is Role.STRANGER


def test_in_a_pid_namespace_a_drivers_numbers_are_nobody_s(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    namespace = tmp_path / "self/ns/pid"
    namespace.parent.mkdir(parents=True)
    namespace.touch()  # some other inode than the first namespace's
    known = Workers([1], lambda pid: True, root=tmp_path)
    assert known.in_a_namespace
    assert known.role_of(1) is Role.UNKNOWN


def test_without_a_server_the_job_does_the_work_with_what_its_leaves_may_see(
    started: list[subprocess.Popen[str]],
) -> None:
    job, _ = start(started, TREE)
    known = workers(job)
    assert known.role_of(job.pid) is Role.WORKER
    deadline_s = time.monotonic() + 10.0
    seen: list[str | None] = []
    while len(seen) < 2 and time.monotonic() < deadline_s:  # they are still being started
        seen = sorted(str(one.get("CUDA_VISIBLE_DEVICES")) for one in known.environments())
    assert seen == ["0", "1"]


def test_what_is_not_there_is_unknown_and_no_stranger(tmp_path: Path) -> None:
    known = Workers([], lambda pid: False, root=tmp_path)
    assert known.role_of(4_000_000) is Role.UNKNOWN
    assert known.environments() == []
    assert not known.in_a_namespace


@pytest.mark.parametrize(
    "url", ["http://example.invalid:8000", "http://10.0.0.5:8000", "http://[broken", "ftp://localhost/x"]
)
def test_what_is_no_server_of_this_machine_is_not_looked_for(url: str) -> None:
    assert servers_of([url]) == []
