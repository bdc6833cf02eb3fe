"""`perfwatch client --write DIR`: one file beside the job, never over another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import perfwatch
from perfwatch import cli

if TYPE_CHECKING:
    import pytest

SOURCE = Path(perfwatch.__file__).with_name("client.py")


def test_the_file_is_the_client_and_works_without_perfwatch(tmp_path: Path) -> None:
    assert cli.main(["client", "--write", str(tmp_path)]) == 0
    assert (tmp_path / "perfwatch_client.py").read_bytes() == SOURCE.read_bytes()
    code = "import perfwatch_client as client, sys; client.count('q'); print('perfwatch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_a_different_file_is_kept_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "perfwatch_client.py"
    file.write_text("mine")
    assert cli.main(["client", "--write", str(tmp_path)]) == 1
    assert "add --force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert cli.main(["client", "--write", str(tmp_path), "--force"]) == 0
    assert file.read_bytes() == SOURCE.read_bytes()
    assert list(tmp_path.iterdir()) == [file]


def test_writing_it_again_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["client", "--write", str(tmp_path)]) == 0
    before = (tmp_path / "perfwatch_client.py").stat().st_mtime_ns
    assert cli.main(["client", "--write", str(tmp_path)]) == 0
    assert "up to date" in capsys.readouterr().out
    assert (tmp_path / "perfwatch_client.py").stat().st_mtime_ns == before


def test_a_link_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target.py"
    target.write_text("mine")
    (tmp_path / "perfwatch_client.py").symlink_to(target)
    assert cli.main(["client", "--write", str(tmp_path), "--force"]) == 1
    assert "symbolic link" in capsys.readouterr().err
    assert target.read_text() == "mine"


def test_a_directory_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["client", "--write", str(tmp_path / "no")]) == 1
    assert "No such file or directory; name a directory" in capsys.readouterr().err
