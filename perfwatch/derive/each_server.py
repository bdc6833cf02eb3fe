"""What did each of several servers do alone, and with the energy of which devices?

The run's own figures are those of all of them together. (toptop, vllm-htop and others give all the power of a
host to each of its servers.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.efficiency import efficiency, work_of_ratios
from perfwatch.derive.evidence import Evidence
from perfwatch.derive.goodput import Goodput, goodput, limits_of
from perfwatch.derive.goodput import as_json as goodput_object
from perfwatch.derive.latency import Latency, latencies
from perfwatch.derive.owned import owned_by
from perfwatch.derive.settings import Settings
from perfwatch.derive.spans import Span, total
from perfwatch.derive.summary_objects import latency_object, work_object
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.totals import EnergyTotal, total_of
from perfwatch.derive.work import Counted, count_work, courses_of, split_unit
from perfwatch.objectives import GOOD


@dataclass(frozen=True)
class Server:
    """One server in a window.

    Args:
        tape: its page.
        work: what it counted.
        latencies: its timings.
        goodput: how many of its queries kept to the objectives; None without any.
        devices: those that its processes used; none where that was not seen.
        energy: of its devices, if they are its own alone.
        shared: the devices that other servers used too, by their numbers, and these servers' tapes.
    """

    tape: DeviceTape
    work: Mapping[str, Counted]
    latencies: Mapping[str, Latency]
    goodput: Goodput | None
    devices: tuple[DeviceTape, ...]
    energy: EnergyTotal | None
    shared: Mapping[int, tuple[DeviceTape, ...]]

    @property
    def name(self) -> str:
        """Its address."""
        return self.tape.device.name

    @property
    def software(self) -> str | None:
        """What it is: `vLLM`; None if it was not recognised."""
        found = self.tape.device.facts.get("server")
        return str(found) if found else None

    def ratios(self, unit: str | None, *, ratios: bool) -> dict[str, dict[str, float | None]]:
        """Its work per joule."""
        energy = self.energy
        return efficiency(
            work_of_ratios(self.work, unit),
            joules=None if energy is None else energy.joules,
            error_joules=None if energy is None else energy.error_of_ratios,
            ratios=ratios,
        )


def servers_in(evidence: Evidence, settings: Settings, last_end: float) -> list[Server]:
    """Each server of a session that has several; else nothing, for the run's figures are its own.

    Args:
        evidence: the window and what it holds.
        settings: what was asked for.
        last_end: the end of the job.
    """
    tape, spans = evidence.tape, evidence.window.spans
    found = []
    for one in owned_by(tape, evidence.run):
        own = one.measured(tape, settings, evidence.run, evidence.headline)
        work = _work(tape, one.page, spans, last_end, settings)
        limits = limits_of(settings.slo)
        timings = latencies(tape, spans, last_end=last_end, only=[one.page], limits=limits)
        good = goodput(settings.slo, timings, work)
        if good is not None:
            work[GOOD] = good.counted(work.get("queries"))
        found.append(
            Server(
                tape=one.page,
                work=work,
                latencies=timings,
                goodput=good,
                devices=one.devices,
                energy=None if own is None else total_of(own.devices, evidence.energies, spans),
                shared=one.shared,
            )
        )
    return found


def as_json(
    servers: Sequence[Server],
    labels: Mapping[int, str],
    unit: str | None,
    spans: Sequence[Span],
    *,
    ratios: bool,
) -> list[dict[str, Any]]:
    """As the summary has it. A ratio is null where devices are shared or were not seen.

    Args:
        labels: what people call the devices.
        unit: the unit of work of the run.
        ratios: whether the window is good enough for ratios.
    """
    duration_s = total(spans)
    return [
        {
            "id": labels[one.tape.number],
            "name": one.name,
            "server": one.software,
            "work": {name: work_object(counted, duration_s) for name, counted in one.work.items()},
            "latency": {name: latency_object(timing) for name, timing in one.latencies.items()},
            "goodput": goodput_object(one.goodput),
            "devices": [labels[device.number] for device in one.devices],
            "shared": {
                labels[number]: [other.device.name for other in others]
                for number, others in one.shared.items()
            },
            "joules": None if one.energy is None else one.energy.joules,
            "error_joules": None if one.energy is None else one.energy.error_joules,
            "efficiency": one.ratios(unit, ratios=ratios),
        }
        for one in servers
    ]


def _work(
    tape: Tape, page: DeviceTape, spans: Sequence[Span], last_end: float, settings: Settings
) -> dict[str, Counted]:
    unit = split_unit(settings.unit)[0]
    courses = courses_of(tape, only=[page])
    return count_work(
        courses,
        spans,
        last_end=last_end,
        unit=unit if unit in courses else None,
        derived=settings.units,
    )
