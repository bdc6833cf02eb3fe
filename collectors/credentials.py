"""Who asks a meter that wants to know: from the environment, from a file, or from the desktop's keyring.

No secret stands on a command line, in a description or in a recording; what is named there is where it is.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from perfwatch.errors import ConfigError, Unavailable, reason_of
from perfwatch.text import clean

_NAME_OF_A_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""As people name them; a password looks otherwise."""


class Credentials(NamedTuple):
    """Who asks."""

    user: str
    password: str


HOW_TO_ASK = (
    "name where user and password are: user=VARIABLE,password=VARIABLE, credentials=FILE or "
    "keyring=SERVICE/USER"
)
"""What can be said of who asks with a collector's options."""


def who_asks(user: str, password: str, file: str = "", keyring: str = "") -> Credentials | None:
    """The same as `credentials`; None where nothing is said of it."""
    return credentials(user, password, file, keyring) if user or password or file or keyring else None


def credentials(user: str, password: str, file: str = "", keyring: str = "") -> Credentials:
    """From a keyring, else from a file that only its owner may read, else from two variables.

    Args:
        user, password: names of variables of the environment.
        file: holds `USER:PASSWORD`.
        keyring: `SERVICE/USER`, as `keyring set SERVICE USER` keeps it.

    Raises:
        ConfigError: others may read the file, or it is not of that form; a file and a keyring are named.
        Unavailable: the variables are not set, or the keyring has no such password.
    """
    asked = {"user": user, "password": password}
    if file and keyring:
        raise ConfigError("cannot take who asks from a file and from a keyring: name credentials or keyring")
    if keyring:
        return _of_keyring(keyring)
    if file:
        return _of_file(Path(file).expanduser())
    missing = next((option for option, name in asked.items() if name and not os.environ.get(name)), None)
    if missing is not None:
        raise _not_set(missing, asked)
    return Credentials(os.environ.get(user, ""), os.environ.get(password, ""))


def _not_set(option: str, asked: Mapping[str, str]) -> Unavailable:
    """A name that looks like none of a variable is not said: it may be the secret itself."""
    instead = "or name a file with credentials=FILE, or keyring=SERVICE/USER"
    if all(_NAME_OF_A_VARIABLE.fullmatch(name) for name in asked.values()):
        exports = " ".join(f"{name}=..." for name in asked.values())
        return Unavailable(
            f"the variable {asked[option]} of the environment is not set", f"export {exports}, {instead}"
        )
    return Unavailable(
        "user= and password= take the names of variables of the environment, and what was given names none "
        "that is set",
        f"export METER_USER=... METER_PASSWORD=..., say user=METER_USER,password=METER_PASSWORD, {instead}",
    )


def _of_file(path: Path) -> Credentials:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"cannot read the credentials {clean(path)}: {reason_of(error)}") from error
    except UnicodeDecodeError:
        text = ""
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"cannot use the credentials {clean(path)}: others may read it; chmod 600 it")
    user, colon, password = text.partition(":")
    if not colon or not user:
        raise ConfigError(f"cannot use the credentials {clean(path)}: it holds one line, USER:PASSWORD")
    return Credentials(user, password)


def _of_keyring(named: str) -> Credentials:
    """What the package `keyring` finds. It is loaded here, so that nobody needs it who has no keyring."""
    service, slash, user = named.rpartition("/")
    if not slash or not service or not user:
        raise ConfigError(f"cannot use keyring={clean(named, 60)}: write keyring=SERVICE/USER")
    shown, whose = clean(service, 60), clean(user, 60)
    try:
        import keyring
    except ImportError as error:
        raise Unavailable(
            f"the password of {whose} is in a keyring, and the package keyring is not installed",
            "pip install keyring",
        ) from error
    password = _asked(keyring, service, user)
    if not password:
        raise Unavailable(
            f"the keyring has no password of {whose} for {shown}", f"keyring set {shown} {whose}"
        )
    return Credentials(user, password)


def _asked(keyring: Any, service: str, user: str) -> str | None:
    """The password, or None. Of what goes wrong only the kind is told: its words are the keyring's own."""
    try:
        found = keyring.get_password(service, user)
    except Exception as error:
        raise Unavailable(
            f"the keyring cannot be asked for {clean(service, 60)} ({type(error).__name__})",
            "unlock it, or name a file with credentials=FILE; `keyring diagnose` says which one is used",
        ) from error
    return found if isinstance(found, str) else None
