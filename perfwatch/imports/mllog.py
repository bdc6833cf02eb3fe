"""A training log of MLPerf, and the power logs of its nodes, as a session.

The session's clock is that of the logs (UTC). Nodes are meters of scope `node` on hosts of their own; what
the interconnect draws is a rating, so it is an estimate. Beside our own energy stands that of MLCommons'
rule: readings times the time since the one before, from `power_measurement_start` to `_stop`, scaled to the
time to train. It is of all nodes or none. (Source: mlcommons/logging, result_summarizer.py.)
"""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any, NamedTuple

from perfwatch import __version__, metrics
from perfwatch.derive.numbers import times
from perfwatch.errors import SessionError
from perfwatch.imports.files import Imported, Record, read_lines
from perfwatch.imports.power import MOST_WATTS, OTHER_CLOCK, OTHER_TIME, UNDRAWN, drawn
from perfwatch.model import Device, DeviceKind, Scope
from perfwatch.session import format as fmt
from perfwatch.text import clean
from perfwatch.workload import mllog_lines
from perfwatch.workload.tally import whole
from perfwatch.workload.training_log import (
    ACCURACY,
    COUNTS,
    GAUGE,
    Figures,
    Mark,
    TrainingLog,
    finite,
    time_of,
)

RESULTS, NODES, SWITCHES = "result_*.txt", "node_*.txt", "sw_*.txt"
USUAL_GAP_S = 1.0
"""At least one reading a second is asked for; real ones are 2 s apart."""
DROPPED = {"unet3d": 4}
"""So many of the best and of the worst runs are left out of a score; of every other benchmark one."""
_WORK = 0


class PowerLog(NamedTuple):
    """What one meter told.

    Args:
        name: of the file: `node_0`, `sw_0`.
        readings: (seconds since 1970, W) between its start and its stop.
        start_s: of its measurement; None for the interconnect.
        stop_s: its stop, or its last reading where the stop is missing or not after the start.
        efficiency: what its readings are multiplied by (`conversion_eff`).
        rated_w: the power of the interconnect, where that is rated and not measured.
        fault: why it tells no power; empty where it does.
        undrawn: how many readings are left out because no machine draws so much.
    """

    name: str
    readings: tuple[tuple[float, float], ...]
    start_s: float | None
    stop_s: float | None
    efficiency: float
    rated_w: float | None
    fault: str = ""
    undrawn: int = 0

    def joules(self, time_to_train_s: float) -> float | None:
        """By the summarizer's rule; None where it has no rule for this log."""
        if self.rated_w is not None:
            return self.efficiency * self.rated_w * time_to_train_s
        if self.undrawn:  # the rule takes every reading
            return None
        if self.start_s is None or self.stop_s is None or self.stop_s <= self.start_s:
            return None
        total, before_s = 0.0, self.start_s
        for t_s, watts in self.readings:
            total += watts * (t_s - before_s)
            before_s = t_s
        return self.efficiency * total * time_to_train_s / (self.stop_s - self.start_s)


class Score(NamedTuple):
    """The Olympic mean over runs: without the best and the worst.

    Args:
        runs: how many there are.
        minutes: to train.
        joules: of the same runs; None where one tells none.
    """

    runs: int
    minutes: float
    joules: float | None


