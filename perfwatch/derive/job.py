"""When the job of a session ran, and how it ended, as far as the session tells it."""

from __future__ import annotations

from signal import SIGINT
from typing import NamedTuple

from perfwatch.derive.scopes import tells_energy
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Event, Tape

_NO_JOB = "no job was started"
_NOT_YET = "the session ends before its job began"


class Job(NamedTuple):
    """The child as the session saw it.

    `found` is false for a recording without one; `cut_off` says that the recording ends before the job;
    `time_limit_s` is the `--duration` after which it was told to end; `missing` says why there is
    none. `attached` is a job that perfwatch did not start: its exit status cannot be known; `because` says
    why the watching ended, and `goes_on` that the job did not.
    """

    span: Span
    found: bool
    exit_status: int | None
    cut_off: bool = False
    time_limit_s: float | None = None
    missing: str = ""
    attached: bool = False
    goes_on: bool = False
    because: str = ""

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it, but ctrl-C: most programs have their say after that."""
        return self.exit_status is not None and 128 < self.exit_status != 128 + SIGINT


def job_of(tape: Tape) -> Job:
    """When the job ran; without one the whole recording.

    That is from its first sample to its last one where a device told energy, which is read at both ends;
    else there may be a single sample, and it is all the time that was recorded.
    """
    events = tape.of_kind("job")
    begin = next((event for event in events if event.fields.get("what") == "begin"), None)
    if begin is None:
        return Job(_recording(tape), False, None, missing=_NOT_YET if tape.header.get("command") else _NO_JOB)
    ends = [event for event in events if event.fields.get("what") == "end" and event.t >= begin.t]
    if not ends:
        return Job(Span(begin.t, max(begin.t, tape.last_t)), True, None, cut_off=True)
    limit_s = ends[-1].fields.get("time_limit_s")
    return Job(
        Span(begin.t, ends[-1].t),
        True,
        _exit_status(ends[-1]),
        time_limit_s=limit_s if isinstance(limit_s, (int, float)) else None,
        attached=bool(ends[-1].fields.get("attached")),
        goes_on=bool(ends[-1].fields.get("goes_on")),
        because=str(ends[-1].fields.get("because") or ""),
    )


def _recording(tape: Tape) -> Span:
    times = [device.times for device in tape.devices.values() if len(device.times)]
    if not any(map(tells_energy, tape.devices.values())):
        return Span(0.0, max(0.0, tape.last_t))
    return Span(min(series[0] for series in times), max(series[-1] for series in times))


def _exit_status(end: Event) -> int | None:
    """As a shell says it: 128 + N where signal N ended the job."""
    status, signal = end.fields.get("exit_status"), end.fields.get("signal")
    if isinstance(status, int):
        return status
    return 128 + signal if isinstance(signal, int) else None
