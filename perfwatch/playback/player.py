"""Goes through a recording: plays it, stands still, steps, jumps; answers with frames of where it is.

The scene of a replay is that of the live view, fed with the recorded stream: so any number on any screen is
what the live view showed. To go back it begins at one of the places that a scout has been at before, with the
scene as it was there, and comes from there through the records.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from perfwatch.derive.run_so_far import RunSoFar
from perfwatch.frame import RUN, BinsWanted, Frame, Playback
from perfwatch.playback.recording import Recording
from perfwatch.playback.scout import Scout
from perfwatch.playback.stand import Stand
from perfwatch.scene import Scene

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 100.0, 250.0, 500.0, 1000.0)
SLICE_S, PATIENCE_S = 0.05, 0.5
"""For so long it goes through records before it looks whether somebody asks; and before it answers."""
WAIT_S = 0.05
LOOKS_S = 1.0
"""So long it looks ahead at most: at 64 boards ten times a second that is half of what it wants to see."""
AHEAD_S = 60.0
"""One that looks ahead looks from anew when it has come so far."""
SOON_S = 0.08
"""Where the way to another place took longer, the next one is looked at first, and gone to then."""
AT_EDGE_S = 0.5
"""So near to the end one stands at it."""


class Player(threading.Thread):
    """Answers on a thread of its own, which alone touches the scene.

    Args:
        recording: what is played; it may still grow.
        new_scene: makes an empty scene.
        speed: how fast to play.
        playing: whether to play at once.
    """

    def __init__(
        self,
        recording: Recording,
        new_scene: Callable[[], Scene],
        *,
        speed: float = 1.0,
        playing: bool = True,
    ) -> None:
        super().__init__(name="perfwatch-player", daemon=True)
        self.recording = recording
        self._scout = Scout(recording, new_scene)
        self._stand = Stand(recording, new_scene())
        self._lock = threading.Condition()
        self._asked: deque[tuple[Sequence[BinsWanted], bool | None, Future[Frame]]] = deque()
        self._stopping = False
        self._at, self._since = 0.0, time.monotonic()
        self._speed, self._playing = speed, playing
        self._jumps = 0
        self.finish: Callable[[Frame], Frame] = lambda frame: frame
        """Adds to a frame what is in no record."""
        self._glimpse: Stand | None = None
        """Where it looks from while it is on its way."""
        self._ways_are_long = False
        self._answered_jumps = 0
        self._came_from_afar = False
        """Whether a scene was left for another one: it holds cycles, and is cleared away once all is told."""

    # -- controls, on any thread -------------------------------------------------------------------

    @property
    def t(self) -> float:
        """Where it is, seconds of the session."""
        with self._lock:
            return self._now()

    def _now(self) -> float:
        end = self.recording.end_t
        if not self._playing:
            return max(0.0, min(self._at, end))
        t = self._at + (time.monotonic() - self._since) * self._speed
        if t < end:
            return max(0.0, t)
        self._at, self._since = end, time.monotonic()
        self._playing = not self.recording.is_whole
        return end

    @property
    def is_playing(self) -> bool:
        with self._lock:
            self._now()
            return self._playing

    def toggle(self) -> None:
        """Play, or stand still; at the end of what is recorded from the begin on."""
        with self._lock:
            t = self._now()
            if not self._playing and self.recording.is_whole and t >= self.recording.end_t - AT_EDGE_S:
                t, self._jumps = 0.0, self._jumps + 1
            self._at, self._since, self._playing = t, time.monotonic(), not self._playing

    def stand_still(self) -> None:
        """Stand still."""
        with self._lock:
            self._at, self._playing = self._now(), False

    def change_speed(self, step: int) -> float:
        """Play faster or slower by so many steps; returns the speed."""
        with self._lock:
            place = min(range(len(SPEEDS)), key=lambda each: abs(SPEEDS[each] - self._speed)) + step
            self._at, self._since = self._now(), time.monotonic()
            self._speed = SPEEDS[max(0, min(place, len(SPEEDS) - 1))]
            return self._speed

    def go_to(self, t: float) -> float:
        """Go to a time; returns it, within the recording."""
        with self._lock:
            self._at, self._since = max(0.0, min(t, self.recording.end_t)), time.monotonic()
            self._jumps += 1
            return self._at

    def ask(self, wanted: Sequence[BinsWanted], *, figures: bool | None = True) -> Future[Frame]:
        """A frame of where it is."""
        answer: Future[Frame] = Future()
        with self._lock:
            self._asked.append((wanted, figures, answer))
            self._lock.notify()
        return answer

    def stop(self) -> None:
        """Answer no more."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        self._scout.stop()

    # -- its own thread ----------------------------------------------------------------------------

    def run(self) -> None:
        """Answer until told to stop; between answers go on to where it should be."""
        self._scout.start()
        arrived = True
        while True:
            with self._lock:
                while not (self._asked or self._stopping or not arrived):
                    self._lock.wait()
                if self._stopping:
                    return
                asked = self._asked.popleft() if self._asked else None
            if asked is None:
                arrived = self._go_on()
                continue
            wanted, figures, answer = asked
            self._scout.may_go.clear()
            try:
                frame = self.finish(self._frame(wanted, figures))
            except Exception as error:  # noqa: BLE001 - whoever asked says it
                answer.set_exception(error)
                continue
            finally:
                self._scout.may_go.set()
            arrived = frame.playback is None or frame.playback.seen is None
            answer.set_result(frame)
            if arrived and self._came_from_afar:
                self._came_from_afar = False
                gc.collect()

    def _go_on(self) -> bool:
        """Nobody asks: go on to where it should be."""
        t = self.t
        if self._is_far(t):
            time.sleep(WAIT_S)
            return False
        return self._come_to(t, SLICE_S)

    def _frame(self, wanted: Sequence[BinsWanted], figures: bool | None) -> Frame:
        t = self.t
        if self._is_far(t) or self._looks_first(t):
            return replace(
                self._frame_ahead(t, wanted, figures), playback=self._playback(t, seen=self._scout.seen)
            )
        self._glimpse = None
        there = self._come_to(t, PATIENCE_S)
        shown = t if there else self._stand.t
        self._stand.scene.look_anew()
        frame = self._stand.scene.frame(shown, wanted, figures=figures)
        return replace(frame, playback=self._playback(shown, None if there else self._scout.seen))

    def _frame_ahead(self, t: float, wanted: Sequence[BinsWanted], figures: bool | None) -> Frame:
        """The devices as they were at a time that it has not come to; what adds up until then is unknown."""
        glimpse = self._glimpse
        if glimpse is None or not glimpse.t <= t <= glimpse.t + AHEAD_S:
            glimpse = self._glimpse = self._scout.glimpse(t)
        there = glimpse.come_to(t, time.monotonic() + LOOKS_S)
        frame = glimpse.scene.frame(t if there else glimpse.t, wanted, figures=figures)
        run = RunSoFar(began=frame.run.began, phases=frame.run.phases, marks=frame.run.marks)
        bins = {one: () if one.number == RUN else found for one, found in frame.bins.items()}
        return replace(frame, standing=None, run=run, bins=bins)

    def _is_far(self, t: float) -> bool:
        """Whether nobody has been near a time: the scout will, and is no sooner there if two go."""
        if self._scout.is_done:
            return False
        stand = self._stand.place.block if self._stand.t <= t else 0
        return self.recording.block_at(t) > max(self._scout.block, stand) + 1

    def _come_to(self, t: float, patience_s: float) -> bool:
        """Be where the records up to a time are taken; whether that is so after a while."""
        began = time.monotonic()
        if not self._is_near(t):
            self._stand = self._scout.stand(self._scout.nearest(t))
            self._came_from_afar = True
        there = self._stand.come_to(t, time.monotonic() + patience_s)
        if self._came_from_afar:
            self._ways_are_long = time.monotonic() - began > SOON_S
        return there

    def _is_near(self, t: float) -> bool:
        """Whether one goes there from where one is."""
        known = self._scout.nearest(t)
        return self._stand.t <= t and (known is None or known.place.block <= self._stand.place.block + 1)

    def _looks_first(self, t: float) -> bool:
        """Whether to show a place that it jumps to before it is there."""
        jumped, self._answered_jumps = self._answered_jumps != self._jumps, self._jumps
        return jumped and self._ways_are_long and not self._is_near(t)

    def _playback(self, t: float, seen: float | None = None) -> Playback:
        with self._lock:
            return Playback(
                t=t,
                end=self.recording.end_t,
                speed=self._speed,
                playing=self._playing,
                grows=not self.recording.is_whole,
                jumps=self._jumps,
                seen=seen,
                simulated=self.recording.is_simulated,
            )

    def step(self, steps: int) -> float:
        """Stand still, at the next time (or those before) at which something was read; returns it."""
        self.stand_still()
        return self.go_to(self.recording.tick_beside(self.t, steps))
