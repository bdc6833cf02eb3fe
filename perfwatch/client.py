"""How does a job that can be edited count its work? This file alone; it needs nothing but Python.

    from perfwatch import client

    with client.phase("measure"):
        for query in queries:
            answer(query)
            client.count("queries")

Under `perfwatch run` the environment variable PERFWATCH_STATSD names a socket; without it nothing is sent.
Counting never blocks, never raises and never ends the job: totals are kept here and sent ten times a
second, before each mark, and at exit. What is sent are running totals of this process (`ct` and `tt` of
perfwatch/workload/statsd.py), so that a lost datagram loses no count. A process that is killed while it
counts loses at most what it counted in the last tenth of a second.

Who sends? The `count` or `timing` that finds the time come, since its thread holds the interpreter already:
a thread that has to ask for it ten times a second costs a busy job some 0.4 % of its time. What is left
when the job falls silent a daemon thread sends within half a second, as of the time when it was counted;
within two when the job had counted steadily for seconds, since asking for the interpreter is what costs.

Counting one is a step of an iterator: `repeat(None, length).__next__` is one call of C code, which no other
thread interrupts, and `__length_hint__` tells how many steps were taken. A function of the same meaning in
Python takes 150 ns in a loop of its own, but over 1 us between a job's queries, where the processor has to
find its twenty instructions again. The iterator ends when it should be time to send; a name that is
counted less often than a hundred times a second gets none, so that each of its counts has its own time.

What is not one, or comes while there is no iterator, or is counted without a global interpreter lock, is
added up by thread. Why that needs no lock: each thread adds into a dict of its own, found by its ident. Only
that thread writes there; an ident is given again only when its thread is over, and the new thread goes on
with the same dict. Within a thread `totals[name] += n` runs no other Python code between reading and writing
(a signal handler runs between function calls and at loop ends), so that a handler that counts loses nothing
either. The sender reads copies (`dict.copy` is one step in every build) and adds them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import math
import operator
import os
import select
import socket
import sys
import threading
import time
from _thread import get_ident
from collections import Counter, deque
from itertools import repeat
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["count", "gauge", "mark", "phase", "query", "timed", "timing"]

VARIABLE = "PERFWATCH_STATSD"
OBJECTIVES = "PERFWATCH_SLO"
"""What queries are to keep to (`--slo`), as perfwatch/objectives.py writes it: `latency,e2e=0.015`."""
JUDGED, GOOD = "slo_judged_queries", "slo_good_queries"
TOKENS = ("inter_token_latency", "itl")
"""Timings of which a query may have many: one alone does not tell whether its query was good."""
PERIOD_S = 0.1
PERIOD_NS = 100_000_000
LOOK_S = 0.2
"""How often the thread looks for what nobody sent. Steps have no time of their own: they are told as of a
time that is not more than this before the look that found them."""
LOOK_NS = 200_000_000
NEVER_NS = 1 << 63
PATIENCE_S = 0.2
"""So long may marks and the exit wait for a full socket, in all. (UDP never waits.)"""
COMPLETE_EVERY = 10
"""Each so-manieth sending repeats all totals that changed since the last time that it did."""
DATAGRAM_BYTES = 8192
NAMES = 1100
"""So many names are told; perfwatch keeps 1000, and says so where there are more."""
STANDARD = frozenset(
    (
        *("queries", "samples", "generated_tokens", "prompt_tokens", "steps", "errors", "running", "waiting"),
        *("latency", "time_to_first_token", "inter_token_latency", "queue_time"),
    )
)
"""Names for which there is always room."""
TIMINGS = 1 << 20
"""So many timings of a name and thread wait at most; a thread takes some 10^6 a second."""
SECOND_NS = 1_000_000_000
SELDOM = 100
"""Of a name that is counted less often in a second, each count has its own time."""
PACE_NS = 10_000_000
"""Over so long, at least, it is found how often a name is counted."""
LATE_NS = 1_000_000
"""The steps of a name should end so much after the next sending is due, and not before."""
OVERDUE_NS = 20 * LATE_NS
"""Steps may end so much later than their pace had it."""
STEPS = 4096
"""And after so many counts at the latest."""
ENDED = 8
"""So many steps that were given up are looked at, which is more than a second."""
BUCKETS_PER_OCTAVE = 128
BUCKETS_A_LINE = 400
GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200
"""inspect.CO_GENERATOR and so on; to import that module takes 4 ms."""
_INFINITY = math.inf
_ONE = 1

_counts: dict[int, dict[str, Any]] = {}
"""By thread: name to total. Only the thread itself writes into its dict."""
_steps: dict[str, Callable[[], None]] = {}
"""By name: what counts one, until it raises StopIteration."""
_times: dict[int, dict[str, deque[float]]] = {}
"""By thread: name to timings that wait. The thread appends on the right, the sender takes from the left."""


class _Pace:
    """When something was counted last, and from when on something is to be sent again."""

    __slots__ = ("due_ns", "moved_ns")

    def __init__(self) -> None:
        self.moved_ns = self.due_ns = 0


_pace = _Pace()


def count(name: str, n: float = _ONE) -> None:
    """So much more was done: `count("queries")`, `count("generated_tokens", 128)`. Never raises."""
    try:
        if n is _ONE:
            _steps[name]()
        else:
            _add(name, n)
    except StopIteration:
        _add(name, n)
        _sender.step_on(name)
    except Exception:  # noqa: BLE001 - a first time, or not a name and a number; neither may end the job
        _sender.count_first(name, n)


def _add(name: str, n: float = _ONE) -> None:
    """Count in this thread's own dict."""
    try:
        if n is _ONE or 0 <= n < _INFINITY:  # comparing with a float takes longer than adding
            _counts[get_ident()][name] += n
            _pace.moved_ns = now_ns = monotonic_ns()
            if now_ns >= _pace.due_ns:
                _sender.send_along(now_ns)
    except Exception:  # noqa: BLE001 - as above
        _sender.count_first(name, n)


