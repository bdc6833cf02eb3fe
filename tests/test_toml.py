"""Reading TOML: what is said where it is none, or where nothing reads it."""

from __future__ import annotations

import sys

import pytest

from perfwatch.errors import ConfigError
from perfwatch.toml import tables_of


def test_a_text_gives_its_tables() -> None:
    assert tables_of("[run]\nonly = ['host']", "cannot read x.toml") == {"run": {"only": ["host"]}}


@pytest.mark.parametrize("text", ["a =", "a = " + "[" * 100_000])
def test_what_is_no_toml_is_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot read x\.toml: .*; correct that place"):
        tables_of(text, "cannot read x.toml")


def test_a_python_without_a_reader_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ConfigError, match=r"cannot read x\.toml: this Python reads no TOML; install tomli, or"
    ):
        tables_of("", "cannot read x.toml")
