"""`perfwatch attach`: a run over a job that somebody else started ends with it, and never ends it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from commandline import PYTHON, QUICK, command, environment, perfwatch, sessions
from fake_nvml import FakeNvml

from perfwatch.errors import TryAgain
from perfwatch.job import foreign, port
from perfwatch.job.attached import SILENCE_S, AttachedRun, Target
from perfwatch.job.foreign import CannotAttach, ForeignProcess, Tree
from perfwatch.session.reader import open_session
from perfwatch.sources.live import Instants
from perfwatch.testing import FakeClock

SLEEPS = "import time; time.sleep(600)"
SERVER = """
import http.server, os, sys, time
class Page(http.server.BaseHTTPRequestHandler):
    count = 0
    def do_GET(self):
        Page.count += 3
        body = f"n_total {Page.count}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
parent = os.getpid()
worker = os.fork()  # has the listening socket as well, as workers do
if worker == 0:
    while os.getppid() == parent: time.sleep(0.05)
    os._exit(0)
print(server.server_port, worker, flush=True)
server.serve_forever()
"""


def wait_until(holds: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Wait for something to hold; fail loudly if it never does."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = holds()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {timeout_s} s in vain for {what}")


@contextmanager
def foreign_job(*words: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that perfwatch did not start; it is over at the end."""
    job = subprocess.Popen(words, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more)
    assert job.stdout is not None
    try:
        yield job
    finally:
        job.kill()
        job.wait()
        job.stdout.close()


