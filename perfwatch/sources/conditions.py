"""Under which conditions a session runs: the system, the git commit of the working directory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

_HASH = re.compile(r"[0-9a-f]{40,64}\Z")


def conditions(directory: Path | None = None) -> dict[str, Any]:
    """What the header says of the circumstances; no user's name, no secret."""
    system = os.uname()
    return {
        "os": f"{system.sysname} {system.release} {system.machine}",
        "versions": {},  # of the job's own environment, once it runs
        "git_commit": git_commit(directory or Path.cwd()),
    }


def git_commit(directory: Path) -> str | None:
    """The commit checked out where the job is started, read from .git without running git."""
    for folder in (directory, *directory.parents):
        dot_git = folder / ".git"
        if dot_git.exists():
            try:
                return _head(_git_directory(dot_git))
            except OSError:
                return None
    return None


def _git_directory(dot_git: Path) -> Path:
    if dot_git.is_dir():
        return dot_git
    target = dot_git.read_text(errors="replace").removeprefix("gitdir:").strip()
    return (dot_git.parent / target).resolve()


def _head(git: Path) -> str | None:
    text = (git / "HEAD").read_text(errors="replace").strip()
    if not text.startswith("ref:"):
        return text if _HASH.match(text) else None
    name = text.removeprefix("ref:").strip()
    if ".." in name:
        return None
    common = git / "commondir"
    roots = [git] + ([(git / common.read_text().strip()).resolve()] if common.is_file() else [])
    for root in roots:
        loose = root / name
        if loose.is_file():
            found = loose.read_text(errors="replace").strip()
            return found if _HASH.match(found) else None
        packed = root / "packed-refs"
        if packed.is_file():
            for line in packed.read_text(errors="replace").splitlines():
                commit, _, reference = line.partition(" ")
                if reference.strip() == name and _HASH.match(commit):
                    return commit
    return None