if not getattr(sys, "_is_gil_enabled", lambda: True)():
    count = _add  # without the lock two threads may take the same step of an iterator


def timing(name: str, seconds: float) -> None:
    """Something took so long: `timing("latency", 0.0123)`. Never raises."""
    try:
        _times[get_ident()][name].append(seconds)
        _pace.moved_ns = now_ns = monotonic_ns()
        if now_ns >= _pace.due_ns:
            _sender.send_along(now_ns)
    except Exception:  # noqa: BLE001 - as above
        _sender.time_first(name, seconds)


def query(**timings: float) -> None:
    """One more query is done, and took so long: `query(latency=0.8, time_to_first_token=0.1)`. Never raises.

    With `--slo` it tells whether this query kept to all objectives, which timings by themselves do not.
    """
    count("queries")
    with contextlib.suppress(Exception):
        for name, seconds in timings.items():
            timing(name, seconds)
        good = _objectives.of_query(timings)
        if good is not None:
            _add(JUDGED)
            _add(GOOD, _ONE if good else 0)


def gauge(name: str, value: float) -> None:
    """Something is at this value now: `gauge("running", 12)`. Never raises."""
    with contextlib.suppress(Exception):
        _sender.gauge(name, value)


def mark(name: str, edge: str = "point") -> None:
    """Put a mark: `begin` or `end` of a phase, or a `point`. `measure` is the measured window. Never raises.

    Everything that this process counted before is counted before the mark.
    """
    with contextlib.suppress(Exception):
        _sender.mark(name, edge)


class _Around:
    """What surrounds a block or a function, also an asynchronous one: `with`, `async with`, `@`.

    Each call of a function has one of its own, whatever runs at the same time; so should each block.
    """

    def __init__(self, *told: str) -> None:
        self._told = told
        self._begun: list[Any] = []

    def _begin(self) -> Any:
        """Something begins; returns what its end has to know."""

    def _end(self, begun: Any, *, failed: bool) -> None:
        """It has ended."""

    def __enter__(self) -> None:
        self._begun.append(self._begin())

    def __exit__(self, kind: object, *_: object) -> None:
        # A generator that is left before its end (a loop that breaks off) has not failed.
        self._end(self._begun.pop(), failed=kind is not None and kind is not GeneratorExit)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, kind: object, *_: object) -> None:
        self.__exit__(kind)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
        kinds = {GENERATOR: _iterated, COROUTINE: _awaited, ASYNC_GENERATOR: _iterated_async}
        wrap = next((kinds[flag] for flag in kinds if flags & flag), _called)
        return functools.wraps(function)(wrap(function, lambda: type(self)(*self._told)))


