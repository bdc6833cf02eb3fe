"""MetaX, Enflame, Kunlunxin, Iluvatar and Hygon through their vendors' tools."""

from __future__ import annotations

import json

import pytest
from chips.presets import read

MIB = 2**20

# -- MetaX -------------------------------------------------------------------------------------------------

HEAD = """mx-smi  version: 2.1.12

=================== MetaX System Management Interface Log ===================
Timestamp                                         : Tue Apr  1 10:10:23 2025

Attached GPUs                                     : 1
+---------------------------------------------------------------------------------+
"""
C550 = HEAD + (
    """| MX-SMI 2.1.12                       Kernel Mode Driver Version: 2.12.13         |
| MACA Version: unknown               BIOS Version: 1.13.4.0                      |
|------------------------------------+---------------------+----------------------+
| GPU         NAME                   | Bus-id              | GPU-Util             |
| Temp        Pwr:Usage/Cap          | Memory-Usage        |                      |
|====================================+=====================+======================|
| 0           MetaX C550             | 0000:2a:00.0        | 0%                   |
| 34C         97W / NA               | 858/65536 MiB       |                      |
+------------------------------------+---------------------+----------------------+
"""
)
N260 = HEAD + (
    """| GPU     NAME         Persistence-M | Bus-id              | GPU-Util      sGPU-M |
| Temp    Pwr:Usage/Cap         Perf | Memory-Usage        | GPU-State            |
|====================================+=====================+======================|
| 0       MetaX N260             Off | 0000:01:00.0        | 0%            Native |
| 37C     29W / 225W              P0 | 666/65536 MiB       | Available            |
+------------------------------------+---------------------+----------------------+
| 1       MetaX N260             Off | 0000:21:00.0        | 70%           Native |
| 37C     33W / 225W              P0 | 28604/65536 MiB     | Available            |
+------------------------------------+---------------------+----------------------+
"""
)
BOARDS = HEAD + (
    """| Board       Name | GPU   Persist-M | Bus-id              | GPU-Util      sGPU-M |
| Pwr:Usage/Cap    | Temp       Perf | Memory-Usage        | GPU-State            |
|==================+=================+=====================+======================|
| 0     MetaX C500 | 0           Off | 0000:0e:00.0        | 0%          Disabled |
| 57W / 350W       | 35C          P0 | 826/65536 MiB       | Available            |
+------------------+-----------------+---------------------+----------------------+
| 1     MetaX C500 | 1           Off | 0000:0f:00.0        | 0%          Disabled |
| 58W / 350W       | 37C          P0 | 826/65536 MiB       | Available            |
+------------------+-----------------+---------------------+----------------------+
"""
)
"""Captures of mx-smi 2.1.12, 2.2.8 (its second GPU made busy by us) and 2.2.9 in public guides."""


def test_a_metax_without_a_limit():
    assert read("metax", C550) == [
        {
            "id": "0000:2a:00.0",
            "name": "MetaX C550",
            "parent": None,
            "index": 0,
            "power_watts": 97.0,
            "power_limit_watts": None,
            "utilization_ratio": 0.0,
            "temperature_celsius": 34.0,
            "memory_used_bytes": 858 * MIB,
            "memory_total_bytes": 65536 * MIB,
        }
    ]


def test_two_metax_with_modes_beside_the_name():
    idle, busy = read("metax", N260)
    assert (idle["name"], idle["power_watts"], idle["power_limit_watts"]) == ("MetaX N260", 29.0, 225.0)
    assert (busy["index"], busy["utilization_ratio"]) == (1, pytest.approx(0.7))
    assert busy["memory_used_bytes"] == 28604 * MIB


def test_metax_with_a_column_of_boards():
    first, second = read("metax", BOARDS)
    assert (first["id"], first["power_watts"], first["temperature_celsius"]) == ("0000:0e:00.0", 57.0, 35.0)
    assert (second["power_watts"], second["temperature_celsius"]) == (58.0, 37.0)


@pytest.mark.parametrize("said", ["NA / NA ", "N/A / NA", "0W / NA "])
def test_a_metax_whose_power_is_not_known(said: str):
    (one,) = read("metax", C550.replace("97W / NA", said))
    assert one["power_watts"] is None


def test_a_table_of_metax_that_is_torn_off():
    assert read("metax", C550[: C550.index("97W")]) == []
    assert read("metax", "mx-smi: no device found") == []


