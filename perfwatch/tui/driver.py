"""How does the terminal speak to us? Textual's Linux driver, without ten wake-ups a second, and with an end.

Textual polls for input every 0.1 s; this one sleeps until there is some. When the terminal is gone (the ssh
line died and nobody sent SIGHUP) reading returns nothing for ever, and the original spins on it.
"""

from __future__ import annotations

import os
import select
from codecs import getincrementaldecoder
from typing import Any

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

ESCAPE_S = 0.1
"""A lone escape is a key of its own when nothing follows for so long."""


class TerminalDriver(LinuxDriver):
    """Reads keys from standard input and writes to `app.stream`; `app.terminal_gone()` is called once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stream = getattr(self._app, "stream", None)
        if stream is not None:
            self._file = stream
        self._out_fd = self._file.fileno() if self._file is not None else 1
        self._end_read, self._end_write = os.pipe()

    @property
    def queued(self) -> int:
        """Writes that the terminal has not taken yet; while there are some no frame is painted."""
        thread = self._writer_thread
        return 0 if thread is None else thread._queue.qsize()  # noqa: SLF001 - the one place that says how far behind it is

    def _get_terminal_size(self) -> tuple[int, int]:
        """Columns and lines of the terminal that we write to: descriptor 1 may be something else."""
        try:
            columns, lines = os.get_terminal_size(self._out_fd)
        except (OSError, ValueError):
            return super()._get_terminal_size()
        return (columns or 80, lines or 24)

    def disable_input(self) -> None:
        """Wake the input thread, so that it ends at once."""
        os.write(self._end_write, b"\0")
        super().disable_input()

    def run_input_thread(self) -> None:
        """Dispatch what the terminal sends until we end or it is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._end_read, select.POLLIN)
        hurry = False
        while not self.exit_event.is_set():
            ready = dict(poll.poll(ESCAPE_S * 1000 if hurry else None))
            if self._end_read in ready:
                os.read(self._end_read, 16)
                continue
            hurry = self.fileno in ready
            if hurry:
                data = self._read()
                if not data:
                    self._app.call_later(self._app.terminal_gone)  # type: ignore[attr-defined]
                    return
                for message in parser.feed(decode(data)):
                    self.process_message(message)
            for message in parser.tick():
                self.process_message(message)

    def _read(self) -> bytes:
        """What was typed; nothing if the terminal is gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""
