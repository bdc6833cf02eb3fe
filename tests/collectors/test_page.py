"""A server's page, read over a real connection from servers of every temper."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import perfwatch_collectors.fetching as fetching_module
import pytest
from derive.build import Session
from perfwatch_collectors.fetching import checked_url, shown
from perfwatch_collectors.page import PageCollector, PageOptions
from serving import Server, by_path, page, raw, serving

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Appeared, Buckets, Device, DeviceKind, Event, Reading, Sample
from perfwatch.session import format as fmt
from perfwatch.testing import FakeClock, check_contract
from perfwatch.workload.exposition import Page
from perfwatch.workload.page import PageTally
from perfwatch.workload.processes import KNOWN

PAGES = Path(__file__).parent.parent / "data" / "pages"
VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="tiny"} 3.0
vllm:num_requests_running{engine="1",model_name="tiny"} 1.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="tiny"} 0.0
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="tiny"} 640.0
# TYPE vllm:prompt_tokens_created gauge
vllm:prompt_tokens_created{engine="0",model_name="tiny"} 1.7951960087597368e+09
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="tiny"} 1000.0
vllm:generation_tokens_total{engine="1",model_name="tiny"} 500.0
# TYPE vllm:request_success_total counter
vllm:request_success_total{engine="0",finished_reason="stop",model_name="tiny"} 7.0
vllm:request_success_total{engine="0",finished_reason="length",model_name="tiny"} 4.0
vllm:request_success_total{engine="0",finished_reason="abort",model_name="tiny"} 2.0
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_sum{engine="0",model_name="tiny"} 99.0
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1",model_name="tiny"} 5.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="1.0",model_name="tiny"} 9.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="tiny"} 11.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="tiny"} 11.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="tiny"} 6.5
vllm:time_to_first_token_seconds_bucket{engine="1",le="0.1",model_name="tiny"} 1.0
vllm:time_to_first_token_seconds_bucket{engine="1",le="1.0",model_name="tiny"} 1.0
vllm:time_to_first_token_seconds_bucket{engine="1",le="+Inf",model_name="tiny"} 1.0
vllm:time_to_first_token_seconds_sum{engine="1",model_name="tiny"} 0.05
"""


class Watched:
    """A page collector on a server, with what came out of it."""

    opened: ClassVar[list[PageCollector]] = []

    def __init__(self, url: str) -> None:
        self.collector = PageCollector(PageOptions(url))
        self.opened.append(self.collector)
        self.devices = self.collector.open()
        self.device = self.devices[0]
        self.names: list[str] = []
        self.rows: list[dict[str, Any]] = []
        self.metrics: dict[str, Any] = {}
        self.notes: list[str] = []
        self.codes: list[str] = []

    def read(self) -> dict[str, Any]:
        """One poll; the values of its last sample by metric."""
        before = len(self.rows)
        for reading in self.collector.read(self.devices):
            self._take(reading)
        return self.rows[-1] if len(self.rows) > before else {}

    def trouble(self) -> str:
        """One poll that must fail; the reason."""
        with pytest.raises(TryAgain) as caught:
            self.read()
        return str(caught.value)

    def _take(self, reading: Reading) -> None:
        if isinstance(reading, Appeared):
            self.device = reading.device
            self.metrics = {metric.name: metric for metric in reading.device.metrics}
        elif isinstance(reading, Sample):
            self.rows.append(dict(zip(self.metrics, reading.values, strict=True)))
        elif isinstance(reading, Event):
            self.notes.append(reading.fields["text"])
            self.codes += [reading.fields["code"]] if "code" in reading.fields else []


@pytest.fixture(autouse=True)
def _close_what_was_opened() -> Iterator[None]:
    yield
    while Watched.opened:
        Watched.opened.pop().close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


# -- what a page says --------------------------------------------------------------------------------


def test_it_keeps_the_contract(server: Server) -> None:
    server.answer = page(VLLM)
    assert check_contract(PageCollector(PageOptions(server.url))) == "ok"
    assert check_contract(PageCollector()) == "absent"


def test_vllms_names_need_not_be_named_and_its_engines_are_added(server: Server) -> None:
    server.answer = page(VLLM)
    watched = Watched(server.url)
    row = watched.read()
    assert row["generated_tokens_total"] == 1500
    assert row["prompt_tokens_total"] == 640
    assert (row["running"], row["waiting"]) == (4, 0)
    assert (row["queries_total"], row["errors_total"]) == (11, 2)
    assert watched.metrics["time_to_first_token_seconds"].bounds == (0.1, 1.0)
    assert row["time_to_first_token_seconds"] == Buckets((6, 10, 12), 6.55)
    assert isinstance(row["generated_tokens_total"], int)


