"""How does the terminal speak to us? Textual's Linux driver, without ten wake-ups a second, and with an end.

Textual polls for input every 0.1 s; this one sleeps until there is some. When the terminal is gone (the ssh
line died and nobody sent SIGHUP) reading returns nothing for ever, and the original spins on it; when it
takes nothing, the original waits with it.

How far behind a terminal is, its kernel does not say: a pty holds 64 kB, an ssh line more. So each frame ends
with the question whether the terminal is well (DSR, `CSI 5 n`), and until it has answered none is painted.
"""

from __future__ import annotations

import os
import re
import select
import signal
import threading
import time
from codecs import getincrementaldecoder
from contextlib import suppress
from typing import Any

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size

from perfwatch.tui.draw.plain_ascii import ascii_text
from perfwatch.tui.outlet import Outlet

ESCAPE_S = 0.1
"""A lone escape is a key of its own when nothing follows for so long."""
QUESTION, ANSWER = "\x1b[5n", b"\x1b[0n"
QUESTION_EVERY, LARGE = 8192, 4096
"""Bytes between two questions: an answer wakes us up, and no more than this and a frame comes in a burst. A
frame as large as the second ends with a question anyway."""
UNANSWERED = 3
"""A terminal that left so many questions unanswered, and answered none, is asked no more."""
PATIENCE_S, MOST_PATIENCE_S = 5.0, 300.0
"""An answer may be lost: after so long, each time twice as long, a frame is painted all the same."""
LAST_ANSWER_S = 0.15
"""So long we stay for an answer that is on its way: the shell would take it for keys."""
_NOT_ASCII = re.compile("[^\x00-\x7f]+")
FAREWELL = "\x1b[?2026l\x1b[0m\x1b[H\x1b[2J"
"""Synchronized output ends, colours end, and the screen is wiped: a terminal without a second one (GNU screen
as it comes, the Linux console) would keep the picture, with the prompt in it."""


