"""What was told and is in no count: datagrams that were dropped, lines that could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from perfwatch.derive.findings import WARN, Finding

KINDS = ("datagrams", "lines")


class Losing(NamedTuple):
    """Who lost something, and what: one of `KINDS`."""

    source: str
    kind: str


def lost_of(fields: Mapping[str, Any]) -> dict[Losing, int]:
    """How much of what an event `lost` says is lost."""
    told = {Losing(str(fields.get("source")), kind): fields.get(kind) for kind in KINDS}
    return {what: number for what, number in told.items() if isinstance(number, int) and number > 0}


def findings_of(lost: Mapping[Losing, int]) -> Iterator[Finding]:
    """The finding `lost-counts`, once for each source and what it lost."""
    for what, number in lost.items():
        yield Finding(
            "lost-counts", WARN, f"{_sentence(what, number)}; the work may be more than was counted."
        )


def _sentence(what: Losing, number: int) -> str:
    if what.source == "output":
        return f"{number} pieces of the job's output came too fast to be searched"
    one = what.kind.removesuffix("s")
    amount = f"1 {one}" if number == 1 else f"{number} {what.kind}"
    if what.kind == "lines":
        return f"{amount} to {what.source} could not be read"
    return f"{amount} to {what.source} {'was' if number == 1 else 'were'} dropped"
