"""A run as the screens meet it: records into a Scene, a frame, and what a screen makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from derive.build import Session, every, histogram

from perfwatch.frame import Frame
from perfwatch.metrics import ENERGY, LATENCY, POWER, SM_CLOCK, THROTTLE_REASONS
from perfwatch.model import Kind, Metric, Unit
from perfwatch.scene import Scene
from perfwatch.text import width
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import Row, plain
from perfwatch.tui.view import View

Draw = Callable[[Frame, View, tuple[int, int], Book], list[Row]]
PRICES = {"cost": {"price_per_kwh": 0.36, "currency": "USD", "carbon_g_per_kwh": 360.0}}
THERMAL = 0x20


def boards(
    session: Session,
    times: Sequence[float],
    count: int = 2,
    *,
    watts: float = 100.0,
    clock_hz: Callable[[int, float], float] = lambda number, t: 1.9e9,
    reasons: Callable[[int, float], int] = lambda number, t: 0,
    update_s: float = 0.1,
    model: str = "Board",
) -> None:
    """Accelerators with a counter, power, clock and throttle reasons."""
    metrics = (ENERGY.observed(update_s=update_s), POWER, SM_CLOCK, THROTTLE_REASONS)
    for place in range(count):
        number = session.device(metrics=metrics, name=model)
        for t in times:
            session.sample(number, t, watts * t, watts, clock_hz(place, t), reasons(place, t))
    declared = [record["device"] for record in session.records if "device" in record]
    ids = [one["id"] for one in declared if one["kind"] == "accelerator"]
    session.event(0.0, "devices", ids=ids, because="the job uses them", guessed=False, shared={})


def queries(session: Session, times: Sequence[float], per_s: float = 50.0, **more: float) -> None:
    """A server that counts queries, each of which takes 10 ms; `more` are gauges."""
    gauges = [Metric(name, Unit.COUNT, Kind.GAUGE) for name in more]
    metrics = [Metric("queries_total", Unit.COUNT, Kind.COUNTER), LATENCY, *gauges]
    rows = [(t, (round(per_s * t), histogram(*[0.01] * 50), *more.values())) for t in times]
    session.workload("page", metrics, rows)


def run_of(seconds: float = 100.0, *, prices: bool = False, header: dict[str, Any] | None = None) -> Session:
    """Two boards of 100 W and 50 queries a second: 0.25 queries a joule."""
    session = Session(settings=PRICES if prices else {}, command=["serve"], **(header or {}))
    times = every(1.0, 0.0, seconds)
    session.job(0.0, None)
    boards(session, times)
    queries(session, times)
    return session


def scene_of(session: Session) -> tuple[Scene, float]:
    """A scene that took everything, and the time of the newest record."""
    scene = Scene()
    scene.write(session.header)
    declared = [record for record in session.records if "device" in record]
    later = [record for record in session.records if "device" not in record]
    for record in [*declared, *sorted(later, key=lambda record: record["t"])]:
        scene.write(record)
    return scene, max((record["t"] for record in session.records), default=0.0)


def shown(session: Session, draw: Draw, size: tuple[int, int], **view: Any) -> list[Row]:
    """What a screen shows once its charts know what they asked for. Every row is checked for its width."""
    scene, t = scene_of(session)
    looked, book = View(**view), Book()
    draw(scene.frame(t), looked, size, book)
    wanted = book.wanted()
    frame = scene.frame(t, wanted)
    book.learn(frame.bins)
    rows = draw(frame, looked, size, book)
    assert len(rows) == size[1]
    for row in rows:
        assert sum(width(span.text) for span in row) == size[0], plain(row)
    return rows


def text_of(rows: Sequence[Row]) -> str:
    return "\n".join(plain(row) for row in rows)


def line_with(rows: Sequence[Row], word: str) -> str:
    """The only line with a word; it is an error if there is none or several."""
    (only,) = [plain(row) for row in rows if word in plain(row)]
    return only


def styles_of(rows: Sequence[Row], word: str) -> set[str]:
    """The styles of the spans that hold a word."""
    return {span.style for row in rows for span in row if word in span.text}
