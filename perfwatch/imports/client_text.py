"""The results of benchmark clients that are tables or text for people.

Sources: locust/stats.py (CSV); wrk's and hey's summaries.
"""

from __future__ import annotations

import csv
import io
import re

from perfwatch.imports.client_result import MILLI, ClientResult, known_counts
from perfwatch.workload.training_log import finite


def of_locust(text: str) -> ClientResult | None:
    """`locust --csv PREFIX`: PREFIX_stats.csv, its row of everything."""
    if not text.startswith("Type,Name,Request Count"):
        return None
    row = next((row for row in csv.DictReader(io.StringIO(text)) if row.get("Name") == "Aggregated"), None)
    if row is None:
        return None
    asked, failed = _number(row.get("Request Count")), _number(row.get("Failure Count"))
    keys = {
        "mean_s": "Average Response Time",
        "min_s": "Min Response Time",
        "max_s": "Max Response Time",
        **{f"p{n}_s": f"{n}%" for n in (50, 90, 95, 99)},
    }
    latency = {
        name: value * MILLI for name, key in keys.items() if (value := _number(row.get(key))) is not None
    }
    per_s = _number(row.get("Requests/s"))
    counts = {"queries": None if asked is None else asked - (failed or 0.0), "errors": failed}
    took_s = asked / per_s if asked and per_s else None
    return ClientResult("locust", known_counts(counts), took_s, {"latency": latency})


def of_wrk(text: str) -> ClientResult | None:
    """What wrk prints: `12345 requests in 10.00s, 1.5MB read`; errors of sockets and other answers."""
    asked = re.search(r"^\s*(\d+) requests in ([\d.]+)(us|ms|s|m|h),", text, re.MULTILINE)
    if asked is None or "Requests/sec:" not in text:
        return None
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    wrong = int(bad[1]) if bad else 0
    failed = wrong + (sum(map(int, sockets.groups())) if sockets else 0)
    latency = {}
    mean = re.search(rf"^\s*Latency\s+{_TIME}\s", text, re.MULTILINE)
    if mean:
        latency["mean_s"] = _seconds(mean[1], mean[2])
    # wrk2 writes three places behind the point, and further shares (HdrHistogram).
    for share, number, unit in re.findall(rf"^\s*(50|90|95|99)(?:\.000)?%\s+{_TIME}\s*$", text, re.MULTILINE):
        latency[f"p{share}_s"] = _seconds(number, unit)
    slowest = re.search(rf"^\s*100\.000%\s+{_TIME}\s*$", text, re.MULTILINE)
    if slowest:
        latency["max_s"] = _seconds(slowest[1], slowest[2])
    counts = {"queries": float(int(asked[1]) - wrong), "errors": float(failed)}
    return ClientResult("wrk", known_counts(counts), _seconds(asked[2], asked[3]), {"latency": latency})


_TIME = r"([\d.]+)(us|ms|s|m|h)"
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit]


def of_hey(text: str) -> ClientResult | None:
    """What hey prints: a table of status codes, which alone tells what was answered."""
    if "Status code distribution:" not in text and "Error distribution:" not in text:
        return None
    codes = {int(code): int(n) for code, n in re.findall(r"\[(\d{3})\]\s+(\d+) responses", text)}
    broken = sum(
        int(n)
        for n in re.findall(r"^\s*\[(\d+)\]\s+\D", text.partition("Error distribution:")[2], re.MULTILINE)
    )
    fine = sum(n for code, n in codes.items() if code < 400)
    latency: dict[str, float] = {}
    for name, words in {"mean_s": "Average", "min_s": "Fastest", "max_s": "Slowest"}.items():
        found = re.search(rf"{words}:\s+([\d.]+) secs", text)
        if found:
            latency[name] = float(found[1])
    for share, number in re.findall(r"(50|90|95|99)% in ([\d.]+) secs", text):
        latency[f"p{share}_s"] = float(number)
    total = re.search(r"Total:\s+([\d.]+) secs", text)
    counts = {"queries": float(fine), "errors": float(sum(codes.values()) - fine + broken)}
    return ClientResult("hey", known_counts(counts), float(total[1]) if total else None, {"latency": latency})


def _number(text: str | None) -> float | None:
    try:
        return finite(float(text or ""))
    except ValueError:
        return None
