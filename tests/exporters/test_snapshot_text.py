"""The snapshot's face: what fits, what is left out, and what is said where there is nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from perfwatch.exporters.snapshot_text import render
from perfwatch.text import width

Json = dict[str, Any]


def board(**changes: Any) -> Json:
    return {
        "uuid": "GPU-1",
        "name": "NVIDIA H100 80GB HBM3",
        "collector": "nvidia",
        "kind": "accelerator",
        "scope": "accelerator",
        "parent": None,
        "facts": {"power_limit_watts": 700.0},
        "age_s": 0.0,
        "power": {"watts": 412.4, "source": "sensor"},
        "metrics": {
            "power_watts": 412.4,
            "utilization_ratio": 0.97,
            "memory_used_bytes": 57 << 30,
            "memory_total_bytes": 80 << 30,
            "temperature_celsius": 64.0,
            "sm_clock_hertz": 1_980_000_000.0,
        },
        "rates": {},
        **changes,
    }


def package(**changes: Any) -> Json:
    return board(
        name="CPU package",
        collector="rapl",
        kind="cpu",
        facts={},
        power={"watts": 35.2, "source": "counter"},
        metrics={"energy_joules_total": 9.0},
        **changes,
    )


HOST = board(
    kind="node",
    name="Host",
    facts={"logical_cpus": 64},
    power={"watts": None, "source": None},
    metrics={
        "cpu_utilization_ratio": 0.12,
        "load_1m": 7.5,
        "memory_used_bytes": 3 << 29,
        "memory_total_bytes": 64 << 30,
        "swap_used_bytes": None,
    },
    rates={"disk_read_bytes_total": 1200.0, "network_sent_bytes_total": None},
)


def snapshot(collectors: Json | None = None, **devices: Json) -> Json:
    return {
        "schema": "perfwatch.snapshot/1",
        "time": "2026-11-20T19:49:56.846450+00:00",
        "host": "lab1",
        "perfwatch": "0.1.0",
        "devices": {label.replace("_", ":", 1).replace("__", "-"): one for label, one in devices.items()},
        "collectors": collectors or {},
    }


def state(state: str, reason: str = "") -> Json:
    return {"state": state, "reason": reason, "remedy": ""}


def test_devices_stand_in_a_table_and_the_host_below() -> None:
    text = render(snapshot(nvidia_0=board(), rapl_package=package(), host_0=HOST), width=100)
    assert text.splitlines() == [
        "lab1  2026-11-20 19:49:56 +0000  perfwatch 0.1.0",
        "device        name                   busy         power            memory   temp     clock",
        "nvidia:0      NVIDIA H100 80GB HBM3  97 %  412 of 700 W  57.0 of 80.0 GiB  64 °C  1.98 GHz",
        "rapl:package  CPU package                        35.2 W",
        "host:0  CPU 12 % of 64, load 7.50, memory 1.50 of 64.0 GiB, disk read 1.20 kB/s",
    ]


@pytest.mark.parametrize("columns", [40, 56, 80, 132])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    devices = {f"nvidia_{n}": board(name="加速器" * 20) for n in range(3)}
    collectors = {"rapl": state("failed", "word " * 60), "odd": state("absent", "x" * 300)}
    text = render(snapshot(collectors, host_0=HOST, **devices), width=columns)
    assert max(width(line) for line in text.splitlines()) <= columns
    assert "nvidia:2" in text


def test_without_a_terminal_it_is_80_columns_wide() -> None:
    text = render(snapshot(nvidia_0=board(name="long " * 40)))
    assert max(map(width, text.splitlines())) == 80


def test_a_narrow_terminal_gives_up_the_last_columns_first() -> None:
    heading = render(snapshot(nvidia_0=board()), width=48).splitlines()[1]
    assert heading.split() == ["device", "name", "busy", "power"]


def test_a_column_that_no_device_tells_is_left_out_and_what_failed_is_a_dash() -> None:
    metrics = {"power_watts": None, "temperature_celsius": None}
    text = render(snapshot(nvidia_0=board(metrics=metrics, power={"watts": None, "source": None})))
    heading, line = text.splitlines()[1:]
    assert heading.split() == ["device", "name", "power", "temp"]
    assert line.split()[-2:] == ["–", "–"]


def test_an_estimate_is_marked() -> None:
    one = package()
    one["power"] = {"watts": 42.0, "source": "estimated"}
    assert "42.0 W estimated" in render(snapshot(cpu_0=one))


def test_work_is_told_as_rates_and_gauges() -> None:
    job = board(
        kind="workload",
        metrics={"queries_total": 9, "generated_tokens_total": 90, "running": 3, "waiting": None},
        rates={"queries_total": 24.31, "generated_tokens_total": None},
    )
    assert "page:0  queries 24.3 /s, running 3" in render(snapshot(page_0=job)).replace("3.00", "3")


def test_a_collector_that_failed_is_named_with_its_reason_and_an_absent_one_is_not() -> None:
    collectors = {
        "chip": state("failed", "RuntimeError: bad"),
        "rapl": state("absent", "no permission"),
        "slow": state("opening"),
        "host": state("ok"),
    }
    lines = render(snapshot(collectors, nvidia_0=board())).splitlines()[3:]
    assert lines == ["chip failed: RuntimeError: bad", "slow is not ready: it gave no answer in time"]


def test_a_device_that_gave_nothing_is_named() -> None:
    silent = board(age_s=None, metrics={}, power={"watts": None, "source": None})
    assert "nvidia:1: gave no answer" in render(snapshot(nvidia_0=board(), nvidia_1=silent))


def test_without_an_accelerator_three_lines_say_what_to_do_and_no_dash_stands_around() -> None:
    text = render(snapshot({"nvidia": state("absent", "libnvidia-ml.so.1 not found")}, host_0=HOST))
    *_, first, second, third = text.splitlines()
    assert first == "No accelerator was found; nothing to read for nvidia."
    assert second.startswith("perfwatch doctor ")
    assert third.startswith("perfwatch -c simulated ")
    assert "–" not in text


def test_text_from_outside_cannot_move_the_cursor() -> None:
    one = board(name="\x1b[2J\x9b31mBoard\u202e\n\x07")
    collectors = {"odd": state("failed", "\x1b]0;title\x07 oh\r\nno")}
    text = render(snapshot(collectors, **{"nvidia_\x1b[1m0": one}))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "Board" in text
    assert "oh" in text


def test_ascii_is_ascii() -> None:
    text = render(snapshot(nvidia_0=board(name="Grün")), ascii=True)
    assert text.isascii()
    assert "Grun" in text


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_number_and_its_unit_stay_on_one_line(columns: int) -> None:
    text = render(snapshot(host_0=HOST), width=columns)
    assert re.search(r"memory 1.50 of 64.0 GiB", text)
    assert re.search(r"disk read 1.20 kB/s", text)


def test_degrees_have_a_plain_form() -> None:
    assert "64 C" in render(snapshot(nvidia_0=board()), ascii=True)
