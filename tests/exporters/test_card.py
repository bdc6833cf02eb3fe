"""The card of a run: which figures, what it keeps to itself, and how it looks in its three forms."""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from summaries import RENT, finding, nothing, on_a_cpu, server, too_short

from perfwatch.derive.settings import CostInputs
from perfwatch.exporters.card import markdown, svg, text
from perfwatch.exporters.card.figures import figures_of
from perfwatch.exporters.card.making import card_of, to_json
from perfwatch.exporters.card.model import Card, Figure, Source
from perfwatch.exporters.summary_parts import Parts
from perfwatch.text import width

CARDS = Path(__file__).parent / "cards"
SOURCE = Source("session", "3f9a0c12ab34" + "0" * 52)
SVG = "{http://www.w3.org/2000/svg}"
EVIL = (
    "</title><script>alert(1)</script>|`x`\x1b[31m\x07\n\n# &amp; **b** @octocat #1 GH-2 "
    "[a](http://evil.example) www.evil.example \u202e$x$\ud800\ufffe"
)
RENDERERS = (text.render, markdown.render, svg.render)


def card(summary: dict[str, Any], **how: Any) -> Card:
    return card_of(summary, SOURCE, **how)


def figures(summary: dict[str, Any]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(Parts(summary))}


def simulated(summary: dict[str, Any]) -> dict[str, Any]:
    summary["devices"]["ids"] = ["simulated:0"]
    return summary


def hostile() -> dict[str, Any]:
    """A summary in which every name is an attack."""
    summary = server()
    summary["session"]["name"] = EVIL
    summary["session"]["hosts"] = [EVIL, "lab1"]
    summary["session"]["command"] = [EVIL, "--token", "geheim"]
    summary["session"]["perfwatch"] = EVIL
    summary["session"]["started"] = EVIL
    summary["conditions"]["tags"] = {EVIL: EVIL}
    summary["conditions"]["versions"] = {EVIL: EVIL}
    summary["conditions"]["devices"] = {EVIL: {"count": 8, "driver": EVIL, "power_limit_watts": 700.0}}
    summary["cost"]["currency"] = EVIL
    summary["energy"]["not_included"] = [EVIL]
    summary["latency"] = {EVIL: summary["latency"]["time_to_first_token"]}
    summary["window"]["phase"] = EVIL
    for part in ("work", "efficiency"):
        summary[part][EVIL] = summary[part].pop("generated_tokens")
    for part in ("per", "per_million"):
        summary["cost"][part][EVIL] = summary["cost"][part].pop("generated_tokens")
    summary["unit"] = EVIL
    summary["quality"] = [finding(EVIL, "warn", EVIL), finding("b", "insufficient", EVIL)]
    return summary


# The six figures


def test_a_server_has_its_six_figures() -> None:
    assert [(figure.label, figure.text) for figure in card(server()).figures] == [
        ("rate", "1 950 tok/s"),
        ("mean power", "5.84 kW"),
        ("energy", "361 ± 2 kJ"),
        ("work per joule", "0.3337 ± 0.0019 tok/J"),
        ("TTFT latency, p50", "212 ms"),
        ("cost", "2.85 $/M tokens"),
    ]


def test_little_work_per_joule_is_told_as_joules_of_one_with_the_same_share_of_error() -> None:
    summary = server()
    summary["unit"] = "queries"
    told = figures(summary)["joules_per"]
    assert told.label == "energy per query"
    assert told.text == "1.203 ± 0.007 kJ/query"
    assert told.value == pytest.approx(361_000 / 300)
    assert told.error is not None
    assert told.value is not None
    assert told.error / told.value == pytest.approx(2_100 / 361_000)


def test_the_99th_percentile_is_told_where_ten_lie_beyond_it() -> None:
    summary = server()
    summary["latency"] = {"latency": {**summary["latency"]["time_to_first_token"], "count": 999}}
    assert (figures(summary)["latency"].label, figures(summary)["latency"].value) == ("latency, p50", 0.212)
    summary["latency"]["latency"]["count"] = 1000
    assert (figures(summary)["latency"].label, figures(summary)["latency"].value) == ("latency, p99", 0.89)
    summary["latency"]["latency"]["lower_limits"] = ["p99_s"]
    assert figures(summary)["latency"].text == "≥ 890 ms"


def test_what_was_not_timed_tells_its_duration() -> None:
    assert figures({**server(), "latency": {}})["duration"].text == "61.8 s"


def test_without_a_price_carbon_stands_there_and_without_that_utilization() -> None:
    assert "cost" in figures(server(RENT))
    emitted = figures(server(CostInputs(carbon_g_per_kwh=430.0)))["carbon"]
    assert emitted.text == "358 µg/token"
    used = server(CostInputs())
    used["utilization"] = {"nvidia:0": {"mean": 0.9, "max": 1.0}, "nvidia:1": {"mean": 0.7, "max": None}}
    assert figures(used)["utilization"].text == "80 %"


