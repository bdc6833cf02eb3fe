"""What does one JSON line tell about the work done?

A mapping `NAME=KEY.PATH,...` says which number is what; NAME may end as in a pattern
(`perfwatch.workload.patterns`). Without one, the numbers of the outermost object count that are named like
standard work: `queries`, or `queries_total`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from perfwatch.errors import ConfigError
from perfwatch.metrics import CATALOGUE, ERRORS, PROMPT_TOKENS, RUNNING, WAITING, WORK_UNITS
from perfwatch.workload.patterns import Field, Finding, Match, Says, field_of
from perfwatch.workload.tally import Number, believable, clean_text, whole

LINE_BYTES = 2**20
"""A line that is longer is passed over."""
_NO_OBJECT = "a line is no JSON object"


class Key(NamedTuple):
    """Where a number stands in a record, and what it means."""

    path: str
    field: Field


class NotAnObject(ValueError):
    """A line is no JSON object."""


class Keys:
    """What is looked for in each record.

    Args:
        text: `NAME=KEY.PATH,...`; empty for the standard names.

    Raises:
        ConfigError: the mapping cannot be read.
    """

    def __init__(self, text: str = "") -> None:
        self.keys: Sequence[Key] = [_key(part) for part in text.split(",")] if text else _STANDARD

    def search(self, line: str) -> Match | None:
        """What a line tells; None if it has none of the keys.

        Raises:
            NotAnObject: it is no JSON object.
        """
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise NotAnObject(_NO_OBJECT) from error
        if not isinstance(record, dict):
            raise NotAnObject(_NO_OBJECT)
        findings = tuple(
            Finding(key.field.name, key.field.says, _seconds(value, key.field))
            for key in self.keys
            if (value := _number(_at(record, key.path))) is not None
        )
        return Match(findings) if findings else None


def _key(part: str) -> Key:
    name, equals, path = part.strip().partition("=")
    if not equals or not path or not name.isidentifier():
        raise ConfigError(
            f"cannot read {clean_text(part)!r} as the mapping of jsonl=: write NAME=KEY.PATH,..., "
            "such as queries=stats.done"
        )
    return Key(path, field_of(name, what="the mapping of jsonl="))


def _at(record: Any, path: str) -> Any:
    """What stands at a path: a key as it is, else step by step into objects and lists."""
    if path in record:
        return record[path]
    found = record
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _number(value: Any) -> Number | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return whole(float(value)) if isinstance(value, float) and believable(value) else _whole_number(value)
    except OverflowError:
        return None


def _whole_number(value: float) -> Number | None:
    return value if isinstance(value, int) and believable(value) else None


def _seconds(value: Number, field: Field) -> Number:
    return value if field.factor == 1.0 else value * field.factor


_COUNTED = (*WORK_UNITS, PROMPT_TOKENS.name.removesuffix("_total"), ERRORS.name.removesuffix("_total"))
_STANDARD = (
    *(Key(written, Field(name, Says.TOTAL)) for name in _COUNTED for written in (name, f"{name}_total")),
    *(Key(gauge.name, Field(gauge.name, Says.GAUGE)) for gauge in (RUNNING, WAITING)),
)
assert all(f"{name}_total" in CATALOGUE for name in _COUNTED)
