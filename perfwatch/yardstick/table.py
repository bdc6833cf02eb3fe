"""Which systems are published for a benchmark, how fast they are and what they draw.

`published.csv` holds results of MLPerf Inference (closed division; mlcommons/inference_results_v0.5 to _v4.1)
and of MLPerf Training v2.0 (mlcommons/training_results_v2.0). They were worked out from the published logs:
result and mean power of the whole system at the wall by the submission checker's rule (docs/importing.md),
training times as the Olympic mean of run_stop - run_start in minutes, not normalised. They may differ a
little from the tables on MLCommons' site, which are the official ones. Empty is what was not submitted.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from perfwatch.errors import ConfigError
from perfwatch.text import clean

SCENARIOS = ("Offline", "Server", "Interactive", "SingleStream", "MultiStream", "Training")
TRAINING = "Training"
ALIASES = {
    "resnet-50": "resnet50",
    "resnet50-v1.5": "resnet50",
    "bert99": "bert-99",
    "bert-large": "bert-99",
    "llama2-70b": "llama2-70b-99",
    "llama-2-70b": "llama2-70b-99",
    "llama-2-70b-99": "llama2-70b-99",
    "mixtral": "mixtral-8x7b",
    "gptj": "gptj-99",
    "gpt-j": "gptj-99",
}
"""What people call benchmarks, by what MLPerf calls them."""
TWINS = {"bert": "bert-99", "bert-99": "bert", "resnet": "resnet50", "resnet50": "resnet"}
"""The same model in inference and in training."""


@dataclass(frozen=True)
class Published:
    """One published result.

    Args:
        round: of MLPerf, `v3.0`.
        status: `preview`, `RDI` (research, development, internal); empty: available.
        result: in `unit`: samples/s, tokens/s; ms of the percentile that the scenario asks for; min to train.
        watts: mean power of the whole system at the wall; None where power was not submitted.
        efficiency: work per joule, or millijoules of a query, in `efficiency_unit`.
        note: what is to be known of it.
    """

    round: str
    submitter: str
    system: str
    status: str
    benchmark: str
    scenario: str
    result: float
    unit: str
    watts: float | None
    efficiency: float | None
    efficiency_unit: str
    note: str

    @property
    def is_time(self) -> bool:
        """Whether less is better."""
        return self.unit in ("ms", "min")

    @property
    def rates(self) -> dict[str, float]:
        """Work per second by what a run may count it as; single queries come one after the other."""
        if self.unit == "tokens/s":
            return {"generated_tokens": self.result}
        if self.unit == "samples/s":
            return {"samples": self.result, **({"queries": self.result} if self.scenario == "Server" else {})}
        if self.scenario == "SingleStream" and self.watts and self.per_joule:
            return dict.fromkeys(("samples", "queries"), self.per_joule * self.watts)
        return {}

    @property
    def per_joule(self) -> float | None:
        """Work per joule at the wall."""
        if self.efficiency is None:
            return None
        return 1000.0 / self.efficiency if self.efficiency_unit == "mJ/query" else self.efficiency


@cache
def published() -> tuple[Published, ...]:
    """The whole table."""
    text = (files("perfwatch.yardstick") / "published.csv").read_text("utf-8")
    return tuple(
        Published(
            **{key: row[key] for key in ("round", "submitter", "system", "status", "benchmark", "scenario")},
            result=float(row["result"]),
            unit=row["unit"],
            watts=float(row["watts"]) if row["watts"] else None,
            efficiency=float(row["efficiency"]) if row["efficiency"] else None,
            efficiency_unit=row["efficiency_unit"],
            note=row["note"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def find(benchmark: str | None = None, scenario: str | None = None) -> list[Published]:
    """The rows of a benchmark and scenario, by their own names."""
    return [
        row for row in published() if benchmark in (None, row.benchmark) and scenario in (None, row.scenario)
    ]


def benchmarks() -> dict[str, list[str]]:
    """The scenarios that each benchmark was published for."""
    found: dict[str, list[str]] = {}
    for row in published():
        known = found.setdefault(row.benchmark, [])
        if row.scenario not in known:
            known.append(row.scenario)
    return found


def benchmark_of(word: str, scenario: str | None = None) -> str:
    """A benchmark by what a person calls it; inference and training have names of their own for one model.

    Args:
        scenario: by its own name, where it is known.

    Raises:
        ConfigError: there is none of that name.
    """
    name = word.strip().casefold().replace("_", "-").replace(" ", "-")
    known = benchmarks()
    found = ALIASES.get(name, name)
    if scenario is not None and found in known and scenario not in known[found]:
        twin = TWINS.get(found, found)
        found = twin if scenario in known.get(twin, ()) else found
    if found in known:
        return found
    near = difflib.get_close_matches(found, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise ConfigError(f"nothing is published here for the benchmark {clean(word, 60)!r}: {hint}")


def scenario_of(word: str) -> str:
    """A scenario by what a person calls it: `offline`, `single-stream`.

    Raises:
        ConfigError: there is none of that name.
    """
    name = word.strip().casefold().replace("-", "").replace("_", "").replace(" ", "")
    for scenario in SCENARIOS:
        if scenario.casefold() == name:
            return scenario
    raise ConfigError(f"there is no scenario {clean(word, 60)!r}: there are {', '.join(SCENARIOS)}")


def in_order(rows: Iterable[Published]) -> list[Published]:
    """By benchmark and scenario; of each the newest round first, the most efficient, then the fastest."""
    names, scenarios = list(benchmarks()), SCENARIOS

    def place(row: Published) -> tuple[object, ...]:
        age = tuple(-int(part) for part in row.round.removeprefix("v").split("."))
        quick = row.result if row.is_time else -row.result
        best = (row.per_joule is None, -(row.per_joule or 0.0), quick)
        return names.index(row.benchmark), scenarios.index(row.scenario), age, *best

    return sorted(rows, key=place)
