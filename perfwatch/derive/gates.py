"""Whether a summary passes what a person asked of it: `--fail-on` limits and `--require`d measurements.

    --fail-on 'efficiency.queries.per_joule < 2.0'    broken when the comparison is true
    --require energy,work                             not met when one of them was not measured

A limit on something that was not measured is not passed: it cannot be judged, which is a failure of its own.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Union

from perfwatch.derive.throttles import CAUSES
from perfwatch.errors import ConfigError
from perfwatch.text import clean, did_you_mean
from perfwatch.units import parse_duration

PASSED, NOT_MEASURED, BROKEN = 0, 1, 3
"""Exit statuses; a broken limit says more than one that could not be judged."""

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_GATE = re.compile(r"\s*(?P<path>[^<>=!]+?)\s*(?P<op><=|>=|==|!=|<|>)\s*(?P<limit>[^<>=!\s]+)\s*")
_EXAMPLE = "as in --fail-on 'efficiency.queries.per_joule < 2.0'"

# What a summary holds: a key's content, `None` for a value, ANY for a map with names of the run's own.
ANY = "*"
Shape = Union[None, "dict[str, Shape]"]  # evaluated at import, where `|` does not join a text


def _values(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names)


_WINDOW = _values("kind", "start_s", "end_s", "duration_s", "phase", "because")
_WORK: Shape = {ANY: _values("count", "error", "rate_per_s", "source")}
_ENERGY: Shape = {
    **_values(
        "scope",
        "joules",
        "error_joules",
        "gain_ratio",
        "method",
        "net_joules",
        "net_error_joules",
        "idle_watts",
        "idle_watts_error",
        "coverage",
    ),
    "by_device": {
        ANY: {
            **_values(
                *("name", "uuid", "host", "scope", "in_run", "joules", "error_joules", "method"),
                *("counter_joules", "integrated_joules", "integral_off_ratio"),
                *("mean_watts", "max_watts", "samples", "coverage"),
            ),
            "throttled": _values(*CAUSES),
        }
    },
    "by_scope": {ANY: _values("joules", "error_joules", "gain_ratio", "coverage")},
}
_POWER = _values("mean_watts", "max_watts")
_EFFICIENCY: Shape = {ANY: _values("per_joule", "per_joule_error", "joules_per")}
_COST: Shape = {
    **_values("currency", "energy", "machine", "total", "idle_share"),
    "per": {ANY: None},
    "per_million": {ANY: None},
}
_CARBON: Shape = {"grams": None, "per": {ANY: None}}
_LATENCY_KEYS = ("count", "mean_s", "min_s", "p50_s", "p90_s", "p95_s", "p99_s", "p999_s", "max_s")
_MLPERF: Shape = {
    **_values("scenario", "mode", "valid", "queries", "samples_per_query", "energy_joules"),
    "metric": _values("name", "value", "unit"),
    "power": _values("mean_watts", "samples", "duration_s"),
    "efficiency": _values("value", "unit", "samples_per_joule"),
}
_GOODPUT: Shape = {
    **_values("count", "at_least", "at_most", "of", "share_at_least", "share_at_most"),
    "objectives": {ANY: _values("limit_s", "at_least", "at_most", "of")},
}
SHAPE: dict[str, Shape] = {
    "schema": None,
    "session": _values("id", "name", "started", "exit_status", "interval_s", "perfwatch"),
    "window": _WINDOW,
    "work": _WORK,
    "goodput": _GOODPUT,
    "unit": None,
    "energy": _ENERGY,
    "power": _POWER,
    "efficiency": _EFFICIENCY,
    "cost": _COST,
    "carbon": _CARBON,
    "mlperf": _MLPERF,
    "latency": {ANY: _values(*_LATENCY_KEYS)},
    "utilization": {ANY: _values("mean", "max")},
    "observer": _values("cpu_s", "cpu_ratio", "rss_bytes", "samples", "late_samples", "missed_ticks"),
    "also": {
        ANY: {
            "window": _WINDOW,
            "work": _WORK,
            "goodput": _GOODPUT,
            "energy": _ENERGY,
            "power": _POWER,
            "efficiency": _EFFICIENCY,
            "cost": _COST,
            "carbon": _CARBON,
        }
    },
}
"""The values that a limit can name."""
_WHAT_TO_TYPE = {
    "goodput": "; say what a good query is, as in --slo latency=200ms",
    "cost": "; type a price, as in --price 0.12/kWh",
    "carbon": "; type --carbon GRAMS/kWh",
}
"""A part of a summary that is there only on demand, and how to ask for it."""
SHARES = "throttled"
"""A map of shares of time: what it does not name is 0."""


@dataclass(frozen=True)
class Gate:
    """One `--fail-on`: it is broken when the comparison of the value under `keys` with `limit` is true."""

    text: str
    keys: tuple[str, ...]
    op: str
    limit: float | str

    @property
    def path(self) -> str:
        return ".".join(self.keys)


@dataclass(frozen=True)
class Verdict:
    """What came of one gate or requirement: an exit status of this module, and a sentence."""

    status: int
    message: str


def parse_gate(text: str) -> Gate:
    """A gate out of its text; its path is checked against what a summary can hold, before the job runs.

    Raises:
        ConfigError: no comparison, a limit relative to another run, or a path that no summary has.
    """
    path, op, limit = split_gate(text, _EXAMPLE)
    return Gate(text.strip(), keys_of(path, text), op, _limit(limit, path, op, text))


def split_gate(text: str, example: str) -> tuple[str, str, str]:
    """Path, operator and limit of a `--fail-on`, as they were written.

    Raises:
        ConfigError: it is no comparison; the example ends the sentence.
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise ConfigError(f"cannot read --fail-on {clean(text)!r}: write PATH OPERATOR NUMBER, {example}")
    return match["path"], match["op"], match["limit"]


