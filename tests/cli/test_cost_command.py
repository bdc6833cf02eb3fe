"""`perfwatch cost`: a recorded run at other prices, and so much work a day."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commandline import perfwatch
from derive.build import Session, every, steps

from perfwatch.metrics import POWER
from perfwatch.model import DeviceKind, Scope

CHANGES_S = 1_700_000_020.0
"""Seconds since 1970 in the middle of the run."""
CONFIG = """
[cost]
price = "0.20 EUR/kWh"
[cost.purchase."*BOARD*"]
price = 10000
lifetime_h = 40000
utilization = 0.5
[units]
chat = { queries = 4 }
"""


@pytest.fixture
def run(tmp_path: Path) -> str:
    """A job of 40 s on one board of 100 W that told 400 queries in 36 s."""
    session = Session(command=["job"], settings={"cost": {"price_per_kwh": 0.10, "currency": "EUR"}})
    session.board(every(1.0, 0.0, 42.0), watts=100.0)
    session.job(1.0, 41.0)
    session.counter(steps(2.0, 38.0, 400, 40))
    session.records.sort(key=lambda record: record["t"])
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in (session.header, *session.records)))
    return str(path)


def cost(run: str, home: Path, *options: str) -> dict[str, Any]:
    done = perfwatch("cost", run, "--json", *options, home=home)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_session_is_paid_for_at_other_prices(run: str, tmp_path: Path) -> None:
    recorded, dear = cost(run, tmp_path), cost(run, tmp_path, "--price", "1 EUR/kWh", "--pue", "1.5")
    assert recorded["cost"]["energy"] * 10 * 1.5 == pytest.approx(dear["cost"]["energy"])
    assert recorded["projection"] is None
    summary = json.loads(perfwatch("summary", run, "--json", home=tmp_path).stdout)
    assert recorded["cost"] == summary["cost"]


def test_it_is_projected_to_so_much_work_a_day(run: str, tmp_path: Path) -> None:
    found = cost(run, tmp_path, "--at", "1M/day", "--peak", "3", "--carbon", "400")
    projection = found["projection"]
    rate = projection["rate_per_s"]
    assert projection["machines"] == -(-1e6 / 86400 * 3 // rate)
    assert projection["per_day"]["energy"] == pytest.approx(projection["per_day"]["kwh"] * 0.10)
    assert projection["per_day"]["carbon_grams"] == pytest.approx(projection["per_day"]["kwh"] * 400)
    assert found["schema"] == "perfwatch.cost/1"


def test_demand_may_be_told_for_any_time_and_in_a_unit_of_ones_own(run: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    options = ("--config", str(config), "--unit", "chat")
    found = [cost(run, tmp_path, *options, "--at", at) for at in ("2/s", "172800/day")]
    by_second, by_day = (one["projection"] for one in found)
    assert by_second == by_day
    assert by_second["unit"] == "chat"
    assert by_second["rate_per_s"] == pytest.approx(400 / 36 / 4, rel=0.05)
    (bought,) = by_second["assumptions"]["purchases"]  # of today's config, recorded was none
    assert bought["price"] == 10000


def test_people_read_a_table_and_a_sentence(run: str, tmp_path: Path) -> None:
    done = perfwatch("cost", run, "--at", "1000000/day", "--rent", "2 EUR/h/device", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 000 000 queries a day need" in done.stdout
    assert "a month" in done.stdout
    assert "--idle-baseline measures that" in done.stdout
    assert all(len(line) <= 110 for line in done.stdout.splitlines())
    hint = perfwatch("cost", run, home=tmp_path).stdout
    assert "--at 1000000/day" in hint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--at", "many/day"), "as in 1000000/day"),
        (("--at", "5"), "as in 1000000/day"),
        (("--at", "0/day"), "a number above 0"),
        (("--at", "-1/day"), "as in 1000000/day"),
        (("--price", "-0.1/kWh"), "not negative"),
        (("--at", "1e999/day"), "a number above 0"),
        (("--at", "1e300/day"), "up to 1e+18 a day"),
        (("--pue", "1e300"), "at most 10"),
        (("--rent", "1e300/h/device"), "over 1e+09"),
        (("--at", "5/fortnight"), "h, d, day, week, month, year, as in 1000000/day"),
        (("--at", "5/day", "--peak", "0.5"), "a number from 1 on"),
        (("--at", "5/day", "--peak", "nan"), "a number from 1 on"),
        (("--peak", "2"), "without --at"),
        (("--phase", "nix"), "no such phase"),
        (("--at", "5/day", "--from", "38"), "cannot project this run"),
    ],
)
def test_what_cannot_be_understood_is_answered_in_a_sentence(
    run: str, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = perfwatch("cost", run, *options, home=tmp_path)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_prices_of_the_config_in_another_currency_are_left_out_aloud(run: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.replace("EUR", "USD"))
    done = perfwatch("cost", run, "--config", str(config), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[cost] of the config is left out: it is in USD, the recording in EUR" in done.stderr
    assert done.stderr.count("\n") == 1
    config.write_text(CONFIG)
    assert perfwatch("cost", run, "--config", str(config), home=tmp_path).stderr == ""


def test_a_unit_that_nothing_counted_is_said(run: str, tmp_path: Path) -> None:
    done = perfwatch("cost", run, "--unit", "tokenz", home=tmp_path)
    assert done.returncode == 0
    assert "Nothing counted `tokenz` in the window; counted were queries (--unit)." in done.stderr
    assert "electricity only" in done.stdout


def test_a_rent_for_devices_that_are_not_there_is_answered(tmp_path: Path) -> None:
    """Work and no board: nothing to rent by the device."""
    session = Session(command=["job"])
    session.job(1.0, 41.0)
    session.counter(steps(2.0, 38.0, 400, 40))
    session.records.sort(key=lambda record: record["t"])
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in (session.header, *session.records)))
    done = perfwatch("cost", str(path), "--rent", "5/h/device", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no device of the run to rent: write it per node (5/h/node)" in " ".join(done.stdout.split())


def test_a_projection_rents_no_device_where_the_run_has_none(tmp_path: Path) -> None:
    """A meter at the wall, as of an imported result."""
    session = Session(command=["job"], settings={"scope": "wall"})
    power = POWER.observed(update_s=1.0, window_s=1.0)
    meter = session.device(collector="meter", metrics=(power,), kind=DeviceKind.METER, scope=Scope.WALL)
    session.poll(meter, every(1.0, 0.0, 42.0), lambda _: 500.0)
    session.job(1.0, 41.0)
    session.counter(steps(2.0, 38.0, 400, 40))
    session.records.sort(key=lambda record: record["t"])
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in (session.header, *session.records)))
    done = perfwatch("cost", str(path), "--rent", "5/h/device", "--at", "1000/day", home=tmp_path)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert text.count("no device of the run to rent: write it per node (5/h/node)") == 2
    assert "without rent: the run has no device" in text
    assert "rent 1 ×" not in text


def test_a_projection_of_an_estimate_is_called_one_wherever_it_stands(tmp_path: Path) -> None:
    """A processor whose power a model told; its rent is none."""
    session = Session(command=["job"])
    power = replace(POWER.observed(update_s=1.0, window_s=1.0), estimated=True)
    package = session.device("cpu_estimate", metrics=(power,), kind=DeviceKind.CPU, scope=Scope.CPU)
    session.poll(package, every(1.0, 0.0, 42.0), lambda _: 50.0)
    session.job(1.0, 41.0)
    session.counter(steps(2.0, 38.0, 400, 40))
    session.records.sort(key=lambda record: record["t"])
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in (session.header, *session.records)))
    options = ("--at", "1M/day", "--price", "0.3 EUR/kWh", "--carbon", "400")
    assert cost(str(path), tmp_path, *options)["projection"]["assumptions"]["estimated"] is True
    text = perfwatch("cost", str(path), *options, home=tmp_path).stdout
    projected = text.partition("a month")[2]
    for label in ("energy", "electricity", "carbon"):
        assert f"\n{label}, estimated  " in projected
    told = " ".join(projected.split())
    assert "energy of components; that energy is estimated: from a model, not a sensor" in told
    for said in ("cost an estimated", "take an estimated", "emit an estimated"):
        assert said in told
    rented = perfwatch("cost", str(path), *options, "--rent", "2 EUR/h/node", home=tmp_path).stdout
    assert "\ncost  " in rented.partition("a month")[2]
    assert "cost an estimated" not in " ".join(rented.split())


def test_a_projection_says_that_its_price_is_the_mean_of_one_by_time(run: str, tmp_path: Path) -> None:
    """Whole days are paid with what held during the run."""
    prices = tmp_path / "prices.csv"
    prices.write_text(f"time,EUR/kWh\n0,0.10\n{CHANGES_S},0.50\n")
    options = ("--price", str(prices), "--at", "1M/day")
    assumed = cost(run, tmp_path, *options)["projection"]["assumptions"]
    assert assumed["price_by_time"] is True
    assert assumed["price_range"] == [0.10, 0.50]
    text = " ".join(perfwatch("cost", run, *options, home=tmp_path).stdout.split())
    assert "the mean over the run of prices by time (0.1 to 0.5 €), for whole days" in text
    flat = cost(run, tmp_path, "--at", "1M/day")["projection"]["assumptions"]
    assert (flat["price_by_time"], flat["price_range"]) == (False, None)


def test_prices_that_begin_after_the_run_are_not_called_missing(run: str, tmp_path: Path) -> None:
    prices = tmp_path / "late.csv"
    prices.write_text("time,EUR/kWh\n2033-01-01T00:00:00Z,0.3\n")
    done = perfwatch("cost", run, "--price", str(prices), "--at", "1000/day", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the prices by time begin after this run did") == 2
    assert "no price given" not in done.stdout
