"""What does a file of JSON lines say about the work of whoever writes it?

The file is followed from its present end (`perfwatch.workload.tail`); a mapping says which numbers of a line
are what (`perfwatch.workload.keys`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Device, DeviceKind, Reading
from perfwatch.text import from_system
from perfwatch.workload.followed import LOOK_S, Followed, split_path
from perfwatch.workload.keys import LINE_BYTES, Keys
from perfwatch.workload.tally import clean_text


@dataclass(frozen=True)
class JsonLinesOptions:
    """Which file, and which of its numbers.

    Args:
        path: the file; it may be missing so far.
        keys: `NAME=KEY.PATH,...`; empty: numbers that are named like standard work.
        index: the number among several files of one run.
    """

    path: str = ""
    keys: str = ""
    index: int = 0

    @classmethod
    def of(cls, spec: str, index: int = 0) -> JsonLinesOptions:
        """The options that `-w jsonl=PATH[:NAME=KEY.PATH,...]` means.

        Raises:
            ConfigError: there is no path.
        """
        path, keys = split_path(spec)
        if not path:
            raise ConfigError(
                f"cannot read {clean_text(spec, 200)!r}: it is jsonl=PATH or jsonl=PATH:NAME=KEY.PATH,..."
            )
        return cls(path, keys, index)


class JsonLinesCollector(Collector):
    """Follows one file; one device of kind workload.

    Raises:
        ConfigError: the mapping is malformed.
    """

    name = "jsonl"
    about = "work that a file of JSON lines tells: -w jsonl=PATH[:NAME=KEY.PATH,...]"
    period_s = LOOK_S
    Options = JsonLinesOptions

    def __init__(self, options: JsonLinesOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._keys = Keys(self.options.keys)
        self._followed: Followed | None = None

    def open(self) -> Sequence[Device]:
        path, index = self.options.path, self.options.index
        if not path:
            raise Unavailable("no file is named", "perfwatch run -w jsonl=PATH -- CMD")
        self.close()
        device = Device(
            id=f"jsonl-{index}" if index else "jsonl",
            name=clean_text(from_system(path), 200),
            kind=DeviceKind.WORKLOAD,
            index=index,
            facts={"work": "jsonl", "reads": clean_text(from_system(path), 500)},
        )
        keys = clean_text(self.options.keys, 200)
        what = f"the mapping {keys!r}" if keys else "the standard names (queries, samples, steps, ...)"
        self._followed = Followed(
            path, device, self._keys.search, what=what, clock=self._clock, line_bytes=LINE_BYTES
        )
        self._followed.begin()
        return [device]

    def split(self, at_ns: int) -> None:
        """A mark was put at this time: no sample reaches over it."""
        if self._followed is not None:
            self._followed.split(at_ns)

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._followed is None:
            raise TryAgain("the file is not open")
        yield from self._followed.readings()

    def close(self) -> None:
        if self._followed is not None:
            self._followed.close()
