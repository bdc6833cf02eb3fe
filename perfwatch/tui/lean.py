"""How does the dashboard do without what its libraries could do and it never asks for?"""

from __future__ import annotations

import sys


def load_asyncio() -> None:
    """Import asyncio without TLS: OpenSSL takes 4 MB and 6 ms, and no connection goes through asyncio here.

    asyncio expects a Python without `ssl` and does without. Whoever speaks HTTPS (the collector of pages)
    imports `ssl` as ever. To be called before threads are started: one that imported `ssl` meanwhile would be
    told that there is none.
    """
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules.update({"ssl": None})  # type: ignore[dict-item]  # which the import system takes for none
    try:
        import asyncio  # noqa: F401 - for those who import it later
    finally:
        del sys.modules["ssl"]
