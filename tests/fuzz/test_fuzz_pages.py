"""Metrics pages of any content, from servers of any temper: a sentence at most, and what is right counts."""

from __future__ import annotations

import gzip
import json
import math
import random
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import perfwatch_collectors.fetching as fetching
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from perfwatch_collectors.page import PageCollector, PageOptions
from promises import Kept, at_most

from perfwatch.errors import TryAgain
from perfwatch.model import Buckets, Device, DeviceKind
from perfwatch.workload import exposition, growth
from perfwatch.workload.exposition import SERIES, Page, labels_of, number_of, without_label
from perfwatch.workload.growth import Growing
from perfwatch.workload.page import PageTally
from perfwatch.workload.quantities import parse_quantities

sys.path.append(str(Path(__file__).parent.parent / "collectors"))

from serving import Answer, Server, page, raw, serving

NAMED = "sure,latency=took_seconds,depth__gauge=depth"


class Read:
    """The pages of one server, one a second, and what they told."""

    def __init__(self, named: str = NAMED) -> None:
        device = Device("page", "http://x/metrics", DeviceKind.WORKLOAD)
        self.tally = PageTally(device, parse_quantities(named))
        self.kept = Kept([device], begins_anew=True)
        self.at_ns = 0

    def page(self, body: bytes) -> Kept:
        self.at_ns += 10**9
        return self.kept.take(self.tally.readings(Page(body), self.at_ns))


# -- what a page may hold ------------------------------------------------------------------------------

LABELS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,4}", fullmatch=True),
    st.text(st.sampled_from('le="\\,{} :=1a\n#é\ud7ff'), max_size=8) | st.text(max_size=8),
    max_size=4,
)
COUNTS = st.integers(0, 10**15) | st.floats(0, 1e15)


def shown(labels: dict[str, str]) -> str:
    """Labels as Prometheus' clients write them."""

    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items()) + "}"


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(LABELS, COUNTS), max_size=8), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_a_page_is_read_as_it_was_written(
    told: list[tuple[dict[str, str], float]], announced: bool, end: str
) -> None:
    head = f"# HELP n Of some kind.{end}# TYPE n counter{end}" if announced else ""
    body = head + "".join(f"n{shown(labels)} {value!r}{end}" for labels, value in told)
    found = [
        (labels_of(line.labels), line.value) for line in Page(body.encode("utf-8", "replace")).lines("n")
    ]
    expected = [
        ({name: value.encode("utf-8", "replace").decode() for name, value in labels.items()}, value)
        for labels, value in told
    ]
    assert found == expected


@settings(deadline=None, max_examples=200)
@given(LABELS.filter(lambda labels: "le" not in labels), st.floats(1e-9, 1e9), st.integers(0, 4))
@example({"x": "a le="}, 0.5, 1)
def test_the_bound_of_a_bucket_is_found_among_any_labels(
    labels: dict[str, str], bound: float, at: int
) -> None:
    items = list(labels.items())
    bucket = dict([*items[:at], ("le", repr(bound)), *items[at:]])
    own, value = without_label(shown(bucket)[1:-1].encode("utf-8", "replace"), "le")
    assert value == repr(bound)
    assert labels_of(own) == labels_of(shown(labels)[1:-1].encode("utf-8", "replace"))


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**6), min_size=1).map(dict),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_told_of_a_family_is_what_its_growth_says(pages: list[dict[str, int]]) -> None:
    """The tally of pages and the arithmetic that it rests on, from the text of the page on."""
    read, growing = Read("sure"), Growing()
    for told in pages:
        body = "".join(f'sure{{replica="{key}"}} {value}\n' for key, value in told.items())
        kept = read.page(body.encode())
        rows = {f'replica="{key}"'.encode(): (value,) for key, value in told.items()}
        assert kept.values["sure_total"] == growing.take(rows)[0]


