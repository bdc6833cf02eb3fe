"""Whether a run can be quoted, and what stands against it: how is that written?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfwatch.derive.official import ACCURACY_MODE
from perfwatch.exporters import words
from perfwatch.exporters.layout import DIM, GREEN, RED, YELLOW, Paint, hanging
from perfwatch.exporters.summary_costs import missing_of, only_electricity
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.text import width, wrap
from perfwatch.units import format_percent

_ORDER = ("insufficient", "warn", "info")
"""Levels of findings, the gravest first."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether figures can be quoted: in words, without a full stop, and the colour of it."""

    words: str
    color: str


class Verdict:
    """The judgement of one summary and its findings."""

    def __init__(self, parts: Parts, columns: int, paint: Paint) -> None:
        self._parts = parts
        self._columns = columns
        self._paint = paint

    def lines(self) -> Iterator[str]:
        """The verdict, what the headline leaves out, and the findings that the table does not tell."""
        judgement = judged(self._parts)
        lead = "" if self._parts.nothing_measured else "quality: "
        yield from self._verdict(f"{lead}{judgement.words}.", judgement.color)
        marks = {"insufficient": ("!", RED), "warn": ("*", YELLOW)}
        for finding in unsaid(self._parts):
            mark, code = marks.get(finding["level"], ("-", DIM))
            yield from hanging(
                str(finding.get("message")), self._columns, f"  {mark} ", paint=self._paint, code=code
            )

    def _verdict(self, verdict: str, code: str) -> Iterator[str]:
        limits = self._paint.line(limits_of(self._parts))
        if limits and width(f"{verdict} {limits}") <= self._columns:
            yield f"{self._paint.style(verdict, code)} {limits}"
        else:
            yield from (self._paint.style(line, code) for line in wrap(verdict, self._columns))
            yield from hanging(limits, self._columns, "  ", paint=self._paint) if limits else ()


def judged(parts: Parts) -> Judgement:
    """Whether the figures of a summary can be quoted."""
    if parts.nothing_measured:
        return Judgement(f"nothing to quote: {_why_nothing(parts)}", RED)
    levels = {finding.get("level") for finding in parts.quality}
    if "insufficient" in levels:
        return Judgement("not to be quoted", RED)
    if "warn" in levels:
        return Judgement("quote it with what follows", YELLOW)
    if no_result := _no_result(parts):
        return Judgement(f"well measured, but {no_result}", YELLOW)
    return Judgement("good to quote as an estimate" if parts.estimate else "good to quote", GREEN)


def _why_nothing(parts: Parts) -> str:
    if not parts.main.window.get("duration_s"):
        return "the window is empty"
    if parts.is_metered:
        return "no work was counted, and no device of the run told its energy"
    return "neither work nor energy was measured"


def _no_result(parts: Parts) -> str:
    """Why figures that are good are no result."""
    told = parts.summary.get("mlperf") or {}
    if told.get("valid") is False:
        return "its own logs call the run invalid"
    if told.get("mode") == ACCURACY_MODE:
        return "of a run for accuracy no speed or energy is quoted"
    return "the job failed" if parts.session.get("exit_status") else ""


def unsaid(parts: Parts) -> Sequence[Json]:
    """The findings that the figures do not tell by themselves, the gravest first."""
    findings = [finding for finding in parts.quality if not _is_said_above(parts, finding)]
    return sorted(findings, key=lambda each: _ORDER.index(each["level"]))


def _is_said_above(parts: Parts, finding: Json) -> bool:
    """Whether the table says it already, or shows none of the figures that it is about."""
    code = finding.get("code")
    if code == "estimated":
        return parts.estimate == words.ESTIMATED
    if code == "cost-partial":
        cost = parts.main.part("cost")
        return only_electricity(cost) and missing_of(cost) == ["machine"]
    if code == "few-latencies":
        timings = parts.summary.get("latency") or {}
        return not any(_rests_on_few(timing) for timing in timings.values())
    return False


def limits_of(parts: Parts) -> str:
    """What the headline leaves out, and the sensor's gain."""
    if parts.energy.get("joules") is None:
        return ""
    left_out = ", ".join(str(word) for word in parts.energy.get("not_included") or [])
    gain = parts.energy.get("gain_ratio")
    told = [f"Not included: {left_out}"] if left_out else []
    if gain is not None:
        told.append(glued(f"sensor gain about ±{format_percent(gain)}"))
    elif parts.energy.get("scope") in ("node", "wall"):
        told.append("the meter's accuracy is not stated (-c NAME:accuracy=1%)")
    return "; ".join(told) + "." if told else ""


def _rests_on_few(timing: Json) -> bool:
    """Whether a percentile that is shown has fewer than ten observations beyond it."""
    count = timing.get("count") or 0
    return any(
        timing.get(f"p{percent}_s") is not None and count * (100 - percent) < 10 * 100
        for percent in (50, 90, 99)
    )