def attach(
    *words: str, home: Path, collectors: Sequence[str] = QUICK, extra: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """A `perfwatch attach` in the background."""
    return subprocess.Popen(
        command("attach", *words, *collectors), env=environment(home, extra), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def when_it_watches(home: Path) -> None:
    """Wait until the begin of the run is in its recording."""
    wait_until(lambda: any(one.get("what") == "begin" for one in recorded(home)), "the watching")


def recorded(home: Path) -> list[dict[str, Any]]:
    """What the one run of a home has recorded so far."""
    found = sessions(home)
    if not found or not found[0].stat().st_size:
        return []
    session = open_session(found[0])
    try:
        return [dict(one) for one in session.records()]
    finally:
        session.close()


def ending(home: Path) -> dict[str, Any]:
    """The event of the run's end."""
    return next(one for one in recorded(home) if one.get("event") == "job" and one["what"] == "end")


# -- a process -----------------------------------------------------------------------------------------


def test_it_ends_with_the_process_whose_exit_status_is_not_known(tmp_path: Path) -> None:
    with foreign_job(PYTHON, "-c", SLEEPS, "--api-key", "SECRET") as job:
        watching = attach(str(job.pid), "--json", "--tag", "precision=fp8", "--name", "mine", home=tmp_path)
        when_it_watches(tmp_path)
        job.kill()
        job.wait()
        shown, said = watching.communicate(timeout=30)
    assert watching.returncode == 0, said
    summary = json.loads(shown)
    assert summary["session"]["exit_status"] is None
    assert summary["session"]["command"] == [PYTHON, "-c", SLEEPS, "--api-key", "***"]
    assert summary["session"]["name"] == "mine"
    assert summary["conditions"]["tags"] == {"precision": "fp8"}
    assert f"process {job.pid} ({Path(PYTHON).name}) is over" in said
    assert "its exit status is not known" in said
    assert "goes_on" not in ending(tmp_path)


def test_energy_is_read_at_attach_and_at_the_end(tmp_path: Path) -> None:
    """At a period of a minute the readings out of turn are all there are."""
    with foreign_job("sleep", "60") as job:
        watching = attach(str(job.pid), "--json", "-i", "60s", "--window", "job", home=tmp_path)
        when_it_watches(tmp_path)
        job.kill()
        shown, said = watching.communicate(timeout=30)
    summary = json.loads(shown)
    assert summary["energy"]["coverage"] == pytest.approx(1.0), said
    assert summary["energy"]["joules"] > 0


def test_the_devices_are_those_of_the_process_and_its_tree(tmp_path: Path) -> None:
    with FakeNvml(3) as fake, foreign_job("sh", "-c", "sleep 60 & echo $!; wait") as job:
        assert job.stdout is not None
        child = int(job.stdout.readline())
        fake.set_processes(1, [(child, 100.0, "compute")])
        fake.set_processes(2, [(os.getpid(), 100.0, "compute")])
        watching = attach(
            str(job.pid), "--json", "--duration", "3s", home=tmp_path, collectors=("--only", "nvidia"),
            extra=fake.env(),
        )  # fmt: skip
        shown, said = watching.communicate(timeout=60)
        os.kill(child, signal.SIGKILL)
    summary = json.loads(shown)
    assert summary["devices"]["ids"] == ["nvidia:1"], said
    assert summary["devices"]["because"] == f"the job's processes use them (pid {child})"
    assert f"process {job.pid} (sh) goes on; the watching was ended by the time limit of 3 s" in said


def test_its_environment_decides_where_no_process_is_seen_on_a_device(tmp_path: Path) -> None:
    with FakeNvml(2) as fake, foreign_job("sleep", "60", env={"CUDA_VISIBLE_DEVICES": "1"}) as job:
        watching = attach(
            str(job.pid), "--json", "--duration", "300ms", home=tmp_path, collectors=("--only", "nvidia"),
            extra=fake.env(),
        )  # fmt: skip
        shown, said = watching.communicate(timeout=60)
    summary = json.loads(shown)
    assert summary["devices"]["ids"] == ["nvidia:1"], said
    assert "CUDA_VISIBLE_DEVICES=1" in summary["devices"]["because"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_watching_and_not_the_process(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    with foreign_job("sleep", "60") as job:
        watching = attach(str(job.pid), home=tmp_path)
        when_it_watches(tmp_path)
        watching.send_signal(number)
        _, said = watching.communicate(timeout=30)
        assert watching.returncode == status
        assert "duration" in said
        assert f"process {job.pid} (sleep) goes on" in said
        assert job.poll() is None
    assert ending(tmp_path)["goes_on"] is True


def test_gates_judge_an_attached_run(tmp_path: Path) -> None:
    with foreign_job("sleep", "60") as job:
        gate = ("--duration", "300ms", "--fail-on", "energy.joules > 0")
        done = perfwatch("attach", str(job.pid), *QUICK, *gate, home=tmp_path)
    assert done.returncode == 3


# -- what cannot be attached to ------------------------------------------------------------------------


def refused(what: str, home: Path) -> tuple[int, str]:
    """Status and the one sentence."""
    done = perfwatch("attach", what, *QUICK, home=home)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("what", "status", "because"),
    [
        ("1", 2, "every process here descends from it"),
        ("last", 2, "no detached runs"),
        ("train", 2, "write a process id or the URL"),
        ("localhost:8000", 2, "http://localhost:8000"),
        ("http://", 2, "write a process id or the URL"),
        ("http://127.0.0.1:1/metrics", 1, "no connection (connection refused)"),
        ("99999999", 1, "no process with this number"),
        ("99999999999999999999999", 1, "no process with this number"),
    ],
)
def test_what_is_no_job_is_refused_in_one_sentence(
    what: str, status: int, because: str, tmp_path: Path
) -> None:
    found, sentence = refused(what, tmp_path)
    assert (found, because in sentence) == (status, True), sentence


def test_secrets_of_an_address_are_not_said(tmp_path: Path) -> None:
    done = perfwatch("attach", "http://user:SECRET@127.0.0.1:1/metrics?key=SECRET", home=tmp_path)
    warned, refusal = done.stderr.splitlines()
    assert done.returncode == 1
    assert "SECRET" not in done.stderr
    assert "attach to its PID" in warned
    assert "every user of this machine can read a password on a command line" in warned
    assert "http://127.0.0.1:1/metrics" in refusal


def test_perfwatch_itself_is_refused(tmp_path: Path) -> None:
    words = " ".join(command("attach", "$$"))
    done = subprocess.run(
        ["sh", "-c", f"exec {words}"], env=environment(tmp_path), capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "that is perfwatch itself" in done.stderr


def test_a_thread_is_refused_and_its_process_named(tmp_path: Path) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        status, sentence = refused(str(thread.native_id), tmp_path)
    finally:
        over.set()
        thread.join()
    assert status == 2
    assert f"attach to {os.getpid()}" in sentence


def test_a_process_that_only_waits_for_its_parent_is_refused(tmp_path: Path) -> None:
    with foreign_job("true") as job:
        wait_until(lambda: ") Z " in Path(f"/proc/{job.pid}/stat").read_text(), "its end")
        status, sentence = refused(str(job.pid), tmp_path)
    assert status == 1
    assert "has ended already" in sentence


def test_another_users_process_is_refused_and_the_user_named() -> None:
    own = os.geteuid()
    with foreign_job("sleep", "60") as job:
        with pytest.raises(CannotAttach, match="with sudo"):
            foreign.check_attachable(job.pid, own_uid=own + 1)
        foreign.check_attachable(job.pid, own_uid=own)
        foreign.check_attachable(job.pid, own_uid=0)


def test_the_output_of_a_job_that_runs_already_is_refused(tmp_path: Path) -> None:
    done = perfwatch("attach", str(os.getpid()), "-w", "stdout=tqdm", *QUICK, home=tmp_path)
    assert done.returncode == 2
    assert "-w log=PATH:PATTERN" in done.stderr


# -- is it still the same process ----------------------------------------------------------------------


def no_pidfd(_pid: int) -> int:
    raise OSError(38, "Function not implemented")


def played(root: Path, pid: int, *, parent: int = 1, state: str = "S", started: int = 100) -> None:
    """A process of a /proc that is played in a directory."""
    (root / str(pid)).mkdir(parents=True, exist_ok=True)
    rest = [state, str(parent), *["0"] * 17, str(started), "0", "0"]
    (root / str(pid) / "stat").write_text(f"{pid} (a) b) {' '.join(rest)}\n")


def test_a_number_that_passed_to_another_process_is_an_end(tmp_path: Path) -> None:
    played(tmp_path, 70, started=100)
    process = ForeignProcess.open(70, tmp_path, no_pidfd)
    assert not process.has_ended()
    played(tmp_path, 70, started=101)
    assert process.has_ended()


def test_a_zombie_is_an_end(tmp_path: Path) -> None:
    played(tmp_path, 70)
    process = ForeignProcess.open(70, tmp_path, no_pidfd)
    played(tmp_path, 70, state="Z")
    assert process.has_ended()


@pytest.mark.parametrize("open_pidfd", [None, no_pidfd], ids=["pidfd", "start time"])
def test_the_end_of_a_real_process_is_seen(open_pidfd: Callable[[int], int] | None) -> None:
    with foreign_job("sleep", "60") as job:
        process = ForeignProcess.open(job.pid, open_pidfd=open_pidfd)
        told = threading.Event()
        process.when_over(told.set)
        assert not process.has_ended()
        job.kill()
        job.wait()
        assert process.has_ended()
        assert not process.wakes or told.wait(20)


def test_what_was_seen_in_the_tree_stays_of_it_when_its_parent_ends(tmp_path: Path) -> None:
    played(tmp_path, 70)
    played(tmp_path, 71, parent=70)
    played(tmp_path, 72, parent=1)
    tree = Tree([70], tmp_path)
    assert [tree.holds(pid) for pid in (70, 71, 72)] == [True, True, False]
    played(tmp_path, 71, parent=1)
    assert tree.holds(71)
    played(tmp_path, 71, parent=1, started=200)
    assert not tree.holds(71), "another process has its number"


# -- a server ------------------------------------------------------------------------------------------


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A server of another process: the process, its port, and its worker's pid."""
    with foreign_job(PYTHON, "-c", SERVER) as job:
        assert job.stdout is not None
        at, worker = job.stdout.readline().split()
        yield job, int(at), int(worker)


def test_a_servers_work_is_counted_on_its_devices_until_it_ends(tmp_path: Path) -> None:
    with FakeNvml(3) as fake, server() as (job, at, worker):
        fake.set_processes(1, [(worker, 100.0, "compute")])
        watching = attach(
            f"http://127.0.0.1:{at}#queries=n_total", "--json", "-i", "200ms", home=tmp_path,
            collectors=("--only", "nvidia"), extra=fake.env(),
        )  # fmt: skip
        wait_until(lambda: sum("s" in one for one in recorded(tmp_path)) > 12, "readings")
        wait_until(lambda: any(one.get("table") == "processes" for one in recorded(tmp_path)), "processes")
        job.kill()
        shown, said = watching.communicate(timeout=30)
    assert watching.returncode == 0, said
    summary = json.loads(shown)
    assert summary["work"]["queries"]["count"] > 0
    assert summary["devices"]["ids"] == ["nvidia:1"]
    assert summary["devices"]["because"] == f"the server's processes use them (pid {worker})"
    assert summary["session"]["command"][0] == PYTHON
    assert f"the server at http://127.0.0.1:{at} is over: its process ended" in said


def test_the_owner_of_a_port_is_the_process_that_its_other_holders_descend_from() -> None:
    with server() as (job, at, _):
        addresses = port.loopback_addresses("localhost")
        assert port.owners(addresses, at) == [job.pid]
        assert port.is_open(addresses, at)
    wait_until(lambda: not port.is_open(addresses, at), "the worker's end")
    assert port.owners(addresses, at) == []


def test_a_port_whose_owner_may_not_be_seen_is_open_and_has_none(tmp_path: Path) -> None:
    net = tmp_path / "self/net"
    net.mkdir(parents=True)
    columns = "0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534 0 4242 1"
    net.joinpath("tcp").write_text(f"  sl  local_address\n   {columns}\n")
    played(tmp_path, 70)
    addresses = port.loopback_addresses("127.0.0.1")
    assert port.is_open(addresses, 8000, tmp_path)
    assert port.owners(addresses, 8000, tmp_path) == []
    (tmp_path / "70/fd").mkdir()
    (tmp_path / "70/fd/3").symlink_to("socket:[4242]")
    assert port.owners(addresses, 8000, tmp_path) == [70]


def test_only_loopback_is_looked_into() -> None:
    assert [str(one) for one in port.loopback_addresses("127.0.0.1")] == ["127.0.0.1"]
    assert port.loopback_addresses("192.0.2.7") == []


class PlayedLive:
    """A live source without collectors on a clock that the waiting for signals moves."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.events: list[dict[str, Any]] = []
        self.hub = self

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def read_work(self, timeout_s: float) -> None: ...
    def catch_steps(self, number: int) -> None: ...

    def wait_open(self, timeout_s: float) -> list[str]:
        return []

    def read_now(self, timeout_s: float) -> Instants:
        now_ns = self.clock.monotonic_ns()
        return Instants.of([], now_ns, now_ns)

    def event(self, kind: str, fields: dict[str, Any], at_ns: int | None = None) -> None:
        self.events.append({**fields, "kind": kind, "at_ns": at_ns})

    def ask(self, question: Callable[[], Any]) -> Any:
        return SimpleNamespace(result=lambda _timeout_s: question())


class Page:
    """The collector of a server's page: one answer for each time it is read."""

    def __init__(self, live: PlayedLive, answers: Callable[[float], Exception | None]) -> None:
        self._live = live
        self._answers = answers

    def read(self, devices: Sequence[Any]) -> Iterator[Any]:
        trouble = self._answers(self._live.clock.monotonic_ns() / 1e9)
        if trouble is not None:
            raise trouble
        yield from ()


def silence() -> TryAgain:
    trouble = TryAgain("does not answer")
    trouble.__cause__ = ConnectionRefusedError()
    return trouble


def watch_a_page(
    answers: Callable[[float], Exception | None], target: Target, duration_s: float
) -> tuple[Any, PlayedLive]:
    """Watch on the played clock; the page is read once a second."""
    live = PlayedLive()
    page = Page(live, answers)

    def wait(timeout_s: float) -> None:
        live.clock.advance(1.0 if timeout_s else 0.0)
        try:
            list(page.read([]))
        except TryAgain:
            return

    evidence = SimpleNamespace(begin=lambda _: None, end=lambda: None, conclusion=dict)
    opening = SimpleNamespace(check=lambda: None)
    watched: Any = AttachedRun(
        target, live, evidence, opening, SimpleNamespace(wait=wait), duration_s=duration_s, page=page  # type: ignore[arg-type]
    )  # fmt: skip
    return watched.run(), live


def test_a_server_that_is_silent_for_ten_seconds_is_gone_since_its_silence_began() -> None:
    began_s = FakeClock().monotonic_ns() / 1e9
    outcome, live = watch_a_page(
        lambda now_s: silence() if now_s > began_s + 5.5 else None, Target("it", ["it"], url="it"), 60.0
    )
    assert not outcome.goes_on
    assert "no answer for 10 s" in outcome.because
    (end,) = [one for one in live.events if one.get("what") == "end"]
    assert end["at_ns"] / 1e9 == pytest.approx(began_s + 6.0)
    assert live.clock.monotonic_ns() / 1e9 == pytest.approx(began_s + 6.0 + SILENCE_S, abs=1.5)


def test_a_server_that_answers_with_an_error_or_now_and_then_is_not_gone() -> None:
    target = Target("it", ["it"], url="it")
    assert watch_a_page(lambda _: TryAgain("answers with status 500"), target, 60.0)[0].goes_on
    assert watch_a_page(lambda now_s: silence() if now_s % 8 > 1 else None, target, 60.0)[0].goes_on


@pytest.mark.parametrize("listens", [True, False])
def test_a_busy_server_is_not_gone_while_its_process_lives_and_listens(listens: bool) -> None:
    process = ForeignProcess.open(os.getpid())
    target = Target("it", ["it"], processes=[process], url="it", listens=lambda: listens)
    outcome, _ = watch_a_page(lambda _: silence(), target, 60.0)
    assert outcome.goes_on is listens


# -- on a terminal -------------------------------------------------------------------------------------


def test_closing_the_screen_goes_on_watching(tmp_path: Path) -> None:
    with foreign_job("sleep", "600") as job:
        pid, master = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.environ.clear()
            os.environ.update({**environment(tmp_path), "TERM": "xterm-256color"})
            os.execv(PYTHON, command("attach", str(job.pid), *QUICK))
        shown = _Terminal(master)
        shown.wait_for(b"\x1b[?1049h")
        when_it_watches(tmp_path)
        os.write(master, b"q")
        shown.wait_for(b"the watching goes on")
        assert job.poll() is None
        job.kill()
        shown.wait_for(b"is over: it ended")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        os.close(master)
    assert b"duration" in shown.text


class _Terminal:
    """What was written to a terminal so far."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.text = b""

    def wait_for(self, words: bytes) -> None:
        """Read until this was shown."""
        while words not in self.text:
            ready, _, _ = select.select([self._master], [], [], 20.0)
            try:
                piece = os.read(self._master, 65536) if ready else b""
            except OSError:
                piece = b""
            assert piece, f"{words!r} was not shown: {self.text[-2000:]!r}"
            self.text += piece
