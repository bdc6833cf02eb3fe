"""Does an address on the command line hold a password, which every user of the machine can read there?

It is used all the same: for a page of no worth that is the person's choice. But it is said, and what to do.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from perfwatch.redact import redact
from perfwatch.text import clean

_ADDRESS = re.compile(r"https?://[^\s,\"']+")
_OVER_HTTP = re.compile(r"redfish:(?:.*,)?url=http://(?:[^@/,]*@)?(\[[^\]]*\]|[^/:,]+)")
"""A controller asks who reads it; plugs do without, or take a digest."""
_HERE = frozenset({"127.0.0.1", "localhost", "[::1]"})
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
    for text in getattr(args, "collector", None) or ():
        if (host := _OVER_HTTP.match(str(text))) and host[1] not in _HERE:
            yield (
                f"-c {clean(redact(str(text)), 100)}: over http everybody on the way reads who asks, with "
                "the password; say https://"
            )
    for option, text, instead in typed:
        for address in _ADDRESS.findall(str(text)):
            shown = redact(address)
            if shown != address:
                yield (
                    f"{option} {clean(shown, 100)}: every user of this machine can read a password on a "
                    f"command line; {instead}"
                )