def test_the_older_name_of_inter_token_latency_is_known(server: Server) -> None:
    old = "vllm:time_per_output_token_seconds"
    server.answer = page(f'{old}_bucket{{le="0.01"}} 3\n{old}_bucket{{le="+Inf"}} 4\n{old}_sum 0.1\n')
    assert Watched(server.url).read() == {"inter_token_latency_seconds": Buckets((3, 4), 0.1)}


def test_a_server_alone_means_its_metrics_page(server: Server) -> None:
    server.answer = page(VLLM)
    Watched(f"http://127.0.0.1:{server.port}").read()
    assert server.requests[0].startswith("GET /metrics HTTP/1.1")


@pytest.mark.parametrize("path", ["/prometheus/metrics", "/monitoring/prometheus/metrics"])
@pytest.mark.parametrize("first", ["404", "JSON"])
def test_of_a_server_alone_the_page_is_found_where_others_have_it(
    server: Server, path: str, first: str
) -> None:
    answers = {path: page(VLLM)}
    if first == "JSON":  # TensorRT-LLM's own statistics
        answers["/metrics"] = page('[{"iter": 1}]', content_type="application/json")
    server.answer = by_path(server, answers)
    watched = Watched(f"http://127.0.0.1:{server.port}")
    assert watched.read()["generated_tokens_total"] == 1500
    assert watched.read()["generated_tokens_total"] == 1500
    assert [head.split(" ")[1] for head in server.requests][-2:] == [path, path]
    assert watched.device.name == f"http://127.0.0.1:{server.port}{path}"
    assert watched.notes == []


def test_a_path_that_is_named_is_the_only_one_that_is_asked(server: Server) -> None:
    server.answer = by_path(server, {"/prometheus/metrics": page(VLLM)})
    assert "status 404; is the path right?" in Watched(server.url).trouble()
    assert {head.split(" ")[1] for head in server.requests} == {"/metrics"}


def test_a_server_that_is_not_up_yet_is_found_at_its_place_later(server: Server) -> None:
    server.answer = by_path(server, {})
    watched = Watched(f"http://127.0.0.1:{server.port}")
    assert "status 404" in watched.trouble()
    server.answer = by_path(server, {"/prometheus/metrics": page(VLLM)})
    assert watched.read()["generated_tokens_total"] == 1500


def test_parts_that_may_call_each_other_are_said_once(server: Server) -> None:
    name = "nv_inference_request_success"
    server.answer = page(f'# TYPE {name} counter\n{name}{{model="pre"}} 5\n{name}{{model="all"}} 5\n')
    watched = Watched(server.url)
    assert watched.read()["queries_total"] == 10
    watched.read()
    (said,) = watched.notes
    assert "counts the queries of 2 models (all, pre)" in said
    assert f'#: queries={name}{{model="all"}}' in said
    picked = Watched(f'{server.url}#queries={name}{{model="all"}}')
    assert picked.read()["queries_total"] == 5
    assert picked.notes == []


def test_a_page_that_comes_as_one_json_string_is_read(server: Server) -> None:
    server.answer = page(json.dumps(VLLM), content_type="application/json")
    assert Watched(server.url).read()["generated_tokens_total"] == 1500


def test_one_connection_is_kept(server: Server) -> None:
    server.answer = page(VLLM)
    watched = Watched(server.url)
    for _ in range(5):
        watched.read()
    assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.parametrize(
    ("file", "named", "expected"),
    [
        ("bentoml", "queries=bentoml_service_request_total", {"queries_total": 2616}),
        ("bentoml", "bentoml_service_request", {"bentoml_service_request_total": 2616}),
        ("bentoml", 'queries=bentoml_service_request_total{http_response_code="500"}', {"queries_total": 0}),
        ("llama-server", "steps=llamacpp:n_decode_total", {"steps_total": 7293}),
    ],
)
def test_any_counter_can_be_named_and_comes_before_what_is_known(
    server: Server, file: str, named: str, expected: dict[str, Any]
) -> None:
    server.answer = page((PAGES / f"{file}.prom").read_bytes())
    row = Watched(f"{server.url}#{named}").read()
    assert expected.items() <= row.items()


def test_a_histogram_can_be_named_in_seconds_or_milliseconds(server: Server) -> None:
    server.answer = page((PAGES / "bentoml.prom").read_bytes())
    watched = Watched(f"{server.url}#latency=bentoml_service_request_duration_seconds")
    told = watched.read()["latency_seconds"]
    assert told.counts[-1] == 2616
    assert told.sum == pytest.approx(10.20698888399238)
    body = 'took_ms_bucket{le="10"} 1\ntook_ms_bucket{le="+Inf"} 2\ntook_ms_sum 30\n'
    server.answer = page(body)
    for written in ("latency=took_ms", "latency__ms=took_ms"):
        watched = Watched(f"{server.url}#{written}")
        assert watched.read() == {"latency_seconds": Buckets((1, 2), 0.03)}
        assert watched.metrics["latency_seconds"].bounds == (0.01,)


