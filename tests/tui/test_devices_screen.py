"""Devices: panels, lines and totals; who stands where, and what a click finds."""

from __future__ import annotations

import re

import pytest
from looking import declared, look, sample, scene

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind, Metric, Scope
from perfwatch.scene import Scene
from perfwatch.session import format as fmt
from perfwatch.tui.draw import panel
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import plain
from perfwatch.tui.places import Places
from perfwatch.tui.screens import devices
from perfwatch.tui.view import View


def test_the_name_of_a_device_is_worth_more_than_its_clock() -> None:
    chip = Device(
        id="A", name="A long name of a chip", kind=DeviceKind.ACCELERATOR, index=0, metrics=(m.SM_CLOCK,)
    )
    seen = scene(declared(0, "chips", chip), sample(0, 1.0, 1.9e9))
    one = seen.frame(1.0).devices[0]
    wide, narrow = (plain(panel.heading(one, seen.frame(1.0), columns)) for columns in (80, 40))
    assert "1900 MHz" in wide
    assert "MHz" not in narrow
    assert chip.name in wide
    assert chip.name in narrow


def many(count: int, reasons: int = 0) -> Scene:
    chip = (m.UTILIZATION, m.POWER, m.TEMPERATURE, m.THROTTLE_REASONS)
    seen = scene()
    for number in range(count):
        device = Device(
            str(number), "Chip 9000", DeviceKind.ACCELERATOR, number, chip, scope=Scope.ACCELERATOR
        )
        seen.write(declared(number, "chips", device))
        seen.write(sample(number, 1.0, 0.01 * number, 300.0 + number, 60.0, reasons))
    return seen


def test_values_of_many_devices_stand_below_their_titles_whatever_the_labels() -> None:
    lines = look(devices.draw, many(24), 1.0, (110, 40))
    assert lines[0].split()[0] == "all"
    power = lines[1].index("power") + len("power")
    assert len(lines[1].split()) == 5
    assert [line[:power].split()[-2] for line in lines[2:26]] == [str(300 + number) for number in range(24)]
    assert all(line.endswith("Chip 9000") for line in lines[2:26])


@pytest.mark.parametrize(("size", "sign"), [((110, 40), "thermal"), ((38, 40), "!")])
def test_a_throttled_device_is_told_in_a_line_however_short(size: tuple[int, int], sign: str) -> None:
    assert all(line.endswith(sign) for line in look(devices.draw, many(24, 0x20), 1.0, size)[2:26])


def test_the_only_device_is_shown_with_all_that_it_tells() -> None:
    alone = "\n".join(look(devices.draw, many(1), 1.0, (80, 24)))
    assert "temperature_celsius" in alone
    assert "temperature_celsius" not in "\n".join(look(devices.draw, many(2), 1.0, (80, 24)))


def test_a_click_on_a_line_finds_the_device_that_stands_there() -> None:
    seen, view, size = many(24), View(), (110, 40)
    frame = seen.frame(1.0)
    assert devices.place_at(frame, view, size, 5, 1) is None
    assert [devices.place_at(frame, view, size, 5, y) for y in range(2, 26)] == list(range(24))
    assert devices.place_at(frame, view, size, 5, 26) is None


def test_a_click_on_a_panel_finds_the_device_that_is_drawn_there() -> None:
    for count, size in ((8, (160, 50)), (8, (80, 22)), (3, (120, 38))):
        seen, view = many(count), View()
        rows = look(devices.draw, seen, 1.0, size)
        for y, line in enumerate(rows):
            for found in re.finditer(r"chips:(\d+)", line):
                if not line.lstrip().startswith("all"):
                    assert devices.place_at(seen.frame(1.0), view, size, found.start(), y) == int(found[1])


def test_totals_are_the_mean_of_utilization_and_the_sum_of_power() -> None:
    totals = look(devices.draw, many(5), 1.0, (120, 30))[0]
    assert "util   2 %" in totals
    assert "1.51 kW" in totals
    assert "hottest 60 °C" in totals


def test_figures_say_by_their_style_how_heavily_a_device_is_loaded() -> None:
    seen = scene(
        declared(0, "chips", chip_with(m.UTILIZATION)), declared(1, "chips", chip_with(m.UTILIZATION, 1))
    )
    for t, busy in ((1.0, 0.1), (2.0, 0.6), (3.0, 0.95)):
        seen.write(sample(0, t, busy))
        rows = devices.draw(seen.frame(t), View(), (100, 20), Book())
        styles = {span.style for row in rows for span in row if span.text.strip() == f"{busy * 100:.0f} %"}
        assert styles & {"load-low", "load-medium", "load-high"} == {
            {0.1: "load-low", 0.6: "load-medium", 0.95: "load-high"}[busy]
        }


def chip_with(metric: Metric, index: int = 0) -> Device:
    return Device(
        id=f"C{index}", name="Chip 9000", kind=DeviceKind.ACCELERATOR, index=index, metrics=(metric,)
    )


