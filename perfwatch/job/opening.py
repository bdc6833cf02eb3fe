"""What a session holds before its job starts, for checks that must come before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfwatch.derive.scopes import choose_headline, devices_of_run
from perfwatch.derive.settings import Settings
from perfwatch.derive.tape import Tape


class Opening:
    """A sink that keeps the devices and the readings until they were checked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tape: Tape | None = None
        self._done = False

    def write(self, record: Mapping[str, Any]) -> None:
        if self._done:
            return
        if self._tape is None:
            self._tape = Tape(record)
        else:
            self._tape.take(record)

    def tick(self, now_ns: int) -> None:
        return None

    def check(self) -> None:
        """Whether the devices and the meter that were asked for are there. On the hub's thread.

        Raises:
            ConfigError: one is not; says which and what there is.
        """
        tape, self._tape, self._done = self._tape, None, True
        if tape is not None:
            choose_headline(tape, self._settings, devices_of_run(tape, self._settings))