VALUES = st.sampled_from(
    ["0", "1", "-1", "NaN", "+Inf", "-Inf", "1e308", "1e400", "-0", "1_0", "0x1", "", "7 1700000000000", "x"]
) | st.floats().map(repr)
NAMES = st.sampled_from(
    [
        "depth",
        "took_seconds_bucket",
        "took_seconds_sum",
        "took_seconds_count",
        "vllm:generation_tokens_total",
        "vllm:request_success_total",
        "vllm:e2e_request_latency_seconds_bucket",
        "vllm:num_requests_running",
        "nv_inference_request_success",
        "# TYPE took_seconds",
        "# TYPE vllm:request_success",
    ]
)
PARTS = st.sampled_from(
    [
        '{le="+Inf"}',
        '{le="0.1"}',
        '{le="NaN"}',
        '{le="-1"}',
        '{le="x",r="2"}',
        '{finished_reason="abort"}',
        "{",
        "}",
        "",
    ]
)
PIECES = st.one_of(
    st.builds(lambda name, part, value: f"{name}{part} {value}".encode(), NAMES, PARTS, VALUES),
    st.builds(
        lambda name, labels, value: f"{name}{shown(labels)} {value}".encode("utf-8", "replace"),
        NAMES,
        LABELS,
        VALUES,
    ),
    st.binary(max_size=40),
)
BODIES = st.lists(PIECES, max_size=12).map(b"\n".join)


@settings(deadline=None, max_examples=200)
@given(st.lists(BODIES, max_size=5), st.integers(1, 10**9))
def test_pages_of_any_content_keep_what_is_promised_and_what_is_right_is_read(
    bodies: list[bytes], count: int
) -> None:
    read = Read()
    for number, body in enumerate(bodies):
        read.page(body + b"\nsure %d\n" % (count + number))
        assert read.kept.values["sure_total"] == count + number
        assert all("\n" not in told for told in (*read.tally.missing(), *read.tally.no_counts()))
    read.tally.unknown(read.at_ns + 1)


@given(st.binary(max_size=12) | st.from_regex(rb"[-+0-9._eEnNaAiIfF]{1,12}", fullmatch=True))
def test_a_value_is_a_number_that_can_be_believed_or_none(text: bytes) -> None:
    value = number_of(text)
    assert value is None or (math.isfinite(value) and abs(value) <= 1e18)


# -- pages that are large ------------------------------------------------------------------------------


def test_a_family_that_is_announced_half_a_million_times_is_read_in_passing() -> None:
    """It took a minute: each announcement was put before all others."""
    body = b"\n# TYPE sure counter" * 250_000 + b"\nsure 7\n" + b"\n# TYPE b counter" * 250_000
    assert Read("sure").page(body).values == {"sure_total": 7}


def test_labels_of_a_megabyte_are_read_in_passing() -> None:
    """A name was looked for at each letter of what is none, up to the end of it each time."""
    body = b'sure{%s} 5\nsure{who="me"} 7\n' % (b"a" * 2**20)
    assert Read('sure{who="me"}').page(body).values == {"sure_total": 7}


def test_two_million_lines_of_one_name_take_little_more_room_than_the_page() -> None:
    body = b"sure 1\n" * 1_100_000
    with at_most(2 * len(body) / 2**20 + 12):
        assert len(Page(body).texts("sure")) == SERIES


def test_series_whose_long_labels_change_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "KEPT_BYTES", 100_000)
    read = Read('sure{a="1"},latency=took_seconds')
    for number in range(40):
        labels = f'a="1",b="{number}{"x" * 9000}"'
        buckets = f'took_seconds_bucket{{{labels},le="1"}} 1\ntook_seconds_bucket{{{labels},le="+Inf"}} 2\n'
        read.page(f"sure{{{labels}}} 3\n{buckets}".encode())
    assert read.kept.values["sure_total"] == 3 * 40
    assert read.kept.values["latency_seconds"] == Buckets((40, 80), None)
    for one in read.tally._looked_for:
        assert sum(map(len, one._growing._last)) <= 100_000
        assert one._wanted == one._histograms._buckets == {}


def test_short_labels_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "REMEMBERED", 50)
    read = Read('sure{a="1"}')
    for number in range(200):
        read.page(f'sure{{a="1",b="{number}"}} 1\n'.encode())
    assert read.kept.values["sure_total"] == 200
    assert len(read.tally._looked_for[0]._wanted) <= 50


# -- servers of any temper -----------------------------------------------------------------------------


class Watched:
    """A page collector on a server, with a second look each time."""

    opened: ClassVar[list[PageCollector]] = []

    def __init__(self, url: str) -> None:
        self.collector = PageCollector(PageOptions(f"{url}#sure"))
        self.opened.append(self.collector)
        self.kept = Kept(self.collector.open(), begins_anew=True)

    def read(self) -> str:
        """One poll; the reason why there is no page, or nothing."""
        said = ""
        try:
            self.kept.take(self.collector.read([]))
        except TryAgain as trouble:
            said = str(trouble)
        assert said == said[:1000]
        assert said.isprintable()
        return said


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