def results_of(place: Path) -> list[Path]:
    """The result files that a path means: itself, or those of a benchmark's directory.

    Raises:
        SessionError: there are none.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise SessionError(f"cannot import {clean(place)}: there is no such file or directory")
    found = sorted(place.glob(RESULTS), key=lambda path: (len(path.name), path.name))
    if not found:
        raise SessionError(f"cannot import {clean(place)}: no {RESULTS} lies there")
    return found


def read(result: Path, *, power: Path | None, name: str | None, tags: Mapping[str, str]) -> Imported:
    """The session of one result file.

    Args:
        power: the directory of its power logs (`node_*.txt`, `sw_*.txt`), else `power/result_N` beside it.

    Raises:
        SessionError: it tells no run, or there are no power logs where they were said to be.
    """
    lines = read_lines(result)
    log = TrainingLog()
    told: list[Mark | Figures] = []
    for record in mllog_lines.records(lines):
        told += log.take(record)
    if log.began_s is None or log.ended_s is None:
        lacks, where = ("run_start", "") if log.began_s is None else ("run_stop", " after its run_start")
        raise SessionError(f"cannot import {clean(result)}: no {lacks} of a training run stands in it{where}")
    meters = _meters(result, power, (log.began_s, log.ended_s))
    return _session(log, told, meters, name=name or result.stem, tags=tags)


def score(imported: Sequence[Imported], *, lost: int = 0) -> Score | None:
    """The Olympic mean of the runs that succeeded; None where it leaves none.

    Args:
        lost: runs whose logs hold no whole run: they stand for the worst, as those that did not converge.
    """
    runs = [_official_of(one) for one in imported]
    benchmark = str(imported[0].header.get("tags", {}).get("benchmark", "")) if imported else ""
    dropped = DROPPED.get(benchmark, 1)
    good = sorted(
        (run for run in runs if run["valid"] is True), key=lambda run: float(run["metric"]["value"])
    )
    failed = len(runs) - len(good) + lost
    if failed > dropped:
        return None
    kept = good[dropped : len(good) - (dropped - failed)]
    if not kept:
        return None
    joules = [run["energy_joules"] for run in kept]
    known = [value for value in joules if value is not None]
    return Score(
        len(runs) + lost,
        statistics.fmean(float(run["metric"]["value"]) for run in kept) / 60.0,
        statistics.fmean(known) if len(known) == len(joules) else None,
    )


def _official_of(imported: Imported) -> Mapping[str, Any]:
    return next(record for record in imported.records if record.get("event") == "mlperf")


# Power logs


class _Meters(NamedTuple):
    """The power logs of a run.

    Args:
        logs: those that tell a power.
        notes: what is to be said of them at once.
        lacks: why there is no energy of the whole run; empty where there is one, or where no log is.
    """

    logs: list[PowerLog]
    notes: list[str]
    lacks: str


def _meters(result: Path, power: Path | None, run: tuple[float, float]) -> _Meters:
    files = _power_files(result, power)
    logs = [power_log(path.stem, read_lines(path)) for path in files]
    good = [one for one in logs if not one.fault]
    faults = [f"{one.name}.txt {one.fault}" for one in logs if one.fault]
    elsewhere = [f"{one.name}.txt {OTHER_TIME}" for one in good if not _is_of(one, run)]
    unmeasured = _unmeasured(files)
    notes = [
        *(f"{fault}; it is left out" for fault in faults),
        *(f"{each}: {OTHER_CLOCK}" for each in elsewhere),
        *(f"{one.undrawn} readings of {one.name}.txt are left out: {UNDRAWN}" for one in good if one.undrawn),
        *unmeasured,
    ]
    return _Meters(good, notes, next(iter([*faults, *elsewhere, *unmeasured]), ""))


def _power_files(result: Path, power: Path | None) -> list[Path]:
    where = power if power is not None else result.parent / "power" / result.stem
    if power is not None and not power.is_dir():
        raise SessionError(f"cannot import the power logs of {clean(power)}: there is no such directory")
    files = sorted(where.glob(NODES)) + sorted(where.glob(SWITCHES)) if where.is_dir() else []
    if power is not None and not files:
        raise SessionError(f"cannot import the power logs of {clean(power)}: no {NODES} lies there")
    return files


def _unmeasured(files: Sequence[Path]) -> list[str]:
    """That no node was measured, where the interconnect alone is told; nodes come first among the files."""
    if not files or files[0].match(NODES):
        return []
    return [f"no node was measured: no {NODES} lies beside {files[0].name}"]


def _is_of(log: PowerLog, run: tuple[float, float]) -> bool:
    """Whether a log has readings of the run's time; a rating has none and holds for it all."""
    return log.rated_w is not None or any(run[0] <= t_s <= run[1] for t_s, _ in log.readings)


def power_log(name: str, lines: Iterable[str]) -> PowerLog:
    """One power log. A stop that is not after the start, as in published ones, is none: the last reading."""
    start_s, stop_s, efficiency, rated_w = None, None, 1.0, None
    readings: list[tuple[float, float]] = []
    for record in mllog_lines.records(lines):
        t_s, key, value = time_of(record), record["key"], finite(record.get("value"))
        if t_s is None:
            continue
        if key == "power_measurement_start" and start_s is None:
            start_s = t_s
        elif key == "power_measurement_stop" and start_s is not None and t_s > start_s:
            stop_s = t_s
        elif key == "conversion_eff":
            efficiency = nan if value is None else value
        elif value is not None and value >= 0.0:
            if key == "power_reading":
                readings.append((t_s, value))
            elif key == "interconnect_power_est" and rated_w is None:
                rated_w = value
    readings.sort()
    if stop_s is None and readings:
        stop_s = readings[-1][0]
    first_s, last_s = start_s or 0.0, inf if stop_s is None else stop_s
    within = [one for one in readings if first_s <= one[0] <= last_s]
    inside = tuple(one for one in within if one[1] <= MOST_WATTS)
    fault = _fault(inside, efficiency, rated_w)
    return PowerLog(name, inside, start_s, stop_s, efficiency, rated_w, fault, len(within) - len(inside))


def _fault(readings: Sequence[tuple[float, float]], efficiency: float, rated_w: float | None) -> str:
    """Why a log with these readings tells no power; empty where it does."""
    if not 0.0 < efficiency <= 1.0:
        return f"has a conversion_eff of {efficiency:g}, which is no ratio above 0 and up to 1"
    if rated_w is not None:
        return "" if rated_w <= MOST_WATTS else f"rates its power at {rated_w:g} W: {UNDRAWN}"
    return "" if any(watts > 0.0 for _, watts in readings) else "tells no power"


# The session


