"""Which collectors are built in? Writes collectors/builtin.json from pyproject.toml and the classes.

perfwatch reads the table instead of the installed metadata, which takes longer to search than a start may
last, and which a copy that was carried to another machine does not have.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "collectors" / "builtin.json"
CHIPS = ROOT / "collectors" / "chips"
BY_DEFAULT = ("host", "rapl", "nvidia")
"""These take part unasked; the others read what somebody has to name first."""


def rows() -> dict[str, dict[str, object]]:
    """The table: by name the class to load, whether it takes part unasked, and what it reads."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        targets = tomllib.load(file)["project"]["entry-points"]["perfwatch.collectors"]
    programmed = {
        name: {"target": target, "default": name in BY_DEFAULT, "about": _class(target).about}
        for name, target in targets.items()
    }
    return {**programmed, **dict(_described(file) for file in sorted(CHIPS.glob("*.toml")))}


def _described(file: Path) -> tuple[str, dict[str, object]]:
    """A collector that a TOML file describes; it takes part where one of the things it needs is there."""
    of = importlib.import_module("perfwatch_collectors.described.language").load(file)
    source = of.source
    commands = [source.needs] if source.needs else [command[0] for command in source.commands]
    needs = commands or [source.file, source.directory]
    return of.name, {
        "target": file.name,
        "default": source.unasked,
        "needs": list(dict.fromkeys(filter(None, needs))),
        "about": of.about,
    }


def text() -> str:
    """The table as its file holds it."""
    return json.dumps(rows(), indent=2, ensure_ascii=False) + "\n"


def _class(target: str):  # type: ignore[no-untyped-def]  # a script outside the typed packages
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


if __name__ == "__main__":
    TABLE.write_text(text(), encoding="utf-8")
    print(f"wrote {TABLE.relative_to(ROOT)}")