def test_several_series_named_at_once_stand_beside_each_other(server: Server) -> None:
    server.answer = page('a_total{x="1,2"} 3\na_total{x="}"} 4\nload 0.5\n')
    row = Watched(f'{server.url}#queries=a_total{{x="1,2"}},all=a_total,depth__gauge=load').read()
    assert row == {"queries_total": 3, "all_total": 7, "depth": 0.5}


def test_a_name_of_ones_own_takes_the_place_of_the_known_one(server: Server) -> None:
    server.answer = page(VLLM + "mine_total 77\n")
    row = Watched(f"{server.url}#queries=mine_total").read()
    assert row["queries_total"] == 77
    assert row["generated_tokens_total"] == 1500


# -- counters that restart, come and go ----------------------------------------------------------------


def totals(server: Server, *bodies: str) -> list[Any]:
    """What `n` counts, page after page."""
    watched = Watched(f"{server.url}#n")
    for body in bodies:
        server.answer = page(body)
        watched.read()
    return [row["n_total"] for row in watched.rows]


def counted(told: list[Any]) -> Any:
    """How far a recorded counter moved: where it falls it began anew, and its new value counts."""
    known = [value for value in told if value is not None]
    return sum(now - before if now >= before else now for before, now in pairwise(known))


def test_a_part_that_restarts_adds_what_it_counted_since_and_the_recording_shows_it(server: Server) -> None:
    before, after = 'n{r="1"} 1000\nn{r="2"} 600\n', 'n{r="1"} 1010\nn{r="2"} 5\n'
    assert totals(server, before, after) == [1600, 15]
    assert counted([1600, 15]) == 15


@pytest.mark.parametrize(
    ("pages", "count"),
    [
        (['n{path="a"} 10\nn{path="b"} 3\n', 'n{path="a"} 7\nn{path="b"} 5\n'], 12),
        (['n{path="a"} 10\nn{path="b"} 3\n', 'n{path="a"} 3\nn{path="b"} 9\n'], 12),
        (['n{path="a"} 600\nn{path="b"} 120\n', 'n{path="a"} 180\nn{path="b"} 400\n'], 580),
        (['n{worker="a"} 10\nn{worker="b"} 3\n', 'n{worker="a"} 7\nn{worker="b"} 5\n'], 9),
        (['n{model="a"} 100000\nn{model="b"} 5000\n', 'n{model="a"} 100050\nn{model="b"} 3\n'], 53),
    ],
)
def test_a_restart_that_one_series_shows_is_one_of_its_process(
    server: Server, pages: list[str], count: int
) -> None:
    """Unless a label tells their processes apart, or the other can only have gone on."""
    assert counted(totals(server, *pages)) == count


def test_a_restart_that_one_counter_shows_is_one_of_every_other_on_the_page(server: Server) -> None:
    watched = Watched(f"{server.url}#n,m,latency=took_seconds")
    took = 'took_seconds_bucket{{le="1"}} {0}\ntook_seconds_bucket{{le="+Inf"}} {0}\ntook_seconds_sum {0}\n'
    for n, m, times in [(100, 30, 30), (20, 40, 50)]:
        server.answer = page(f"n {n}\nm {m}\n" + took.format(times))
        watched.read()
    assert counted([row["n_total"] for row in watched.rows]) == 20
    assert counted([row["m_total"] for row in watched.rows]) == 40
    assert [row["latency_seconds"] for row in watched.rows] == [
        Buckets((30, 30), 30.0),
        Buckets((0, 0), 0.0),
        Buckets((50, 50), 50.0),
    ]


@pytest.mark.parametrize(
    "announced", ["", "# TYPE n counter\n", "# TYPE n counter\n# TYPE n_created gauge\n"]
)
def test_a_restart_is_seen_by_when_the_series_were_created(server: Server, announced: str) -> None:
    def told(a: int, b: int, made: float) -> str:
        lines = [f'n_total{{path="{path}"}} {value}\n' for path, value in (("a", a), ("b", b))]
        made_at = [f'n_created{{path="{path}"}} {made + at}\n' for at, path in enumerate("ab")]
        if announced.count("#") < 2:
            return announced + "".join(line for pair in zip(lines, made_at, strict=True) for line in pair)
        counter, gauge = announced.splitlines(keepends=True)
        return counter + "".join(lines) + gauge + "".join(made_at)

    watched = Watched(f"{server.url}#n")
    for a, b, made in [(1000, 120, 1.7e9), (1001, 120, 1.7e9), (1060, 520, 1.7e9 + 500)]:
        server.answer = page(told(a, b, made))
        watched.read()
    assert counted([row["n_total"] for row in watched.rows]) == 1 + 1580
    assert watched.codes == ["counter-reset"]


