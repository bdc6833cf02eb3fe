"""The folder `collectors` beside the config file: files in it take part by themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "cli"))
from commandline import perfwatch
from described.describing import CHIP

FILE_CHIP = CHIP.replace('command = ["chip-smi", "-j"]', 'file = "{file}"')


def home_with(home: Path, **files: str) -> Path:
    """A home with such files in its folder of collectors, and an output that they read."""
    folder = home / ".config" / "perfwatch" / "collectors"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text)
    (home / "out.json").write_text(json.dumps({"devices": [{"uuid": "A", "name": "X1", "power": 1500}]}))
    return home


def test_a_description_in_it_takes_part_unasked(tmp_path: Path) -> None:
    home = home_with(tmp_path, chip_dot_toml=FILE_CHIP.replace("{file}", str(tmp_path / "out.json")))
    told = json.loads(perfwatch("snapshot", "--json", home=home).stdout)
    assert "chip:0" in json.dumps(told)
    listed = perfwatch("collectors", home=home).stdout
    assert f"chip  ({home}/.config/perfwatch/collectors/chip.toml; takes part)" in listed
    without = perfwatch("snapshot", "--json", "--no-collector", "chip", home=home).stdout
    assert "chip:0" not in without
    alone = perfwatch("snapshot", "--only", "chip", home=home)
    assert alone.returncode == 0
    assert "chip:0" in alone.stdout


def test_one_that_is_wrong_is_said_and_the_others_are_read(tmp_path: Path) -> None:
    home = home_with(
        tmp_path,
        chip_dot_toml=FILE_CHIP.replace("{file}", str(tmp_path / "out.json")),
        bad_dot_toml="name = 5\n",
    )
    done = perfwatch("snapshot", home=home)
    assert "chip:0" in done.stdout
    doctor = " ".join(perfwatch("doctor", home=home).stdout.split())
    assert "bad" in doctor
    assert "bad.toml: it has no [read]" in doctor
    assert "Traceback" not in doctor


def test_chips_whose_tools_are_not_here_are_one_line_of_the_doctor(tmp_path: Path) -> None:
    doctor = perfwatch("doctor", home=tmp_path, extra={"PATH": str(tmp_path)}).stdout
    (line,) = [line for line in doctor.splitlines() if "other chips" in line]
    assert "rebellions" in " ".join(doctor.split())
    assert line


def test_one_that_takes_the_place_of_another_is_said(tmp_path: Path) -> None:
    chip = FILE_CHIP.replace("{file}", str(tmp_path / "out.json"))
    home = home_with(tmp_path, tasmota_dot_toml=chip, chip_dot_toml=chip, chip_dot_py="x = 1\n")
    for command in (["collectors", "chip"], ["doctor"]):
        done = perfwatch(*command, home=home)
        said = " ".join((done.stdout + done.stderr).split())
        assert "chip.py is passed over: chip.toml beside it has the same name" in said, command
        assert "tasmota.toml takes the place of the collector tasmota that comes with perfwatch" in said, (
            command
        )


def test_a_starter_does_not_get_the_name_of_one_that_is_there(tmp_path: Path) -> None:
    done = perfwatch("collectors", "new", "nvidia", home=tmp_path)
    assert done.returncode == 2
    assert "one of this name comes with perfwatch" in done.stderr
