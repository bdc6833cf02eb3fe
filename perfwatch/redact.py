"""Keeps secrets out of sessions, reports and logs: keys, tokens and passwords in command lines and URLs."""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "***"
_NAME = (
    r"[\w.-]*(?:api[-_]?key|access[-_]?key|secret|token(?!s)|passw(?:or)?d|passphrase|credential"
    r"|auth(?:orization)?)"
)
_SECRET_OPTION = re.compile(rf"--?{_NAME}\Z", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    rf"((?:\A|[\s,;&?'\"{{]|--?)(?:{_NAME})\s*[=:]\s*)(?!\s)[^\s,;&'\"}}]+(?: [A-Za-z0-9._~+/=-]{{12,}})?",
    re.IGNORECASE,
)
_URL_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_WELL_KNOWN = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[A-Z0-9]{16}\b"
    r"|\bxox[a-z]-[A-Za-z0-9-]{10,}|\bBearer\s+[A-Za-z0-9._~+/=-]{8,}"
)


def redact(text: str) -> str:
    """The text without the secrets that are recognisable in it."""
    text = _URL_USER.sub(rf"\1{HIDDEN}@", text)
    text = _WELL_KNOWN.sub(HIDDEN, text)
    return _ASSIGNMENT.sub(rf"\1{HIDDEN}", text)


def redact_command(command: Sequence[str]) -> list[str]:
    """A command line without secrets: `--api-key X`, `--token=X`, keys in URLs and well-known tokens."""
    shown: list[str] = []
    hide_next = False
    for argument in command:
        if hide_next and not argument.startswith("-"):
            shown.append(HIDDEN)
        else:
            shown.append(redact(argument))
        hide_next = bool(_SECRET_OPTION.match(argument))
    return shown
