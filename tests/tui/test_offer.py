"""Is a server that was found offered, counted from then on, and offered no more?"""

from __future__ import annotations

from typing import Any

from sources.test_found import VLLM, serving

from perfwatch.cli.feeds import LiveFeed
from perfwatch.scene import Scene
from perfwatch.sources.found import Finder
from perfwatch.sources.listening import Listener
from perfwatch.sources.live import LiveSource


class _Feed:
    """A feed on a live source of its own, with a finder that knows one server."""

    def __init__(self, port: int) -> None:
        self.scene = Scene()
        self.live = LiveSource([], [self.scene], interval_s=60.0)
        self.finder = Finder(lambda: [Listener("127.0.0.1", port, "1")])
        self.feed = LiveFeed(self.live, self.scene, self.finder)

    def __enter__(self) -> _Feed:
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def frame(self) -> Any:
        return self.feed.ask((), None).result(10.0)


def test_nothing_is_offered_until_a_server_is_found() -> None:
    with _Feed(1) as one:
        assert one.feed.offer == ""
        assert one.feed.take_offer() == ""
        assert one.live.runners == []


def test_a_server_that_is_added_is_counted_and_said_in_the_recording() -> None:
    with serving(VLLM) as port, _Feed(port) as one:
        one.finder.look()
        url = f"http://127.0.0.1:{port}/metrics"
        assert one.feed.offer == url
        assert one.feed.take_offer() == url
        assert one.feed.offer == ""
        assert one.live.wait_open(10.0) == []
        one.live.read_work(10.0)
        frame = one.frame()
        (server,) = frame.workloads
        assert server.value("generated_tokens_total") == 12.0
        assert [event.fields["text"] for event in frame.events if event.kind == "note"] == [
            f"a person added {url}"
        ]


def test_once_work_is_counted_nothing_is_offered_any_more() -> None:
    with serving(VLLM) as port, _Feed(port) as one:
        one.finder.look()
        one.feed.take_offer()
        one.live.wait_open(10.0)
        one.live.read_work(10.0)
        one.frame()
        one.finder.found = "http://127.0.0.1:1/metrics"
        assert one.feed.offer == ""
