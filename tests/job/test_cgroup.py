"""Which boards a device cgroup (v1) permits, from files under a root of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfwatch.job.cgroup import permitted_minors


@pytest.mark.parametrize(
    ("rules", "minors"),
    [
        ("a *:* rwm\n", None),
        ("c 195:* rwm\n", None),
        ("c 1:3 rwm\nc 195:0 rw\nc 195:2 rw\nc 195:255 rw\nb 8:* r\n", {0, 2}),
        ("c 1:3 rwm\nnonsense\n", set()),
    ],
)
def test_the_rules_of_a_group(tmp_path: Path, rules: str, minors: set[int] | None) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text("9:name=systemd:/\n5:devices:/slurm/job_4\n0::/\n")
    group = tmp_path / "cgroup/devices/slurm/job_4"
    group.mkdir(parents=True)
    (group / "devices.list").write_text(rules)
    assert permitted_minors(7, tmp_path / "proc", tmp_path / "cgroup") == minors


def test_without_such_a_group_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cgroup").write_text("0::/user.slice\n")
    assert permitted_minors(7, tmp_path, tmp_path) is None
    assert permitted_minors(8, tmp_path, tmp_path) is None
