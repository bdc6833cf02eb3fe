"""One collector at work: its thread, its period, its retries, its state.

The runner does everything that a collector does not: it calls `open` and `read` on a thread of their own
at absolute deadlines, stamps what they give, has numbers rounded and checked once, turns exceptions into
states, and leaves a thread behind whose call hangs in one device (docs/architecture.md, "When things go
wrong"). What it finds goes to `post`, in order; nothing else leaves it.
"""

from __future__ import annotations

import random
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from perfwatch.clock import NS, Clock, Wake
from perfwatch.collector import Collector
from perfwatch.declaration import check_device
from perfwatch.errors import DeviceGone, PerfwatchError, TryAgain, Unavailable
from perfwatch.metrics import ENERGY, POWER, TELL_ENERGY
from perfwatch.model import (
    Appeared,
    Batch,
    Declared,
    Device,
    DeviceKind,
    Gone,
    Reading,
    Sample,
    State,
    Status,
)
from perfwatch.rounding import Rounding, plain
from perfwatch.steps import CounterSteps
from perfwatch.worker import Ticket, Watched, Worker, fulfil_all, quick, span_ns, stuck_ns

REOPEN_S = 30.0
"""How long an absent collector waits before it looks again."""
RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Pauses after TryAgain, growing."""
ANSWERS_SOON_S = 0.25
"""What failed within this time is asked anew, within a pause, by whoever needs a reading."""
TRY_ALONE_S = 1.0
"""Pause between trial reads of a device whose call came back with an error."""
HUNG_AFTER_S = 0.5
"""A call that has been out for three periods, and at least this, hangs: its device is stale."""
SLOW_AFTER_S = (0.05, 0.25)
"""A call that stays in one device for a quarter of a period, within these bounds, holds up no other."""
QUICK_AGAIN = 5
"""A device that was slow is read on a thread of its own until it answered quickly so often."""

FAULTS = (Exception, SystemExit, KeyboardInterrupt)
"""What a plugin may raise: one that calls `sys.exit` ends itself, not its thread without a word."""

Posted = Declared | Batch | Status


class Runner:
    """Runs one collector.

    Args:
        collector: what to run.
        period_s: the sampling period wished for; raised to the collector's floor.
        clock: time.
        post: takes what was found, from this runner's thread.
        epoch_ns: deadlines are this time plus whole periods, so that collectors tick together.
        seed: of the offsets that keep polling from locking to a sensor's own period.
        at_once: read as soon as the devices are known, not first at the next deadline: somebody looks.
    """

    def __init__(
        self,
        collector: Collector,
        *,
        period_s: float,
        clock: Clock,
        post: Callable[[Posted], None],
        epoch_ns: int,
        seed: int = 0,
        at_once: bool = False,
    ) -> None:
        self.collector = collector
        self.name = collector.name
        self.period_s = max(period_s, collector.floor_s)
        self._period_ns = round(self.period_s * NS)
        self._hung_ns = max(3 * self._period_ns, round(HUNG_AFTER_S * NS))
        self._slow_ns = round(min(max(self.period_s / 4, SLOW_AFTER_S[0]), SLOW_AFTER_S[1]) * NS)
        self._clock = clock
        self._post = post
        self._epoch_ns = epoch_ns
        self._random = random.Random(seed)  # noqa: S311 - spreads deadlines, keeps no secret
        self._spread_ns = 0
        self._at_once = at_once
        self._lock = threading.Lock()
        self._wake = Wake()
        self._stopping = False
        self._tickets: list[Ticket] = []
        self._devices: dict[str, Device] = {}
        self._out: dict[str, Worker] = {}
        self._slow: dict[str, int] = {}
        """Devices that are read aside, and how often they must answer quickly yet to join the others."""
        self._rounding = Rounding()
        self.steps = CounterSteps()
        """How often the energy counters of the devices were seen to step."""
        self._tick: int | None = None
        self._failures = 0
        self._again = False
        """Whether a pause after TryAgain is over: the next try is due, whenever the next tick is."""
        self._worker = Worker()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.state = State.OPENING
        self.reason = ""
        self.remedy = ""
        self.opened = threading.Event()
        self.late = 0
        self.missed = 0
        self.samples = 0

    # -- from other threads ------------------------------------------------------------------------

    def start(self) -> None:
        """Begin on a thread of its own. A daemon: a call that hangs must not keep the program alive."""
        self._start_thread(self._worker)

    def read_now(self) -> Ticket:
        """Ask for a reading out of turn; the ticket is fulfilled when a pass begun after this call ends."""
        ticket = Ticket()
        with self._lock:
            if self._stopping or self.state in (State.ABSENT, State.FAILED):
                ticket.fulfil(None)
            else:
                self._tickets.append(ticket)
        worker = self._worker
        if worker.device is not None and worker.device.id in self._slow:
            self._leave_behind(worker)  # whoever asks does not wait for it
        self._wake.set()
        return ticket

    @property
    def is_asked(self) -> bool:
        """Whether somebody asked for a reading that has not begun."""
        return bool(self._tickets)

    def stop(self) -> None:
        """Ask the thread to end; `join` waits for it."""
        self._stopping = True
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end, at most so long; a thread that hangs is left."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def watch(self, now_ns: int) -> None:
        """Look whether a call is out for too long; called at each turn of the hub, and by who waits."""
        if self._stopping:
            return
        worker = self._worker
        if self.collector.isolates:
            if stuck_ns(worker, now_ns) >= self._slow_ns:
                self._leave_behind(worker)
            for left in tuple(self._out.values()):
                if not left.hung and stuck_ns(left, now_ns) >= self._hung_ns:
                    self._give_up(left, now_ns)
        elif self.state is State.OK and self.hangs(now_ns):
            self._set_state(State.STALE, f"no answer for {stuck_ns(worker, now_ns) / NS:.1f} s")

    def hangs(self, now_ns: int) -> bool:
        """Whether the call that is out now is so long out that nobody should wait for it."""
        return stuck_ns(self._worker, now_ns) >= self._hung_ns

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices known now, hanging ones included."""
        return tuple(self._devices.values())

    @property
    def tools_cpu_s(self) -> float:
        """CPU time of the tools that its collector started, s."""
        return self.collector.tools_cpu_s

    @property
    def rejected(self) -> int:
        """How many values were no believable numbers."""
        return self._rounding.rejected

    @property
    def measures(self) -> bool:
        """Whether some device tells energy or power."""
        return any(metric.name in TELL_ENERGY for device in self.devices for metric in device.metrics)

    @property
    def counts(self) -> bool:
        """Whether some device counts work."""
        return any(device.kind is DeviceKind.WORKLOAD for device in self.devices)

    # -- the thread --------------------------------------------------------------------------------

    def _start_thread(self, worker: Worker) -> None:
        self._thread = threading.Thread(
            target=self._work, args=(worker,), name=f"perfwatch-{self.name}", daemon=True
        )
        self._thread.start()

    def _work(self, worker: Worker) -> None:
        try:
            if not self.opened.is_set() and not self._open_until_found():
                return
            self._poll_until_stopped(worker)
        except FAULTS as error:  # the one place that catches whatever a plugin does
            self._fail(error)
        finally:
            if not worker.left_behind:
                self._finish()

    def _open_until_found(self) -> bool:
        while True:
            try:
                devices = tuple(check_device(device) for device in self.collector.open())
            except Unavailable as error:
                self.remedy = error.remedy
                self._set_state(State.ABSENT, str(error), remedy=error.remedy)
                pause_s = REOPEN_S
            except TryAgain as error:
                self._set_state(State.RETRYING, str(error))
                pause_s = error.after_s or REOPEN_S
            else:
                self._declare(devices)
                return True
            self.opened.set()
            self._answer_tickets()
            if self._pause(pause_s):
                return False

    def _declare(self, devices: tuple[Device, ...]) -> None:
        self._devices = {device.id: device for device in devices}
        self.steps.declare(devices)
        self._spread_ns = round(_spread_s(devices, self.period_s) * NS)
        self._post(Declared(self.name, self._clock.monotonic_ns(), devices))
        self._set_state(State.OK, "")
        if self._at_once:
            self.read_now()
        self.opened.set()

    def _poll_until_stopped(self, worker: Worker) -> None:
        while not worker.left_behind:
            devices, worker.rest = worker.rest, None
            aside: list[Worker] = []
            if devices is None:
                deadline_ns = self._clock.monotonic_ns() if self._again else self._next_deadline()
                self._again = False
                worker.tickets, stopping = self._await(deadline_ns)
                if stopping:
                    return
                if not worker.tickets:
                    self._note_lateness(deadline_ns)
                devices, aside = self._due()
            tickets = worker.tickets
            try:
                readings = self._pass(worker, devices)
            except FAULTS as error:  # what is no state of ours is raised again
                if not worker.left_behind:
                    fulfil_all(tickets, None)
                    if self._recover(error, self._clock.monotonic_ns() - worker.began_ns):
                        continue
                    return
                readings = ()
            if worker.left_behind:
                self._take_back(worker, bool(readings))
                return
            self._failures = 0
            if self.state is not State.OK:
                self._set_state(State.OK, "")
            if tickets:
                fulfil_all(tickets, span_ns([*readings, *quick(aside, self._slow_ns / NS)]))

    def _recover(self, error: BaseException, took_ns: int) -> bool:
        """Wait as the error asks for; True if polling goes on. What no plugin should raise goes on up.

        Whoever asks for a reading meanwhile, as at a job's end, gets a try of it, unless it would be long.
        """
        self._tick = None
        if isinstance(error, TryAgain):
            pause_s = error.after_s or RETRY_S[min(self._failures, len(RETRY_S) - 1)]
            self._set_state(State.RETRYING, f"{error}; next try in {pause_s:g} s")
            stopping = self._pause(pause_s, ends_if_asked=took_ns < ANSWERS_SOON_S * NS)
            self._failures += not self._tickets  # a try out of turn makes the next pause no longer
            self._again = True
            return not stopping
        if isinstance(error, Unavailable):
            self._set_state(State.ABSENT, str(error), remedy=error.remedy)
            return not self._pause(REOPEN_S) and self._open_until_found()
        raise error

    def _next_deadline(self) -> int:
        now_ns = self._clock.monotonic_ns()
        tick = (now_ns - self._epoch_ns) // self._period_ns + 1
        if self._spread_ns and self._tick is not None and tick == self._tick + 2:
            tick -= 1  # the last deadline was late in its period, and the next one's has only begun
        if self._tick is not None and tick > self._tick + 1:
            self.missed += tick - self._tick - 1
        self._tick = tick
        deadline_ns = self._epoch_ns + tick * self._period_ns
        if self._spread_ns:
            deadline_ns += self._random.randrange(self._spread_ns)
        return max(now_ns, deadline_ns)

    def _await(self, deadline_ns: int) -> tuple[list[Ticket], bool]:
        """Wait for the deadline, a ticket or the end, whichever comes first."""
        while not self._tickets and not self._stopping:
            remaining_ns = deadline_ns - self._clock.monotonic_ns()
            if remaining_ns <= 0:
                break
            self._clock.wait(self._wake, remaining_ns / NS)
        tickets = self._take_tickets()
        return tickets, self._stopping and not tickets

    def _take_tickets(self) -> list[Ticket]:
        if not self._tickets:
            return []
        with self._lock:
            tickets, self._tickets = self._tickets, []
        return tickets

    def _note_lateness(self, deadline_ns: int) -> None:
        late_ns = self._clock.monotonic_ns() - deadline_ns
        if late_ns > self._period_ns // 2:
            self.late += 1

    def _due(self) -> tuple[list[Device], list[Worker]]:
        """What is read now: all devices, but for those whose call is out; slow ones begin aside."""
        # A list of the dict at once: a thread that was left behind may change it any time.
        devices = [device for device in list(self._devices.values()) if device.id not in self._out]
        slow = [device for device in devices if device.id in self._slow]
        return [device for device in devices if device not in slow], [self._begin_aside(one) for one in slow]

    def _pass(self, worker: Worker, devices: list[Device]) -> Sequence[tuple[int, Reading]]:
        """Read these devices once and post what they gave. Returns it; nothing if it came too late."""
        worker.devices = devices
        watched: Sequence[Device] = (
            Watched(devices, worker, self._clock) if self.collector.isolates else devices
        )
        now_ns = self._clock.monotonic_ns
        worker.began_ns = before_ns = now_ns()
        worker.since_ns, worker.device = before_ns, (devices[0] if devices else None)
        try:
            for reading in self.collector.read(watched):
                after_ns = now_ns()
                with self._lock:
                    if worker.hung:
                        break
                    self._take(reading, (before_ns + after_ns) // 2, worker.readings)
                    if worker.left_behind and not worker.aside:
                        break
                before_ns = after_ns
        except DeviceGone as error:
            if not worker.hung:
                self._lose(error.device_id, error.reason, worker.readings)
        finally:
            worker.device = None
            readings = self._deliver(worker)
        return readings

    def _deliver(self, worker: Worker) -> Sequence[tuple[int, Reading]]:
        """Post what the worker has read so far in its pass."""
        with self._lock:
            readings, worker.readings = worker.readings, []
        if readings:
            took_ns = self._clock.monotonic_ns() - worker.began_ns
            self._post(Batch(self.name, worker.began_ns, took_ns, readings, self._rounding.values))
        return readings

    def _take(self, reading: Reading, at_ns: int, readings: list[tuple[int, Reading]]) -> None:
        if isinstance(reading, Sample):
            self.samples += 1
            if reading.at_ns is not None:
                at_ns = reading.at_ns
            self.steps.take(reading.device_id, reading.values)
            values = plain(reading.values)
            if values is not reading.values:
                reading = Sample(reading.device_id, values)
        elif isinstance(reading, Appeared):
            check_device(reading.device)
            self._devices[reading.device.id] = reading.device
            self.steps.declare([reading.device])
        elif isinstance(reading, Gone):
            self._devices.pop(reading.device_id, None)
            self.steps.forget(reading.device_id)
        elif getattr(reading, "at_ns", None) is not None:
            at_ns = reading.at_ns  # type: ignore[union-attr,assignment]
        readings.append((at_ns, reading))

    def _lose(self, device_id: str, reason: str, readings: list[tuple[int, Reading]]) -> None:
        self._devices.pop(device_id, None)
        self.steps.forget(device_id)
        readings.append((self._clock.monotonic_ns(), Gone(device_id, reason)))

    # -- a device that blocks ----------------------------------------------------------------------

    def _leave_behind(self, worker: Worker) -> None:
        """Leave the thread with the device it is in; a new one goes on with the others, at once."""
        with self._lock:
            device = worker.device
            if device is None or worker.left_behind or self._stopping:
                return
            worker.left_behind = True
            self._out[device.id] = worker
            self._slow[device.id] = QUICK_AGAIN
            after = Worker()
            after.rest = worker.devices[worker.devices.index(device) + 1 :]
            after.tickets = worker.tickets  # who waits for a reading gets one of the others
            self._worker = after
        self._deliver(worker)
        self._start_thread(after)

    def _begin_aside(self, device: Device) -> Worker:
        worker = Worker(aside=True)
        worker.since_ns, worker.device = self._clock.monotonic_ns(), device
        self._out[device.id] = worker
        name = f"perfwatch-{self.name}-{device.index}"
        threading.Thread(target=self._read_aside, args=(worker, device), name=name, daemon=True).start()
        return worker

    def _read_aside(self, worker: Worker, device: Device) -> None:
        """On a thread of its own: one reading of a device that was slow before."""
        try:
            readings = self._pass(worker, [device])
        except FAULTS:  # tried alone until it answers
            readings = ()
        worker.given = readings
        worker.over.set()
        took_ns = self._clock.monotonic_ns() - worker.began_ns
        self._take_back(worker, bool(readings))
        is_quick = took_ns < self._slow_ns // 2
        left = self._slow.get(device.id, 0) - 1 if is_quick else QUICK_AGAIN
        if left > 0:
            self._slow[device.id] = left
        else:
            self._slow.pop(device.id, None)

    def _give_up(self, worker: Worker, now_ns: int) -> None:
        """The call hangs: say so, and take its answer no more."""
        with self._lock:
            device = worker.device
            if device is None or worker.hung:
                return
            worker.hung = True
        reason = f"its calls have not returned for {stuck_ns(worker, now_ns) / NS:.1f} s"
        self._post(Status(self.name, State.STALE, now_ns, reason, device.id))

    def _take_back(self, worker: Worker, answered: bool) -> None:
        """On the thread left behind, once its call returned: let the device join the others again.

        One that was slow and answered joins at once; one that hung, or failed, is tried alone first.
        """
        device = self._device_left_with(worker)
        if device is None or self._stopping:
            return
        if answered:
            self._out.pop(device.id, None)
            return
        while not self._stopping:
            try:
                trial = list(self.collector.read([device]))
            except DeviceGone as error:
                self._say_gone(Gone(device.id, error.reason))
                return
            except FAULTS:  # whatever it is, the device does not join yet
                self._clock.wait(Wake(), TRY_ALONE_S)
                continue
            gone = [one for one in trial if isinstance(one, Gone) and one.device_id == device.id]
            if gone:
                self._say_gone(gone[0])
                return
            self._out.pop(device.id, None)
            self._post(Status(self.name, State.OK, self._clock.monotonic_ns(), "", device.id))
            return

    def _say_gone(self, gone: Gone) -> None:
        """The device that a thread was left with is lost."""
        readings: list[tuple[int, Reading]] = []
        self._out.pop(gone.device_id, None)
        self._lose(gone.device_id, gone.reason, readings)
        self._post(Batch(self.name, readings[0][0], 0, readings, self._rounding.values))

    def _device_left_with(self, worker: Worker) -> Device | None:
        for device_id, left in list(self._out.items()):
            if left is worker:
                device = self._devices.get(device_id)
                if device is None:  # its last word was that it is gone
                    self._out.pop(device_id, None)
                return device
        return None

    # -- states and the end ------------------------------------------------------------------------

    def _set_state(self, state: State, reason: str, **details: Any) -> None:
        if state is self.state and reason == self.reason:
            return
        self.state, self.reason = state, reason
        kept = {key: value for key, value in details.items() if value}
        self._post(Status(self.name, state, self._clock.monotonic_ns(), reason, None, kept or None))

    def _fail(self, error: BaseException) -> None:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        kind = [] if isinstance(error, PerfwatchError) else [type(error).__name__]
        reason = ": ".join(filter(None, [*kind, str(error)]))
        self._set_state(State.FAILED, reason, traceback=text[-4000:])

    def _pause(self, seconds: float, *, ends_if_asked: bool = False) -> bool:
        """Wait; True if it is time to end. Tickets that come meanwhile end it, or are told nothing."""
        until_ns = self._clock.monotonic_ns() + round(seconds * NS)
        while not self._stopping:
            if ends_if_asked and self._tickets:
                return False
            self._answer_tickets()
            remaining_ns = until_ns - self._clock.monotonic_ns()
            if remaining_ns <= 0:
                return False
            self._clock.wait(self._wake, remaining_ns / NS)
        return True

    def _answer_tickets(self) -> None:
        fulfil_all(self._take_tickets(), None)

    def _finish(self) -> None:
        self.opened.set()
        self._answer_tickets()
        if self._closed or self._out:
            return
        self._closed = True
        try:
            self.collector.close()
        except FAULTS as error:  # a plugin's farewell must not break ours
            self._fail(error)


def _spread_s(devices: Sequence[Device], period_s: float) -> float:
    """Within how many seconds deadlines are shifted, so that polling locks to no period of the devices'.

    A power sensor that sees only part of the time invites aliasing (measurement: D.6). Where nothing but its
    readings tells the energy, they may come at any time of the period (docs/decisions/0009). One that
    averages over the whole of it has nothing to gain: uneven times only make its integral worse.
    """
    wanted = [spread_s for one in devices if (spread_s := _wanted_spread_s(one, period_s)) is not None]
    if period_s in wanted:
        return period_s
    return min(wanted, default=0.0)


def _wanted_spread_s(device: Device, period_s: float) -> float | None:
    """The same for one device; None if it does not tell over what its power is averaged."""
    power = next((one for one in device.metrics if one.name == POWER.name), None)
    if power is None or power.window_s is None:
        return None
    update_s = power.update_s or 0.0
    if power.window_s >= max(update_s, period_s) * 0.999:
        return 0.0
    alone = all(one.name != ENERGY.name for one in device.metrics)
    return period_s if alone and max(power.window_s, update_s) <= period_s / 2 else period_s / 4
