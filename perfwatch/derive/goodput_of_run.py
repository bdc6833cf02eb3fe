"""The goodput of a run's window: of all its sources together, and of each server by itself."""

from __future__ import annotations

from collections.abc import Mapping

from perfwatch.derive.goodput import Goodput, Judged, added, goodput, limits_of
from perfwatch.derive.latency import Latency, latencies
from perfwatch.derive.tape import DeviceTape
from perfwatch.derive.whole_run import WholeRun
from perfwatch.derive.windows import Window
from perfwatch.derive.work import Counted, count_work, courses_of, source_kind, workloads
from perfwatch.objectives import JUDGED, JUDGED_GOOD

_PAGE = "page"


def goodput_in(
    run: WholeRun, window: Window, timings: Mapping[str, Latency], work: Mapping[str, Counted]
) -> Goodput | None:
    """How many queries of the window kept to the objectives; None without any."""
    slo = run.settings.slo
    whole = goodput(slo, timings, work, _judged(run, window))
    pages = [device for device in workloads(run.tape) if source_kind(device) == _PAGE]
    if whole is None or whole.source != _PAGE or len(pages) < 2:
        return whole
    return added(whole, (_of_page(run, window, page) for page in pages))


def _of_page(run: WholeRun, window: Window, page: DeviceTape) -> Goodput | None:
    last_end = run.job.end
    only = [page]
    timings = latencies(
        run.tape, window.spans, last_end=last_end, only=only, limits=limits_of(run.settings.slo)
    )
    work = count_work(courses_of(run.tape, only), window.spans, last_end=last_end)
    return goodput(run.settings.slo, timings, work)


def _judged(run: WholeRun, window: Window) -> Judged | None:
    """The queries that were judged in the window as they were told."""
    courses = {name: run.judged[name] for name in (JUDGED, JUDGED_GOOD) if name in run.judged}
    counted = count_work(courses, window.spans, last_end=run.job.end, cuts=window.cuts)
    of, good = counted.get(JUDGED), counted.get(JUDGED_GOOD)
    if of is None or good is None or of.count is None or good.count is None:
        return None
    return Judged(min(good.count, of.count), of.count, of.source)
