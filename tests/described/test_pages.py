"""Series of a page become devices: by their labels, whose texts are kept from one page to the next."""

from __future__ import annotations

import time
from typing import Any

from described.describing import CHIP, described
from perfwatch_collectors.described.formats import records_and_rest
from perfwatch_collectors.described.pages import KNOWN_BYTES, devices_of


def told(page: str, each: tuple[str, ...] = ("uuid",), *fields: str) -> list[dict[str, Any]]:
    wanted = fields or ("watts", "heat")
    return [
        {**one.fields, **{name: one.values(name) for name in wanted if one.values(name)}}
        for one in devices_of(page.encode(), each, wanted)
    ]


def test_labels_that_were_seen_are_those_of_their_own_page_and_no_other() -> None:
    first = 'watts{uuid="A",slot="1"} 10\nheat{uuid="A",slot="1"} 40\n'
    moved = 'watts{uuid="A",slot="2"} 11\nheat{uuid="A",slot="2"} 41\n'
    assert told(first) == [{"uuid": "A", "slot": "1", "watts": [10], "heat": [40]}]
    assert told(moved) == [{"uuid": "A", "slot": "2", "watts": [11], "heat": [41]}]
    assert told(first) == [{"uuid": "A", "slot": "1", "watts": [10], "heat": [40]}]


def test_the_same_labels_may_tell_devices_apart_in_another_way() -> None:
    page = 'watts{uuid="A",slot="1"} 10\nwatts{uuid="A",slot="2"} 20\n'
    assert len(told(page)) == 1
    assert len(told(page, ("slot",))) == 2


def test_of_labels_that_differ_between_series_of_a_device_the_first_counts() -> None:
    heat = 'heat{uuid="A",pod="two",sensor="die"} 40\nheat{uuid="A",pod="one"} 39\n'
    page = 'watts{uuid="A",pod="one"} 10\n' + heat
    (device,) = told(page)
    assert device == {"uuid": "A", "pod": "one", "sensor": "die", "watts": [10], "heat": [40, 39]}


def test_labels_that_a_field_asks_for_choose_its_series() -> None:
    page = 'heat{uuid="A",sensor="die"} 40\nheat{uuid="A",sensor="hbm"} 50\n'
    (device,) = told(page, ("uuid",), 'heat{sensor="hbm"}', 'heat{sensor="none"}')
    assert device['heat{sensor="hbm"}'] == [50]
    assert 'heat{sensor="none"}' not in device


def test_labels_of_any_length_are_read() -> None:
    long = "x" * (KNOWN_BYTES + 1)
    assert told(f'watts{{uuid="{long}"}} 7\n') == [{"uuid": long, "watts": [7]}]


def test_a_value_that_is_stamped_long_ago_is_not_known() -> None:
    page = b'watts{uuid="A"} 10 1700000000000\nwatts{uuid="B"} 20 1700000290.5\nwatts{uuid="C"} 30\n'
    found = list(devices_of(page, ("uuid",), ("watts",), lambda: 1_700_000_310.0))
    assert [one.values("watts") for one in found] == [[None], [20], [30]]
    assert [one.stale for one in found] == [{"watts": 310.0}, {}, {}]


def test_what_is_stamped_long_ago_is_said() -> None:
    of = described(
        CHIP.replace('format = "json"\neach = "devices"', 'format = "prometheus"\neach = "uuid"'),
        power_watts='power_watts = "watts"',
    )
    _, passed = records_and_rest(b'watts{uuid="A"} 10 1700000000000\n', of.read, time.time)
    assert [(one.line, "was stamped" in one.why) for one in passed] == [("watts", True)]
