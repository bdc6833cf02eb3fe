"""What does a log file say about the work of whoever writes it?

The file is followed from its present end (`perfwatch.workload.tail`); a pattern finds numbers in its lines.
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
from perfwatch.workload.patterns import compile_pattern
from perfwatch.workload.tally import clean_text


@dataclass(frozen=True)
class LogOptions:
    """Which file, and what to look for in it.

    Args:
        path: the file; it may be missing so far.
        pattern: as `-w stdout=` takes it.
        index: the number among several logs of one run.
    """

    path: str = ""
    pattern: str = ""
    index: int = 0

    @classmethod
    def of(cls, spec: str, index: int = 0) -> LogOptions:
        """The options that `-w log=PATH:PATTERN` means.

        Raises:
            ConfigError: one of the two is missing.
        """
        path, pattern = split_path(spec)
        if not path or not pattern:
            raise ConfigError(
                f"cannot read {clean_text(spec, 200)!r}: it is log=PATH:PATTERN (a colon in the path is \\:)"
            )
        return cls(path, pattern, index)


class LogCollector(Collector):
    """Follows one file; one device of kind workload.

    Raises:
        ConfigError: the pattern is malformed.
    """

    name = "log"
    about = "work that a log file tells, by a pattern: -w log=PATH:PATTERN"
    period_s = LOOK_S
    Options = LogOptions

    def __init__(self, options: LogOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._pattern = compile_pattern(self.options.pattern) if self.options.path else None
        self._followed: Followed | None = None

    def open(self) -> Sequence[Device]:
        if self._pattern is None:
            raise Unavailable("no log is named", "perfwatch run -w log=PATH:PATTERN -- CMD")
        self.close()
        path, index = self.options.path, self.options.index
        source = clean_text(self._pattern.source, 500)
        device = Device(
            id=f"log-{index}" if index else "log",
            name=clean_text(from_system(path), 200),
            kind=DeviceKind.WORKLOAD,
            index=index,
            facts={"work": "output", "reads": clean_text(from_system(path), 500), "pattern": source},
        )
        self._followed = Followed(
            path, device, self._pattern.search, what=repr(source), clock=self._clock, pattern=self._pattern
        )
        self._followed.begin()
        return [device]

    def split(self, at_ns: int) -> None:
        """A mark was put at this time: no sample reaches over it."""
        if self._followed is not None:
            self._followed.split(at_ns)

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._followed is None:
            raise TryAgain("the log is not open")
        yield from self._followed.readings()

    def close(self) -> None:
        if self._followed is not None:
            self._followed.close()
