"""The exceptions, one short tree, and the reasons of the system's own.

Every message says what was attempted, on what, and what to do.
"""

from __future__ import annotations


class PerfwatchError(Exception):
    """Anything that perfwatch itself says went wrong."""


class ConfigError(PerfwatchError):
    """The person can fix it: a wrong option, setting or value. The message says where and what."""


class SessionError(PerfwatchError):
    """A session cannot be read or written. The message names the file and, where known, the line."""


class CollectorError(PerfwatchError):
    """A collector cannot read."""


class Unavailable(CollectorError):
    """There is nothing to read here; normal on most machines.

    `remedy` is what the person can do about it, as shell lines or a sentence; empty where nothing is.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class TryAgain(CollectorError):
    """It may work next time. `after_s` is the pause that the source asks for, if it does."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class DeviceGone(CollectorError):
    """A device left: unplugged, lost, its process over."""

    def __init__(self, device_id: str, reason: str = "") -> None:
        super().__init__(reason or f"{device_id} is gone")
        self.device_id = device_id
        self.reason = reason


def reason_of(error: OSError) -> str:
    """Why the system refused, in its own words, as the rest of a sentence has them: `permission denied`."""
    return (error.strerror or str(error)).lower()
