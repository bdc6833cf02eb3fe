"""What is a record: the fields of one device, as an output tells them, and how a description names one?

A field is named by a text: a key, a column's title or number, a group's name; in JSON by a path such as
`memory.used`, `cores[*].load` or `stats[type=POWER].value`, and `$.version` begins at the whole document.
`[*]` is each of a list, or each value of an object that has names for keys (`{"0": {...}, "1": {...}}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from perfwatch_collectors.described.values import is_missing

from perfwatch.text import clean

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\*|\d+|[^\[\]=]+=[^\[\]]*)\]")
_FIELD = re.compile(r"\{([^{}]+)\}")
SHOWN = 40
MOST_NAMES = 20
MOST_VALUES = 4096
"""A path that names more values than this names none."""


class Record:
    """The fields of one device.

    Args:
        fields: by name; in JSON the object of the device.
        whole: what `$.` begins at; shared by all records of an output.
    """

    def __init__(self, fields: Any, whole: Any = None) -> None:
        self.fields = fields
        self.whole = whole

    def values(self, name: str) -> list[Any]:
        """What a field tells: one value, several where a path has a `[*]`, none where it is not there."""
        if isinstance(self.fields, Mapping) and name in self.fields:
            return [self.fields[name]]
        found, path = (self.whole, name[2:]) if name.startswith("$.") else (self.fields, name)
        try:
            return values_at(found, path)
        except ValueError:  # no path, as a title may be: `Pwr[mW]`
            return []

    def first(self, names: Sequence[str]) -> list[Any]:
        """What the first of several fields tells that is there: versions of a tool have their own names."""
        return next((found for name in names if (found := self.values(name))), [])

    def text(self, name: str) -> str | None:
        """What a field tells, as a text; `serial|uuid`: the first that is known, else the first there is."""
        found = [values[0] for each in name.split("|") if (values := self.values(each))]
        texts = [str(value).strip() for value in found if not isinstance(value, (dict, list))]
        return next((text for text in texts if not is_missing(text)), texts[0] if texts else None)

    def has(self, names: Sequence[str]) -> bool:
        """Whether the output has one of the fields at all, whatever it says."""
        return bool(self.first(names))

    def has_none(self, names: Sequence[str]) -> bool:
        """Whether the list that one of the fields goes through is there, and has nothing in it."""
        return any(
            found in ([], {})
            for before, each, _ in (name.partition("[*]") for name in names)
            if each
            for found in self.values(before)
        )

    def filled(self, template: str) -> str | None:
        """A template such as `{serial}-{chip}` with the texts of its fields; None where one is not there."""
        missing = False

        def text_of(match: re.Match[str]) -> str:
            nonlocal missing
            found = self.text(match[1])
            missing = missing or found is None
            return found or ""

        filled = _FIELD.sub(text_of, template)
        return None if missing or not filled.strip() else filled.strip()


def fits(text: str | None, wanted: Sequence[str]) -> bool:
    """Whether a text is one of several; of those with a * any text that fits."""
    if text is None:
        return False
    return any(text == one or ("*" in one and fnmatchcase(text, one)) for one in wanted)


def fields_of(template: str) -> list[str]:
    """The fields that a template names."""
    return [name for names in groups_of(template) for name in names]


def groups_of(template: str) -> list[list[str]]:
    """The same, those together that stand for each other: `{serial|uuid}`."""
    return [names.split("|") for names in _FIELD.findall(template)]


def items_at(found: Any, path: str) -> list[tuple[str, Any]]:
    """The same with the key of each, where the path ends in the `[*]` of an object; else without."""
    if not path.endswith("[*]"):
        return [("", value) for value in values_at(found, path)]
    holders = values_at(found, path.removesuffix("[*]")) if path != "[*]" else [found]
    return [
        (str(key), value)
        for holder in holders
        for key, value in (holder.items() if isinstance(holder, Mapping) else [("", one) for one in holder])
        if isinstance(holder, (Mapping, list))
    ]


def values_at(found: Any, path: str) -> list[Any]:
    """The values at a path in a document of objects and lists."""
    values = [found]
    for step in steps_of(path):
        values = [inner for value in values for inner in _inside(value, step)]
        if not values or len(values) > MOST_VALUES:
            return []
    return values


def steps_of(path: str) -> list[str]:
    """A path in its steps: keys as they are, places in a list in brackets.

    Raises:
        ValueError: it is no path; says where, in a clause.
    """
    steps, at = [], 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(
                f"{clean(path, 80)!r} is no path at {clean(path[at:], 20)!r}: write keys with dots "
                "and places in a list in brackets, as in memory.used, cores[0].load, cores[*].load, "
                "stats[type=POWER].value"
            )
        steps.append(match[1] if match[1] is not None else f"[{match[2]}]")
        at = match.end()
    return steps


def lost_at(found: Any, path: str) -> str | None:
    """What there is where a path leads nowhere, as a clause: `; in 'gpus' there are 'id', 'power'`.

    None where it ends in a list or an object that has nothing in it: nothing is wrong with such a path.
    """
    done: list[str] = []
    for step in steps_of(path):
        inside = _inside(found, step)
        if not inside:
            break
        found = inside[0]
        done.append(step)
    if done and found in ([], {}, None):
        return None
    place = repr(clean(_joined(done), SHOWN)) if done else "it"
    if isinstance(found, Mapping):
        return there_are(found, f"in {place} " if done else "")
    if isinstance(found, list):
        return f"; {place} is a list of {len(found)}: write [*] for all in it, or [0] for the first"
    return f"; {place} is {clean(repr(found), SHOWN)}"


def there_are(names: Iterable[Any], at: str = "") -> str:
    """`; there are 'Board W', 'Die', ...`, so many that they can be read."""
    shown = [clean(name, SHOWN) for name in islice(names, MOST_NAMES + 1)]
    more = ", ..." if len(shown) > MOST_NAMES else ""
    return f"; {at}there are {', '.join(map(repr, shown[:MOST_NAMES]))}{more}" if shown else ""


def _joined(steps: Sequence[str]) -> str:
    return "".join(step if step.startswith("[") else f".{step}" for step in steps).lstrip(".")


def _inside(value: Any, step: str) -> Sequence[Any]:
    if not step.startswith("["):
        return [value[step]] if isinstance(value, Mapping) and step in value else []
    if step == "[*]" and isinstance(value, Mapping):
        return list(value.values())
    if not isinstance(value, list):
        return []
    place = step[1:-1]
    if place == "*":
        return value
    if place.isdigit():
        return value[int(place) : int(place) + 1]
    key, _, wanted = place.partition("=")
    return [one for one in value if isinstance(one, Mapping) and str(one.get(key.strip())) == wanted.strip()]
