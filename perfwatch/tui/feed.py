"""Where does a dashboard's picture come from, and what can it ask for? The same for live, demo and replay."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, runtime_checkable

from perfwatch.frame import BinsWanted, Frame


class Feed(Protocol):
    """What the app needs from whoever runs the session."""

    def ask(
        self, wanted: Sequence[BinsWanted], at: float | None, *, figures: bool | None = True
    ) -> Future[Frame]:
        """A frame of now, or as of `at` seconds of the session; computed elsewhere.

        Without `figures` those of the run may be of an earlier frame.
        """
        ...

    def mark(self, name: str, edge: str, at_ns: int | None = None) -> None:
        """Put a mark into the recording: `begin`, `end` or `point`; of now, or of a monotonic time."""
        ...

    def interrupt(self) -> str:
        """End the job as ctrl-C does; what to say about it (empty: there is no job, so leave)."""
        ...

    @property
    def over(self) -> bool:
        """Whether the run is over and the dashboard should close."""
        ...


@runtime_checkable
class Offers(Protocol):
    """A feed that can find a server whose work nobody counts yet."""

    @property
    def offer(self) -> str:
        """The address of a metrics page that could be added; empty if there is none."""
        ...

    def take_offer(self) -> str:
        """Have it counted from now on; returns its address, empty if there is none any more."""
        ...


@runtime_checkable
class Kept(Protocol):
    """A feed that knows where its recording lies."""

    @property
    def recording(self) -> Path | None:
        """The file of the recording; None if nothing is kept."""
        ...
