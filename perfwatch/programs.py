"""Where are vendors' programs looked for: on PATH, and in the places where they are put besides?

Whether a preset takes part and whether it finds its tool are asked of the same places. Every start asks for
some sixty programs: no place is looked at twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

PLACES = ("/usr/local/bin", "/usr/bin", "/usr/sbin", "/sbin", "/opt/bin")
"""Where tools are that the PATH of a login by ssh, or of a service, may not have."""


def places(path: str | None = None) -> list[str]:
    """The directories, those of PATH first; `path` in place of the environment's."""
    named = path if path is not None else os.environ.get("PATH", os.defpath)
    return list(dict.fromkeys([*filter(None, named.split(os.pathsep)), *PLACES]))


def program(name: str, among: Iterable[str]) -> str | None:
    """The first program of a name among these directories; one with a slash is looked for where it says."""
    if "/" in name:
        return name if _is_program(name) else None
    found = (f"{place}/{name}" for place in among)
    return next((path for path in found if _is_program(path)), None)


def _is_program(path: str) -> bool:
    return os.access(path, os.X_OK) and not os.path.isdir(path)  # noqa: PTH112 (a Path takes twice the time)
