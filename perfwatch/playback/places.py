"""What does a person mean by a place in a recording? A time of the run, a part of it, a mark's name."""

from __future__ import annotations

import re
from datetime import datetime

from perfwatch.clock import NS
from perfwatch.errors import ConfigError
from perfwatch.playback.moments import SEEN_S, called
from perfwatch.playback.recording import Recording
from perfwatch.text import clean
from perfwatch.units import parse_duration

HINT = "1:23, 90s, 2h, 50%, +30s, -1m, begin, end, a mark, a phase, 2026-11-27 14:05"
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d*)?)\Z")
_NUMBER = re.compile(r"\d")


def origin_of(recording: Recording) -> float:
    """From when on the time of a run is counted: its job's begin, else the session's."""
    begins = (one.t for one in recording.moments if one.name == "job begin")
    return next(begins, 0.0)


def place_of(text: str, recording: Recording, t: float) -> float:
    """The time of the session that a person means.

    Args:
        text: as `HINT` has it; times are counted from the job's begin, `+` and `-` from where one is.
        t: where one is.

    Raises:
        ConfigError: it is none; says what it may be.
    """
    word = text.strip()
    told = _told(word, recording, t)
    if told is None:
        named = called(recording.moments, word, t) if word else None
        if named is None:
            raise ConfigError(f"there is no {clean(word, 40)!r} to go to; it may be {HINT}")
        told = named.t + SEEN_S
    return told


def _told(word: str, recording: Recording, t: float) -> float | None:
    """A time that is told as one; None where it is a name."""
    origin = origin_of(recording)
    if word.casefold() in ("begin", "start"):
        return origin
    if word.casefold() == "end":
        return recording.end_t
    if word.endswith("%"):
        share = _number(word[:-1])
        return None if share is None else origin + share / 100.0 * (recording.end_t - origin)
    if word[:1] in ("+", "-") and (away_s := _seconds(word[1:])) is not None:
        return t + away_s if word[0] == "+" else t - away_s
    seconds = _seconds(word)
    return _of_the_day(word, recording) if seconds is None else origin + seconds


def _seconds(word: str) -> float | None:
    found = _CLOCK.match(word)
    if found is not None:
        hours, minutes, seconds = found.groups()
        return 3600.0 * int(hours or 0) + 60.0 * int(minutes) + float(seconds)
    try:
        return parse_duration(word) if _NUMBER.match(word) else None
    except ConfigError:
        return None


def _number(word: str) -> float | None:
    try:
        return min(100.0, max(0.0, float(word)))
    except ValueError:
        return None


def _of_the_day(word: str, recording: Recording) -> float | None:
    """A date with a time, as the clock of here shows it."""
    began_ns = (recording.header.get("clock") or {}).get("time_ns")
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        return None
    return moment.timestamp() - began_ns / NS if isinstance(began_ns, int) else None
