"""A metrics page on a server in another process, and what the usual parser of such pages takes for it."""

from __future__ import annotations

import http.server
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfwatch.collector import Collector
    from perfwatch.model import Reading


def serve(page: bytes, port: Connection) -> None:
    """Serve this page to everybody, in a process of its own; the port is told first."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port.send(server.server_port)
        server.serve_forever()


def reads_ms(
    page: bytes, reads: int, collector_of: Callable[[str], Collector], check: Callable[[list[Reading]], None]
) -> list[float]:
    """CPU of this process for each read of a page by a collector, ms.

    Args:
        collector_of: made with the page's address.
        check: called with what each read told.
    """
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(page, theirs), daemon=True)
    server.start()
    collector = collector_of(f"http://127.0.0.1:{ours.recv()}/metrics")
    devices = collector.open()
    took = []
    for turn in range(reads + 1):
        before_s = time.process_time()
        readings = list(collector.read(devices))
        if turn:  # the first one declares, or is that of the opening
            took.append(1000.0 * (time.process_time() - before_s))
        check(readings)
    collector.close()
    server.terminate()
    return took


def parsed_ms(page: bytes, times: int) -> float | None:
    """What prometheus-client's parser takes for a page, median CPU in ms; None where it is not installed."""
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        return None
    took = []
    text = page.decode()
    for _ in range(times):
        before_s = time.process_time()
        for family in text_string_to_metric_families(text):
            len(family.samples)
        took.append(time.process_time() - before_s)
    return 1000.0 * statistics.median(took)
