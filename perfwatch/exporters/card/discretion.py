"""What may a card say of where a run was made? No host, no person, no path, unless that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from perfwatch.redact import redact, without_users
from perfwatch.text import clean

HOST, COMMAND = "host", "command"
CHOICES = (HOST, COMMAND)
"""What `--with` shows."""

LONGEST = 400
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s'\"<>]+", re.IGNORECASE)
_PERSON = re.compile(r"[\w.+-]+@[\w.-]+\w")
_PATH = re.compile(r"(?<![\w.~/\\-])(?:~[\w.-]*|\.{1,2}|[A-Za-z]:)?(?:[/\\][^\s/\\'\",;:()|]+){2,}[/\\]?")
"""A path has two parts at least: `images/s`, `meta-llama/Llama-3` and `and/or` are none."""
_HOME = re.compile(r"(?<![\w.~/-])~[\w.-]*/[^\s'\",;:()|]*")


class Discretion:
    """Takes out of texts what would tell where a run was made.

    Args:
        session: the summary's `session`.
        shown: words of `CHOICES` that were asked for.
    """

    def __init__(self, session: Mapping[str, Any], shown: Iterable[str] = ()) -> None:
        self._shown = frozenset(shown)
        hosts = [] if HOST in self._shown else list(map(str, session.get("hosts") or []))
        self._hosts = list(_renamed(hosts))

    def shows(self, what: str) -> bool:
        """Whether that was asked for."""
        return what in self._shown

    def text(self, raw: object, limit: int = LONGEST) -> str:
        """One safe line without hosts, people, addresses and folders."""
        text = without_users(clean(raw, 4 * limit))
        if HOST not in self._shown:
            text = _PERSON.sub("(somebody)", _URL.sub(r"\1://(an address)", text))
        text = _HOME.sub(_last_part, _PATH.sub(_last_part, text))
        for pattern, name in self._hosts:
            text = pattern.sub(name, text)
        return clean(text, limit)

    def told(self, raw: object, limit: int = LONGEST) -> str:
        """The same of what a person or a program told, which may hold a secret."""
        return self.text(redact(clean(raw, 4 * limit)), limit)


def _renamed(hosts: list[str]) -> Iterable[tuple[re.Pattern[str], str]]:
    """Hosts by numbers, the longest name first: one may begin with another."""
    named = {host: f"host {at + 1}" if len(hosts) > 1 else "the host" for at, host in enumerate(hosts)}
    for host in list(named):
        named.setdefault(host.partition(".")[0], named[host])
    for host in sorted(filter(None, named), key=len, reverse=True):
        domain = r"(?:\.[\w-]+)*"
        pattern = re.compile(rf"(?<![\w-]){re.escape(clean(host))}{domain}(?![\w-])", re.IGNORECASE)
        yield pattern, named[host]


def _last_part(found: re.Match[str]) -> str:
    """A path without its folders."""
    return re.split(r"[/\\]", found[0].rstrip("/\\"))[-1]
