"""The command line as people use it: `perfwatch ...` in a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TIMEOUT_S = 60
QUICK = ("--only", "simulated")
"""Collectors that answer at once and need no hardware."""


def command(*arguments: str) -> list[str]:
    """The argument list that runs perfwatch with this interpreter."""
    return [sys.executable, "-m", "perfwatch", *arguments]


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a user with this home; nothing of the developer's own shows through."""
    given = {key: value for key, value in (extra or {}).items() if os.environ.get(key) != value}
    own = ("PERFWATCH", "XDG_", "SUDO_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    return {**kept, "HOME": str(home), **given}


def perfwatch(
    *arguments: str, home: Path, extra: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run perfwatch and wait for it."""
    options.setdefault("capture_output", True)
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    if "input" in options:
        options.pop("stdin")
    return subprocess.run(
        command(*arguments),
        env=environment(home, extra),
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        **options,
    )


def run_job(
    *job: str, home: Path, options: tuple[str, ...] = (), **more: Any
) -> subprocess.CompletedProcess[str]:
    """`perfwatch run` around a job, with the quick collectors."""
    return perfwatch("run", *QUICK, *options, "--", *job, home=home, **more)


def summary_of(*job: str, home: Path, options: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """The JSON summary of a run around a job."""
    done = run_job(*job, home=home, options=("--json", *options), **more)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def sessions(home: Path) -> list[Path]:
    """The runs that were recorded in a home."""
    return sorted((home / ".local/state/perfwatch/sessions").glob("*.jsonl.zst"))


PYTHON = sys.executable


def imported_summary(kind: str, place: Path, home: Path, *options: str) -> dict[str, Any]:
    """The JSON summary of what `perfwatch import KIND PLACE` made, `imported.jsonl` at home."""
    log = home / "imported.jsonl"
    done = perfwatch("import", kind, str(place), "-o", str(log), "--force", *options, home=home)
    assert done.returncode == 0, done.stderr
    shown = perfwatch("summary", str(log), "--json", home=home)
    assert shown.returncode == 0, shown.stderr
    return dict(json.loads(shown.stdout))
