"""How is each family of chips watched? Writes docs/chips.md from docs/chips.csv, which is kept by hand.

What a collector needs to be named by `-c` stands in the table of built-in collectors: `make table` first.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "chips.csv"
PAGE = ROOT / "docs" / "chips.md"
TABLE = ROOT / "collectors" / "builtin.json"

HEAD = """# Chips

Which chips can be watched, and what they tell. A collector that stands here by its name takes part by
itself where the vendor's tool or the driver's files are there; one with `-c` is added by hand, and so is an
exporter's page: `-c exporter:url=http://HOST:PORT/metrics` knows the exporters of the third column by what
they print. `perfwatch doctor` says what is found on a machine, and what to do where something is missing. A
chip without any of them is watched by a meter of its machine (below, and docs/meters.md), or described in a
TOML file of some twenty lines (docs/describing-a-chip.md).

Absent is not zero: what a tool does not tell, or does not know, is shown as missing. The evidence is what
is public of a chip's telemetry: a *real sample* is a captured output of the tool, which a test reads where
a collector stands in the row; without one the reading rests on the vendor's document, or on the source code
of the tool or driver.

"""
METERS = """
## Meters

"""
FOOT = """
This page is written by `make table` from docs/chips.csv.
"""


def rows() -> list[dict[str, str]]:
    """The table as it is kept."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text() -> str:
    """The page as its file holds it."""
    known = json.loads(TABLE.read_text(encoding="utf-8"))
    kept = rows()
    chips, meters = ([row for row in kept if row["kind"] == kind] for kind in ("chip", "meter"))
    return HEAD + _table("chip", chips, known) + METERS + _table("meter", meters, known) + FOOT


def _table(first: str, kept: list[dict[str, str]], known: dict[str, dict[str, object]]) -> str:
    lines = [
        f"| {first} | collector | exporter | tells | does not tell | evidence |",
        "|---|---|---|---|---|---|",
    ]
    for row in kept:
        named = ", ".join(_shown(name, known) for name in row["collectors"].split())
        pages = ", ".join(name.removesuffix("_exporter") for name in row["exporters"].split())
        cells = [row["chip"], named, pages, row["tells"], row["not"], row["evidence"]]
        lines.append(f"| {' | '.join(cell or '-' for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _shown(name: str, known: dict[str, dict[str, object]]) -> str:
    return f"`{name}`" if known[name]["default"] else f"`-c {name}`"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