def test_a_part_alone_began_anew_where_the_process_is_known_to_go_on(server: Server) -> None:
    started = "process_start_time_seconds 1000\n"
    pages = ['n{path="a"} 10\nn{path="b"} 3\n', 'n{path="a"} 7\nn{path="b"} 5\n']
    assert counted(totals(server, *(started + each for each in pages))) == 9


def test_a_series_that_leaves_subtracts_nothing_and_adds_nothing_when_it_is_back(server: Server) -> None:
    both, one = 'n{r="1"} 10\nn{r="2"} 20\n', 'n{r="1"} 11\n'
    assert totals(server, both, one, 'n{r="1"} 11\nn{r="2"} 22\n') == [30, 31, 33]


def test_a_server_that_restarts_is_recorded_as_a_counter_that_falls(server: Server) -> None:
    assert totals(server, "n 100\n", "n 4\n", "n 6\n") == [100, 4, 6]


def test_a_restart_that_the_values_hide_is_seen_by_the_process_start(server: Server) -> None:
    first = "n 5\nprocess_start_time_seconds 1000\n"
    assert totals(server, first, "n 50\nprocess_start_time_seconds 2000\n") == [5, 0, 50]


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-5", "123NaN", "1e300"])
def test_what_is_no_count_is_unknown_and_not_zero(server: Server, value: str) -> None:
    counter = "# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{} {}\n"
    running = 'vllm:num_requests_running{engine="0"} 1\n'
    server.answer = page(counter.format("", value) + running)
    watched = Watched(server.url)
    assert "generated_tokens_total" not in watched.read()
    (note,) = watched.notes
    assert note.startswith("vllm:generation_tokens_total on the page ")
    assert note.endswith("is no count (not a number, or below zero): it is unknown, not zero")


@pytest.mark.parametrize(("name", "named"), [("vllm:generation_tokens_total", ""), ("n", "#queries=n")])
@pytest.mark.parametrize("announced", ["", "# TYPE {} counter\n"])
def test_a_page_whose_only_counter_is_no_count_is_told_so(
    server: Server, name: str, named: str, announced: str
) -> None:
    server.answer = page(announced.format(name) + f"{name} NaN\n")
    watched = Watched(server.url + named)
    assert f"{name} on the page" in watched.trouble()
    assert len(watched.notes) == 1
    assert watched.notes[0].endswith("is no count (not a number, or below zero): it is unknown, not zero")


def test_a_family_that_comes_later_began_at_zero(server: Server) -> None:
    watched = Watched(f"{server.url}#m,n")
    server.answer = page("m 1\n")
    watched.read()
    server.answer = page("m 2\nn 3\n")
    watched.read()
    assert [row.get("n_total") for row in watched.rows] == [None, 0, 3]


def test_a_family_that_is_there_after_a_gap_has_no_made_up_beginning(server: Server) -> None:
    watched = Watched(f"{server.url}#m,n")
    server.answer = page("m 1\n")
    watched.read()
    server.answer = page("", status="500 Internal Server Error")
    watched.trouble()
    server.answer = page("m 2\nn 3\n")
    watched.read()
    assert [row.get("n_total") for row in watched.rows] == [None, None, 3]


def test_a_page_that_has_no_known_counter_yet_is_read_and_one_that_is_none_is_not(server: Server) -> None:
    watched = Watched(f"{server.url}#m")
    server.answer = page("nothing here\n")
    watched.trouble()
    assert watched.rows == []
    server.answer = page("other 1\n")
    watched.trouble()
    server.answer = page("other 1\nm 2\n")
    watched.read()
    assert watched.rows == [{}, {"m_total": 0}, {"m_total": 2}]


def test_what_a_page_does_not_say_any_more_is_unknown_and_not_zero(server: Server) -> None:
    watched = Watched(f"{server.url}#m,n")
    server.answer = page("m 1\nn 2\n")
    watched.read()
    server.answer = page("m 1\nn NaN\n")
    assert watched.read() == {"m_total": 1, "n_total": None}
    server.answer = page("nothing here\n")
    watched.trouble()
    server.answer = page("n 9\n")
    assert watched.read() == {"m_total": None, "n_total": 9}


