"""Which argument of a command line is secret by where it stands: by the option before it, by the program."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

HIDDEN = "***"
NAME = (
    r"(?:[\w.-]*(?:(?:api|access|account|encryption|licen[cs]e|master|private|shared|subscription)[-_]?key|secret"
    r"|token|passw(?:or)?d|passphrase|credentials?|auth(?:orization)?|cookie|sess(?:ion)?id|signature|jwt)"
    r"|(?:[\w.-]*[-_.])?(?:key|pass|pwd?|pat|psk|sig|bearer|creds?)"
    r"|(?-i:[\w.-]*[a-z\d]Key))"
)
"""Names of what nobody else may know; the whole name, so that `tokens` and `keyboard` are none."""
_SECRET_OPTION = re.compile(rf"--?{NAME}\Z", re.IGNORECASE)
_USER_OPTION = re.compile(r"(?:-u|--(?:[\w-]*-)?user)\Z")
_OPTION = re.compile(r"--?\Z|--[a-z][\w.-]*(?:=.*)?\Z|-[a-z](?:[a-z]|\d{1,5})?\Z", re.IGNORECASE | re.DOTALL)
"""What stands where a value is missing: the option before it was a switch. A secret may begin with a dash."""
_TWO_NUMBERS = re.compile(r"\d+:\d+\Z")
_LONG_KEY = re.compile(r"[\w-]{32,}\Z")

Hide = Callable[[str], str | None]
"""A value as it may be shown; None if it is no secret."""


def _whole(value: str) -> str | None:
    return HIDDEN if value else None


def _password(value: str) -> str | None:
    """`NAME:PASSWORD`; a name with nothing behind its colon is a key that is given as the user."""
    name, colon, password = value.partition(":")
    if not colon:
        return None
    return f"{name}:{HIDDEN}" if password else HIDDEN


def _likely_password(value: str) -> str | None:
    """The same of a program that is not known: an address and `UID:GID` are none."""
    return None if "://" in value or _TWO_NUMBERS.match(value) else _password(value)


def _cookie(value: str) -> str | None:
    """`NAME=VALUE`; anything else is the file that cookies are read from."""
    return HIDDEN if "=" in value else None


def _long_key(value: str) -> str | None:
    return HIDDEN if _LONG_KEY.match(value) else None


class _Program:
    """A program whose short options are secrets; to others the same letters are ports, counts and users.

    Args:
        names: a pattern of its names; those of two words are a program and what it is asked to do.
        secrets: how the value of each letter is hidden.
        switches: letters without a value, which may stand before: `curl -su NAME:PASSWORD`.
        argument: how an argument that belongs to no option is hidden.
    """

    def __init__(
        self, names: str, secrets: Mapping[str, Hide], switches: str = "", argument: Hide | None = None
    ) -> None:
        self.names = re.compile(rf"(?:{names})\Z")
        self.secrets = secrets
        letters, first = "".join(secrets), f"[{switches}]*" if switches else ""
        self.option = re.compile(rf"-{first}([{letters}])(.*)", re.DOTALL) if letters else None
        self.argument = argument


_PROGRAMS = (
    _Program("ssh|scp|sftp|rsync", {}),  # what sshpass starts: its -p is a port again
    _Program(
        "curl",
        {"u": _password, "U": _password, "E": _password, "b": _cookie},
        switches="#012346aBfgGiIjJkLlnNOpqRsSvZ",
    ),
    _Program("https?|xh|hey", {"a": _password}),
    _Program("ab", {"A": _password, "P": _password, "C": _cookie}, switches="dhiklqrSV"),
    _Program("ipmitool", dict.fromkeys("Pky", _whole), switches="cgv"),
    _Program(r"ipmi-[\w-]+|ipmi(?:power|console)|bmc-[\w-]+", dict.fromkeys("pk", _whole)),
    _Program(r"snmp(?:bulk)?(?:get(?:next)?|walk|set|table)", dict.fromkeys("cAX", _whole)),
    _Program(r"sshpass|i?d?racadm\d?", {"p": _whole}, switches="v"),
    _Program(r"(?:mysql|mariadb)[\w-]*|mongo(?:sh|dump|export|import|restore|stat|top)?", {"p": _whole}),
    _Program("sqlcmd|bcp|tsql", {"P": _whole}),
    _Program("(?:redis|valkey|keydb)-cli", {"a": _whole}),
    _Program(r"ldap\w+", {"w": _whole}, switches="cLMnvxZ"),
    _Program("(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc) login", {"p": _whole}),
    _Program("wandb login", {}, argument=_long_key),
)
_ASKED = re.compile("docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc|wandb")
"""Programs that are known by what they are asked to do."""
_DIRECTORIES = re.compile(r".*[/`(]", re.DOTALL)
_LONGEST_NAME = 40
"""No program's name is longer; so what is not one costs no search."""


class Place:
    """Where in a command line we are, word by word.

    A program counts wherever its name stands: behind `sudo`, `env A=b`, `nohup` or whatever else starts it.
    Better a port hidden, because somebody calls a server `mysql`, than a password shown behind a wrapper that
    nobody thought of.
    """

    def __init__(self) -> None:
        self._program: _Program | None = None
        self._asked = ""
        self._hide: Hide | None = None  # how the value is hidden that the last option asks for

    def shown(self, word: str) -> str | None:
        """The next word without its secret; None if where it stands makes it none."""
        hide, self._hide = self._hide, None
        if hide is not None and not _OPTION.match(word):
            return hide(word)
        if word.startswith("-"):
            return self._option(word)
        if self._is_program(word) or self._program is None or self._program.argument is None:
            return None
        return self._program.argument(word)

    def _option(self, word: str) -> str | None:
        own = self._program.option.match(word) if self._program and self._program.option else None
        if own and self._program:
            return self._valued(word[: own.start(2)], own[2], self._program.secrets[own[1]])
        name, equals, value = word.partition("=")
        if _SECRET_OPTION.match(name):
            return self._valued(name + equals, value, _whole)
        if _USER_OPTION.match(name):
            return self._valued(name + equals, value, _likely_password)
        return None

    def _valued(self, option: str, value: str, hide: Hide) -> str | None:
        if not value:
            self._hide = hide
            return None
        shown = hide(value)
        return None if shown is None else option + shown

    def _is_program(self, word: str) -> bool:
        name = _DIRECTORIES.sub("", word[-_LONGEST_NAME:])
        if _ASKED.fullmatch(name):
            self._asked = name
        asked = f"{self._asked} {name}"
        found = next((one for one in _PROGRAMS if one.names.match(name) or one.names.match(asked)), None)
        self._program = found or self._program
        return found is not None
