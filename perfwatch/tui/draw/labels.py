"""How are several devices named in little room? `nvidia:0-3`, and where that is too long `4 devices`."""

from __future__ import annotations

from collections.abc import Sequence

from perfwatch.exporters.words import device_list
from perfwatch.text import shorten, width


def labels_in(labels: Sequence[str], columns: int) -> str:
    """The labels within so many columns: neighbours drawn together, else their number."""
    once = list(dict.fromkeys(labels))
    together = device_list(once)
    if width(together) <= columns:
        return together
    if len(once) == 1:
        family, colon, index = together.rpartition(":")
        return (
            f"{shorten(family, columns - len(index) - 1)}:{index}"
            if colon and len(index) < columns
            else together
        )
    count = f"{len(once)} devices"
    return count if width(count) <= columns else f"{len(once)} dev"
