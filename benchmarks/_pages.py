"""A metrics page on a server in another process, and what the usual parser of such pages takes for it."""

from __future__ import annotations

import http.server
import statistics
import time
from multiprocessing.connection import Connection


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
