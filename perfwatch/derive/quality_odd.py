"""Which devices of a window depart from their like? The rule is that of perfwatch.derive.odd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfwatch.derive.alike import QUANTITIES
from perfwatch.derive.conditions import declared_power_w
from perfwatch.derive.evidence import Evidence, seconds
from perfwatch.derive.findings import INFO, Finding
from perfwatch.derive.job import job_of
from perfwatch.derive.odd import Board, Departure, Odd, Slicing, odd_ones
from perfwatch.derive.sliced import Means, least_width_s, rates, slices_of, whole_slices, width_for, within
from perfwatch.derive.spans import Span, period_of
from perfwatch.derive.tape import DeviceTape
from perfwatch.metrics import ENERGY, POWER


def odd_in(evidence: Evidence) -> list[Odd]:
    """The odd ones among the devices of the run."""
    spans = evidence.window.spans
    if not spans:
        return []
    start, duration_s = spans[0].start, spans[-1].end - spans[0].start
    groups: dict[float, list[DeviceTape]] = {}
    for device in evidence.devices:
        least_s = least_width_s(period_of(device.device, evidence.interval_s))
        groups.setdefault(width_for(duration_s, least_s), []).append(device)
    return [
        odd
        for width_s, group in groups.items()
        for odd in odd_ones(
            [_board(evidence, device, spans, Slicing(start, width_s)) for device in group],
            Slicing(start, width_s),
        )
    ]


def _board(evidence: Evidence, device: DeviceTape, spans: Sequence[Span], slicing: Slicing) -> Board:
    count = whole_slices(spans[-1].end - slicing.start, slicing.width_s)
    told = {
        quantity.metric: _means(device, quantity.metric, spans, slicing, count) for quantity in QUANTITIES
    }
    means = {metric: column for metric, column in told.items() if column is not None}
    return Board(evidence.label(device), device.device.name, means, declared_power_w(device.device))


def _means(
    device: DeviceTape, metric: str, spans: Sequence[Span], slicing: Slicing, count: int
) -> Means | None:
    """A metric in slices; power by the counter where the device declares no reading of it."""
    declared = {each.name for each in device.device.metrics}
    by_counter = metric == POWER.name and metric not in declared
    series = device.get(ENERGY.name if by_counter else metric)
    if series is None:
        return None
    times, values = within(series, spans)
    if by_counter:
        times, values = rates(times, values)
    return slices_of(times, values, slicing.start, slicing.width_s, count) if len(times) else None


def _odd_device(evidence: Evidence) -> Iterator[Finding]:
    begin = job_of(evidence.tape).span.start
    for odd in odd_in(evidence):
        yield Finding("odd-device", INFO, f"{odd.label} {said_of(odd.departures, begin)}.")


def said_of(departures: Sequence[Departure], begin: float) -> str:
    """What is said of a device: `departs from its like since 30 s of the run: clock 900 MHz, the others ...`.

    Args:
        begin: when the run began, seconds of the session.
    """
    when = [_when(one, begin) for one in departures]
    verb = "departed" if departures[0].ended else "departs"
    said = [str(departures[0])]
    for one, its in zip(departures[1:], when[1:], strict=True):
        said.append(str(one) if its == when[0] else f"{one} ({its})")
    return f"{verb} from its like {when[0]}: {'; '.join(said)}"


def _when(departure: Departure, begin: float) -> str:
    if departure.all_along:
        return "all along"
    since_s = max(0.0, departure.since - begin)
    since = seconds(since_s) if since_s else "the start"
    if departure.ended:
        return f"for {seconds(departure.lasts_s)} from {since} of the run on"
    return f"since {since} of the run"


CHECKS = (_odd_device,)
