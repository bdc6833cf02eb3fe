"""What of this machine and installation matters to perfwatch, and is it as it should be?

Each check is a small function that looks and says one sentence; `doctor` prints them. None changes anything.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfwatch import __version__
from perfwatch.cli import standard

if TYPE_CHECKING:
    from importlib.metadata import Distribution

OK, NOTE, BROKEN = "ok", "note", "broken"
"""As it should be; worth knowing; something that should work does not."""

LIBRARIES = ("psutil", "nvidia-ml-py", "pyRAPL", "httpx", "msgspec", "platformdirs", "zstandard", "textual")
INSTALL = "install perfwatch anew from its checkout: pip install ."
PLUGINS_GROUP = "perfwatch.collectors"
LITTLE_BYTES = 1_000_000_000
SMALL = 40, 12
"""Columns and lines below which the dashboard shows little."""
FEW_BUFFER_BYTES = 4 << 20
"""Below this a burst of a second at 100,000 small datagrams is lost while perfwatch is busy."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `remedy`: what to do, as a sentence or shell lines."""

    name: str
    verdict: str
    message: str
    remedy: str = ""


def checks() -> Iterator[Check]:
    """Everything but the collectors, in the order in which it is told."""
    here = (
        _python,
        _terminal,
        _dashboard,
        _libraries,
        _other_perfwatch,
        _old_nvml,
        _state_directory,
        _statsd,
    )
    for look in here:
        yield from look()


def _python() -> Iterator[Check]:
    yield Check("perfwatch", OK, f"{__version__} in {Path(__file__).resolve().parent.parent}")
    yield Check("Python", OK, f"{platform.python_version()} at {sys.executable}, {platform.platform()}")


def _terminal() -> Iterator[Check]:
    if not standard.out().isatty():
        yield Check("terminal", OK, "none: standard output is a file or a pipe")
        return
    size = os.get_terminal_size(standard.out().fileno())
    term = os.environ.get("TERM", "")
    encoding = standard.out().encoding or "unknown"
    said = f"{term or 'TERM is not set'}, {size.columns}x{size.lines}, {encoding}"
    plain = [] if encoding.lower().startswith("utf") else ["its encoding is not UTF-8: signs are replaced"]
    if term in ("", "dumb"):
        plain.append("it takes no colours")
    yield Check("terminal", NOTE if plain else OK, "; ".join([said, *plain]))


def _dashboard() -> Iterator[Check]:
    """Can the dashboard be drawn here, and with what?"""
    from perfwatch.tui import glimpse
    from perfwatch.tui.look import color_system, wants_ascii

    stream = standard.out()
    if not stream.isatty():
        yield Check("dashboard", OK, "none: it needs a terminal; `perfwatch` prints one reading instead")
        return
    if not glimpse.can_draw(stream, os.environ):
        said = f"cannot be drawn here: {_why_not()}; `perfwatch` prints one reading instead"
        yield Check("dashboard", NOTE, said)
        return
    size = os.get_terminal_size(stream.fileno())
    colors = {"none": "no colours", "truecolor": "all colours"}
    system = color_system(os.environ, stream)
    signs = "ASCII alone" if wants_ascii(os.environ, stream) else "braille charts"
    said = f"can be drawn: {colors.get(system, f'{system} colours')}, {signs}"
    small = size.columns < SMALL[0] or size.lines < SMALL[1]
    if small:
        said += f"; {size.columns}x{size.lines} shows little, {SMALL[0]}x{SMALL[1]} is the least that is good"
    yield Check("dashboard", NOTE if small else OK, said)
    yield from _compiled()


def _why_not() -> str:
    term = os.environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        return f"TERM is {term!r}, a terminal without a cursor (export TERM=xterm-256color if it has one)"
    if sys.stdin is None or not sys.stdin.isatty():
        return "standard input is no terminal, so no key can be read"
    return "the terminal does not tell its size (stty cols 80 rows 24 sets one)"


def _compiled() -> Iterator[Check]:
    """Without byte code on disk every start compiles what it imports, anew."""
    from importlib.util import cache_from_source, find_spec

    found = find_spec("textual")
    if found is None or found.origin is None:  # the check of the libraries says so
        return
    sources = [Path(found.origin).with_name("app.py"), Path(__file__).parent.parent / "tui" / "app.py"]
    slow = [source for source in sources if not Path(cache_from_source(str(source))).exists()]
    if slow:
        packages = " ".join(str(source.parent) for source in slow)
        yield Check(
            "byte code",
            NOTE,
            "that of the dashboard is not compiled, so that it starts slowly each time",
            f"{sys.executable} -m compileall -q {packages}",
        )
    else:
        yield Check("byte code", OK, "compiled")


