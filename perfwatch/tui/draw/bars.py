"""How full is it? Horizontal bars with eighths of a character, and one-character levels for heat maps."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = " ▁▂▃▄▅▆▇█"
_ASCII_LEVELS = " .:-=+*#@"


def bar(ratio: float | None, columns: int, *, ascii_only: bool = False, track: bool = False) -> str:
    """A bar as wide as asked; unknown is dotted, more than full is full. `track` shows what is left."""
    if ratio is None:
        return ("." if ascii_only else "·") * columns
    share = min(1.0, max(0.0, ratio)) * columns
    if ascii_only:
        full = round(share)
        return "#" * full + "-" * (columns - full)
    full = int(share)
    rest = int((share - full) * 8)
    text = "█" * full + (_EIGHTHS[rest] if full < columns and rest else "")
    return text.ljust(columns, "░" if track else " ")


def tile(ratio: float | None, *, ascii_only: bool = False) -> str:
    """One character for a share of one."""
    if ratio is None:
        return "?"
    levels = _ASCII_LEVELS if ascii_only else _LEVELS
    return levels[max(1, min(8, round(min(1.0, max(0.0, ratio)) * 8)))]
