"""What do tools say of joules per token, where the load changes and where two servers share a host?

    python benchmarks/ratios.py [--seconds N]

The truth is known: one server alternates every five seconds between 10 and 1000 tokens a second, another
does 300 all the time, each on a board of its own that draws 100 W throughout. All are given the same
readings, one a second. perfwatch goes through its live figures and its summary. vllmstat's own classes are
asked if it can be imported (`pip install vllmstat`), else its arithmetic as it stands in its source (0.9.1:
the mean of power over a smoothed rate) is done here. So is toptop's (power of all boards over a rate of the
moment: in a fast half here, a hundred times as much in a slow one), and vllm-htop's (all boards of a host
are one server's).

Budget: perfwatch within 0.1 % of the truth, of each server and of both, from the second reading on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from derive.build import Session

from perfwatch.derive.live import LiveFigures
from perfwatch.derive.settings import Settings
from perfwatch.derive.standing import Standing
from perfwatch.derive.summary import summarise
from perfwatch.derive.tape import Tape
from perfwatch.metrics import ENERGY, GENERATED_TOKENS, POWER
from perfwatch.model import Device, DeviceKind

WATTS = 100.0
SLOW, FAST, STEADY, HALF_S = 10.0, 1000.0, 300.0, 5.0
BUDGET = 0.001
SMOOTHING, LEAST_RATE = 0.3, 1.0


def alternating(t: float) -> float:
    """Tokens after so long: slow, then fast, and again."""
    whole, rest = divmod(t, 2 * HALF_S)
    return whole * HALF_S * (SLOW + FAST) + SLOW * min(rest, HALF_S) + FAST * max(0.0, rest - HALF_S)


def steady(t: float) -> float:
    """Tokens of the other server."""
    return STEADY * t


SERVERS: Sequence[Callable[[float], float]] = (alternating, steady)


def session(seconds: int) -> Session:
    """What perfwatch records of it."""
    made = Session()
    times = [float(t) for t in range(seconds + 1)]
    boards, pages = [], []
    for index, tokens in enumerate(SERVERS):
        metrics = (ENERGY.observed(update_s=0.01), POWER.observed(update_s=0.01, window_s=0.01))
        boards.append(f"GPU-{index}")
        board = made.device(metrics=metrics, uuid=boards[-1])
        made.poll(board, times, lambda t: WATTS * t, lambda _: WATTS)
        facts = {"work": "page", "url": f"http://127.0.0.1:{8000 + index}/metrics"}
        page = Device(
            f"page-{index}", facts["url"], DeviceKind.WORKLOAD, index, (GENERATED_TOKENS,), facts=facts
        )
        number = made.declare("page", page)
        made.poll(number, times, lambda t, tokens=tokens: round(tokens(t)))
        pages.append(page.id)
    made.job(0.0, float(seconds))
    owned = {page: [board] for page, board in zip(pages, boards, strict=True)}
    made.event(0.0, "devices", ids=boards, because="", guessed=False, shared={}, by_workload=owned)
    return made


class Told(NamedTuple):
    """Joules per token: of the alternating server, of the other, and of both."""

    first: float | None
    second: float | None
    both: float | None


def perfwatch_live(records: Sequence[dict[str, Any]], until: float) -> Told:
    figures = LiveFigures()
    for record in records:
        if record.get("t", 0.0) <= until:
            figures.take(record)
    standing = figures.standing()
    assert standing is not None
    each = list(standing.servers.values())
    return Told(*(_inverse(one.run.per_joule("generated_tokens")) for one in each), _of_all(standing))


def _of_all(standing: Standing) -> float | None:
    return _inverse(standing.run.per_joule("generated_tokens"))


def _inverse(value: float | None) -> float | None:
    return None if not value else 1.0 / value


def perfwatch_summary(records: Sequence[dict[str, Any]]) -> Told:
    header, *rest = records
    tape = Tape(header)
    for record in rest:
        tape.take(record)
    summary = summarise(tape, Settings(window="job"))
    each = [one["efficiency"]["generated_tokens"]["joules_per"] for one in summary["by_server"]]
    return Told(*each, summary["efficiency"]["generated_tokens"]["joules_per"])


def vllmstat(seconds: int) -> tuple[Told, str]:
    """Its mean for each server; it has none for both."""
    try:
        from vllmstat.core.fleet import InstanceRuntime  # type: ignore[import-not-found]
        from vllmstat.core.rates import Rate  # type: ignore[import-not-found]
        from vllmstat.core.state import Instance  # type: ignore[import-not-found]
    except ImportError:
        return Told(*(_mean_of_ratios(tokens, seconds) for tokens in SERVERS), None), "its arithmetic"
    told = []
    for tokens in SERVERS:
        runtime, rate = InstanceRuntime(Instance("s", "http://127.0.0.1:1", (0,))), Rate()
        for t in range(seconds + 1):
            found = runtime.record_efficiency(rate.update(tokens(float(t)), float(t)), WATTS)
        told.append(found[1])
    return Told(*told, None), "its own classes"


def _mean_of_ratios(tokens: Callable[[float], float], seconds: int, smoothing: float = SMOOTHING) -> float:
    smoothed, ratios = 0.0, []
    for t in range(1, seconds + 1):
        rate = tokens(float(t)) - tokens(t - 1.0)
        smoothed = smoothing * rate + (1.0 - smoothing) * smoothed
        if smoothed >= LEAST_RATE:
            ratios.append(WATTS / smoothed)
    return fmean(ratios)


def toptop(seconds: int) -> Told:
    """All boards' power over the rate of the moment, which is that of the last second here."""
    last = [tokens(float(seconds)) - tokens(seconds - 1.0) for tokens in SERVERS]
    return Told(*(len(SERVERS) * WATTS / rate for rate in last), None)


