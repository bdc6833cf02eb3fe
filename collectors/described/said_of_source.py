"""What does `[source]` of a description say: where does the output come from?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfwatch_collectors.described.description import Source
from perfwatch_collectors.described.formats import AS_ONE_TEXT
from perfwatch_collectors.fetching import checked_url, shown

from perfwatch.errors import ConfigError

if TYPE_CHECKING:
    from perfwatch_collectors.described.formats import Read
    from perfwatch_collectors.described.tables import Table

DIRECTORY = "directory"
TOOL_S, PAGE_S = 5.0, 2.0
"""How long a tool, and a page, is waited for where nothing is said."""


def source_of(table: Table, read: Read) -> Source:
    table.knows(*_PLACES, *_OF_A_PAGE, *_OF_A_SOURCE)
    named = [key for key in _PLACES if table.values.get(key)]
    if len(named) != 1:
        raise ConfigError(
            f"cannot use [source] of {table.where}: it takes one of {', '.join(_PLACES)}, and has "
            f"{' and '.join(named) or 'none'}"
        )
    if (named[0] == DIRECTORY) != (read.format == DIRECTORY):
        raise ConfigError(
            f'cannot use {table.where}: a directory has the format "directory", and nothing else has'
        )
    period_s, floor_s = table.seconds("period", 1.0), table.seconds("fastest", 0.1)
    timeout_s = table.seconds("timeout", PAGE_S if named[0] == "url" else TOOL_S)
    stream = table.flag("stream")
    if stream and named[0] != "command":
        raise table.wrong("stream", True, "a command, which is started once and prints on and on")
    also = _commands(table, "also")
    alone = bool(also) and not read.join and read.format not in AS_ONE_TEXT
    if alone or (read.join and not also) or (also and (stream or named[0] != "command")):
        raise ConfigError(
            f"cannot use [source] of {table.where}: also takes a second command, beside command, and join in "
            "[read], the field in which both say the same device; without join both are read as one text, as "
            f"{' or '.join(AS_ONE_TEXT)}"
        )
    if named[0] == "url":
        _check_url(table)
    return Source(
        commands=_commands(table, "command"),
        also=also,
        also_once=table.flag("also_once"),
        needs=table.text("needs", ""),
        stream=stream,
        file=table.text("file", ""),
        directory=table.text("directory", ""),
        url=table.text("url", ""),
        user=table.text("user", ""),
        password=table.text("password", ""),
        token=table.text("token", ""),
        verify=table.flag("verify", default=True),
        period_s=max(period_s or 1.0, floor_s or 0.0),
        floor_s=floor_s or 0.01,
        timeout_s=timeout_s or TOOL_S,
        remedy=table.text("remedy", ""),
        if_failing=table.text("if_failing", ""),
        unasked=table.flag("unasked", default=True),
    )


def _check_url(table: Table) -> None:
    """A wrong address is said without the password that may stand in it."""
    url = table.text("url")
    try:
        checked_url(url)
    except ConfigError as error:
        raise table.unusable("url", f"{shown(url)!r} is no address; write http://HOST:PORT/PATH") from error


_PLACES = ("command", "file", "directory", "url")
_OF_A_PAGE = ("user", "password", "token", "verify")
_OF_A_SOURCE = (
    "also",
    "also_once",
    "needs",
    "stream",
    "period",
    "fastest",
    "timeout",
    "remedy",
    "if_failing",
    "unasked",
)


def _commands(table: Table, key: str) -> tuple[tuple[str, ...], ...]:
    """`["tool", "-j"]`, or a list of such lists, of which the first that is there is run."""
    value = table.values.get(key, [])
    takes = 'a program and its arguments, as in ["tool", "--json"], or a list of such lists'
    if isinstance(value, str) or not isinstance(value, list):
        raise table.wrong(key, value, takes)
    each = value if value and all(isinstance(one, list) for one in value) else [value] if value else []
    if not all(one and all(isinstance(word, str) and word for word in one) for one in each):
        raise table.wrong(key, value, takes)
    return tuple(tuple(one) for one in each)