def test_one_of_two_engines_that_begins_anew_is_said_once(server: Server) -> None:
    watched = Watched(f"{server.url}#m")
    for first, second in [(10, 20), (30, 40), (50, 2), (70, 30)]:
        server.answer = page(f'm{{engine="0"}} {first}\nm{{engine="1"}} {second}\n')
        watched.read()
    assert counted([row["m_total"] for row in watched.rows]) == 70 + 40 + 30 - 30
    assert watched.codes == ["counter-reset"]
    assert "one of several counters" in watched.notes[0]


def test_several_processes_behind_one_address_are_said_to_be_so(server: Server) -> None:
    watched = Watched(f"{server.url}#m")
    for turn in range(25):
        server.answer = page(f"m {100 * turn + 50 * (turn % 2)}\n")
        watched.read()
    assert watched.codes == [], "it only grew"
    for turn in range(25):
        server.answer = page(f"m {10 * turn + 5000 * (turn % 2)}\n")
        watched.read()
    assert watched.codes == ["work-disagrees"]
    assert "several processes seem to answer behind one address" in watched.notes[-1]


def behind_a_balancer(server: Server, turns: list[int], told: list[Any]) -> Watched:
    """A page that processes answer in turn; `told` gives the page of a process at a turn."""
    watched = Watched(f"{server.url}#m")
    for at, which in enumerate(turns):
        server.answer = page(told[which](at))
        watched.read()
    return watched


@pytest.mark.parametrize("starts", [(1000, 2000, 3000), (3000, 2000, 1000), (2000, 3000, 1000)])
@pytest.mark.parametrize("told_by", ["process_start_time_seconds", "m_created"])
def test_the_processes_behind_a_balancer_are_counted_each_by_itself(
    server: Server, starts: tuple[int, ...], told_by: str
) -> None:
    def process(base: int, start: int) -> Any:
        return lambda at: f"# TYPE m counter\nm {base + 10 * at}\n# TYPE {told_by} gauge\n{told_by} {start}\n"

    told = [process(base, start) for base, start in zip((100, 5000, 70_000), starts, strict=True)]
    watched = behind_a_balancer(server, [0, 1, 2] * 8, told)
    assert counted([row["m_total"] for row in watched.rows]) == 3 * 210
    assert [code for code in watched.codes if code == "work-disagrees"] == []
    assert watched.device.facts["processes"] == "3"
    assert any("several processes answer behind this address in turn" in note for note in watched.notes)


def test_a_process_that_came_up_since_counts_from_its_begin_whoever_answers(server: Server) -> None:
    now = time.time()
    old = lambda at: f"m {1000 + at}\nprocess_start_time_seconds {now - 900}\n"  # noqa: E731
    new = lambda at: f"m {50 + at}\nprocess_start_time_seconds {now + 5}\n"  # noqa: E731
    watched = behind_a_balancer(server, [0, 0, 1, 0, 1, 0], [old, new])
    assert counted([row["m_total"] for row in watched.rows]) == 5 + 54


def test_more_processes_than_are_told_apart_fill_no_memory(server: Server) -> None:
    told = [lambda at, one=one: f"m 7\nprocess_start_time_seconds {one}\n" for one in range(1, 101)]
    watched = behind_a_balancer(server, list(range(100)), told)
    tally: Any = watched.collector._tally
    (group,) = tally._processes._groups.values()
    assert len(group.known) <= KNOWN
    assert len(list(tally._looked_for[0]._growing.series)) <= KNOWN


def test_where_more_processes_answer_than_are_told_apart_it_is_said(server: Server) -> None:
    told = [lambda at, one=one: f"m 7\nprocess_start_time_seconds {one}\n" for one in range(40, 0, -1)]
    watched = behind_a_balancer(server, list(range(40)), told)
    assert watched.codes == ["work-disagrees"]
    assert f"more than {KNOWN} processes answer" in watched.notes[-1]


def test_a_histogram_of_several_processes_grows_by_what_each_observed(server: Server) -> None:
    watched = Watched(f"{server.url}#latency=took_seconds")
    session = Session()
    number = session.workload("page", [], [])
    for at in range(12):
        base, start = [(100, 1000), (7000, 2000), (900, 500)][at % 3]
        server.answer = page(
            histogram_page("0.1", "1", each=base + 10 * at) + f"process_start_time_seconds {start}\n"
        )
        before = len(watched.rows)
        watched.read()
        if not at:
            device = replace(watched.device, id=session.tape().devices[number].device.id)
            session.records.append({"t": 0.0, "device": fmt.encode_device(number, "page", device)})
        for row in watched.rows[before:]:
            told_first = row is not watched.rows[-1]
            session.sample(number, float(at - told_first), row["latency_seconds"])
    session.job(0.0, 11.0)
    latency = session.summary(window="job")["latency"]["latency"]
    assert latency["count"] == pytest.approx(3 * 3 * 90)
    assert latency["mean_s"] == pytest.approx(1 / 3)


