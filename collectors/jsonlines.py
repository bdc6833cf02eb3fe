"""What does a file of JSON lines say about the work of whoever writes it?

The file is followed from its present end (`perfwatch.workload.tail`); a mapping says which numbers of a line
are what (`perfwatch.workload.keys`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfwatch_collectors.followed_file import FileFollower

from perfwatch.clock import Clock
from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import Device
from perfwatch.workload.followed import Followed, refuse_directory, split_path
from perfwatch.workload.keys import LINE_BYTES, Keys
from perfwatch.workload.patterns import totals_of
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
            ConfigError: there is no path, or it is a directory.
        """
        path, keys = split_path(spec)
        if not path:
            raise ConfigError(
                f"cannot read {clean_text(spec, 200)!r}: it is jsonl=PATH or jsonl=PATH:NAME=KEY.PATH,..."
            )
        refuse_directory(path, "name the file in it")
        return cls(path, keys, index)


class JsonLinesCollector(FileFollower):
    """Follows one file; one device of kind workload.

    Raises:
        ConfigError: the mapping is malformed.
    """

    name = "jsonl"
    about = "work that a file of JSON lines tells: -w jsonl=PATH[:NAME=KEY.PATH,...]"
    file = "the file"
    Options = JsonLinesOptions

    def __init__(self, options: JsonLinesOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options, clock=clock)
        self._keys = Keys(self.options.keys)

    def open(self) -> Sequence[Device]:
        if not self.options.path:
            raise Unavailable("no file is named", "perfwatch run -w jsonl=PATH -- CMD")
        self.close()
        device = self._device("jsonl", work="jsonl", totals=totals_of(key.field for key in self._keys.keys))
        keys = clean_text(self.options.keys, 200)
        what = f"the mapping {keys!r}" if keys else "the standard names (queries, samples, steps, ...)"
        followed = Followed(
            self.options.path,
            device,
            self._keys.search,
            what=what,
            clock=self._clock,
            line_bytes=LINE_BYTES,
            judge=self.judge,
        )
        return self._follow(followed, device)
