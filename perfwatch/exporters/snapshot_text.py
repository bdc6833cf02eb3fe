"""A snapshot for people: devices as a table, the host as a line, and what could not be read.

Reads the snapshot object only. A column that no device tells is left out, and no line is wider than asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from perfwatch.exporters.layout import Paint, hanging
from perfwatch.exporters.words import spoken
from perfwatch.text import GLUE, pad, shorten, width
from perfwatch.units import DASH, format_memory, format_percent, format_quantity, format_rate, significant

DEFAULT_WIDTH, NARROWEST = 80, 40
GAP = 2
NARROWEST_NAME = 8

Json = Mapping[str, Any]


def render(
    snapshot: Json,
    *,
    width: int | None = None,
    ascii: bool = False,  # noqa: A002 - the word of the option --ascii
) -> str:
    """The snapshot as text, without escapes and without a line end at its end."""
    columns = max(width or DEFAULT_WIDTH, NARROWEST)
    paint = Paint(color=False, ascii_only=ascii)
    lines = [paint.cut(_title(snapshot), columns)]
    for part in (_table, _work, _hosts, _troubles, _hint):
        lines += part(snapshot, columns, paint)
    return "\n".join(line.rstrip() for line in lines)


def _title(snapshot: Json) -> str:
    moment = datetime.fromisoformat(snapshot["time"])
    return f"{snapshot['host']}  {moment:%Y-%m-%d %H:%M:%S %z}  perfwatch {snapshot['perfwatch']}"


def _of_kind(snapshot: Json, *kinds: str) -> dict[str, Json]:
    return {label: one for label, one in snapshot["devices"].items() if one["kind"] in kinds}


# The table of devices


def _table(snapshot: Json, columns: int, paint: Paint) -> list[str]:
    devices = {
        label: one
        for label, one in snapshot["devices"].items()
        if one["kind"] not in ("node", "workload") or ("watts" in one["power"] and _has_power(one))
    }
    if not devices:
        return []
    shown = [
        (title, cells)
        for title, cell in _COLUMNS
        if any(cells := [paint.tidy(cell(one)) for one in devices.values()])
    ]
    return _laid_out(
        [paint.line(label) for label in devices],
        [paint.line(str(one["name"])) for one in devices.values()],
        _fitting(shown, columns, max(width(label) for label in devices)),
        columns,
        paint,
    )


def _has_power(device: Json) -> bool:
    return device["power"]["watts"] is not None


def _fitting(
    shown: list[tuple[str, list[str]]], columns: int, label_room: int
) -> list[tuple[str, list[str]]]:
    """The columns that fit beside the labels, the last ones given up first."""
    room = columns - label_room - GAP - NARROWEST_NAME
    kept = []
    for title, cells in shown:
        room -= GAP + max(width(text) for text in (title, *cells))
        if room < 0:
            break
        kept.append((title, cells))
    return kept


def _laid_out(
    labels: Sequence[str],
    names: Sequence[str],
    shown: Sequence[tuple[str, list[str]]],
    columns: int,
    paint: Paint,
) -> list[str]:
    label_room = max(width(text) for text in ("device", *labels))
    rooms = [max(width(text) for text in (title, *cells)) for title, cells in shown]
    left = max(columns - label_room - GAP - sum(rooms) - GAP * len(rooms), NARROWEST_NAME)
    name_room = min(left, max(width(name) for name in ("name", *names)))
    lines = []
    for place, (label, name) in enumerate(zip(["device", *labels], ["name", *names], strict=True)):
        cells = [
            pad(title if place == 0 else texts[place - 1], room, right=True)
            for (title, texts), room in zip(shown, rooms, strict=True)
        ]
        first = [pad(label, label_room), pad(paint.cut(name, name_room), name_room)]
        lines.append(shorten((" " * GAP).join([*first, *cells]).rstrip(), columns))
    return lines


def _busy(device: Json) -> str:
    return _told(device, "utilization_ratio", format_percent)


def _power(device: Json) -> str:
    watts, limit = device["power"]["watts"], _limit(device)
    if watts is None:
        tells = {"power_watts", "energy_joules_total"} & device["metrics"].keys()
        return DASH if tells else ""
    text = format_quantity(watts, "W")
    if device["power"]["source"] == "estimated":
        return f"{text} estimated"
    return _of(text, format_quantity(limit, "W")) if limit else text


def _limit(device: Json) -> float | None:
    limit = device["metrics"].get("power_limit_watts") or device["facts"].get("power_limit_watts")
    is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    return limit if is_number and device["kind"] == "accelerator" else None


def _memory(device: Json) -> str:
    metrics = device["metrics"]
    if "memory_used_bytes" not in metrics:
        return ""
    used, total = metrics["memory_used_bytes"], metrics.get("memory_total_bytes")
    shown = format_memory(used)
    return shown if total is None or used is None else _of(shown, format_memory(total))


def _of(part: str, whole: str) -> str:
    """`412 of 700 W`, `512 MiB of 80.0 GiB`."""
    number, _, shown = part.rpartition(" ")
    return f"{number} of {whole}" if whole.endswith(f" {shown}") else f"{number} {shown} of {whole}"


def _temperature(device: Json) -> str:
    return _told(device, "temperature_celsius", lambda value: f"{value:.0f} °C")


def _clock(device: Json) -> str:
    return _told(device, "sm_clock_hertz", lambda value: format_quantity(value, "Hz"))


def _memory_clock(device: Json) -> str:
    return _told(device, "memory_clock_hertz", lambda value: format_quantity(value, "Hz"))


def _told(device: Json, metric: str, written: Callable[[float], str]) -> str:
    """The value, a dash where the device should tell it and did not, nothing where it cannot."""
    if metric not in device["metrics"]:
        return ""
    value = device["metrics"][metric]
    return DASH if value is None else written(value)


_COLUMNS: tuple[tuple[str, Callable[[Json], str]], ...] = (
    ("busy", _busy),
    ("power", _power),
    ("memory", _memory),
    ("temp", _temperature),
    ("clock", _clock),
    ("memory clock", _memory_clock),
)
"""Titles and cells, the most asked for first."""


# Lines below it


def _work(snapshot: Json, columns: int, paint: Paint) -> Iterator[str]:
    for label, device in _of_kind(snapshot, "workload").items():
        parts = [
            f"{spoken(name.removesuffix('_total'))} {format_rate(rate)}"
            for name, rate in device["rates"].items()
            if rate is not None
        ]
        parts += [
            f"{spoken(name)} {significant(value)}"
            for name, value in device["metrics"].items()
            if name not in device["rates"] and value is not None
        ]
        if parts:
            yield from hanging(_kept_together(parts), columns, f"{label}  ", paint=paint)


def _hosts(snapshot: Json, columns: int, paint: Paint) -> Iterator[str]:
    for label, device in _of_kind(snapshot, "node").items():
        told = [text for part in _HOST for text in part(device)]
        if told:
            yield from hanging(_kept_together(told), columns, f"{label}  ", paint=paint)


def _kept_together(parts: Iterable[str]) -> str:
    """A number and its unit stay on one line, which breaks behind a comma."""
    return ", ".join(part.replace(" ", GLUE) for part in parts)


def _cpu(device: Json) -> Iterator[str]:
    use = device["metrics"].get("cpu_utilization_ratio")
    count = device["facts"].get("logical_cpus")
    if use is not None:
        yield f"CPU {format_percent(use)}" + (f" of {count}" if isinstance(count, int) else "")
    load = device["metrics"].get("load_1m")
    if load is not None:
        yield f"load {load:.2f}"
    clock = device["metrics"].get("cpu_frequency_hertz")
    if clock is not None:
        yield format_quantity(clock, "Hz")


def _host_memory(device: Json) -> Iterator[str]:
    for name in ("memory", "swap"):
        used, total = (device["metrics"].get(f"{name}_{what}_bytes") for what in ("used", "total"))
        if used is not None and total:
            yield f"{name} {_of(format_memory(used), format_memory(total))}"


def _traffic(device: Json) -> Iterator[str]:
    for name, words in (
        ("disk_read_bytes_total", "disk read"),
        ("disk_written_bytes_total", "written"),
        ("network_received_bytes_total", "network in"),
        ("network_sent_bytes_total", "out"),
    ):
        rate = device["rates"].get(name)
        if rate is not None:
            yield f"{words} {format_quantity(rate, 'B/s')}"


def _warmth(device: Json) -> Iterator[str]:
    value = device["metrics"].get("temperature_celsius")
    if value is not None:
        yield f"{value:.0f} °C"


_HOST = (_cpu, _host_memory, _traffic, _warmth)


def _troubles(snapshot: Json, columns: int, paint: Paint) -> Iterator[str]:
    """Collectors that should have told something and did not."""
    for name, one in snapshot["collectors"].items():
        if one["state"] in ("failed", "retrying", "stale", "opening") or (
            one["state"] == "absent" and one.get("asked")
        ):
            reason = one["reason"] or "it gave no answer in time"
            yield from hanging(reason, columns, f"{name} {_STATE_WORDS[one['state']]}: ", paint=paint)
    for label, device in snapshot["devices"].items():
        if device["age_s"] is None and device["kind"] != "workload":
            yield from hanging("gave no answer", columns, f"{label}: ", paint=paint)


_STATE_WORDS = {
    "failed": "failed",
    "retrying": "cannot be read",
    "stale": "hangs",
    "opening": "is not ready",
    "absent": "finds nothing to read",
}


def _hint(snapshot: Json, columns: int, paint: Paint) -> Iterator[str]:
    """Where no accelerator was found: three lines on what to do, and no table of dashes."""
    if _of_kind(snapshot, "accelerator"):
        return
    collectors = snapshot["collectors"].items()
    absent = [name for name, one in collectors if one["state"] == "absent" and not one.get("asked")]
    found_nothing = f"; nothing to read for {', '.join(absent)}" if absent else ""
    yield paint.cut(f"No accelerator was found{found_nothing}.", columns)
    yield paint.cut("perfwatch doctor       says what was looked for, and what to do about each", columns)
    yield paint.cut("perfwatch -c simulated shows what it looks like with some", columns)
