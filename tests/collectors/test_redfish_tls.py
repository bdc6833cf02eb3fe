"""Redfish controllers on a bad day, over HTTPS: each costs one sentence, and no session is left."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from machine.certificates import HAS_OPENSSL, Authority
from machine.redfish import ONE, PASSWORD, USER, Controller, machine, running
from perfwatch_collectors import redfish_session
from perfwatch_collectors.redfish import RedfishCollector, RedfishOptions

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Event, Sample

needs_openssl = pytest.mark.skipif(not HAS_OPENSSL, reason="the command openssl makes the certificates")


@pytest.fixture(autouse=True)
def _who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDFISH_USER", USER)
    monkeypatch.setenv("REDFISH_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@contextmanager
def secured(context: ssl.SSLContext) -> Iterator[tuple[Controller, str]]:
    with running() as controller:
        controller.socket = context.wrap_socket(controller.socket, server_side=True)
        yield controller, controller.url.replace("http:", "https:")


def refusal(url: str, **options: object) -> str:
    """What is said of a controller that cannot be read: one sentence without a secret."""
    collector = RedfishCollector(RedfishOptions(url, **options))  # type: ignore[arg-type]
    with pytest.raises(TryAgain) as caught:
        collector.open()
    collector.close()
    said = str(caught.value)
    assert "\n" not in said
    assert PASSWORD not in said
    assert said.startswith(url)
    return said


# Certificates


@needs_openssl
def test_a_certificate_that_an_authority_of_ones_own_gave_is_taken(authority: Authority) -> None:
    with secured(authority.certified()) as (controller, url):
        assert "unable to get local issuer certificate" in refusal(url)
        collector = RedfishCollector(RedfishOptions(url, ca=str(authority.file)))
        assert len(collector.open()) == 2
        collector.close()
        assert (controller.made, controller.deleted) == (1, 1)


@needs_openssl
@pytest.mark.parametrize(
    ("name", "days", "why"),
    [("DNS:bmc2.lab", 2, "not valid for '127.0.0.1'"), ("IP:127.0.0.1", -1, "certificate has expired")],
)
def test_what_is_wrong_with_a_certificate_is_said(
    authority: Authority, name: str, days: int, why: str
) -> None:
    with secured(authority.certified(name, days)) as (controller, url):
        said = refusal(url, ca=str(authority.file))
        assert why in said
        assert "has a certificate that is not trusted here" in said
        assert "verify=false" in said
        assert controller.asked == 0


@needs_openssl
def test_a_certificate_that_nobody_gave_is_said_to_be_so(tmp_path: Path) -> None:
    alone = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(alone.file, tmp_path / "ca.key")
    with secured(context) as (_, url):
        assert "self-signed certificate" in refusal(url).replace("self signed", "self-signed")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_certificates_that_is_none_is_a_sentence(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=r"cannot use the certificates .*ca\.pem"):
        RedfishCollector(RedfishOptions("https://127.0.0.1:9", ca=str(file))).open()


# Controllers that hang, drip and break off


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listener that does with each connection what a test says; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                taken.append(listener.accept()[0])
                threading.Thread(target=quietly, args=(taken[-1],), daemon=True).start()

    def quietly(connection: socket.socket) -> None:
        with suppress(OSError):
            answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for one in (listener, *taken):
            one.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience of tenths of a second."""
    monkeypatch.setattr(redfish_session, "CONNECT_S", 0.3)
    monkeypatch.setattr(redfish_session, "ANSWER_S", 0.4)
    monkeypatch.setattr(redfish_session, "WHOLE_S", 0.8)


@pytest.mark.usefixtures("hurried")
def test_one_that_hangs_in_the_handshake_is_left() -> None:
    with answering(lambda connection: time.sleep(20)) as place:
        began = time.monotonic()
        assert "took no connection within 0.3 s" in refusal(f"https://{place}")
        assert time.monotonic() - began < 5.0


def drip(connection: socket.socket) -> None:
    connection.recv(65536)
    for byte in b"HTTP/1.1 201 Created\r\n" + b"X-Slow: yes\r\n" * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