# -- Enflame -----------------------------------------------------------------------------------------------

NEWER = """
DEV ID 0
Driver Info
    Ver                     : 1.4.3.4
Device Info
    Dev Name                : S60
    Dev UUID                : TPUH74190604
    Dev SN                  : C0AA640520685
    Health                  : True
PCIe Info
    Vendor ID               : 1e36
    Domain                  : 0000
    Bus                     : 00
    Dev                     : 0c
    Func                    : 0
    Link Info
    Max Link Speed          : Gen5
    Tx Throughput           : 0 MiB/s
Clock Info
    Mem CLK                 : 7000 MHz
Power Info
    Power Capa              : 300 W
    Cur Power               : 104 W
    Dpm Level               : Sleep
Device Mem Info
    Total Size              : 42976 MiB
    Reserved Size           : 1129 MiB
    Used Size               : 0 MiB
    Free Size               : 41846 MiB
Temperature Info
    GCU Temp                : 45 ℃
Device Usage Info
    GCU Usage               : 0.0 %
RMA Info
    Total DBE               : 0
"""
OLDER = """
DEV ID 0
Device Info
    Dev Name                : S60
    Dev UUID                : TR1V57100501
    Dev SN                  : C0AAD40510049
Power Info
    Power Capa              : 300 W
    Cur Power               : 102 W
Device Mem Info
    Mem Size                : 42976 MiB
    Mem Usage               : 1129 MiB
Temperature Info
    GCU Temp                : 41 C
Device Usage Info
    GCU Usage               : 0.0 %
"""
"""Captures of an S60 in the source of zstack, in part; the sign of the degrees is ours."""


def test_an_enflame_of_a_newer_driver():
    assert read("enflame", NEWER) == [
        {
            "id": "TPUH74190604",
            "name": "Enflame S60",
            "parent": None,
            "index": 0,
            "power_watts": 104.0,
            "power_limit_watts": 300.0,
            "utilization_ratio": 0.0,
            "temperature_celsius": 45.0,
            "memory_used_bytes": 0.0,
            "memory_total_bytes": 42976 * MIB,
            "memory_clock_hertz": 7e9,
        }
    ]


def test_two_enflame_of_an_older_driver_one_of_them_busy():
    busy = (
        OLDER.replace("DEV ID 0", "DEV ID 1")
        .replace("TR1V57100501", "TR1V57100502")
        .replace("0.0 %", "87.5 %")
    )
    first, second = read("enflame", OLDER + busy)
    assert (first["memory_used_bytes"], first["power_watts"]) == (1129 * MIB, 102.0)
    assert (second["id"], second["index"], second["utilization_ratio"]) == ("TR1V57100502", 1, 0.875)


@pytest.mark.parametrize("said", ["N/A", "-1 W", "0 W"])
def test_an_enflame_whose_power_is_not_known(said: str):
    assert read("enflame", OLDER.replace("102 W", said))[0]["power_watts"] is None


def test_an_answer_of_efsmi_that_is_no_device():
    assert read("enflame", "") == []
    assert read("enflame", "Fail to find enflame device") == []


# -- Kunlunxin ---------------------------------------------------------------------------------------------

P800 = (
    "00000000:03:00.0 0 0 02K15K624CV00304 36 0 0 0 86 1450 1450 1450 1450 1450 1450 "
    '2 96 90440 98304 0 1.0:2.6:1.39.1.7 "P800 OAM" 0 0 0 0 0 0 0 0 0 0\n'
    "00000000:05:00.0 1 1 02K15K624CV0030V 39 0 0 0 86 1450 1450 1450 1450 1450 1450 "
    '2 96 90440 98304 0 1.0:2.6:1.39.1.7 "P800 OAM" 0 0 0 0 0 0 0 0 0 0\n'
)
"""A capture of a public deployment tool's tests."""


def test_two_kunlunxin():
    first, second = read("kunlunxin", P800)
    assert first == {
        "id": "02K15K624CV00304",
        "name": "Kunlunxin P800 OAM",
        "parent": None,
        "index": 0,
        "power_watts": 86.0,
        "utilization_ratio": 0.0,
        "temperature_celsius": 36.0,
        "memory_used_bytes": 90440 * MIB,
        "memory_total_bytes": 98304 * MIB,
    }
    assert (second["id"], second["temperature_celsius"]) == ("02K15K624CV0030V", 39.0)


