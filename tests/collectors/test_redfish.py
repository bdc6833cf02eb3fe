"""Redfish controllers: sessions, old and new documents, chassis in chassis, what goes wrong."""

from __future__ import annotations

import http.server
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.redfish import RedfishCollector, RedfishOptions

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Sample, Scope

USER, PASSWORD = "watcher", "SECRET"
SESSIONS = "/redfish/v1/SessionService/Sessions"
ONE = "/redfish/v1/Chassis/1"


def links(*places: str) -> dict[str, Any]:
    return {"Members": [{"@odata.id": place} for place in places]}


def machine() -> dict[str, Any]:
    """A machine with the new document, and a board in it with the old one."""
    return {
        "/redfish/v1/": {"Chassis": {"@odata.id": "/redfish/v1/Chassis"}},
        "/redfish/v1/Chassis": links(ONE, "/redfish/v1/Chassis/board", "/redfish/v1/Chassis/fan"),
        ONE: {
            "Id": "1",
            "Model": "R760",
            "SerialNumber": "S1",
            "EnvironmentMetrics": {"@odata.id": f"{ONE}/EnvironmentMetrics"},
            "Power": {"@odata.id": f"{ONE}/Power"},
        },
        f"{ONE}/EnvironmentMetrics": {
            "PowerWatts": {"Reading": 374},
            "EnergykWh": {"Reading": 2, "LifetimeReading": 3},
            "TemperatureCelsius": {"Reading": 39},
        },
        f"{ONE}/Power": {"PowerControl": [{"PowerConsumedWatts": 9999}]},
        "/redfish/v1/Chassis/board": {
            "Name": "HGX board",
            "Links": {"ContainedBy": {"@odata.id": ONE}},
            "Power": {"@odata.id": "/redfish/v1/Chassis/board/Power"},
        },
        "/redfish/v1/Chassis/board/Power": {
            "PowerControl": [{"PowerConsumedWatts": 210.5}, {"PowerConsumedWatts": 5}]
        },
        "/redfish/v1/Chassis/fan": {"Name": "fans"},
    }


