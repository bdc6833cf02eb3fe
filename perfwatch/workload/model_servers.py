"""Servers of models of any kind: which series of their pages are queries, samples, and how long these take.

Each entry names its source.
"""

from __future__ import annotations

from perfwatch.workload.quantities import gauge, timing, total
from perfwatch.workload.servers import Server

MICROSECONDS, MILLISECONDS = 1e-6, 1e-3
NOT_ANSWERED = ("4*", "5*")
"""HTTP status codes of requests that failed."""

# triton-inference-server/server, docs/user_guide/metrics.md: durations are counters of microseconds. A batch
# counts as one request and as so many inferences. The TensorRT-LLM backend tells gauges only
# (triton-inference-server/tensorrtllm_backend); the vLLM backend tells vLLM's own names.
TRITON = Server(
    "NVIDIA Triton",
    ("nv_inference_",),
    (
        total("queries", "nv_inference_request_success"),
        total("errors", "nv_inference_request_failure"),
        total("samples", "nv_inference_count"),
        gauge("running", "nv_trt_llm_request_metrics", only={"request_type": "active"}),
        gauge("waiting", "nv_inference_pending_request_count"),
        gauge(
            "kv_cache_usage_ratio",
            "nv_trt_llm_kv_cache_block_metrics",
            only={"kv_cache_block_type": "fraction"},
            mean=True,
        ),
        timing("time_to_first_token", "nv_inference_first_response_histogram_ms", factor=MILLISECONDS),
        timing(
            "latency",
            "nv_inference_request_duration_us",
            of="nv_inference_request_success",
            factor=MICROSECONDS,
        ),
        timing(
            "queue_time",
            "nv_inference_queue_duration_us",
            of="nv_inference_request_success",
            factor=MICROSECONDS,
        ),
    ),
    leads=("queries", "errors"),
    counts_twice=("model", "models"),
)

# pytorch/serve, ts/configs/metrics.yaml. `Requests2XX` counts every answer over HTTP, also those to pings and
# to whoever reads this very page (as we do, once a second), and none over gRPC. `ts_inference_requests_total`
# counts what arrives: what failed is taken off it. (What asks for an unknown model is 4XX, and no arrival.)
TORCHSERVE = Server(
    "TorchServe",
    ("ts_inference_",),
    (
        total("queries", "ts_inference_requests_total", less=("Requests5XX", "Requests5XX_total")),
        total("errors", "Requests4XX", "Requests4XX_total", plus=("Requests5XX", "Requests5XX_total")),
        timing(
            "latency",
            "ts_inference_latency_microseconds",
            of="ts_inference_requests_total",
            factor=MICROSECONDS,
        ),
        timing(
            "queue_time",
            "ts_queue_latency_microseconds",
            of="ts_inference_requests_total",
            factor=MICROSECONDS,
        ),
    ),
)

# Names begin with a colon (TensorFlow Serving, monitoring config; Google Cloud's guide to its metrics).
TENSORFLOW_SERVING = Server(
    "TensorFlow Serving",
    (":tensorflow:serving:",),
    (
        total("queries", ":tensorflow:serving:request_count", only={"status": "OK"}),
        total("errors", ":tensorflow:serving:request_count", never={"status": ("OK",)}),
        timing("latency", ":tensorflow:serving:request_latency", factor=MICROSECONDS),
        timing("queue_time", ":tensorflow:serving:batching_session:queuing_latency", factor=MICROSECONDS),
    ),
)

