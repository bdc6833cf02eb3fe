"""What is shown while the view stands still, and of when? Sampling and recording go on meanwhile."""

from __future__ import annotations

from dataclasses import replace

from perfwatch.frame import Frame

STEPS = 20
"""So many steps go through the time that the charts show."""


class Pause:
    """A frame at which the view was stopped; what is folded over the whole run stays as it was then."""

    def __init__(self) -> None:
        self.frame: Frame | None = None

    def begin(self, frame: Frame) -> None:
        """Stop at this frame."""
        self.frame = frame

    def end(self) -> None:
        """Go on."""
        self.frame = None

    def add_figures(self, frame: Frame) -> None:
        """Take the figures of the run from a frame of the same moment, where the first one had none."""
        if self.frame is not None:
            self.frame = replace(self.frame, standing=frame.standing, run=frame.run, work=frame.work)

    def moved(self, at: float, step: int, seconds: float) -> float:
        """So many steps from `at` through `seconds` of charts, within the session and up to the pause."""
        latest = at if self.frame is None else self.frame.t
        return min(max(0.0, at + step * seconds / STEPS), latest)

    def shown(self, frame: Frame, at: float | None, before: Frame | None) -> Frame:
        """What to show when a frame arrives while the view is at `at` (None: it is not stopped).

        Args:
            before: what is shown now; kept where the new frame answers an earlier question.
        """
        stopped = self.frame
        if at is None or stopped is None:
            return frame
        if at == stopped.t:
            return stopped
        if frame.t != at:  # the answer to an earlier question, or a feed that knows no past
            return before or frame
        return replace(
            stopped,
            t=at,
            devices=frame.devices,
            workloads=frame.workloads,
            work=frame.work,
            events=frame.events,
        )
