"""Which words people read for the names of a summary: scopes, methods, units of work, lists of devices."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from perfwatch.text import clean, shorten
from perfwatch.units import format_duration

GPU_COLLECTORS = ("nvidia", "amd", "rocm", "intel_gpu", "apple")
"""Families whose devices people call GPUs; every other accelerator is a device."""

_ONE = {
    "queries": "query",
    "generated_tokens": "token",
    "prompt_tokens": "prompt token",
    "good_queries": "good query",
}
_PER_JOULE = {"generated_tokens": "tok/J", "prompt_tokens": "prompt tok/J"}
_TIMINGS = {
    "latency": "query",
    "time_to_first_token": "TTFT",
    "inter_token_latency": "ITL",
    "time_per_output_token": "TPOT",
}
_SCOPES = {"cpu": "CPU", "dram": "DRAM", "wall": "wall meter", "accelerator": "accelerators"}
_LABEL = re.compile(r"(?P<family>.+:)(?P<index>\d+)\Z")

ESTIMATED, PARTLY_ESTIMATED = "estimated", "partly estimated"


NAME_COLUMNS, UNIT_COLUMNS = 24, 12
"""A name of the job's own is cut to so many columns, so that it does not push the figures away."""


def spoken(name: str) -> str:
    """A name of work as words: `generated tokens`."""
    return shorten(clean(name).replace("_", " "), NAME_COLUMNS)


def singular(name: str) -> str:
    """One of them: `query`, `token`, `step`."""
    if name in _ONE:
        return _ONE[name]
    words = spoken(name)
    return words[:-1] if words.endswith("s") and not words.endswith("ss") and len(words) > 2 else words


def one(name: str) -> str:
    """`a query`, `an epoch`."""
    word = singular(name)
    return f"{'an' if word[:1].lower() in 'aeio' else 'a'} {word}"


def per_joule_unit(name: str) -> str:
    """`tok/J`, `queries/J`: work per joule is never written per watt."""
    return _PER_JOULE.get(name, f"{shorten(spoken(name), UNIT_COLUMNS)}/J")


def timing(name: str) -> str:
    """What a timing is called: `TTFT`; the query's own latency is `query`."""
    return _TIMINGS.get(name, spoken(name))


def counted(number: int, noun: str) -> str:
    """`1 GPU`, `8 GPUs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def what_is_measured(energy: Mapping[str, Any], ids: Sequence[str]) -> str:
    """The scope of the headline in words: `8 GPUs`, `CPU + DRAM`, `node`; marked where it is estimated."""
    devices = {
        label: device for label, device in (energy.get("by_device") or {}).items() if device.get("in_run")
    }
    scope = energy.get("scope")
    if scope == "components":
        words = _components(devices)
    elif scope in ("node", "wall"):
        words = _SCOPES.get(scope, scope)
    else:
        words = chips(list(devices) or list(ids), scope)
    estimate = estimation(energy)
    return f"{words}, {estimate}" if estimate else words


def chips(labels: Sequence[str], scope: str | None = None) -> str:
    """`8 GPUs`, `1 device`, `2 modules`."""
    noun = "module" if scope == "module" else chip_noun(labels)
    return counted(len(labels), noun) if labels else f"no {noun}"


def chip_noun(labels: Iterable[str]) -> str:
    """`GPU` where all the devices are of such a family, else `device`."""
    families = {label.rpartition("/")[2].partition(":")[0] for label in labels}
    return "GPU" if families and families <= set(GPU_COLLECTORS) else "device"


def _components(devices: Mapping[str, Mapping[str, Any]]) -> str:
    accelerators = [
        label for label, device in devices.items() if device.get("scope") in ("accelerator", "module")
    ]
    packages = sum(device.get("scope") == "cpu" for device in devices.values())
    parts = [chips(accelerators)] if accelerators else []
    if packages:
        parts.append("CPU" if packages == 1 else f"{packages} CPUs")
    if any(device.get("scope") == "dram" for device in devices.values()):
        parts.append("DRAM")
    return " + ".join(parts) or "components"


def scope_words(scope: str) -> str:
    """A scope of `by_scope` in words."""
    return _SCOPES.get(scope, spoken(scope))


def estimation(energy: Mapping[str, Any]) -> str:
    """`estimated` or `partly estimated` where a model, not a sensor, told the energy; else empty."""
    if energy.get("method") == "estimated":
        return ESTIMATED
    devices = (energy.get("by_device") or {}).values()
    some = any(device.get("in_run") and device.get("method") == "estimated" for device in devices)
    return PARTLY_ESTIMATED if some else ""


def device_list(labels: Iterable[str]) -> str:
    """Labels with neighbours drawn together: `nvidia:0-7, rapl:package-0`."""
    runs: list[list[str]] = []
    for label in labels:
        if runs and _follows(runs[-1][-1], label):
            runs[-1].append(label)
        else:
            runs.append([label])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1].rpartition(':')[2]}" for run in runs)


def _follows(before: str, after: str) -> bool:
    one_label, other = _LABEL.match(before), _LABEL.match(after)
    if one_label is None or other is None or one_label["family"] != other["family"]:
        return False
    return int(other["index"]) == int(one_label["index"]) + 1


def attached_ending(*, goes_on: bool, because: str | None) -> str:
    """How the watching of a job ended that perfwatch did not start: its exit status cannot be known."""
    why = f" ({because})" if because and because != "it ended" else ""
    return f"goes on; the watching ended{why}" if goes_on else f"ended{why}, exit status not known"


def ending(exit_status: int | None, *, has_command: bool, time_limit_s: float | None = None) -> str:
    """How the job ended, from its exit status: `finished, exit 0`, `ended by SIGTERM, exit 143`.

    `time_limit_s` is the `--duration` after which it was told to end, if it was.
    """
    if time_limit_s is not None:
        status = "its end was not seen" if exit_status is None else f"exit {exit_status}"
        return f"ended by the time limit of {format_duration(time_limit_s)}, {status}"
    if exit_status is None:
        return "its end was not seen" if has_command else ""
    if exit_status == 0:
        return "finished, exit 0"
    known = {126: "a program is not executable", 127: "a program was not found"}
    if exit_status in known:
        return f"failed, exit {exit_status} ({known[exit_status]})"
    if 128 < exit_status < 128 + 65:
        return f"ended by {_signal_name(exit_status - 128)}, exit {exit_status}"
    return f"failed, exit {exit_status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def place_of(url: str) -> str:
    """A server as people call it: `:8001` on this machine, `node1:8001` on another."""
    place = urlsplit(url).netloc
    for here in ("127.0.0.1:", "localhost:", "[::1]:"):
        place = f":{place.removeprefix(here)}" if place.startswith(here) else place
    return place or url
