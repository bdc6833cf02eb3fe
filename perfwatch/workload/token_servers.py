"""Servers of language models: which series of their pages are tokens, queries, and how long these take.

Each entry names its source. Where a source lists a counter without `_total` and the page has it with that,
both are looked for.
"""

from __future__ import annotations

from perfwatch.workload.quantities import Quantity, gauge, timing, total
from perfwatch.workload.servers import Server

FAILED = ("abort", "error")
"""A request that the client gave up or that broke is counted among the successes, by its reason."""
RANKS = ("tp_rank", "pp_rank", "moe_ep_rank")
"""Of a model that is cut over several processes each tells the same, and the lowest rank is taken. Those of
data parallelism add up: with attention in data parallel the first of `dp_rank` 1 has no `tp_rank` 0."""


def _vllm(*prefixes: str) -> tuple[Quantity, ...]:
    """vLLM's own names (vllm/v1/metrics/loggers.py, 0.6 to 0.32) behind one of several prefixes."""

    def named(*names: str) -> tuple[str, ...]:
        return tuple(f"{prefix}{name}" for name in names for prefix in prefixes)

    return (
        total("generated_tokens", *named("generation_tokens_total")),
        total("prompt_tokens", *named("prompt_tokens_total")),
        total("queries", *named("request_success_total"), never={"finished_reason": FAILED}),
        total("errors", *named("request_success_total"), only={"finished_reason": FAILED}),
        gauge("running", *named("num_requests_running")),
        gauge("waiting", *named("num_requests_waiting")),
        gauge("kv_cache_usage_ratio", *named("kv_cache_usage_perc", "gpu_cache_usage_perc"), mean=True),
        timing("time_to_first_token", *named("time_to_first_token_seconds")),
        timing("inter_token_latency", *named("inter_token_latency_seconds", "time_per_output_token_seconds")),
        timing("time_per_output_token", *named("request_time_per_output_token_seconds")),
        timing("latency", *named("e2e_request_latency_seconds")),
        timing("queue_time", *named("request_queue_time_seconds")),
    )


VLLM = Server("vLLM", ("vllm:", "ray_vllm_"), _vllm("vllm:", "ray_vllm_"))

# sglang 0.5: srt/observability/metrics_collector.py.
SGLANG = Server(
    "SGLang",
    ("sglang:", "sglang_"),
    tuple(
        quantity
        for prefix in ("sglang:", "sglang_")
        for quantity in (
            total("generated_tokens", f"{prefix}generation_tokens_total"),
            total("prompt_tokens", f"{prefix}prompt_tokens_total"),
            total("queries", f"{prefix}num_requests_total"),
            total("errors", f"{prefix}num_aborted_requests_total"),
            gauge("running", f"{prefix}num_running_reqs", first=RANKS),
            gauge("waiting", f"{prefix}num_queue_reqs", first=RANKS),
            gauge("kv_cache_usage_ratio", f"{prefix}token_usage", mean=True),
            timing("time_to_first_token", f"{prefix}time_to_first_token_seconds"),
            timing(
                "inter_token_latency",
                f"{prefix}inter_token_latency_seconds",
                f"{prefix}time_per_output_token_seconds",
            ),
            timing("latency", f"{prefix}e2e_request_latency_seconds"),
            timing("queue_time", f"{prefix}queue_time_seconds", first=RANKS),
        )
    ),
    at_the_end=("generated_tokens", "prompt_tokens"),
)

# NVIDIA TensorRT-LLM, trtllm-serve with return_perf_metrics (tensorrt_llm/metrics/collector.py; its reasons
# are in executor/result.py); ai-dynamo/aiperf, server metrics reference.
_GIVEN_UP = (*FAILED, "timeout", "cancelled")
TENSORRT_LLM = Server(
    "TensorRT-LLM",
    ("trtllm_",),
    (
        total("generated_tokens", "trtllm_generation_tokens_total"),
        total("prompt_tokens", "trtllm_prompt_tokens_total"),
        total("queries", "trtllm_request_success_total", never={"finished_reason": _GIVEN_UP}),
        total("errors", "trtllm_request_success_total", only={"finished_reason": _GIVEN_UP}),
        gauge("running", "trtllm_num_requests_running"),
        gauge("waiting", "trtllm_num_requests_waiting"),
        gauge("kv_cache_usage_ratio", "trtllm_kv_cache_utilization", mean=True),
        timing("time_to_first_token", "trtllm_time_to_first_token_seconds"),
        timing("inter_token_latency", "trtllm_time_per_output_token_seconds"),
        timing("latency", "trtllm_e2e_request_latency_seconds"),
        timing("queue_time", "trtllm_request_queue_time_seconds"),
    ),
)

