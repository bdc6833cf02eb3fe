"""The summary for people: what a run did, used and cost, and whether it can be quoted.

Reads the summary object only, so that live, replayed and pasted summaries look alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfwatch.exporters import words
from perfwatch.exporters.layout import BOLD, GREEN, RED, Paint, hanging, table
from perfwatch.exporters.summary_machine import model_words, shown_versions
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.exporters.summary_rows import FigureRows
from perfwatch.exporters.summary_verdict import Verdict
from perfwatch.exporters.yardstick_text import against_lines
from perfwatch.text import pad, width
from perfwatch.units import format_count, format_duration, format_memory, format_percent

DEFAULT_WIDTH, NARROWEST, WIDEST = 100, 40, 110
"""A line that is longer is hard to follow, however wide the terminal."""
BRIEF_S = 1.0
"""A run below this is too brief to tell the share of a core."""
_STREAMS = {"stdout": "output", "stderr": "error"}


def render(
    summary: Json,
    *,
    width: int | None = None,
    color: bool = False,
    ascii: bool = False,  # noqa: A002 - the word of the option --ascii
    log_path: str | None = None,
    next_steps: Sequence[str] = (),
) -> str:
    """The summary as text, without a line end at its end.

    Args:
        width: columns of the terminal; a default where there is none.
        log_path: where the session was recorded.
        next_steps: commands that do something with it.
    """
    columns = min(max(width or DEFAULT_WIDTH, NARROWEST), WIDEST)
    face = _Face(Parts(summary), columns, Paint(color=color, ascii_only=ascii))
    return "\n".join(line.rstrip() for line in face.lines(log_path, next_steps))


class _Face:
    """One summary being written."""

    def __init__(self, parts: Parts, columns: int, paint: Paint) -> None:
        self._parts = parts
        self._columns = columns
        self._paint = paint

    def lines(self, log_path: str | None, next_steps: Sequence[str]) -> list[str]:
        """The whole summary, line by line."""
        return [
            *self._header(),
            *table(list(FigureRows(self._parts).rows()), self._parts.headings(), self._columns, self._paint),
            *Verdict(self._parts, self._columns, self._paint).lines(),
            *self._against(),
            *self._provenance(),
            *self._observer(log_path),
            *self._next(next_steps),
        ]

    def _against(self) -> Iterator[str]:
        """The run beside published systems, where that was asked for."""
        found = self._parts.summary.get("against")
        if found:
            yield from against_lines(found, self._columns, self._paint)
            yield ""

    def _ending(self, *, has_command: bool) -> str:
        session = self._parts.session
        if session.get("attached"):
            return words.attached_ending(goes_on=bool(session.get("goes_on")), because=session.get("because"))
        return words.ending(
            session.get("exit_status"), has_command=has_command, time_limit_s=session.get("time_limit_s")
        )

    def _header(self) -> Iterator[str]:
        command = " ".join(str(word) for word in self._parts.session.get("command") or [])
        ending = self._ending(has_command=bool(command))
        machine = self._paint.line(self._machine())
        room = self._columns - len("perfwatch: ") - (width(ending) + 2 if ending else 0)
        subject = command or self._parts.session.get("name") or "a recording"
        subject = self._paint.cut(str(subject), room)
        left = self._paint.style(f"perfwatch: {subject}", BOLD)
        taken = len("perfwatch: ") + width(subject)
        if ending:
            fine = self._parts.session.get("exit_status") == 0 or self._parts.session.get("attached")
            code = GREEN if fine else RED
            left += "  " + self._paint.style(ending, code)
            taken += 2 + width(ending)
        if machine and taken + 3 + width(machine) <= self._columns:
            yield left + pad(machine, self._columns - taken, right=True)
        else:
            yield left
            yield from hanging(machine, self._columns, "  ", paint=self._paint) if machine else ()
        conditions = self._conditions()
        if conditions:
            yield from hanging(conditions, self._columns, "  ", paint=self._paint)

    def _machine(self) -> str:
        """The run's devices: `8 × NVIDIA H100 80GB HBM3, cap 700 W`."""
        models = (self._parts.summary.get("conditions") or {}).get("devices") or {}
        return "; ".join(model_words(model, facts) for model, facts in models.items())

    def _conditions(self) -> str:
        """The run's name and tags, and the versions of what it ran on."""
        conditions = self._parts.summary.get("conditions") or {}
        tags = conditions.get("tags") or {}
        name = self._parts.session.get("name") if self._parts.session.get("command") else None
        shown = shown_versions(conditions)
        told = [*([str(name)] if name else []), *(f"{key}={value}" for key, value in tags.items())]
        return "  ".join([*told, ", ".join(shown)] if shown else told)

    # Below the table

    def _provenance(self) -> Iterator[str]:
        devices = self._parts.summary.get("devices") or {}
        because = str(devices.get("because") or "").rstrip(".")
        ids = words.device_list(devices.get("ids") or [])
        if ids or because:
            reason = f", because {because}" if because else ""
            yield from hanging(f"{ids or 'none'}{reason}.", self._columns, "devices: ", paint=self._paint)
        why = str(self._parts.main.window.get("because") or "").rstrip(".")
        if why and not self._parts.nothing_measured:
            title = self._parts.title_of(self._parts.main)
            yield from hanging(f"{title}; {why}.", self._columns, "window: ", paint=self._paint)
        yield from self._streams()

    def _streams(self) -> Iterator[str]:
        """A pipe changes how many programs print, which the reader should know."""
        streams = self._parts.session.get("streams") or {}
        piped = " and ".join(f"standard {_STREAMS[name]}" for name in _STREAMS if streams.get(name) == "pipe")
        if piped:
            said = f"its {piped} went through a pipe, with PYTHONUNBUFFERED=1."
            yield from hanging(said, self._columns, "the job: ", paint=self._paint)

    def _observer(self, log_path: str | None) -> Iterator[str]:
        observer = self._parts.summary.get("observer") or {}
        said = []
        if self._was_too_brief_for_a_share() and observer.get("cpu_s") is not None:
            said.append(f"{format_duration(observer['cpu_s'])} of CPU time")
        elif observer.get("cpu_ratio") is not None:
            said.append(f"{format_percent(observer['cpu_ratio'])} of a core")
        if observer.get("rss_bytes") is not None:
            said.append(format_memory(observer["rss_bytes"]))
        missed = observer.get("missed_ticks")
        if missed:
            said.append(f"{format_count(missed)} {'tick' if missed == 1 else 'ticks'} missed")
        if said:
            yield from hanging(
                ", ".join(map(glued, said)) + ".", self._columns, "perfwatch itself: ", paint=self._paint
            )
        if log_path:
            # Not wrapped: it is there to be copied.
            yield f"log: {self._paint.line(log_path)}"

    def _was_too_brief_for_a_share(self) -> bool:
        """Start and end weigh so much in such a run that a share of a core would say nothing."""
        duration_s = self._parts.windows[-1].window.get("duration_s")
        return duration_s is not None and duration_s < BRIEF_S

    def _next(self, next_steps: Sequence[str]) -> Iterator[str]:
        if next_steps:
            commands = " | ".join(map(glued, next_steps))
            yield from hanging(commands, self._columns, "next:  ", paint=self._paint)
