"""How much slower is a job under perfwatch at 10 Hz while it counts 5,000 queries a second?

    python benchmarks/slowdown.py [PAIRS] [--control]

One job answers queries of 200 us on one core for the whole time, under `perfwatch run -i 100ms` with eight
fake NVIDIA devices. Slices of half a second alternate: watched (perfwatch works, the job counts each query
through perfwatch.client) and alone (perfwatch is stopped by SIGSTOP, the job calls a second copy of the
client, which found no perfwatch). So both are the same program, as it runs without perfwatch and with it.
Whole runs side by side would do the same, but on a shared machine two runs of the same program differ by more
than the budget; neighbouring slices of one process do not. The order changes with every pair.

A query formats, sorts, writes and reads JSON and searches, as jobs do. It must not be a tight loop: such a
loop runs at one of several speeds, 3 to 10 % apart, for as long as nothing else runs, and takes another one
at random whenever anything did (a sending, ten times a second): that says nothing about what it cost.

The job times its queries in chunks of 5 ms. A chunk that took more than half as long again as the slice's
median counts as that much: what perfwatch does at a time takes under 1 ms, a longer pause is the machine's.
The first 120 ms of each slice do not count: perfwatch catches up with what it missed while it was stopped.

Two lines do not depend on how the machine is disposed. What the client takes of the job: the CPU time of each
sending and of the client's thread, and the mean time of a `count` above that of one that finds no perfwatch,
all in the job while it works. And how long the job waited for a processor (proc_pid_schedstat, second field).

With --control a plain loop takes perfwatch's place: it wakes up as often, is busy for as long, touches next
to nothing, and the job counts nothing. What it costs the job, anything costs that is awake beside it on this
machine (two processors that share a core, a hypervisor).

Budget: the median over the pairs of watched / alone is under 1.005. The interval is a bootstrap's.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fake_nvml import FakeNvml  # noqa: E402

BUDGET = 0.005
QUERY_S = 1 / 5000
SLICE_S = 0.5
ALONE, WATCHED = 0, 1
Slices = list[tuple[int, float, "float | None"]]
END = 4
"""The switch holds a slice's state plus two for every second slice, or the end."""

QUERY = r"""
pattern, known = re.compile(r"(\d+):"), {}
def query(turns):
    for turn in range(turns):
        words = [f"{turn * step % 97}:{step}" for step in range(12)]
        read = json.loads(json.dumps({word: len(word) for word in sorted(words)}))
        found = pattern.findall(" ".join(read))
        known.update(zip(found, map(float, found)))
"""

JOB = """
import importlib.util, json, mmap, os, re, statistics, sys, threading, time
from pathlib import Path
from perfwatch import client
variable = os.environ.pop("PERFWATCH_STATSD", None)
spec = importlib.util.spec_from_file_location("alone", client.__file__)
alone = importlib.util.module_from_spec(spec)
spec.loader.exec_module(alone)
alone.count("queries")
if variable is not None:
    os.environ["PERFWATCH_STATSD"] = variable
class Gate:  # the client's own thread sleeps through the slices alone
    monotonic, open = time.monotonic, threading.Event()
    def sleep(self, seconds):
        time.sleep(seconds)
        self.open.wait()
client.time = gate = Gate()
WATCHED, END, CHUNK, SETTLE_S = 1, 4, 25, 0.12
turns, path, control = int(sys.argv[1]), sys.argv[2], sys.argv[3:] == ["control"]
with open(path, "r+b") as file:
    wanted = mmap.mmap(file.fileno(), 1)
# QUERY
def mean(calls):  # but for the one in a hundred in which the machine did something else
    return statistics.fmean(sorted(calls)[: max(1, len(calls) * 99 // 100)])
def chunk(count):
    began = time.perf_counter()
    for _ in range(CHUNK - 1):
        query(turns)
        count("queries")
    query(turns)
    called = time.perf_counter_ns()
    count("queries")
    ended = time.perf_counter_ns()
    calls[count is not alone.count].append(ended - called)
    return time.perf_counter() - began
def waited_s():  # for a processor, so far
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None
def thread_s():  # CPU time of the client's own thread
    own = [one.ident for one in threading.enumerate() if one.name == "perfwatch-client"]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(one)) for one in own)
def send_timed(self, now_ns):
    began = time.thread_time()
    send(self, now_ns)
    sendings.append(time.thread_time() - began)
send, client._Sender.send_along = client._Sender.send_along, send_timed
calls, sendings, watched_s = ([], []), [], 0.0
def turn():
    if wanted[0] % 2 == WATCHED:
        client._pace.due_ns = time.monotonic_ns()  # as if it had been counted all the time
    (gate.open.set if wanted[0] % 2 == WATCHED else gate.open.clear)()
    return wanted[0], [], waited_s(), time.perf_counter()
state, chunks, waited, began = turn()
while state != END:
    took = chunk(client.count if state % 2 == WATCHED and not control else alone.count)
    if wanted[0] == state:
        if time.perf_counter() - began > SETTLE_S:
            chunks.append(took)
    else:  # this chunk lies in both slices
        if chunks:
            most = 1.5 * statistics.median(chunks)
            took = statistics.fmean(min(one, most) for one in chunks) / CHUNK
            lasted = time.perf_counter() - began
            watched_s += lasted if state % 2 == WATCHED else 0.0
            share = None if waited is None else (waited_s() - waited) / lasted
            print(json.dumps([state % 2, took, share]), flush=True)
        state, chunks, waited, began = turn()
print(json.dumps({
    "watched_s": watched_s, "thread_s": thread_s(), "sendings": len(sendings), "sending_s": sum(sendings),
    "count_s": 0 if control else (mean(calls[True]) - mean(calls[False])) / 1e9,
}))
"""