def _libraries() -> Iterator[Check]:
    from importlib.metadata import PackageNotFoundError, version

    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if found:
        yield Check("libraries", OK, ", ".join(found))
    if missing:
        yield Check("libraries", BROKEN, f"not installed: {', '.join(missing)}", INSTALL)


def _other_perfwatch() -> Iterator[Check]:
    """The public registry has another project of this name; both install a module `perfwatch`."""
    for found in _distributions("perfwatch"):
        if not any(entry.group == PLUGINS_GROUP for entry in found.entry_points):
            yield Check(
                "perfwatch (another)",
                BROKEN,
                f"another package called perfwatch ({found.version}) is installed beside this one, and "
                "files of the two overwrite each other",
                f"pip uninstall perfwatch, twice if need be; then {INSTALL}",
            )


def _old_nvml() -> Iterator[Check]:
    for found in _distributions("nvidia-ml-py3"):
        yield Check(
            "nvidia-ml-py3",
            BROKEN,
            f"the abandoned package nvidia-ml-py3 ({found.version}) overwrites the module pynvml of "
            "nvidia-ml-py, and knows no recent driver",
            "pip uninstall nvidia-ml-py3\npip install --force-reinstall nvidia-ml-py",
        )


def _distributions(name: str) -> list[Distribution]:
    """The installed distributions of a name; one that is reached by two paths counts once."""
    from importlib.metadata import distributions

    found = {str(getattr(one, "_path", one)): one for one in distributions(name=name)}
    return list(found.values())


def _state_directory() -> Iterator[Check]:
    from perfwatch.session import shelf
    from perfwatch.units import format_quantity

    directory = shelf.state_directory()
    there = _nearest_existing(directory)
    if there is None or not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Check(
            "recorded runs",
            BROKEN,
            f"cannot be kept: {there or directory} is not writable",
            "name a file for each run with -o, or set XDG_STATE_HOME to a directory that you may write to",
        )
        return
    runs = shelf.recorded()
    used_bytes = sum(_size(run) for run in runs)
    free_bytes = shutil.disk_usage(there).free
    said = f"{len(runs)} in {directory}, {format_quantity(used_bytes, 'B')}; "
    said += f"{format_quantity(free_bytes, 'B')} free"
    if free_bytes < LITTLE_BYTES:
        yield Check("recorded runs", NOTE, f"{said}: a long run may not fit", "make room, or use -o")
    else:
        yield Check("recorded runs", OK, said)


def _nearest_existing(directory: Path) -> Path | None:
    return next((path for path in (directory, *directory.parents) if path.exists()), None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _statsd() -> Iterator[Check]:
    """Can a job tell its work, and how much of a burst fits?"""
    from perfwatch.clock import SystemClock
    from perfwatch.errors import PerfwatchError
    from perfwatch.workload.address import parse_address
    from perfwatch.workload.inlet import Inlet

    try:
        inlet = Inlet(parse_address("udp://127.0.0.1:0"), SystemClock())
    except PerfwatchError as error:
        yield Check("StatsD", BROKEN, str(error))
        return
    size_bytes = inlet.buffer_bytes
    inlet.close()
    said = f"jobs can tell their work over UDP; the buffer takes {size_bytes / 2**20:.1f} MiB"
    if size_bytes >= FEW_BUFFER_BYTES:
        yield Check("StatsD", OK, said)
        return
    yield Check(
        "StatsD",
        NOTE,
        f"{said} (net.core.rmem_max is {_rmem_max()}): bursts beyond it are dropped, and counted",
        "sudo sysctl net.core.rmem_max=67108864",
    )


def _rmem_max() -> str:
    try:
        return Path("/proc/sys/net/core/rmem_max").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def config_check(load: Callable[[], Any]) -> tuple[Check, Any]:
    """The configuration, if it can be read, and what to say of it."""
    from perfwatch.config import Config
    from perfwatch.errors import ConfigError

    try:
        config = load()
    except ConfigError as error:
        return Check("config", BROKEN, str(error)), Config()
    if config.notes:
        return Check("config", NOTE, " ".join(config.notes)), config
    return Check("config", OK, str(config.path) if config.path else "none; the defaults are used"), config
