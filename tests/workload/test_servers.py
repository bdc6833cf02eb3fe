"""Servers that are known by their metrics pages: each one's work, under old and new names, with its traps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from derive.build import Session

from perfwatch.model import Appeared, Buckets, Device, DeviceKind, Sample
from perfwatch.workload.exposition import Page
from perfwatch.workload.page import PageTally
from perfwatch.workload.servers import every_server, recognised

PAGES = Path(__file__).parent.parent / "data" / "pages"
DEVICE = Device("page", "http://127.0.0.1:8000/metrics", DeviceKind.WORKLOAD)


class Told:
    """What the pages of one server add up to."""

    def __init__(self) -> None:
        self.tally = PageTally(DEVICE)
        self._at_s = 0

    def read(self, body: str) -> dict[str, Any]:
        self._at_s += 1
        readings = self.tally.readings(Page(body.encode()), self._at_s * 10**9)
        names = [metric.name for metric in self.tally.device.metrics]
        samples = [one for one in readings if isinstance(one, Sample) and one.at_ns == self._at_s * 10**9]
        assert all(isinstance(one, (Sample, Appeared)) for one in readings)
        row = dict(zip(names, samples[-1].values, strict=True)) if samples else {}
        return {name: value for name, value in row.items() if value is not None}


def told(body: str) -> dict[str, Any]:
    return Told().read(body)


def histogram(name: str, *counts: float, total: float, labels: str = "", bounds: str = "0.1 1 +Inf") -> str:
    rows = [
        f'{name}_bucket{{{labels}le="{bound}"}} {count}'
        for bound, count in zip(bounds.split(), counts, strict=True)
    ]
    own = f"{{{labels.rstrip(',')}}}" if labels else ""
    return "\n".join(
        [f"# TYPE {name} histogram", *rows, f"{name}_sum{own} {total}", f"{name}_count{own} {counts[-1]}", ""]
    )


SGLANG = (
    """\
