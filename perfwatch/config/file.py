"""Where is the user's file, and what does it say? Its tables; nothing is checked of what they mean."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perfwatch.errors import ConfigError, reason_of
from perfwatch.text import clean
from perfwatch.toml import NO_READER, REMEDY, reader

MAX_FILE_BYTES = 1 << 20
"""A config file beyond this is not one."""


def default_path(environ: Mapping[str, str], notes: list[str]) -> Path | None:
    """`perfwatch/config.toml` in the user's configuration directory; None, and a note, without one."""
    directory = environ.get("XDG_CONFIG_HOME", "") or _usual_directory(environ)
    # XDG says that a relative path is to be ignored; without a home, `~` would stay as it is. Either would
    # be a file of the working directory.
    if not Path(directory).is_absolute():
        notes.append(
            f"cannot look for a config file: {clean(directory)!r} is no absolute path "
            "(is HOME or XDG_CONFIG_HOME set right?); going on with the defaults"
        )
        return None
    return Path(directory) / "perfwatch" / "config.toml"


def own_collectors(file: Path | None) -> Path | None:
    """Where the user's own collectors lie: beside the config file, whether either exists or not."""
    return None if file is None else file.parent / "collectors"


def read_tables(file: Path, *, explicit: bool, notes: list[str]) -> dict[str, Any] | None:
    """The file's tables; None where there is no file, or (a note says why) it cannot be read.

    Raises:
        ConfigError: it is broken, or, named explicitly, it cannot be read.
    """
    content = _read(file, explicit=explicit, notes=notes)
    toml = None if content is None else _toml_reader(file, explicit=explicit, notes=notes)
    return None if content is None or toml is None else _parse(toml, content, file)


def _usual_directory(environ: Mapping[str, str]) -> str:
    """The user's configuration directory where no variable names it."""
    try:
        import platformdirs
    except ImportError:  # a carried copy on a machine with nothing installed
        home = environ.get("HOME", "") or os.path.expanduser("~")  # noqa: PTH111 - leaves what has no answer
        return os.path.join(home, ".config")  # noqa: PTH118
    return platformdirs.user_config_dir()


def _read(file: Path, *, explicit: bool, notes: list[str]) -> bytes | None:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        if not explicit and isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return None
        sentence = f"cannot read config file {clean(file)}: {reason_of(error)}"
        if explicit:
            raise ConfigError(f"{sentence}; check the path given with --config") from error
        notes.append(f"{sentence}; going on with the defaults")
        return None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(
            f"cannot read config file {clean(file)}: it is larger than 1 MiB, this is no config"
        )
    return content


def _toml_reader(file: Path, *, explicit: bool, notes: list[str]) -> Any:
    """What reads TOML; None, and a note, without it."""
    attempt = f"cannot read config file {clean(file)}"
    try:
        return reader(attempt)
    except ConfigError:
        if explicit:
            raise
        notes.append(f"{attempt}: {NO_READER}; going on with the defaults ({REMEDY})")
        return None


def _parse(toml: Any, content: bytes, file: Path) -> dict[str, Any]:
    where = f"cannot read config file {clean(file)}"
    try:
        tables: dict[str, Any] = toml.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{where}, line {line}: it is not UTF-8; save it as UTF-8") from error
    except toml.TOMLDecodeError as error:
        what, line = _place(str(error), content)
        raise ConfigError(f"{where}, line {line}: {clean(what)}; correct that line") from error
    except RecursionError as error:
        raise ConfigError(f"{where}: it is nested too deeply, this is no config") from error
    return tables


def _place(message: str, content: bytes) -> tuple[str, int]:
    """The parser's message without its place, and the line."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", message, re.DOTALL)
    if match:
        return match[1].lower(), int(match[2])
    return message.removesuffix(" (at end of document)").lower(), content.count(b"\n") + 1
