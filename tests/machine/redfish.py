"""A management controller that speaks Redfish, for tests: documents, sessions and moods."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
        self.refuses_sessions: int | None = None
        self.broken: set[str] = set()
        """Documents that cannot be had: status 500."""
        self.slow_s, self.slow_after = 0.0, 0
        """So long each document takes, after so many that came at once."""
        self.delete_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Controller

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.refuses_sessions is not None:
            self._send(self.server.refuses_sessions, {})
        elif not self.server.has_sessions:
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
        if self.server.asked > self.server.slow_after:
            time.sleep(self.server.slow_s)
        basic = self.headers.get("Authorization", "").startswith("Basic")
        if self.server.status is not None:
            self._send(self.server.status, {})
        elif not basic and self.headers.get("X-Auth-Token") not in self.server.tokens:
            self._send(401, {})
        elif self.path in self.server.broken:
            self._send(500, {})
        elif self.path in self.server.documents:
            self._send(200, self.server.documents[self.path])
        else:
            self._send(404, {})

    def do_DELETE(self) -> None:
        time.sleep(self.server.delete_s)
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


@contextmanager
def running(documents: dict[str, Any] | None = None, **how: Any) -> Iterator[Controller]:
    """A controller, of `machine()` where nothing else is said, that answers until the end of the block."""
    one = Controller(machine() if documents is None else documents, **how)
    threading.Thread(target=one.serve_forever, daemon=True).start()
    try:
        yield one
    finally:
        one.shutdown()
        one.server_close()
