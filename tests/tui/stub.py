"""A feed that answers at once from a scene, and an app on it: what Pilot tests of the dashboard share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from looking import declared, sample, scene

from perfwatch.frame import BinsWanted, Frame
from perfwatch.metrics import MEMORY_TOTAL, MEMORY_USED, POWER, TEMPERATURE, UTILIZATION
from perfwatch.model import Device, DeviceKind
from perfwatch.scene import Scene
from perfwatch.tui.app import Dashboard
from perfwatch.tui.draw.row import plain
from perfwatch.tui.look import Look
from perfwatch.tui.themes import load_theme

METRICS = (UTILIZATION, POWER, MEMORY_USED, MEMORY_TOTAL, TEMPERATURE)


def boards(count: int, until: float = 120.0, *, collector: str = "nvidia") -> Scene:
    """So many boards; the first draws as many watts as seconds passed, the next 100 W more, and so on."""
    made = scene()
    for number in range(count):
        device = Device(
            id=f"GPU-{number}", name="Board", kind=DeviceKind.ACCELERATOR, index=number, metrics=METRICS
        )
        made.write(declared(number, collector, device))
    t = 0.0
    while t <= until:
        for number in range(count):
            made.write(sample(number, t, 0.1 * (count - number), t + 100 * number, 2**30, 2**34, 50.0))
        t += 1.0
    return made


class StubFeed:
    """Answers at once, and remembers what it was told to do."""

    over = False

    def __init__(self, seen: Scene, t: float = 120.0, *, recording: Path | None = None) -> None:
        self.scene, self.t = seen, t
        self.recording = recording
        self.marks: list[tuple[str, str]] = []
        self.figures: list[bool] = []
        """Whether figures were wanted, each time that a frame was asked for."""
        self.interrupts = 0
        self.offer = ""
        self.taken = ""

    def ask(
        self, wanted: Sequence[BinsWanted], at: float | None, *, figures: bool | None = True
    ) -> Future[Frame]:
        self.figures.append(figures)
        answer: Future[Frame] = Future()
        frame = self.scene.frame(self.t, wanted, figures=figures)
        answer.set_result(frame if at is None else self.scene.as_of(frame, at))
        return answer

    def mark(self, name: str, edge: str, at_ns: int | None = None) -> None:
        self.marks.append((name, edge))

    def interrupt(self) -> str:
        self.interrupts += 1
        return "SIGINT sent to the job"

    def take_offer(self) -> str:
        self.taken, self.offer = self.offer, ""
        return self.taken


Steps = Callable[[Dashboard, Any], Awaitable[None]]


def act(feed: StubFeed, steps: Steps, size: tuple[int, int] = (100, 30), **more: Any) -> Dashboard:
    """Show the feed, do the steps, and return the app as it was then."""
    app = Dashboard(feed, Look(load_theme("dark"), "truecolor"), paint_s=60.0, **more)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(app, pilot)
            await steps(app, pilot)

    asyncio.run(run())
    return app


async def settled(app: Dashboard, pilot: Any) -> None:
    """Until every frame that was asked for has been taken."""
    await pilot.pause()
    while app.frame is None or app._again or (app._asking is not None and not app._asking.done()):
        await pilot.pause()
    await pilot.pause()


async def press(app: Dashboard, pilot: Any, *keys: str) -> None:
    """Press keys and wait for what comes of them."""
    await pilot.press(*keys)
    await settled(app, pilot)


def lines(app: Dashboard) -> list[str]:
    """What a person reads."""
    return [plain(row).rstrip() for row in app.rows()]
