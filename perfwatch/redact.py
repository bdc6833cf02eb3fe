"""Keeps secrets out of sessions, reports and logs: keys, tokens and passwords in command lines and URLs.

Better something harmless hidden than a key shown: a name that sounds like a secret's hides its value.
Nothing here raises, and a text of any length takes time in proportion to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from perfwatch.secret_options import HIDDEN, NAME, Place

__all__ = ["HIDDEN", "redact", "redact_command", "without_users"]

_DEPTH = 4
"""Quotes within quotes that are looked into; `ssh host "sh -c 'serve --token X'"` has two."""
_QUOTE = r"\\{0,7}[\"']"
"""A quotation mark, with the backslashes that it has within other ones."""
_BARE = r"[^\s,;&'\"}]+"
_VALUE = (
    rf"[\[({{]*(?:(?:Bearer|Basic|Digest|Token)\s+)?(?:(?P<v>{_QUOTE})(?s:.*?)(?:(?<!\\)(?P=v)|\Z)|{_BARE})"
)
_ASSIGNMENT = re.compile(
    rf"((?<![\w./-]){NAME}(?:{_QUOTE})?\s*[=:]{{1,2}}>?\s*)(?!\s){_VALUE}", re.IGNORECASE
)
"""`NAME=VALUE`, JSON. It is searched from a name's first sign alone: from each of them, the time
would be the square of a name's length."""
_WHOLE = re.compile(
    rf"({NAME}=)(?!.*[,;&]\s*[\w.-]+=).+\Z|(\s*{NAME}\s*:[ \t])[^\n]+\Z", re.IGNORECASE | re.DOTALL
)
"""An argument that is one assignment or one header: all of it is the value, `Cookie: a=b; session=X`."""
_HEADER = re.compile(
    r"((?<![\w./-])[\w.-]*(?:authorization|cookie)\s*:\s*)(?![\s'\"\\])(?:[^\n'\"]|(?<==)\"[^\n\"]*\")+",
    re.IGNORECASE,
)
"""These have values of several words: all up to the end of the line or of the quotes around it."""
_SCHEME_END = r":(?:\\?/){2}"
_URL_USER = re.compile(
    rf"({_SCHEME_END})(?:"
    r"[^/\s@:?#'\"<>\[]*:(?!\d{1,5}(?:[/?#\s'\"]|\Z))"  # a number and a slash are a port and a path
    rf"(?:(?!{_SCHEME_END}|\?[\w.-]+=)[^\s'\"<>])*"
    r"|[^/\s?#'\"<>]+)@"
)
"""`NAME:PASSWORD@`, up to the last @ before a query: passwords have an @ or a slash that nobody escaped."""
_ANY_USER = re.compile(r"(?<![^\s/'\"=,(])[^\s/@'\":=,()]+:(?![\s/])[^\s@'\"]+@(?=[\w\[])")
"""The same wherever somebody typed an address wrongly: `https:/NAME:PASSWORD@HOST`, `NAME:PASSWORD@HOST`."""
_WELL_KNOWN = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bnvapi-[\w-]{16,}|\bdckr_pat_[\w-]{16,}|\bnpm_\w{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bxox[a-z]-[A-Za-z0-9-]{10,}"
    r"|(?<![\w-])-{0,2}eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|\bBearer\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=\bhooks\.slack\.com/services/)[\w/]+"
)
"""Keys by their makers' own forms, and JSON web tokens."""
_QUOTED = re.compile(r"(?<!\\)(?P<quote>\\{0,7}(?:\"|(?<![A-Za-z]{2})'))(?P<inner>(?s:.*?))(?<!\\)(?P=quote)")
"""What is quoted; the apostrophe of `don't` opens nothing."""
_TOKEN = re.compile(
    rf"(?P<end>[;|\n]|&(?=[\s&]|\Z))|(?:[^\s;|&\\'\"]+|{_QUOTED.pattern}|(?!&(?:[\s&]|\Z))[^\s;|])+"
)
"""A shell's word, or where a command ends."""
_OPENING, _CLOSING = "[({$`", "])},`"
"""What stands around a word and is none of it."""


def without_users(text: str) -> str:
    """The text without `NAME:PASSWORD@` of addresses, also of ones that are no whole addresses."""
    return _ANY_USER.sub(rf"{HIDDEN}@", text)


def redact(text: str) -> str:
    """The text without the secrets that are recognisable in it."""
    return _redacted(text, _DEPTH)


def redact_command(command: Sequence[str]) -> list[str]:
    """A command line without secrets: `--api-key X`, `--token=X`, keys in URLs and well-known tokens."""
    place = Place()
    shown = [place.shown(argument) for argument in command]
    return [
        _argument(argument, _DEPTH) if hidden is None else hidden
        for argument, hidden in zip(command, shown, strict=True)
    ]


def _argument(text: str, depth: int) -> str:
    return _whole(text) or _redacted(text, depth)


def _whole(argument: str) -> str | None:
    found = _WHOLE.match(argument)
    return f"{found[1] or found[2]}{HIDDEN}" if found else None


def _redacted(text: str, depth: int) -> str:
    """What stands where a secret does goes first: it is whole words, of which the patterns may see a part."""
    if depth:
        text = _words_redacted(text, depth - 1)
    text = _URL_USER.sub(rf"\1{HIDDEN}@", text)
    for pattern in (_HEADER, _ASSIGNMENT):
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return _WELL_KNOWN.sub(HIDDEN, text)


def _words_redacted(text: str, depth: int) -> str:
    """The text as a shell's line, `sh -c 'serve --token X'`; where it is none, no word is an option."""
    place = Place()

    def shown(token: re.Match[str]) -> str:
        nonlocal place
        if token["end"]:
            place = Place()
            return token[0]
        return _word(token[0], place, depth)

    return _TOKEN.sub(shown, text)


def _word(word: str, place: Place, depth: int) -> str:
    core = word.lstrip(_OPENING).rstrip(_CLOSING)
    if not core:
        return word
    quoted = _QUOTED.match(core)
    bare = quoted["inner"] if quoted and quoted.end() == len(core) else core
    hidden = place.shown(bare) or _whole(core)
    if hidden is None:
        return _QUOTED.sub(
            lambda found: found["quote"] + _argument(found["inner"], depth) + found["quote"], word
        )
    before, _, after = word.partition(core)
    return before + hidden + after
