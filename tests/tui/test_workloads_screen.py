"""Workloads: rates, totals, queries in work and latencies of each source."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from looking import SIZES, declared, fits_everywhere, line_with, look, sample, scene

from perfwatch import metrics as m
from perfwatch.derive.latency import Latency
from perfwatch.derive.workload_now import Timed, WorkloadNow
from perfwatch.model import Device, DeviceKind, Histogram, Kind, Metric, Scope, Unit
from perfwatch.objectives import JUDGED, JUDGED_GOOD
from perfwatch.scene import Scene
from perfwatch.session import format as fmt
from perfwatch.tui.draw import kept
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import Row, plain
from perfwatch.tui.screens import run, workloads
from perfwatch.tui.view import View
from perfwatch.workload.histogram import Observations

TOLD = (
    m.QUERIES,
    m.PROMPT_TOKENS,
    m.GENERATED_TOKENS,
    m.ERRORS,
    m.RUNNING,
    m.WAITING,
    m.LATENCY,
)


def server(number: int = 0, name: str = "vLLM llama") -> Device:
    return Device(
        f"http://localhost:{8000 + number}", name, DeviceKind.WORKLOAD, number, TOLD, facts={"work": "page"}
    )


def timings(count: int, seed: int) -> Histogram:
    rng = random.Random(seed)
    gathered = Observations()
    gathered.observe_all([rng.uniform(0.19, 0.21) for _ in range(count)])
    taken = gathered.take()
    assert taken is not None
    return taken


def serving(seconds: int = 120, *, count: int = 1, failed: int = 0) -> Scene:
    made = scene(*(declared(number, "page", server(number)) for number in range(count)))
    for t in range(seconds):
        for number in range(count):
            values = (20 * t, 10_000 * t, 2_000 * t, failed, 12, 3, timings(20, t))
            made.write(sample(number, float(t), *values))
    return made


def test_rates_totals_queue_and_percentiles_stand_with_their_units():
    lines = look(workloads.draw, serving(), 119.0)
    assert lines[0].startswith("page:0  vLLM llama ")
    assert line_with(lines, "queries").split()[1:5] == ["20.0", "/s", "2", "380"]
    assert "10 000 /s   1 190 000" in line_with(lines, "tokens in")
    assert "2 000 /s     238 000" in line_with(lines, "tokens out  ")
    assert "running     12  waiting      3" in "\n".join(lines)
    p50, p90, p99 = next(line for line in lines if line.startswith("latency")).split(" ms")[:3]
    assert abs(float(p50.split()[-1]) - 200) <= 2
    assert abs(float(p90) - 208) <= 3
    assert abs(float(p99) - 210) <= 3


def test_the_charts_show_the_rate_and_each_percentile_over_time():
    for size in SIZES[1:]:
        text = "\n".join(look(workloads.draw, serving(), 119.0, size))
        for title in ("tokens out /s", "latency p50", "latency p90", "latency p99"):
            assert title in text
        assert "⣿" in text


def test_a_percentile_that_too_few_queries_tell_is_not_drawn():
    rare = scene(declared(0, "page", server()))
    for t in range(60):
        rare.write(sample(0, float(t), t, t, t, 0, 1, 0, timings(1, t)))
    lines = look(workloads.draw, rare, 59.0, (120, 40))
    assert "too few to tell" in line_with(lines, "latency p99")
    assert "too few to tell" not in line_with(lines, "latency p50")


def test_every_size_shows_rates_and_latencies():
    for size in SIZES:
        text = "\n".join(look(workloads.draw, serving(), 119.0, size))
        assert "2 000 /s" in text
        assert "200 ms" in text
    fits_everywhere(workloads.draw, serving(), 119.0)


def test_failed_queries_are_marked_by_a_sign():
    failing = scene(declared(0, "page", server()))
    for t in range(10):
        failing.write(sample(0, float(t), t, t, t, max(0, t - 4), 1, 0, None))
    assert line_with(look(workloads.draw, failing, 9.0), "errors").startswith("errors !")
    assert line_with(look(workloads.draw, serving(), 119.0), "errors").startswith("errors  ")


def test_a_server_that_does_not_answer_says_why_and_for_how_long_and_its_old_rate_is_not_told():
    seen = serving()
    fields = {"collector": "page", "device_id": server().id, "state": "retrying", "reason": "it answered 500"}
    seen.write(fmt.event(119.5, "status", fields))
    lines = look(workloads.draw, seen, 200.0)
    assert "retrying: it answered 500" in lines[0]
    assert "read 81 s ago" in lines[0]
    assert line_with(lines, "queries").split()[1] == "–"
    styles = {
        span.style for row in workloads.draw(seen.frame(200.0), View(), (80, 24), Book()) for span in row
    }
    assert "stale" in styles


def test_a_workload_that_is_gone_takes_one_line():
    seen = serving(count=2)
    seen.write(fmt.event(119.5, "gone", {"n": 0, "reason": "closed"}))
    lines = look(workloads.draw, seen, 120.0)
    assert "gone: closed" in lines[0]
    assert lines[2].startswith("▸ page:1") or lines[2].startswith("page:1")


def test_the_selected_workload_is_in_sight():
    seen = serving(30, count=6)
    assert "page:0" in look(workloads.draw, seen, 29.0, (80, 12))[0]
    assert any("▸ page:5" in line for line in look(workloads.draw, seen, 29.0, (80, 12), selected=5))
    assert any("▸ page:5" in line for line in look(workloads.draw, seen, 29.0, (80, 12), selected=900))


def test_workloads_are_filtered_and_ordered():
    seen = scene(declared(0, "page", server(0, "small")), declared(1, "page", server(1, "large")))
    for t in range(40):
        for number in (0, 1):
            seen.write(sample(number, float(t), t * (number + 1), 0, 0, 0, 1, 5 - number, None))

    def names(**view):
        return [one.device.name for one in workloads.listed(seen.frame(39.0), View(**view))]

    assert names() == ["small", "large"]
    assert names(sort={"workloads": "rate"}) == ["large", "small"]
    assert names(sort={"workloads": "-rate"}) == ["small", "large"]
    assert names(sort={"workloads": "waiting"}) == ["small", "large"]
    assert names(filter="LARGE") == ["large"]
    assert workloads.rows(seen.frame(39.0), View(filter="LARGE")) == 1
    assert "None of 2 workloads matches zz" in look(workloads.draw, seen, 39.0, filter="zz")[0]


def several(by_workload: dict[str, list[str]]) -> Scene:
    """Two servers and two boards of 100 W."""
    board = Device("GPU-0", "H100", DeviceKind.ACCELERATOR, 0, (m.ENERGY,), scope=Scope.ACCELERATOR)
    other = replace(board, id="GPU-1", index=1)
    made = scene(
        declared(0, "page", server(0)),
        declared(1, "page", server(1)),
        declared(2, "nvidia", board),
        declared(3, "nvidia", other),
    )
    made.write(fmt.event(0.0, "job", {"what": "begin", "pid": 1}))
    told = {"ids": ["GPU-0", "GPU-1"], "because": "", "guessed": False, "shared": {}}
    made.write(fmt.event(0.0, "devices", {**told, "by_workload": by_workload}))
    for t in range(40):
        for number in (0, 1):
            made.write(sample(number, float(t), t, 0, 50 * t * (number + 1), 0, 0, 0, None))
            made.write(sample(2 + number, float(t), 100.0 * t))
    return made


def test_each_of_several_servers_stands_beside_the_energy_of_its_own_devices():
    pages = {server(0).id: ["GPU-0"], server(1).id: ["GPU-1"]}
    lines = look(workloads.draw, several(pages), 39.0, (120, 40))
    assert line_with(lines, "0.500 tok/J now, 0.500 in the run")
    assert line_with(lines, "1.00 tok/J now, 1.00 in the run")
    assert line_with(lines, "on nvidia:1")
    fits_everywhere(workloads.draw, several(pages), 39.0)


def test_servers_that_share_a_device_are_told_to():
    pages = {server(0).id: ["GPU-0"], server(1).id: ["GPU-0", "GPU-1"]}
    text = "\n".join(look(workloads.draw, several(pages), 39.0, (120, 40)))
    assert text.count("no ratio of its own: nvidia:0 also serves ") == 2
    assert "tok/J" not in text


def test_a_server_whose_devices_are_not_seen_has_no_ratio():
    text = "\n".join(look(workloads.draw, several({server(0).id: ["GPU-0"]}), 39.0, (120, 40)))
    assert text.count("its devices are not seen: no ratio of its own") == 1


def test_without_a_workload_it_says_how_to_tell_work():
    lines = look(workloads.draw, scene(), 1.0)
    assert "perfwatch run -w URL -- COMMAND" in lines[1]
    assert not any(lines[3:])


def test_hostile_names_and_metrics_of_their_own_are_harmless():
    own = (
        Metric("evil\x1b[2J_total", Unit.COUNT, Kind.COUNTER),
        Metric("queue\u202edepth", Unit.COUNT, Kind.GAUGE),
        Metric("zürich_seconds", Unit.SECOND, Kind.HISTOGRAM),
    )
    device = Device("x", "日本\x1b]0;t\x07" * 20, DeviceKind.WORKLOAD, 0, own)
    seen = scene(declared(0, "statsd", device))
    for t in range(5):
        seen.write(sample(0, float(t), t, 1.0, timings(3, t)))
    fits_everywhere(workloads.draw, seen, 5.0)
    assert "evil" in "\n".join(look(workloads.draw, seen, 5.0))


def test_how_much_keeps_to_the_objectives_stands_under_the_times():
    made = Scene()
    header = fmt.header(session_id="s", monotonic_ns=0, time_ns=0, host="lab1", perfwatch="0", interval_s=1.0)
    made.write({**header, "settings": {"slo": {"latency": 0.2}}})
    made.write(declared(0, "page", server()))
    for t in range(60):
        made.write(sample(0, float(t), 20 * t, 0, 0, 0, 1, 0, timings(20, t)))
    line = line_with(look(workloads.draw, made, 59.0), "≤")
    told = re.match(r"latency ≤ 200 ms (\d+)-(\d+) %, run (\d+)-(\d+) %", line)
    assert told is not None, line
    assert all(40 <= int(share) <= 60 for share in told.groups()), "the timings lie evenly around it"
    assert not any("≤" in one for one in look(workloads.draw, serving(), 119.0))


def judged(shown: Callable[..., list[Row]]) -> list[str]:
    """A client whose queries are held against two objectives: 40 of 60 come so, of late all of them."""
    made = Scene()
    header = fmt.header(session_id="s", monotonic_ns=0, time_ns=0, host="lab1", perfwatch="0", interval_s=1.0)
    made.write({**header, "settings": {"slo": {"latency": 0.25, "time_to_first_token": 0.1}}})
    told = (m.QUERIES, *(Metric(f"{name}_total", Unit.COUNT, Kind.COUNTER) for name in (JUDGED, JUDGED_GOOD)))
    device = Device(
        "client",
        "client",
        DeviceKind.WORKLOAD,
        0,
        (*told, m.LATENCY, m.TIME_TO_FIRST_TOKEN),
        facts={"work": "statsd"},
    )
    made.write(declared(0, "statsd", device))
    for t in range(61):
        made.write(sample(0, float(t), t, t, max(0, t - 20), timings(1, t), timings(1, t)))
    return look(shown, made, 60.0, size=(120, 38))


def test_whole_queries_that_were_judged_are_a_share_and_no_work():
    lines = judged(workloads.draw)
    assert "latency ≤ 250 ms 100 %, run 100 %" in "\n".join(lines)
    assert "time to first token ≤ 100 ms 0 %, run 0 %" in "\n".join(lines)
    assert "all objectives 100 %, run 67 %" in "\n".join(lines)
    assert not any("slo" in line for line in lines)


def test_every_gauge_has_room_and_the_cache_its_name():
    gauges = (m.RUNNING, m.WAITING, Metric("kv_cache_usage_ratio", Unit.RATIO, Kind.GAUGE))
    device = Device("x", "vLLM", DeviceKind.WORKLOAD, 0, (m.QUERIES, *gauges), facts={"work": "page"})
    seen = scene(declared(0, "page", device))
    for t in range(5):
        seen.write(sample(0, float(t), t, 12, 3, 0.875))
    for size in SIZES:
        assert "KV cache in use   88 %" in "\n".join(look(workloads.draw, seen, 5.0, size=size))


def test_the_screen_of_the_run_tells_of_the_objectives_too():
    assert "all objectives 100 %, run 67 %" in "\n".join(judged(run.draw))


def test_of_a_client_and_a_page_the_client_tells_how_much_keeps_to_the_objectives():
    late, early = (
        Latency(10, None, None, None, {}, within={0.2: (kept_to, kept_to)}) for kept_to in (0.0, 10.0)
    )
    works = [
        WorkloadNow(kind, timed=(Timed("latency", "latency_seconds", told, told),))
        for kind, told in (("page", late), ("statsd", early))
    ]
    assert [plain(row).rstrip() for row in kept.lines(works, 60)] == ["latency ≤ 200 ms 100 %, run 100 %"]


def test_a_training_shows_how_long_it_has_trained():
    log = Device(
        "mllog", "train.log", DeviceKind.WORKLOAD, 0, (m.work_counter("samples"),), facts={"work": "mlperf"}
    )
    training = scene(declared(0, "mllog", log))
    for t in range(200):
        training.write(sample(0, float(t), 64 * t))
    assert "time to train" not in "\n".join(look(workloads.draw, training, 197.0))
    training.write(fmt.event(20.0, "mark", {"name": "measure", "edge": "begin", "origin": "mllog"}))
    assert "time to train 2 min 58 s so far" in "\n".join(look(workloads.draw, training, 198.0))
    training.write(fmt.event(140.0, "mark", {"name": "measure", "edge": "end", "origin": "mllog"}))
    lines = look(workloads.draw, training, 199.0)
    assert "so far" not in line_with(lines, "time to train")
    fits_everywhere(workloads.draw, training, 199.0)