# TYPE sglang:prompt_tokens_total counter
sglang:prompt_tokens_total{model_name="m"} 640
# TYPE sglang:generation_tokens_total counter
sglang:generation_tokens_total{model_name="m"} 1500
# TYPE sglang:num_requests_total counter
sglang:num_requests_total{model_name="m",is_streaming="true"} 9
sglang:num_requests_total{model_name="m",is_streaming="false"} 3
# TYPE sglang:num_aborted_requests_total counter
sglang:num_aborted_requests_total{model_name="m"} 1
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{tp_rank="0",pp_rank="0",dp_rank="0"} 4
sglang:num_running_reqs{tp_rank="1",pp_rank="0",dp_rank="0"} 4
sglang:num_running_reqs{tp_rank="0",pp_rank="0",dp_rank="1"} 3
sglang:num_running_reqs{tp_rank="1",pp_rank="0",dp_rank="1"} 3
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{tp_rank="0"} 2
sglang:num_queue_reqs{tp_rank="1"} 2
# TYPE sglang:token_usage gauge
sglang:token_usage{tp_rank="0"} 0.25
sglang:token_usage{tp_rank="1"} 0.25
"""
    + histogram("sglang:time_to_first_token_seconds", 5, 11, 12, total=3.0)
    + histogram("sglang:e2e_request_latency_seconds", 1, 8, 12, total=9.0)
)
TRTLLM = """\
trtllm_request_success_total{model_name="m",engine_type="pytorch",finished_reason="length"} 7
trtllm_request_success_total{model_name="m",engine_type="pytorch",finished_reason="stop"} 5
trtllm_request_success_total{model_name="m",engine_type="pytorch",finished_reason="timeout"} 2
trtllm_num_requests_running{model_name="m"} 2
trtllm_kv_cache_utilization{model_name="m"} 0.5
""" + histogram("trtllm_e2e_request_latency_seconds", 1, 8, 12, total=9.0)
TRITON = """\
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="a",version="1"} 100
nv_inference_request_success{model="b",version="1"} 20
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="a",version="1",reason="REJECTED"} 2
nv_inference_request_failure{model="a",version="1",reason="OTHER"} 1
# TYPE nv_inference_count counter
nv_inference_count{model="a",version="1"} 800
nv_inference_count{model="b",version="1"} 20
# TYPE nv_inference_exec_count counter
nv_inference_exec_count{model="a",version="1"} 50
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{model="a",version="1"} 6
# TYPE nv_inference_request_duration_us counter
nv_inference_request_duration_us{model="a",version="1"} 500000
nv_inference_request_duration_us{model="b",version="1"} 100000
# TYPE nv_inference_queue_duration_us counter
nv_inference_queue_duration_us{model="a",version="1"} 60000
nv_inference_queue_duration_us{model="b",version="1"} 0
"""
VLLM_IN_TRITON = """\
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{model="a",version="1"} 6400
# TYPE vllm:request_success_total counter
vllm:request_success_total{model="a",version="1",finished_reason="length"} 400
""" + histogram("vllm:e2e_request_latency_seconds", 10, 90, 100, total=60.0)
TGI = """\
# TYPE tgi_request_count counter
tgi_request_count{method="generate"} 14
# TYPE tgi_request_success counter
tgi_request_success{method="generate"} 12
# TYPE tgi_request_failure counter
tgi_request_failure{err="validation"} 2
# TYPE tgi_queue_size gauge
tgi_queue_size 3
# TYPE tgi_batch_current_size gauge
tgi_batch_current_size 4
# TYPE tgi_request_input_length histogram
tgi_request_input_length_bucket{le="+Inf"} 12
tgi_request_input_length_sum 640
tgi_request_input_length_count 12
# TYPE tgi_request_generated_tokens histogram
tgi_request_generated_tokens_bucket{le="+Inf"} 12
tgi_request_generated_tokens_sum 1500
tgi_request_generated_tokens_count 12
""" + histogram("tgi_request_duration", 1, 8, 12, total=9.0)
TENSORFLOW = """\
# TYPE :tensorflow:serving:request_count counter
:tensorflow:serving:request_count{model_name="m",status="OK"} 40
:tensorflow:serving:request_count{model_name="m",status="INVALID_ARGUMENT"} 2
# TYPE :tensorflow:serving:request_latency histogram
:tensorflow:serving:request_latency_bucket{model_name="m",API="Predict",entrypoint="REST",le="1000"} 10
:tensorflow:serving:request_latency_bucket{model_name="m",API="Predict",entrypoint="REST",le="20000"} 40
:tensorflow:serving:request_latency_bucket{model_name="m",API="Predict",entrypoint="REST",le="+Inf"} 40
:tensorflow:serving:request_latency_sum{model_name="m",API="Predict",entrypoint="REST"} 80000
:tensorflow:serving:request_latency_count{model_name="m",API="Predict",entrypoint="REST"} 40
"""
RAY = """\
# TYPE ray_serve_num_http_requests_total counter
ray_serve_num_http_requests_total{application="app",method="POST",route="/",status_code="200"} 7343
ray_serve_num_http_requests_total{application="app",method="POST",route="/",status_code="500"} 3
ray_serve_num_http_requests_total{application="",method="GET",route="/-/healthz",status_code="200"} 99
# TYPE ray_serve_num_http_error_requests_total counter
ray_serve_num_http_error_requests_total{application="app",error_code="500",method="POST",route="/"} 3
# TYPE ray_serve_num_grpc_requests_total counter
ray_serve_num_grpc_requests_total{application="app",method="Predict",status_code="StatusCode.OK"} 10
ray_serve_num_grpc_requests_total{application="app",method="Predict",status_code="StatusCode.INTERNAL"} 4
# TYPE ray_serve_deployment_request_counter_total counter
ray_serve_deployment_request_counter_total{application="app",deployment="D",replica="x"} 5448
# TYPE ray_serve_deployment_queued_queries gauge
ray_serve_deployment_queued_queries{application="app",deployment="D"} 2
# TYPE ray_serve_http_request_latency_ms histogram
ray_serve_http_request_latency_ms_bucket{application="app",le="10.0"} 7000
ray_serve_http_request_latency_ms_bucket{application="app",le="+Inf"} 7346
ray_serve_http_request_latency_ms_sum{application="app"} 36730.0
ray_serve_http_request_latency_ms_count{application="app"} 7346
"""
MLSERVER = """\
# TYPE model_infer_request_success_total counter
model_infer_request_success_total{model="m",version="None"} 645.0
# TYPE model_infer_request_success_created gauge
model_infer_request_success_created{model="m",version="None"} 1.79e+09
# TYPE model_infer_request_failure_total counter
model_infer_request_failure_total{model="m",version="None"} 2.0
# TYPE model_infer_request_duration summary
model_infer_request_duration_count{model="m",version="None"} 647.0
model_infer_request_duration_sum{model="m",version="None"} 3.235
"""
OVMS = """\
# TYPE ovms_requests_success counter
ovms_requests_success{api="KServe",interface="REST",method="ModelInfer",name="m",version="1"} 500
ovms_requests_success{api="KServe",interface="REST",method="ServerReady",name="m",version="1"} 77
ovms_requests_success{api="TensorFlowServing",interface="gRPC",method="Predict",name="m",version="1"} 30
# TYPE ovms_requests_fail counter
ovms_requests_fail{api="KServe",interface="REST",method="ModelInfer",name="m",version="1"} 4
# TYPE ovms_current_requests gauge
ovms_current_requests{name="m",version="1"} 3
# TYPE ovms_request_time_us histogram
ovms_request_time_us_bucket{interface="REST",name="m",le="1000"} 100
ovms_request_time_us_bucket{interface="REST",name="m",le="+Inf"} 530
ovms_request_time_us_sum{interface="REST",name="m"} 1060000
ovms_request_time_us_count{interface="REST",name="m"} 530
"""
KSERVE = histogram("request_predict_seconds", 40, 50, 50, total=2.5, labels='model_name="m",')
FURIOSA = """\
# TYPE furiosa_llm_request_success_total counter
furiosa_llm_request_success_total{engine="0",model_name="m",finished_reason="stop"} 12
# TYPE furiosa_llm_generation_tokens_total counter
furiosa_llm_generation_tokens_total{engine="0",model_name="m"} 1500
# TYPE furiosa_llm_kv_cache_usage_percent gauge
furiosa_llm_kv_cache_usage_percent{engine="0"} 0.25
"""
DYNAMO = """\
# TYPE dynamo_frontend_requests_total counter
dynamo_frontend_requests_total{endpoint="chat",model="m",request_type="stream",status="success"} 12
dynamo_frontend_requests_total{endpoint="chat",model="m",request_type="stream",status="error"} 2
# TYPE dynamo_frontend_output_tokens_total counter
dynamo_frontend_output_tokens_total{model="m"} 1500
# TYPE dynamo_frontend_input_sequence_tokens histogram
dynamo_frontend_input_sequence_tokens_bucket{model="m",le="+Inf"} 12
dynamo_frontend_input_sequence_tokens_sum{model="m"} 640
dynamo_frontend_input_sequence_tokens_count{model="m"} 12
# TYPE dynamo_frontend_inflight_requests gauge
dynamo_frontend_inflight_requests{model="m"} 4
"""
LITELLM = """\
# TYPE litellm_proxy_total_requests_metric_total counter
litellm_proxy_total_requests_metric_total{route="/chat/completions",status_code="200"} 12
litellm_proxy_total_requests_metric_total{route="/user/new",status_code="200"} 1
# TYPE litellm_deployment_success_responses_total counter
litellm_deployment_success_responses_total{litellm_model_name="m"} 12
# TYPE litellm_output_tokens_metric_total counter
litellm_output_tokens_metric_total{model="m"} 1500
# TYPE litellm_input_tokens_metric_total counter
litellm_input_tokens_metric_total{model="m"} 640
# TYPE litellm_remaining_tokens_metric gauge
litellm_remaining_tokens_metric{model="m"} 9.223372036854776e+18
"""
BOUNDS_S = Buckets((1, 8, 12), 9.0)

CASES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "SGLang",
        SGLANG,
        {
            "generated_tokens_total": 1500,
            "prompt_tokens_total": 640,
            "queries_total": 12,
            "errors_total": 1,
            "running": 7,
            "waiting": 2,
            "kv_cache_usage_ratio": 0.25,
            "time_to_first_token_seconds": Buckets((5, 11, 12), 3.0),
            "latency_seconds": BOUNDS_S,
        },
    ),
    ("SGLang", SGLANG.replace("sglang:", "sglang_"), {"generated_tokens_total": 1500, "running": 7}),
    (
        "TensorRT-LLM",
        TRTLLM,
        {
            "queries_total": 12,
            "errors_total": 2,
            "running": 2,
            "kv_cache_usage_ratio": 0.5,
            "latency_seconds": BOUNDS_S,
        },
    ),
    (
        "NVIDIA Triton",
        TRITON,
        {
            "queries_total": 120,
            "errors_total": 3,
            "samples_total": 820,
            "waiting": 6,
            "latency_seconds": Buckets((120,), pytest.approx(0.6)),
            "queue_time_seconds": Buckets((120,), pytest.approx(0.06)),
        },
    ),
    (
        "TGI",
        TGI,
        {
            "generated_tokens_total": 1500,
            "prompt_tokens_total": 640,
            "queries_total": 12,
            "errors_total": 2,
            "running": 4,
            "waiting": 3,
            "latency_seconds": BOUNDS_S,
        },
    ),
    (
        "TensorFlow Serving",
        TENSORFLOW,
        {
            "queries_total": 40,
            "errors_total": 2,
            "latency_seconds": Buckets((10, 40, 40), pytest.approx(0.08)),
        },
    ),
    (
        "Ray Serve",
        RAY,
        {
            "queries_total": 7353,
            "errors_total": 3,
            "waiting": 2,
            "latency_seconds": Buckets((7000, 7346), pytest.approx(36.73)),
        },
    ),
    (
        "MLServer",
        MLSERVER,
        {
            "queries_total": 645,
            "errors_total": 2,
            "latency_seconds": Buckets((647,), 3.235),
        },
    ),
    (
        "OpenVINO Model Server",
        OVMS,
        {
            "queries_total": 530,
            "errors_total": 4,
            "running": 3,
            "latency_seconds": Buckets((100, 530), pytest.approx(1.06)),
        },
    ),
    ("KServe", KSERVE, {"queries_total": 50, "latency_seconds": Buckets((40, 50, 50), 2.5)}),
    (
        "furiosa-llm",
        FURIOSA,
        {
            "generated_tokens_total": 1500,
            "queries_total": 12,
            "errors_total": 0,
            "kv_cache_usage_ratio": 0.25,
        },
    ),
    (
        "NVIDIA Dynamo",
        DYNAMO,
        {
            "generated_tokens_total": 1500,
            "prompt_tokens_total": 640,
            "queries_total": 12,
            "errors_total": 2,
            "running": 4,
        },
    ),
    (
        "LiteLLM",
        LITELLM,
        {"generated_tokens_total": 1500, "prompt_tokens_total": 640, "queries_total": 12},
    ),
]


@pytest.mark.parametrize(
    ("name", "body", "expected"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)]
)
def test_a_servers_work_is_known_by_its_page(name: str, body: str, expected: dict[str, Any]) -> None:
    seen = Told()
    row = seen.read(body)
    assert {key: row.get(key) for key in expected} == expected
    assert seen.tally.device.facts["server"] == name
    assert recognised(Page(body.encode()))[0].name == name


def test_of_llama_cpp_nothing_is_read_that_a_scrape_begins_anew() -> None:
    row = told((PAGES / "llama-server.prom").read_text())
    assert row == {
        "generated_tokens_total": 14464,
        "prompt_tokens_total": 256 + 3164,
        "running": 2,
        "waiting": 0,
        "inter_token_latency_seconds": Buckets((14464,), pytest.approx(9.54477)),
    }


def test_torchserve_is_asked_what_arrived_less_what_failed_and_not_who_read_its_page() -> None:
    row = told((PAGES / "torchserve.prom").read_text())
    assert (row["queries_total"], row["errors_total"]) == (2076, 0)
    assert row["latency_seconds"] == Buckets((2076,), pytest.approx(1847.092702855999))
    idle = '# TYPE ts_inference_requests_total counter\nRequests2XX{Level="Host",Hostname="vm",} 22.0\n'
    assert told(idle)["queries_total"] == 0, "it counts us as we read its page, and pings"
    stuck = 'ts_inference_requests_total{model_name="m"} 13\nRequests5XX{Level="Host"} 13\n'
    assert (told(stuck)["queries_total"], told(stuck)["errors_total"]) == (0, 13)


def test_bentoml_tells_answers_from_failures_under_old_and_new_names() -> None:
    row = told((PAGES / "bentoml.prom").read_text())
    assert (row["queries_total"], row["errors_total"]) == (2616, 0)
    assert row["latency_seconds"].counts[-1] == 2616
    old = (
        'bentoml_api_server_request_total{endpoint="/p",http_response_code="200"} 40\n'
        'bentoml_api_server_request_total{endpoint="/p",http_response_code="503"} 2\n'
    )
    assert {"queries_total": 40, "errors_total": 2}.items() <= told(old).items()


def test_behind_triton_the_front_counts_queries_and_the_engine_counts_tokens() -> None:
    seen = Told()
    row = seen.read(TRITON + VLLM_IN_TRITON)
    assert seen.tally.device.facts["server"] == "vLLM, NVIDIA Triton"
    assert (row["queries_total"], row["generated_tokens_total"]) == (120, 6400)
    assert row["latency_seconds"] == Buckets((10, 90, 100), 60.0), "percentiles, where there are any"


def test_an_engine_inside_ray_serve_has_its_own_names() -> None:
    row = told(
        '# TYPE ray_vllm_generation_tokens_total counter\nray_vllm_generation_tokens_total{x="1"} 5\n' + RAY
    )
    assert (row["generated_tokens_total"], row["queries_total"]) == (5, 7353)


def test_a_server_whose_names_come_only_once_it_worked_is_recognised_then() -> None:
    seen = Told()
    assert seen.read("# TYPE python_info gauge\npython_info 1\n") == {}
    row = seen.read("# TYPE python_info gauge\npython_info 1\n" + LITELLM)
    assert row["queries_total"] == 12
    assert seen.tally.device.facts["server"] == "LiteLLM"


def test_a_mean_alone_is_told_in_the_summary() -> None:
    seen = Told()
    seen.read(MLSERVER)
    (latency,) = (one for one in seen.tally.device.metrics if one.name == "latency_seconds")
    assert latency.bounds == ()
    session = Session()
    number = session.device("page", metrics=(latency,), kind=DeviceKind.WORKLOAD, scope=None, work="page")
    for t, count, total in ((1.0, 10, 0.5), (2.0, 10, 0.5), (32.0, 110, 20.5), (33.0, 110, 20.5)):
        session.sample(number, t, Buckets((count,), total))
    session.job(2.0, 32.0)
    found = session.summary(window="job")["latency"]["latency"]
    assert (found["count"], found["mean_s"], found["p50_s"]) == (100, pytest.approx(0.2), None)


def test_a_mean_alone_goes_on_over_a_restart() -> None:
    seen = Told()
    seen.read(MLSERVER)
    again = MLSERVER.replace("647.0", "10.0").replace("3.235", "0.05").replace("645.0", "10.0")
    assert seen.read(again)["latency_seconds"] == Buckets((10,), 0.05), "falls, as everything began anew"
    assert seen.read(again.replace("10.0", "12.0").replace("0.05", "0.06"))["latency_seconds"].counts == (12,)


def test_with_attention_in_data_parallel_each_rank_is_one_of_its_own() -> None:
    """SGLang: dp_rank 1 begins with tp_rank 2 where two ranks share an attention, with 1 where none does."""
    for labels in (
        ['dp_rank="0",tp_rank="0"', 'dp_rank="1",tp_rank="1"'],
        [
            f'dp_rank="{tp // 2}",moe_ep_rank="{tp}",pp_rank="{pp}",tp_rank="{tp}"'
            for tp in range(4)
            for pp in (0, 1)
        ],
    ):
        body = "".join(f"sglang:num_running_reqs{{{own}}} {4 + at}\n" for at, own in enumerate(labels))
        body += "".join(
            histogram("sglang:queue_time_seconds", 1, 2, 3, total=1.5, labels=f"{own},") for own in labels
        )
        row = told(body)
        assert row["running"] == (4 + 5 if len(labels) == 2 else 4 + 8)
        assert row["queue_time_seconds"] == Buckets((2, 4, 6), 3.0)


def test_what_a_graph_accepted_and_then_failed_is_an_error_and_no_query() -> None:
    def graph(accepted: int, failed: int) -> str:
        own = '{api="V3",interface="REST",method="Unary",name="llm"}'
        rows = {"requests_accepted": accepted, "requests_rejected": 1, "graph_error": failed}
        return "".join(
            f"# TYPE ovms_{name} counter\novms_{name}{own} {value}\n" for name, value in rows.items()
        )

    seen = Told()
    rows = [seen.read(graph(*page)) for page in ((10, 2), (14, 2), (14, 3), (16, 3), (2, 0), (3, 1))]
    assert [row["queries_total"] for row in rows] == [8, 12, 12, 13, 2, 2]
    assert [row["errors_total"] for row in rows][:4] == [3, 3, 4, 4]


def test_earlier_releases_of_dynamo_have_other_names() -> None:
    earlier = told(DYNAMO.replace("dynamo_frontend_", "nv_llm_http_service_"))
    assert earlier == told(DYNAMO)
    assert earlier["queries_total"] == 12


@pytest.mark.parametrize("server", every_server(), ids=lambda server: server.name)
def test_every_server_has_a_page_here_and_is_told_from_the_others(server: Any) -> None:
    bodies = {name: body for name, body, _ in CASES}
    bodies["llama.cpp"], bodies["TorchServe"], bodies["BentoML"] = (
        (PAGES / f"{file}.prom").read_text() for file in ("llama-server", "torchserve", "bentoml")
    )
    bodies["vLLM"] = VLLM_IN_TRITON
    assert [one.name for one in recognised(Page(bodies[server.name].encode()))] == [server.name]


def test_no_server_counts_under_a_name_twice_the_same_series() -> None:
    for server in every_server():
        totals = [q for q in server.quantities if q.name in ("queries", "errors")]
        for one in totals:
            assert one.series, server.name
            assert not any(series.endswith("_created") for series in one.series)


def test_other_pages_are_no_servers() -> None:
    assert recognised(Page(b"# TYPE node_cpu_seconds_total counter\nnode_cpu_seconds_total 1\n")) == []
    assert recognised(Page(b"")) == []