def histogram_page(*bounds: str, each: int) -> str:
    name = "took_seconds_bucket"
    rows = [f'{name}{{le="{bound}"}} {each * (at + 1)}\n' for at, bound in enumerate((*bounds, "+Inf"))]
    return "".join(rows) + f"took_seconds_sum {each}\n"


def test_a_histogram_with_other_bounds_after_a_restart_goes_on_with_those_that_are_left(
    server: Server,
) -> None:
    watched = Watched(f"{server.url}#latency=took_seconds")
    told = []
    for body in [
        histogram_page("0.1", "1", "2", each=10),
        histogram_page("0.1", "0.5", "2", each=20),
        histogram_page("0.1", "0.5", "2", each=25),
    ]:
        server.answer = page(body)
        watched.read()
        told.append(watched.metrics["latency_seconds"].bounds)
    assert told == [(0.1, 1.0, 2.0), (0.1, 2.0), (0.1, 2.0)]
    assert [row["latency_seconds"] for row in watched.rows] == [
        Buckets((10, 20, 30, 40), 10.0),
        Buckets((0, 0, 0), 0.0),
        Buckets((20, 60, 80), 20.0),
        Buckets((25, 75, 100), 25.0),
    ]


def test_histograms_that_share_no_bound_have_a_mean_and_the_reason_is_said(server: Server) -> None:
    watched = Watched(f"{server.url}#latency=took_seconds")
    for body in (histogram_page("0.1", each=10), histogram_page("0.5", each=20)):
        server.answer = page(body)
        watched.read()
    assert watched.rows[-1] == {"latency_seconds": Buckets((40,), 20.0)}
    assert any("no bound in common: there are no percentiles" in note for note in watched.notes)


# -- servers of every temper ---------------------------------------------------------------------------

GARBAGE = bytes(range(256)) * 50


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page("", status="500 Internal Server Error"), "status 500"),
        (page("", status="404 Not Found"), "is the path right?"),
        (page("", status="401 Unauthorized"), "USER:PASSWORD"),
        (page("<html></html>", content_type="text/html; charset=utf-8"), "HTML"),
        (page(""), "holds no metrics"),
        (page(GARBAGE), "holds no metrics"),
        (page('[{"iter": 3}]', content_type="application/json"), "/prometheus/metrics"),
        (page("# TYPE foo_total counter\nfoo_total 3\n"), "for example foo_total"),
        (raw(GARBAGE), "speaks no HTTP"),
        (raw(b""), "broke off"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nvllm:generation_tokens_total 5"), "broke off"),
        (raw(b"HTTP/1.1 200 OK\r\n\r\nvllm:generation_tokens_total 12"), "broke off within a line"),
        (page(VLLM, headers="Content-Encoding: gzip\r\n"), "says that it comes with gzip, and does not"),
        (page(VLLM, headers="Content-Encoding: br\r\n"), "comes compressed (br)"),
        (page(VLLM, headers="Content-Encoding: zstd\r\n"), "send it as it is or with gzip"),
        (page(gzip.compress(VLLM.encode())[:-9], headers="Content-Encoding: gzip\r\n"), "broke off within"),
        (page("", status="302 Found", headers="Location: http://example.invalid/m\r\n"), "example.invalid"),
        (page("", status="302 Found", headers="Location: /metrics\r\n"), "more than 5 times"),
        (page("", status="302 Found"), "status 302"),
        (page("", status="302 Found", headers="Location: http://[::bad\r\n"), "page"),
    ],
)
def test_a_server_that_gives_no_page_costs_one_sentence(server: Server, answer: Any, says: str) -> None:
    server.answer = answer
    watched = Watched(server.url)
    reason = watched.trouble()
    assert says in reason
    assert "\n" not in reason
    assert reason.isprintable()
    assert not any(watched.rows)
    watched.trouble()
    assert len(watched.notes) == 1


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(VLLM.encode())),
        ("X-GZIP", gzip.compress(VLLM.encode())),
        ("deflate", zlib.compress(VLLM.encode())),
    ],
)
def test_a_page_that_comes_compressed_is_read(server: Server, encoding: str, packed: bytes) -> None:
    server.answer = page(packed, headers=f"Content-Encoding: {encoding}\r\n")
    watched = Watched(server.url)
    assert watched.read()["generated_tokens_total"] == 1500
    assert watched.notes == []


