"""Tools that are read: they are ended with all that they started, also when perfwatch is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from described.describing import Told, collector, described, tool
from perfwatch_collectors.described import guard

from perfwatch.errors import TryAgain, Unavailable

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what left its group is found in /proc")
TEXT = """
name = "chip"
[source]
command = ["chip-smi"]
timeout = "5s"
[read]
format = "keyvalue"
[device]
id = "only"
name = "chip"
[metrics]
power_watts = "power"
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def is_there(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def awaited(met: Callable[[], bool]) -> bool:
    """Whether a condition is met within some seconds."""
    until_s = time.monotonic() + 10.0
    while not met() and time.monotonic() < until_s:
        time.sleep(0.01)
    return met()


def number_in(file: Path) -> int:
    """The number that a process writes into a file, once it is written."""
    assert awaited(lambda: file.exists() and bool(file.read_text().strip()))
    return int(file.read_text())


def left(folder: Path) -> int:
    """The number of the helper that a tool left."""
    return number_in(folder / "left")


HELPERS = {
    "in its group": "sleep 600 & echo $! > {folder}/left",
    "in a session of its own": "setsid sh -c 'echo $$ > {folder}/left; exec sleep 600' & sleep 0.2",
}


@LINUX
@pytest.mark.parametrize("helper", HELPERS)
def test_a_tool_that_has_ended_is_not_waited_for_because_of_what_it_left(
    tools: Path, tmp_path: Path, helper: str
) -> None:
    tool(tools, "chip-smi", f"echo 'power: 5 W'\n{HELPERS[helper].format(folder=tmp_path)}")
    began_s = time.monotonic()
    one = collector(described(TEXT))
    assert Told(one, list(one.open())).samples == {"only": (5.0,)}
    assert time.monotonic() - began_s < 4.0
    assert awaited(lambda: not is_there(left(tmp_path)))


@LINUX
@pytest.mark.parametrize("helper", HELPERS)
def test_a_tool_that_hangs_is_ended_with_all_that_it_started(
    tools: Path, tmp_path: Path, helper: str
) -> None:
    quiet = f"exec >/dev/null 2>&1\n{HELPERS[helper].format(folder=tmp_path)}\nsleep 600"
    tool(tools, "chip-smi", quiet)
    with pytest.raises(Unavailable, match=r"gave no answer within 0\.6 s"):
        collector(described(TEXT.replace("5s", "0.6s"))).open()
    assert awaited(lambda: not is_there(left(tmp_path)))


@LINUX
def test_what_gave_the_output_back_and_became_a_daemon_is_left(tools: Path, tmp_path: Path) -> None:
    daemon = (
        f"setsid sh -c 'echo $$ > {tmp_path}/left; exec sleep 600' </dev/null >/dev/null 2>&1 & sleep 0.2"
    )
    tool(tools, "chip-smi", f"echo 'power: 5 W'\n{daemon}")
    collector(described(TEXT)).open()
    assert is_there(left(tmp_path))
    os.kill(left(tmp_path), signal.SIGKILL)


@LINUX
def test_a_stream_is_ended_with_what_left_its_group(tools: Path, tmp_path: Path) -> None:
    endless = "while :; do echo 'power: 5 W'; sleep 0.1; done"
    tool(tools, "chip-smi", f"{HELPERS['in a session of its own'].format(folder=tmp_path)}\n{endless}")
    one = collector(described(TEXT.replace("timeout", "stream = true\ntimeout")))
    one.open()
    one.close()
    assert awaited(lambda: not is_there(left(tmp_path)))


@LINUX
def test_a_stream_whose_helper_holds_its_output_has_ended_when_it_has(tools: Path, tmp_path: Path) -> None:
    tool(tools, "chip-smi", f"echo 'power: 5 W'; {HELPERS['in its group'].format(folder=tmp_path)}")
    one = collector(described(TEXT.replace("timeout", "stream = true\ntimeout")))
    devices = list(one.open())
    Told(one, devices)
    began_s = time.monotonic()
    with pytest.raises(TryAgain, match="it is started again"):
        list(one.read(devices))
    assert time.monotonic() - began_s < 4.0
    assert awaited(lambda: not is_there(left(tmp_path)))
    one.close()


@LINUX
def test_no_signal_is_blocked_in_a_tool_and_none_of_our_files_is_open(tools: Path) -> None:
    tool(tools, "chip-smi", "grep SigBlk /proc/self/status; echo fds: $(ls /proc/self/fd | wc -l) MiB")
    text = TEXT.replace('power_watts = "power"', 'mask_total = "SigBlk"\nfiles_total = "fds"')
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # as what perfwatch was started with is
    guard._inherited.cache_clear()
    told = {}

    def read() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
        one = collector(described(text))
        told.update(Told(one, list(one.open())).samples)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    os.close(reading)
    os.close(writing)
    mask, files = told["only"]
    assert (mask, files) == (0.0, 4.0), "three streams, and the folder that is listed"


@LINUX
def test_where_perfwatch_is_killed_its_tools_end(tools: Path, tmp_path: Path) -> None:
    endless = f"echo $$ > {tmp_path}/stream; while :; do echo 'power: 5 W'; sleep 0.1; done"
    tool(tools, "chip-smi", f"{HELPERS['in a session of its own'].format(folder=tmp_path)}\n{endless}")
    file = tmp_path / "chip.toml"
    file.write_text(TEXT.replace("timeout", "stream = true\ntimeout"))
    reader = subprocess.Popen([sys.executable, "-m", "perfwatch", "record", "-c", str(file), "--only", "chip",
                               "-o", str(tmp_path / "x.jsonl")], stdin=subprocess.DEVNULL)  # fmt: skip
    try:
        stream = number_in(tmp_path / "stream")
        assert is_there(stream)
    finally:
        reader.kill()
        reader.wait()
    assert awaited(lambda: not is_there(stream) and not is_there(left(tmp_path)))


@LINUX
@pytest.mark.parametrize("stream", [False, True])
def test_the_cpu_time_of_a_tool_is_part_of_our_cost(tools: Path, tmp_path: Path, stream: bool) -> None:
    """It works for a fifth of a second of CPU time, and prints then."""
    (tmp_path / "work.py").write_text("import time\nwhile time.process_time() < 0.2: pass\n")
    again = "while :; do echo 'power: 50 W'; sleep 0.05; done" if stream else "echo 'power: 50 W'"
    tool(tools, "chip-smi", f"{sys.executable} {tmp_path / 'work.py'}\n{again}")
    one = collector(described(TEXT.replace("[read]", f"stream = {str(stream).lower()}\n[read]")))
    try:
        devices = one.open()
        if not stream:  # of a stream's children it is known when it ended
            assert one.tools_cpu_s >= 0.2
        assert Told(one, list(devices)).samples == {"only": (50.0,)}
    finally:
        one.close()
    assert 0.2 <= one.tools_cpu_s < 2.0
