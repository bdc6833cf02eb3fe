"""Files that `--summary-json` wrote, as runs to compare: a baseline of a few kB can live beside the code."""

from __future__ import annotations

import argparse
import io
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

from perfwatch.errors import ConfigError, SessionError
from perfwatch.text import clean

SCHEMA = "perfwatch.summary/1"
MOST_BYTES = 64 << 20
DEEPEST = 20
"""No summary is nested deeper, and what is deeper would break whoever walks through it."""
_HEAD_BYTES = 256
_HEAD = re.compile(rb'\s*\{\s*(\n|"schema"\s*:\s*"perfwatch\.)')
"""How a summary begins, in several lines or in one; a session's header is one line without a schema."""


def read_summary(path: str) -> dict[str, Any] | None:
    """The summary that a file holds; None where it does not look like one, as a session.

    Raises:
        SessionError: it looks like one, and is none.
    """
    text = _whole_text(path)
    if text is None:
        return None
    name = "standard input" if path == "-" else path
    if len(text) > MOST_BYTES:
        raise SessionError(f"{name} is larger than {MOST_BYTES >> 20} MB: that is no summary")
    try:
        found = json.loads(text, parse_float=_finite, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise SessionError(f"{name} is no session and no summary: it is no JSON that can be read") from None
    if _is_deeper_than(DEEPEST, found):
        raise SessionError(f"{name} is no summary: its JSON is nested deeper than {DEEPEST} levels")
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        told = f"its schema is {clean(schema, 60)!r}" if schema else "it names no schema"
        raise SessionError(
            f"cannot compare {name}: {told}, not {SCHEMA!r}; `perfwatch summary RUN --summary-json FILE` "
            "writes a file that can be compared"
        )
    return dict(found)


def _whole_text(path: str) -> bytes | None:
    """The text of what begins like a summary; nothing is taken from a stream that does not."""
    if path == "-":
        stream = sys.stdin.buffer
        seen = stream.peek(_HEAD_BYTES) if isinstance(stream, io.BufferedReader) else b""
        return stream.read(MOST_BYTES + 1) if _HEAD.match(seen) else None
    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
            return head + file.read(MOST_BYTES + 1 - len(head)) if _HEAD.match(head) else None
    except OSError as error:
        raise SessionError(f"cannot read {path}: {error.strerror}") from error


def _is_deeper_than(levels: int, content: Any) -> bool:
    level = [content]
    for _ in range(levels):
        inner = [
            one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))
        ]
        level = [each for one in inner for each in one]
    return bool(level)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _no_number(text: str) -> None:
    """NaN and Infinity are no JSON, and no figures."""


_FIXED = {
    "devices": "--devices",
    "slo": "--slo",
    "meter": "--meter",
    "warmup": "--warmup",
    "phase": "--phase",
    "price": "--price",
    "rent": "--rent",
    "pue": "--pue",
    "carbon": "--carbon",
    "currency": "--currency",
    "cost_scope": "--cost-scope",
}
"""Options that make figures anew out of readings."""


def as_asked(summary: dict[str, Any], args: argparse.Namespace, path: str) -> dict[str, Any]:
    """The summary in the unit that was asked for.

    Raises:
        ConfigError: what was asked for takes readings, which a summary has not.
    """
    asked = [option for key, option in _FIXED.items() if getattr(args, key) is not None]
    asked += [
        f"{option} {wanted}"
        for option, wanted, has in (
            ("--scope", args.scope, _of(summary, "energy").get("scope")),
            ("--window", args.window, _of(summary, "window").get("kind")),
            ("--unit", args.unit, args.unit if args.unit in _of(summary, "work") else None),
        )
        if wanted is not None and wanted != has
    ]
    if asked:
        raise ConfigError(
            f"cannot take {' and '.join(asked)} of {path}: it is a summary, whose figures are made; "
            "name the session that it was made of, or leave the option out"
        )
    return summary if args.unit is None else {**summary, "unit": args.unit}


def _of(summary: dict[str, Any], key: str) -> dict[str, Any]:
    part = summary.get(key)
    return part if isinstance(part, dict) else {}
