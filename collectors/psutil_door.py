"""How is psutil had, which a carried copy may lack?"""

from __future__ import annotations

from typing import Any

from perfwatch.errors import Unavailable


def import_psutil(attempt: str) -> Any:
    """psutil, imported when a collector opens.

    Args:
        attempt: what the sentence begins with: `cannot watch the host`.

    Raises:
        Unavailable: it is not there.
    """
    try:
        import psutil
    except ImportError as error:
        raise Unavailable(
            f"{attempt}: psutil is not importable ({error})", "python -m pip install psutil"
        ) from error
    return psutil
