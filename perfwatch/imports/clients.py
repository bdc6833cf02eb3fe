"""What did a benchmark client find out itself, by the result file that it left?

Each reader knows one program's file by what stands in it. All give the same: counts under our names, how long
it took, and the percentiles that the client tells, in seconds.
"""

from __future__ import annotations

from pathlib import Path

from perfwatch.errors import SessionError, reason_of
from perfwatch.imports.client_json import of_json
from perfwatch.imports.client_result import ClientResult
from perfwatch.imports.client_text import of_hey, of_locust, of_wrk
from perfwatch.imports.files import MAX_BYTES
from perfwatch.text import clean

KNOWN = (
    "vllm bench serve, sglang.bench_serving, AIPerf, genai-perf, trtllm-bench, llama-bench (JSON), "
    "locust (--json-file, or --csv: PREFIX_stats.csv), wrk and hey (what they print)"
)


def read(path: Path) -> ClientResult:
    """The result in a file.

    Raises:
        SessionError: it cannot be read, or is none that is known.
    """
    text = _text(path)
    for reader in (of_json, of_locust, of_wrk, of_hey):
        found = reader(text)
        if found is not None and found.work:
            return found
    raise SessionError(f"cannot import {clean(path)}: it is no result of a client that is known ({KNOWN})")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise SessionError(f"cannot read {clean(path)}: {reason_of(error)}") from error
