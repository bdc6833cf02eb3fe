"""What does a log file say about the work of whoever writes it?

The file is followed from its present end (`perfwatch.workload.tail`); a pattern finds numbers in its lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfwatch_collectors.followed_file import FileFollower

from perfwatch.clock import Clock
from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import Device
from perfwatch.workload.followed import Followed, refuse_directory, split_path
from perfwatch.workload.patterns import compile_pattern, totals_of
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
            ConfigError: one of the two is missing, or the path is a directory.
        """
        path, pattern = split_path(spec)
        if not path or not pattern:
            raise ConfigError(
                f"cannot read {clean_text(spec, 200)!r}: it is log=PATH:PATTERN (a colon in the path is \\:)"
            )
        refuse_directory(path, "name the log in it")
        return cls(path, pattern, index)


class LogCollector(FileFollower):
    """Follows one file; one device of kind workload.

    Raises:
        ConfigError: the pattern is malformed.
    """

    name = "log"
    about = "work that a log file tells, by a pattern: -w log=PATH:PATTERN"
    file = "the log"
    Options = LogOptions

    def __init__(self, options: LogOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options, clock=clock)
        self._pattern = compile_pattern(self.options.pattern) if self.options.path else None

    def open(self) -> Sequence[Device]:
        if self._pattern is None:
            raise Unavailable("no log is named", "perfwatch run -w log=PATH:PATTERN -- CMD")
        self.close()
        source = clean_text(self._pattern.source, 500)
        device = self._device("log", work="output", pattern=source, totals=totals_of(self._pattern.fields))
        followed = Followed(
            self.options.path,
            device,
            self._pattern.search,
            what=repr(source),
            clock=self._clock,
            pattern=self._pattern,
            judge=self.judge,
        )
        return self._follow(followed, device)
