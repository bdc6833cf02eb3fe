"""Goes through a recording ahead of everybody, and keeps the scene as it was at places on the way."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import takewhile
from typing import NamedTuple

from perfwatch.playback.packing import frozen, thawed
from perfwatch.playback.recording import Place, Recording, told_at
from perfwatch.playback.stand import Stand
from perfwatch.scene import Scene

APART_S = 0.1
"""So much work lies between two places that are kept: from one of them any time between is soon reached."""
HISTORY_EVERY = 8
"""Of so many places one has the past for charts as well: it is large, and the quickest to make again."""
SLICE_S = 0.005
GLIMPSE_S = 32.0
"""So long before a time one looks from, to see how things stood then: the span of *now*, and some more."""
KEPT_BYTES = 256 << 20
"""If what is kept becomes more, every second place is given up."""
LOOK_S = 0.5
"""How often is looked whether a recording that grows has more."""


class Kept(NamedTuple):
    """A place with its scene, which has no history; that of the history's place may have been kept."""

    t: float
    place: Place
    scene: bytes
    history: bytes
    history_at: Place


class Scout(threading.Thread):
    """Runs until it has seen everything.

    Args:
        new_scene: makes an empty scene.
    """

    def __init__(self, recording: Recording, new_scene: Callable[[], Scene]) -> None:
        super().__init__(name="perfwatch-scout", daemon=True)
        self._recording = recording
        self._new_scene = new_scene
        self._kept: list[Kept] = []
        self._apart_s = APART_S
        self._history: tuple[bytes, Place] | None = None
        """The history that was kept last, and where that was."""
        self._since_history = 0
        self._stopping = threading.Event()
        self.may_go = threading.Event()
        """Not set while somebody waits for an answer: two threads of Python take turns."""
        self.may_go.set()
        self.block = 0
        """In which block it is."""
        self.is_done = False
        """Whether it has seen everything."""

    def run(self) -> None:
        """Go through the recording."""
        while not self._recording.is_up_to_date.wait(LOOK_S):  # to read comes first: it is soon done
            if self._stopping.is_set():
                return
        stand, worked_s = Stand(self._recording, self._new_scene()), 0.0
        while not self._stopping.is_set():
            self.may_go.wait()
            began = time.thread_time()
            at_end = stand.come_to(self._recording.end_t + 1.0, time.monotonic() + SLICE_S)
            worked_s += time.thread_time() - began
            self.block = stand.place.block
            if worked_s >= self._apart_s:
                worked_s = 0.0
                self._keep(stand)
            if at_end:
                self.is_done = self._recording.is_whole and stand.is_at_end
                if self.is_done:
                    return
                self._stopping.wait(LOOK_S)

    def _keep(self, stand: Stand) -> None:
        history = stand.scene.with_history(None)
        scene = frozen(stand.scene)
        stand.scene.with_history(history)
        self._since_history += 1
        if self._history is None or self._since_history >= HISTORY_EVERY:
            self._history, self._since_history = (frozen(history), stand.place), 0
        self._kept = [*self._kept, Kept(stand.t, stand.place, scene, *self._history)]
        if (
            sum(map(len, {one.history for one in self._kept})) + sum(len(one.scene) for one in self._kept)
            > KEPT_BYTES
        ):
            self._kept = self._kept[1::2]
            self._apart_s *= 2.0

    def nearest(self, t: float) -> Kept | None:
        """The last place that is kept up to a time."""
        kept = self._kept
        index = bisect_right([one.t for one in kept], t)
        return kept[index - 1] if index else None

    def stand(self, kept: Kept | None) -> Stand:
        """A stand at a place that is kept; None: at the begin."""
        if kept is None:
            return Stand(self._recording, self._new_scene())
        scene, history = thawed(kept.scene), thawed(kept.history)
        for record in self._recording.between(kept.history_at, kept.place):
            history.write(record)
        scene.with_history(history)
        return Stand(self._recording, scene, kept.place, kept.t)

    @property
    def seen(self) -> float:
        """How much of what is recorded it has seen, 0 to 1."""
        return 1.0 if self.is_done else min(1.0, self.block / self._recording.blocks)

    def glimpse(self, t: float) -> Stand:
        """A stand a little before a time that it has not come to: devices, events and the newest readings are
        as they were, what adds up over the run is not.
        """
        scene, since = self._new_scene(), t - GLIMPSE_S
        block = self._recording.block_at(since)
        passed = list(takewhile(lambda one: told_at(one, 0.0) <= since, self._recording.records(block)))
        scene.write(self._recording.header)
        for record in [*self._recording.few_before(block), *passed]:
            if "s" not in record:
                scene.write(record)
        return Stand(self._recording, scene, Place(block, len(passed)), since)

    def stop(self) -> None:
        """Go no further."""
        self._stopping.set()
        self.may_go.set()
