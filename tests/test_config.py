"""The user's file and environment: what they say, and what wrong ones are answered."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import pytest

from perfwatch.config import (
    RunConfig,
    UiConfig,
    collector_options,
    load_config,
    parse_collector_spec,
    parse_interval,
)
from perfwatch.derive.settings import CostInputs, Purchase, Settings
from perfwatch.errors import ConfigError
from perfwatch.testing import StubCollector

FULL = """
[run]
interval = "500ms"
devices = "nvidia:0-3"
workload = ["stdout=tqdm"]
unit = "queries"
scope = "node"
meter = "rack"
window = "marks"
warmup = 10
idle_baseline = "5s"
record = false
only = ["nvidia", "host"]
without = "rapl"

[cost]
price = "0.12 $/kWh"
rent_excludes_power = true
pue = 1.2
carbon = 430

[cost.purchase."*H100*"]
price = 30000
lifetime_h = 35000
utilization = 0.6

[units]
chat = { queries = 6 }

[collectors.chip]
library = "/opt/lib.so"
timeout_s = "250ms"

[ui]
ascii = true
color = false
"""


@dataclass(frozen=True)
class ChipOptions:
    library: str | None = None
    devices: int = 1
    power_w: float = 10.0
    timeout_s: float = 1.0
    fast: bool = False
    zones: tuple[str, ...] = ()
    count: Optional[int] = None  # noqa: UP045 - the older spelling must be understood as well
    retry_s: float | None = None
    table: dict[str, str] = dataclasses.field(default_factory=dict)


class ChipCollector(StubCollector):
    name = "chip"
    Options = ChipOptions


@pytest.fixture
def write(tmp_path):
    def writer(text):
        path = tmp_path / "perfwatch" / "config.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return writer


def load(path=None, **environ):
    return load_config(path, environ=environ)


def test_every_key_of_a_full_file_arrives(write):
    config = load(write(FULL))
    assert config.run == RunConfig(
        interval_s=0.5,
        devices="nvidia:0-3",
        workload=("stdout=tqdm",),
        unit="queries",
        scope="node",
        meter="rack",
        window="marks",
        warmup_s=10.0,
        idle_baseline_s=5.0,
        record=False,
        only=("nvidia", "host"),
        without=("rapl",),
    )
    assert config.cost == CostInputs(
        price_per_kwh=0.12,
        rent_excludes_power=True,
        purchases=(Purchase("*H100*", 30000.0, 35000.0, 0.6),),
        pue=1.2,
        carbon_g_per_kwh=430.0,
        currency="$",
    )
    assert config.units == {"chat": {"queries": 6.0}}
    assert config.ui == UiConfig(ascii=True, color=False)
    assert config.options_for(ChipCollector) == ChipOptions(library="/opt/lib.so", timeout_s=0.25)
    assert config.notes == ()


def test_a_theme_can_be_chosen_and_own_themes_lie_beside_the_file(write):
    file = write('[ui]\ntheme = "night"\n')
    config = load(file)
    assert config.ui.theme == "night"
    assert config.themes == Path(file).parent / "themes"


def test_own_themes_have_a_place_where_there_is_no_file(tmp_path):
    config = load_config(environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert (config.path, config.themes) == (None, tmp_path / "perfwatch" / "themes")


def test_the_config_becomes_the_settings_of_a_run(write):
    settings = load(write(FULL)).settings()
    assert settings.window == "marks"
    assert settings.warmup_s == 10.0
    assert settings.units == {"chat": {"queries": 6.0}}
    assert settings.cost.price_per_kwh == 0.12


def test_without_a_file_there_are_the_defaults(tmp_path):
    config = load(XDG_CONFIG_HOME=str(tmp_path))
    assert config.path is None
    assert config.run == RunConfig()
    assert config.settings() == Settings()
    assert config.notes == ()


def test_the_file_is_found_in_the_users_configuration_directory(write, tmp_path):
    path = write("[run]\nunit = 'steps'\n")
    config = load(XDG_CONFIG_HOME=str(tmp_path))
    assert config.run.unit == "steps"
    assert str(config.path) == path


def test_the_working_directory_is_never_searched(tmp_path, monkeypatch):
    (tmp_path / "perfwatch").mkdir()
    for place in ("config.toml", "perfwatch.toml", "perfwatch/config.toml"):
        (tmp_path / place).write_text("[run]\nunit = 'steps'\n")
    monkeypatch.chdir(tmp_path)
    config = load(XDG_CONFIG_HOME=".")
    assert config.run.unit is None
    assert "no absolute path" in config.notes[0]


def test_without_a_home_perfwatch_says_so_and_goes_on(monkeypatch, tmp_path):
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_config_dir", lambda: "~/.config")
    monkeypatch.chdir(tmp_path)
    config = load()
    assert config.run == RunConfig()
    assert "going on with the defaults" in config.notes[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_said_and_left(write, tmp_path):
    path = write(FULL)
    Path(path).chmod(0)
    config = load(XDG_CONFIG_HOME=str(tmp_path))
    assert config.run == RunConfig()
    assert "permission denied; going on with the defaults" in config.notes[0]
    with pytest.raises(ConfigError, match="permission denied"):
        load(path)


def test_a_directory_in_the_files_place_is_said_and_left(tmp_path):
    (tmp_path / "perfwatch" / "config.toml").mkdir(parents=True)
    config = load(XDG_CONFIG_HOME=str(tmp_path))
    assert config.run == RunConfig()
    assert "is a directory; going on with the defaults" in config.notes[0]


def test_a_named_file_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none.toml: no such file or directory; check the path"):
        load(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[run]\nunit = \n", "config.toml, line 2: invalid value"),
        ("[run\n", "config.toml, line 1: "),
        ("[run]\nunit = 'a'\nunit = 'b'\n", "config.toml, line 3: cannot overwrite a value"),
        ("[run]\nunit = '", "config.toml, line 2: "),
        (b"[run]\nunit = '\xff'\n", "config.toml, line 2: it is not UTF-8"),
        (b"a = '" + b"x" * (1 << 20) + b"'", "larger than 1 MiB"),
        ("[rum]\n", r"\[rum\] of .*: there is no such section; did you mean run\?"),
        ("run = 3\n", r"it is a section, written as \[run\]"),
        ("[run]\nintervall = 1\n", r"intervall in \[run\] of .*no such key; did you mean interval\?"),
        ("[run]\nzzz = 1\n", "no such key; there is devices, idle_baseline"),
        ("[run]\ninterval = 'soon'\n", r"interval in \[run\] of .* to 'soon': it takes seconds, .*500ms"),
        ("[run]\ninterval = 0.001\n", "it takes 10ms to 60s"),
        ("[run]\ninterval = '2m'\n", "it takes 10ms to 60s"),
        ("[run]\nwarmup = true\n", 'a duration, as in "10s"'),
        ("[run]\nwindow = 'all'\n", "one of job, marks, work"),
        ("[run]\nscope = ['node']\n", "one of accelerator, components, node, wall"),
        ("[run]\nrecord = 'perhaps'\n", "true or false"),
        ("[run]\nunit = 3\n", "a text"),
        ("[run]\nonly = [1]\n", "a text"),
        ("[run]\nonly = 1\n", "a list"),
        ("[cost]\nprice = 0.12\n", r"price in \[cost\] of .* 0.12 does not say per what: write 0.12/kWh"),
        ("[cost]\nprice = '2.5/h/device'\n", "is a rent: --rent 2.5/h/device"),
        ("[cost]\nprice = ['1/kWh']\n", 'a text, as in "0.12/kWh"'),
        ("[cost]\npue = 0.5\n", r"pue in \[cost\] of .*at least 1"),
        ("[cost]\nscope = 'all'\n", "it takes energy"),
        ("[cost]\nrent_excludes_power = 2\n", "true or false"),
        ("[cost]\nprize = 1\n", r"did you mean price\?"),
        ("[cost]\nprice = '1 EUR/kWh'\nrent = '2 CHF/h/node'\n", "in EUR and in CHF"),
        ("[cost]\npurchase = 3\n", "it takes a table for each model"),
        ("[cost.purchase.x]\nprice = 3\n", "lifetime_h is missing"),
        ("[cost.purchase.x]\nprice = 'dear'\nlifetime_h = 1\n", "the price of one device, as in 30000"),
        ("[cost.purchase.x]\nprice = 1\nlifetime_h = 0\n", "hours above 0"),
        ("[cost.purchase.x]\nprice = 1\nlifetime_h = 1\nutilization = 60\n", "a share above 0 and up to 1"),
        ("[cost.purchase.x]\nprice = 1\nlifetime = 1\n", r"did you mean lifetime_h\?"),
        ("[units]\nchat = 6\n", r"chat = \{ queries = 6 \}"),
        ("[units]\nchat = {}\n", r"chat = \{ queries = 6 \}"),
        ("[units]\nchat = { queries = 0 }\n", "a number above 0"),
        ("[units]\nqueries = { chats = 1 }\n", "queries is counted by itself"),
        ("[units]\n'a b' = { queries = 1 }\n", "one word"),
        ("[collectors]\nchip = 3\n", r"\[collectors.NAME\]"),
    ],
)
def test_a_broken_file_is_answered_in_one_sentence(write, text, answer):
    with pytest.raises(ConfigError, match=answer) as raised:
        load(write(text))
    assert "\n" not in str(raised.value)


def test_a_file_nested_without_end_is_refused(write):
    with pytest.raises(ConfigError, match=r"config\.toml"):
        load(write("a = " + "[" * 100_000))


def test_the_environment_goes_over_the_file(write):
    config = load(
        write(FULL),
        PERFWATCH_RUN_INTERVAL="2s",
        PERFWATCH_RUN_WINDOW="",
        PERFWATCH_RUN_ONLY="host,chip",
        PERFWATCH_COST_PUE="1.5",
        PERFWATCH_COST_RENT="2.5 $/h/device",
        PERFWATCH_UI_ASCII="no",
        PERFWATCH_UNITS_EPOCH="steps=100",
        PERFWATCH_COLLECTORS_CHIP_TIMEOUT_S="2s",
        PERFWATCH_STATSD="udp://127.0.0.1:9",
        PERFWATCH="x",
    )
    assert config.run.interval_s == 2.0
    assert config.run.window == "marks"
    assert config.run.only == ("host", "chip")
    assert config.cost.pue == 1.5
    assert config.cost.price_per_kwh == 0.12
    assert config.cost.rent_per_hour == 2.5
    assert config.cost.purchases == ()
    assert config.ui.ascii is False
    assert config.units == {"chat": {"queries": 6.0}, "epoch": {"steps": 100.0}}
    assert config.options_for(ChipCollector) == ChipOptions(library="/opt/lib.so", timeout_s=2.0)


@pytest.mark.parametrize(
    ("variable", "text", "answer"),
    [
        ("PERFWATCH_RUN_INTERVALL", "1", r"no such setting; did you mean PERFWATCH_RUN_INTERVAL\?"),
        ("PERFWATCH_RUN_INTERVAL", "soon", "cannot set PERFWATCH_RUN_INTERVAL to 'soon'"),
        ("PERFWATCH_COST_PRICE", "0.12", "PERFWATCH_COST_PRICE 0.12 does not say per what"),
        ("PERFWATCH_COST_PRICE", "1 EUR/kWh", r"in EUR beside purchase prices in \$"),
        ("PERFWATCH_UNITS_CHAT", "queries", "what it is made of"),
    ],
)
def test_a_wrong_variable_is_named(write, variable, text, answer):
    with pytest.raises(ConfigError, match=answer):
        load(write(FULL), **{variable: text})


def test_the_command_line_goes_over_environment_and_file(write):
    config = load(write(FULL), PERFWATCH_COLLECTORS_CHIP_TIMEOUT_S="2s")
    assert config.options_for(ChipCollector, {"timeout_s": "3s", "devices": "8"}) == ChipOptions(
        library="/opt/lib.so", timeout_s=3.0, devices=8
    )


def test_options_of_a_collector_that_does_not_exist_are_refused(write):
    config = load(write("[collectors.nvidya]\nx = 1\n"))
    with pytest.raises(ConfigError, match=r"no such collector; did you mean nvidia\?"):
        config.check_collectors(["nvidia", "rapl"])
    load(write("[collectors.nvidia]\nx = 1\n")).check_collectors(["nvidia", "rapl"])


def test_a_wrong_collector_option_in_the_file_names_the_file(write):
    config = load(write("[collectors.chip]\nlibrarry = '/x'\n"))
    with pytest.raises(
        ConfigError, match=r"librarry of collector chip in \[collectors.chip\] of .*library\?"
    ):
        config.options_for(ChipCollector)


# Options of collectors


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ChipOptions()),
        ({"library": "/x.so"}, ChipOptions(library="/x.so")),
        ({"library": "none"}, ChipOptions(library="none")),
        ({"devices": "8"}, ChipOptions(devices=8)),
        ({"devices": 8}, ChipOptions(devices=8)),
        ({"devices": 8.0}, ChipOptions(devices=8)),
        ({"power_w": "12.5"}, ChipOptions(power_w=12.5)),
        ({"power_w": 12}, ChipOptions(power_w=12.0)),
        ({"timeout_s": "250ms"}, ChipOptions(timeout_s=0.25)),
        ({"timeout_s": 2}, ChipOptions(timeout_s=2.0)),
        ({"fast": "yes"}, ChipOptions(fast=True)),
        ({"fast": False}, ChipOptions(fast=False)),
        ({"zones": "a,b"}, ChipOptions(zones=("a", "b"))),
        ({"zones": ["a", "b"]}, ChipOptions(zones=("a", "b"))),
        ({"count": "3"}, ChipOptions(count=3)),
        ({"count": "none"}, ChipOptions(count=None)),
        ({"retry_s": "1m"}, ChipOptions(retry_s=60.0)),
        ({"retry_s": "none"}, ChipOptions(retry_s=None)),
    ],
)
def test_texts_and_toml_values_fill_the_options(given, expected):
    assert collector_options(ChipCollector, given) == expected


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (
            {"librry": "x"},
            r"option librry of collector chip in -c: there is no such option; did you mean library\?",
        ),
        ({"library": 3}, "a text"),
        ({"library": ""}, "a text"),
        ({"devices": "eight"}, "a whole number, as in 8"),
        ({"devices": 1.5}, "a whole number"),
        ({"devices": True}, "a whole number"),
        ({"power_w": "nan"}, "a number, as in 65"),
        ({"power_w": [1]}, "a number"),
        ({"timeout_s": "soon"}, "a duration, as in 500ms"),
        ({"fast": "maybe"}, "true or false"),
        ({"fast": 1}, "true or false"),
        ({"count": "x"}, "a whole number"),
        ({"table": {"a": "b"}}, "not meant to be set from outside"),
    ],
)
def test_a_wrong_option_of_a_collector_says_what_it_takes(given, answer):
    with pytest.raises(ConfigError, match=answer):
        collector_options(ChipCollector, given, "-c")


def test_a_collector_without_options_says_so():
    with pytest.raises(ConfigError, match="it takes no options"):
        collector_options(StubCollector, {"x": "1"})
    assert collector_options(StubCollector, {}) == StubCollector.Options()


def test_an_option_that_the_collector_itself_refuses_is_its_own_sentence():
    @dataclass(frozen=True)
    class Narrow:
        tdp: float

        def __post_init__(self):
            if self.tdp > 100:
                raise ValueError("tdp must be at most 100")

    class NarrowCollector(StubCollector):
        name = "narrow"
        Options = Narrow

    with pytest.raises(ConfigError, match="collector narrow: tdp must be at most 100"):
        collector_options(NarrowCollector, {"tdp": "200"})
    with pytest.raises(ConfigError, match=r"collector narrow: .*tdp"):
        collector_options(NarrowCollector, {})
    assert collector_options(NarrowCollector, {"tdp": "65"}).tdp == 65.0


@pytest.mark.parametrize(
    ("text", "name", "path", "values"),
    [
        ("nvidia", "nvidia", None, {}),
        ("nvidia:library=/x/y.so,foo=1", "nvidia", None, {"library": "/x/y.so", "foo": "1"}),
        ('nvidia:library="/x,y:z.so", foo=1', "nvidia", None, {"library": "/x,y:z.so", "foo": "1"}),
        ("statsd:address='udp://127.0.0.1:0'", "statsd", None, {"address": "udp://127.0.0.1:0"}),
        ("statsd:address=udp://127.0.0.1:0", "statsd", None, {"address": "udp://127.0.0.1:0"}),
        ("cpu-estimate:tdp-w=65", "cpu-estimate", None, {"tdp_w": "65"}),
        ("nvidia:library=", "nvidia", None, {"library": ""}),
        ("./chip.py", None, "./chip.py", {}),
        ("./chip.toml:port=3,name=a b", None, "./chip.toml", {"port": "3", "name": "a b"}),
        ("/opt/a:b/chip:port=3", None, "/opt/a:b/chip", {"port": "3"}),
        ("plugins/chip.py:x=1", None, "plugins/chip.py", {"x": "1"}),
        ("~/chip.py", None, "~/chip.py", {}),
    ],
)
def test_a_collector_is_a_name_or_a_file_with_options(text, name, path, values):
    assert parse_collector_spec(text) == (name, path, values)


@pytest.mark.parametrize(
    "text", ["", ":a=1", "nvidia:library", "nvidia:a=1,,b=2", "nvidia:a='x", "two words", "nvidia:=1", "9"]
)
def test_what_is_no_collector_is_answered_with_its_form(text):
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        parse_collector_spec(text)


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("1", 1.0), (0.01, 0.01), ("60s", 60.0)])
def test_an_interval_has_bounds(text, seconds):
    assert parse_interval(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["9ms", "61s", "0", "x"])
def test_an_interval_out_of_bounds_is_refused(text):
    with pytest.raises(ConfigError, match="cannot set --interval"):
        parse_interval(text)


WITH_NOTHING_INSTALLED = """
import importlib, sys
sys.path.insert(0, {root!r})
for name in ("platformdirs", "tomli", *{hidden!r}):
    sys.modules[name] = None