@pytest.mark.parametrize("reset", [False, True])
def test_a_kept_connection_that_ends_when_it_is_used_again_costs_no_reading(
    server: Server, *, reset: bool
) -> None:
    server.answer = page("n 1\n")
    watched = Watched(f"{server.url}#n")
    watched.read()

    def end_once(connection: socket.socket) -> None:
        server.answer = page("n 2\n")
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        else:
            connection.shutdown(socket.SHUT_RDWR)

    server.answer = end_once
    assert watched.read() == {"n_total": 2}
    assert (len(server.requests), server.connections) == (3, 2)


def test_a_server_that_ends_every_new_connection_is_not_asked_again_and_again(server: Server) -> None:
    server.answer = raw(b"")
    Watched(server.url).trouble()
    assert len(server.requests) == 1


def test_a_redirect_on_the_same_host_is_followed_with_its_password(server: Server) -> None:
    def answer(connection: socket.socket) -> None:
        moved = page("", status="307 Temporary Redirect", headers="Location: /metrics/\r\n")
        (page(VLLM) if "GET /metrics/ " in server.requests[-1] else moved)(connection)

    server.answer = answer
    watched = Watched(f"http://user:pass@127.0.0.1:{server.port}/metrics")
    assert watched.read()["generated_tokens_total"] == 1500
    assert all("authorization: basic dxnlcjpwyxnz" in request.lower() for request in server.requests)


def test_a_redirect_to_another_port_is_not_told_the_password(server: Server) -> None:
    with closing(Server()) as other:
        other.answer = page(VLLM)
        moved = f"Location: http://127.0.0.1:{other.port}/metrics\r\n"
        server.answer = page("", status="302 Found", headers=moved)
        trouble = Watched(f"http://user:pass@127.0.0.1:{server.port}/metrics").trouble()
        assert (
            "to http at another port, where the password would go as well; name that page itself" in trouble
        )
        assert other.requests == []
        assert Watched(server.url).read()["generated_tokens_total"] == 1500  # who asks is no secret here


def test_a_page_of_50_mb_is_cut_and_said(server: Server) -> None:
    sent = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
        try:
            for _ in range(50):
                connection.sendall(b"vllm:generation_tokens_total 1\n" * 33825)
        finally:
            sent.set()

    server.answer = answer
    watched = Watched(server.url)
    assert "more than 8 MB and was cut" in watched.trouble()
    assert watched.rows == []
    assert sent.wait(30)


def test_a_server_that_hangs_is_left_after_its_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching_module, "ANSWER_S", 0.05)
    released = threading.Event()
    server.answer = lambda connection: released.wait(30) and None
    assert "gave no answer within 0.05 s" in Watched(server.url).trouble()
    released.set()


def test_a_page_that_drips_is_left_after_its_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching_module, "WHOLE_S", 0.1)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.005)

    server.answer = drip
    assert "takes longer than 0.1 s" in Watched(server.url).trouble()


def test_a_server_that_comes_later_is_found_and_one_that_went_is_waited_for() -> None:
    with serving(page("n 7\n")) as first:
        port = first.port
    watched = Watched(f"http://127.0.0.1:{port}/metrics#n")
    assert "does not answer (connection refused)" in watched.trouble()
    with serving(page("n 7\n"), port):
        assert watched.read() == {"n_total": 7}
    assert "page" in watched.trouble()
    assert watched.rows[-1] == {"n_total": None}
    with serving(page("n 9\n"), port):
        assert watched.read() == {"n_total": 9}


@pytest.mark.parametrize(("age_s", "told"), [(0.0, [0, 7]), (3600.0, [7])])
def test_what_a_server_counted_since_it_was_started_counts_where_it_tells_when(
    age_s: float, told: list[int]
) -> None:
    with serving(page("n 7\n")) as first:
        port = first.port
    watched = Watched(f"http://127.0.0.1:{port}/metrics#n")
    assert "connection refused" in watched.trouble()
    with serving(page(f"n 7\nprocess_start_time_seconds {time.time() - age_s}\n"), port):
        watched.read()
    assert [row["n_total"] for row in watched.rows if row.get("n_total") is not None] == told


def test_a_host_without_address_is_one_sentence() -> None:
    assert "does not answer" in Watched("http://no-such-host.invalid/metrics").trouble()


def test_no_proxy_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.answer = page("n 1\n")
    assert Watched(f"{server.url}#n").read() == {"n_total": 1}


def test_a_series_that_is_not_there_is_said_and_the_others_are_read(server: Server) -> None:
    server.answer = page(VLLM)
    watched = Watched(f"{server.url}#mine=foo_total")
    assert watched.read()["generated_tokens_total"] == 1500
    watched.read()
    assert len(watched.notes) == 1
    assert "has no foo_total" in watched.notes[0]