def whole_host(seconds: int) -> Told:
    """Each server is charged all boards of the host."""
    joules = len(SERVERS) * WATTS * seconds
    return Told(*(joules / tokens(float(seconds)) for tokens in SERVERS), None)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60, help="of the run (60)")
    seconds = parser.parse_args().seconds
    made = session(seconds)
    records = [made.header, *sorted(made.records, key=lambda record: record.get("t", 0.0))]
    done = [tokens(float(seconds)) for tokens in SERVERS]
    truth = Told(*(WATTS * seconds / each for each in done), 2 * WATTS * seconds / sum(done))
    theirs, how = vllmstat(seconds)
    ours = {
        "perfwatch, live": perfwatch_live(records, float(seconds)),
        "perfwatch, summary": perfwatch_summary(records),
    }
    rows = {
        "truth": truth,
        **ours,
        f"vllmstat ({how})": theirs,
        "the same without smoothing": Told(*(_mean_of_ratios(each, seconds, 1.0) for each in SERVERS), None),
        "toptop's arithmetic": toptop(seconds),
        "vllm-htop's arithmetic": whole_host(seconds),
    }
    print(f"joules per token after {seconds} s, read once a second\n")
    print(f"{'':34}{'10/1000 tok/s':>15}{'300 tok/s':>12}{'both':>12}")
    for name, told in rows.items():
        cells = ["-" if value is None else f"{value:.4g}" for value in told]
        print(f"{name:34}{cells[0]:>15}{cells[1]:>12}{cells[2]:>12}")
    early = perfwatch_live(records, 1.0)
    second = Told(WATTS / SLOW, WATTS / STEADY, 2 * WATTS / (SLOW + STEADY))
    print(f"\nafter the second reading: {early.first:.4g}, {early.second:.4g}, {early.both:.4g}")
    off = max(
        abs(value / true - 1.0) if value is not None and true is not None else 1.0
        for found, right in [*((one, truth) for one in ours.values()), (early, second)]
        for value, true in zip(found, right, strict=True)
    )
    verdict = "kept" if off <= BUDGET else "MISSED"
    print(f"perfwatch is at most {100 * off:.2g} % off; budget {100 * BUDGET:g} %: {verdict}")
    return 0 if off <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