def keys_of(path: str, text: str) -> tuple[str, ...]:
    """The keys of the path of a `--fail-on`, which a summary can have.

    Raises:
        ConfigError: no summary has it.
    """
    if path == "quality" or path.startswith("quality."):
        raise ConfigError(
            f"cannot judge --fail-on {clean(text)!r}: quality holds findings, no numbers; "
            "--require energy,work fails where these are not measured"
        )
    return _keys(path, SHAPE, f"cannot judge --fail-on {clean(text)!r}: a summary has no {clean(path)}")


def _limit(text: str, path: str, op: str, whole: str) -> float | str:
    if text.endswith("%"):
        raise ConfigError(
            f"cannot judge --fail-on {clean(whole)!r} in one run: a limit in % is relative to another run, "
            "for `perfwatch compare`; here write the value itself"
        )
    try:
        number = parse_duration(text) if path.endswith("_s") and text[-1:].isalpha() else float(text)
    except (ValueError, ConfigError):
        number = math.nan
    if math.isfinite(number):
        return number
    is_word = text.lower().lstrip("+-") not in ("nan", "inf", "infinity")
    if is_word and op in ("==", "!=") and re.fullmatch(r"""["']?[A-Za-z_][\w.-]*["']?""", text):
        return text.strip("\"'")
    raise ConfigError(f"cannot read --fail-on {clean(whole)!r}: {clean(text)!r} is no number, {_EXAMPLE}")


def _keys(path: str, shape: dict[str, Shape], sentence: str) -> tuple[str, ...]:
    """The keys of a path; a name of the run's own may hold dots (`my.unit`, `lab.org/nvidia:0`).

    Args:
        sentence: how a ConfigError begins; the nearest right key ends it.
    """
    key, dot, rest = path.partition(".")
    if key not in shape:
        raise ConfigError(f"{sentence}; {did_you_mean(key, shape)}")
    below = shape[key]
    if below is None and not dot:
        return (key,)
    if below is None:
        raise ConfigError(f"{sentence}; {key} is a value, nothing stands below it")
    if not dot:
        raise ConfigError(f"{sentence} that is one value; {_what_follows(below)}")
    if ANY not in below:
        return (key, *_keys(rest, below, sentence))
    return (key, *_keys_with_name(rest, below[ANY], sentence))


def _keys_with_name(path: str, below: Shape, sentence: str) -> tuple[str, ...]:
    """The keys of a path that begins with a name of the run's own."""
    if below is None:
        return (path,)
    words = path.split(".")
    splits = [(".".join(words[:at]), ".".join(words[at:])) for at in range(1, len(words))]
    if not splits:
        raise ConfigError(f"{sentence} that is one value; {_what_follows(below)}")
    for name, rest in splits:
        try:
            return (name, *_keys(rest, below, sentence))
        except ConfigError:
            continue  # the name holds this dot
    # Of a kind of window what follows is wrong, else the last word is.
    name, rest = splits[0] if all(inner is not None for inner in below.values()) else splits[-1]
    return (name, *_keys(rest, below, sentence))


def _what_follows(below: dict[str, Shape]) -> str:
    names = [name for name in below if name != ANY]
    return f"add one of {', '.join(names)}" if names else "add a name of the run's"


def judge(gate: Gate, summary: Mapping[str, Any]) -> Verdict:
    """What came of a gate.

    Raises:
        ConfigError: a name in the path is not in this summary, and one that is there is nearly the same.
    """
    value = look_up(gate, summary)
    unjudged = f"{gate.text}: cannot be judged, {gate.path}"
    if value is None:
        hint = _WHAT_TO_TYPE.get(gate.keys[0], "") if summary.get(gate.keys[0]) is None else ""
        return Verdict(NOT_MEASURED, f"{unjudged} was not measured{hint}")
    if isinstance(value, bool) and isinstance(gate.limit, str):
        value = str(value).lower()  # as JSON writes it
    if isinstance(value, str) != isinstance(gate.limit, str):
        return Verdict(NOT_MEASURED, f"{unjudged} is {clean(repr(value), 60)}")
    if OPERATORS[gate.op](value, gate.limit):
        return Verdict(BROKEN, f"{gate.text}: broken, {gate.path} is {_shown(value)}")
    return Verdict(PASSED, f"{gate.text}: not broken, {gate.path} is {_shown(value)}")