# huggingface/text-generation-inference, docs/source/reference/metrics.md and router/src/server.rs.
TGI = Server(
    "TGI",
    ("tgi_",),
    (
        total("generated_tokens", "tgi_request_generated_tokens_sum"),
        total("prompt_tokens", "tgi_request_input_length_sum"),
        total("queries", "tgi_request_success", "tgi_request_success_total"),
        total("errors", "tgi_request_failure", "tgi_request_failure_total"),
        gauge("running", "tgi_batch_current_size"),
        gauge("waiting", "tgi_queue_size"),
        timing("inter_token_latency", "tgi_request_mean_time_per_token_duration"),
        timing("latency", "tgi_request_duration"),
        timing("queue_time", "tgi_request_queue_duration"),
    ),
    at_the_end=("generated_tokens", "prompt_tokens"),
)

# ggml-org/llama.cpp, tools/server/README.md. Its averages (`..._tokens_seconds`) are begun anew by every
# scrape, whoever scrapes: two monitors would blind each other, so they are never read. It counts no queries.
LLAMA_CPP = Server(
    "llama.cpp",
    ("llamacpp:",),
    (
        total("generated_tokens", "llamacpp:tokens_predicted_total"),
        total("prompt_tokens", "llamacpp:prompt_tokens_total", plus=("llamacpp:prompt_tokens_cached_total",)),
        gauge("running", "llamacpp:requests_processing"),
        gauge("waiting", "llamacpp:requests_deferred"),
        gauge("kv_cache_usage_ratio", "llamacpp:kv_cache_usage_ratio"),
        timing(
            "inter_token_latency",
            "llamacpp:tokens_predicted_seconds_total",
            of="llamacpp:tokens_predicted_total",
        ),
    ),
    at_the_end=("generated_tokens", "prompt_tokens"),
)

# FuriosaAI's documentation of furiosa-llm; 2026.4 serves the page from server/app.py.
FURIOSA_LLM = Server(
    "furiosa-llm",
    ("furiosa_llm_",),
    (
        total("generated_tokens", "furiosa_llm_generation_tokens_total"),
        total("prompt_tokens", "furiosa_llm_prompt_tokens_total"),
        total("queries", "furiosa_llm_request_success_total", never={"finished_reason": FAILED}),
        total("errors", "furiosa_llm_request_success_total", only={"finished_reason": FAILED}),
        gauge("running", "furiosa_llm_num_requests_running"),
        gauge("waiting", "furiosa_llm_num_requests_waiting"),
        gauge("kv_cache_usage_ratio", "furiosa_llm_kv_cache_usage_percent", mean=True),
        timing("time_to_first_token", "furiosa_llm_time_to_first_token_seconds"),
        timing("inter_token_latency", "furiosa_llm_inter_token_latency_seconds"),
        timing("latency", "furiosa_llm_e2e_request_latency_seconds"),
        timing("queue_time", "furiosa_llm_request_queue_time_seconds"),
    ),
)

# ai-dynamo/dynamo, lib/llm/src/http/service/metrics.rs; earlier releases, and what sets the variable for its
# prefix (NIM), begin the same names with nv_llm_http_service_. The engines behind it have pages of their own.
_DYNAMO = ("dynamo_frontend_", "nv_llm_http_service_")


def _of_dynamo(*names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for prefix in _DYNAMO for name in names)


DYNAMO = Server(
    "NVIDIA Dynamo",
    _DYNAMO,
    (
        total("generated_tokens", *_of_dynamo("output_tokens_total", "output_sequence_tokens_sum")),
        total("prompt_tokens", *_of_dynamo("input_sequence_tokens_sum")),
        total("queries", *_of_dynamo("requests_total"), never={"status": ("error",)}),
        total("errors", *_of_dynamo("requests_total"), only={"status": ("error",)}),
        gauge("running", *_of_dynamo("inflight_requests")),
        gauge("waiting", *_of_dynamo("queued_requests")),
        timing("time_to_first_token", *_of_dynamo("time_to_first_token_seconds")),
        timing("inter_token_latency", *_of_dynamo("inter_token_latency_seconds")),
        timing("latency", *_of_dynamo("request_duration_seconds")),
    ),
    leads=("queries", "errors", "latency", "time_to_first_token"),
)

# BerriAI/litellm, integrations/prometheus.py: a gateway before servers that may have pages of their own.
LITELLM = Server(
    "LiteLLM",
    ("litellm_",),
    (
        total("generated_tokens", "litellm_output_tokens_metric_total", "litellm_output_tokens_total"),
        total("prompt_tokens", "litellm_input_tokens_metric_total", "litellm_input_tokens_total"),
        total("queries", "litellm_deployment_success_responses_total", "litellm_requests_metric_total"),
        total("errors", "litellm_proxy_failed_requests_metric_total"),
        timing("time_to_first_token", "litellm_llm_api_time_to_first_token_metric"),
        timing("latency", "litellm_request_total_latency_metric"),
        timing("queue_time", "litellm_request_queue_time_seconds"),
    ),
    at_the_end=("generated_tokens", "prompt_tokens"),
)

TOKEN_SERVERS = (DYNAMO, VLLM, SGLANG, TENSORRT_LLM, TGI, LLAMA_CPP, FURIOSA_LLM, LITELLM)
"""vllm-rbln (Rebellions) is a plugin of vLLM and has vLLM's page."""
