"""A directory of LoadGen's results, and the power log beside it, as a session.

The session's clock is that of the logs (UTC). The meter is of scope `wall`; the counts are told at both ends
of the part that counts, which the marks of origin `loadgen` put as the window.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from perfwatch import __version__, metrics
from perfwatch.errors import SessionError
from perfwatch.imports import ptdaemon
from perfwatch.imports.files import Imported, Record, read_lines
from perfwatch.imports.power import OTHER_CLOCK, OTHER_TIME, UNDRAWN
from perfwatch.model import Device, DeviceKind, Scope
from perfwatch.session import format as fmt
from perfwatch.text import clean
from perfwatch.workload import loadgen_result
from perfwatch.workload.loadgen_folder import DETAIL, SUMMARY, beside, details_in, usual_places
from perfwatch.yardstick.table import benchmarks

POWER = "spl.txt"
FOLDERS = 6
"""So many folders from the logs upwards may be named for the benchmark."""
SAMPLE_S = 1.0
"""PTDaemon takes a sample a second."""
_METER, _WORK = 0, 1


def read(directory: str, *, power: str | None = None, name: str | None, tags: Mapping[str, str]) -> Imported:
    """The session of a directory of results.

    Args:
        directory: it, or one above it (`performance/run_1`).
        power: the power log, where it does not lie beside the others.

    Raises:
        SessionError: there are no such logs, or they tell no run.
    """
    detail = _detail(Path(directory))
    where = detail.parent
    result = loadgen_result.result(read_lines(detail), read_lines(beside(detail, SUMMARY)))
    if result is None:
        raise SessionError(f"cannot import {clean(where)}: its logs name no scenario; was the run cut off?")
    if result.duration_s is None:
        raise SessionError(f"cannot import {clean(where)}: {_no_result(detail)}")
    tags = {**_benchmark(where.resolve()), **tags}
    return _session(result, _power_log(where, power, result), name=name or where.resolve().name, tags=tags)


def _no_result(detail: Path) -> str:
    """Why logs that name a scenario do not tell how long the run took."""
    if not detail.is_file():
        return f"{clean(detail.name)} is missing, and the summary alone does not tell how long the run took"
    return "its logs hold no result; did the run come to its end?"


class _PowerLog(NamedTuple):
    """What the power log holds of a run.

    Args:
        samples: its lines.
        notes: what is to be said of it at once.
        lacks: why there is no energy although there is a log; empty where there is one.
    """

    samples: list[ptdaemon.Sample]
    notes: list[str]
    lacks: str = ""


def _power_log(where: Path, power: str | None, result: loadgen_result.Result) -> _PowerLog:
    """The power log beside the others, or the one that was named."""
    log = Path(power) if power is not None else where / POWER
    if not log.is_file():
        if power is not None:
            raise SessionError(f"cannot import the power log {clean(log)}: there is no such file")
        return _PowerLog(
            [], [f"no {POWER} lies beside the logs, so there is no energy; --power FILE names one"]
        )
    samples, strange = ptdaemon.samples(read_lines(log))
    if power is not None and not samples:
        raise SessionError(
            f"cannot import the power log {clean(log)}: no line of it is a reading of PTDaemon; "
            "name its spl.txt"
        )
    name, lost = clean(log.name), sum(one.watts is None for one in samples)
    notes = [f"{strange} lines of {name} could not be read and are left out"] if strange else []
    if lost:
        notes.append(f"{lost} readings of {name} are left out: {UNDRAWN}")
    if result.begin_s is None:
        lacks = "LoadGen tells no power window"
        return _PowerLog([], [*notes, f"{lacks}: the power log is left out"], lacks)
    times = [one.at_s for one in samples if one.watts is not None]
    if not times:
        lacks = f"no line of {name} tells a power"
        return _PowerLog(samples, [*notes, lacks], lacks)
    ended_s = result.begin_s + (result.duration_s or 0.0)
    if not any(result.begin_s <= at_s <= ended_s for at_s in times):
        lacks = f"{name} {OTHER_TIME}"
        return _PowerLog(samples, [*notes, f"{lacks}: {OTHER_CLOCK}"], lacks)
    return _PowerLog(samples, notes)


def _benchmark(where: Path) -> dict[str, str]:
    """The benchmark by the name of a folder (`resnet50/Offline/performance/run_1`): no log tells it."""
    for folder in reversed(where.parts[-FOLDERS:]):
        if folder in benchmarks():
            return {"benchmark": folder}
    return {}


def _detail(directory: Path) -> Path:
    """The detail log of the newest run there; where only its summary is left, that which belongs to it."""
    found = details_in(directory)
    if found:
        return found[0]
    if not directory.is_dir():
        raise SessionError(f"cannot import {clean(directory)}: there is no such directory")
    for place in usual_places(directory):
        for summary in sorted(place.glob(f"*{SUMMARY}")):
            return summary.with_name(summary.name.removesuffix(SUMMARY) + DETAIL)
    raise SessionError(
        f"cannot import {clean(directory)}: neither mlperf_log_{DETAIL} nor mlperf_log_{SUMMARY} lies there"
    )


def _session(
    result: loadgen_result.Result, power: _PowerLog, *, name: str, tags: Mapping[str, str]
) -> Imported:
    assert result.duration_s is not None
    samples = power.samples
    begin_s = result.begin_s or 0.0
    zero_s = min(begin_s, samples[0].at_s) if samples else begin_s
    began, ended = begin_s - zero_s, begin_s - zero_s + result.duration_s
    origin = "loadgen" if result.windows else "result"
    header = fmt.header(
        session_id=uuid.uuid4().hex,
        monotonic_ns=0,
        time_ns=round(zero_s * 1000) * 1_000_000,  # the logs tell milliseconds
        host=os.uname().nodename if result.begin_s is None else result.settings.get("sut", "sut"),
        perfwatch=__version__,
        interval_s=SAMPLE_S,
        name=name,
        tags={"scenario": result.scenario, **result.settings, **tags},
        settings={"scope": "wall"} if samples else {},
    )
    records = [
        *_meter(samples, zero_s),
        *_work(result, began, ended),
        fmt.event(began, "mark", {"name": "measure", "edge": "begin", "origin": origin}),
        fmt.event(ended, "mark", {"name": "measure", "edge": "end", "origin": origin}),
        fmt.event(ended, "mlperf", {**result.official(), "energy_lacks": power.lacks or None}),
        fmt.event(max(ended, samples[-1].at_s - zero_s if samples else ended), "end", {}),
    ]
    declared = [record for record in records if "device" in record]
    later = [record for record in records if "device" not in record]
    return Imported(header, [*declared, *sorted(later, key=lambda record: float(record["t"]))], power.notes)


def _meter(samples: list[ptdaemon.Sample], zero_s: float) -> list[Record]:
    """The analyzer as a meter of the wall, and its channels, of which it is the sum, as parts of it."""
    if not samples:
        return []
    power = metrics.POWER.observed(update_s=SAMPLE_S, window_s=SAMPLE_S)
    channels = max(len(one.channels) for one in samples)
    whole = Device("spl", "power analyzer", DeviceKind.METER, 0, (power,), scope=Scope.WALL)
    parts = [
        Device(f"spl-ch{number}", f"channel {number}", DeviceKind.METER, number, (power,), parent="spl")
        for number in range(1, channels + 1)
    ]
    numbers = [_METER, *range(_WORK + 1, _WORK + 1 + channels)]
    records = [
        {"t": 0.0, "device": fmt.encode_device(number, "ptdaemon", device)}
        for number, device in zip(numbers, [whole, *parts], strict=True)
    ]
    for one in samples:
        t = round(one.at_s - zero_s, 6)
        values = [one.watts, *one.channels, *[None] * (channels - len(one.channels))]
        rows = [[number, t, [watts]] for number, watts in zip(numbers, values, strict=True)]
        records.append(fmt.batch(t, "ptdaemon", 0.0, rows))
    return records


def _work(result: loadgen_result.Result, began: float, ended: float) -> list[Record]:
    """What was done, told at both ends."""
    counts = {
        metrics.QUERIES: None if result.scenario == "Offline" else result.queries,
        metrics.SAMPLES: result.samples,
        metrics.GENERATED_TOKENS: result.tokens,
    }
    told = {metric: count for metric, count in counts.items() if count is not None}
    if not told:
        return []
    device = Device("loadgen", "LoadGen", DeviceKind.WORKLOAD, 0, tuple(told), facts={"work": "mlperf"})
    rows = [(began, [0] * len(told)), (ended, list(told.values()))]
    return [
        {"t": 0.0, "device": fmt.encode_device(_WORK, "loadgen", device)},
        *(fmt.batch(t, "loadgen", 0.0, [[_WORK, t, values]]) for t, values in rows),
    ]
