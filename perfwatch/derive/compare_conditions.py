"""Under which differing conditions were two groups of runs made, and which of them forbid a verdict?

What is the same is not told. A difference either is what is compared (a driver, a power cap), and is said; or
it makes a figure of one group mean something else than that of the other, and takes the verdict from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from perfwatch.derive.compare_figures import (
    COST,
    EFFICIENCY,
    ENERGY,
    PERFORMANCE,
    POWER,
    TOPICS,
    Json,
    Run,
)
from perfwatch.derive.numbers import number
from perfwatch.objectives import GOOD
from perfwatch.text import clean, shorten
from perfwatch.units import format_percent, format_quantity

WORK_TAGS = ("model", "precision", "dtype", "quantization", "dataset", "accuracy", "benchmark", "scenario")
"""Tags that say what the work is: a unit of other work is another unit."""
OF_THE_WORK = (PERFORMANCE, ENERGY, EFFICIENCY, COST)
_SIMULATED = "SIMULATED"
WHOLE = "may NOT be compared"
LONGEST_COLUMNS = 80
CLOCK_RATIO, TOKENS_RATIO = 0.05, 0.02
"""Clocks change by themselves, and queries by chance; less than this is the same."""
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}")
_SCOPES = {"node": "the whole machine", "wall": "the wall", "components": "chips, CPUs and memory"}
_PARTS = {
    "job": "the whole job",
    "span": "a stretch of it",
    "marks": "while working",
    "work": "while working",
}


@dataclass(frozen=True)
class Condition:
    """One way in which two groups differ.

    Args:
        key: a stable name, `tags.model`, `driver`, `scope`.
        values: of the baseline and of the other group, in words.
        message: a sentence for people.
        blocks: the topics that no verdict is given on.
        varied: it would block, and the user said that it is what is compared.
    """

    key: str
    values: tuple[str, str]
    message: str
    blocks: tuple[str, ...] = ()
    varied: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "values": list(self.values),
            "message": self.message,
            "blocks": list(self.blocks),
            "varied": self.varied,
        }


def _under(*keys: str) -> Callable[[Run], Any]:
    """What a run's summary has in a place."""
    return lambda run: run.part(*keys[:-1]).get(keys[-1])


Side = Sequence[Run]
Pair = tuple[Side, Side]
Labels = tuple[str, str]


def differing(before: Side, after: Side, labels: Labels, *, vary: Iterable[str] = ()) -> list[Condition]:
    """Every difference in conditions, those that block first.

    Args:
        labels: what people call the groups, `A` and `B`.
        vary: tags that are what is compared.
    """
    sides = (before, after)
    wanted = frozenset(vary)
    scope = list(_scope(sides, labels))
    found = [
        *scope,
        *_unit(sides, labels),
        *_part_of_the_run(sides, labels),
        *_simulated(sides, labels),
        *_objectives(sides, labels),
        *_mlperf(sides, labels),
        *_tags(sides, labels, wanted),
        *_prices(sides, labels),
        *(() if scope else _sensors(sides, labels)),
        *_devices(sides, labels),
        *_of_the_session(sides, labels),
        *_tokens(sides, labels),
    ]
    return sorted(found, key=lambda one: (not one.blocks, not one.varied))


# What blocks


def _scope(sides: Pair, labels: Labels) -> Iterator[Condition]:
    """Energy of another scope is another quantity."""
    told = [[(run.part("energy").get("scope"), _scopes_within(run)) for run in side] for side in sides]
    if _are_one([*told[0], *told[1]]):
        return
    said = (_all(map(_covered, sides[0])), _all(map(_covered, sides[1])))
    if said[0] == said[1]:
        said = (_all(map(_scope_parts, sides[0])), _all(map(_scope_parts, sides[1])))
    yield Condition(
        "scope",
        said,
        f"{WHOLE} in energy: {labels[0]} is {said[0]}, {labels[1]} is {said[1]}; --scope takes one for both.",
        tuple(topic for topic in (POWER, ENERGY, EFFICIENCY, COST) if topic != COST or _pays_power(sides)),
    )


def _scopes_within(run: Run) -> tuple[str, ...]:
    return tuple(sorted({str(device.get("scope")) for device in _in_run(run)}))


def _in_run(run: Run) -> list[Json]:
    """The devices that the headline's energy is of."""
    devices = run.part("energy", "by_device").values()
    return [device for device in devices if isinstance(device, Mapping) and device.get("in_run")]


def _covered(run: Run) -> str:
    """What the energy covers: `8 × NVIDIA H100`, `the wall`, `nothing that tells its energy`."""
    scope = run.part("energy").get("scope")
    if scope in _SCOPES:
        return _SCOPES[scope]
    names = [str(device.get("name")) for device in _in_run(run)]
    counted = [f"{names.count(name)} × {name}" for name in dict.fromkeys(names)]
    return " and ".join(counted) or "nothing that tells its energy"


