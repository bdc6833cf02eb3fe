"""`perfwatch run`: the job is treated as under `time`, and its summary comes out in every kind of luck."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commandline import PYTHON, QUICK, command, environment, perfwatch, run_job, sessions, summary_of

from perfwatch.errors import SessionError
from perfwatch.session.reader import open_session


def wait_until(holds: Callable[[], Any], what: str, timeout_s: float = 20.0) -> Any:
    """Wait for something to hold; fail loudly if it never does."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = holds()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {timeout_s} s in vain for {what}")


def start(*job: str, home: Path, options: tuple[str, ...] = (), **more: Any) -> subprocess.Popen[str]:
    """A `perfwatch run` in the background."""
    more.setdefault("stderr", subprocess.PIPE)
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.Popen(
        command("run", *QUICK, *options, "--", *job),
        env=environment(home), text=True, stdin=subprocess.DEVNULL, **more,
    )  # fmt: skip


OWN_GROUP: dict[str, Any] = (
    {"process_group": 0} if sys.version_info >= (3, 11) else {"preexec_fn": os.setpgrp}
)


def say_when_running(touch: Path) -> str:
    """Shell text of a job that says that it runs."""
    return f"echo $$ > {touch}"


# -- statuses and streams --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_it_exits_with_the_jobs_own_status(script: str, status: int, tmp_path: Path) -> None:
    done = run_job("sh", "-c", script, home=tmp_path)
    assert done.returncode == status


def test_a_command_that_is_not_there_is_127_and_one_sentence(tmp_path: Path) -> None:
    done = run_job("no-such-program-here", home=tmp_path)
    assert done.returncode == 127
    assert done.stderr.startswith("perfwatch run: cannot start no-such-program-here: not found in PATH")
    assert len(done.stderr.splitlines()) == 1
    assert sessions(tmp_path) == []


