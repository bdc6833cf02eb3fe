"""Regular expressions of a description: compiled, and refused where they could take for ever.

A match holds up the whole process, and no thread can be interrupted in one: `(a+)+$` on forty letters takes
hours, and the job would not be started. So a pattern in which one text fits a repetition in many ways is
refused when the file is read; it may be that one is refused which would do. What remains is no worse than a
power of the length, and the length is bounded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, product
from typing import Any, NamedTuple

from perfwatch.text import clean

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        from re import _parser as parser  # type: ignore[attr-defined]  # from Python 3.11 on
    except ImportError:
        import sre_parse as parser

LINE_CHARACTERS = 4096
"""Of a line a pattern sees so much; no tool writes longer ones for people."""
TEXT_CHARACTERS = 2**18
"""Of all of it so much."""
_MANY = 10
"""A repetition of so many and more is as bad as one without end."""
MOST_WAYS = 24
"""So many alternatives are told apart."""
_CHARACTERS = (*map(chr, range(256)), "\u2502", "\u20ac")


class Part(NamedTuple):
    """One character, or what may be longer or shorter.

    Args:
        fits: the characters that may be in it.
        varies: it may be longer or shorter.
        needs: of what varies: the characters that are in it wherever it is there at all.
        power: to which power of a text's length it may be tried; 0 of what has a length of its own.
    """

    fits: frozenset[str]
    varies: bool = False
    needs: tuple[frozenset[str], ...] = ()
    power: int = 0


Way = tuple[Part, ...]
_ANY = frozenset(_CHARACTERS)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern of a description.

    Raises:
        ValueError: it is no regular expression, or one that could take for ever; says why, in a clause.
    """
    try:
        made = re.compile(pattern, re.MULTILINE)
        is_endless = may_be_endless(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{clean(pattern, 100)!r} is no regular expression: {clean(error, 100)}") from error
    if is_endless:
        raise ValueError(
            f"{clean(pattern, 100)!r} could take for ever: one text fits a repetition in many ways, as "
            "(a+)+ or (ab?|a)*; have a sign in each round that nothing else in it fits"
        )
    return made


def lines_for(text: str) -> str:
    """A text as far as a pattern sees it: long lines are cut."""
    text = text[:TEXT_CHARACTERS]
    if len(text) <= LINE_CHARACTERS:
        return text
    return "\n".join(line[:LINE_CHARACTERS] for line in text.split("\n"))


@lru_cache(256)
def may_be_endless(pattern: str) -> bool:
    """Whether a repetition in it may fit one text in so many ways that trying them does not end."""
    return any(_is_ambiguous(body) for body in _repeated(parsed(pattern)))


def parsed(pattern: str) -> Any:
    """A pattern as Python's own parser takes it apart."""
    return parser.parse(pattern, re.MULTILINE)


def _repeated(tree: Any) -> Iterator[Any]:
    """What is repeated many times, at any depth."""
    for op, value in tree:
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = value
            if int(most) >= _MANY:
                yield body
        for inner in _inner(name, value):
            yield from _repeated(inner)


_PLACES = {
    "MAX_REPEAT": 2,
    "MIN_REPEAT": 2,
    "POSSESSIVE_REPEAT": 2,
    "SUBPATTERN": 3,
    "ASSERT": 1,
    "ASSERT_NOT": 1,
}
"""Where in what the parser tells of a part the pattern within it stands."""


def _inner(name: str, value: Any) -> Sequence[Any]:
    """The patterns within one."""
    if name in _PLACES:
        return [value[_PLACES[name]]]
    if name == "BRANCH":
        return list(value[1])
    if name == "ATOMIC_GROUP":
        return [value]
    return [one for one in value[1:] if one is not None] if name == "GROUPREF_EXISTS" else []


def _is_ambiguous(body: Any) -> bool:
    """Whether two rounds of what is repeated may share a text in several ways."""
    ways = list(islice(ways_of(body), MOST_WAYS + 1))
    if len(ways) > MOST_WAYS:
        return True
    if any(_begin_alike(one, other) for at, one in enumerate(ways) for other in ways[:at]):
        return True
    return any(_share(one + other) for one in ways for other in ways)


def _begin_alike(one: Way, other: Way) -> bool:
    """Whether two alternatives may not be told apart before they vary, or end."""
    for first, second in zip(one, other, strict=False):
        if not first.fits & second.fits:
            return False
        if first.varies or second.varies:
            return True
    return True


def _share(way: Way) -> bool:
    """Whether of two parts that vary one may take what the other leaves."""
    for at, one in enumerate(way):
        between: list[frozenset[str]] = []
        for other in way[at + 1 :]:
            if not other.varies:
                between.append(other.fits)
            elif one.varies and is_shared(one, between, other):
                return True
    return False


def is_shared(one: Part, between: Sequence[frozenset[str]], other: Part) -> bool:
    """Whether of two parts that vary one may take what the other leaves, with such signs between them."""
    if not one.fits & other.fits:
        return False
    signs = (*between, *other.needs)
    return not any(not sign & one.fits for sign in signs) and not any(
        not sign & other.fits for sign in (*between, *one.needs)
    )


def power_of_way(way: Way) -> int:
    """To which power of a text's length a way may be tried: one part may take what the next one leaves."""
    highest: list[int] = []
    long = [at for at, part in enumerate(way) if part.power]
    for number, at in enumerate(long):
        before = [
            highest[earlier]
            for earlier in range(number)
            if is_shared(way[long[earlier]], _signs_between(way, long[earlier], at), way[at])
        ]
        highest.append(way[at].power + max(before, default=0))
    return max(highest, default=0)


def _signs_between(way: Way, first: int, last: int) -> list[frozenset[str]]:
    return [part.fits for part in way[first + 1 : last] if not part.varies]


def ways_of(tree: Any) -> Iterator[Way]:
    """The ways in which a pattern may go, each as its parts."""
    choices = [list(islice(_ways_of(str(op), value), MOST_WAYS + 1)) for op, value in tree]
    for chosen in product(*choices):
        yield tuple(part for parts in chosen for part in parts)


def _ways_of(name: str, value: Any) -> Iterator[Way]:
    if name == "SUBPATTERN":
        yield from ways_of(value[3])
    elif name == "ATOMIC_GROUP":
        yield from ways_of(value)
    elif name == "BRANCH":
        for each in value[1]:
            yield from ways_of(each)
    elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        yield from _ways_of_repeat(*value)
    elif name in ("AT", "ASSERT", "ASSERT_NOT"):
        yield ()
    elif name in ("GROUPREF", "GROUPREF_EXISTS"):
        yield (Part(_ANY, varies=True, power=1),)
    else:
        yield (Part(_fitting(name, value)),)


def _ways_of_repeat(least: Any, most: Any, body: Any) -> Iterator[Way]:
    inner = list(islice(ways_of(body), MOST_WAYS + 1))
    if least == most == 1:
        yield from inner
        return
    fits = frozenset().union(*(part.fits for way in inner for part in way))
    always = [tuple(part.fits for part in way if not part.varies) for way in inner]
    needs = tuple(frozenset().union(*signs) for signs in product(*always)) if len(inner) <= 2 else ()
    if least == most:
        yield tuple(Part(fits) for _ in range(min(int(least), _MANY)))
    else:
        power = max([int(int(most) >= _MANY), *map(power_of_way, inner)])
        yield (Part(fits, varies=True, needs=needs, power=power),)


def _fitting(name: str, value: Any) -> frozenset[str]:
    """The characters that one place of a pattern fits."""
    if name == "LITERAL":
        return frozenset({chr(value), chr(value).swapcase()})
    if name == "NOT_LITERAL":
        return _ANY - {chr(value)}
    if name == "ANY":
        return _ANY - {"\n"}
    if name == "IN":
        return _in(value)
    return _ANY


def _in(items: Any) -> frozenset[str]:
    found: set[str] = set()
    negated = False
    for op, value in items:
        name = str(op)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            found |= {chr(value), chr(value).swapcase()}
        elif name == "RANGE":
            found |= {one for one in _CHARACTERS if value[0] <= ord(one) <= value[1]}
        else:
            found |= _CATEGORIES.get(str(value), _ANY)
    return _ANY - found if negated else frozenset(found)


def _category(pattern: str) -> frozenset[str]:
    return frozenset(one for one in _CHARACTERS if re.fullmatch(pattern, one))


_CATEGORIES = {
    "CATEGORY_DIGIT": _category(r"\d"),
    "CATEGORY_NOT_DIGIT": _category(r"\D"),
    "CATEGORY_SPACE": _category(r"\s"),
    "CATEGORY_NOT_SPACE": _category(r"\S"),
    "CATEGORY_WORD": _category(r"\w"),
    "CATEGORY_NOT_WORD": _category(r"\W"),
}
