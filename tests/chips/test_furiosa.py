"""FuriosaAI NPUs: info and status as JSON, tables of two years, the driver's files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chips.presets import SAMPLES, planted, preset, read, sample, tree
from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import joined, records

STATUS = (SAMPLES / "furiosa/furiosa-smi-status.json").read_text()
CARD = {
    "arch": "rngd",
    "dev_name": "npu0",
    "device_uuid": "C0413086-0708-4606",
    "device_sn": "RNG26040100181Q",
    "firmware": "2026.3.0, 2d3f72a",
    "pci_bdf": "0000:03:00.0",
}
"""A real object of info in extracts, to which the tests add what public readers find in it."""


def both(info: list[dict[str, str]], status: str) -> list[dict[str, object]]:
    """What both commands together tell of each device."""
    of = preset("furiosa")
    told = joined(
        records(json.dumps(info).encode(), of.read), records(status.encode(), of.read), of.read.join
    )
    return [
        {
            "id": one.device.id,
            **dict(zip([each.name for each in one.device.metrics], one.sample().values, strict=True)),
        }
        for one in devices_in(told, of)
    ]


def test_info_and_status_tell_of_one_card():
    card = CARD | {"power": "38.00 W", "temperature": "40.98°C", "core_clock": "1000 MHz"}
    other = card | {
        "dev_name": "npu1",
        "device_uuid": "89413086-0709-4707",
        "power": "N/A",
        "core_clock": "N/A",
    }
    status = json.loads(STATUS)
    status[0]["pe_utilizations"][2]["pe_occupancy"] = True
    first, second = both([card, other], json.dumps(status))
    assert first == {
        "id": "C0413086-0708-4606",
        "power_watts": 38.0,
        "temperature_celsius": 40.98,
        "sm_clock_hertz": 1e9,
        "memory_used_bytes": 0.0,
        "memory_total_bytes": 51002736640.0,
        "pes_in_use": 1.0,
    }
    assert (second["id"], second["power_watts"], second["sm_clock_hertz"]) == (
        "89413086-0709-4707",
        None,
        None,
    )
    assert "memory_used_bytes" not in second, "status does not tell of it"


def test_the_extract_as_it_was_published_tells_of_a_card_and_nothing_of_it():
    assert read("furiosa", json.dumps([CARD])) == [
        {"id": "C0413086-0708-4606", "name": "FuriosaAI rngd", "parent": None, "index": "npu0"}
    ]


def test_a_share_or_a_percentage_that_is_not_known_to_be_one_is_not_told():
    assert "utilization_ratio" not in {each.metric.name for each in preset("furiosa").metrics}


def test_the_table_of_2025():
    (card,) = sample("furiosa_table", "furiosa/furiosa-smi-info-table-2025.txt")
    assert (card["id"], card["power_watts"], card["temperature_celsius"]) == ("0000:30:00.0", 35.0, 29.81)


def test_the_table_of_2026_tells_of_two_cards():
    first, second = sample("furiosa_table", "furiosa/furiosa-smi-info-table-2026-stable.txt")
    assert (first["id"], first["index"], first["power_watts"]) == ("0000:03:00.0", "npu0", 38.0)
    assert (second["id"], second["power_watts"], second["temperature_celsius"]) == (
        "0000:04:00.0",
        37.0,
        41.34,
    )


FULL = """
+------+--------+--------------------------------------+------------+----------------+---------+---------+-------+--------------+---------+
| Arch | Device | UUID                                 | S/N        | Firmware       | Temp.   | Power   | Clock | PCI-BDF      | PCI-DEV |
+------+--------+--------------------------------------+------------+----------------+---------+---------+-------+--------------+---------+
| rngd | npu0   | 8EAE95DA-2625-40D0-8838-68EA772193A8 | RNGD000002 | 0.0.21+d6cada3 | 30.00°C | 35.00 W | N/A   | 0000:30:00.0 | 510:0   |
+------+--------+--------------------------------------+------------+----------------+---------+---------+-------+--------------+---------+
"""  # noqa: E501 - as it is printed


def test_the_full_table_tells_the_uuid_and_a_clock_that_is_not_known():
    (card,) = read("furiosa_table", FULL)
    assert card["id"] == "8EAE95DA-2625-40D0-8838-68EA772193A8"
    assert (card["power_watts"], card["sm_clock_hertz"]) == (35.0, None)


def test_a_table_that_was_cut_keeps_the_rows_that_are_whole():
    text = (SAMPLES / "furiosa/furiosa-smi-info-table-2026-stable.txt").read_text()
    assert len(read("furiosa_table", text[: text.index("npu1") + 30])) == 1


def vendors_tree(root: Path) -> Path:
    """FuriosaAI's own test tree: a Warboy and an RNGD, with the links of its management directories."""
    rows = (SAMPLES / "furiosa/sysfs-warboy-and-rngd.tsv").read_text().splitlines()[1:]
    for row in rows:
        path, kind, content = (*row.split("\t"), "")[:3]
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "L":
            place.symlink_to(content)
        elif not path.startswith("dev/"):
            place.write_text(content.replace("\\n", "\n"))
    return root


def test_the_files_of_both_generations(tmp_path: Path):
    warboy, rngd = tree("furiosa_sysfs", vendors_tree(tmp_path))
    assert warboy["id"] == "AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA"
    assert warboy["temperature_celsius"] == 37.0, "the hotter of two"
    assert (warboy["power1_watts"], warboy["power2_watts"]) == (
        pytest.approx(1111e-6),
        pytest.approx(22222e-6),
    )
    assert "power_watts" not in warboy, "which of them is the board's is not known"
    assert (rngd["id"], rngd["name"]) == ("82540B87-1055-48C6-AAB1-C4CC84672C71", "FuriosaAI RNGD")
    assert rngd["power_watts"] is None, "the tree's zeros are no readings"


def test_the_power_of_a_running_rngd(tmp_path: Path):
    sensors = "/sys/bus/pci/devices/0000:00:03.0/hwmon/hwmon0"
    planted(
        vendors_tree(tmp_path),
        f"{sensors}/power1_average = 38000000\n{sensors}/temp1_input = 40980\n{sensors}/temp10_input = 31000",
    )
    _, rngd = tree("furiosa_sysfs", tmp_path)
    assert rngd["power_watts"] == 38.0
    assert rngd["temperature_celsius"] == pytest.approx(40.98)
    assert rngd["ambient_temperature_celsius"] == 31.0