def test_a_file_that_is_not_executable_is_126(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no program\n")
    done = run_job(str(text), home=tmp_path)
    assert done.returncode == 126
    assert "notes.txt" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_command_at_all_is_wrong_use(tmp_path: Path) -> None:
    done = perfwatch("run", home=tmp_path)
    assert done.returncode == 2
    assert "perfwatch run -- COMMAND" in done.stderr


def test_the_jobs_streams_are_its_own_and_the_summary_is_on_standard_error(tmp_path: Path) -> None:
    done = run_job("sh", "-c", "cat; echo err >&2", home=tmp_path, input="through\n")
    assert done.stdout == "through\n"
    assert done.stderr.startswith("err\n")
    assert "perfwatch" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_were_closed_are_closed_for_the_job_and_no_trouble(closed: str, tmp_path: Path) -> None:
    """A file of ours that got number 1 or 2 would be written into by the job."""
    seen = tmp_path / "seen"
    look = (
        "import os, sys\n"
        "def is_open(fd):\n"
        "    try: os.fstat(fd)\n"
        "    except OSError: return False\n"
        "    return True\n"
        "still_open = ' '.join(fd for fd in sys.argv[2:] if is_open(int(fd)))\n"
        "open(sys.argv[1], 'w').write(still_open)\n"
        "os._exit(4)\n"
    )
    numbers = {"<&-": "0", ">&-": "1", "2>&-": "2"}
    job = [PYTHON, "-c", look, str(seen), *(numbers[sign] for sign in closed.split())]
    line = f"{shlex.join(command('run', *QUICK, '--', *job))} {closed}"
    status = subprocess.run(["sh", "-c", line], env=environment(tmp_path), check=False).returncode
    assert (status, seen.read_text()) == (4, "")


def test_a_full_disk_behind_standard_output_is_one_sentence(tmp_path: Path) -> None:
    """What the job says of itself stands: only a job that went well turns into a failure of ours."""
    with Path("/dev/full").open("w") as full:
        done = run_job("true", home=tmp_path, options=("--json",), capture_output=False,
                       stdout=full, stderr=subprocess.PIPE)  # fmt: skip
        failed = run_job("sh", "-c", "exit 4", home=tmp_path, options=("--json",), capture_output=False,
                         stdout=full, stderr=subprocess.PIPE)  # fmt: skip
    assert done.stderr.startswith("perfwatch run: cannot write to standard output: no space left on device")
    assert (done.returncode, failed.returncode) == (1, 4)


def test_bytes_that_are_no_text_are_passed_on_and_recorded_readably(tmp_path: Path) -> None:
    job = [b"sh", b"-c", b'printf "%s" "$1"', b"sh", b"a\xffb"]
    arguments = [os.fsencode(word) for word in command("run", *QUICK, "--name", "one", "--")]
    done = subprocess.run([*arguments, *job], env=environment(tmp_path), capture_output=True, check=True)
    assert done.stdout == b"a\xffb"
    told = perfwatch("summary", "one", "--json", home=tmp_path)
    assert json.loads(told.stdout)["session"]["command"][-1] == "a\ufffdb"


def test_with_json_the_jobs_output_goes_to_standard_error(tmp_path: Path) -> None:
    done = run_job("echo", "hello", home=tmp_path, options=("--json",))
    assert json.loads(done.stdout)["session"]["command"] == ["echo", "hello"]
    assert "hello" in done.stderr


def test_options_behind_the_dashes_belong_to_the_job(tmp_path: Path) -> None:
    done = run_job("echo", "-i", "--json", "--", "x", home=tmp_path)
    assert done.stdout == "-i --json -- x\n"


def test_without_dashes_the_command_begins_at_its_first_word(tmp_path: Path) -> None:
    done = perfwatch("run", *QUICK, "-q", "echo", "a", "--", "-q", home=tmp_path)
    assert done.stdout == "a -- -q\n"


def test_verbose_says_what_each_collector_finds(tmp_path: Path) -> None:
    done = run_job("true", home=tmp_path, options=("-v",))
    assert "perfwatch: simulated:0 is Simulated accelerator (SIM-1-0)" in done.stderr


def test_verbose_names_what_a_pattern_fills_once(tmp_path: Path) -> None:
    options = ("-v", "-w", "stdout=step {steps}")
    done = run_job("echo", "step 5", home=tmp_path, options=options)
    assert done.stderr.count("output:0 is") == 1


def test_a_job_of_fifty_milliseconds_has_a_summary_that_says_too_short(tmp_path: Path) -> None:
    summary = summary_of("sleep", "0.05", home=tmp_path)
    assert 0.04 < summary["window"]["duration_s"] < 2.0
    assert summary["energy"]["joules"] is not None
    found = {(finding["code"], finding["level"]) for finding in summary["quality"]}
    assert ("short-window", "insufficient") in found
    assert all(one["per_joule"] is None for one in summary["efficiency"].values())


def test_the_job_runs_in_our_process_group(tmp_path: Path) -> None:
    done = run_job(PYTHON, "-c", "import os; print(os.getpgrp() == os.getpgid(os.getppid()))", home=tmp_path)
    assert done.stdout == "True\n"


def test_the_job_has_no_blocked_or_ignored_signals_of_ours(tmp_path: Path) -> None:
    script = (
        "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGPIPE))"
    )
    direct = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True)
    assert run_job(PYTHON, "-c", script, home=tmp_path).stdout == direct.stdout