CONTROL = """
import subprocess, sys, time
job = subprocess.Popen(sys.argv[1:])
while job.poll() is None:
    time.sleep(0.04)
    until = time.perf_counter() + 0.00026
    while time.perf_counter() < until:
        pass
"""
"""Wakes up 25 times a second for 0.65 % of a core, as perfwatch does here."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=int, nargs="?", default=240, help="how many (240)")
    parser.add_argument("--control", action="store_true", help="instead of perfwatch, a process that idles")
    args = parser.parse_args()
    pairs, control = args.pairs, args.control
    with FakeNvml(8) as fake, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, **fake.env(), "HOME": home, "PYTHONPATH": str(ROOT)}
        slices, client = _alternate(pairs, environment, home, control=control)
    ratios = [
        second / first if state == ALONE else first / second
        for (state, first, _), (_, second, _) in zip(slices[::2], slices[1::2], strict=True)
    ]
    alone = [took for state, took, _ in slices if state == ALONE]
    watched = [took for state, took, _ in slices if state == WATCHED]
    low, high = _interval(ratios)
    slowdown = statistics.median(ratios) - 1
    medians = [statistics.median(one) * 1e6 for one in (alone, watched)]
    interval = f"{low - 1:.2%} to {high - 1:.2%}"
    spread = statistics.pstdev(alone) / statistics.mean(alone)
    print(
        f"{len(ratios)} pairs of slices of {SLICE_S:g} s, {QUERY_S * 1e6:.0f} us a query, 8 devices at 10 Hz"
    )
    print(f"{'':18}{'alone':>11}{'watched':>11}{'slowdown':>11}{'95 % interval':>20}{'spread alone':>14}")
    print(
        f"{'time of a query':18}{medians[0]:8.2f} us{medians[1]:8.2f} us"
        f"{slowdown:11.2%}{interval:>20}{spread:14.2%}"
    )
    if not control:
        print(_client_line(client))
    print(_waiting_line(slices))
    if control:
        print("a control: perfwatch did not run")
        return 0
    fine = slowdown < BUDGET
    print(f"budget: slowdown under {BUDGET:.1%}: {'kept' if fine else 'BROKEN'}")
    return 0 if fine else 1


def _client_line(client: dict[str, float]) -> str:
    """What the client takes of the job, each part as a share of the time that was watched."""
    a_second = client["sendings"] / client["watched_s"]
    counting = client["count_s"] / QUERY_S
    sending = client["sending_s"] / client["watched_s"]
    thread = client["thread_s"] / client["watched_s"]
    return (
        f"the client in the job: {counting + sending + thread:.3%} of its time: "
        f"count {client['count_s'] * 1e9:.0f} ns a query {counting:.3%}, "
        f"{a_second:.1f} sendings a second {sending:.3%}, its thread {thread:.3%}"
    )


def _waiting_line(slices: Slices) -> str:
    """How long the job waited for a processor, as a share of the time."""
    shares = {
        state: [share for own, _, share in slices if own == state and share is not None]
        for state in (ALONE, WATCHED)
    }
    if not shares[ALONE] or not shares[WATCHED]:
        return "the kernel does not tell how long the job waited for a processor"
    alone, watched = (statistics.fmean(shares[state]) for state in (ALONE, WATCHED))
    return f"the job waited for a processor: alone {alone:.2%} of the time, watched {watched:.2%}"


def _alternate(
    pairs: int, environment: dict[str, str], home: str, *, control: bool
) -> tuple[Slices, dict[str, float]]:
    """State, seconds per query and share of waiting of each slice, in order, and what the client took.

    One pair of slices before them warms up.
    """
    switch = Path(home) / "switch"
    switch.write_bytes(bytes([ALONE]))
    job = [sys.executable, "-c", JOB.replace("# QUERY", QUERY), str(_turns()), str(switch)]
    command = [sys.executable, "-m", "perfwatch", "run", "-q", "--summary-json", os.devnull, "--force"]
    command += ["-i", "100ms", "-o", str(Path(home) / "run.jsonl.zst"), "--", *job]
    if control:
        command = [sys.executable, "-c", CONTROL, *job, "control"]
    with (
        switch.open("r+b") as file,
        mmap.mmap(file.fileno(), 1) as wanted,
        _ending(
            subprocess.Popen(
                command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
        ) as process,
    ):
        time.sleep(3.0)
        for pair in range(pairs + 1):
            for place, state in enumerate((ALONE, WATCHED) if pair % 2 else (WATCHED, ALONE)):
                os.kill(process.pid, signal.SIGSTOP if state == ALONE else signal.SIGCONT)
                wanted[0] = state + 2 * place
                time.sleep(SLICE_S)
        os.kill(process.pid, signal.SIGCONT)
        wanted[0] = END
        output, _ = process.communicate(timeout=60)
    *rows, client = map(json.loads, output.splitlines())
    return [(state, took, share) for state, took, share in rows][-2 * pairs :], client


@contextmanager
def _ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process; whatever happens, it and its job do not go on when we are gone."""
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _interval(ratios: list[float]) -> tuple[float, float]:
    """95 % of the medians of resampled pairs."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[1949]


def _turns() -> int:
    """How many turns of the job's loop take a query's time here."""
    script = (
        "import json, re, time\n"
        + QUERY
        + "query(1000)\n"
        + "b = time.perf_counter(); query(10**4); print(10**4 / (time.perf_counter() - b))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return max(1, round(float(done.stdout) * QUERY_S))


if __name__ == "__main__":
    raise SystemExit(main())
