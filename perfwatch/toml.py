"""How is TOML read? By the standard library, before Python 3.11 by a package that a carried copy may lack."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from perfwatch.errors import ConfigError
from perfwatch.text import clean

NO_READER = "this Python reads no TOML"
REMEDY = "install tomli, or use Python 3.11 or later"


def reader(attempt: str) -> Any:
    """The module that reads TOML, imported where a file is there to be read: a start without one is quicker.

    Args:
        attempt: what the sentence begins with: `cannot read theme night.toml`.

    Raises:
        ConfigError: there is none.
    """
    try:
        return importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError as error:
        raise ConfigError(f"{attempt}: {NO_READER}; {REMEDY}") from error


def tables_of(text: str, attempt: str) -> dict[str, Any]:
    """What a TOML text says.

    Args:
        attempt: what the sentence begins with.

    Raises:
        ConfigError: it is no TOML, or nothing here reads it.
    """
    toml = reader(attempt)
    try:
        tables: dict[str, Any] = toml.loads(text)
    except (toml.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{attempt}: {clean(error)}; correct that place") from error
    return tables
