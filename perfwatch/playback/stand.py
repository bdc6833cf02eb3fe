"""A scene, and up to where in a recording it was fed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from perfwatch.playback.recording import Place, Recording, told_at
from perfwatch.scene import Scene
from perfwatch.session.format import Record

LOOK_EVERY = 32
"""After so many records is looked at the clock."""


class Stand:
    """Goes forward through the records, one after the other.

    Args:
        scene: as the records before `place` made it; a new one is given the header.
        place: before which record it stands.
        t: up to when it was fed, seconds of the session.
    """

    def __init__(
        self, recording: Recording, scene: Scene, place: Place | None = None, t: float = 0.0
    ) -> None:
        self._recording = recording
        self.scene = scene
        self.place = place or Place()
        self.t = t
        self._records: Sequence[Record] = ()
        self._block = -1
        if place is None:
            scene.write(recording.header)

    def come_to(self, t: float, until_s: float) -> bool:
        """Feed all records up to a time.

        Args:
            until_s: on the monotonic clock, by when to leave off.

        Returns:
            Whether all of them were fed.
        """
        taken = 0
        while (record := self._next()) is not None:
            known_t = max(self.t, told_at(record, self.t))
            if known_t > t:
                return True
            self.scene.write(record)
            self.t = known_t
            self.place = Place(self.place.block, self.place.record + 1)
            taken += 1
            if taken % LOOK_EVERY == 0 and time.monotonic() >= until_s:
                return False
        return True

    def _next(self) -> Record | None:
        """The record before which it stands; None at the end of what there is."""
        block, at = self.place
        if block != self._block or at >= len(self._records):
            self._records, self._block = self._recording.records(block), block
        while at >= len(self._records):
            if block + 1 >= self._recording.blocks:
                return None
            block, at = block + 1, 0
            self.place = Place(block, at)
            self._records, self._block = self._recording.records(block), block
        return self._records[at]

    @property
    def is_at_end(self) -> bool:
        """Whether everything that there is was fed."""
        return self._next() is None
