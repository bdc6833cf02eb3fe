"""Where a vendor's program is looked for."""

from __future__ import annotations

from pathlib import Path

import perfwatch_collectors
import pytest

from perfwatch import plugins, programs


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place besides PATH, with a program of a vendor."""
    folder = tmp_path / "opt"
    folder.mkdir()
    (folder / "npu-smi").write_text("#!/bin/sh\n")
    (folder / "npu-smi").chmod(0o755)
    monkeypatch.setattr(programs, "PLACES", (str(folder),))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return folder


def test_a_program_outside_path_switches_its_preset_on_and_is_found(elsewhere: Path) -> None:
    """A login by ssh has a short PATH: the preset did not take part, though it would have found its tool."""
    from perfwatch_collectors.described.language import load
    from perfwatch_collectors.described.places import find

    assert plugins.builtin()["ascend"].default
    assert not plugins.builtin()["gaudi"].default
    ascend = load(Path(str(perfwatch_collectors.__file__)).parent / "chips/ascend.toml")
    assert find(ascend.source) == [([str(elsewhere / "npu-smi"), "info"], [])]


def test_what_no_one_may_run_and_a_directory_are_no_program(elsewhere: Path) -> None:
    (elsewhere / "text").write_text("")
    (elsewhere / "folder").mkdir()
    found = [programs.program(name, programs.places()) for name in ("text", "folder", "npu-smi", "none")]
    assert found == [None, None, str(elsewhere / "npu-smi"), None]
    assert programs.program(str(elsewhere / "npu-smi"), ()) == str(elsewhere / "npu-smi")


def test_no_place_is_looked_at_twice_and_the_working_directory_is_none(elsewhere: Path) -> None:
    assert programs.places(f"/a::/b:/a:{elsewhere}") == ["/a", "/b", str(elsewhere)]