def _called(function: Callable[..., Any], around: Callable[[], _Around]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        with around():
            return function(*args, **kwargs)

    return called


def _awaited(function: Callable[..., Any], around: Callable[[], _Around]) -> Callable[..., Any]:
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        with around():
            return await function(*args, **kwargs)

    return awaited


def _iterated(function: Callable[..., Any], around: Callable[[], _Around]) -> Callable[..., Any]:
    """From the first item that is asked for to the end."""

    def iterated(*args: Any, **kwargs: Any) -> Any:
        with around():
            return (yield from function(*args, **kwargs))

    return iterated


def _iterated_async(function: Callable[..., Any], around: Callable[[], _Around]) -> Callable[..., Any]:
    """The same; an asynchronous generator has no `yield from`."""

    async def iterated(*args: Any, **kwargs: Any) -> Any:
        with around():
            items = function(*args, **kwargs)
            step = items.__anext__()
            try:
                while True:
                    item = await step
                    try:
                        step = items.asend((yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 - the function's own, thrown into it
                        step = items.athrow(error)
            except StopAsyncIteration:
                return
            finally:
                await items.aclose()

    return iterated


class phase(_Around):  # noqa: N801 - used as a function is
    """`with phase("warmup"):` marks where a phase begins and ends, however it ends. Never raises.

    Also `async with phase(...)`, and `@phase("load")` before a function.
    """

    def __init__(self, name: str = "measure") -> None:
        super().__init__(name)

    def _begin(self) -> int:
        mark(self._told[0], "begin")
        return os.getpid()

    def _end(self, begun: int, *, failed: bool) -> None:
        if begun == os.getpid():  # what a fork leaves behind in its child is not the phase's end
            mark(self._told[0], "end")


class timed(_Around):  # noqa: N801 - as above
    """`with timed("latency", "queries"):` times what is in it and counts one more of it. Never raises.

    What fails is no timing, and where something is counted it is one of `errors`. Also
    `async with timed(...)`, and `@timed("latency", "queries")` before a function, a coroutine's included.

    Args:
        name: of the timing.
        counts: what is counted; nothing where it is empty.
    """

    def __init__(self, name: str = "latency", counts: str = "") -> None:
        super().__init__(name, counts)

    def _begin(self) -> float:
        return time.perf_counter()

    def _end(self, begun: float, *, failed: bool) -> None:
        name, counts = self._told
        if not failed:
            timing(name, time.perf_counter() - begun)
        if counts:
            count("errors" if failed else counts)


class _Objectives:
    """The limits of `--slo`: names of a timing, and the longest time that is good."""

    def __init__(self, text: str) -> None:
        self._limits: list[tuple[tuple[str, ...], float]] = []
        self.alone: tuple[tuple[str, ...], float] | None = None
        """Where there is one limit, of which a query has one timing, each timing is a query."""
        self.judged_as = ""
        with contextlib.suppress(Exception):
            for one in filter(None, text.split(";")):
                names, _, limit = one.partition("=")
                self._limits.append((tuple(names.split(",")), float(limit)))
        if len(self._limits) == 1:
            names_of, limit_s = self._limits[0]
            self.alone = tuple(name for name in names_of if name not in TOKENS), limit_s

    def of_query(self, timings: dict[str, float]) -> bool | None:
        """Whether a query is good; None where a timing is missing, or is judged by itself."""
        if not self._limits or (self.alone is not None and any(one in self.alone[0] for one in timings)):
            return None
        good = True
        for names, limit_s in self._limits:
            told = next((timings[name] for name in names if name in timings), None)
            if told is None or not told >= 0:
                return None
            good = good and told <= limit_s
        return good

    def good_of(self, name: str, seconds: list[float]) -> int | None:
        """How many of these timings are those of good queries; None where they alone do not tell.

        Of several names of the same thing only the first that was told tells.
        """
        if self.alone is None or name.removesuffix("_seconds") not in self.alone[0]:
            return None
        self.judged_as = self.judged_as or name
        return sum(one <= self.alone[1] for one in seconds) if name == self.judged_as else None


_objectives = _Objectives(os.environ.get(OBJECTIVES, ""))

_State = tuple[int, int, "repeat[None]", "tuple[tuple[int, repeat[None]], ...]"]


class _Stepped:
    """What was counted of a name by steps, and how many steps there are until somebody looks at the clock."""

    def __init__(self) -> None:
        self._state: _State = (0, 0, repeat(None, 0), ())
        """Counted before, the length of the present steps, they, and those given up before they ended.
        Replaced as a whole: no reader waits."""
        self._lock = threading.Lock()
        self._taken = self._a_second = 0
        self._began_ns = monotonic_ns()

    def total(self) -> int:
        """So many steps were taken so far."""
        before, length, left, ended = self._state
        late = sum(each - steps.__length_hint__() for each, steps in ended)
        return before + length - left.__length_hint__() + late

    def renew(self, name: str) -> None:
        """Steps that have ended are followed by others, or by none if the name is counted seldom.

        While somebody else does it (or this thread itself, in a signal handler) the caller goes on without.
        """
        if self._lock.acquire(blocking=False):
            try:
                before, length, left, ended = self._state
                if not left.__length_hint__():
                    left = repeat(None, self._next_length(length, monotonic_ns()))
                    self._state = (before + length, left.__length_hint__(), left, ended)
                    _steps[name] = left.__next__
            finally:
                self._lock.release()

    def end(self, name: str) -> None:
        """Counting has paused: what is counted next has a time of its own.

        A thread may have a step in its hand right now. So the steps are still looked at for a while.
        """
        if self._lock.acquire(blocking=False):
            try:
                before, length, left, ended = self._state
                if left.__length_hint__():
                    ended = (*ended, (length, left))
                    if len(ended) > ENDED:
                        oldest, steps = ended[0]
                        before, ended = before + oldest - steps.__length_hint__(), ended[1:]
                    left = repeat(None, 0)
                    self._state = (before, 0, left, ended)
                    _steps[name] = left.__next__
            finally:
                self._lock.release()

    def _next_length(self, length: int, now_ns: int) -> int:
        """So many are counted until the next sending, at the pace of lately; 0 for a name counted seldom."""
        self._taken += length + 1  # after the steps, one that found them ended
        lasted_ns = now_ns - self._began_ns
        if lasted_ns >= PACE_NS or self._taken >= STEPS:
            self._a_second = self._taken * SECOND_NS // max(lasted_ns, 1)
            self._taken, self._began_ns = 0, now_ns
        if self._a_second < SELDOM:
            return 0
        left_ns = max(_pace.due_ns - now_ns, 0) + LATE_NS
        return min(self._a_second * left_ns // SECOND_NS, STEPS)


class _Timed:
    """Running totals of one timing in this process, in the buckets of perfwatch/workload/histogram.py."""

    def __init__(self) -> None:
        self.n = self.zero = self.told_n = 0
        self.good = self.judged = 0
        """So many of those that were judged are those of good queries."""
        self.sum = 0.0
        self.min = self.low = _INFINITY
        self.max = self.high = -_INFINITY
        self.buckets: dict[int, int] = {}
        self.changed: set[int] = set()
        self.repeated = True

    def add(self, name: str, row: deque[float]) -> None:
        """Take what waits in a row; what is no finite number, or below zero, is left out.

        What is a number by another name, as numpy's, is one: but it writes itself in its own way.
        """
        waiting = [row.popleft() for _ in range(len(row))]
        try:
            numbers = list(map(float, waiting))
        except Exception:  # noqa: BLE001 - one among them is none
            numbers = _numbers(waiting)
        seconds = [one for one in numbers if 0 <= one < _INFINITY]
        if not seconds:
            return
        good = _objectives.good_of(name, seconds)
        if good is not None:
            self.judged += len(seconds)
            self.good += good
        self.n += len(seconds)
        self.sum += math.fsum(seconds)
        self.low, self.high = min(self.low, *seconds), max(self.high, *seconds)
        self.min, self.max = min(self.min, self.low), max(self.max, self.high)
        ceil, log2 = math.ceil, math.log2
        indices = Counter([ceil(log2(one) * BUCKETS_PER_OCTAVE) - 1 for one in seconds if one > 0])
        self.zero += len(seconds) - sum(indices.values())
        self.changed.update(indices)
        for index, more in indices.items():
            self.buckets[index] = self.buckets.get(index, 0) + more

    def lines(self, name: str, ending: str, complete: bool) -> list[str]:
        """What is new since `told`, or (complete) all buckets; a long list comes in several lines."""
        if self.n == self.told_n and (self.repeated or not complete):
            return []
        low, high = (self.low, self.high) if self.n > self.told_n else (self.min, self.max)
        figures = (self.n, self.sum, self.min, self.max, self.zero, self.told_n, low, high)
        head = f"{name}:{','.join(map(repr, figures))}"
        listed = sorted(self.buckets if complete else self.changed)
        parts = [listed[start : start + BUCKETS_A_LINE] for start in range(0, len(listed), BUCKETS_A_LINE)]
        buckets = [",".join(f"{index}={self.buckets[index]}" for index in part) for part in parts or [[]]]
        return [f"{head};{part}|tt{ending}" for part in buckets]

    def told(self, complete: bool) -> None:
        """What `lines` gave last was sent."""
        self.repeated = complete
        self.told_n = self.n
        self.low, self.high = _INFINITY, -_INFINITY
        self.changed.clear()


def _numbers(waiting: list[Any]) -> list[float]:
    """Those of them that are numbers."""
    found = []
    for one in waiting:
        with contextlib.suppress(Exception):
            found.append(float(one))
    return found


class _Sender:
    """What this process counted, and its way to perfwatch. A fork begins with a new one.

    The lock is held by whoever sends, and never while waiting for anything but a full socket; `count` and
    `timing` do not wait for it.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sending = False
        self._began = self._alive = False
        self._stepped: dict[str, _Stepped] = {}
        self._told_steps = 0
        self._steps_per_ns = 0.0
        """Their pace between the last two sendings."""
        self._address: _Address | None = None
        self._socket: socket.socket | None = None
        self._source = ""
        self._patience_s = PATIENCE_S
        self._wire: dict[str, str] = {}
        self._told: dict[str, Any] = {}
        self._unrepeated: set[str] = set()
        self._timed: dict[str, _Timed] = {}
        self._gauges: dict[str, str] = {}
        self._told_gauges: dict[str, str] = {}
        self._marks: deque[str] = deque(maxlen=NAMES)
        self._last_mark_ns = 0
        self._rounds = 0
        self._sent_ns = self._looked_ns = 0
        """As of when was sent last, and when it was seen last that there is nothing to send."""

    # -- first times -------------------------------------------------------------------------------

    def count_first(self, name: str, n: float) -> None:
        """Make room for a name of this thread and count it; nothing if it is no name and number."""
        with contextlib.suppress(Exception):
            if self._knows(name) and 0 <= n < _INFINITY:
                totals = _counts.setdefault(get_ident(), {})
                totals.setdefault(name, 0)
                totals[name] += n
                _pace.moved_ns = monotonic_ns()
                self.begin(counts=True)
                self._stepped.setdefault(name, _Stepped())
                self.step_on(name)

    def step_on(self, name: str) -> None:
        """A name's steps have come to their end."""
        with contextlib.suppress(Exception):
            if self._address is None:
                _steps[name] = repeat(None).__next__
            else:
                self._stepped[name].renew(name)

    def time_first(self, name: str, seconds: float) -> None:
        """The same for a timing. Without perfwatch a row without places takes what comes."""
        with contextlib.suppress(Exception):
            if self._knows(name):
                self.begin(counts=True)
                rows = _times.setdefault(get_ident(), {})
                rows.setdefault(name, deque(maxlen=TIMINGS if self._address else 0)).append(seconds)

    def begin(self, *, counts: bool = False) -> None:
        """Look where to send to, once a process, and start the thread that sends; say that it counts."""
        if not self._began:
            self._begin()
        if counts and not self._alive and self._address is not None and self._lock.acquire(blocking=False):
            try:
                self._alive = self._transmit(f"process:begin|life|i:{self._source}".encode(), patient=False)
            finally:
                self._lock.release()

    def _begin(self) -> None:
        with self._lock:
            if self._began:
                return
            self._began = True
            self._address = _parse(os.environ.get(VARIABLE, ""))
            if self._address is not None:
                self._source = f"{os.getpid()}.{os.urandom(4).hex()}"
                _finish_with_multiprocessing()
                threading.Thread(target=self._send_for_ever, name="perfwatch-client", daemon=True).start()
            else:
                _pace.due_ns = NEVER_NS

    def _knows(self, name: str) -> bool:
        """Whether the name may be used; its form on the wire is then in `_wire`."""
        if name in self._wire:
            return True
        if not isinstance(name, str) or not name:
            return False
        if len(self._wire) >= NAMES and name not in STANDARD:
            return False
        letters = (letter if letter.isprintable() and letter not in ":|" else "_" for letter in name[:128])
        self._wire[name] = "".join(letters).strip() or "_"
        return True

    # -- telling -----------------------------------------------------------------------------------

    def gauge(self, name: str, value: float) -> None:
        if not self._knows(name) or not -_INFINITY < value < _INFINITY:
            return
        self.begin()
        if self._address is not None:
            told = f"{_digits(value)}|g|i:{self._source}|t:{time.monotonic_ns()}"
            self._gauges[self._wire[name]] = told

    def mark(self, name: str, edge: str) -> None:
        if edge not in ("begin", "end", "point") or not self._knows(name):
            return
        self.begin()
        if self._address is None:
            return
        with self._lock:
            # A recording keeps microseconds: two marks and what lies between must not share one.
            at_ns = max(time.monotonic_ns(), self._last_mark_ns + 2000)
            self.send(self._as_of(at_ns), complete=True, mark=f"{self._wire[name]}:{edge}|mark|t:{at_ns}")
            self._last_mark_ns = at_ns

    def finish(self) -> None:
        """Send everything once more; at exit."""
        with contextlib.suppress(Exception):
            if self._address is not None and self._lock.acquire(timeout=PATIENCE_S):
                try:
                    told = self.send(self._as_of(monotonic_ns()), complete=True, patient=True)
                    if told and self._alive:
                        self._transmit(f"process:end|life|i:{self._source}".encode(), patient=True)
                finally:
                    self._lock.release()

    def send_along(self, now_ns: int) -> None:
        """Send what is due from the thread that counts, unless somebody is sending."""
        if self._lock.acquire(blocking=False):
            try:
                self._send_in_turn(now_ns, complete=self._rounds % COMPLETE_EVERY == 0)
            except Exception:  # noqa: BLE001, S110 - the next sending tells it
                pass
            finally:
                self._lock.release()

    def _send_for_ever(self) -> None:
        pause_s = PERIOD_S
        while _sender is self:
            time.sleep(pause_s)
            now_ns = monotonic_ns()
            if now_ns < _pace.due_ns + OVERDUE_NS:
                pause_s = LOOK_S
                continue
            with contextlib.suppress(Exception), self._lock:
                stepped = self._steps_taken() != self._told_steps
                news = stepped or bool(self._gauges) or _pace.moved_ns > self._sent_ns
                at_ns, self._looked_ns = self._as_of(now_ns), now_ns
                self._send_in_turn(at_ns, complete=pause_s >= LOOK_S or self._rounds % COMPLETE_EVERY == 0)
                if not stepped:
                    self._end_steps()
                pause_s = PERIOD_S if news else LOOK_S

    def _as_of(self, now_ns: int) -> int:
        """When that was counted which was not told yet: a job may have been silent since.

        Steps have no time of their own. They were taken after the last look, most likely right after it and
        at their pace of before: what goes on would have been told. But they are not told as of long ago: one
        look may have waited for another thread.
        """
        steps = self._steps_taken() - self._told_steps
        if steps:
            pace = self._steps_per_ns
            lasted_ns = PERIOD_NS if pace <= 0.0 else min(round(steps / pace), PERIOD_NS)
            likely_ns = max(self._sent_ns, self._looked_ns) + lasted_ns
            return min(now_ns, max(likely_ns, _pace.moved_ns, now_ns - LOOK_NS))
        return min(now_ns, _pace.moved_ns) if _pace.moved_ns > self._sent_ns else now_ns

    def _send_in_turn(self, at_ns: int, *, complete: bool) -> None:
        self._rounds += 1
        before, before_ns = self._told_steps, self._sent_ns
        self._sent_ns = at_ns
        _pace.due_ns = monotonic_ns() + PERIOD_NS
        self.send(at_ns, complete=complete)
        if self._told_steps > before:
            self._steps_per_ns = (self._told_steps - before) / max(at_ns - before_ns, 1)

    # -- sending (the lock is held) ----------------------------------------------------------------

    def send(self, at_ns: int, *, complete: bool, mark: str = "", patient: bool = False) -> bool:
        """Send what is new (or everything) as of a time, then the marks; whether all of it was taken.

        What could not be sent stays new. Totals are read after `at_ns` was taken: what was counted before
        a mark is told with the mark's time or an earlier one.
        """
        if mark:
            self._marks.append(mark)
        if self._sending:
            return False  # a signal handler marks while its thread sends: the mark goes with the next sending
        self._sending = True
        try:
            ending = f"|i:{self._source}|t:{max(at_ns, self._last_mark_ns + 1000)}"
            if _times:
                self._take_timings()
            totals = self._totals()
            lines = self._counted(totals, ending, complete)
            gauges: dict[str, str] = {}
            if _times or self._told_gauges or self._gauges:
                gauges = {**(self._told_gauges if complete else {}), **self._gauges}
                lines += self._timed_lines(ending, complete)
                lines += [f"{name}:{told}" for name, told in gauges.items()]
            patient = patient or bool(mark)
            taken = all(self._transmit(datagram, patient) for datagram in _packed(lines))
            if taken:
                self._note_told(totals, gauges, complete)
            while self._marks and self._transmit(self._marks[0].encode(), patient):
                self._marks.popleft()
        finally:
            self._sending = False
        return taken

    def _totals(self) -> dict[str, Any]:
        totals: dict[str, Any] = {}
        for of_thread in _counts.copy().values():
            for name, total in of_thread.copy().items():
                wire = self._wire[name]
                totals[wire] = totals.get(wire, 0) + total
        self._told_steps = 0
        for name, stepped in self._stepped.copy().items():
            taken = stepped.total()
            self._told_steps += taken
            totals[self._wire[name]] = totals.get(self._wire[name], 0) + taken
        for timed in self._timed.values():
            if timed.judged:
                totals[JUDGED] = totals.get(JUDGED, 0) + timed.judged
                totals[GOOD] = totals.get(GOOD, 0) + timed.good
        return totals

    def _end_steps(self) -> None:
        for name, stepped in self._stepped.copy().items():
            stepped.end(name)

    def _steps_taken(self) -> int:
        return sum(stepped.total() for stepped in self._stepped.copy().values())

    def _counted(self, totals: dict[str, Any], ending: str, complete: bool) -> list[str]:
        return [
            f"{name}:{_digits(total)}|ct{ending}"
            for name, total in totals.items()
            if total != self._told.get(name) or (complete and name in self._unrepeated)
        ]

    def _take_timings(self) -> None:
        for of_thread in _times.copy().values():
            for name, row in of_thread.copy().items():
                self._timed.setdefault(self._wire[name], _Timed()).add(name, row)

    def _timed_lines(self, ending: str, complete: bool) -> list[str]:
        lines = []
        for name, timed in self._timed.items():
            lines += timed.lines(name, ending, complete)
        return lines

    def _note_told(self, totals: dict[str, Any], gauges: dict[str, str], complete: bool) -> None:
        if complete:
            self._unrepeated.clear()
        else:
            self._unrepeated.update(name for name, total in totals.items() if total != self._told.get(name))
        self._told = totals
        for timed in self._timed.values():
            if complete or timed.n > timed.told_n:
                timed.told(complete)
        for name, told in gauges.items():
            self._told_gauges[name] = told
            if self._gauges.get(name) is told:
                del self._gauges[name]

    def _transmit(self, datagram: bytes, patient: bool) -> bool:
        """Hand a datagram to the system; False if it could not take it. Never blocks, never raises."""
        address = self._address
        if address is None:
            return False
        try:
            if self._socket is None:
                self._socket = _open(address)
            try:
                address.give(self._socket, datagram)
            except BlockingIOError:
                if not (patient and self._wait(self._socket)):
                    return False
                address.give(self._socket, datagram)
        except OSError:
            self.forget_socket()
            return False
        return True

    def _wait(self, sock: socket.socket) -> bool:
        """Wait for a full socket with what is left of our patience; whether it has room."""
        before_s = time.monotonic()
        room = bool(select.select([], [sock], [], max(0.0, self._patience_s))[1])
        self._patience_s -= time.monotonic() - before_s
        return room

    def forget_socket(self) -> None:
        """Close the socket; the next sending opens another."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


class _Address:
    """Where to send to. UDP is not connected: then nothing comes back when nobody listens."""

    def __init__(self, family: int, place: Any) -> None:
        self.family = family
        self.place = place

    def give(self, sock: socket.socket, datagram: bytes) -> None:
        if isinstance(self.place, str):
            sock.send(datagram)
        else:
            sock.sendto(datagram, self.place)


def _parse(text: str) -> _Address | None:
    """The address in `udp://HOST:PORT` (a number or localhost: names could block) or `unix:PATH`."""
    try:
        if text.startswith("unix:"):
            return _Address(socket.AF_UNIX, text[5:])
        host, _, port = text[len("udp://") :].rpartition(":")
        host = host.strip("[]").replace("localhost", "127.0.0.1")
        if not text.startswith("udp://"):
            return None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.inet_pton(family, host)
        return _Address(family, (host, int(port)))
    except (OSError, ValueError, AttributeError):
        return None


def _open(address: _Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if isinstance(address.place, str):
            sock.connect(address.place)
    except OSError:
        sock.close()
        raise
    return sock


def _digits(number: Any) -> str:
    try:
        return str(operator.index(number))
    except TypeError:
        return repr(float(number))


def _packed(lines: list[str]) -> Iterator[bytes]:
    """The lines joined into datagrams."""
    together: list[bytes] = []
    size = 0
    for line in lines:
        data = line.encode("utf-8", "replace")
        if together and size + len(data) > DATAGRAM_BYTES:
            yield b"\n".join(together)
            together, size = [], 0
        together.append(data)
        size += len(data) + 1
    if together:
        yield b"\n".join(together)


def _finish() -> None:
    _sender.finish()


def _finish_with_multiprocessing() -> None:
    """A child of multiprocessing leaves by os._exit, which calls no atexit function, but its finalizers."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        with contextlib.suppress(Exception):
            util.Finalize(None, _finish, exitpriority=10)


def _begin_anew() -> None:
    """In the child of a fork: its own totals from zero, its own socket, lock and thread."""
    global _sender  # noqa: PLW0603 - the hot path reads no attribute of anything
    _sender.forget_socket()
    _counts.clear()
    _times.clear()
    _steps.clear()
    _pace.due_ns = 0
    _sender = _Sender()


_sender = _Sender()
atexit.register(_finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
