"""Whether a run can be quoted, and what stands against it: how is that written?"""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.derive.official import ACCURACY_MODE
from perfwatch.exporters import words
from perfwatch.exporters.layout import DIM, GREEN, RED, YELLOW, Paint, hanging
from perfwatch.exporters.summary_costs import missing_of, only_electricity
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.text import width, wrap
from perfwatch.units import format_percent


class Verdict:
    """The judgement of one summary and its findings."""

    def __init__(self, parts: Parts, columns: int, paint: Paint) -> None:
        self._parts = parts
        self._columns = columns
        self._paint = paint

    def lines(self) -> Iterator[str]:
        """The verdict, what the headline leaves out, and the findings that the table does not tell."""
        if self._parts.nothing_measured:
            is_empty = not self._parts.main.window.get("duration_s")
            why = "the window is empty" if is_empty else "neither work nor energy was measured"
            if not is_empty and self._parts.is_metered:
                why = "no work was counted, and no device of the run told its energy"
            yield from self._findings(f"nothing to quote: {why}", RED)
            return
        levels = {finding.get("level") for finding in self._parts.quality}
        if "insufficient" in levels:
            yield from self._findings("quality: not to be quoted", RED)
        elif "warn" in levels:
            yield from self._findings("quality: quote it with what follows", YELLOW)
        elif no_result := self._no_result():
            yield from self._findings(f"quality: well measured, but {no_result}", YELLOW)
        else:
            estimate = " as an estimate" if self._parts.estimate else ""
            yield from self._findings(f"quality: good to quote{estimate}", GREEN)

    def _no_result(self) -> str:
        """Why figures that are good are no result."""
        told = self._parts.summary.get("mlperf") or {}
        if told.get("valid") is False:
            return "its own logs call the run invalid"
        if told.get("mode") == ACCURACY_MODE:
            return "of a run for accuracy no speed or energy is quoted"
        return "the job failed" if self._parts.session.get("exit_status") else ""

    def _findings(self, verdict: str, code: str) -> Iterator[str]:
        verdict = f"{verdict}."
        limits = self._paint.line(self._limits())
        if limits and width(f"{verdict} {limits}") <= self._columns:
            yield f"{self._paint.style(verdict, code)} {limits}"
        else:
            yield from (self._paint.style(line, code) for line in wrap(verdict, self._columns))
            yield from hanging(limits, self._columns, "  ", paint=self._paint) if limits else ()
        unsaid = [finding for finding in self._parts.quality if not self._is_said_above(finding)]
        order = ("insufficient", "warn", "info")
        marks = {"insufficient": ("!", RED), "warn": ("*", YELLOW)}
        for finding in sorted(unsaid, key=lambda each: order.index(each["level"])):
            mark, mark_code = marks.get(finding["level"], ("-", DIM))
            yield from hanging(
                str(finding.get("message")), self._columns, f"  {mark} ", paint=self._paint, code=mark_code
            )

    def _is_said_above(self, finding: Json) -> bool:
        """Whether the table says it already, or shows none of the figures that it is about."""
        code = finding.get("code")
        if code == "estimated":
            return self._parts.estimate == words.ESTIMATED
        if code == "cost-partial":
            cost = self._parts.main.part("cost")
            return only_electricity(cost) and missing_of(cost) == ["machine"]
        if code == "few-latencies":
            timings = self._parts.summary.get("latency") or {}
            return not any(_rests_on_few(timing) for timing in timings.values())
        return False

    def _limits(self) -> str:
        """What the headline leaves out, and the sensor's gain."""
        if self._parts.energy.get("joules") is None:
            return ""
        left_out = ", ".join(str(word) for word in self._parts.energy.get("not_included") or [])
        gain = self._parts.energy.get("gain_ratio")
        parts = [f"Not included: {left_out}"] if left_out else []
        if gain is not None:
            parts.append(glued(f"sensor gain about ±{format_percent(gain)}"))
        elif self._parts.energy.get("scope") in ("node", "wall"):
            parts.append("the meter's accuracy is not stated (-c NAME:accuracy=1%)")
        return "; ".join(parts) + "." if parts else ""


def _rests_on_few(timing: Json) -> bool:
    """Whether a percentile that is shown has fewer than ten observations beyond it."""
    count = timing.get("count") or 0
    return any(
        timing.get(f"p{percent}_s") is not None and count * (100 - percent) < 10 * 100
        for percent in (50, 90, 99)
    )