def look_up(gate: Gate, summary: Mapping[str, Any]) -> Any:
    """What a summary has under the path of a gate; None where it was not measured.

    Raises:
        ConfigError: a name in the path is not in this summary, and one that is there is nearly the same.
    """
    content: Any = summary
    keys = gate.keys
    window = summary.get("window")
    if keys[0] == "also" and isinstance(window, Mapping) and keys[1] == window.get("kind"):
        keys = keys[2:]  # what stands beside the main window in other runs is the main one here
    for at, key in enumerate(keys):
        if not isinstance(content, Mapping):
            return None
        if key not in content and at and keys[at - 1] == SHARES:
            return 0.0
        if key not in content:
            # The keys are right; so this is a name. Nothing like it: the run did not measure it.
            near = difflib.get_close_matches(key, [str(name) for name in content], n=1, cutoff=0.7)
            if near:
                meant = ".".join([*keys[:at], near[0], *keys[at + 1 :]])
                raise ConfigError(
                    f"cannot judge --fail-on {clean(gate.text)!r}: the summary has no {clean(gate.path)}; "
                    f"did you mean {clean(meant)}?"
                )
            return None
        content = content[key]
    return content


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else clean(value)


# --require


def _energy(summary: Mapping[str, Any]) -> str:
    energy = summary.get("energy") or {}
    if energy.get("joules") is None:
        return "no device of the run told its power or energy"
    if energy.get("method") == "estimated":
        return "no sensor measured it, it was estimated by a model"
    found = {(one.get("code"), one.get("level")): one.get("message") for one in summary.get("quality") or []}
    if any(code == "estimated" for code, _ in found) and energy.get("error_joules") is None:
        return "a part of it was estimated by a model"
    missing = found.get(("low-coverage", "insufficient"))
    return "" if missing is None else str(missing).rstrip(".")


def _work(summary: Mapping[str, Any]) -> str:
    counts = [
        counted.get("count") for name, counted in (summary.get("work") or {}).items() if name != "errors"
    ]
    return "" if any(counts) else "nothing counted work; say where with -w"


def _efficiency(summary: Mapping[str, Any]) -> str:
    ratios = (summary.get("efficiency") or {}).get(summary.get("unit")) or {}
    return "" if ratios.get("per_joule") is not None else "there is no work per joule to be quoted"


def _latency(summary: Mapping[str, Any]) -> str:
    timings = (summary.get("latency") or {}).values()
    return "" if any(timing.get("count") for timing in timings) else "nothing timed the work"


def _goodput(summary: Mapping[str, Any]) -> str:
    told = summary.get("goodput")
    if told is None:
        return "no objective was given; type --slo ttft=200ms or --slo latency=15ms"
    return "" if told.get("count") is not None else "nothing timed all that the objectives limit"


def _cost(summary: Mapping[str, Any]) -> str:
    cost = summary.get("cost")
    if cost is None:
        return "no price was given; type --price 0.12/kWh or --rent 2.5/h/device"
    if cost.get("total") is None:
        missing = ", ".join((cost.get("assumptions") or {}).get("missing") or ["a price"])
        return f"the total lacks {clean(missing)}; electricity alone is the total with --cost-scope energy"
    return ""


REQUIREMENTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "energy": _energy,
    "work": _work,
    "efficiency": _efficiency,
    "latency": _latency,
    "goodput": _goodput,
    "cost": _cost,
}
"""What can be required; each answers why it was not measured, empty where it was."""


def parse_requirements(text: str) -> tuple[str, ...]:
    """The words of `--require energy,work`.

    Raises:
        ConfigError: a word that cannot be required.
    """
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise ConfigError("cannot read --require: it takes a list such as energy,work")
    for word in words:
        if word not in REQUIREMENTS:
            raise ConfigError(f"cannot require {clean(word)!r}: {did_you_mean(word, REQUIREMENTS)}")
    return words


def check(
    summary: Mapping[str, Any], *, fail_on: Iterable[Gate] = (), require: Iterable[str] = ()
) -> list[Verdict]:
    """The verdicts of all requirements and gates, in their order.

    Raises:
        ConfigError: a gate names something that the summary does not have.
    """
    verdicts = []
    for word in require:
        reason = REQUIREMENTS[word](summary)
        message = f"--require {word}: not met, {reason}" if reason else f"--require {word}: measured"
        verdicts.append(Verdict(NOT_MEASURED if reason else PASSED, message))
    return verdicts + [judge(gate, summary) for gate in fail_on]


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """3 if a limit was broken, else 1 if something was not measured, else 0."""
    return max((verdict.status for verdict in verdicts), default=PASSED)