def test_an_error_too_small_to_be_written_beside_its_value_is_told_as_a_share() -> None:
    summary = server()
    summary["energy"]["error_joules"] = 1.0
    assert figures(summary)["energy"].text == "361 kJ"
    assert figures(summary)["energy"].note == "± 0.00028 %"


def test_what_is_unknown_is_a_dash_and_the_verdict_says_why() -> None:
    made = card(nothing())
    assert [figure.text for figure in made.figures] == ["–", "–", "–", "–", "5.00 s", "–"]
    assert made.judgement.sentence == "Nothing to quote: neither work nor energy was measured."
    assert made.judgement.unknown[0] == "No rate, no work per joule: no work was counted."
    assert all(figure.because for figure in made.figures if figure.value is None)
    assert "No work per joule, no cost: the window is too short." in card(too_short()).judgement.unknown


# Verdict and conditions


def test_the_verdict_has_the_words_of_the_summary() -> None:
    assert card(server()).judgement.sentence == "Good to quote."
    assert card(on_a_cpu()).judgement.sentence == "Good to quote as an estimate."
    assert (card(too_short()).judgement.sentence, card(too_short()).judgement.grade) == (
        "Not to be quoted.",
        "bad",
    )
    assert "sensor gain about ±5 %" in card(server()).judgement.limits


def test_the_three_gravest_findings_are_told_and_how_many_more_there_are() -> None:
    summary = server()
    levels = ["info", "warn", "info", "insufficient", "warn"]
    summary["quality"] = [finding(f"c{at}", level, f"m{at}") for at, level in enumerate(levels)]
    judgement = card(summary).judgement
    assert [one.message for one in judgement.findings] == ["m3", "m1", "m4"]
    assert judgement.rest == "2 more: perfwatch summary tells them."


def test_conditions_name_devices_driver_cap_tags_scope_method_window_version_and_day() -> None:
    summary = server()
    summary["conditions"]["tags"] = {"model": "meta-llama/Llama-3-70B", "precision": "fp8"}
    summary["conditions"]["versions"] = {"python": "3.12", "torch": "2.5.1"}
    made = card(summary)
    assert made.machine == (
        "8 × NVIDIA H100 80GB HBM3, cap 700 W, driver 570",
        "torch 2.5.1",
        "model=meta-llama/Llama-3-70B",
        "precision=fp8",
    )
    assert made.measured == (
        "accelerator energy of 8 GPUs (counter; integral agrees to 0.4 %)",
        "window: while working, 61.8 s",
    )
    assert made.made_of == ("perfwatch 0.1.0", "2026-01-01 UTC", "session sha256 3f9a0c12ab34")


def test_the_day_is_that_of_utc() -> None:
    summary = server()
    summary["session"]["started"] = "2026-01-01T00:30:00+02:00"
    assert card(summary).date == "2025-12-31"


# What a card keeps to itself


def told_off(summary: dict[str, Any]) -> dict[str, Any]:
    summary["session"]["hosts"] = ["lab1.example.org"]
    summary["session"]["name"] = "of /home/alice/jobs/secret.sh on lab1"
    summary["conditions"]["tags"] = {"model": "/home/alice/models/llama", "key": "sk-0123456789abcdef0123"}
    summary["quality"] = [
        finding("a", "warn", "lab1.example.org/nvidia:0 counts twice, says alice@lab1 in ~alice/notes.txt"),
        finding("b", "warn", "the page http://gpu7.example.org:8000/metrics did not answer on lab1"),
    ]
    return summary


@pytest.mark.parametrize("render", RENDERERS)
def test_no_host_no_person_no_path_and_no_command_is_told(render: Any) -> None:
    said = render(card(told_off(server()))) + str(to_json(card(told_off(server()))))
    for secret in ("lab1", "alice", "gpu7", "example.org", "vllm", "sk-0123", "/models"):
        assert secret not in said, secret
    assert "secret.sh" in said
    assert "model=llama" in said


@pytest.mark.parametrize("render", RENDERERS)
def test_hosts_and_command_are_told_on_request_without_secrets(render: Any) -> None:
    summary = server()
    summary["session"]["command"] = ["serve", "--api-key", "geheim"]
    said = render(card(summary, shown=("host", "command")))
    assert "lab1" in said
    assert "serve" in said
    assert "geheim" not in said


# Forms


@pytest.mark.parametrize(
    ("name", "summary", "ascii_only"),
    [
        ("server", server(), False),
        ("server-ascii", server(), True),
        ("estimated", on_a_cpu(), False),
        ("too-short", too_short(), False),
        ("nothing", nothing(), False),
        ("simulated", simulated(server()), False),
    ],
)
def test_the_text_is_the_one_that_was_agreed_on(name: str, summary: dict[str, Any], ascii_only: bool) -> None:
    said = text.render(card(summary), ascii=ascii_only)
    assert said + "\n" == (CARDS / f"{name}.txt").read_text(encoding="utf-8")
    assert {width(line) for line in said.splitlines()} == {72}
    assert said.isascii() or not ascii_only


