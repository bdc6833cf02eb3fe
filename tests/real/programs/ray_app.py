"""A deployment on Ray Serve: it adds up, and breaks when it is asked for less than nothing.

    python ray_app.py PORT METRICS_PORT

It prints `serving` once it answers, and ends Ray's processes when it is asked to end.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import ray
from ray import serve

if TYPE_CHECKING:
    from starlette.requests import Request

MEMORY_BYTES = 200_000_000


@serve.deployment
class Adder:
    """Answers with the sum of the numbers up to `n`."""

    async def __call__(self, request: Request) -> int:
        n = int((await request.json())["n"])
        if n < 0:
            raise ValueError("less than nothing")
        return sum(range(n))


def main() -> None:
    port, metrics_port = map(int, sys.argv[1:])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=MEMORY_BYTES,
        _node_ip_address="127.0.0.1",
        _metrics_export_port=metrics_port,
    )
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(Adder.bind())
        print("serving", flush=True)
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
    finally:
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    main()
