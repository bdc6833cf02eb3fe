"""How does a summary become a card? A pure function: the same summary gives the same card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

from perfwatch.exporters import summary_verdict
from perfwatch.exporters.card.discretion import COMMAND, HOST, Discretion
from perfwatch.exporters.card.figures import figures_of
from perfwatch.exporters.card.model import Card, Figure, Finding, Judgement, Source
from perfwatch.exporters.summary_machine import model_words, shown_versions
from perfwatch.exporters.summary_parts import Json, Parts
from perfwatch.exporters.summary_rows import energy_method
from perfwatch.redact import redact_command
from perfwatch.text import GLUE, clean, shorten
from perfwatch.units import format_duration

SCHEMA = "perfwatch.card/1"
MOST_FINDINGS = 3
TITLE_COLUMNS, TAG_COLUMNS, MOST_TAGS = 60, 40, 12
FEW_TIMED_FOR_MEDIAN = 20
"""With fewer there are not ten observations on either side of the median."""
_SIMULATED = "simulated"
"""The collector of simulated devices and its kind of work."""


def card_of(summary: Json, source: Source, *, shown: Iterable[str] = ()) -> Card:
    """The card of a summary object.

    Args:
        source: what the summary was made of.
        shown: what is told beyond the usual, words of `discretion.CHOICES`.
    """
    parts = Parts(summary)
    discretion = Discretion(parts.session, shown)
    figures = tuple(_discreet(figure, discretion) for figure in figures_of(parts))
    return Card(
        title=_title(parts, discretion),
        simulated=_is_simulated(summary),
        figures=figures,
        machine=tuple(discretion.told(phrase) for phrase in _machine(summary)),
        measured=tuple(discretion.text(phrase) for phrase in _measured(parts)),
        asked=tuple(_asked(parts.session, discretion)),
        judgement=_judgement(parts, figures, discretion),
        version=clean(parts.session.get("perfwatch") or "of unknown version", 30),
        date=_date(parts.session.get("started")),
        source=source,
    )


def to_json(card: Card) -> dict[str, Any]:
    """The card as an object; its keys stay, more may come."""
    judgement = asdict(card.judgement)
    judgement.pop("color")
    return {
        "schema": SCHEMA,
        "title": card.title,
        "simulated": card.simulated,
        "figures": [asdict(figure) for figure in card.figures],
        "machine": list(card.machine),
        "measured": list(card.measured),
        "asked": dict(card.asked),
        "verdict": {"grade": card.judgement.grade, **judgement},
        "perfwatch": card.version,
        "date": card.date,
        "source": asdict(card.source),
    }


def _discreet(figure: Figure, discretion: Discretion) -> Figure:
    """A name of work is the job's own word."""
    return replace(
        figure,
        label=discretion.text(figure.label),
        text=discretion.text(figure.text),
        unit=discretion.text(figure.unit),
        note=discretion.text(figure.note),
        because=discretion.text(figure.because),
    )


def _title(parts: Parts, discretion: Discretion) -> str:
    name = parts.session.get("name")
    if name:
        return shorten(discretion.told(name), TITLE_COLUMNS)
    return "A measured run" if parts.session.get("command") else "A recording"


def _is_simulated(summary: Json) -> bool:
    """Whether a device or the work of the run is simulated; a card that mixes both says it as well."""
    models = ((summary.get("conditions") or {}).get("devices") or {}).values()
    ids = (summary.get("devices") or {}).get("ids") or []
    return (
        any(facts.get("simulated") for facts in models)
        or any(str(label).rpartition("/")[2].startswith(f"{_SIMULATED}:") for label in ids)
        or any(work.get("source") == _SIMULATED for work in (summary.get("work") or {}).values())
    )


# Conditions


def _machine(summary: Json) -> Iterator[str]:
    conditions = summary.get("conditions") or {}
    for model, facts in (conditions.get("devices") or {}).items():
        driver = facts.get("driver")
        told = " and ".join(map(str, driver)) if isinstance(driver, list) else driver
        yield f"{model_words(model, facts)}, driver {told}" if told else model_words(model, facts)
    yield from shown_versions(conditions)
    tags = list((conditions.get("tags") or {}).items())
    yield from (shorten(clean(f"{key}={value}"), TAG_COLUMNS) for key, value in tags[:MOST_TAGS])
    if len(tags) > MOST_TAGS:
        yield f"{len(tags) - MOST_TAGS} more tags"


def _measured(parts: Parts) -> Iterator[str]:
    if parts.energy.get("joules") is not None:
        scope = parts.energy.get("scope")
        kind = f"{scope} energy" if scope in ("accelerator", "module") else "energy"
        method = energy_method(parts.energy)
        yield f"{kind} of {parts.measured}" + (f" ({method})" if method else "")
    window = parts.main.window
    told = parts.title_of(parts.main)
    if window.get("kind") == "marks" and not window.get("phase"):
        told += " (marks)"
    if window.get("warmup_s"):
        told += f", without the first {window['warmup_s']:g} s"
    yield f"window: {told}, {format_duration(window.get('duration_s'))}"


def _date(started: object) -> str | None:
    """The day in UTC; a session's own text may be anything."""
    try:
        moment = datetime.fromisoformat(str(started).replace("Z", "+00:00"))
        return moment.astimezone(timezone.utc).date().isoformat()
    except (ValueError, OverflowError):
        return None


def _asked(session: Json, discretion: Discretion) -> Iterator[tuple[str, str]]:
    if discretion.shows(HOST):
        yield "hosts", clean(", ".join(map(str, session.get("hosts") or [])) or "not known")
    if discretion.shows(COMMAND):
        command = redact_command([str(word) for word in session.get("command") or []])
        yield "command", clean(" ".join(command) or "none: this is a recording")


# Verdict


def _judgement(parts: Parts, figures: tuple[Figure, ...], discretion: Discretion) -> Judgement:
    judged = summary_verdict.judged(parts)
    findings = [finding for finding in summary_verdict.unsaid(parts) if _is_of_the_card(parts, finding)]
    return Judgement(
        words=judged.words,
        color=judged.color,
        limits=discretion.text(summary_verdict.limits_of(parts).replace(GLUE, " ")),
        unknown=tuple(_unknown(figures)),
        findings=tuple(
            Finding(
                str(finding.get("level")),
                str(finding.get("code")),
                discretion.told(finding.get("message") or finding.get("code")),
            )
            for finding in findings[:MOST_FINDINGS]
        ),
        more=max(0, len(findings) - MOST_FINDINGS),
    )


def _is_of_the_card(parts: Parts, finding: Json) -> bool:
    """A card shows no percentile that rests on few, but for the median of very few."""
    if finding.get("code") != "few-latencies":
        return True
    timings = (parts.summary.get("latency") or {}).values()
    return any((timing.get("count") or 0) < FEW_TIMED_FOR_MEDIAN for timing in timings)


def _unknown(figures: tuple[Figure, ...]) -> Iterator[str]:
    """Why figures have a dash; those of one reason in one sentence."""
    for because in dict.fromkeys(figure.because for figure in figures if figure.because):
        labels = [figure.label for figure in figures if figure.because == because]
        yield f"No {', no '.join(labels)}: {because}."