def test_the_markdown_is_the_one_that_was_agreed_on() -> None:
    assert markdown.render(card(simulated(server()))) + "\n" == (CARDS / "simulated.md").read_text("utf-8")


@pytest.mark.parametrize("render", RENDERERS)
def test_a_simulated_run_says_so(render: Any) -> None:
    assert "SIMULATED" in render(card(simulated(server())))
    assert "SIMULATED" not in render(card(server()))


def test_work_or_facts_that_are_simulated_are_enough() -> None:
    worked, known = server(), server()
    worked["work"]["queries"]["source"] = "simulated"
    known["conditions"]["devices"]["NVIDIA H100 80GB HBM3"]["simulated"] = True
    assert card(worked).simulated
    assert card(known).simulated
    assert to_json(card(known))["simulated"] is True


def test_the_picture_stands_alone_and_tells_itself_to_screen_readers() -> None:
    root = ET.fromstring(svg.render(card(simulated(server()))))
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert about is not None
    assert root.get("role") == "img"
    assert str(root.get("aria-labelledby")).split() == [title.get("id"), about.get("id")]
    assert "SIMULATED" in str(title.text)
    assert "energy: 361 ± 2 kJ." in str(about.text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        *("svg", "title", "desc", "style", "rect", "line", "text", "tspan")
    }
    style = str(getattr(root.find(f"{SVG}style"), "text", ""))
    assert "prefers-color-scheme:dark" in style
    assert not re.search(r"url|import|http", style)


@pytest.mark.parametrize("summary", [server(), hostile(), nothing(), on_a_cpu(), too_short()])
def test_nothing_of_the_picture_leaves_it(summary: dict[str, Any]) -> None:
    root = ET.fromstring(svg.render(card(summary)))
    height = float(str(root.get("height")))
    for element in root.iter(f"{SVG}text"):
        x, y, size = (float(str(element.get(name))) for name in ("x", "y", "font-size"))
        size = svg.bold(size) if str(element.get("class")).endswith(" b") else size
        broad = svg.breadth(element.text or "", size)
        broad += sum(svg.breadth(part.text or "", float(str(part.get("font-size")))) for part in element)
        left = {"start": x, "middle": x - broad / 2, "end": x - broad}[str(element.get("text-anchor"))]
        assert left >= 0
        assert left + broad <= svg.WIDTH - svg.MARGIN + 10
        assert 0 < y < height


@pytest.mark.parametrize(
    ("told", "parts"),
    [
        ("8 747.7 ± 0.5 tok/s", ("8 747.7", "± 0.5 tok/s", "tok/s")),
        ("0.0418 €/M tokens", ("0.0418", "", "€/M tokens")),
        ("≥ 10.0 s", ("≥ 10.0", "", "s")),
        ("12 min 03 s", ("12 min 03 s", "", "")),
        ("–", ("–", "", "")),
    ],
)
def test_a_figure_is_parted_into_number_error_and_unit(told: str, parts: tuple[str, str, str]) -> None:
    value = svg.parted(told)
    assert (value.number, value.error, value.unit) == parts


# Hostile texts


@pytest.mark.parametrize("render", RENDERERS)
def test_control_characters_never_come_out(render: Any) -> None:
    said = render(card(hostile(), shown=("host", "command")))
    assert all(sign == "\n" or sign.isprintable() or sign == "\N{NO-BREAK SPACE}" for sign in said)
    assert "geheim" not in said


def test_a_hostile_picture_has_no_element_of_strangers() -> None:
    root = ET.fromstring(svg.render(card(hostile(), shown=("host", "command"))))
    assert not list(root.iter(f"{SVG}script"))
    assert "<script>" in str(getattr(root.find(f"{SVG}desc"), "text", ""))


def test_hostile_markdown_is_text() -> None:
    """As GitHub reads it: tables and bare links are on."""
    said = markdown.render(card(hostile(), shown=("host", "command")))
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(said)
    assert "<script" not in shown
    assert "<a " not in shown
    assert "<h1" not in shown
    assert shown.count("<tr>") == 7
    assert all(row.count("<td") == 3 for row in shown.split("<tr>")[2:])
    assert not re.search(r"@octocat|#1\b|GH-2|http:|www\.", said)


def test_markdown_shows_the_text_that_it_was_given() -> None:
    shown = MarkdownIt("commonmark", {"html": True}).render(
        markdown.escaped("- a_b *c* <d> [e](f) `g` 1 & $2 | ~h~")
    )
    assert shown == "<p>- a_b *c* &lt;d&gt; [e](f) `g` 1 &amp; $2 | ~h~</p>\n"


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=200))
def test_any_name_gives_a_card_of_its_width(name: str) -> None:
    summary = copy.deepcopy(server())
    summary["session"]["name"] = name
    summary["conditions"]["tags"] = {name: name}
    summary["quality"] = [finding("x", "warn", name)]
    made = card(summary)
    assert {width(line) for line in text.render(made).splitlines()} == {72}
    ET.fromstring(svg.render(made))
    assert "\n\n\n" not in markdown.render(made)
