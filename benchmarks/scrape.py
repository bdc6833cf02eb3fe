"""What does it cost to read a server's metrics page once a second, beside the usual parser of such pages?

    python benchmarks/scrape.py [READS]

A page in the manner of vLLM's, of several engines, on a server in another process; each read fetches it,
finds the server's work, and gives the readings that a run records. CPU of this process a read is the share of
a core at 1 Hz. Beside it prometheus-client's parser (if it is installed) on the same page, without fetching.

Budgets: 1 % of a core for 5,000 lines, 6 % for 50,000.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Iterator

from _pages import parsed_ms, reads_ms
from harness import ROOT  # noqa: F401  - puts the package on the path
from perfwatch_collectors.page import PageCollector, PageOptions

BUDGETS = {5_000: 0.01, 50_000: 0.06}
BOUNDS = (
    *("0.001", "0.005", "0.01", "0.02", "0.04", "0.06", "0.08", "0.1", "0.25", "0.5", "0.75"),
    *("1.0", "2.5", "5.0", "7.5", "10.0", "20.0", "40.0", "80.0", "160.0", "640.0", "+Inf"),
)
COUNTERS = (
    *("generation_tokens", "prompt_tokens", "num_preemptions"),
    *("prefix_cache_queries", "prefix_cache_hits"),
)
HISTOGRAMS = (
    "time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_request_latency_seconds",
    "request_queue_time_seconds", "request_prefill_time_seconds", "request_decode_time_seconds",
    "iteration_tokens_total", "request_prompt_tokens", "request_generation_tokens", "request_params_n",
)  # fmt: skip
GAUGES = ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")
REASONS = ("stop", "length", "abort", "error")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reads", type=int, nargs="?", default=30, help="how many of each page (30)")
    reads = parser.parse_args().reads
    fine = True
    print(f"{'lines':>8}{'size':>9}{'a read':>10}{'budget':>9}{'its parser':>13}{'ratio':>8}")
    for lines, budget in BUDGETS.items():
        page = vllm_page(lines)
        ours, theirs = _read_ms(page, reads), parsed_ms(page, max(1, reads // 10))
        fine &= ours <= 1000.0 * budget
        beside = f"{theirs:10.1f} ms{ours / theirs:8.3f}" if theirs else f"{'-':>13}{'-':>8}"
        size = f"{len(page.splitlines()):8d}{len(page) / 1e6:6.2f} MB"
        print(f"{size}{ours:7.2f} ms{1000.0 * budget:6.0f} ms{beside}")
    print(f"budgets: {'kept' if fine else 'BROKEN'}")
    return 0 if fine else 1


def vllm_page(lines: int, turn: int = 0) -> bytes:
    """A page of at least so many lines: engine after engine within each family, as vLLM writes it."""
    per_engine = len(COUNTERS) * 2 + len(HISTOGRAMS) * (len(BOUNDS) + 3) + len(GAUGES) + len(REASONS) * 2
    engines = max(1, -(-lines // per_engine))
    return ("\n".join(_families(engines, turn)) + "\n").encode()


def _families(engines: int, turn: int) -> Iterator[str]:
    labels = [f'engine="{n}",model_name="meta-llama/Llama-3.1-8B-Instruct"' for n in range(engines)]
    for name in COUNTERS:
        yield from _family(f"vllm:{name}", "counter")
        yield from (f"vllm:{name}_total{{{own}}} {1000.0 * turn}" for own in labels)
        yield from _created(f"vllm:{name}", labels)
    yield from _family("vllm:request_success", "counter")
    for own, reason in itertools.product(labels, REASONS):
        yield f'vllm:request_success_total{{{own},finished_reason="{reason}"}} {10.0 * turn}'
    for name in GAUGES:
        yield from _family(f"vllm:{name}", "gauge")
        yield from (f"vllm:{name}{{{own}}} 0.5" for own in labels)
    for name in HISTOGRAMS:
        yield from _family(f"vllm:{name}", "histogram")
        for own in labels:
            for place, bound in enumerate(BOUNDS):
                yield f'vllm:{name}_bucket{{{own},le="{bound}"}} {float(turn * (place + 1))}'
            yield f"vllm:{name}_count{{{own}}} {float(turn * len(BOUNDS))}"
            yield f"vllm:{name}_sum{{{own}}} {turn * 1.25}"
        yield from _created(f"vllm:{name}", labels)


def _family(name: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} What vLLM says of {name}."
    yield f"# TYPE {name} {kind}"


def _created(name: str, labels: list[str]) -> Iterator[str]:
    yield f"# TYPE {name}_created gauge"
    yield from (f"{name}_created{{{own}}} 1.7e+09" for own in labels)


def _read_ms(page: bytes, reads: int) -> float:
    """CPU of this process for one read, the median, ms."""
    took = reads_ms(page, reads, lambda url: PageCollector(PageOptions(url)), lambda _: None)
    return statistics.median(took)


if __name__ == "__main__":
    raise SystemExit(main())
