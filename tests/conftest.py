"""What all tests share. Lying here it puts this directory on the path: `from fake_nvml import FakeNvml`."""

from __future__ import annotations

import signal
from pathlib import Path

import fake_nvml
import pytest

_build = fake_nvml.build


def _build_or_skip() -> Path:
    """A machine without a compiler runs the other tests; .ci/run sees to it that there is one."""
    try:
        return _build()
    except FileNotFoundError as error:
        pytest.skip(f"the stand-in for NVIDIA's library cannot be built: there is no {error.filename}")


fake_nvml.build = _build_or_skip


def _hear_signals_again() -> None:
    """A shell's background job, and many a CI runner, starts us with SIGINT ignored, and so all our children.

    The tests are about what signals do.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


_hear_signals_again()
