"""What the texts of -w mean together."""

from __future__ import annotations

import pytest

from perfwatch.job.workloads import Workload, parse

PAGE = "http://127.0.0.1:8000/metrics"


@pytest.mark.parametrize(
    "texts",
    [
        [PAGE, PAGE],
        [PAGE, "http://127.0.0.1:8000"],
        [PAGE, "http://localhost:8000/"],
        [PAGE, f"prometheus={PAGE}"],
    ],
)
def test_a_page_that_is_named_twice_is_read_once(texts: list[str]) -> None:
    assert parse(texts) == [Workload("prometheus", PAGE)]


def test_a_page_is_read_once_with_all_the_counters_that_were_named() -> None:
    named = [PAGE, f"{PAGE}#frames=my_frames_total", f'{PAGE}#images=img_total{{kind="a,b"}}']
    (one,) = parse(named)
    assert one.value == f'{PAGE}#frames=my_frames_total,images=img_total{{kind="a,b"}}'


def test_other_pages_are_others() -> None:
    texts = [PAGE, "http://127.0.0.1:8001/metrics", "http://127.0.0.1:8000/stats", f"{PAGE}?of=b"]
    assert len(parse(texts)) == 4


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (["stdout=step {steps}", "stdout=step {steps}"], ["stdout"]),
        (["stdout=step {steps}", "output=step {steps}"], ["output"]),
        (["output=step {steps}", "stderr=step {steps}"], ["output"]),
        (["stdout=step {steps}", "stderr=step {steps}"], ["stdout", "stderr"]),
        (["log=a.log:done", "log=a.log:done", "log=b.log:done"], ["log", "log"]),
    ],
)
def test_what_the_job_prints_is_counted_once(texts: list[str], left: list[str]) -> None:
    assert [one.kind for one in parse(texts)] == left
