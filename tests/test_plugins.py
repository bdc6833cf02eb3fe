"""Finding collectors: built in, installed, in a file; and what is said when one cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfwatch import plugins
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError

GOOD = """
from perfwatch.collector import Collector
class Chip(Collector):
    name = "chip"
    def open(self):
        return []
    def read(self, devices):
        return []
"""


def test_every_built_in_collector_can_be_loaded_and_bears_its_name() -> None:
    for name, plugin in plugins.builtin().items():
        loaded = plugins.load(plugin)
        assert issubclass(loaded, Collector)
        assert loaded.name == name
        assert loaded.about


def test_a_name_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean nvidia"):
        plugins.find("nvidai")
    with pytest.raises(ConfigError, match=r"there are .*host"):
        plugins.find("zzzzz")


def test_a_file_with_one_collector_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "chip.py"
    file.write_text(GOOD)
    assert plugins.load_file(str(file)).name == "chip"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("x = 1\n", "expected one Collector class, found 0"),
        (GOOD + GOOD.replace("class Chip", "class Other"), "found 2"),
        (GOOD.replace('    name = "chip"\n', ""), "has no `name`"),
        ("import no_such_module_here\n", "ModuleNotFoundError"),
        ("def broken(:\n", "SyntaxError"),
        ("raise SystemExit(3)\n", "SystemExit"),
    ],
)
def test_a_file_that_is_no_collector_is_said_in_a_sentence(content: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / "chip.py"
    file.write_text(content)
    with pytest.raises(ConfigError, match=word):
        plugins.load_file(str(file))


def test_a_file_that_is_missing_or_no_python_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.py", tmp_path / "chip.txt"):
        with pytest.raises(ConfigError, match=str(path)):
            plugins.load_file(str(path))


def test_a_described_collector_takes_part_where_its_tool_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not plugins.builtin()["rebellions"].default
    tool = tmp_path / "rbln-stat"
    tool.write_text("#!/bin/sh\n")
    assert not plugins.builtin()["rebellions"].default, "it is no program"
    tool.chmod(0o755)
    assert plugins.builtin()["rebellions"].default
    assert plugins.builtin()["nvidia"].default, "a programmed one looks for itself"


def test_what_one_collector_needs_is_not_what_the_next_one_does() -> None:
    """What nobody gets unasked once had the needs of the row before it: a plug those of a chip's tool."""
    known = plugins.builtin()
    assert (known["shelly"].needs, known["shelly"].unasked) == ((), False)
    assert known["ipmi_dcmi"].needs == ("ipmitool", "ipmi-dcmi")
    assert known["slurm"].needs == ("scontrol",)
    assert (known["acpi_meter"].unasked, known["acpi_meter"].default) == (True, False)
