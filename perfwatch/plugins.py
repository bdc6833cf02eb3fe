"""Finds collectors: lists names (imports nothing), loads one, loads a file.

The built-in ones stand in a generated table beside them (`make table`), so that a start searches no
installed metadata; entry points of the group `perfwatch.collectors` add foreign ones. Some are described in
TOML files; these take part by themselves where the tool or the files are there that they read.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from perfwatch import programs
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError

GROUP = "perfwatch.collectors"
OWN = ("perfwatch-", "perfwatch.egg-info")
"""How the directory of our own metadata begins."""
BUILTIN_PACKAGE = "perfwatch_collectors"


@dataclass(frozen=True)
class Plugin:
    """A collector that could be loaded: where it is and whether it takes part unasked."""

    name: str
    target: str
    """`module:Class`, or a file: a TOML file's name beside the built-in ones, or a whole path."""
    default: bool
    origin: str
    """`built in`, or the distribution or file that brought it."""
    about: str = ""
    needs: tuple[str, ...] = ()
    """Of a described one that comes with perfwatch: a program or path of which one has to be there."""
    unasked: bool = True
    """Whether it takes part by itself where what it needs is there; else only whoever names it gets it."""


def builtin() -> dict[str, Plugin]:
    """The collectors that come with perfwatch, by name."""
    package = importlib.import_module(BUILTIN_PACKAGE)
    table = Path(str(package.__file__)).with_name("builtin.json")
    try:
        rows = json.loads(table.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read the table of built-in collectors {table}: {error}; install perfwatch anew"
        ) from error
    places = programs.places()
    return {
        name: Plugin(
            name,
            row["target"],
            row["default"] and has_one_of(tuple(row.get("needs", ())), places),
            "built in",
            row["about"],
            tuple(row.get("needs", ())),
            row["default"],
        )
        for name, row in rows.items()
    }


def in_folder(folder: Path | None) -> dict[str, Plugin]:
    """The user's own files, by their names without the ending; they take part, in place of built-in ones."""
    if folder is None or not folder.is_dir():
        return {}
    return {path.stem: Plugin(path.stem, str(path), True, str(path)) for path in _files_in(folder)}


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".py", ".toml"))


def clashes(folder: Path | None) -> list[str]:
    """Files of the user's folder that take the place of another collector, or have no place, as sentences."""
    if folder is None or not folder.is_dir():
        return []
    files = _files_in(folder)
    last = {path.stem: path for path in files}
    said = [
        f"{path} is passed over: {last[path.stem].name} beside it has the same name; give one another name"
        for path in files
        if last[path.stem] != path
    ]
    known = builtin() if files else {}
    replaced = [path for name, path in last.items() if name in known]
    return said + [
        f"{path} takes the place of the collector {path.stem} that comes with perfwatch; give it another "
        "name to have both"
        for path in replaced
    ]


def has_one_of(needs: tuple[str, ...], places: Sequence[str] = ()) -> bool:
    """Whether this machine has one of the programs or paths that a described collector reads.

    Args:
        places: where programs are looked for, for who asks for many.
    """
    among = places or programs.places()
    return not needs or any(
        _is_path(name) if name[0] == "/" else programs.program(name, among) for name in needs
    )


def _is_path(pattern: str) -> bool:
    return next(Path("/").glob(pattern[1:]), None) is not None


def foreign() -> dict[str, Plugin]:
    """The collectors that other installed packages bring, by name. A built-in name cannot be taken."""
    if not _may_be_foreign():
        return {}
    from importlib.metadata import entry_points

    known = builtin()
    found: dict[str, Plugin] = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in known:
            origin = entry.dist.name if entry.dist is not None else "an entry point"
            found[entry.name] = Plugin(entry.name, entry.value, True, origin)
    return found


def _may_be_foreign() -> bool:
    """Whether any other distribution on the path names our group at all.

    A look at the files is a tenth of what `importlib.metadata` costs to import; where the path holds more
    than directories, that one has to look itself.
    """
    for place in dict.fromkeys(sys.path):
        directory = Path(place or ".")
        if directory.is_file():
            return True
        for listed in (
            *directory.glob("*.dist-info/entry_points.txt"),
            *directory.glob("*.egg-info/entry_points.txt"),
        ):
            if not listed.parent.name.startswith(OWN) and GROUP.encode() in _content(listed):
                return True
    return False


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return GROUP.encode()  # not ours to judge


def every(folder: Path | None = None) -> dict[str, Plugin]:
    """Built-in and foreign collectors by name, and those of the user's folder; nothing is imported."""
    return {**builtin(), **foreign(), **in_folder(folder)}


def find(name: str, folder: Path | None = None) -> Plugin:
    """The plugin of a name.

    Raises:
        ConfigError: there is none; names the nearest one that is installed.
    """
    return named(name, every(folder))


def named(name: str, known: Mapping[str, Plugin]) -> Plugin:
    """The plugin of a name among those that are `known`: whoever asks for several names looks once (`every`).

    Raises:
        ConfigError: there is none; names the nearest one.
    """
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
    raise ConfigError(f"there is no collector {name!r}{hint} (a file is given as ./NAME.py)")


def load(plugin: Plugin) -> type[Collector]:
    """Import a plugin's class.

    Raises:
        ConfigError: it cannot be imported, or is no collector; says which and why.
    """
    if plugin.target == plugin.origin:
        return load_file(plugin.target)
    if plugin.target.endswith(".toml"):
        package = importlib.import_module(BUILTIN_PACKAGE)
        return described(Path(str(package.__file__)).with_name("chips") / plugin.target)
    module_name, _, class_name = plugin.target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"collector {plugin.name} ({plugin.origin}) cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Collector)):
        raise ConfigError(f"collector {plugin.name} ({plugin.origin}): {plugin.target} is no Collector class")
    return found


def load_file(path: str) -> type[Collector]:
    """The one collector that a Python file defines, or that a TOML file describes.

    Raises:
        ConfigError: the file is missing, broken, or defines none or several.
    """
    file = Path(path).expanduser()
    if file.suffix == ".toml":
        return described(file)
    if file.suffix != ".py":
        raise ConfigError(
            f"collector file {path}: expected a Python file (.py) with one Collector class, or a TOML file "
            "(.toml) that describes one"
        )
    if not file.is_file():
        raise ConfigError(f"collector file {path}: there is no such file")
    module = _import_file(file)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Collector) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise ConfigError(f"collector file {path}: expected one Collector class, found {len(found)}")
    if not isinstance(getattr(found[0], "name", None), str):
        raise ConfigError(f"collector file {path}: class {found[0].__name__} has no `name`")
    return found[0]


def described(file: Path) -> type[Collector]:
    """The collector that a TOML file describes.

    Raises:
        ConfigError: it cannot be read, or says something that it cannot say.
    """
    module = importlib.import_module(f"{BUILTIN_PACKAGE}.described.collector")
    made: type[Collector] = module.class_of(file)
    return made


def _import_file(file: Path) -> ModuleType:
    name = f"perfwatch_file_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"collector file {file}: Python cannot import it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"collector file {file}: {type(error).__name__}: {error}") from error
    return module
