"""How does a view become files? Its text, a picture of it, and the data of the charts in sight.

Files are private and never replace another one: the first number that is free for all three is taken.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch.frame import Bin, BinsWanted, Frame
from perfwatch.session.shelf import stem
from perfwatch.text import clean, width
from perfwatch.tui.draw.row import Row, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.style import Style

KINDS = ("txt", "svg", "csv")
COLUMNS = ("device", "metric", "unit", "start_s", "end_s", "least", "mean", "most")
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
RUN = "run"
"""What stands for the device where a series is one of the whole run."""


def place_for(screen: str, recording: Path | None) -> Path:
    """Beside the recording, else in the working directory: how the files' names begin."""
    if recording is None:
        return Path.cwd() / f"perfwatch-{screen}"
    return recording.absolute().with_name(f"{stem(recording.name)}.{screen}")


def text_of(rows: Sequence[Row]) -> str:
    """The view as lines of text."""
    return "".join(plain(row).rstrip() + "\n" for row in rows)


def picture_of(rows: Sequence[Row], style_of: Callable[[str], Style], title: str) -> str:
    """The view as a picture (SVG) that fetches nothing: the fonts are those of who looks at it."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.text import Text

    columns = max((sum(width(span.text) for span in row) for row in rows), default=1)
    console = Console(
        record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for row in rows:
        line = Text(no_wrap=True, end="\n")
        for span in row:
            line.append(span.text, style_of(span.style))
        console.print(line, soft_wrap=True)
    own_fonts = _FONTS.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "DejaVu Sans Mono")
    return console.export_svg(title=clean(title), code_format=own_fonts, unique_id="perfwatch")


def data_of(frame: Frame, found: Mapping[BinsWanted, Sequence[Bin]]) -> str:
    """The bins of the charts in sight, one a line; nothing stands where nothing was read."""
    known = {one.number: one for one in (*frame.devices, *frame.workloads)}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for wanted, bins in found.items():
        device = known.get(wanted.number)
        metrics = () if device is None else device.device.metrics
        unit = next((metric.unit.value for metric in metrics if metric.name == wanted.metric), "")
        name = RUN if device is None else device.label
        for place, *values in bins:
            if place < 0:  # before the session began
                continue
            ends = (f"{at * wanted.width_s:.6g}" for at in (place, place + 1))
            writer.writerow([name, wanted.metric, unit, *ends, *map(_number, values)])
    return stream.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def save(contents: Mapping[str, str], stem: Path) -> list[Path]:
    """Write each content to STEM-N.KIND with the first N that is free for all. Returns the paths.

    Raises:
        OSError: a file cannot be made or written; none is left then.
    """
    for paths in _candidates(stem, tuple(contents)):
        if any(os.path.lexists(path) for path in paths):
            continue
        made: list[Path] = []
        try:
            for path, content in zip(paths, contents.values(), strict=True):
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                made.append(path)
                with os.fdopen(fd, "w", encoding="utf-8") as stream:
                    stream.write(content)
        except FileExistsError:
            _remove(made)
            continue
        except OSError:
            _remove(made)
            raise
        return made
    raise AssertionError("counting does not end")


def _candidates(stem: Path, kinds: Sequence[str]) -> Iterator[list[Path]]:
    for number in count(1):
        yield [stem.with_name(f"{stem.name}-{number}.{kind}") for kind in kinds]


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
