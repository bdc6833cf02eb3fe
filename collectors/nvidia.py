"""NVIDIA GPUs through NVML: which boards there are, their coming and going, and one poll of them.

One board is nvidia_board.py; what it can tell, nvidia_metrics.py and nvidia_processes.py, by the calls of
nvidia_calls.py; which of its power readings counts, nvidia_power.py; the library and what its refusals
mean, nvidia_library.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfwatch_collectors.nvidia_board import Board, find_board
from perfwatch_collectors.nvidia_library import (
    LOST,
    NO_PERMISSION,
    UNINITIALIZED,
    BoardLost,
    Library,
    NotStarted,
    load,
)

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import TryAgain, Unavailable
from perfwatch.model import Appeared, Device, Event, Gone, Reading

LOOK_AGAIN_S = (10, 20, 30)
"""Pauses before a lost board is looked for again, growing."""
FIND_S = 2.0
"""How long `open` waits for the boards' first answers; one that is later joins later."""
HURRY_NS = 5_000_000_000
"""For so long after a job began its processes are looked for more often."""


@dataclass(frozen=True)
class NvidiaOptions:
    """`library`: path of a libnvidia-ml to load instead of the system's."""

    library: str | None = None


class _Search:
    """Looking for one board, on a thread of its own: the calls of a board that fell off the bus can hang."""

    def __init__(self, library: Library, driver: str, index: int, uuid: str | None) -> None:
        self.board: Board | None = None
        self.code = 0
        self.error: Exception | None = None
        self._arguments = (library, driver, index, uuid)
        self._thread = threading.Thread(target=self._run, name=f"perfwatch-nvidia-find-{index}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.board = find_board(*self._arguments)
        except BoardLost as error:
            self.code = error.code
        except Exception as error:  # noqa: BLE001 - a thread has no caller; the collector raises it
            self.error = error

    def ended(self, wait_s: float = 0.0) -> bool:
        """Whether the search has come to an end, at the latest after so long."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()


@dataclass
class _Place:
    """A place in NVML's order, and what is known of the board that belongs there."""

    index: int
    device_id: str = ""
    uuid: str | None = None
    search: _Search | None = None
    away: bool = False
    look_at_ns: int = 0
    looks: int = 0


class NvidiaCollector(Collector):
    """Reads NVIDIA GPUs.

    Args:
        options: NvidiaOptions.
        nvml: the pynvml module, or an object with `nvmlInit`, `nvmlShutdown`, `NVMLError` and
            `_nvmlGetFunctionPointer`; default: pynvml, loaded in `open`.
        sysfs: where `/sys` is.
        clock: decides when slow fields and lost boards are due.
    """

    name = "nvidia"
    about = "NVIDIA GPUs, through the driver's library NVML"
    floor_s = 0.01
    isolates = True
    Options = NvidiaOptions

    def __init__(
        self,
        options: NvidiaOptions | None = None,
        *,
        nvml: Any = None,
        sysfs: Path = Path("/sys"),
        clock: Clock | None = None,
    ) -> None:
        super().__init__(options)
        self._nvml, self._sysfs, self._clock = nvml, sysfs, clock or SystemClock()
        self._library: Library | None = None
        self._driver = ""
        self._places: list[_Place] = []
        self._boards: dict[str, Board] = {}
        self._declared: dict[str, Device] = {}
        self._returning: dict[str, Board] = {}
        self._reasons: dict[str, str] = {}
        self._notes: list[Event] = []
        self._hurry_until_ns = 0
        self._reloaded = False
        # A read that the runner had left behind can return while another one is under way.
        self._lock = threading.Lock()

    # -- open and close ----------------------------------------------------------------------------

    def open(self) -> Sequence[Device]:
        """Find the boards. One that is locked, lost or silent is noted; the others are returned."""
        self.close()
        if any(place.search and not place.search.ended() for place in self._places):
            raise Unavailable("NVML still has not answered the calls of an earlier try")
        library = Library(self._nvml or load(self.options.library, self._sysfs))
        library.start()
        self._library = library
        self._driver = library.text("nvmlSystemGetDriverVersion")
        count = library.number("nvmlDeviceGetCount_v2") or 0
        self._places = [_Place(index) for index in range(count)]
        self._find_all()
        if not self._boards:
            reason = (
                "; ".join(note.fields["text"] for note in self._notes)
                or "NVIDIA's driver is loaded, but it has no device"
            )
            self.close()
            raise Unavailable(reason, "see what `nvidia-smi` says, and `sudo dmesg | grep NVRM`")
        return [board.device for board in self._boards.values()]

    def close(self) -> None:
        """Shut NVML down, unless a call is still out in a board that hangs."""
        searches = [place.search for place in self._places if place.search is not None]
        if self._library is not None and all(search.ended(0.2) for search in searches):
            self._library.stop()
        self._library = None
        self._boards, self._returning, self._reasons = {}, {}, {}
        self._notes, self._reloaded = [], False

    def hurry(self) -> None:
        """A job begins: look each second for a while who is on the boards, for it may be a short one."""
        self._hurry_until_ns = self._clock.monotonic_ns() + HURRY_NS

    # -- one poll ----------------------------------------------------------------------------------

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """One poll. A board's sample comes first, then its processes when they changed."""
        if self._reloaded:
            with self._lock:
                self._start_again()
        yield from self._take_notes()
        now_ns = self._clock.monotonic_ns
        for device in devices:
            board = self._boards.get(device.id)
            if board is None:
                # Said each time that it is asked for: a trial read may have dropped the first one.
                yield Gone(device.id, self._reasons.get(device.id, ""))
                continue
            if board.device is not device and board.device != device:
                yield Appeared(board.device)
            if self._returning:
                self._returning.pop(device.id, None)
            try:
                yield board.read(now_ns)
                table = board.processes(now_ns, often=now_ns() < self._hurry_until_ns)
                if table is not None:
                    yield table
            except BoardLost as error:
                yield self._lose(board, error.code)
            except NotStarted:
                self._reloaded = True
                raise TryAgain("NVIDIA's driver was reloaded") from None
        if self._lock.acquire(blocking=False):
            try:
                self._look_again()
            finally:
                self._lock.release()
        for board in tuple(self._returning.values()):
            yield Appeared(board.device)

    def _take_notes(self) -> Iterator[Event]:
        while self._notes:
            yield self._notes.pop(0)

    # -- coming and going --------------------------------------------------------------------------

    def _find_all(self) -> None:
        """Look for the boards of all places at once; those that do not answer in time are away."""
        self._boards = {}
        until_s = time.monotonic() + FIND_S
        for place in self._places:
            place.search = self._search(place)
        for place in self._places:
            if place.search is None or not place.search.ended(max(0.0, until_s - time.monotonic())):
                self._note(place, f"has not answered for {FIND_S:g} s; it joins when it does", unread=True)
                place.away = True
            elif not self._adopt(place):
                self._miss(place)

    def _search(self, place: _Place) -> _Search | None:
        if self._library is None:
            return None
        return _Search(self._library, self._driver, place.index, place.uuid)

    def _adopt(self, place: _Place) -> bool:
        """Take the board that a search has found."""
        search = place.search
        if search is None or search.board is None:
            if search is not None and search.error is not None:
                raise search.error
            return False
        board = search.board
        place.search, place.away, place.looks = None, False, 0
        place.device_id, place.uuid = board.device.id, board.uuid
        for each in (board, *board.instances):
            known = self._declared.get(each.device.id)
            if known == each.device:
                # The very object that the runner holds: a poll compares by identity.
                each.device = known
            self._declared[each.device.id] = each.device
            self._boards[each.device.id] = each
        return True

    def _miss(self, place: _Place) -> None:
        """A search found no board: look again later if it is lost, never if it is locked."""
        code = place.search.code if place.search is not None else 0
        place.search, place.away = None, False
        if code == UNINITIALIZED:
            self._reloaded = True
        if code == NO_PERMISSION:
            self._note(place, "may not be read by this user; the others are")
            return
        if place.looks == 0:
            self._note(place, f"cannot be read: {self._explain(code)}", unread=True)
        self._wait(place)

    def _wait(self, place: _Place) -> None:
        pause_s = LOOK_AGAIN_S[min(place.looks, len(LOOK_AGAIN_S) - 1)]
        place.looks += 1
        place.away, place.look_at_ns = True, self._clock.monotonic_ns() + pause_s * 1_000_000_000

    def _lose(self, board: Board, code: int) -> Gone:
        """Forget the board and its handle for good; it is looked for by its UUID from now on."""
        reason = self._explain(code)
        for each in (board, *board.instances):
            self._boards.pop(each.device.id, None)
            self._returning.pop(each.device.id, None)
            self._reasons[each.device.id] = reason
        for place in self._places:
            if place.device_id == board.device.id:
                place.looks = 0
                self._wait(place)
        return Gone(board.device.id, reason)

    def _look_again(self) -> None:
        """Start the searches that are due, and take in what the others have found."""
        for place in self._places:
            if not place.away:
                continue
            if place.search is None and self._clock.monotonic_ns() >= place.look_at_ns:
                place.search = self._search(place)
            if place.search is None or not place.search.ended():
                continue
            if self._adopt(place):
                self._announce(place)
            else:
                self._miss(place)

    def _announce(self, place: _Place) -> None:
        """Declare the board at each poll until it is asked for."""
        board = self._boards[place.device_id]
        for each in (board, *board.instances):
            self._returning[each.device.id] = each

    def _start_again(self) -> None:
        """Init once more after the driver was reloaded: every handle is stale, every board is asked anew.

        Raises:
            TryAgain: the driver is not back yet; the runner's pauses grow.
            Unavailable: it will not come back to this process.
        """
        if self._library is None or not self._reloaded:
            return
        for device_id in self._boards:
            self._reasons[device_id] = "it did not come back when NVIDIA's driver was reloaded"
        self._library.restart()
        self._driver = self._library.text("nvmlSystemGetDriverVersion")
        self._reloaded = False
        self._find_all()
        # Those that were away are not asked for until they are declared.
        self._returning = dict(self._boards)

    # -- words -------------------------------------------------------------------------------------

    def _explain(self, code: int) -> str:
        words = self._library.explain(code) if self._library is not None else f"NVML code {code}"
        return f"lost: {words}" if code in LOST else words

    def _note(self, place: _Place, what: str, *, unread: bool = False) -> None:
        """Say something of a board; one that is `unread` may do work whose energy nobody tells."""
        name = f"NVIDIA GPU {place.index}{f' ({place.uuid})' if place.uuid else ''}"
        fields: dict[str, Any] = {"text": f"{name} {what}"}
        if unread:
            fields["unread"] = {
                "collector": self.name,
                "index": place.index,
                "reason": what.partition(";")[0],
            }
        self._notes.append(Event("note", fields))
