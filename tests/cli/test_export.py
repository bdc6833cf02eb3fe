"""`perfwatch export`: files, pipes, names of runs, and what may not be overwritten."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest
import zstandard
from commandline import command, environment, perfwatch
from derive.build import Session, every

from perfwatch import cli


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session of a board and work, compressed."""
    made = Session()
    made.board(every(1.0, 0.0, 5.0), watts=100.0)
    made.counter([(float(t), 10 * t) for t in range(6)])
    text = "".join(json.dumps(record) + "\n" for record in [made.header, *made.records])
    path = tmp_path / "run.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(text.encode()))
    return path


def test_csv_goes_to_standard_output(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", str(session), "--to", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "t,time,host,device,name,metric,unit,value"
    assert len(lines) == 1 + 6 * 2 + 6


def test_jsonl_is_the_text_of_the_compressed_file(session: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain.jsonl"
    assert cli.main(["export", str(session), "--to", "jsonl", "-o", str(out)]) == 0
    assert out.read_bytes() == zstandard.ZstdDecompressor().decompress(session.read_bytes())
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_file_that_exists_is_kept_unless_forced(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine")
    arguments = ["export", str(session), "--to", "csv", "-o", str(out)]
    assert cli.main(arguments) == 1
    assert "add --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert cli.main([*arguments, "--force"]) == 0
    assert out.read_text().startswith("t,time,")


def test_the_session_itself_is_never_overwritten(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = session.with_name("plain.jsonl")
    assert cli.main(["export", str(session), "--to", "jsonl", "-o", str(plain)]) == 0
    before = plain.read_bytes()
    assert cli.main(["export", str(plain), "--to", "csv", "-o", str(plain), "--force"]) == 2
    assert "is the session itself" in capsys.readouterr().err
    assert plain.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--to", "jsonl", "--wide"], "--wide lays out a csv"),
        (["--to", "csv", "-o", "x.csv.zst"], "without .zst"),
    ],
)
def test_wishes_that_do_not_fit_are_answered(
    session: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", str(session), *arguments]) == 2
    assert reason in capsys.readouterr().err


def test_what_is_no_session_leaves_no_file_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.jsonl").write_text("hello\n")
    for kind in ("csv", "jsonl"):
        out = tmp_path / f"out.{kind}"
        assert cli.main(["export", str(tmp_path / "x.jsonl"), "--to", kind, "-o", str(out)]) == 1
        assert "is not a perfwatch session" in capsys.readouterr().err
        assert not out.exists()


@pytest.mark.parametrize("wide", [[], ["--wide"]])
def test_standard_input_gives_what_the_file_gives(session: Path, tmp_path: Path, wide: list[str]) -> None:
    from_file = perfwatch("export", str(session), "--to", "csv", *wide, home=tmp_path)
    with session.open("rb") as stream, subprocess.Popen(["cat"], stdin=stream, stdout=subprocess.PIPE) as cat:
        from_pipe = perfwatch("export", "-", "--to", "csv", *wide, home=tmp_path, stdin=cat.stdout)
    assert from_file.returncode == from_pipe.returncode == 0
    assert from_pipe.stdout == from_file.stdout
    assert from_file.stdout.count("\n") > 6


def test_a_reader_that_has_enough_ends_the_export_quietly(tmp_path: Path) -> None:
    made = Session()
    made.board(every(0.01, 0.0, 400.0))
    big = tmp_path / "big.jsonl"
    big.write_text("".join(json.dumps(record) + "\n" for record in [made.header, *made.records]))
    with subprocess.Popen(
        command("export", str(big), "--to", "csv"),
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"t,time")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


def test_a_full_disk_is_said_in_a_sentence(session: Path, tmp_path: Path) -> None:
    done = perfwatch("export", str(session), "--to", "csv", "-o", "/dev/full", home=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "perfwatch export: cannot write all of the export to /dev/full: No space left on device\n"
    )


def test_a_torn_session_is_exported_as_far_as_it_goes(session: Path, tmp_path: Path) -> None:
    text = zstandard.ZstdDecompressor().decompress(session.read_bytes())
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(text[:-20])
    done = perfwatch("export", str(torn), "--to", "csv", home=tmp_path)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 6 * 2 + 6