from perfwatch.config import load_config
from perfwatch.session import shelf
config = load_config()
print(config.run.unit, shelf.state_directory(), *config.notes, sep="\\n")
"""


def carried(home: Path, hidden: tuple[str, ...] = (), **variables: str) -> list[str]:
    """What an interpreter without any package makes of a home: the unit, the directory of runs, the notes."""
    script = WITH_NOTHING_INSTALLED.format(root=str(Path(__file__).resolve().parent.parent), hidden=hidden)
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"HOME": str(home), **variables}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="without packages it reads no TOML")
@pytest.mark.parametrize("named", [False, True])
def test_a_carried_copy_finds_the_config_file_without_platformdirs(named, tmp_path):
    place = tmp_path / "elsewhere" if named else tmp_path / ".config"
    (place / "perfwatch").mkdir(parents=True)
    (place / "perfwatch" / "config.toml").write_text("[run]\nunit = 'steps'\n")
    told = carried(tmp_path, **({"XDG_CONFIG_HOME": str(place)} if named else {}))
    assert told == ["steps", str(tmp_path / ".local/state/perfwatch/sessions")]


def test_a_carried_copy_that_reads_no_toml_says_so_and_goes_on(tmp_path):
    (tmp_path / "perfwatch").mkdir()
    (tmp_path / "perfwatch" / "config.toml").write_text("[run]\nunit = 'steps'\n")
    told = carried(tmp_path, ("tomllib",), XDG_CONFIG_HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path))
    assert told[:2] == ["None", str(tmp_path / "perfwatch/sessions")]
    assert "this Python reads no TOML; going on with the defaults" in told[2]


@pytest.mark.parametrize(
    "units", ["chat = { chat = 2 }", "chat = { talk = 2 }\ntalk = { chat = 2 }", "a={b=1}\nb={c=1}\nc={a=1}"]
)
def test_a_unit_that_is_made_of_itself_is_refused(tmp_path: Path, units: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[units]\n{units}\n")
    with pytest.raises(ConfigError, match="made of itself"):
        load_config(file, environ={})


def test_units_may_be_made_of_others(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[units]\nchat = { talk = 2 }\ntalk = { queries = 3 }\n")
    assert set(load_config(file, environ={}).units) == {"chat", "talk"}


def test_a_variable_that_belongs_to_no_section_is_said_to_have_no_effect(tmp_path: Path) -> None:
    found = load_config(
        environ={"XDG_CONFIG_HOME": str(tmp_path), "PERFWATCH_COTS_PRICE": "1/kWh", "PERFWATCH_STATSD": "x"}
    )
    (note,) = found.notes
    assert "PERFWATCH_COTS_PRICE has no effect" in note
    assert "PERFWATCH_COST_PRICE" in note