def test_on_a_terminal_the_job_sees_a_terminal(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    job = "import os, sys; sys.exit(0 if os.isatty(0) and os.isatty(1) and os.isatty(2) else 9)"
    done = subprocess.run(
        command("run", *QUICK, "-q", "--", PYTHON, "-c", job),
        env=environment(tmp_path), stdin=slave, stdout=slave, stderr=slave, timeout=60, check=False,
    )  # fmt: skip
    os.close(slave)
    os.close(master)
    assert done.returncode == 0


def test_standard_output_that_nobody_reads_ends_quietly(tmp_path: Path) -> None:
    run_job("true", home=tmp_path)
    script = f"{sys.executable} -m perfwatch export last --to jsonl | true"
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""


def test_what_the_job_prints_is_counted_to_its_last_unfinished_line(tmp_path: Path) -> None:
    done = run_job("printf", "step 3\\nstep 5", home=tmp_path, options=("-w", "stdout=step {steps}", "-q"))
    assert done.stdout == "step 3\nstep 5"
    again = perfwatch("summary", "last", "--json", home=tmp_path)
    summary = json.loads(again.stdout)
    assert summary["also"].get("job", summary)["work"]["steps"]["count"] == 5
    assert summary["work"]["steps"]["source"] == "output"
    assert summary["session"]["streams"] == {"stdout": "pipe"}


def test_a_named_statsd_address_counts_as_well(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    job = (
        "import socket\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        f"s.connect({str(path)!r})\n"
        "for _ in range(5): s.send(b'samples:2|c')\n"
    )
    options = ("--only", "host", "-w", f"statsd=unix:{path}")
    summary = summary_of(PYTHON, "-c", job, home=tmp_path, options=options)
    assert summary["also"].get("job", summary)["work"]["samples"]["count"] == 10


# -- signals ---------------------------------------------------------------------------------------


def test_sigint_ends_the_job_and_the_summary_is_written(tmp_path: Path) -> None:
    here = tmp_path / "pid"
    running = start("sh", "-c", f"{say_when_running(here)}; exec sleep 60", home=tmp_path)
    wait_until(here.exists, "the job")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "duration" in said


def test_a_second_sigint_kills_a_job_that_ignores_the_first(tmp_path: Path) -> None:
    here, again = tmp_path / "pid", tmp_path / "again"
    job = (
        "import os, pathlib, signal, time\n"
        f"signal.signal(signal.SIGINT, lambda *_: pathlib.Path({str(again)!r}).touch())\n"
        f"pathlib.Path({str(here)!r}).touch()\n"
        "while True: time.sleep(1)\n"
    )
    running = start(PYTHON, "-c", job, home=tmp_path)
    wait_until(here.exists, "the job")
    running.send_signal(signal.SIGINT)
    wait_until(again.exists, "the first signal")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 137
    assert "duration" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_and_the_summary_is_written(number: signal.Signals, tmp_path: Path) -> None:
    here = tmp_path / "pid"
    running = start("sh", "-c", f"{say_when_running(here)}; exec sleep 60", home=tmp_path)
    wait_until(here.exists, "the job")
    running.send_signal(number)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 128 + number
    assert "duration" in said


def test_a_signal_while_steps_are_caught_starts_no_job(tmp_path: Path) -> None:
    """Up to a quarter of a second lies between the last look for signals and the start."""
    started = tmp_path / "started"
    script = (
        "import os, signal, sys\n"
        "from perfwatch.cli import main\n"
        "from perfwatch.sources.live import LiveSource\n"
        "LiveSource.catch_steps = lambda self, number: os.kill(os.getpid(), signal.SIGINT)\n"
        f"sys.exit(main(['run', '--only', 'simulated', '--', 'touch', {str(started)!r}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert not started.exists()
    assert "ended before the job was started" in done.stderr


def test_a_job_that_ignores_sigterm_goes_on_and_the_summary_comes_all_the_same(tmp_path: Path) -> None:
    here = tmp_path / "pid"
    job = f"trap '' TERM; {say_when_running(here)}; while :; do sleep 0.2; done"
    with (tmp_path / "said").open("w") as said_to:
        running = start("sh", "-c", job, home=tmp_path, stdout=subprocess.DEVNULL, stderr=said_to)
    wait_until(lambda: here.exists() and here.read_text(), "the job")
    pid = int(here.read_text())
    try:
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 143
        os.kill(pid, 0)
        said = (tmp_path / "said").read_text()
        assert "duration" in said
        assert "goes on" in said
    finally:
        os.kill(pid, signal.SIGKILL)


HANGS = """
import time
from perfwatch.collector import Collector
class Hanging(Collector):
    name = "hanging"
    def open(self):
        time.sleep(60)
    def read(self, devices):
        return ()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("stage", ["collectors open", "idle baseline"])
def test_a_signal_before_the_job_starts_no_job(stage: str, number: signal.Signals, tmp_path: Path) -> None:
    plugin = tmp_path / "hanging.py"
    plugin.write_text(HANGS)
    options = ("-c", str(plugin)) if stage == "collectors open" else ("--idle-baseline", "60s")
    running = start("touch", str(tmp_path / "ran"), home=tmp_path, options=options)
    wait_until(lambda: sessions(tmp_path), "the log")  # signals are taken since before
    running.send_signal(number)
    _, told = running.communicate(timeout=20)
    assert running.returncode == 128 + number
    assert told == "perfwatch run: ended before the job was started\n"
    assert not (tmp_path / "ran").exists()
    assert sessions(tmp_path) == []


def test_no_thread_of_ours_takes_the_signals_of_the_main_one(tmp_path: Path) -> None:
    """One that does would swallow the news that the job is over."""
    here = tmp_path / "pid"
    running = start("sh", "-c", f"{say_when_running(here)}; exec sleep 60", home=tmp_path)
    try:
        wait_until(lambda: here.exists() and here.read_text(), "the job")
        threads = list(Path(f"/proc/{running.pid}/task").glob("*/status"))
        assert len(threads) > 1
        for status in threads:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            blocked = int(fields["SigBlk"], 16)
            # A thread in sigtimedwait shows the signals that it waits for as not blocked.
            assert status.parent.name == str(running.pid) or blocked >> (signal.SIGCHLD - 1) & 1, fields
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=20)


def test_under_nohup_a_hangup_changes_nothing(tmp_path: Path) -> None:
    here = tmp_path / "pid"
    perfwatch_run = " ".join(command("run", *QUICK, "--", "sh", "-c"))
    script = f"trap '' HUP; exec {perfwatch_run} '{say_when_running(here)}; sleep 1; exit 5'"
    running = subprocess.Popen(
        ["sh", "-c", script], env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    )
    wait_until(here.exists, "the job")
    running.send_signal(signal.SIGHUP)
    running.communicate(timeout=20)
    assert running.returncode == 5


def test_stopped_and_continued_the_run_goes_on(tmp_path: Path) -> None:
    here = tmp_path / "pid"
    # In a group of its own with us as its parent: the system lets nothing stop a group that was orphaned, as
    # that of a suite is which runs under setsid or in CI.
    job_command = f"{say_when_running(here)}; sleep 1; exit 4"
    running = start("sh", "-c", job_command, home=tmp_path, **OWN_GROUP)
    wait_until(lambda: here.exists() and here.read_text(), "the job")
    job = int(here.read_text())
    running.send_signal(signal.SIGTSTP)
    wait_until(lambda: state_of(running.pid) == "T" and state_of(job) == "T", "both to stop")
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() > stopped + 0.1, "a gap")
    running.send_signal(signal.SIGCONT)
    _, told = running.communicate(timeout=20)
    assert running.returncode == 4
    assert "(ctrl-Z): nothing was read meanwhile" in told
    summary = json.loads(perfwatch("summary", "last", "--json", home=tmp_path).stdout)
    assert "gap" in [finding["code"] for finding in summary["quality"]]


def test_where_nobody_could_continue_us_ctrl_z_stops_nothing(tmp_path: Path) -> None:
    """As in a container: the group has no shell."""
    here, go = tmp_path / "pid", tmp_path / "go"
    os.mkfifo(go)
    job_command = f"{say_when_running(here)}; read x < {go}; exit 4"
    running = start("sh", "-c", job_command, home=tmp_path, start_new_session=True)
    wait_until(lambda: here.exists() and here.read_text(), "the job")
    running.send_signal(signal.SIGTSTP)
    go.write_text("on\n")
    running.communicate(timeout=20)
    assert running.returncode == 4


def state_of(pid: int) -> str:
    """A process' state letter in /proc."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def on_a_terminal(*job: str, home: Path, type_after: Callable[[], Any], typed: bytes) -> tuple[int, bytes]:
    """Run a job under perfwatch with a terminal of its own; type something once it runs."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(environment(home))
        os.execv(PYTHON, command("run", *QUICK, "--", *job))
    try:
        type_after()
        os.write(master, typed)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown
    finally:
        os.close(master)


def test_ctrl_c_at_the_terminal_reaches_the_job_once(tmp_path: Path) -> None:
    here, count = tmp_path / "here", tmp_path / "count"
    job = (
        "import pathlib, signal, sys, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
        f"pathlib.Path({str(here)!r}).touch()\n"
        "while not seen: time.sleep(0.01)\n"
        "time.sleep(0.5)\n"
        f"pathlib.Path({str(count)!r}).write_text(str(len(seen)))\n"
        "sys.exit(6)\n"
    )
    status, shown = on_a_terminal(
        PYTHON, "-c", job, home=tmp_path, type_after=lambda: wait_until(here.exists, "the job"), typed=b"\x03"
    )
    assert status == 6
    assert count.read_text() == "1"
    assert b"duration" in shown


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_under_sudo_the_job_runs_as_who_called(tmp_path: Path) -> None:
    sudo = {"SUDO_UID": "65534", "SUDO_GID": "65534"}
    assert run_job("id", "-u", home=tmp_path, extra=sudo).stdout == "65534\n"
    assert run_job("id", "-u", home=tmp_path, extra=sudo, options=("--as", "root")).stdout == "0\n"


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL])
def test_perfwatch_stopped_or_dead_does_not_hold_up_a_job_whose_output_is_read(
    fate: signal.Signals, tmp_path: Path
) -> None:
    here, done = tmp_path / "here", tmp_path / "done"
    job = (
        "import pathlib, sys\n"
        "print('step 1', flush=True)\n"
        f"pathlib.Path({str(here)!r}).touch()\n"
        "sys.stdin.read()\n"
        "for n in range(100_000): print('step', n, 'of a run that prints more than any pipe holds')\n"
        f"sys.stdout.flush(); pathlib.Path({str(done)!r}).touch()\n"
    )
    with (tmp_path / "out").open("w") as out:
        running = subprocess.Popen(
            command("run", *QUICK, "-q", "-w", "stdout=step {steps}", "--", PYTHON, "-c", job),
            env=environment(tmp_path), stdin=subprocess.PIPE, stdout=out,
        )  # fmt: skip
    assert running.stdin is not None
    wait_until(here.exists, "the job")
    running.send_signal(fate)
    running.stdin.close()
    wait_until(done.exists, "the job to end")
    running.send_signal(signal.SIGCONT)
    running.wait(timeout=30)
    wait_until(lambda: (tmp_path / "out").read_text().count("\n") == 100_001, "all that the job printed")
    if fate is signal.SIGSTOP:
        summary = json.loads(perfwatch("summary", "last", "--json", "--window", "job", home=tmp_path).stdout)
        assert summary["work"]["steps"]["count"] > 99_000
        assert "lost-counts" not in [finding["code"] for finding in summary["quality"]]


def test_perfwatch_stopped_for_a_while_does_not_hold_up_a_job_that_counts(tmp_path: Path) -> None:
    here = tmp_path / "here"
    job = (
        "import os, pathlib, socket, time\n"
        "host, port = os.environ['PERFWATCH_STATSD'].removeprefix('udp://').split(':')\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"pathlib.Path({str(here)!r}).touch()\n"
        "began = time.monotonic()\n"
        "for n in range(2000):\n"
        "    s.sendto(b'queries:1|c', (host, int(port)))\n"
        "    time.sleep(max(0.0, began + n / 1000 - time.monotonic()))\n"
        f"pathlib.Path({str(tmp_path / 'took')!r}).write_text(str(time.monotonic() - began))\n"
    )
    running = start(PYTHON, "-c", job, home=tmp_path, options=("--json",))
    wait_until(here.exists, "the job")
    running.send_signal(signal.SIGSTOP)
    wait_until((tmp_path / "took").exists, "the job to end although perfwatch is stopped")
    running.send_signal(signal.SIGCONT)
    summary = json.loads(running.communicate(timeout=30)[0])
    assert running.returncode == 0
    counted = summary["also"].get("job", summary)["work"]["queries"]["count"]
    assert counted == 2000 or any(finding["code"] == "lost-counts" for finding in summary["quality"])


# -- bad luck --------------------------------------------------------------------------------------


def test_a_job_that_leaves_a_process_behind_is_told_its_name(tmp_path: Path) -> None:
    became = 'until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done'
    done = run_job("sh", "-c", f"sleep 30 >/dev/null 2>&1 & {became}; echo $!", home=tmp_path)
    left = int(done.stdout)
    try:
        os.kill(left, 0)
        assert f"sleep ({left})" in done.stderr
        summary = json.loads(perfwatch("summary", "last", "--json", home=tmp_path).stdout)
        assert summary["session"]["left_behind"] == [{"pid": left, "name": "sleep"}]
        assert done.returncode == 0
    finally:
        os.kill(left, signal.SIGKILL)


def test_killed_outright_its_log_is_readable_and_the_job_goes_on(tmp_path: Path) -> None:
    here = tmp_path / "pid"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = start(
        "sh", "-c", f"{say_when_running(here)}; exec sleep 60", home=tmp_path, options=("-i", "50ms"), **quiet
    )
    wait_until(lambda: here.exists() and here.read_text(), "the job")
    job = int(here.read_text())
    try:
        log = wait_until(lambda: sessions(tmp_path), "the log")[0]
        wait_until(lambda: _readings(log) >= 5, "readings in the log")
        running.kill()
        running.wait(timeout=20)
        os.kill(job, 0)
        assert any("s" in record for record in open_session(str(log)).records())
        done = perfwatch("summary", str(log), "--json", home=tmp_path)
        assert json.loads(done.stdout)["energy"]["joules"] > 0
    finally:
        os.kill(job, signal.SIGKILL)


def _readings(log: Path) -> int:
    try:
        return sum("s" in record for record in open_session(str(log)).records())
    except SessionError:
        return 0


def test_killed_outright_it_does_not_hold_up_a_job_that_counts_with_the_client(tmp_path: Path) -> None:
    here, done = tmp_path / "here", tmp_path / "done"
    job = (
        "import os, pathlib, sys, time\n"
        "from perfwatch import client\n"
        f"pathlib.Path({str(here)!r}).write_text(str(os.getpid()))\n"
        "began = time.monotonic()\n"
        "for n in range(1500):\n"
        "    client.count('queries')\n"
        "    time.sleep(max(0.0, began + n / 1000 - time.monotonic()))\n"
        "client.mark('measure', 'end')\n"
        "late = time.monotonic() - began - 1.5\n"
        f"pathlib.Path({str(done)!r}).write_text('slow' if late > 1.0 else 'in time')\n"
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = start(PYTHON, "-c", job, home=tmp_path, **quiet)
    wait_until(lambda: here.exists() and here.read_text(), "the job")
    running.kill()
    running.wait(timeout=20)
    wait_until(lambda: done.exists() and done.read_text(), "the job to end by itself")
    assert done.read_text() == "in time"


def test_a_full_disk_loses_nothing_of_the_summary_and_is_told(tmp_path: Path) -> None:
    job = " ".join(command("run", *QUICK, "-i", "20ms", "--json", "--", "sleep", "3"))
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 4; exec {job}"],
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert summary["energy"]["coverage"] > 0.98
    assert sessions(tmp_path)[0].stat().st_size <= 4096
    assert any("File too large" in finding["message"] for finding in summary["quality"])


def test_without_a_writable_home_the_run_is_summarised_and_not_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run_job("true", home=tmp_path / "file")
    assert done.returncode == 0
    assert "this run is not kept" in done.stderr
    assert "duration" in done.stderr


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    both = [start("sleep", "0.5", home=tmp_path, options=("--json",)) for _ in range(2)]
    found = [json.loads(one.communicate(timeout=30)[0]) for one in both]
    assert found[0]["session"]["id"] != found[1]["session"]["id"]
    assert len(sessions(tmp_path)) == 2


def test_a_pattern_that_finds_nothing_and_a_bad_line_are_told(tmp_path: Path) -> None:
    job = (
        "import os, socket\n"
        "host, port = os.environ['PERFWATCH_STATSD'].removeprefix('udp://').split(':')\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'nonsense', (host, int(port)))\n"
        "print('epoch 1')\n"
    )
    done = run_job(PYTHON, "-c", job, home=tmp_path, options=("-w", "stdout=step {steps}"))
    assert "matched no line of the job's stdout; the last line is 'epoch 1'" in done.stderr
    assert "cannot read the StatsD line 'nonsense'" in done.stderr
    quiet = run_job(PYTHON, "-c", job, home=tmp_path, options=("-q", "-w", "stdout=step {steps}"))
    assert quiet.stderr == ""


@pytest.mark.parametrize("spec", ["simulated:devices=0", "FILE"])
def test_a_collector_that_cannot_be_set_up_is_told_before_the_job(spec: str, tmp_path: Path) -> None:
    plugin = tmp_path / "chip.py"
    plugin.write_text(
        HANGS + "    def __init__(self, options=None):\n        raise RuntimeError('no chip')\n"
    )
    chosen = spec if spec != "FILE" else str(plugin)
    done = run_job("touch", str(tmp_path / "ran"), home=tmp_path, options=("-c", chosen))
    assert done.returncode == 2
    assert done.stderr.startswith("perfwatch run: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "ran").exists()


def test_a_collector_that_raises_or_hangs_costs_only_itself(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from perfwatch.collector import Collector\n"
        "import time\n"
        "class Bad(Collector):\n"
        "    name = 'bad'\n"
        "    def open(self):\n"
        "        time.sleep(60)\n"
        "    def read(self, devices):\n"
        "        return []\n"
    )
    worse = tmp_path / "worse.py"
    worse.write_text(
        "from perfwatch.collector import Collector\n"
        "class Worse(Collector):\n"
        "    name = 'worse'\n"
        "    def open(self):\n"
        "        raise ZeroDivisionError('oops')\n"
        "    def read(self, devices):\n"
        "        return []\n"
    )
    summary = summary_of("sleep", "0.2", home=tmp_path, options=("-c", str(bad), "-c", str(worse)))
    assert summary["energy"]["joules"] > 0
    assert any(
        finding["code"] == "late-source" and "bad" in finding["message"] for finding in summary["quality"]
    )


# -- recording and asking again --------------------------------------------------------------------


def test_the_summary_of_the_log_is_the_summary_of_the_run_to_the_last_digit(tmp_path: Path) -> None:
    first = summary_of("sleep", "1.2", home=tmp_path, options=("-i", "100ms", "--price", "0.30/kWh"))
    again = perfwatch("summary", "last", "--json", home=tmp_path)
    assert json.loads(again.stdout) == first


def test_a_run_is_found_by_its_name_and_by_its_tags(tmp_path: Path) -> None:
    run_job("true", home=tmp_path, options=("--name", "first", "--tag", "batch=8"))
    run_job("true", home=tmp_path)
    for word in ("first", "batch=8", "last~1"):
        done = perfwatch("summary", word, "--json", home=tmp_path)
        assert json.loads(done.stdout)["session"]["name"] == "first", done.stderr


def test_a_log_that_exists_is_not_overwritten_without_force(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    log.write_text("precious")
    done = run_job("true", home=tmp_path, options=("-o", str(log)))
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert log.read_text() == "precious"
    assert run_job("true", home=tmp_path, options=("-o", str(log), "--force")).returncode == 0
    assert oct(log.stat().st_mode & 0o777) in ("0o600", "0o644")


def test_an_old_log_stays_until_there_is_something_to_replace_it(tmp_path: Path) -> None:
    """With --force as well: nothing was run, or nothing yet."""
    log = tmp_path / "run.jsonl"
    log.write_text("precious")
    options = ("-o", str(log), "--force")
    assert run_job("no-such-program-here", home=tmp_path, options=options).returncode == 127
    assert log.read_text() == "precious"
    assert run_job("true", home=tmp_path, options=(*options, "-d", "nonsense:9")).returncode == 2
    assert log.read_text() == "precious"
    assert run_job("cat", str(log), home=tmp_path, options=options).returncode == 0
    session = open_session(str(log))
    assert [one["what"] for one in session.records() if one.get("event") == "job"] == ["begin", "end"]
    assert session.damaged == 0


def test_a_new_log_of_a_command_that_is_not_there_is_removed(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    run_job("no-such-program-here", home=tmp_path, options=("-o", str(log), "--force"))
    assert not log.exists()


def test_a_log_through_a_link_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "link.jsonl").symlink_to(target)
    done = run_job("true", home=tmp_path, options=("-o", str(tmp_path / "link.jsonl")))
    assert done.returncode == 1
    assert not target.exists()


def test_a_named_pipe_gets_the_whole_session(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        done = run_job("true", home=tmp_path, options=("-q", "-o", str(pipe)))
        assert reader.stdout is not None
        lines = reader.stdout.read().splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(lines[0])["format"] == "perfwatch.session"
    assert json.loads(lines[-1])["event"] == "end"


def test_a_named_pipe_that_nobody_reads_holds_nothing_up_and_is_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run_job("sh", "-c", "exit 3", home=tmp_path, options=("-q", "-o", str(pipe)))
    assert done.returncode == 3
    assert done.stderr.startswith(f"perfwatch: the session written to {pipe} is not complete")


def test_an_open_file_is_written_behind_what_stands_in_it(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("first\n")
    line = shlex.join(command("run", *QUICK, "-q", "--summary-json", "/dev/fd/3", "--", "true"))
    subprocess.run(["sh", "-c", f"{line} 3>>{kept}"], env=environment(tmp_path), check=True)
    first, rest = kept.read_text().split("\n", 1)
    assert first == "first"
    assert json.loads(rest)["schema"] == "perfwatch.summary/1"


@pytest.mark.parametrize("option", ["-o", "--summary-json"])
def test_a_directory_is_no_file_to_write_to(option: str, tmp_path: Path) -> None:
    done = run_job("touch", str(tmp_path / "ran"), home=tmp_path, options=(option, str(tmp_path)))
    assert done.returncode in (1, 2)
    assert "is a directory; name a file in it" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_no_record_leaves_nothing(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = run_job("true", home=tmp_path, options=("--no-record",), extra={"TMPDIR": str(temporary)})
    assert done.returncode == 0
    assert sessions(tmp_path) == []
    assert list(temporary.iterdir()) == []


def test_a_secret_in_the_command_is_not_written_anywhere(tmp_path: Path) -> None:
    options = ("--tag", "api_key=hunter2", "--tag", "tokens=128", "--name", "hf_hunter2hunter2hunter2")
    done = run_job("true", "--api-key", "hunter2", "--token=hunter2", home=tmp_path, options=options)
    assert "hunter2" not in done.stderr
    exported = perfwatch("export", "last", "--to", "jsonl", home=tmp_path)
    assert exported.returncode == 0
    assert "hunter2" not in exported.stdout
    assert '"tokens":"128"' in exported.stdout


# -- gates -----------------------------------------------------------------------------------------


def test_a_broken_limit_is_3_and_what_was_not_measured_is_1(tmp_path: Path) -> None:
    broken = run_job("true", home=tmp_path, options=("--fail-on", "window.duration_s < 1000"))
    assert broken.returncode == 3
    missing = run_job("true", home=tmp_path, options=("--require", "cost"))
    assert missing.returncode == 1
    assert run_job("sh", "-c", "exit 9", home=tmp_path, options=("--require", "energy")).returncode == 9


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--prise", "0.3/kWh", "--price"),
        ("-i", "fast", "-i"),
        ("-i", "100", "60"),
        ("--price", "0.12", "/kWh"),
        ("--fail-on", "speed is low", "--fail-on"),
        ("--tag", "novalue", "KEY=VALUE"),
        ("-w", "stdout", "KIND=VALUE"),
        ("-w", "stdout=(", "pattern"),
        ("-c", "nvidai", "nvidia"),
        ("-c", "simulated:device=2", "devices"),
        ("--duration", "-3", "--duration"),
        ("--devices", "nvidia:0", "nvidia:0"),
        ("--meter", "plug", "plug"),
        ("--warmup", "soon", "--warmup"),
        ("--config", "/no/such/file.toml", "/no/such/file.toml"),
    ],
)
def test_a_wrong_value_is_one_clear_sentence_and_2(
    option: str, value: str, word: str, tmp_path: Path
) -> None:
    done = perfwatch("run", option, value, "--", "touch", str(tmp_path / "ran"), home=tmp_path)
    assert done.returncode == 2, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (["--theme", "drak"], "dark"),
        (["--refresh", "1ns"], "--refresh"),
        (["--beside", "mlperf/nonsense/offline"], "nothing is published here for the benchmark"),
    ],
)
def test_what_only_a_screen_needs_is_checked_without_one(tmp_path: Path, option: list[str], why: str) -> None:
    done = perfwatch("run", *option, "--", "true", home=tmp_path)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_to_show_beside_that_is_not_there_is_said_before_the_start_without_a_screen_too(
    tmp_path: Path,
) -> None:
    started = tmp_path / "started"
    done = perfwatch(
        "run", "--only", "simulated", "--headless", "--beside", str(tmp_path / "no.jsonl"),
        "--", "touch", str(started), home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "there is no file" in done.stderr
    assert not started.exists()


def test_a_training_log_that_is_printed_puts_marks_and_counts(tmp_path: Path) -> None:
    job = """
        import json, time
        def say(key, value=None, **more):
            told = {"time_ms": int(time.time() * 1000), "key": key, "value": value, "metadata": more}
            print(":::MLLOG " + json.dumps(told), flush=True)
        say("train_samples", 500), say("max_steps", 40)
        time.sleep(0.3)
        say("run_start")
        for epoch in range(3):
            say("epoch_start"), time.sleep(0.4), say("epoch_stop")
        say("eval_accuracy", 0.8), say("run_stop", status="success")
        time.sleep(0.3)
    """
    done = perfwatch(
        "run", "--only", "simulated", "--no-collector", "simulated", "--json", "-w", "stdout=mllog",
        "--", PYTHON, "-c", textwrap.dedent(job), home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["window"]["kind"] == "marks"
    assert summary["window"]["duration_s"] == pytest.approx(1.2, abs=0.2)
    assert summary["work"]["epochs"]["count"] == 3
    assert summary["work"]["samples"] == {**summary["work"]["samples"], "count": 1500, "source": "mlperf"}
    assert summary["mlperf"]["scenario"] == "Training"
