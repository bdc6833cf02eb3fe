"""How the dashboard is to look: what cannot be used is refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from commandline import perfwatch

from perfwatch.cli import watching
from perfwatch.errors import ConfigError


@pytest.mark.parametrize("text", ["1us", "0", "1e9", "-1", "soon"])
def test_a_paint_period_has_bounds(text: str) -> None:
    args = SimpleNamespace(refresh=text, theme=None, ascii=False, no_color=False)
    config = SimpleNamespace(ui=SimpleNamespace(theme=None, ascii=None, color=None), themes=None)
    with pytest.raises(ConfigError, match="--refresh"):
        watching.appearance(args, config)  # type: ignore[arg-type]


def test_looks_are_no_error_where_nothing_is_drawn(tmp_path: Path) -> None:
    done = perfwatch("--theme", "dark", "--refresh", "1s", "--no-color", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no option" not in done.stderr
