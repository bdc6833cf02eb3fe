"""Keeps secrets out of sessions, reports and logs: keys, tokens and passwords in command lines and URLs.

Better something harmless hidden than a key shown: a name that sounds like a secret's hides its value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "***"
_NAME = (
    r"(?:[\w.-]*(?:api[-_]?key|access[-_]?key|secret|token(?!s)|passw(?:or)?d|passphrase|credentials?"
    r"|auth(?:orization)?|cookie|signature)"
    r"|(?:[\w.-]*[-_.])?(?:key|pass|pwd|pat|sig|bearer))"
)
"""Names of what nobody else may know; the whole name, so that `tokens` and `keyboard` are none."""
_VALUE = r"(?:(?:Bearer|Basic|Digest|Token)\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s,;&'\"}]+)"
_SECRET_OPTION = re.compile(rf"--?{_NAME}\Z", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    rf"((?:\A|[\s,;&?'\"{{(\[=:]|--?)(?:{_NAME})[\"']?\s*[=:]\s*)(?!\s){_VALUE}", re.IGNORECASE
)
_IN_A_SHELL = re.compile(rf"((?:\A|[\s'\"])--?{_NAME}\s+)(?!-){_VALUE}", re.IGNORECASE)
"""An option and its value within one argument: `sh -c 'serve --token X'`."""
_USER = re.compile(r"((?:\A|\s)(?:-u|--user)(?:\s+|=)[^\s:'\"]+:)[^\s'\"]+")
"""`curl -u NAME:PASSWORD`."""
_TAKES_SHORT = re.compile(r"(?:\A|/|\s)(?:mysql\w*|mariadb\w*|sshpass)\Z")
"""Programs to which `-p` is a password; to others it is a port."""
_SHORT_PASSWORD = re.compile(r"(\b(?:mysql\w*|mariadb\w*|sshpass)\b[^;|&]*?\s-p\s?)[^\s'\"]+")
_URL_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_WELL_KNOWN = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bnvapi-[\w-]{16,}|\bdckr_pat_[\w-]{16,}|\bnpm_\w{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bxox[a-z]-[A-Za-z0-9-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|\bBearer\s+[A-Za-z0-9._~+/=-]{8,}"
)
"""Keys by their makers' own forms, and JSON web tokens."""


def redact(text: str) -> str:
    """The text without the secrets that are recognisable in it."""
    text = _URL_USER.sub(rf"\1{HIDDEN}@", text)
    text = _WELL_KNOWN.sub(HIDDEN, text)
    for pattern in (_ASSIGNMENT, _IN_A_SHELL, _USER, _SHORT_PASSWORD):
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def redact_command(command: Sequence[str]) -> list[str]:
    """A command line without secrets: `--api-key X`, `--token=X`, keys in URLs and well-known tokens."""
    shown: list[str] = []
    before, takes_short = "", False
    for argument in command:
        takes_short = takes_short or bool(_TAKES_SHORT.search(argument))
        is_value = not argument.startswith("-")
        if is_value and (_SECRET_OPTION.match(before) or (takes_short and before == "-p")):
            shown.append(HIDDEN)
        elif before in ("-u", "--user") and ":" in argument:
            shown.append(f"{argument.partition(':')[0]}:{HIDDEN}")
        elif takes_short and argument.startswith("-p") and len(argument) > len("-p"):
            shown.append(f"-p{HIDDEN}")
        else:
            shown.append(redact(argument))
        before = argument
    return shown