class TerminalDriver(LinuxDriver):
    """Reads keys from standard input and writes to `app.stream`.

    `app.terminal_gone()` is called when the terminal is not there any more, `app.caught_up()` when it has
    taken what it was behind with.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)}
        super().__init__(*args, **kwargs)
        for number, handler in handlers.items():  # the app stops and goes on by itself, in its own turn
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        stream = getattr(self._app, "stream", None)
        if stream is not None:
            self._file = stream
        self._out_fd = self._file.fileno() if self._file is not None else 1
        self._end_read, self._end_write = os.pipe()
        self._outlet: Outlet | None = None
        self._asked = 0
        self._asked_at_s = 0.0
        self._unasked = 0
        self._patience_s = PATIENCE_S
        self._answers = False
        self._well = threading.Event()
        self._well.set()
        self._owes = False
        self._is_gone = False

    # -- writing -----------------------------------------------------------------------------------

    def is_behind(self) -> bool:
        """Whether the terminal has not shown the last frame yet; `app.caught_up()` is called when it has."""
        if self._outlet is not None and self._outlet.tell_when_taken(self._tell_app):
            return True
        if not self._answers or time.monotonic() - self._asked_at_s >= self._patience_s:
            return False
        self._owes = True
        return not self._well.is_set()

    @property
    def lost(self) -> bool:
        """Whether something that was written was thrown away since the last call of `found`."""
        return self._outlet is not None and self._outlet.lost

    def found(self) -> None:
        """All is going to be painted anew."""
        if self._outlet is not None:
            self._outlet.lost = False

    def write(self, data: str) -> None:
        """Have a text written; never waits. Textual's own boxes become ASCII where that is wanted."""
        if self._outlet is not None:
            plain = data.isascii() or not self._app.view.ascii  # type: ignore[attr-defined]
            self._outlet.write(data if plain else _NOT_ASCII.sub(lambda found: ascii_text(found[0]), data))

    def write_frame(self, text: str) -> None:
        """Have a frame written, and learn when it is shown."""
        size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        self._unasked += size
        silent = not self._answers and self._asked >= UNANSWERED
        if silent or (self._well.is_set() and self._unasked < QUESTION_EVERY and size < LARGE):
            self.write(text)
            return
        self._unasked = 0
        if not self._well.is_set():
            self._patience_s = min(self._patience_s * 2, MOST_PATIENCE_S)
        self._asked += 1
        self._asked_at_s = time.monotonic()
        self._well.clear()
        self.write(text + QUESTION)

    def _answered(self) -> None:
        self._answers = True
        self._patience_s = PATIENCE_S
        self._well.set()
        if self._owes:
            self._owes = False
            self._tell_app()

    def _tell_app(self) -> None:
        self._app.call_later(self._app.caught_up)  # type: ignore[attr-defined]

    # -- beginning and end -------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal."""
        with suppress(OSError):
            while select.select([self._end_read], [], [], 0)[0]:
                os.read(self._end_read, 16)
        self._well.set()
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        self._outlet = Outlet(self._out_fd, encoding, self._gone)
        super().start_application_mode()  # type: ignore[no-untyped-call]
        thread, self._writer_thread = self._writer_thread, None
        if thread is not None:
            thread.stop()  # nothing goes its way: `write` is ours

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was; what is not painted yet never will be."""
        if self._answers and not self._is_gone:
            self._well.wait(LAST_ANSWER_S)
        if self._outlet is not None:
            self._outlet.drop()
        self.write(FAREWELL)
        super().stop_application_mode()

    def close(self) -> None:
        """Wait, not for long, until the terminal has taken everything."""
        outlet, self._outlet = self._outlet, None
        if outlet is not None:
            outlet.stop()
        super().close()

    def disable_input(self) -> None:
        """Wake the input thread, so that it ends at once."""
        os.write(self._end_write, b"\0")
        super().disable_input()

    def _gone(self) -> None:
        """The terminal is not there any more. Called by the threads that read and write."""
        if not self._is_gone:
            self._is_gone = True
            self._app.call_later(self._app.terminal_gone)  # type: ignore[attr-defined]

    def _get_terminal_size(self) -> tuple[int, int]:
        """Columns and lines of the terminal that we write to: descriptor 1 may be something else."""
        try:
            columns, lines = os.get_terminal_size(self._out_fd)
        except (OSError, ValueError):
            return super()._get_terminal_size()
        return (columns or 80, lines or 24)

    def look_at_size(self, known: tuple[int, int]) -> None:
        """Have the app follow the terminal to another size: in a storm of changes the last one got lost."""
        size = Size(*self._get_terminal_size())
        if size != known:
            self.send_message(Resize(size, size))

    # -- reading -----------------------------------------------------------------------------------

    def run_input_thread(self) -> None:
        """Dispatch what the terminal sends until we end or it is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._end_read, select.POLLIN)
        held = b""
        hurry = False
        while not self.exit_event.is_set():
            ready = dict(poll.poll(ESCAPE_S * 1000 if hurry else None))
            if self._end_read in ready:  # not read here: whoever begins anew does
                return
            hurry = self.fileno in ready
            data = held
            if hurry:
                read = self._read()
                if not read:
                    self._gone()
                    return
                data, held = self._without_answers(held + read)
                hurry = bool(data or held)  # an answer alone leaves nothing to wait for
            else:
                held = b""
            for message in parser.feed(decode(data)) if data else ():
                self.process_message(message)
            for message in parser.tick():
                self.process_message(message)

    def _without_answers(self, data: bytes) -> tuple[bytes, bytes]:
        """What are keys, and the beginning of what may be an answer."""
        if ANSWER in data:
            data = data.replace(ANSWER, b"")
            self._answered()
        for size in (3, 2):
            if data.endswith(ANSWER[:size]):
                return data[:-size], data[-size:]
        return data, b""

    def _read(self) -> bytes:
        """What was typed; nothing if the terminal is gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""
