"""A job under `perfwatch run`, as a user starts it, and what perfwatch then says of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cli.commandline import command, environment, sessions
from real.processes import end_group

JOB_S = 600


@dataclass(frozen=True)
class Run:
    """One run: its summary, its session, and the home that it lies in."""

    summary: Mapping[str, Any]
    session: Path
    home: Path
    printed: str

    @cached_property
    def whole(self) -> Mapping[str, Any]:
        """The figures of the whole job, which is what a client counts: out of the recording."""
        text, _ = perfwatch("summary", str(self.session), "--window", "job", "--json", home=self.home)
        return dict(json.loads(text))

    def count(self, name: str) -> float | None:
        """So many of these in the whole job; None if nobody told them."""
        return (self.whole["work"].get(name) or {}).get("count")

    def told(self, name: str, source: str) -> float | None:
        """What one source told of them, of several that told the same."""
        found = self.whole["work"].get(name) or {}
        every = {found.get("source"): found, **(found.get("others") or {})}
        return (every.get(source) or {}).get("count")

    def quantile(self, timing: str, name: str) -> float | None:
        """Of the whole job, in seconds, such as `p50_s`."""
        return (self.whole["latency"].get(timing) or {}).get(name)

    def findings(self) -> set[str]:
        """The codes of what a reader must know."""
        return {found["code"] for found in self.summary["quality"]}


def perfwatch(
    *arguments: str, home: Path, extra: Mapping[str, str] | None = None, directory: Path | None = None
) -> tuple[str, str]:
    """Run perfwatch; what it printed on both streams. It must succeed.

    It gets a process group of its own, so that a job which does not come to its end leaves nothing behind.
    """
    process = subprocess.Popen(
        command(*arguments),
        env=environment(home, extra),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, said = process.communicate(timeout=JOB_S)
    finally:
        end_group(process)
    assert process.returncode == 0, f"{' '.join(arguments)}\n{out[-2000:]}\n{said[-4000:]}"
    return out, said


def watched(
    *job: str,
    home: Path,
    options: tuple[str, ...] = (),
    extra: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Run:
    """`perfwatch run OPTIONS -- JOB`, with the collectors that are on by default."""
    home.mkdir(parents=True, exist_ok=True)
    kept = home / "summary.json"
    out, _ = perfwatch(
        *("run", "--headless", "--summary-json", str(kept), "--force", *options, "--", *job),
        home=home,
        extra=extra,
        directory=directory,
    )
    return Run(json.loads(kept.read_text()), sessions(home)[-1], home, out)


def joined(run: Run, result: Path) -> Run:
    """The run once a client's result has joined it, and what the import said."""
    _, said = perfwatch("import", "result", str(result), "--into", str(run.session), home=run.home)
    text, _ = perfwatch("summary", str(run.session), "--json", home=run.home)
    return Run(json.loads(text), run.session, run.home, said)