# ray-project/ray, python/ray/serve. Its processes report at different times, every ten seconds or so, so its
# counters disagree at any one moment: what comes in at the proxies is used, else what deployments did.
_HEALTH = {"route": ("/-/healthz", "/-/routes")}
_GRPC_CODES = (
    *("CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
    *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
_GRPC_FAILED = (*_GRPC_CODES, *(f"StatusCode.{code}" for code in _GRPC_CODES))
"""Every status of gRPC but OK, bare and as Python writes it."""
RAY_SERVE = Server(
    "Ray Serve",
    ("ray_serve_",),
    (
        total(
            "queries",
            "ray_serve_num_http_requests_total",
            "ray_serve_num_http_requests",
            never={**_HEALTH, "status_code": (*NOT_ANSWERED, *_GRPC_FAILED)},
            plus=("ray_serve_num_grpc_requests_total",),
        ),
        total(
            "queries",
            "ray_serve_deployment_request_counter_total",
            "ray_serve_deployment_request_counter",
        ),
        total(
            "errors",
            "ray_serve_num_http_error_requests_total",
            "ray_serve_num_http_error_requests",
            never=_HEALTH,
            plus=("ray_serve_num_grpc_error_requests_total",),
        ),
        total("errors", "ray_serve_deployment_error_counter_total", "ray_serve_deployment_error_counter"),
        gauge("running", "ray_serve_num_ongoing_http_requests", "ray_serve_replica_processing_queries"),
        gauge("waiting", "ray_serve_deployment_queued_queries"),
        timing(
            "latency",
            "ray_serve_http_request_latency_ms",
            never={**_HEALTH, "status_code": NOT_ANSWERED},
            factor=MILLISECONDS,
        ),
        timing("latency", "ray_serve_deployment_processing_latency_ms", factor=MILLISECONDS),
    ),
)

# bentoml/BentoML, docs on observability; before 1.2 the names begin with bentoml_api_server_.
BENTOML = Server(
    "BentoML",
    ("bentoml_",),
    (
        total(
            "queries",
            "bentoml_service_request_total",
            "bentoml_api_server_request_total",
            never={"http_response_code": NOT_ANSWERED},
        ),
        total(
            "errors",
            "bentoml_service_request_total",
            "bentoml_api_server_request_total",
            only={"http_response_code": NOT_ANSWERED},
        ),
        gauge("running", "bentoml_service_request_in_progress", "bentoml_api_server_request_in_progress"),
        timing(
            "latency",
            "bentoml_service_request_duration_seconds",
            "bentoml_api_server_request_duration_seconds",
            never={"http_response_code": NOT_ANSWERED},
        ),
    ),
    counts_twice=("service_name", "services"),
)

# SeldonIO/MLServer, docs/user-guide/metrics.md; the duration is a summary, in seconds.
MLSERVER = Server(
    "MLServer",
    ("model_infer_request_",),
    (
        total("queries", "model_infer_request_success_total"),
        total("errors", "model_infer_request_failure_total"),
        timing("latency", "model_infer_request_duration"),
    ),
)

# openvinotoolkit/model_server, docs/metrics.md: status and metadata requests are counted too, by `method`.
_INFERENCE = {"method": ("ModelInfer", "Predict", "Unary", "Stream", "ModelStreamInfer")}
OPENVINO = Server(
    "OpenVINO Model Server",
    ("ovms_",),
    (
        # Graphs, which serve language models, have counters of their own: requests that came into a graph,
        # those that could not be, and those that were and failed there.
        total(
            "queries",
            "ovms_requests_success",
            only=_INFERENCE,
            plus=("ovms_requests_accepted",),
            less=("ovms_graph_error",),
        ),
        total(
            "errors",
            "ovms_requests_fail",
            only=_INFERENCE,
            plus=("ovms_requests_rejected", "ovms_graph_error"),
        ),
        gauge("running", "ovms_current_requests"),
        timing("latency", "ovms_request_time_us", factor=MICROSECONDS),
        timing("queue_time", "ovms_wait_for_infer_req_time_us", factor=MICROSECONDS),
    ),
)

# kserve/kserve, python/kserve/kserve/metrics.py: a model server in Python; another runtime has its own names.
KSERVE = Server(
    "KServe",
    ("request_predict_seconds", "kserve_"),
    (
        total("generated_tokens", "kserve_generation_tokens_total"),
        total("prompt_tokens", "kserve_prompt_tokens_total"),
        total("queries", "request_predict_seconds_count"),
        timing("latency", "request_predict_seconds"),
    ),
)

MODEL_SERVERS = (TRITON, TORCHSERVE, TENSORFLOW_SERVING, RAY_SERVE, BENTOML, MLSERVER, OPENVINO, KSERVE)
