"""What is the same for every window of a session: its work, its devices, its windows, what rest drew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perfwatch.derive import scopes
from perfwatch.derive.device_names import labels_of
from perfwatch.derive.energy import DeviceEnergy
from perfwatch.derive.job import job_of
from perfwatch.derive.scopes import Headline, RunDevices
from perfwatch.derive.settings import Settings
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.totals import Energies, energies_of
from perfwatch.derive.windows import IDLE_BASELINE, Windows, choose_windows, phase_spans
from perfwatch.derive.work import Courses, default_unit, every_course_of, is_work, split_unit, workloads
from perfwatch.objectives import GOOD


@dataclass(frozen=True)
class WholeRun:
    """What is the same for every window of a session."""

    tape: Tape
    settings: Settings
    courses: Courses
    judged: Courses
    unit: str | None
    windows: Windows
    devices: RunDevices
    headline: Headline
    scopes: Mapping[str, tuple[DeviceTape, ...]]
    at_rest: Energies
    labels: Mapping[int, str]
    interval_s: float

    @classmethod
    def of(cls, tape: Tape, settings: Settings) -> WholeRun:
        told = every_course_of(tape)
        courses = {name: kinds for name, kinds in told.items() if is_work(name)}
        slo = Settings.from_json(tape.header.get("settings")).slo
        job = job_of(tape).span
        unit = split_unit(settings.unit)[0] or default_unit(courses, job) or _judged_alone(tape, settings)
        devices = scopes.devices_of_run(tape, settings)
        headline = scopes.choose_headline(tape, settings, devices)
        interval_s = tape.interval_s
        baseline = phase_spans(tape, IDLE_BASELINE, job.start)
        return cls(
            tape=tape,
            settings=settings,
            courses=courses,
            judged=told if slo and slo == settings.slo else {},
            unit=unit,
            windows=choose_windows(tape, settings, courses, unit),
            devices=devices,
            headline=headline,
            scopes=scopes.other_scopes(tape, settings, devices, headline),
            at_rest=_at_rest(tape, baseline, job.start, interval_s),
            labels=labels_of(tape),
            interval_s=interval_s,
        )

    @property
    def job(self) -> Span:
        return self.windows.job.spans[0]

    @property
    def used(self) -> list[DeviceTape]:
        """The devices of the run; with the headline `components` its CPUs and memory as well.

        Where nothing is known to have done the work they are those that were measured for it.
        """
        devices = [*self.devices.accelerators, *self.devices.others]
        if self.headline.scope == scopes.COMPONENTS or not devices:
            devices += self.headline.devices
        return list({device.number: device for device in devices}.values())


def _judged_alone(tape: Tape, settings: Settings) -> str | None:
    """Of a job that tells how long its queries took and nothing else, the good ones are counted."""
    timed = any(device.histograms or device.buckets for device in workloads(tape))
    return GOOD if settings.slo and timed else None


def _at_rest(
    tape: Tape, baseline: Sequence[Span], begin: float, interval_s: float
) -> dict[int, DeviceEnergy]:
    """What the devices drew in the baseline. What was read after the job began may be an average with it."""
    if not baseline:
        return {}
    until = max(begin, baseline[-1].end)
    return energies_of(tape, baseline, interval_s=interval_s, until=until)
