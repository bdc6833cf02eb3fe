"""Prices and intensities that change with time: the file, the mean over a window, a summary of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.commandline import perfwatch
from derive.build import Session, every
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.settings import Settings
from perfwatch.derive.spans import Span
from perfwatch.derive.tariff import rate_over
from perfwatch.errors import ConfigError
from perfwatch.metrics import ENERGY, POWER
from perfwatch.prices import cost_changes
from perfwatch.tariffs import read_tariff

ZERO_S = 1_700_000_000.123456789
"""Where the clock of a built session begins: 2023-11-14T22:13:20 UTC."""


def by_time(span: Span) -> float:
    return span.duration_s


# -- the mean over a window ----------------------------------------------------------------------------


def test_a_price_that_changes_is_weighed_by_what_was_used_under_each() -> None:
    steps = ((100.0, 0.10), (200.0, 0.40))
    even = rate_over(steps, [Span(50.0, 150.0)], 100.0, by_time)
    assert even is not None
    assert (even.mean, even.least, even.most) == (pytest.approx(0.25), 0.10, 0.40)
    used = {50.0: 900.0, 100.0: 100.0}  # joules by the begin of the part
    weighed = rate_over(steps, [Span(50.0, 150.0)], 100.0, lambda span: used[span.start])
    assert weighed is not None
    assert weighed.mean == pytest.approx(0.9 * 0.10 + 0.1 * 0.40)


def test_before_the_first_step_nothing_is_known() -> None:
    steps = ((100.0, 0.10),)
    assert rate_over(steps, [Span(50.0, 150.0)], 0.0, by_time) is None
    assert rate_over(steps, [Span(100.0, 150.0)], 0.0, by_time) is not None
    assert rate_over((), [Span(0.0, 1.0)], 0.0, by_time) is None


def test_prices_that_cancel_to_rounding_are_zero() -> None:
    """A step lies a microsecond off: 0.10 and -0.10 of as much energy leave nothing to be paid."""
    steps = ((0.0, 0.10), (150.000001, -0.10))
    found = rate_over(steps, [Span(100.0, 200.0)], 0.0, by_time)
    assert found is not None
    assert found == (0.0, -0.10, 0.10)


def test_the_last_step_holds_on() -> None:
    found = rate_over(((0.0, 0.2),), [Span(1e6, 2e6)], 0.0, by_time)
    assert found is not None
    assert found.mean == 0.2


steps_of = st.lists(
    st.tuples(st.floats(0.0, 100.0), st.floats(-1.0, 1.0)),
    min_size=1,
    max_size=8,
    unique_by=lambda step: step[0],
).map(lambda steps: tuple(sorted([(-1.0, 0.5), *steps])))


@given(steps_of, st.floats(0.0, 50.0), st.floats(0.1, 60.0))
def test_the_mean_lies_between_the_least_and_the_most_and_parts_add_up(
    steps: tuple[tuple[float, float], ...], start: float, length: float
) -> None:
    whole, middle = Span(start, start + length), start + length / 3.0
    found = rate_over(steps, [whole], 0.0, by_time)
    parts = [Span(start, middle), Span(middle, whole.end)]
    split = rate_over(steps, parts, 0.0, by_time)
    assert found is not None
    assert split is not None
    assert found.least - 1e-9 <= found.mean <= found.most + 1e-9
    assert split.mean == pytest.approx(found.mean, abs=1e-9)


# -- the file ------------------------------------------------------------------------------------------


def file(folder: Path, text: str, name: str = "prices.csv") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_units_and_currency_stand_in_the_heading(tmp_path: Path) -> None:
    text = "time,EUR/MWh\n2023-11-14T22:00Z,80\n2023-11-15T00:00+01:00,120.5\n# a remark\n\n1700010000,-5\n"
    changes = cost_changes(price=file(tmp_path, text))
    assert changes["currency"] == "EUR"
    assert changes["price_steps"] == (
        (1_699_999_200.0, pytest.approx(0.080)),
        (1_700_002_800.0, pytest.approx(0.1205)),
        (1_700_010_000.0, pytest.approx(-0.005)),
    )
    carbon = cost_changes(carbon=file(tmp_path, "time,kg/kWh\n0,0.43\n", "carbon.csv"))
    assert carbon["carbon_steps"] == ((0.0, pytest.approx(430.0)),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("a,b\n1,2\n", "its first line names the columns"),
        ("time\n1\n", "its first line names the columns"),
        ("time,EUR/kWh\n", "no line with a value"),
        ("time,EUR/kWh\n2026-11-27T00:00,1\n", "has no zone"),
        ("time,EUR/kWh\nyesterday,1\n", "is no time"),
        ("time,EUR/kWh\n1,nan\n", "is no number"),
        ("time,EUR/kWh\nnan,1\n", "line 2: 'nan' is no time in seconds since 1970"),
        ("time,EUR/kWh\n-inf,1\n", "line 2: '-inf' is no time"),
        ("time,EUR/kWh\n1,1\ninf,2\n", "line 3: 'inf' is no time"),
        ("time,EUR/kWh\n1700000000123,1\n", "is no time in seconds"),
        ("time,EUR/Wh\n1,1e9\n", "it holds 1e+12 a kWh, over 1e+09"),
        ("time,EUR/kWh\n1\n", "line 2: it takes a time and a value"),
        ("time,EUR/kWh\n2,1\n1,2\n", "line 3: it is not later than the line before"),
        ("time,EUR\n1,2\n", "heading"),
        ("time,EUR/h\n1,2\n", "heading"),
        ("time,g/kWh\n1,2\n", "is a carbon intensity: --carbon"),
        (
            "time,EUR/kWh\n" + "".join(f"{n},{n}\n" for n in range(1, 10_050)),
            "cut it to the time of the runs",
        ),
    ],
)
def test_what_is_no_tariff_is_said_with_its_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=r"prices\.csv") as caught:
        cost_changes(price=file(tmp_path, text))
    assert why in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_tariff("no.csv", "--price", tmp_path)


def test_steps_stand_in_the_header_and_come_back() -> None:
    before = Settings().merge({"cost": {"price_steps": ((1.0, 0.5), (2.0, 0.25)), "currency": "EUR"}})
    after = Settings.from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    flat = after.merge({"cost": {"price_per_kwh": 0.3}})
    assert flat.cost.price_steps == ()
    assert flat.merge({"cost": {"price_steps": ((1.0, 0.5),)}}).cost.price_per_kwh is None


# -- the whole way -------------------------------------------------------------------------------------


def recorded(path: Path) -> str:
    """A job of 200 s at 3600 W on a board with a counter, then 100 s of them at 7200 W."""
    session = Session(command=["job"])
    number = session.device(metrics=(ENERGY.observed(update_s=0.01), POWER.observed(update_s=0.01)))
    session.poll(
        number,
        every(1.0, 0.0, 202.0),
        lambda t: 3600.0 * t + max(0.0, t - 101.0) * 3600.0,
        lambda t: 3600.0 if t < 101.0 else 7200.0,
    )
    session.job(1.0, 201.0)
    session.records.sort(key=lambda record: record["t"])
    path.write_text("".join(json.dumps(record) + "\n" for record in (session.header, *session.records)))
    return str(path)


def test_a_recorded_run_is_priced_by_the_hour_it_ran_in(tmp_path: Path) -> None:
    """0.1 kWh at 0.10 and 0.2 kWh at 0.40: 0.09 in all, 0.30 a kWh on average."""
    run = recorded(tmp_path / "run.jsonl")
    prices = file(tmp_path, f"time,EUR/kWh\n0,0.10\n{ZERO_S + 101.0},0.40\n")
    done = perfwatch("summary", run, "--price", prices, "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stdout)["cost"]
    assert cost["energy"] == pytest.approx(0.09, rel=1e-3)
    assert cost["currency"] == "EUR"
    assert cost["assumptions"]["price_per_kwh"] == pytest.approx(0.30, rel=1e-3)
    assert cost["assumptions"]["price_range"] == [0.10, 0.40]
    text = perfwatch("summary", run, "--price", prices, home=tmp_path).stdout
    assert "0.300 €/kWh, by time, 0.10 to 0.40" in text


def test_prices_that_cancel_leave_the_error_of_what_was_paid_under_each(tmp_path: Path) -> None:
    """0.1 kWh at 0.40 and 0.2 kWh at -0.20 cost nothing; a joule too many under either is no less wrong."""
    run = recorded(tmp_path / "run.jsonl")
    prices = file(tmp_path, f"time,EUR/kWh\n0,0.40\n{ZERO_S + 101.0},-0.20\n")
    carbon = file(tmp_path, f"time,g/kWh\n0,100\n{ZERO_S + 101.0},500\n", name="carbon.csv")
    done = perfwatch("summary", run, "--price", prices, "--carbon", carbon, "--json", home=tmp_path)
    told = json.loads(done.stdout)
    error_kwh = told["energy"]["error_joules"] / 3.6e6
    assert abs(told["cost"]["energy"]) < 1e-3
    assert told["cost"]["error"] == pytest.approx(0.40 * error_kwh, rel=1e-6)
    assert told["carbon"]["error"] == pytest.approx(500 * error_kwh, rel=1e-6)


def test_a_run_before_the_first_price_has_none_and_says_so(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.jsonl")
    prices = file(tmp_path, f"time,EUR/kWh\n{ZERO_S + 50.0},0.10\n")
    done = perfwatch("summary", run, "--price", prices, home=tmp_path)
    assert done.returncode == 0
    assert "the prices by time begin after this run did" in " ".join(done.stdout.split())


def test_the_config_names_a_file_beside_it(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.jsonl")
    folder = tmp_path / "conf"
    folder.mkdir()
    file(folder, "time,EUR/kWh\n0,0.10\n")
    (folder / "perfwatch.toml").write_text('[cost]\nprice = "prices.csv"\n')
    done = perfwatch("cost", run, "--config", str(folder / "perfwatch.toml"), "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cost"]["energy"] == pytest.approx(0.03, rel=1e-3)


def test_a_file_of_prices_is_no_carbon_intensity(tmp_path: Path) -> None:
    named = file(tmp_path, "time,EUR/MWh\n1,2\n")
    with pytest.raises(ConfigError) as caught:
        cost_changes(carbon=named)
    assert f"if it is a price: --price {named}; it takes g/kWh" in str(caught.value)
