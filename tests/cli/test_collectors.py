"""`perfwatch collectors`: what there is, what it reads, what can be set up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from commandline import perfwatch

from perfwatch import cli, plugins

if TYPE_CHECKING:
    import pytest


def test_every_collector_is_listed_with_its_origin_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["collectors"]) == 0
    text = capsys.readouterr().out
    for name, plugin in plugins.every().items():
        assert f"\n{name}  ({plugin.origin}; " in f"\n{text}"
    assert "nvidia  (built in; takes part)" in text
    assert "simulated  (built in; on request: -c simulated)" in text
    assert "    library  (text; not set)" in text
    assert "statsd  (built in; on request: -w statsd=ADDR)" in text
    assert "    idle_w=90.0  (number)" in text
    assert "specs" not in text, "an option that -c cannot give"


def test_json_has_types_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["collectors", "--json", "simulated", "nvidia"]) == 0
    simulated, nvidia = json.loads(capsys.readouterr().out)
    assert simulated["default"] is False
    assert {"name": "work", "type": "bool", "default": True} in simulated["options"]
    assert nvidia["options"] == [{"name": "library", "type": "str | None", "default": None}]
    assert nvidia["error"] is None


def test_a_file_is_described_like_any_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chip.py"
    file.write_text(
        "from dataclasses import dataclass, field\n"
        "from perfwatch.collector import Collector\n"
        "@dataclass(frozen=True)\n"
        "class ChipOptions:\n"
        "    ports: tuple[str, ...] = ('a', 'b')\n"
        "    pairs: list = field(default_factory=list)\n"
        "class Chip(Collector):\n"
        "    name = 'chip'\n"
        "    about = 'reads \\x1b[31mred\\x1b[0m chips'\n"
        "    Options = ChipOptions\n"
        "    def open(self): return []\n"
        "    def read(self, devices): return []\n"
    )
    assert cli.main(["collectors", str(file)]) == 0
    text = capsys.readouterr().out
    assert f"chip  (a file; on request: -c {file})" in text
    assert "reads red chips" in text
    assert "ports=a,b  (tuple[str, ...])" in text or "ports=a,b  (tuple)" in text
    assert 'pairs=""' in text


def test_an_unknown_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["collectors", "nvidea"]) == 2
    assert "did you mean nvidia?" in capsys.readouterr().err


def test_one_that_cannot_be_loaded_is_named_and_the_others_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = plugins.Plugin("broken", "no_such_module:Chip", True, "some-package")
    monkeypatch.setattr(plugins, "foreign", lambda: {"broken": broken})
    assert cli.main(["collectors"]) == 1
    told = capsys.readouterr()
    assert "collector broken (some-package) cannot be loaded: ModuleNotFoundError" in told.err
    assert "broken  (some-package; takes part)" in told.out
    assert "nvidia  (built in" in told.out


def test_what_is_asked_for_takes_the_place_of_what_reads_the_same(tmp_path: Path) -> None:
    """Two readers of one device would count it twice; who names both gets both."""
    chip = tmp_path / "chip.toml"
    (tmp_path / "output.json").write_text('{"id": "A", "w": 5}')
    chip.write_text(
        f'name = "chip"\ninstead = ["host"]\n[source]\nfile = "{tmp_path}/output.json"\n'
        '[read]\nformat = "json"\n[device]\nid = "{id}"\nname = "a chip"\n[metrics]\npower_watts = "w"\n'
    )

    def read(*options: str) -> set[str]:
        told = perfwatch("snapshot", "--json", *options, "-c", str(chip), home=tmp_path).stdout
        return {label.partition(":")[0] for label in json.loads(told)["devices"]}

    assert "host" not in read()
    assert {"host", "chip"} <= read("--only", "host")


def test_a_plug_is_on_request_and_lists_what_it_takes(tmp_path: Path) -> None:
    text = perfwatch("collectors", "shelly", "acpi_meter", "hwmon", home=tmp_path).stdout
    plug, rest = text.split("acpi_meter  (")
    assert plug.startswith("shelly  (built in; on request: -c shelly)")
    assert "keyring" in plug
    assert "root=" not in plug
    assert rest.startswith("built in; takes part where /sys/")
    assert "url=" not in rest
    assert 'rails=""  (list)' in rest
