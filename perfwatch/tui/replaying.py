"""What do keys do in a replay? They move through what is recorded, and say where to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from perfwatch.errors import ConfigError
from perfwatch.frame import Playback
from perfwatch.tui.draw.words import clock

RECORDED = "this is a replay: nothing is added to what is recorded"
NO_REPLAY = "this is going on now; in a replay it goes through what is recorded"


@runtime_checkable
class Plays(Protocol):
    """A feed of what is recorded."""

    origin: float
    """Times of the run are counted from here, seconds of the session."""

    def toggle(self) -> None:
        """Play, or stand still."""
        ...

    def change_speed(self, step: int) -> float:
        """Play faster or slower; returns how fast."""
        ...

    def step(self, steps: int) -> None:
        """Stand still one reading further, or back."""
        ...

    def jump(self, steps: int) -> str:
        """Go to the next moment that has a name, or the one before; returns its name, empty for the end."""
        ...

    def seek(self, seconds: float) -> None:
        """Go so far on, or back."""
        ...

    def go_to(self, text: str) -> None:
        """Go to where a person says. Raises ConfigError: it is no place."""
        ...


class Replaying:
    """The keys of a replay.

    Args:
        feed: what is replayed.
        say: says something to the person.
    """

    def __init__(self, feed: Plays, say: Callable[[str], None]) -> None:
        self._feed = feed
        self._say = say

    def do(self, what: str, amount: int) -> None:
        """One of the keys: `step`, `jump` or `speed`, on (1) or back (-1)."""
        if what == "step":
            self._feed.step(amount)
        elif what == "speed":
            self._say(f"plays {speed_in_words(self._feed.change_speed(amount))}")
        else:
            name = self._feed.jump(amount)
            self._say(name or ("the end" if amount > 0 else "the begin"))

    def toggle(self) -> None:
        """Play, or stand still."""
        self._feed.toggle()

    def seek(self, seconds: float) -> None:
        """So far on, or back."""
        self._feed.seek(seconds)

    def go_to(self, text: str | None) -> None:
        """Where a person says; None: nowhere."""
        if not text or not text.strip():
            return
        try:
            self._feed.go_to(text)
        except ConfigError as error:
            self._say(str(error))

    def clock(self, playback: Playback) -> str:
        """Where it is and how much there is, as the run's clock shows it."""
        return f"{clock(playback.t - self._feed.origin)} / {clock(playback.end - self._feed.origin)}"


def speed_in_words(speed: float) -> str:
    """`4x`, `1/4x`."""
    return f"{speed:g}x"
