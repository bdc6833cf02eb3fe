"""Is a server of one's own found that tells its work, and is nobody else asked?"""

from __future__ import annotations

import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perfwatch.job import sockets
from perfwatch.job.sockets import ListeningSocket, listed, listening_sockets
from perfwatch.sources.found import Finder, tells_work
from perfwatch.sources.listening import Listener, listeners

VLLM = b"# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total 12.0\n"
OTHER = b"# TYPE go_goroutines gauge\ngo_goroutines 12\n"
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address: str, *, state: str = "0A", user_id: int = 1000, inode: int = 7) -> str:
    rest = f"00000000:00000000 00:00000000 00000000  {user_id}        0 {inode} 1 0"
    return f"   0: {address} 00000000:0000 {state} {rest}\n"


def of_table(tmp_path: Path, *rows: str) -> list[Listener]:
    table = tmp_path / "self" / "net" / "tcp"  # and there is no IPv6
    table.parent.mkdir(parents=True)
    table.write_text(HEAD + "".join(rows))
    return listeners(1000, listed(tmp_path))


def test_what_listens_on_loopback_or_everywhere_is_found(tmp_path: Path) -> None:
    found = of_table(
        tmp_path,
        row("0100007F:1F90"),
        row("00000000:1F91"),
        row("00000000000000000000000001000000:1F92"),
    )
    assert [one.url for one in found] == [
        "http://127.0.0.1:8080/metrics",
        "http://127.0.0.1:8081/metrics",
        "http://[::1]:8082/metrics",
    ]


@pytest.mark.parametrize(
    "foreign",
    [
        row("0100007F:1F90", user_id=1001),
        row("0100007F:1F90", state="01"),
        row("0A00000A:1F90"),
        row("0100007F:0016"),
        row("0100007F:1538"),
        "nonsense\n",
    ],
    ids=["another user's", "a connection", "another address", "port 22", "a database", "nonsense"],
)
def test_nothing_else_is(tmp_path: Path, foreign: str) -> None:
    assert of_table(tmp_path, foreign) == []


@contextmanager
def serving(body: bytes, status: int = 200) -> Iterator[int]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "status", "expected"), [(VLLM, 200, True), (OTHER, 200, False), (VLLM, 404, False)]
)
def test_a_page_with_counters_that_are_known_tells_work(body: bytes, status: int, expected: bool) -> None:
    with serving(body, status) as port:
        assert tells_work(Listener("127.0.0.1", port, "1")) is expected


def test_a_port_that_takes_a_connection_and_says_nothing_tells_none() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert not tells_work(Listener("127.0.0.1", silent.getsockname()[1], "1"))


def test_a_port_where_nobody_listens_any_more_tells_none() -> None:
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    assert not tells_work(Listener("127.0.0.1", port, "1"))


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the kernel has no such table")
@pytest.mark.parametrize("asked", [listening_sockets, listed], ids=["sock_diag", "/proc/net/tcp"])
def test_a_server_of_this_process_is_found(asked: Callable[[], list[ListeningSocket]]) -> None:
    with serving(VLLM) as port:
        assert port in [one.port for one in listeners(os.getuid(), asked())]
        assert port not in [one.port for one in listeners(os.getuid() + 1, asked())]


@pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="the kernel has no IPv6")
def test_both_ways_to_ask_the_kernel_tell_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as four, socket.socket(socket.AF_INET6) as six:
        six.bind(("::1", 0))
        six.listen()
        told = {one for one in listeners(os.getuid()) if one.port in (_port(four), _port(six))}
        assert told == {
            one for one in listeners(os.getuid(), listed()) if one.port in (_port(four), _port(six))
        }
        assert {one.host for one in told} == {"127.0.0.1", "::1"}


def _port(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_where_the_question_is_refused_the_kernels_table_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError

    monkeypatch.setattr(sockets, "_told", refused)
    with serving(VLLM) as port:
        assert port in [one.port for one in listeners(os.getuid())]


def test_each_port_is_asked_once_until_another_program_listens_there() -> None:
    asked: list[Listener] = []
    there = [Listener("127.0.0.1", 8000, "1")]

    def tells(one: Listener) -> bool:
        asked.append(one)
        return one.inode == "2"

    finder = Finder(lambda: there, tells)
    finder.look()
    finder.look()
    assert (len(asked), finder.found) == (1, "")
    there[:] = [Listener("127.0.0.1", 8000, "2")]
    finder.look()
    assert finder.found == "http://127.0.0.1:8000/metrics"


def test_once_work_is_known_nobody_is_asked() -> None:
    asked: list[Listener] = []
    finder = Finder(lambda: [Listener("127.0.0.1", 8000, "1")], lambda one: bool(asked.append(one)))
    finder.stop()
    finder.look()
    assert asked == []
