"""Lines of `:::MLLOG` and JSON, as LoadGen and training logs write them; a rank may stand before it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MARKER = ":::MLLOG"
NESTED = 500
"""So many brackets no record has; of one that is nested deeper Python cannot even tell the text."""


def records(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The records that can be read; what stands around them, and a torn one, is left out."""
    for line in lines:
        _, marker, rest = line.partition(MARKER)
        if not marker:
            continue
        if rest.count("[") + rest.count("{") > NESTED:
            continue
        try:
            found = json.loads(rest)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("key"), str):
            yield found