@pytest.mark.usefixtures("hurried")
def test_one_that_sends_its_headers_byte_by_byte_is_left() -> None:
    with answering(drip) as place:
        began = time.monotonic()
        assert "takes longer than 0.8 s for an answer" in refusal(f"http://{place}")
        assert time.monotonic() - began < 5.0


def die(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.usefixtures("hurried")
def test_one_that_breaks_off_within_an_answer_is_a_sentence() -> None:
    with answering(die) as place:
        assert "broke off" in refusal(f"http://{place}")


@pytest.mark.usefixtures("hurried")
def test_one_that_speaks_no_tls_is_a_sentence() -> None:
    with running() as controller:
        assert "speaks no TLS" in refusal(controller.url.replace("http:", "https:"))


def test_one_that_has_no_room_for_a_session_is_a_sentence() -> None:
    with running() as controller:
        controller.refuses_sessions = 503
        assert "refuses to log in (status 503: it is busy)" in refusal(controller.url)
        assert controller.asked == 0


# What is read on


def test_a_chassis_that_the_controller_refuses_costs_no_other() -> None:
    with running() as controller:
        collector = RedfishCollector(RedfishOptions(controller.url))
        whole, board = collector.open()
        controller.broken.add(f"{ONE}/EnvironmentMetrics")
        note, told = collector.read([whole, board])
        assert told == Sample(board.id, (210.5,))
        assert isinstance(note, Event)
        assert note.fields["code"] == "late-source"
        assert note.fields["text"].startswith(f"redfish:0: {controller.url} refuses to tell {ONE}/Env")
        assert list(collector.read([whole, board])) == [told], "it is said once"
        controller.broken.add("/redfish/v1/Chassis/board/Power")
        with pytest.raises(TryAgain, match=r"refuses to tell .* \(status 500\)"):
            list(collector.read([whole, board]))
        collector.close()


def test_a_chassis_that_is_refused_at_first_costs_no_other() -> None:
    with running() as controller:
        controller.broken.add("/redfish/v1/Chassis/fan")
        collector = RedfishCollector(RedfishOptions(controller.url))
        assert len(collector.open()) == 2
        collector.close()
        controller.broken.update(machine())
        with pytest.raises(TryAgain, match="status 500"):
            collector.open()
        assert controller.tokens == set()


# Sessions are closed


JOB = """
import sys, time
from perfwatch_collectors.redfish import RedfishCollector, RedfishOptions
import threading
collector = RedfishCollector(RedfishOptions(sys.argv[1]))
devices = collector.open()
threading.Thread(target=lambda: list(collector.read(devices)), daemon=True).start()
time.sleep(0.3)
"""


def test_who_leaves_while_the_controller_is_slow_leaves_no_session() -> None:
    with running() as controller:
        controller.slow_s = 20.0  # from the first document after the opening on
        controller.slow_after = 12
        done = subprocess.run(
            [sys.executable, "-c", JOB, controller.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert (controller.made, controller.tokens) == (1, set())


@pytest.mark.parametrize("ends_by", [None, signal.SIGTERM])
def test_a_run_ends_with_its_session_deleted_however_slow_that_is(
    tmp_path: Path, ends_by: signal.Signals | None
) -> None:
    with running() as controller:
        controller.delete_s = 1.0
        run = subprocess.Popen(
            [sys.executable, "-m", "perfwatch", "run", "--only", "simulated", "--no-record",
             "-c", f"redfish:url={controller.url}", "--", "sleep", "3" if ends_by else "0.5"],
            env={**os.environ, "HOME": str(tmp_path)}, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        for _ in range(600):  # counted, not timed: the clock of a virtual machine may jump
            if controller.asked or not ends_by:
                break
            time.sleep(0.05)
        if ends_by:
            assert controller.asked, "perfwatch never asked the controller"
            run.send_signal(ends_by)
        _, said = run.communicate(timeout=60)
        assert "Traceback" not in said
        assert (controller.made, controller.tokens) == (1, set()), said


def test_credentials_that_are_missing_are_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REDFISH_USER")
    with running() as controller:
        with pytest.raises(Unavailable, match="REDFISH_USER"):
            RedfishCollector(RedfishOptions(controller.url)).open()
        assert (controller.made, controller.asked) == (0, 0)
