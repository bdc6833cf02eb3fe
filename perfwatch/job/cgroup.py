"""Which of NVIDIA's devices does a device cgroup (v1) let a process use?"""

from __future__ import annotations

from pathlib import Path

from perfwatch.job.foreign import PROC

CGROUPS = Path("/sys/fs/cgroup")
NVIDIA_MAJOR = 195
CONTROL_MINOR = 255
"""/dev/nvidiactl, which is no board."""


def permitted_minors(pid: int, root: Path = PROC, cgroups: Path = CGROUPS) -> frozenset[int] | None:
    """The minor numbers of /dev/nvidiaN that are permitted; None: all of them, or it cannot be read.

    `devices.list` has a line a rule: `a *:* rwm` permits all, `c 195:0 rw` the first board.
    """
    try:
        lines = (root / str(pid) / "cgroup").read_text().splitlines()
        group = next(
            path
            for _, controllers, path in (line.split(":", 2) for line in lines)
            if "devices" in controllers.split(",")
        )
        rules = (cgroups / "devices" / group.lstrip("/") / "devices.list").read_text().splitlines()
    except (OSError, ValueError, StopIteration):
        return None
    minors: set[int] = set()
    for kind, number, _ in (rule.split() for rule in rules if len(rule.split()) == 3):
        major, _, minor = number.partition(":")
        if kind == "a" or (kind == "c" and major in ("*", str(NVIDIA_MAJOR)) and minor == "*"):
            return None
        if kind == "c" and major == str(NVIDIA_MAJOR) and minor.isdigit() and int(minor) < CONTROL_MINOR:
            minors.add(int(minor))
    return frozenset(minors)
