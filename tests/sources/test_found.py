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
from perfwatch.sources.found import AGAIN_S, Answer, Asker, Finder, asked
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
    assert [one.root for one in found] == [
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8081",
        "http://[::1]:8082",
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
def serving(body: bytes, status: int = 200, place: str = "/metrics") -> Iterator[int]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == place else 404)
            self.end_headers()
            self.wfile.write(body if self.path == place else b"not here")

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
    ("body", "status", "expected"),
    [
        (VLLM, 200, Answer("/metrics")),
        (OTHER, 200, Answer()),
        (VLLM, 404, Answer(over=True)),
        (b"<html>", 200, Answer(over=True)),
    ],
)
def test_a_page_with_counters_that_are_known_tells_work(body: bytes, status: int, expected: Answer) -> None:
    with serving(body, status) as port:
        assert asked(Listener("127.0.0.1", port, "1")) == expected


def test_a_page_elsewhere_is_found() -> None:
    place = "/prometheus/metrics"
    with serving(VLLM, place=place) as port:
        assert asked(Listener("127.0.0.1", port, "1")) == Answer(place)


def test_a_port_that_takes_a_connection_and_says_nothing_is_asked_again() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert asked(Listener("127.0.0.1", silent.getsockname()[1], "1")) == Answer()


def test_a_port_where_nobody_listens_any_more_tells_none() -> None:
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    assert asked(Listener("127.0.0.1", port, "1")) == Answer()


def test_what_speaks_no_http_gets_one_request() -> None:
    requests: list[bytes] = []

    def speak(server: socket.socket) -> None:
        with server.accept()[0] as connection:
            requests.append(connection.recv(1000))
            connection.sendall(b"220 mail ready\r\n")

    with socket.create_server(("127.0.0.1", 0)) as mail:
        thread = threading.Thread(target=speak, args=(mail,))
        thread.start()
        assert asked(Listener("127.0.0.1", _port(mail), "1")) == Answer(over=True)
        thread.join()
    assert len(requests) == 1


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


class Clock:
    """Time that a test lets pass."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def asker_of(answers: list[Answer], clock: Clock) -> tuple[Asker, list[float]]:
    """One that is given these answers, the last of them again and again, and the times of its requests."""
    times: list[float] = []

    def ask(one: Listener) -> Answer:
        times.append(clock.now_s)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return Asker(ask, clock), times


def test_what_shows_its_work_later_is_found_then_and_once() -> None:
    clock, there = Clock(), [Listener("127.0.0.1", 8000, "1")]
    asker, times = asker_of([Answer(), Answer(), Answer("/metrics")], clock)
    found = []
    for second in range(100):
        clock.now_s = float(second)
        found += [(second, one.url) for one in asker.found(there)]
    assert found == [(3, "http://127.0.0.1:8000/metrics")]
    assert times == [0.0, 1.0, 3.0]


def test_what_has_no_metrics_is_asked_no_more_after_a_while() -> None:
    clock, there = Clock(), [Listener("127.0.0.1", 8000, "1")]
    asker, times = asker_of([Answer(over=True)], clock)
    for second in range(1000):
        clock.now_s = float(second)
        assert asker.found(there) == []
    assert len(times) == len(AGAIN_S) + 1


def test_another_program_on_the_port_is_asked_at_once() -> None:
    clock = Clock()
    asker, times = asker_of([Answer(over=True), Answer("/metrics")], clock)
    assert asker.found([Listener("127.0.0.1", 8000, "1")]) == []
    again = Listener("127.0.0.1", 8000, "2")
    assert [one.listener for one in asker.found([again])] == [again]
    assert times == [0.0, 0.0]


def test_the_finder_keeps_what_it_found() -> None:
    clock = Clock()
    asker, _ = asker_of([Answer("/metrics")], clock)
    finder = Finder(lambda: [Listener("127.0.0.1", 8000, "1")], asker)
    finder.look()
    finder.look()
    assert finder.found == "http://127.0.0.1:8000/metrics"


def test_once_work_is_known_nothing_is_found() -> None:
    asker, _ = asker_of([Answer("/metrics")], Clock())
    finder = Finder(lambda: [Listener("127.0.0.1", 8000, "1")], asker)
    finder.stop()
    finder.look()
    assert finder.found == ""
