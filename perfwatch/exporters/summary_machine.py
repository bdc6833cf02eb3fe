"""Which words tell on what a run was made: models, how many of them, their power cap, versions?"""

from __future__ import annotations

from perfwatch.exporters.summary_parts import Json

_EVERYWHERE = ("python", "numpy")
"""What nearly every job has, whose versions stand in the JSON alone."""


def shown_versions(conditions: Json) -> list[str]:
    """The versions of what the job ran on: `torch 2.5.1`."""
    versions = conditions.get("versions") or {}
    return [f"{key} {value}" for key, value in versions.items() if key not in _EVERYWHERE]


def model_words(model: str, facts: Json) -> str:
    """The devices of a model: `8 × NVIDIA H100 80GB HBM3, cap 700 W`."""
    count = facts.get("count")
    said = f"{count} × {model}" if count and count > 1 else model
    before, after = (
        _cap((facts.get(edge) or {}).get("power_limit_watts")) for edge in ("at_start", "at_end")
    )
    if before and after and before != after:
        return f"{said}, cap {before} at the start, {after} at the end"
    cap = _cap(facts.get("power_limit_watts"))
    return f"{said}, cap {cap}" if cap else said


def _cap(limit: object) -> str:
    """`700 W`, `500–700 W`; empty where none is known."""
    values = [one for one in (limit if isinstance(limit, list) else [limit]) if isinstance(one, (int, float))]
    if not values:
        return ""
    return f"{min(values):g}–{max(values):g} W" if min(values) < max(values) else f"{values[0]:g} W"
