"""Hosts: one line a machine."""

from __future__ import annotations

import pytest
from looking import SIZES, declared, fits_everywhere, line_with, look, sample, scene

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind, Scope
from perfwatch.scene import Scene
from perfwatch.session import format as fmt
from perfwatch.tui.screens import hosts
from perfwatch.tui.view import View

CHIP = (m.POWER, m.UTILIZATION, m.MEMORY_USED, m.MEMORY_TOTAL, m.TEMPERATURE)


def chip(host: int, number: int) -> Device:
    kind, scope = DeviceKind.ACCELERATOR, Scope.ACCELERATOR
    return Device(f"GPU-{host}-{number}", "H100", kind, number, CHIP, scope=scope)


def cluster(count: int = 3) -> Scene:
    """Hosts lab0, lab1 ... with two chips and a node each; power grows with the host's number."""
    made = scene()
    for host in range(count):
        for number in (0, 1):
            at = 3 * host + number
            made.write(declared(at, "nvidia", chip(host, number), host=f"lab{host}"))
            made.write(sample(at, 9.0, 300 + 100 * host, 0.5 + 0.1 * number, 40e9, 80e9, 50 - host + number))
        node = Device(f"node-{host}", "Linux", DeviceKind.NODE, 0, (m.CPU_UTILIZATION,))
        made.write(declared(3 * host + 2, "host", node, host=f"lab{host}"))
        made.write(sample(3 * host + 2, 9.0, 0.25))
    return made


def test_a_machine_is_one_line_of_figures_with_their_units():
    line = line_with(look(hosts.draw, cluster(), 9.5, (160, 20)), "lab1")
    for figure in ("nvidia:0-1", "2 x H100", "55 %", "50 %", "25 %", "800 W", "accelerator", "50 °C", "ok"):
        assert figure in line


def test_every_size_shows_name_utilization_power_and_state():
    for size in SIZES:
        line = line_with(look(hosts.draw, cluster(), 9.5, size), "lab2")
        assert "55 %" in line
        assert "1.00 kW" in line
        assert line.endswith("ok")
    fits_everywhere(hosts.draw, cluster(), 9.5, selected=1)


def test_power_is_unknown_while_one_of_the_devices_does_not_answer():
    seen = cluster()
    fields = {"collector": "nvidia", "device_id": "GPU-1-1", "state": "stale", "reason": "hangs for 3 s"}
    seen.write(fmt.event(9.0, "status", fields))
    lines = look(hosts.draw, seen, 9.5, (80, 10), selected=1)
    assert "800 W" not in line_with(lines, "lab1")
    assert "1 stale" in line_with(lines, "lab1")
    assert "nvidia:1 stale: hangs for 3 s" in "\n".join(lines)
    assert "50 %" in line_with(lines, "lab1")  # of the one that answers


def test_a_device_that_left_draws_nothing_and_is_said():
    seen = cluster()
    seen.write(fmt.event(9.0, "gone", {"n": 3, "reason": "fell off the bus"}))
    line = line_with(look(hosts.draw, seen, 9.5), "lab1")
    assert "400 W" in line
    assert "1 gone" in line


def test_scopes_that_overlap_are_never_added():
    seen = cluster(1)
    wall = Device("meter", "wall plug", DeviceKind.METER, 0, (m.POWER,), scope=Scope.WALL)
    seen.write(declared(9, "plug", wall, host="lab0"))
    seen.write(sample(9, 9.0, 2000.0))
    assert "600 W" in line_with(look(hosts.draw, seen, 9.5, (160, 10)), "lab0")


def test_a_machine_without_accelerators_shows_what_it_has():
    plain = scene(declared(0, "host", Device("n", "Linux", DeviceKind.NODE, 0, (m.CPU_UTILIZATION,))))
    plain.write(sample(0, 1.0, 0.5))
    line = line_with(look(hosts.draw, plain, 1.5), "lab1")
    assert "50 %" in line
    assert "·" not in line
    assert line.count("–") == 4  # utilization, memory, power, temperature


@pytest.mark.parametrize(
    ("order", "first"),
    [("power", "lab2"), ("-power", "lab0"), ("temperature", "lab0"), ("name", "lab0"), ("-name", "lab2")],
)
def test_a_column_orders_the_machines(order, first):
    assert hosts.listed(cluster().frame(9.5), View(sort={"hosts": order}))[0].name == first


def test_the_filter_finds_names_and_kinds():
    frame = cluster().frame(9.5)
    assert [one.name for one in hosts.listed(frame, View(filter="LAB1"))] == ["lab1"]
    assert hosts.rows(frame, View(filter="h100")) == 3
    assert "No machine matches zz" in look(hosts.draw, cluster(), 9.5, filter="zz")[0]


def test_the_selected_machine_is_in_sight():
    lines = look(hosts.draw, cluster(60), 9.5, (80, 10), selected=41)
    assert line_with(lines, "▸").split()[1] == "lab41"


def test_without_a_device_it_says_what_to_do():
    lines = look(hosts.draw, scene(), 1.0)
    assert "perfwatch doctor" in lines[1]
    assert not any(lines[2:])


def test_a_hostile_name_of_a_host_is_harmless():
    seen = scene(declared(0, "nvidia", chip(0, 0), host="日本\x1b[2J\u202e" * 30))
    fits_everywhere(hosts.draw, seen, 1.0)