def _scope_parts(run: Run) -> str:
    return " + ".join(_scopes_within(run)) or "nothing"


def _pays_power(sides: Pair) -> bool:
    """Whether the cost depends on the energy; a rent that contains electricity does not."""
    return any(run.number("cost", "error") != 0 for side in sides for run in side)


def _unit(sides: Pair, labels: Labels) -> Iterator[Condition]:
    said = _said(sides, lambda run: run.unit or "no work")
    if said is not None:
        yield Condition(
            "unit",
            said,
            f"{WHOLE} in their work: {labels[0]} counts {said[0]}, {labels[1]} counts {said[1]}; "
            "--unit NAME takes one for both.",
            OF_THE_WORK,
        )


def _part_of_the_run(sides: Pair, labels: Labels) -> Iterator[Condition]:
    """The whole job contains loading and idling, which its working part does not."""
    said = _said(sides, _part)
    if said is not None:
        yield Condition(
            "window",
            said,
            f"{WHOLE}: {labels[0]} was taken over {said[0]}, {labels[1]} over {said[1]}; "
            "--window job (or marks, or work) takes one for both.",
            TOPICS,
        )
    cut = _said(sides, lambda run: run.number("window", "warmup_s") or 0.0, lambda value: f"{value:g} s")
    if cut is not None:
        yield _plain("warmup", "the time left out at the front", cut, labels)


def _part(run: Run) -> str:
    window = run.part("window")
    phase = window.get("phase")
    kind = str(window.get("kind") or "a window that is not known")
    return f"phase {phase}" if phase else _PARTS.get(kind, kind)


def _simulated(sides: Pair, labels: Labels) -> Iterator[Condition]:
    said = _said(sides, _reality)
    if said is not None and any(_reality(run) == _SIMULATED for side in sides for run in side):
        message = f"{WHOLE}: {labels[0]} is {said[0]}, {labels[1]} is {said[1]}."
        yield Condition("simulated", said, message, TOPICS)


def _reality(run: Run) -> str:
    """A recording without any device says by its tag alone that it is of the demo."""
    tagged = run.part("conditions", "tags").get("data") == "SIMULATED"
    if tagged or any(facts.get("simulated") for _, facts in _models(run)):
        return _SIMULATED
    return "measured" if _in_run(run) or run.unit else "nothing that was measured"


def _objectives(sides: Pair, labels: Labels) -> Iterator[Condition]:
    """Good queries by other limits are other work."""
    said = _said(sides, _under("goodput", "slo"), _limits)
    if said is None:
        return
    if all(run.unit == GOOD for side in sides for run in side):
        limits = f"{said[0]} in {labels[0]}, {said[1]} in {labels[1]}"
        message = f"{WHOLE} in their work: queries are good by {limits}; --slo takes one for both."
        yield Condition("slo", said, message, OF_THE_WORK)
    else:
        yield _plain("slo", "the objectives of a query", said, labels)


def _limits(slo: Any) -> str:
    if not isinstance(slo, Mapping) or not slo:
        return "no limits"
    return ", ".join(f"{name} {limit} s" for name, limit in slo.items())


def _mlperf(sides: Pair, labels: Labels) -> Iterator[Condition]:
    """Another mode or scenario is another benchmark."""
    for key in ("mode", "scenario"):
        said = _said(sides, _under("mlperf", key))
        if said is not None:
            differs = f"MLPerf's {key} is {said[0]} in {labels[0]}, {said[1]} in {labels[1]}"
            yield Condition(f"mlperf.{key}", said, f"{WHOLE} in their work: {differs}.", OF_THE_WORK)


def _tags(sides: Pair, labels: Labels, vary: frozenset[str]) -> Iterator[Condition]:
    keys = dict.fromkeys(key for side in sides for run in side for key in run.part("conditions", "tags"))
    for key in keys:
        said = _said(sides, _under("conditions", "tags", key))
        if said is None:
            continue
        known = all(_knows(run, key) for side in sides for run in side)
        differs = f"the {key} differs: {said[0]} in {labels[0]}, {said[1]} in {labels[1]}"
        if key not in WORK_TAGS or not known:
            yield _plain(f"tags.{key}", f"the tag {key}", said, labels)
        elif key in vary:
            yield Condition(f"tags.{key}", said, f"{_begin(differs)}: that is what is compared.", varied=True)
        else:
            yield Condition(
                f"tags.{key}",
                said,
                f"{WHOLE} in their work: {differs}. --vary {key} says that this is what is compared.",
                OF_THE_WORK,
            )