class Controller(http.server.ThreadingHTTPServer):
    """A management controller with documents, sessions and moods."""

    def __init__(self, documents: dict[str, Any], *, has_sessions: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.documents = documents
        self.has_sessions = has_sessions
        self.tokens: set[str] = set()
        self.made = self.deleted = self.asked = 0
        self.status: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Controller

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.server.has_sessions:
            self._send(404, {})
        elif (body["UserName"], body["Password"]) != (USER, PASSWORD):
            self._send(401, {})
        else:
            self.server.made += 1
            token = f"t{self.server.made}"
            self.server.tokens.add(token)
            place = f"{SESSIONS}/{self.server.made}"
            self._send(201, {"@odata.id": place}, **{"X-Auth-Token": token, "Location": place})

    def do_GET(self) -> None:
        self.server.asked += 1
        basic = self.headers.get("Authorization", "").startswith("Basic")
        if self.server.status is not None:
            self._send(self.server.status, {})
        elif not basic and self.headers.get("X-Auth-Token") not in self.server.tokens:
            self._send(401, {})
        elif self.path in self.server.documents:
            self._send(200, self.server.documents[self.path])
        else:
            self._send(404, {})

    def do_DELETE(self) -> None:
        self.server.deleted += 1
        self.server.tokens.discard(self.headers.get("X-Auth-Token", ""))
        self._send(204, {})

    def _send(self, status: int, document: Any, **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


Serve = Callable[..., Controller]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("REDFISH_USER", USER)
    monkeypatch.setenv("REDFISH_PASSWORD", PASSWORD)
    running: list[Controller] = []

    def start(documents: dict[str, Any] | None = None, **how: Any) -> Controller:
        one = Controller(machine() if documents is None else documents, **how)
        running.append(one)
        threading.Thread(target=one.serve_forever, daemon=True).start()
        return one

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def read(collector: RedfishCollector, devices: Any) -> dict[str, tuple[Any, ...]]:
    return {
        each.device_id: tuple(each.values) for each in collector.read(devices) if isinstance(each, Sample)
    }


def test_a_chassis_tells_its_power_energy_and_temperature(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    whole, board = collector.open()
    assert (whole.name, whole.scope, whole.facts["serial"]) == ("R760", Scope.NODE, "S1")
    assert [metric.name for metric in whole.metrics] == [
        "power_watts",
        "energy_joules_total",
        "temperature_celsius",
    ]
    assert (board.name, board.scope, board.parent) == ("HGX board", None, whole.id)
    assert read(collector, [whole, board]) == {whole.id: (374.0, 3 * 3.6e6, 39.0), board.id: (210.5,)}
    collector.close()


def test_a_session_is_made_once_and_deleted_at_the_end(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    read(collector, devices)
    assert (controller.made, controller.deleted) == (1, 0)
    collector.close()
    collector.close()
    assert (controller.made, controller.deleted, controller.tokens) == (1, 1, set())


def test_a_session_that_ran_out_is_made_anew(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    controller.tokens.clear()
    assert read(collector, devices)[devices[0].id][0] == 374.0
    assert controller.made == 2
    collector.close()


def test_a_controller_without_sessions_is_asked_with_user_and_password(serve: Serve) -> None:
    collector = RedfishCollector(RedfishOptions(serve(has_sessions=False).url))
    assert len(collector.open()) == 2
    collector.close()


def test_the_old_document_and_that_of_the_supplies_are_read_where_there_is_no_other(serve: Serve) -> None:
    old = machine()
    del old[ONE]["EnvironmentMetrics"]
    old[f"{ONE}/Power"] = {"PowerControl": [{"PowerConsumedWatts": 344}]}
    collector = RedfishCollector(RedfishOptions(serve(old).url))
    devices = collector.open()
    assert read(collector, devices)[devices[0].id] == (344.0,)
    collector.close()
    supplied = machine()
    place = f"{ONE}/PowerSubsystem"
    supplied[ONE] = {"Id": "1", "PowerSubsystem": {"@odata.id": place}}
    supplied[place] = {"PowerSupplies": {"@odata.id": f"{place}/PowerSupplies"}}
    supplied[f"{place}/PowerSupplies"] = links(*(f"{place}/{n}" for n in range(3)))
    for n, watts in enumerate((200.5, 180.0)):
        supplied[f"{place}/{n}"] = {"Metrics": {"@odata.id": f"{place}/{n}/Metrics"}}
        supplied[f"{place}/{n}/Metrics"] = {"InputPowerWatts": {"Reading": watts}}
    supplied[f"{place}/2"] = {"Status": {"State": "Absent"}}
    collector = RedfishCollector(RedfishOptions(serve(supplied).url))
    devices = collector.open()
    assert read(collector, devices)[devices[0].id] == (380.5,)
    collector.close()


def test_a_reading_that_is_none_is_not_zero(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    controller.documents[f"{ONE}/EnvironmentMetrics"] = {"PowerWatts": {"Reading": None}}
    controller.documents[f"{ONE}/Power"] = {"PowerControl": [{"PowerConsumedWatts": 0}]}
    assert read(collector, devices[:1]) == {devices[0].id: (None, None, None)}
    collector.close()


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "wrong user or password"), (403, "the user may not"), (503, "it is busy"), (500, "status 500")],
)
def test_a_controller_that_refuses_is_a_sentence(serve: Serve, status: int, said: str) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    controller.status = status
    with pytest.raises(TryAgain, match=said) as caught:
        read(collector, devices)
    assert PASSWORD not in str(caught.value)
    controller.status = None
    collector.close()


def test_a_wrong_password_is_said_and_leaves_no_session(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = serve()
    monkeypatch.setenv("REDFISH_PASSWORD", "other")
    with pytest.raises(TryAgain, match=r"refuses to log in .*wrong user or password"):
        RedfishCollector(RedfishOptions(controller.url)).open()
    assert controller.tokens == set()


def test_documents_that_are_none_break_nothing(serve: Serve) -> None:
    for strange in (b"<html>", b"[]", b"null", b"{" * 100_000):
        documents = {**machine(), "/redfish/v1/Chassis": strange}
        with pytest.raises(Unavailable, match="no chassis of"):
            RedfishCollector(RedfishOptions(serve(documents).url)).open()


def test_nobody_there_no_name_and_no_credentials(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TryAgain, match="cannot be reached"):
        RedfishCollector(RedfishOptions("http://127.0.0.1:9")).open()
    with pytest.raises(Unavailable, match="no controller is named"):
        RedfishCollector().open()
    with pytest.raises(ConfigError, match="write https://HOST"):
        RedfishCollector(RedfishOptions("bmc1"))
    with pytest.raises(ConfigError, match="cannot use a password in the address") as caught:
        RedfishCollector(RedfishOptions("https://me:SECRET@bmc1"))
    assert "SECRET" not in str(caught.value)
    monkeypatch.delenv("REDFISH_PASSWORD")
    with pytest.raises(Unavailable, match="REDFISH_PASSWORD of the environment is not set"):
        RedfishCollector(RedfishOptions("http://127.0.0.1:9")).open()


def test_credentials_may_stand_in_a_file_that_nobody_else_reads(serve: Serve, tmp_path: Path) -> None:
    controller = serve()
    file = tmp_path / "bmc"
    file.write_text(f"{USER}:{PASSWORD}\n")
    file.chmod(0o644)
    options = RedfishOptions(controller.url, credentials=str(file))
    with pytest.raises(ConfigError, match="others may read it; chmod 600"):
        RedfishCollector(options).open()
    file.chmod(0o600)
    collector = RedfishCollector(options)
    assert len(collector.open()) == 2
    collector.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_of_its_own_is_taken_only_if_somebody_says_so(serve: Serve, tmp_path: Path) -> None:
    controller = serve()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=bmc",
         "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    controller.socket = context.wrap_socket(controller.socket, server_side=True)
    url = controller.url.replace("http:", "https:")
    with pytest.raises(TryAgain, match=r"has a certificate that is not trusted here \(verify=false"):
        RedfishCollector(RedfishOptions(url)).open()
    collector = RedfishCollector(RedfishOptions(url, verify=False))
    assert len(collector.open()) == 2
    collector.close()
