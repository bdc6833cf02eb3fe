"""Moore Threads through the table of mthreads-gmi."""

from __future__ import annotations

import pytest
from chips.presets import SAMPLES, read, sample

MIB = 2**20
S80 = (SAMPLES / "mthreads/mthreads-gmi-s80-busy.txt").read_text()


def test_a_busy_s80():
    assert sample("mthreads", "mthreads/mthreads-gmi-s80-busy.txt") == [
        {
            "id": "00000000:01:00.0",
            "name": "MTT S80",
            "parent": None,
            "index": 0,
            "utilization_ratio": pytest.approx(0.98),
            "temperature_celsius": 56.0,
            "memory_used_bytes": 1339 * MIB,
            "memory_total_bytes": 16384 * MIB,
        }
    ]


def test_two_s5000_whose_table_is_wider():
    first, second = sample("mthreads", "mthreads/mthreads-gmi-s5000-idle-loaded.txt")
    assert (first["id"], first["name"], first["utilization_ratio"]) == ("00000000:2a:00.0", "MTT S5000", 0.0)
    assert (first["memory_used_bytes"], first["memory_total_bytes"]) == (66641 * MIB, 81920 * MIB)
    assert (second["index"], second["temperature_celsius"], second["memory_used_bytes"]) == (
        1,
        51.0,
        64889 * MIB,
    )


def test_what_is_not_known_and_a_table_that_is_torn_off():
    (one,) = read("mthreads", S80.replace("98%", "N/A").replace("56C", "N/A"))
    assert (one["utilization_ratio"], one["temperature_celsius"]) == (None, None)
    assert read("mthreads", S80[: S80.index("16x")]) == []
    assert read("mthreads", "Error: failed to initialize mtml") == []