def _knows(run: Run, key: str) -> bool:
    return run.part("conditions", "tags").get(key) is not None


def _prices(sides: Pair, labels: Labels) -> Iterator[Condition]:
    if not all(run.part("cost") for side in sides for run in side):
        return
    currency = _said(sides, _under("cost", "currency"), _currency)
    if currency is not None:
        message = f"{WHOLE} in cost: {labels[0]} is in {currency[0]}, {labels[1]} in {currency[1]}."
        yield Condition("currency", currency, message, (COST,))
    basis = _said(sides, lambda run: (run.part("cost", "assumptions").get("basis"), _contained(run)), _basis)
    if basis is not None:
        message = f"{WHOLE} in cost: that of {labels[0]} is {basis[0]}, that of {labels[1]} {basis[1]}."
        yield Condition("cost basis", basis, message, (COST,))
    for key, what in _ASSUMED.items():
        said = _said(sides, _under("cost", "assumptions", key))
        if said is not None:
            yield _plain(f"cost.{key}", what, said, labels)


_ASSUMED = {"price_per_kwh": "the price of a kWh", "rent_per_hour": "the rent of an hour", "pue": "the PUE"}


def _currency(code: Any) -> str:
    return str(code) if code else "no named currency"


def _contained(run: Run) -> tuple[str, ...]:
    contains = run.part("cost", "assumptions").get("contains")
    return tuple(map(str, contains)) if isinstance(contains, Sequence) else ()


def _basis(told: Any) -> str:
    basis, contains = told
    if basis == "energy":
        return "of electricity alone"
    return "of " + (" and ".join(contains) or "nothing that is priced")


# What is said


def _sensors(sides: Pair, labels: Labels) -> Iterator[Condition]:
    if not all(_in_run(run) for side in sides for run in side) or same_sensors(*sides):
        return
    said = (_all(map(_sensor_words, sides[0])), _all(map(_sensor_words, sides[1])))
    gains = [gain for side in sides if (gain := gain_of(side)) is not None]
    if len(gains) == 2:
        off = " and ".join(f"±{format_percent(gain)}" for gain in gains)
        how = f"that they may be off by {off} is in the intervals"
    else:
        how = "how exact they are is not stated, so a difference in energy may be theirs"
    who = f"that of {labels[0]} by {said[0]}, that of {labels[1]} by {said[1]}"
    yield Condition("sensors", said, f"Energy was read by different sensors, {who}; {how}.")


def same_sensors(before: Side, after: Side) -> bool:
    """Whether the energy of both was told by the same sensors in the same way: then their gain cancels."""
    return _are_one([_sensors_of(run) for side in (before, after) for run in side])


def _sensors_of(run: Run) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (_place(device), str(device.get("uuid")), str(device.get("method"))) for device in _in_run(run)
    )


def _place(device: Json) -> str:
    """The host, where the device's own id is not one of its kind everywhere."""
    return "" if _UUID.search(str(device.get("uuid"))) else str(device.get("host"))


def _sensor_words(run: Run) -> str:
    devices = _in_run(run)
    first = devices[0]
    more = f" and {len(devices) - 1} more" if len(devices) > 1 else ""
    return f"{first.get('uuid')}{more} on {first.get('host')} ({run.part('energy').get('method')})"


def gain_of(side: Side) -> float | None:
    """The largest gain of the sensors of a group; None where one is not stated."""
    gains = [run.number("energy", "gain_ratio") for run in side]
    known = [gain for gain in gains if gain is not None]
    return max(known) if known and len(known) == len(gains) else None


def _devices(sides: Pair, labels: Labels) -> Iterator[Condition]:
    models = _said(sides, lambda run: tuple(_counted_models(run)), lambda told: " and ".join(told) or "none")
    if models is not None:
        yield _plain("devices", "the devices", models, labels)
    for key, (what, write) in _FACTS.items():
        said = _said(sides, partial(_fact, key=key), write)
        if said is not None:
            yield _plain(key, what, said, labels)
    clocks = [clock for side in sides for run in side if (clock := _clock(run)) is not None]
    if clocks and max(clocks) > (1 + CLOCK_RATIO) * min(clocks):
        said = (_all(map(_clock_words, sides[0])), _all(map(_clock_words, sides[1])))
        yield _plain("clock", "the clock when the window began", said, labels)


def _models(run: Run) -> list[tuple[str, Json]]:
    devices = run.part("conditions", "devices")
    return [(model, facts) for model, facts in devices.items() if isinstance(facts, Mapping)]


def _counted_models(run: Run) -> Iterator[str]:
    for model, facts in _models(run):
        yield f"{facts.get('count')} × {model}"