def test_a_busy_kunlunxin_one_that_knows_nothing_and_intels_tool_of_the_same_name():
    (busy,) = read("kunlunxin", P800.splitlines()[0].replace("98304 0 1.0", "98304 99 1.0"))
    assert busy["utilization_ratio"] == pytest.approx(0.99)
    (unknown,) = read("kunlunxin", P800.splitlines()[0].replace(" 86 ", " N/A ").replace(" 36 ", " 0 "))
    assert (unknown["power_watts"], unknown["temperature_celsius"]) == (None, None)
    assert read("kunlunxin", P800[:60]) == []
    assert (
        read(
            "kunlunxin", "The following argument was not expected: -m\nRun with --help for more information."
        )
        == []
    )


# -- Iluvatar ----------------------------------------------------------------------------------------------

MR_V100 = (
    "0, Iluvatar MR-V100, GPU-1ac807aa-cbcd-5579-8591-d59d436d6eca, 4.3.8, 32768 MiB, 27780 MiB, 0 %, 0 %, "
    "44 C, 1500 MHz, 1600 MHz, 37 W\n"
)
"""Values of public captures in the order that we ask for; a line as such is not public."""


def test_an_iluvatar():
    assert read("iluvatar", MR_V100) == [
        {
            "id": "GPU-1ac807aa-cbcd-5579-8591-d59d436d6eca",
            "name": "Iluvatar MR-V100",
            "parent": None,
            "index": 0,
            "power_watts": 37.0,
            "utilization_ratio": 0.0,
            "memory_utilization_ratio": 0.0,
            "temperature_celsius": 44.0,
            "memory_used_bytes": 27780 * MIB,
            "memory_total_bytes": 32768 * MIB,
            "sm_clock_hertz": 1.5e9,
            "memory_clock_hertz": 1.6e9,
        }
    ]


@pytest.mark.parametrize("said", ["N/A", "[N/A]", "[Not Supported]", "0 W"])
def test_an_iluvatar_whose_power_is_not_known(said: str):
    busy = MR_V100.replace("0, Ilu", "1, Ilu").replace("GPU-1", "GPU-2").replace("0 %, 0 %", "98 %, 40 %")
    first, second = read("iluvatar", MR_V100.replace("37 W", said) + busy)
    assert first["power_watts"] is None
    assert (second["utilization_ratio"], second["memory_utilization_ratio"]) == (0.98, 0.4)


def test_an_answer_of_ixsmi_that_is_no_gpu():
    assert read("iluvatar", 'Field "gpu.power.draw" is not a valid field to query.') == []
    assert read("iluvatar", MR_V100[:50]) == []


# -- Hygon -------------------------------------------------------------------------------------------------

CARDS = {
    "card0": {
        "PCI Bus": "0000:3b:00.0",
        "Serial Number": "SN123456",
        "Unique ID": "0x7100fa8866904061",
        "Card Series": "K100_AI",
        "Average Graphics Package Power (W)": "80.0",
        "Max Graphics Package Power (W)": "400.0",
        "Temperature (Sensor junction) (C)": "41.0",
        "HCU use (%)": "0.0",
        "vram Total Memory (MiB)": "65520",
        "vram Total Used Memory (MiB)": "2",
    },
    "card1": {
        "DCU use (%)": 58,
        "Temperature (Sensor core) (C)": "50.0",
        "Average Graphics Package Power (W)": "N/A",
    },
}
"""Keys as public parsers read them, with the values of their fragments."""


def test_two_hygon_of_a_newer_and_an_older_driver():
    first, second = read("hygon", "WARNING: no group of the user\n" + json.dumps(CARDS))
    assert first == {
        "id": "0000:3b:00.0",
        "name": "Hygon DCU K100_AI",
        "parent": None,
        "index": 0,
        "power_watts": 80.0,
        "power_limit_watts": 400.0,
        "utilization_ratio": 0.0,
        "temperature_celsius": 41.0,
        "memory_used_bytes": 2 * MIB,
        "memory_total_bytes": 65520 * MIB,
    }
    assert (second["id"], second["name"]) == ("card1", "Hygon DCU card1")
    assert (second["utilization_ratio"], second["temperature_celsius"], second["power_watts"]) == (
        0.58,
        50.0,
        None,
    )
    assert "memory_used_bytes" not in second


def test_hygon_without_a_card():
    assert read("hygon", '{"system": {"Driver version": "6.3"}}') == []
