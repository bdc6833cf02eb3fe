"""Which devices does an environment let a program see (`CUDA_VISIBLE_DEVICES` and its like)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ORDER, BUS_ORDER = "CUDA_DEVICE_ORDER", "PCI_BUS_ID"
_VISIBLE = {
    "nvidia": ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    "amd": ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
    "intel": ("ZE_AFFINITY_MASK",),
    "gaudi": ("HABANA_VISIBLE_DEVICES",),
    "rebellions": ("RBLN_DEVICES",),
    "furiosa": ("FURIOSA_DEVICES",),
    "tpu": ("TPU_VISIBLE_CHIPS",),
}
VARIABLES = (ORDER, *(name for names in _VISIBLE.values() for name in names))
"""Everything in an environment that this asks for."""
_NONE = ("", "-1", "none", "NoDevFiles")
_NOTHING_SAID = ("all", "void")
"""`void` keeps a container's runtime from adding devices; it says nothing of those that are there."""

Accelerators = Mapping[int, tuple[str, Mapping[str, Any]]]
"""Number in the stream -> collector, and the device as it was declared."""


def visible(
    accelerators: Accelerators, environments: Sequence[Mapping[str, str]], *, by_place: bool = False
) -> tuple[list[int], str] | None:
    """The devices that processes with these environments may see, and what says so; None: nothing does.

    Several processes see what any of them sees. Of a family of devices the first variable that is set
    decides; families of which no variable is set are not seen where one of another family is.

    Args:
        by_place: numbers count the devices that are given, not all that there are: a cgroup hides the others.
    """
    numbers: set[int] = set()
    said: list[str] = []
    for environment in environments:
        for collector in dict.fromkeys(collector for collector, _ in accelerators.values()):
            mine = {n: device for n, (name, device) in accelerators.items() if name == collector}
            if by_place:
                ordered = sorted(mine, key=lambda n: (str(mine[n].get("index", "")).zfill(6), n))
                mine = {n: {**mine[n], "index": place} for place, n in enumerate(ordered)}
            for variable in _VISIBLE.get(collector, ()):
                found = _devices(mine, environment, variable)
                if found is not None:
                    numbers.update(found)
                    said.append(f"{variable}={environment[variable]}")
                    break
    if not said:
        return None
    words = list(dict.fromkeys(said))
    shown = " and ".join(words[:4]) + (" and others" if len(words) > 4 else "")
    return [number for number in accelerators if number in numbers], shown


def undecided(accelerators: Accelerators, environments: Sequence[Mapping[str, str]]) -> str:
    """What is set and decides nothing (`visible` is None), and what would; empty where nothing is set."""
    for environment in environments:
        for collector in dict.fromkeys(collector for collector, _ in accelerators.values()):
            for variable in _VISIBLE.get(collector, ()):
                text = environment.get(variable)
                if text is not None and text.strip() not in _NOTHING_SAID:
                    mine = {n: device for n, (name, device) in accelerators.items() if name == collector}
                    return f"{variable}={text} was seen, but {_why_undecided(mine, environment, variable)}"
    return ""


def _why_undecided(
    mine: Mapping[int, Mapping[str, Any]], environment: Mapping[str, str], variable: str
) -> str:
    numbered = any(part.strip().isdigit() for part in environment[variable].split(","))
    if not numbered or _numbers_are_certain(mine, environment):
        return "which devices it names is not known: --devices would settle it"
    by_order = f"{ORDER}={BUS_ORDER} or " if variable.startswith("CUDA_") else ""
    return f"numbers decide nothing among different models: {by_order}--devices would settle it"


def _devices(
    mine: Mapping[int, Mapping[str, Any]], environment: Mapping[str, str], variable: str
) -> list[int] | None:
    """The devices that a variable names; None where it decides nothing."""
    text = environment.get(variable)
    if text is None or text.strip() in _NOTHING_SAID:
        return None
    if text.strip() in _NONE:
        return []
    numbers: list[int] = []
    for word in (part.strip() for part in text.split(",")):
        if word.isdigit() and not _numbers_are_certain(mine, environment):
            return None
        found = _match(mine, word)
        if found is None and variable == "CUDA_VISIBLE_DEVICES" and (numbers or word == "-1"):
            return numbers  # CUDA takes those that stand before the first that is none
        if found is None:
            return None
        numbers.append(found)
    return numbers


def _match(mine: Mapping[int, Mapping[str, Any]], word: str) -> int | None:
    if word.isdigit():
        return next((n for n, device in mine.items() if device.get("index") == int(word)), None)
    found = [n for n, device in mine.items() if word and str(device["id"]).startswith(word)]
    return found[0] if len(found) == 1 else None


def _numbers_are_certain(mine: Mapping[int, Mapping[str, Any]], environment: Mapping[str, str]) -> bool:
    """CUDA counts the fastest first unless told otherwise; alike devices keep the bus order."""
    models = {str(device["name"]) for device in mine.values()}
    return len(models) == 1 or environment.get(ORDER) == BUS_ORDER
