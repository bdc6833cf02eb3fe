"""Which server's metrics page is this, and which of its series are its work?

A server is recognised by how the names on its page begin; several may stand on one page (Triton with the vLLM
backend, an engine inside Ray Serve). What each counts, under old and new names, is in
`perfwatch.workload.token_servers` and `perfwatch.workload.model_servers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfwatch.workload.exposition import Page
from perfwatch.workload.quantities import Quantity

PATHS = ("/metrics", "/prometheus/metrics", "/monitoring/prometheus/metrics")
"""Where servers have their page: nearly all; TensorRT-LLM and others; TensorFlow Serving."""


@dataclass(frozen=True)
class Server:
    """A server whose page is known.

    Args:
        name: as people call it.
        begins: how names on its page begin, one of which is enough.
        quantities: its work; of several with one name the first that is found is used.
        leads: those that count before the same of another server on the page: what comes in at the front.
        at_the_end: work that is counted when a query ends, not as it is done.
        counts_twice: the label whose values count one query several times where they work together, and
            what these are (an ensemble and its members).
    """

    name: str
    begins: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    leads: tuple[str, ...] = ()
    at_the_end: tuple[str, ...] = ()
    counts_twice: tuple[str, str] | None = None


def every_server() -> tuple[Server, ...]:
    """All that are known; on a page with several of them the earlier ones count first."""
    from perfwatch.workload.model_servers import MODEL_SERVERS  # late: they are built on this module
    from perfwatch.workload.token_servers import TOKEN_SERVERS

    return (*TOKEN_SERVERS, *MODEL_SERVERS)


def recognised(page: Page) -> list[Server]:
    """The servers whose names are on a page."""
    return [server for server in every_server() if any(map(page.begins, server.begins))]


def quantities_of(servers: Sequence[Server]) -> list[Quantity]:
    """What to look for on a page of these servers, in the order in which it counts."""
    leading = [one for server in servers for one in server.quantities if one.name in server.leads]
    following = [one for server in servers for one in server.quantities if one.name not in server.leads]
    return [*leading, *following]