def _session(
    log: TrainingLog,
    told: Sequence[Mark | Figures],
    power: _Meters,
    *,
    name: str,
    tags: Mapping[str, str],
) -> Imported:
    assert log.began_s is not None
    assert log.ended_s is not None
    meters = power.logs
    firsts = [one.readings[0][0] for one in meters if one.readings]
    zero_s = min([log.began_s, *(one.t_s for one in told), *firsts])
    gap_s = _usual_gap_s(meters)
    time_to_train_s = log.ended_s - log.began_s
    energies = [one.joules(time_to_train_s) for one in meters]
    known = [joules for joules in energies if joules is not None]
    header = fmt.header(
        session_id=uuid.uuid4().hex,
        monotonic_ns=0,
        time_ns=round(zero_s * 1000) * 1_000_000,  # the logs tell milliseconds
        host=meters[0].name if meters else "system",
        perfwatch=__version__,
        interval_s=gap_s,
        name=name,
        tags={"scenario": "Training", **log.settings, **tags},
        settings={"scope": Scope.NODE.value} if meters else {},
    )
    energy_j = sum(known) if known and len(known) == len(energies) and not power.lacks else None
    official = {**log.official(), "energy_joules": energy_j, "energy_lacks": power.lacks or None}
    ended = log.ended_s - zero_s
    last = max([ended, *(one.readings[-1][0] - zero_s for one in meters if one.readings)])
    records = [
        *_work(told, log.began_s, zero_s),
        *_power(meters, zero_s, gap_s, (log.began_s - zero_s, ended)),
        *(
            fmt.event(one.t_s - zero_s, "mark", {"name": one.name, "edge": one.edge, "origin": "mllog"})
            for one in told
            if isinstance(one, Mark)
        ),
        fmt.event(ended, "mlperf", official),
        fmt.event(last, "end", {}),
    ]
    declared = [record for record in records if "device" in record]
    later = [record for record in records if "device" not in record]
    return Imported(header, [*declared, *sorted(later, key=lambda record: float(record["t"]))], power.notes)


def _usual_gap_s(meters: Sequence[PowerLog]) -> float:
    gaps = [
        after[0] - before[0]
        for one in meters
        for before, after in zip(one.readings, one.readings[1:], strict=False)
        if after[0] > before[0]
    ]
    return round(statistics.median(gaps), 3) if gaps else USUAL_GAP_S


def _work(told: Sequence[Mark | Figures], began_s: float, zero_s: float) -> list[Record]:
    """What was done, by the time at which the log told it; nothing was at the start."""
    figures = [one for one in told if isinstance(one, Figures)]
    names = [name for name in COUNTS if any(getattr(one, name) is not None for one in figures)]
    gauges = [GAUGE] if any(one.eval_accuracy is not None for one in figures) else []
    if not names:
        return []
    declared = (*(metrics.work_counter(name) for name in names), *([ACCURACY] if gauges else ()))
    device = Device("mllog", "training log", DeviceKind.WORKLOAD, 0, declared, facts={"work": "mlperf"})
    rows: list[tuple[float, list[Any]]] = [(began_s - zero_s, [*([0] * len(names)), *([None] * len(gauges))])]
    for one in (each for each in figures if each.t_s >= began_s):
        done = [whole(getattr(one, name) or 0.0) for name in names]
        rows.append((one.t_s - zero_s, [*done, *(getattr(one, gauge) for gauge in gauges)]))
    return [
        {"t": 0.0, "device": fmt.encode_device(_WORK, "mllog", device)},
        *(fmt.batch(round(t, 6), "mllog", 0.0, [[_WORK, round(t, 6), values]]) for t, values in rows),
    ]


def _power(meters: Sequence[PowerLog], zero_s: float, gap_s: float, run: tuple[float, float]) -> list[Record]:
    """A meter for each log. A reading stands for the time since the one before."""
    records: list[Record] = []
    for number, one in enumerate(meters, start=_WORK + 1):
        rated = one.rated_w is not None
        power = replace(metrics.POWER.observed(update_s=gap_s, window_s=gap_s), estimated=rated)
        title = "interconnect, as rated" if rated else f"power of {one.name}"
        device = Device(one.name, title, DeviceKind.METER, one.name, (power,), scope=Scope.NODE)
        declaration = {**fmt.encode_device(number, "mllog", device), "host": one.name}
        records.append({"t": 0.0, "device": declaration})
        readings = one.readings if one.rated_w is None else _held(one.rated_w, run, zero_s, gap_s)
        for t_s, watts in readings:
            t = round(t_s - zero_s, 6)
            told = watts * one.efficiency if rated else times(drawn(watts), one.efficiency)
            records.append(fmt.batch(t, "mllog", 0.0, [[number, t, [told]]]))
    return records


def _held(
    watts: float, run: tuple[float, float], zero_s: float, gap_s: float
) -> tuple[tuple[float, float], ...]:
    """A rating has no readings: it holds for the whole run."""
    count = int((run[1] - run[0]) / gap_s) + 3
    return tuple((zero_s + run[0] + step * gap_s, watts) for step in range(count))
