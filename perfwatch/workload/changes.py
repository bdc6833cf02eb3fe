"""When does somebody write to a file, or close it? Linux tells at once (inotify(7)); others not at all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

# Linux' include/uapi/linux/inotify.h
IN_MODIFY = 0x2
IN_CLOSE_WRITE = 0x8
EVENTS_BYTES = 4096


class Changes:
    """A descriptor that is readable when one of the watched files was written to or closed."""

    def __init__(self) -> None:
        self.fd = _library().inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK) if sys.platform == "linux" else -1

    def watch(self, path: Path) -> bool:
        """Add a file; one that is watched already is not watched twice. False where the system can't."""
        if self.fd < 0:
            return False
        return bool(_library().inotify_add_watch(self.fd, os.fsencode(path), IN_MODIFY | IN_CLOSE_WRITE) >= 0)

    def clear(self) -> None:
        """Take what was told; the next change is told anew."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, EVENTS_BYTES):
                pass

    def close(self) -> None:
        """Give the descriptor back; a second call changes nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
