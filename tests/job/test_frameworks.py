"""Which frameworks a process has around it, read from /proc and the names in its packages' directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perfwatch.job.frameworks import versions_of


def environment(where: Path, *, python: str = "3.12") -> Path:
    """A virtual environment's packages."""
    packages = where / f"lib/python{python}/site-packages"
    packages.mkdir(parents=True)
    (where / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {python}.4\n")
    installed = ["torch-2.9.0+cu128", "vllm-0.13.1", "flash_attn-2.8.1", "requests-2.32.0", "Ray-2.50.0"]
    for name in installed:
        (packages / f"{name}.dist-info").mkdir()
    return packages


def process(root: Path, pid: int, *, maps: str = "", command: str = "python", variables: str = "") -> None:
    folder = root / str(pid)
    folder.mkdir(parents=True)
    (folder / "maps").write_text(maps)
    (folder / "cmdline").write_bytes(command.encode() + b"\0")
    (folder / "environ").write_bytes(variables.encode() + b"\0")
    (folder / "cwd").symlink_to(root.parent)


FOUND = {"flash_attn": "2.8.1", "python": "3.12.4", "ray": "2.50.0", "torch": "2.9.0+cu128", "vllm": "0.13.1"}


def test_what_a_process_has_mapped_tells_its_environment_and_cuda(tmp_path: Path) -> None:
    packages = environment(tmp_path / "venv")
    maps = (
        f"7f00-7f01 r-xp 0 08:01 1  {packages}/torch/lib/libtorch.so\n"
        "7f02-7f03 r-xp 0 08:01 2  /usr/local/cuda/lib64/libcudart.so.12.8.90\n"
    )
    process(tmp_path / "proc", 70, maps=maps, command="/usr/bin/serve")
    assert versions_of([70], tmp_path / "proc") == {**FOUND, "cuda": "12.8.90"}


@pytest.mark.parametrize("how", ["absolute", "relative", "by its environment"])
def test_an_interpreter_tells_it_where_nothing_is_mapped(tmp_path: Path, how: str) -> None:
    environment(tmp_path / "venv")
    absolute = f"{tmp_path}/venv/bin/python3.12"
    command = {"absolute": absolute, "relative": "venv/bin/python"}.get(how, "python")
    process(tmp_path / "proc", 70, command=command, variables=f"VIRTUAL_ENV={tmp_path}/venv")
    assert versions_of([70], tmp_path / "proc") == FOUND


def test_other_programs_and_what_may_not_be_read_tell_nothing(tmp_path: Path) -> None:
    process(tmp_path / "proc", 70, command="/bin/sleep", maps="7f00-7f01 r-xp 0 08:01 1  /lib/libc.so.6\n")
    assert versions_of([70, 71], tmp_path / "proc") == {}


def test_our_own_process_tells_its_python() -> None:
    assert versions_of([os.getpid()])["python"].startswith("3.")
