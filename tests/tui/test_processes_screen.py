"""Processes: who uses which device, as a tree or ordered by a column."""

from __future__ import annotations

import pytest
from looking import SIZES, declared, fits_everywhere, line_with, look, scene

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind
from perfwatch.session import format as fmt
from perfwatch.tui.draw.process_list import processes_of, tree
from perfwatch.tui.screens import processes
from perfwatch.tui.view import View

GIB = 2**30
HOST = ("pid", "ppid", "name", "user", "cpu_ratio", "rss_bytes", "started")
ROWS = [
    [1, 0, "init", "root", 0.001, 12 << 20, 0.0],
    [50, 1, "dockerd", "root", 0.3, 100 << 20, 0.0],
    [900, 1, "bash", "ann", 0.0, 6 << 20, 0.0],
    [4711, 900, "python", "ann", 1.02, 3 * GIB, 0.0],
    [4712, 4711, "worker", "ann", None, 40 * GIB, 0.0],
    [51, 50, "日本語\x1b[31m\u202e", "bob", 64.3, 500 << 20, 0.0],
]


def gpu(number: int) -> Device:
    return Device(f"GPU-{number}", "H100", DeviceKind.ACCELERATOR, number, (m.POWER,))


def used(number: int, *rows: list[object]) -> dict[str, object]:
    return fmt.table(2.0, "processes", ("pid", "memory_bytes", "type"), rows, number)


def machine(*more: dict[str, object]):
    return scene(
        declared(0, "nvidia", gpu(0)),
        declared(1, "nvidia", gpu(1)),
        fmt.table(2.0, "processes", HOST, ROWS, None),
        used(0, [4712, 70 * GIB, "compute"], [99, None, "graphics"]),
        used(1, [4712, 71 * GIB, "compute"]),
        fmt.event(1.0, "job", {"what": "begin", "pid": 4711}),
        *more,
    )


def test_a_process_shows_its_devices_and_the_memory_it_takes_there():
    lines = look(processes.draw, machine(), 5.0, (120, 20))
    worker = line_with(lines, "4712")
    assert "nvidia:0-1" in worker
    assert "141 GiB" in worker
    assert "compute" in worker
    assert "40.0 GiB" in worker
    assert "6 430 %" in line_with(lines, " 51 ")
    assert lines[0].startswith("7 processes, 2 on devices")


def test_what_is_not_known_is_a_dash_and_no_zero():
    lines = look(processes.draw, machine(), 5.0, (120, 20))
    foreign = line_with(lines, " 99 ")
    assert foreign.count("–") == 5  # user, memory on the device, CPU, memory, name
    assert " 0 " not in foreign


def test_the_tree_shows_parents_before_children_and_device_users_first():
    lines = look(processes.draw, machine(), 5.0, (120, 20))
    pids = [int(line[2:9]) for line in lines[2:] if line.strip()]
    assert pids == [1, 900, 4711, 4712, 50, 51, 99]
    assert line_with(lines, "4711").endswith("│ └ python (the job)")
    assert line_with(lines, "4712").endswith("│   └ worker")


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        ("cpu", 51, {99, 4712}),
        ("-cpu", 900, {99, 4712}),
        ("memory", 4712, {1, 50, 51, 900, 4711, 99}),
        ("pid", 1, {4712}),
        ("-pid", 4712, {1}),
        ("user", 900, {99}),
    ],
)
def test_a_column_orders_the_rows_and_the_unknown_come_last(order, first, last):
    lines = look(processes.draw, machine(), 5.0, (120, 12), sort={"processes": order})
    pids = [int(line[2:9]) for line in lines[2:] if line.strip()]
    assert (pids[0], pids[-1] in last) == (first, True)
    assert ("▴" if order.startswith("-") else "▾") in lines[1]


def test_the_filter_finds_names_users_devices_and_numbers():
    for wanted, pids in (("WORK", {4712}), ("bob", {51}), ("nvidia:1", {4712}), ("471", {4711, 4712})):
        lines = look(processes.draw, machine(), 5.0, (120, 12), filter=wanted)
        assert {int(line[2:9]) for line in lines[2:] if line.strip()} == pids
        assert f"{len(pids)} of 7 processes" in lines[0]
    assert "None of 7 processes matches zz" in look(processes.draw, machine(), 5.0, filter="zz")[0]


def test_a_device_that_does_not_answer_is_marked_and_one_that_is_gone_has_no_processes():
    stale = fmt.event(
        3.0, "status", {"collector": "nvidia", "device_id": "GPU-1", "state": "stale", "reason": "hangs"}
    )
    assert "! nvidia:0-1" in line_with(look(processes.draw, machine(stale), 5.0), "4712")
    gone = machine(fmt.event(3.0, "gone", {"n": 1, "reason": ""}))
    assert "nvidia:0 " in line_with(look(processes.draw, gone, 5.0), "4712")


def test_every_size_shows_number_device_and_name():
    for size in SIZES:
        lines = look(processes.draw, machine(), 5.0, size)
        assert "nvidia:0" in line_with(lines, "4712")
        assert "dockerd" in "\n".join(lines)
    fits_everywhere(processes.draw, machine(), 5.0, selected=3)


def test_the_selected_row_stays_in_sight():
    many = scene(
        fmt.table(
            2.0, "processes", HOST, [[pid, 0, f"p{pid}", "u", 0.0, 1, 0] for pid in range(1, 200)], None
        )
    )
    for selected, pid in ((0, 1), (150, 151), (10_000, 199)):
        lines = look(processes.draw, many, 5.0, (80, 10), selected=selected)
        assert line_with(lines, "▸").split()[1] == str(pid)
    assert processes.rows(many.frame(5.0), View()) == 199


def test_without_processes_it_says_where_they_come_from():
    absent = scene(fmt.event(1.0, "status", {"collector": "host", "state": "absent", "reason": "no psutil"}))
    lines = look(processes.draw, absent, 2.0)
    assert lines[:2] == ["No process is known yet.", "The collector host is absent: no psutil"]
    assert not any(lines[2:])


def test_parents_in_a_circle_and_nonsense_in_a_table_lose_no_row():
    odd = scene(
        fmt.table(
            1.0, "processes", HOST, [[5, 6, "a"], [6, 5, "b"], [7, 7, "c"], ["x", 1, "d"], [], [8]], None
        )
    )
    found = processes_of(odd.frame(2.0))
    assert sorted(branch.process.pid for branch in tree(found)) == [5, 6, 7, 8]
    fits_everywhere(processes.draw, odd, 2.0)


@pytest.mark.parametrize("size", [(80, 24), (100, 5)])
@pytest.mark.parametrize("selected", [0, 3, 5])
def test_a_click_finds_the_process_that_stands_there(size: tuple[int, int], selected: int) -> None:
    frame, view = machine().frame(3.0), View(selected=selected)
    drawn = look(processes.draw, machine(), 3.0, size, selected=selected)
    y = next(at for at, line in enumerate(drawn) if "▸" in line)
    assert processes.place_at(frame, view, size, y) == selected
    assert processes.place_at(frame, view, size, 0) is None
    assert processes.place_at(frame, view, size, 1) is None
    assert processes.place_at(frame, view, (80, 60), 50) is None
