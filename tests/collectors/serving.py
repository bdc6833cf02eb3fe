"""A server on loopback that answers as a test tells it to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[socket.socket], None]
"""Writes what it likes to a connection from which one request was read."""


def page(
    body: str | bytes,
    *,
    status: str = "200 OK",
    content_type: str = "text/plain; version=0.0.4",
    headers: str = "",
) -> Answer:
    """A well-formed answer."""
    raw = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(raw)}\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + raw)


def raw(data: bytes) -> Answer:
    """These bytes, and then the connection is closed."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)

    return answer


def by_path(server: Server, answers: dict[str, Answer]) -> Answer:
    """Each path has its own answer; of any other one there is no page."""

    def answer(connection: socket.socket) -> None:
        path = server.requests[-1].split(" ")[1]
        answers.get(path, page("no such page", status="404 Not Found"))(connection)

    return answer


class Server:
    """Answers each request with `answer`, over kept connections; `requests` are their heads."""

    def __init__(self, port: int = 0) -> None:
        self.answer: Answer = page("")
        self.requests: list[str] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/metrics"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Like a process that ended: nobody listens, and kept connections are gone."""
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            for head in _heads(connection):
                self.requests.append(head)
                self.answer(connection)
        except OSError:
            pass
        finally:
            connection.close()


def _heads(connection: socket.socket) -> Iterator[str]:
    waiting = b""
    while data := connection.recv(65536):
        waiting += data
        while b"\r\n\r\n" in waiting:
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            yield head.decode("latin-1")


@contextmanager
def serving(answer: Answer | None = None, port: int = 0) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(port)
    if answer is not None:
        server.answer = answer
    try:
        yield server
    finally:
        server.close()
