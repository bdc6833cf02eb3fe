"""Which patterns are refused because they could take for ever, and that no real one is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import perfwatch_collectors
import pytest
from described.describing import CHIP, described
from perfwatch_collectors.described.patterns import LINE_CHARACTERS, compiled, lines_for, may_be_endless

from perfwatch.errors import ConfigError
from perfwatch.toml import tables_of


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"(a+)+$",
            r"(?P<p>(a+)+)$",
            r"(a*)*b",
            r"(a|a)*$",
            r"(a|aa)+$",
            r"(aa?)*$",
            r"(.*,)*x",
            r"(\w+\s?)*$",
        ),
        *(r"(a+ba+)*$", r"(\na*a*)*$", r"([a-z]+[a-z0-9]+)*$", r"(a+){10,20}$", r"((a+)b?)*$"),
        *(r"x(?:(?:y|z)+)*$", r"(?=(a+)+$)", r"(\s*\S*)*$"),
    ],
)
def test_a_pattern_that_fits_in_many_ways_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="could take for ever"):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"power (?P<w>\S+) W",
            r"(?P<name>\S+(?: \S+)*)",
            r"(?:\n(?!x).*)*",
            r"(?:\w+(?:\.\w+)*\s)*",
            r"(\d{2})*",
        ),
        *(
            r"(?:a|b)*",
            r"(?:foo|bar)+",
            r"^\s*(?P<k>[^:]+):\s*(?P<v>.*?)\s*$",
            r"(?:\d+,)*\d+",
            r"(?:\d+(?:\.\d+)?,)*",
        ),
        *(r"id=(?P<id>.) (?P<p>\d+)", r"(?:(?:\d{1,3}):)+"),
    ],
)
def test_what_fits_in_one_way_is_not(pattern: str) -> None:
    assert not may_be_endless(pattern)


def test_no_pattern_of_a_preset_is_refused() -> None:
    files = list(Path(str(perfwatch_collectors.__file__)).parent.glob("*/*.toml"))
    assert len(files) > 60
    for file in files:
        of: dict[str, Any] = tables_of(file.read_text(), file.name)
        finds = [one.get("find") for one in of["metrics"].values() if isinstance(one, dict)]
        for pattern in filter(None, [of["read"].get("pattern"), of["read"].get("begins"), *finds]):
            assert not may_be_endless(pattern), file.name


def test_the_file_is_refused_with_the_place() -> None:
    with pytest.raises(
        ConfigError, match=r"find in \[metrics.power_watts\] of chip.toml: .*could take for ever"
    ):
        described(power_watts=r"power_watts = { from = 'power', find = '(\d+)+W$' }")
    with pytest.raises(ConfigError, match=r"pattern in \[read\] of chip.toml: .*could take for ever"):
        described(CHIP.replace('each = "devices"', "pattern = '(?P<a>(a+)+)$'").replace('"json"', '"regex"'))


def test_a_pattern_sees_no_endless_line() -> None:
    assert lines_for("short") == "short"
    assert [len(line) for line in lines_for("x" * 10**6 + "\ny").split("\n")] == [LINE_CHARACTERS]
    assert lines_for(f"{'x' * 5000}\ny").endswith("x\ny")
    begun = time.monotonic()
    assert compiled(r"x*y").search(lines_for("x" * 10**6)) is None
    assert time.monotonic() - begun < 5.0
