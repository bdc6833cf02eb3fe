"""Goes through a recording ahead of everybody, and keeps the scene as it was at places on the way."""

from __future__ import annotations

import pickle
import threading
import time
import zlib
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from perfwatch.playback.recording import Place, Recording
from perfwatch.playback.stand import Stand
from perfwatch.scene import Scene

APART_S = 0.1
"""So much work lies between two places that are kept: from one of them any time between is soon reached."""
SLICE_S = 0.02
KEPT_BYTES = 256 << 20
"""If what is kept becomes more, every second place is given up."""
LOOK_S = 0.5
"""How often is looked whether a recording that grows has more."""


class Kept(NamedTuple):
    """A place with its scene."""

    t: float
    place: Place
    packed: bytes


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
        self._stopping = threading.Event()
        self.block = 0
        """In which block it is."""
        self.is_done = False
        """Whether it has seen everything."""

    def run(self) -> None:
        """Go through the recording."""
        stand, worked_s = Stand(self._recording, self._new_scene()), 0.0
        while not self._stopping.is_set():
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
            else:
                time.sleep(0)

    def _keep(self, stand: Stand) -> None:
        began = time.thread_time()
        packed = zlib.compress(pickle.dumps(stand.scene, pickle.HIGHEST_PROTOCOL), 1)
        self._kept = [*self._kept, Kept(stand.t, stand.place, packed)]
        self._apart_s = max(self._apart_s, time.thread_time() - began)
        if sum(len(one.packed) for one in self._kept) > KEPT_BYTES:
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
        scene: Scene = pickle.loads(zlib.decompress(kept.packed))  # noqa: S301 - we packed it ourselves
        return Stand(self._recording, scene, kept.place, kept.t)

    def stop(self) -> None:
        """Go no further."""
        self._stopping.set()