def _fact(run: Run, key: str) -> tuple[Any, ...]:
    return tuple(_hashable(facts.get(key)) for _, facts in _models(run) if facts.get(key) is not None)


def _hashable(value: Any) -> Any:
    return tuple(map(str, value)) if isinstance(value, list) else str(value)


def _listed(told: Any) -> str:
    return ", ".join(dict.fromkeys(_flat(told))) or "not known"


def _flat(told: Any) -> Iterator[str]:
    for one in told:
        if isinstance(one, tuple):
            yield from _flat(one)
        else:
            yield str(one)


def _watts(told: Any) -> str:
    known = dict.fromkeys(_flat(told))
    return ", ".join(_watts_of(text) for text in known) or "not known"


def _watts_of(text: str) -> str:
    try:
        return format_quantity(float(text), "W")
    except ValueError:
        return text


_FACTS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "driver": ("the driver", _listed),
    "firmware": ("the firmware", _listed),
    "power_limit_watts": ("the power limit", _watts),
}


def _clock(run: Run) -> float | None:
    """The clock of the compute units when the window began, Hz; of several the lowest."""
    told = [facts.get("at_start") for _, facts in _models(run)]
    values = [one.get("sm_clock_hertz") for one in told if isinstance(one, Mapping)]
    known = [number(value[0] if isinstance(value, list) and value else value) for value in values]
    return min((clock for clock in known if clock is not None and clock > 0), default=None)


def _clock_words(run: Run) -> str:
    clock = _clock(run)
    return "not known" if clock is None else f"{clock / 1e6:.0f} MHz"


def _of_the_session(sides: Pair, labels: Labels) -> Iterator[Condition]:
    for key, (what, value) in _SESSION.items():
        said = _said(sides, value)
        if said is not None:
            yield _plain(key, what, said, labels)
    names = dict.fromkeys(
        name for side in sides for run in side for name in run.part("conditions", "versions")
    )
    for name in names:
        said = _said(sides, _under("conditions", "versions", name))
        if said is not None:
            yield _plain(f"versions.{name}", f"the version of {name}", said, labels)


_SESSION: dict[str, tuple[str, Callable[[Run], Any]]] = {
    "hosts": ("the host", lambda run: _words(run.part("session").get("hosts"), ", ")),
    "os": ("the operating system", _under("conditions", "os")),
    "git_commit": ("the git commit", _under("conditions", "git_commit")),
    "command": ("the command", lambda run: _words(run.part("session").get("command"), " ")),
    "source": ("what counted the work", lambda run: run.part("work", run.unit or "").get("source")),
    "method": ("how energy was found", _under("energy", "method")),
    "interval": ("the sampling period, s", lambda run: run.number("session", "interval_s")),
    "perfwatch": ("the version of perfwatch", _under("session", "perfwatch")),
}


def _words(value: Any, between: str) -> str | None:
    return between.join(map(str, value)) if isinstance(value, list) and value else None


def _tokens(sides: Pair, labels: Labels) -> Iterator[Condition]:
    for name in ("prompt_tokens", "generated_tokens"):
        told = [_mean([run.number("conditions", "per_query", name) for run in side]) for side in sides]
        known = [one for one in told if one is not None and one > 0]
        if len(known) == 2 and max(known) > (1 + TOKENS_RATIO) * min(known):
            words = f"the {name.replace('_', ' ')} of a query"
            yield _plain(f"per_query.{name}", words, (f"{known[0]:.4g}", f"{known[1]:.4g}"), labels)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


# How a difference is found and said


def _said(
    sides: Pair, value: Callable[[Run], Any], write: Callable[[Any], str] = str
) -> tuple[str, str] | None:
    """What each side has, in words; None where all runs of both have the same."""
    told = [[value(run) for run in side] for side in sides]
    if _are_one([*told[0], *told[1]]):
        return None
    return _all(_word(one, write) for one in told[0]), _all(_word(one, write) for one in told[1])


def _word(value: Any, write: Callable[[Any], str]) -> str:
    return "not known" if value is None and write is str else write(value)


def _are_one(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)


def _all(words: Iterable[str]) -> str:
    """What the runs of a group have; a long command is told by its begin."""
    return " or ".join(dict.fromkeys(shorten(clean(word), LONGEST_COLUMNS) for word in words))


def _plain(key: str, what: str, said: tuple[str, str], labels: Labels) -> Condition:
    """A difference that is said and blocks nothing."""
    if said[0] == said[1]:
        return Condition(key, said, f"{_begin(what)} differs from run to run: {said[0]}.")
    return Condition(key, said, f"{_begin(what)}: {said[0]} in {labels[0]}, {said[1]} in {labels[1]}.")


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
