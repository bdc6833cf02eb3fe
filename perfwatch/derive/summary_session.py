"""How does the session itself stand in the summary object: which run it was, when, and how it ended?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from perfwatch.derive.job import job_of
from perfwatch.derive.tape import Tape
from perfwatch.derive.whole_run import WholeRun


def session_object(run: WholeRun) -> dict[str, Any]:
    header = run.tape.header
    command = header.get("command")
    job = job_of(run.tape)
    return {
        "id": header.get("id"),
        "name": header.get("name"),
        "started": _started(header),
        "hosts": list(dict.fromkeys([run.tape.host, *(each.host for each in run.tape.devices.values())])),
        "command": list(command) if isinstance(command, (list, tuple)) else [],
        "exit_status": job.exit_status,
        "time_limit_s": job.time_limit_s,
        "attached": job.attached,
        "goes_on": job.goes_on,
        "because": job.because or None,
        "interval_s": run.interval_s,
        "perfwatch": header.get("perfwatch"),
        "streams": _streams(run.tape),
        "left_behind": _left_behind(run.tape),
    }


def _streams(tape: Tape) -> dict[str, str]:
    """Which of the job's output streams went through us, and as what: `pipe` or `terminal`."""
    for event in tape.of_kind("job"):
        streams = event.fields.get("streams")
        if event.fields.get("what") == "begin" and isinstance(streams, Mapping):
            return {str(name): str(way) for name, way in streams.items()}
    return {}


def _left_behind(tape: Tape) -> list[dict[str, Any]]:
    """The processes that the job left running."""
    listed = [event.fields.get("processes") for event in tape.of_kind("left_behind")]
    return [
        {"pid": process[0], "name": process[1]}
        for processes in listed
        if isinstance(processes, list)
        for process in processes
        if isinstance(process, list) and len(process) == 2
    ]


def _started(header: Mapping[str, Any]) -> str | None:
    """The begin of the session's clock as ISO 8601 in UTC, with microseconds."""
    clock = header.get("clock")
    time_ns = clock.get("time_ns") if isinstance(clock, Mapping) else None
    if not isinstance(time_ns, int):
        return None
    try:
        began = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return None
    return began.isoformat(timespec="microseconds")
