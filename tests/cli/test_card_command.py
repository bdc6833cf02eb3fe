"""`perfwatch card`: a run to be pasted, as people call it."""

from __future__ import annotations

import hashlib
import json
import stat
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import zstandard
from commandline import perfwatch

DEMO = Path(__file__).parent.parent / "data" / "tui" / "demo.jsonl.zst"


def plain_text() -> bytes:
    with DEMO.open("rb") as stream:
        return bytes(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True).read())


SHA256 = hashlib.sha256(plain_text()).hexdigest()


def card(home: Path, *options: str, status: int = 0, file: str = str(DEMO), **how: Any) -> str:
    """What is told of the demo: standard output, or what went wrong."""
    done = perfwatch("card", file, *options, home=home, **how)
    assert done.returncode == status, done.stderr
    return str(done.stdout or done.stderr)


@pytest.fixture
def summary_file(tmp_path: Path) -> Path:
    file = tmp_path / "run.json"
    assert perfwatch("summary", str(DEMO), "-q", "--summary-json", str(file), home=tmp_path).returncode == 0
    return file


def test_the_text_of_a_session_is_framed_and_says_what_it_was_made_of(tmp_path: Path) -> None:
    said = card(tmp_path)
    assert {len(line) for line in said.splitlines()} == {72}
    assert "SIMULATED: not measured on a real device" in said
    assert f"session sha256 {SHA256[:12]}" in said
    assert "1.9936 ± 0.0001 tok/J" in said
    assert "node-1" not in said
    assert "simulated-benchmark" not in said


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    assert card(tmp_path, "--ascii").isascii()
    assert card(tmp_path, extra={"PYTHONIOENCODING": "ascii"}).isascii()


def test_json_has_the_whole_hash_and_the_figures_as_numbers(tmp_path: Path) -> None:
    made = json.loads(card(tmp_path, "--json"))
    assert made["schema"] == "perfwatch.card/1"
    assert made["source"] == {"kind": "session", "sha256": SHA256}
    assert [figure["name"] for figure in made["figures"]] == [
        *("rate", "power", "energy", "per_joule", "latency", "cost")
    ]
    told = json.loads(perfwatch("summary", str(DEMO), "--json", home=tmp_path).stdout)
    assert made["figures"][2]["value"] == told["energy"]["joules"]
    assert made["figures"][2]["error"] == told["energy"]["error_joules"]
    assert made["verdict"]["grade"] == "caveats"


def test_a_compressed_session_and_its_plain_copy_give_the_same_card(tmp_path: Path) -> None:
    plain = tmp_path / "run.jsonl"
    plain.write_bytes(plain_text())
    assert card(tmp_path, "--json") == card(tmp_path, "--json", file=str(plain))
    with DEMO.open("rb") as stream:
        assert card(tmp_path, "--json") == card(tmp_path, "--json", file="-", stdin=stream)


def test_options_of_the_summary_make_other_figures(tmp_path: Path) -> None:
    made = json.loads(
        card(
            tmp_path,
            "--json",
            "--unit",
            "queries",
            "--price",
            "3 USD/kWh",
            "--currency",
            "USD",
            "--phase",
            "measure",
        )
    )
    named = {figure["name"]: figure for figure in made["figures"]}
    assert named["joules_per"]["unit"] == "J/queries"
    assert named["cost"]["unit"] == "USD/queries"


def test_the_form_is_told_by_the_suffix_and_the_file_is_private(tmp_path: Path) -> None:
    for name, begins in (("c.txt", "┌"), ("c.md", "**"), ("c.svg", "<svg")):
        out = tmp_path / name
        assert card(tmp_path, "-o", str(out)) == ""
        assert out.read_text("utf-8").startswith(begins)
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    ET.parse(tmp_path / "c.svg")
    assert (tmp_path / "c.md").read_text("utf-8") == card(tmp_path, "--to", "md")
    assert "add --to text, md or svg" in card(tmp_path, "-o", str(tmp_path / "c.png"), status=2)


def test_a_file_that_exists_is_kept_unless_forced_and_the_session_always(tmp_path: Path) -> None:
    out = tmp_path / "c.md"
    out.write_text("mine")
    assert "add --force" in card(tmp_path, "-o", str(out), status=1)
    assert out.read_text() == "mine"
    card(tmp_path, "-o", str(out), "--force")
    assert out.read_text("utf-8").startswith("**")
    session = tmp_path / "run.jsonl"
    session.write_bytes(plain_text())
    said = card(tmp_path, "-o", str(session), "--to", "md", "--force", status=2, file=str(session))
    assert "is what the card is made of" in said
    assert session.read_bytes() == plain_text()


@pytest.mark.parametrize("text", [SHA256, SHA256[:12], f"sha256 {SHA256[:12]}", SHA256[:16].upper()])
def test_a_session_is_verified_by_the_hash_of_its_card(text: str, tmp_path: Path) -> None:
    assert f"is the session of that card: its sha256 is {SHA256}" in card(tmp_path, "--verify", text)


def test_another_session_is_not_that_of_the_card(tmp_path: Path) -> None:
    changed = tmp_path / "run.jsonl"
    changed.write_bytes(plain_text().replace(b"0.3", b"0.2", 1))
    said = card(tmp_path, "--verify", SHA256[:12], status=1, file=str(changed))
    found = hashlib.sha256(changed.read_bytes()).hexdigest()
    assert f"its sha256 begins with {found[:12]}, the card's with {SHA256[:12]}" in said
    assert "give its 12 to 64 hex digits" in card(tmp_path, "--verify", "3f9a", status=2)


def test_a_summary_gives_the_same_figures_and_says_that_it_is_one(tmp_path: Path, summary_file: Path) -> None:
    made, told = (json.loads(card(tmp_path, "--json", file=file)) for file in (str(summary_file), str(DEMO)))
    hashed = hashlib.sha256(summary_file.read_bytes()).hexdigest()
    assert made["source"] == {"kind": "summary", "sha256": hashed}
    assert made["figures"] == told["figures"]
    assert f"summary sha256 {hashed[:12]}" in card(tmp_path, file=str(summary_file))
    assert "is the summary of that card" in card(tmp_path, "--verify", hashed, file=str(summary_file))


def test_the_figures_of_a_summary_are_made(tmp_path: Path, summary_file: Path) -> None:
    said = card(tmp_path, "--price", "0.1/kWh", "--unit", "x", status=2, file=str(summary_file))
    assert "cannot use --unit, --price with a summary" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"schema": "perfwatch.summary/1", "quality": [3]}', "has not the parts of one"),
        ('{"schema": "perfwatch.summary/1", "energy": 5, "quality": []}', "has not the parts of one"),
        ('{"schema": "perfwatch.summary/1", ', "is not a whole one"),
        ('{"schema": "other"}', "is not a perfwatch session"),
        ("", "is empty"),
    ],
)
def test_what_is_neither_session_nor_summary_is_said(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text)
    said = card(tmp_path, status=1, file=str(file))
    assert expected in said
    assert "fault of perfwatch" not in said


def test_hosts_and_command_are_shown_on_request(tmp_path: Path) -> None:
    said = card(tmp_path, "--with", "host,command")
    assert "hosts: node-1" in said
    assert "command: simulated-benchmark --queries 2043" in said
    assert "a card can show host, command" in card(tmp_path, "--with", "path", status=2)


def test_json_has_one_place(tmp_path: Path) -> None:
    assert "leave out --to and -o" in card(tmp_path, "--json", "--to", "svg", status=2)