def test_a_page_with_a_hundred_thousand_series_is_read_in_passing(server: Server) -> None:
    noise = "".join(f'other_total{{route="/{n}"}} {n}\n' for n in range(100_000))
    server.answer = page(noise[: 5 * 2**20].rpartition("\n")[0] + "\n" + VLLM)
    assert Watched(server.url).read()["generated_tokens_total"] == 1500


# -- addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "http://", "ftp://host/x", "http://host:99999/", "http://a b/", "http://[::1/m"]
)
def test_what_is_no_address_gets_one_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match=r"such as http://127\.0\.0\.1:8000/metrics"):
        checked_url(url)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("queries=", "queries=my_requests_total"),
        ("a b", "write NAME=SERIES"),
        ('n{x="1"', "write NAME=SERIES"),
        ("queries__rate=foo", "totals, gauges and timings"),
        ("queries__msec=foo", "did you mean queries__ms"),
    ],
)
def test_what_names_no_series_gets_one_sentence(named: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        PageCollector(PageOptions(f"http://127.0.0.1:1/metrics#{named}"))


@pytest.mark.parametrize(
    "url",
    [
        "http://user:SECRET@host:8000/metrics",
        "http://host:8000/metrics?key=SECRET",
        "https://SECRET@host/metrics?a=SECRET#queries=n",
        "SECRET@host",
        "http://user:p/SECRET@host/metrics",
        "http://user:SECRET?SECRET@host",
    ],
)
def test_no_secret_of_an_address_is_shown(url: str) -> None:
    assert "SECRET" not in shown(url)


def test_no_secret_is_in_a_reason_or_in_the_device(server: Server) -> None:
    server.answer = page("", status="500 Oops")
    url = f"http://user:SECRET@127.0.0.1:{server.port}/metrics?key=SECRET"
    watched = Watched(url)
    told = [watched.trouble(), *watched.notes, repr(watched.devices)]
    server.close()
    told.append(watched.trouble())
    assert "SECRET" not in " ".join(told)
    assert "GET /metrics?key=SECRET" in server.requests[0]


def test_without_an_address_there_is_nothing_to_read() -> None:
    with pytest.raises(Unavailable):
        PageCollector(clock=FakeClock()).open()


def test_a_restart_is_not_forgotten_while_the_series_is_away(server: Server) -> None:
    pages = [
        "n 5\nm 1\nprocess_start_time_seconds 1000\n",
        "m 1\nprocess_start_time_seconds 2000\n",
        "n 50\nm 1\nprocess_start_time_seconds 2000\n",
    ]
    watched = Watched(f"{server.url}#n,m")
    for body in pages:
        server.answer = page(body)
        watched.read()
    assert [row["n_total"] for row in watched.rows if row["n_total"] is not None] == [5, 0, 50]
    assert watched.codes == ["counter-reset"]


def test_labels_are_a_set_in_whatever_order_they_are_written() -> None:
    """A server that writes its labels in another order has no other series."""
    name = "vllm:e2e_request_latency_seconds"
    tally = PageTally(Device("page", "page", DeviceKind.WORKLOAD))
    readings: list[Reading] = []
    for at, labels in enumerate(['a="1",b="x,y"', 'b="x,y", a="1"', 'a="1",b="x,y"']):
        count = 5 * (at + 1)
        body = f"vllm:request_success_total{{{labels}}} {count}\n{name}_sum{{{labels}}} {count}\n"
        body += "".join(f'{name}_bucket{{{labels},le="{bound}"}} {count}\n' for bound in ("1", "+Inf"))
        readings = tally.readings(Page(body.encode()), at * 10**9)
    sample = readings[-1]
    assert isinstance(sample, Sample)
    values = dict(zip([metric.name for metric in tally.device.metrics], sample.values, strict=True))
    assert values["queries_total"] == 15
    assert values["latency_seconds"] == Buckets((15, 15), 15.0)


def test_a_server_that_refuses_once_is_asked_again_at_once() -> None:
    """Its last reading of a run would be lost otherwise."""
    answers = [page("vllm:request_success_total 1\n"), raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")]
    answers += [page("vllm:request_success_total 4\n"), *([answers[1]] * 9)]

    def answer(connection: Any) -> None:
        answers.pop(0)(connection)

    with serving(answer) as server:
        collector = PageCollector(PageOptions(server.url))
        devices = collector.open()
        list(collector.read(devices))
        (sample,) = [one for one in collector.read(devices) if isinstance(one, Sample)]
        assert 4 in sample.values
        with pytest.raises(TryAgain, match="status 503"):
            list(collector.read(devices))
        asked = len(server.requests)
        with pytest.raises(TryAgain, match="status 503"):
            list(collector.read(devices))
        assert len(server.requests) == asked + 1, "a server that is in trouble is not asked twice as often"
        collector.close()
