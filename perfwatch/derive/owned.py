"""Which devices are whose, where several servers are watched?

A server has energy of its own only where devices are its own: of one that two servers use nobody knows whose
joules they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from perfwatch.derive.scopes import Headline, RunDevices, boards_of, choose_headline, ids_of
from perfwatch.derive.settings import Settings
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.work import source_kind, workloads
from perfwatch.model import DeviceKind, Scope

PAGE = "page"
_CHIPS = (Scope.ACCELERATOR.value, Scope.MODULE.value)
"""What a node or a wall meter tells cannot be parted among servers."""


class Owned(NamedTuple):
    """One server of several.

    Args:
        page: the device that tells its work.
        devices: those of the run that its processes use; none where that was not seen.
        shared: the devices that other servers use too, by their numbers, and these servers.
    """

    page: DeviceTape
    devices: tuple[DeviceTape, ...]
    shared: Mapping[int, tuple[DeviceTape, ...]]

    def measured(
        self, tape: Tape, settings: Settings, run: RunDevices, headline: Headline
    ) -> Headline | None:
        """Those whose energy is its own; None where they are shared, or not every one tells its energy."""
        if self.shared or not self.devices or headline.scope not in _CHIPS:
            return None
        own = choose_headline(tape, settings, replace(run, accelerators=self.devices))
        return None if own.wider or own.silent or own.scope != headline.scope else own


def owned_by(tape: Tape, run: RunDevices) -> list[Owned]:
    """The servers of a session that has several, in the order in which they were named; else nothing."""
    pages = [one for one in workloads(tape) if source_kind(one) == PAGE and one.device.metrics]
    if len(pages) < 2:
        return []
    used = _used(tape, pages, run)
    ordered = sorted(pages, key=lambda page: page.device.index)
    return [Owned(page, used.get(page.number, ()), _shared(page, used, pages, tape)) for page in ordered]


def _used(tape: Tape, pages: Sequence[DeviceTape], run: RunDevices) -> dict[int, tuple[DeviceTape, ...]]:
    """The devices of the run that each server's processes used, by the number of its page."""
    events = tape.of_kind("devices")
    told = events[-1].fields.get("by_workload") if events else None
    if not isinstance(told, Mapping):
        return {}
    found = {}
    for page in pages:
        ids = ids_of(told.get(page.device.id))
        found[page.number] = tuple(
            device
            for device in run.accelerators
            if device.device.kind is DeviceKind.ACCELERATOR and device.device.id in ids
        )
    return found


def _shared(
    page: DeviceTape, used: Mapping[int, Sequence[DeviceTape]], pages: Sequence[DeviceTape], tape: Tape
) -> dict[int, tuple[DeviceTape, ...]]:
    """Which of a server's devices others use, by their boards: partitions of one board share its power."""
    boards = {
        one.number: {board.number for board in boards_of(used.get(one.number, ()), tape)}
        for one in pages
        if one is not page
    }
    found: dict[int, tuple[DeviceTape, ...]] = {}
    for device in used.get(page.number, ()):
        (board,) = boards_of([device], tape)
        others = tuple(one for one in pages if board.number in boards.get(one.number, ()))
        if others:
            found[device.number] = others
    return found
