"""What is a record: the fields of one device, as an output tells them, and how a description names one?

A field is named by a text: a key, a column's title or number, a group's name; in JSON by a path such as
`memory.used`, `cores[*].load` or `stats[type=POWER].value`; `$.version` begins at the whole document, and
`..serial` at the object around the device's, such as its board.
`[*]` is each of a list, or each value of an object that has names for keys (`{"0": {...}, "1": {...}}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice, repeat
from typing import Any, NamedTuple

from perfwatch_collectors.described.values import is_missing

from perfwatch.text import clean

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\*|\d+|[^\[\]=]+=[^\[\]]*)\]")
_FIELD = re.compile(r"\{([^{}]+)\}")
WHOLE, UP, KEY = "$.", "..", "@key"
SHOWN = 40
MOST_NAMES = 20
MOST_VALUES = 4096
"""A path that names more values than this names none."""


class Record:
    """The fields of one device.

    Args:
        fields: by name; in JSON the object of the device.
        whole: what `$.` begins at; shared by all records of an output.
        around: the objects that the device's is in, with their keys, the nearest last: what `..` begins at.
    """

    def __init__(self, fields: Any, whole: Any = None, around: Sequence[tuple[str, Any]] = ()) -> None:
        self.fields = fields
        self.whole = whole
        self.around = around

    def values(self, name: str) -> list[Any]:
        """What a field tells: one value, several where a path has a `[*]`, none where it is not there."""
        if isinstance(self.fields, Mapping) and name in self.fields:
            return [self.fields[name]]
        found, path = self.begin_of(name)
        try:
            return values_at(found, path)
        except ValueError:  # no path, as a title may be: `Pwr[mW]`
            return []

    def begin_of(self, name: str) -> tuple[Any, str]:
        """Where a path begins, and the rest of it."""
        if name.startswith(WHOLE):
            return self.whole, name.removeprefix(WHOLE)
        path = bare_path(name)
        levels = (len(name) - len(path)) // len(UP)
        if not levels:
            return self.fields, name
        key, found = self.around[-levels] if levels <= len(self.around) else ("", None)
        return ({KEY: key}, path) if path == KEY and key else (found, path)

    def first(self, names: Sequence[str]) -> list[Any]:
        """What the first of several fields tells that is there: versions of a tool have their own names."""
        return next((found for name in names if (found := self.values(name))), [])

    def text(self, name: str) -> str | None:
        """What a field tells, as a text; `serial|uuid`: the first that is known, else the first there is."""
        found = [values[0] for each in name.split("|") if (values := self.values(each))]
        texts = [said(value) for value in found if not isinstance(value, (dict, list))]
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


def said(value: Any) -> str:
    """A value as the output has it: of JSON `true`, where Python says `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


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


class Item(NamedTuple):
    """What is at a path: its key, where that ends in the `[*]` of an object, and the objects around it."""

    key: str
    value: Any
    around: tuple[tuple[str, Any], ...] = ()


def items_at(found: Any, path: str) -> list[Item]:
    """What is at a path; `.` is all of it."""
    items = [Item("", found)]
    for step in [] if path == "." else steps_of(path):
        items = [inner for item in items for inner in _items_inside(item, step)]
        if not items or len(items) > MOST_VALUES:
            return []
    return items


def _items_inside(item: Item, step: str) -> Iterator[Item]:
    """One step further; an object of names is what a list is: none that a device is in."""
    is_object, is_each = isinstance(item.value, Mapping), step == "[*]"
    around = (*item.around, (item.key, item.value)) if is_object and not is_each else item.around
    keys = map(str, item.value) if is_object and is_each else repeat("")
    for key, value in zip(keys, _inside(item.value, step), strict=False):
        yield Item(key, value, around)


def bare_path(name: str) -> str:
    """A path without what says where it begins."""
    bare = name.removeprefix(WHOLE)
    while bare.startswith(UP):
        bare = bare.removeprefix(UP)
    return bare


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
    return [one for one in value if isinstance(one, Mapping) and said(one.get(key.strip())) == wanted.strip()]