def test_sorted_devices_keep_their_places_for_some_seconds() -> None:
    seen, places = many(3), Places()
    view = places.settled(seen.frame(1.0), View(sort={"devices": "utilization"}))
    assert [one.number for one in devices.listed(seen.frame(1.0), view)] == [2, 1, 0]
    view = view.with_(selected=2)
    for number in range(3):
        seen.write(sample(number, 2.0, 0.9 - 0.1 * number, 300.0, 60.0, 0))
    early = places.settled(seen.frame(2.0), view)
    assert [one.number for one in devices.listed(seen.frame(2.0), early)] == [2, 1, 0]
    late = places.settled(seen.frame(7.0), early)
    assert [one.number for one in devices.listed(seen.frame(7.0), late)] == [0, 1, 2]
    assert late.selected == 0  # the device that was selected, not the place


def test_a_device_that_does_not_tell_is_last_in_either_order() -> None:
    seen = many(2)
    seen.write(declared(2, "chips", chip_with(m.TEMPERATURE, 2)))
    for order, numbers in (("utilization", [1, 0, 2]), ("-utilization", [0, 1, 2])):
        listed = devices.listed(seen.frame(1.0), View(sort={"devices": order}))
        assert [one.number for one in listed] == numbers


def test_a_heat_map_shows_every_device_or_says_which_part_it_shows() -> None:
    for size in ((40, 10), (40, 8), (80, 22)):
        lines = look(devices.draw, many(64), 1.0, size)
        shown = " ".join(lines)
        assert all(re.search(rf"(?<!\d){number}[▁▂▃▄▅▆▇█]", shown) for number in range(64)), size
    part = look(devices.draw, many(64), 1.0, (40, 5), selected=60)
    assert "21-60 of 64" in part[0] or "25-64 of 64" in part[0] or "of 64" in part[0]
    assert re.search(r"60[▁▂▃▄▅▆▇█]", " ".join(part))
    for y, line in enumerate(part[1:], 1):
        for found in re.finditer(r"(\d+)[▁▂▃▄▅▆▇█]", line):
            view = View(selected=60)
            at = devices.place_at(many(64).frame(1.0), view, (40, 5), found.start(1), y)
            assert at == int(found[1])


def test_totals_go_on_without_a_device_that_hangs_and_say_so() -> None:
    seen = many(5)
    fields = {"collector": "chips", "device_id": "2", "state": "stale", "reason": "hangs for 9 s"}
    seen.write(fmt.event(1.0, "status", fields))
    totals = look(devices.draw, seen, 1.0, (120, 30))[0]
    assert "1.21 kW accelerator without 1" in totals
    assert "1 stale" in totals


def test_the_order_is_told_while_devices_are_sorted() -> None:
    assert "by power" in look(devices.draw, many(5), 1.0, (120, 30), sort={"devices": "power"})[0]
    assert "by " not in look(devices.draw, many(5), 1.0, (120, 30))[0]


def test_a_zoomed_device_shows_its_values_and_its_processes_at_every_size() -> None:
    seen = many(2)
    rows = [[4711, 2.0 * 2**30, "compute"]]
    seen.write(fmt.table(1.0, "processes", ["pid", "memory_bytes", "type"], rows, 1))
    for size in ((40, 14), (80, 22), (120, 38)):
        lines = look(devices.draw, seen, 1.0, size, zoom="chips:1")
        assert any("power_watts" in line and "301 W" in line for line in lines), size
        if size[1] > 14:
            assert any("4711" in line and "2.00 GiB" in line for line in lines)


def test_a_line_has_a_chart_of_utilization_where_it_is_wide_enough() -> None:
    seen = many(64)
    for t in range(2, 60):
        for number in range(64):
            seen.write(sample(number, float(t), 0.9, 300.0, 60.0, 0))
    wide, narrow = (look(devices.draw, seen, 60.0, size)[2] for size in ((200, 58), (160, 48)))
    assert "⣿⣿⣿" in wide or "⣶⣶⣶" in wide
    assert not set(narrow) & set("⣿⣶")


def test_accelerators_stand_before_what_else_is_measured() -> None:
    kinds = (DeviceKind.METER, DeviceKind.CPU, DeviceKind.ACCELERATOR)
    seen = scene()
    for number, kind in enumerate(kinds):
        device = Device(kind.value, f"a {kind.value}", kind, number, (m.POWER,))
        seen.write(declared(number, kind.value, device))
    shown = devices.listed(seen.frame(1.0), View())
    assert [one.device.kind for one in shown] == list(reversed(kinds))


@pytest.mark.parametrize(("period_s", "is_whole"), [(None, False), (5.0, True)])
def test_a_reading_stands_in_the_chart_for_as_long_as_its_device_is_not_read(
    period_s: float | None, is_whole: bool
) -> None:
    device = Device("A", "meter", DeviceKind.METER, 0, (m.POWER,), period_s=period_s)
    seen = scene(declared(0, "meter", device))
    for t in range(0, 61, 5):
        seen.write(sample(0, float(t), 100.0))
    lowest = look(devices.draw, seen, 61.0, (60, 12))[-2]
    chart = re.sub(r"[^\u2801-\u28ff ]", "", lowest).strip()
    assert chart
    assert (" " not in chart) == is_whole
