"""What does the dashboard remember from one time to the next? Theme, time span, order and paint rate.

The file lies in the user's state directory and holds only what was changed by a key. It is written whole and
put in place in one step; whatever is wrong with it costs a note, never the start.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from perfwatch.errors import reason_of
from perfwatch.session import shelf
from perfwatch.text import clean
from perfwatch.tui.view import SCREENS, SPANS_S, View

MAX_FILE_BYTES = 1 << 16
SHORTEST_PAINT_S, LONGEST_PAINT_S = 0.05, 60.0
WHOLE = "all"
"""The time span that is the whole session, as it is written."""


@dataclass(frozen=True)
class Settings:
    """What was chosen with keys; None or empty where nothing was.

    Args:
        theme: name of a theme.
        span: of charts: seconds, or `all`.
        sort: by screen, the column it is sorted by.
        paint_s: paint period, s.
    """

    theme: str | None = None
    span: float | str | None = None
    sort: Mapping[str, str] = field(default_factory=dict)
    paint_s: float | None = None

    def with_(self, **changes: object) -> Settings:
        """The same settings with something changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def over(self, view: View) -> View:
        """The view as these settings make it."""
        span_s = view.span_s if self.span is None else None if isinstance(self.span, str) else self.span
        return view.with_(span_s=span_s, sort=dict(self.sort) or view.sort)


def settings_file() -> Path:
    """Where they are kept; it need not exist."""
    return shelf.state_directory().parent / "dashboard.json"


def load(file: Path) -> tuple[Settings, str]:
    """The settings, and a sentence about what could not be used (empty: nothing was wrong)."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return Settings(), ""
    except OSError as error:
        return Settings(), _ignored(file, reason_of(error))
    try:
        return _read(json.loads(content)), ""
    except (ValueError, RecursionError) as error:
        wrong = str(error) if isinstance(error, _WrongValueError) else "their file is damaged"
        return Settings(), _ignored(file, wrong)


def save(settings: Settings, file: Path) -> str:
    """Keep them. Returns a sentence about why they could not be kept; empty if they were."""
    told = {"theme": settings.theme, "span_s": settings.span, "sort": settings.sort or None}
    told["paint_s"] = settings.paint_s
    content = json.dumps({key: value for key, value in told.items() if value is not None}, indent=2)
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as stream:
            stream.write(content + "\n")
        new.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        return f"cannot keep the dashboard's settings in {clean(file)}: {reason_of(error)}"
    return ""


class _WrongValueError(ValueError):
    """A value that is none of ours."""


def _read(told: Any) -> Settings:
    if not isinstance(told, dict):
        raise _WrongValueError("it holds no settings")
    theme, span, sort, paint_s = (told.get(key) for key in ("theme", "span_s", "sort", "paint_s"))
    _require(theme is None or isinstance(theme, str), "theme")
    _require(span is None or span == WHOLE or span in SPANS_S[:-1], "span_s")
    _require(sort is None or _is_sort(sort), "sort")
    _require(paint_s is None or _is_period(paint_s), "paint_s")
    return Settings(theme, span, sort or {}, paint_s)


def _require(fine: bool, key: str) -> None:
    if not fine:
        raise _WrongValueError(f"its {key} is none that there is")


def _is_sort(value: object) -> bool:
    return isinstance(value, dict) and all(
        key in SCREENS and isinstance(order, str) for key, order in value.items()
    )


def _is_period(value: object) -> bool:
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    return SHORTEST_PAINT_S <= number <= LONGEST_PAINT_S


def _ignored(file: Path, why: str) -> str:
    return f"kept settings are ignored, {clean(why)}: {clean(file)}"
