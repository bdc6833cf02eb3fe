"""Charts of sparse readings, charts whose past comes later, plain signs, and what a loss looks like."""

from __future__ import annotations

from looking import declared, sample, scene
from recorded import drawn

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind
from perfwatch.scene import Scene
from perfwatch.session import format as fmt
from perfwatch.tui.draw import charts
from perfwatch.tui.draw.plain_ascii import ascii_text
from perfwatch.tui.draw.row import plain
from perfwatch.tui.draw.sentences import told
from perfwatch.tui.draw.telling import work_hint
from perfwatch.tui.screens import devices
from perfwatch.tui.view import View

CHIP = Device(
    id="A", name="Chip 9000", kind=DeviceKind.ACCELERATOR, index=0, metrics=(m.UTILIZATION, m.TEMPERATURE)
)


def dots(known: dict[int, charts.Bin], held: int) -> str:
    span = charts.Span(0.25, 0, 39)
    return charts.chart(known, span, 1, 0.0, 1.0, held=held)[0]


def test_a_reading_stands_until_the_next_one_and_not_for_ever() -> None:
    known = {at: (at, 1.0, 1.0, 1.0) for at in (0, 4, 8, 12, 32, 36)}
    assert dots(known, 0).count(" ") == 14
    assert dots(known, 7) == "⣿" * 10 + " " * 6 + "⣿" * 4


def test_a_chart_takes_the_past_when_it_becomes_known() -> None:
    book, span, scale = charts.Book(), charts.Span(1.0, 0, 39), charts.Scale(1, 0.0, 1.0)
    assert book.chart(7, "x", span, scale) == [" " * 20]
    book.learn({one: [(at, 1.0, 1.0, 1.0) for at in range(40)] for one in book.wanted()})
    assert book.chart(7, "x", span, scale) == ["⣿" * 20]


def test_a_long_span_changes_in_few_steps_when_all_is_shown() -> None:
    view = View(span_s=None)
    assert len({view.seconds(float(t)) for t in range(3600)}) < 25
    assert all(view.seconds(float(t)) >= t for t in range(3600))


def test_plain_signs_take_the_blanks_beside_them() -> None:
    assert ascii_text("  1.97 ± 0.02 tok/J") == "  1.97 +-0.02 tok/J"
    assert ascii_text("     0.0109 €") == "   0.0109 EUR"
    assert ascii_text("0.0109 €") == "0.0109 E"
    assert ascii_text("69 °C") == "69  C"


def test_a_device_that_is_gone_says_so_where_its_model_stood_and_takes_no_more_room() -> None:
    seen = scene(declared(0, "chips", CHIP), sample(0, 1.0, 0.5, 60.0))
    well = [plain(row) for row in devices.draw(seen.frame(2.0), View(), (80, 8), charts.Book())]
    seen.write(fmt.event(4.0, "gone", {"n": 0, "reason": "fell off the bus"}))
    lost = [plain(row) for row in devices.draw(seen.frame(5.0), View(), (80, 8), charts.Book())]
    assert "Chip 9000" in well[0]
    assert "60 °C" in well[0]
    assert "gone, last reading 4 s ago: fell off the bus" in lost[0]
    assert "°C" not in lost[0]
    assert [line[:6] for line in lost[1:]] == [line[:6] for line in well[1:]]


def test_a_device_that_comes_back_is_an_event_and_one_that_appears_is_none() -> None:
    seen = scene(declared(0, "chips", CHIP), sample(0, 1.0, 0.5, 60.0))
    seen.write(fmt.event(4.0, "gone", {"n": 0, "reason": "fell off the bus"}))
    seen.write({**declared(0, "chips", CHIP), "t": 9.0})
    assert [(one.t, one.text) for one in told(seen.frame(9.0))] == [
        (4.0, "chips:0 is gone: fell off the bus"),
        (9.0, "chips:0 is back"),
    ]


def test_the_time_in_which_a_device_of_the_run_was_gone_is_drawn_below_the_charts() -> None:
    _, rows = drawn(View("run"), (120, 38))
    lane = next(plain(row) for row in rows if plain(row).startswith(" events"))
    assert "thermal" in lane
    assert " gone " in lane


def test_where_work_was_asked_for_it_is_waited_for_and_not_asked_again() -> None:
    output = Device(
        "output",
        "stdout of the job",
        DeviceKind.WORKLOAD,
        facts={"work": "output", "pattern": "step {steps}"},
    )
    statsd = Device("statsd", "StatsD", DeviceKind.WORKLOAD, facts={"work": "statsd"})
    scene = Scene()
    for number, (collector, device) in enumerate((("statsd", statsd), ("output", output))):
        assert work_hint(scene.frame(0.0))[0].startswith("no work is counted: -w output=")
        scene.write({"t": 0.0, "device": fmt.encode_device(number, collector, device)})
    said = " ".join(work_hint(scene.frame(0.0)))
    assert "waiting for stdout of the job to match step {steps}" in said
