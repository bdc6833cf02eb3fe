"""The quick way through a page that looks as it did: it tells what the slow one tells, or nothing."""

from __future__ import annotations

import random
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from chips.test_exporters import AMD, CEEMS, DCGM, IPMI, KEPLER, KEPLER_NODE, KEPLER_OLD, NODE, TPU
from perfwatch_collectors.described.collector import DescribedOptions
from perfwatch_collectors.exporter_pages import recognised
from perfwatch_collectors.exporter_part import LONGEST_PAUSE, DescribedPart

from perfwatch.errors import Unavailable
from perfwatch.model import Appeared, Gone, Sample
from perfwatch.workload.exposition import Page, series_of

CAPTURED = Path(__file__).parent.parent / "data" / "exporters"
VALUES = (
    "0",
    "1",
    "41",
    "3.25",
    "1e-3",
    "-5",
    "NaN",
    "+Inf",
    "1e400",
    "9223372036854775794",
    "0x1F",
    "x",
    "1_0",
)
_LINE = re.compile(r"^([a-zA-Z_:][\w:]*)((?:\{[^\n]*\})?)[ \t]+(\S+)$", re.MULTILINE)


def announced(body: str) -> str:
    """The page with each family announced, its series together, as a client library writes it."""
    found: dict[str, list[str]] = {}
    for name, labels, value in _LINE.findall(body):
        found.setdefault(name, []).append(f"{name}{labels} {value}")
    return "".join(
        f"# HELP {name} About it.\n# TYPE {name} gauge\n" + "\n".join(lines) + "\n"
        for name, lines in found.items()
    )


def page_of(body: str) -> Page:
    return Page(body.encode())


def parts_of(body: str) -> list[DescribedPart]:
    """The parts of a page that tell of devices, read once: where their values stand is known then."""
    page = page_of(body)
    exporter = recognised(page)
    assert exporter is not None
    parts = []
    for of in exporter.descriptions:
        part = DescribedPart(of, DescribedOptions(), "the page")
        with suppress(Unavailable):
            part.open(page)
            parts.append(part)
    for part in parts:
        list(part.read(page))
        assert part.has_plan
    return parts


def told(parts: list[DescribedPart], body: str) -> list[Sample]:
    return [each for part in parts for each in part.read(page_of(body)) if isinstance(each, Sample)]


PAGES = [announced(body) for body in (DCGM, AMD, KEPLER, KEPLER_NODE, KEPLER_OLD, NODE, CEEMS, TPU, IPMI)]
PAGES += [
    announced((CAPTURED / name).read_text()) for name in ("furiosa.prom", "rebellions.prom", "dcgm.prom")
]


@pytest.mark.parametrize("body", PAGES)
def test_values_that_change_are_told_as_the_slow_way_tells_them(body: str) -> None:
    quick = parts_of(body)
    chance = random.Random(3)
    for _ in range(20):
        changed = _LINE.sub(lambda match: f"{match[1]}{match[2]} {chance.choice(VALUES)}", body)
        slow = parts_of(body)
        for part in slow:
            part.forget()
        assert told(quick, changed) == told(slow, changed)
        assert all(part.has_plan for part in quick), "it was the quick way"


UTIL = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1"} 87\n'
USED = "# TYPE DCGM_FI_DEV_FB_USED gauge\n"
CLOCK = '# TYPE DCGM_FI_DEV_MEM_CLOCK gauge\nDCGM_FI_DEV_MEM_CLOCK{gpu="0",UUID="GPU-1"} 2619\n'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (USED, CLOCK + USED),
        (UTIL, ""),
        (UTIL, UTIL.replace("87", "87 1700000000000")),
        (UTIL, UTIL + UTIL.replace('0",UUID="GPU-1', '1",UUID="GPU-2')),
        ('gpu="0",UUID="GPU-1"', 'gpu="0",pod="p",UUID="GPU-1"'),
    ],
)
def test_a_page_that_looks_different_is_read_anew(old: str, new: str) -> None:
    body = announced(DCGM)
    changed = body.replace(old, new)
    assert changed != body
    quick, slow = parts_of(body), parts_of(body)
    for part in slow:
        part.forget()
    assert [list(part.read(page_of(changed))) for part in quick] == [
        list(part.read(page_of(changed))) for part in slow
    ]


def test_a_device_that_left_is_said_though_the_rest_is_as_it_was() -> None:
    two = announced(DCGM + DCGM.replace('gpu="0",UUID="GPU-1"', 'gpu="1",UUID="GPU-2"'))
    (part,) = parts_of(two)
    one = announced(DCGM)
    news = [each for _ in range(4) for each in part.read(page_of(one)) if isinstance(each, (Appeared, Gone))]
    assert [each.device_id for each in news if isinstance(each, Gone)] == ["GPU-2"]
    assert part.has_plan
    (back,) = [each for each in part.read(page_of(two)) if isinstance(each, Appeared)]
    assert back.device.id == "GPU-2"


def test_a_page_that_changes_all_the_time_is_seldom_looked_at_for_an_order() -> None:
    (part,) = parts_of(announced(DCGM))
    learnt = 0
    for turn in range(10 * LONGEST_PAUSE):
        list(part.read(page_of(announced(DCGM.replace('gpu="0"', f'gpu="0",pod="p-{turn}"')))))
        learnt += part.has_plan
    assert learnt <= 20


def test_a_page_without_such_an_order_is_read_as_ever() -> None:
    stamped = (CAPTURED / "ascend.prom").read_text()  # with times behind the values
    body = re.sub(r" \d{13}$", f" {time.time_ns() // 10**6}", stamped, flags=re.MULTILINE)
    exporter = recognised(page_of(body))
    assert exporter is not None
    part = DescribedPart(exporter.descriptions[0], DescribedOptions(), "the page")
    devices = part.open(page_of(body))
    for _ in range(3):
        assert len(list(part.read(page_of(body)))) == len(devices)
    assert not part.has_plan


def test_a_line_is_taken_apart_before_its_value() -> None:
    assert series_of("a", b'a{b="c d"} 1') == (b'a{b="c d"} ', b"1")
    assert series_of("a", b"a 1") == (b"a ", b"1")
    assert series_of("a", b"a 1 1700000000") is None
    assert series_of("a", b"ab 1") is None
    assert series_of("a", b"# HELP a x") is None
