"""Who else can read a password: every user of the machine on a command line, everybody on the way over http?

It is used all the same: for a page of no worth that is the person's choice. But it is said, and what to do.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from perfwatch.redact import redact
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch.collector import Collector

_ADDRESS = re.compile(r"https?://[^\s,\"']+")
_ASKED_WHO = frozenset({"redfish"})
"""These ask who reads them; plugs do without, or take a digest."""
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
_OF_A_COLLECTOR = (
    "name where it is: user=VARIABLE,password=VARIABLE, credentials=FILE or keyring=SERVICE/USER "
    "(docs/meters.md)"
)
_OF_A_WORKLOAD = (
    "write the address as workload in [run] of the config file, which you alone may read (chmod 600), or "
    "into the variable PERFWATCH_RUN_WORKLOAD"
)


def warnings(args: argparse.Namespace) -> Iterator[str]:
    """A sentence for each option in whose address something secret stands."""
    typed = [("-c", text, _OF_A_COLLECTOR) for text in getattr(args, "collector", None) or ()]
    typed += [("-w", text, _OF_A_WORKLOAD) for text in getattr(args, "workload", None) or ()]
    what = getattr(args, "what", None)
    typed += [("attach", what, f"attach to its PID, and {_OF_A_WORKLOAD}")] if isinstance(what, str) else []
    for option, text, instead in typed:
        for address in _ADDRESS.findall(str(text)):
            shown = redact(address)
            if shown != address:
                yield (
                    f"{option} {clean(shown, 100)}: every user of this machine can read a password on a "
                    f"command line; {instead}"
                )


def in_the_clear(collectors: Iterable[Collector]) -> Iterator[str]:
    """A sentence for each that tells its password over http, wherever its address was written."""
    for one in collectors:
        url = str(getattr(one.options, "url", "") or "")
        if type(one).name in _ASKED_WHO and url.startswith("http://") and _host_of(url) not in _HERE:
            yield (
                f"{one.name} at {clean(redact(url), 100)}: over http everybody on the way reads who asks, "
                "with the password; say https://"
            )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # what is wrong with it is said where it is opened
        return ""