@pytest.fixture(autouse=True)
def _close_what_was_opened() -> Iterator[None]:
    yield
    while Watched.opened:
        Watched.opened.pop().close()


HEADERS = st.lists(
    st.sampled_from(
        [
            "Content-Encoding: gzip",
            "Content-Type: text/html",
            "Content-Type: \xff; charset=\xfe",
            "Transfer-Encoding: chunked",
            "Content-Length: 5",
            "Content-Length: -5",
            "Content-Length: 99999999999999999999999",
            "Location: /metrics",
            "Location: http://[::bad",
            "Location: http://xn--a/",
            "Location: \x01",
            "Set-Cookie: a=b; expires=Wed, 99 Xxx 99999 99:99:99 GMT",
            "Set-Cookie: \xff=\xfe; domain=[::",
            "WWW-Authenticate: Digest \xff",
            "Connection: close",
            "no header at all",
        ]
    ),
    max_size=4,
)
STATUS = st.sampled_from(
    [b"200 OK", b"200", b"302 Found", b"401 \xff", b"404 x", b"500 x", b"204 x", b"999 x", b"0 x"]
)
ANSWERS = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda status, headers, body: (
            b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, "\r\n".join(headers).encode("latin-1"), body)
        ),
        STATUS,
        HEADERS,
        BODIES,
    ),
)


@settings(deadline=None, max_examples=60)
@given(ANSWERS, st.integers(1, 10**9))
@example(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + json.dumps("sure 1\n\ud800\n").encode() + b"\n", 1)
def test_any_answer_costs_a_sentence_and_the_next_page_is_read(
    server: Server, answer: bytes, count: int
) -> None:
    server.answer = raw(answer)
    watched = Watched(server.url)
    said = watched.read()
    watched.read()
    assert len(watched.kept.notes) <= 1 + (not said)
    server.answer = page(f"sure {count}\n")
    assert watched.read() == ""
    assert watched.kept.values["sure_total"] == count


def test_half_of_a_pair_of_surrogates_in_a_page_of_json_is_no_end() -> None:
    body = json.dumps("sure 7\nother \ud800\n").encode()
    assert Read("sure").page(body).values == {"sure_total": 7}


def test_what_is_compressed_is_unpacked_up_to_the_size_of_a_page(server: Server) -> None:
    bomb = gzip.compress(b"sure 1\n" * 30_000_000)
    server.answer = page(bomb, headers="Content-Encoding: gzip\r\n")
    watched = Watched(server.url)
    with at_most(24):
        assert "more than 8 MB" in watched.read()


def _endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"sure 1\n\n" * 8192 + b"\r\n")


def _dripping_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Far: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.005)


def _ever_going_on(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def _a_long_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: and more\r\n" * 100)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (_endless, "more than 8 MB"),
        (_dripping_head, "takes longer than 0.2 s"),
        (_ever_going_on, "takes longer than 0.2 s"),
        (_a_long_head, "speaks no HTTP"),
    ],
)
def test_what_never_ends_is_left(
    server: Server, answer: Answer, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "WHOLE_S", 5.0 if answer is _endless else 0.2)
    watched = Watched(server.url)

    def until_it_is_left(connection: socket.socket) -> None:
        with suppress(OSError):
            answer(connection)

    server.answer = until_it_is_left
    with at_most(40):
        assert says in watched.read()
    assert len(watched.kept.notes) == 1


def test_cookies_are_not_kept(server: Server) -> None:
    """A server that sends new ones each time would fill the memory."""
    watched = Watched(server.url)
    for number in range(3):
        server.answer = page("sure 1\n", headers=f"Set-Cookie: c{number}=1\r\n")
        assert watched.read() == ""
    fetcher = watched.collector._fetcher
    assert isinstance(fetcher, fetching.Fetcher)
    assert len(fetcher._client.cookies.jar) == 0
    assert not any("cookie:" in head.lower() for head in server.requests[-3:])


def test_a_server_that_finds_a_new_reason_each_time_is_not_heard_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfwatch_collectors.page.SAID", 5)
    watched = Watched(server.url)
    for number in range(20):
        host = f"h{random.Random(number).random()}"
        server.answer = page("", status="302 Found", headers=f"Location: http://{host}.invalid/\r\n")
        assert "another host" in watched.read()
    assert len(watched.kept.notes) == 5
