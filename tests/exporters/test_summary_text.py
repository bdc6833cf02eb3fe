"""The face of a summary: what people read, at which width, with what left out and said instead."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from summaries import H100, RENT, finding, nothing, on_a_cpu, one_window, server, timing, too_short

from perfwatch.derive.settings import CostInputs, Purchase
from perfwatch.exporters.summary_text import render
from perfwatch.text import width

FACES = Path(__file__).parent / "faces"
LOG = "/state/perfwatch/run-1.jsonl.zst"
NEXT = ("perfwatch summary last", "perfwatch export last --to csv")
BOUGHT = CostInputs(
    price_per_kwh=0.12,
    pue=1.2,
    purchases=(Purchase("*H100*", 30000.0, 35000.0, 0.6),),
    currency="EUR",
    carbon_g_per_kwh=430.0,
)


def face(summary, **how):
    return render(summary, **{"width": 80, "log_path": LOG, "next_steps": NEXT, **how})


def line(text, start):
    """The line that begins so."""
    return next(found for found in text.splitlines() if found.startswith(start))


def words(text):
    """The text without its line breaks and padding."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "summary", "how"),
    [
        ("server-95", server(), {"width": 95}),
        ("server-80", server(), {"width": 80}),
        ("server-ascii", server(), {"width": 80, "ascii": True}),
        ("server-40", server(), {"width": 40}),
        ("bought-80", server(BOUGHT), {"width": 80}),
        ("too-short-80", too_short(), {"width": 80}),
        ("estimated-80", on_a_cpu(), {"width": 80}),
        ("nothing-80", nothing(), {"width": 80}),
    ],
)
def test_the_face_is_the_one_that_was_agreed_on(name, summary, how):
    """Golden files; a change of the face shows as a change of text in the review."""
    assert face(summary, **how) + "\n" == (FACES / f"{name}.txt").read_text(encoding="utf-8")


def test_both_windows_stand_beside_each_other_and_one_alone_has_one_column():
    both = face(server())
    assert re.search(r"while working +whole job", both)
    assert line(both, "duration").split()[1:] == ["61.8", "s", "74.2", "s"]
    alone = face(one_window(server()))
    assert "while working" not in alone.split("window:")[0]
    assert line(alone, "duration").split()[1:] == ["74.2", "s"]


def test_the_working_window_is_the_left_one_even_when_the_job_is_the_headline():
    summary = server()
    working = {key: summary[key] for key in summary["also"]["job"] if key != "quality"}
    swapped = {**one_window(summary), "also": {"work": {**working, "quality": []}}}
    assert words(line(face(swapped), "duration")) == "duration 61.8 s 74.2 s"


def test_a_phase_and_a_recording_without_a_job_name_their_column():
    phase = server()
    phase["window"]["phase"] = "load"
    assert "phase load" in face(phase)
    recording = one_window(server())
    recording["session"] |= {"command": [], "exit_status": None, "name": "night"}
    text = face(recording)
    assert "whole recording" in text
    assert text.splitlines()[0].startswith("perfwatch: night")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "finished, exit 0"),
        (3, "failed, exit 3"),
        (127, "failed, exit 127 (a program was not found)"),
        (126, "failed, exit 126 (a program is not executable)"),
        (143, "ended by SIGTERM, exit 143"),
        (192, "ended by "),
        (None, "its end was not seen"),
    ],
)
def test_the_header_says_how_the_job_ended(status, said):
    summary = server()
    summary["session"]["exit_status"] = status
    assert said in face(summary).splitlines()[0]


def test_no_devices_are_told_too_and_because_of_what():
    summary = nothing()
    summary["devices"]["because"] = "CUDA_VISIBLE_DEVICES= in the job's environment says so"
    said = "devices: none, because CUDA_VISIBLE_DEVICES= in the job's environment says so."
    assert said in words(face(summary))
    summary["devices"]["because"] = ""
    assert "devices:" not in face(summary)


def test_scopes_are_named_in_the_label():
    summary = server()
    assert "energy, 8 GPUs" in face(summary)
    one = copy.deepcopy(summary)
    one["energy"]["by_device"] = {"nvidia:3": one["energy"]["by_device"]["nvidia:3"]}
    assert "power, 1 GPU " in face(one)
    npu = copy.deepcopy(summary)
    npu["energy"]["by_device"] = {
        f"rebellions:{n}": device for n, device in enumerate(npu["energy"]["by_device"].values())
    }
    assert "energy, 8 devices" in face(npu)
    node = copy.deepcopy(summary)
    node["energy"]["scope"] = "node"
    assert "energy, node" in face(node)
    cpu = on_a_cpu("counter")
    assert "energy, CPU " in face(cpu)
    package = next(iter(cpu["energy"]["by_device"].values()))
    cpu["energy"]["by_device"] = {
        "rapl:package-0": package,
        "rapl:package-1": package,
        "rapl:dram-0": {**package, "scope": "dram"},
    }
    assert "energy, 2 CPUs + DRAM" in face(cpu)


def test_an_estimate_is_labelled_wherever_it_appears():
    text = face(on_a_cpu())
    for label in ("power, CPU", "energy, CPU", "efficiency", "per query", "cost", "carbon"):
        assert line(text, label).startswith(f"{label}, estimated")
    assert "good to quote as an estimate" in text
    assert "estimated" not in face(on_a_cpu("counter"))


def test_a_rent_is_no_estimate_even_where_the_energy_is():
    summary = on_a_cpu()
    summary["cost"] = one_window(server(RENT))["cost"]
    text = face(summary)
    assert line(text, "cost").startswith("cost  ")
    assert line(text, "energy").startswith("energy, CPU, estimated")


def test_a_part_that_was_estimated_is_said():
    summary = server()
    summary["energy"]["method"] = "mixed"
    summary["energy"]["by_device"]["nvidia:0"]["method"] = "estimated"
    text = face(summary)
    assert "energy, 8 GPUs, partly estimated" in text
    assert "counter and estimate" in words(text)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("counter", "counter; integral agrees to 0.4 %"),
        ("integrated", "integral of power, 618 readings"),
        ("estimated", "from a model, not a sensor"),
    ],
)
def test_the_method_of_the_energy_stands_beside_it(method, said):
    summary = server()
    summary["energy"]["method"] = method
    assert said in words(face(summary))


def test_one_reading_is_no_readings():
    summary = on_a_cpu("integrated")
    next(iter(summary["energy"]["by_device"].values()))["samples"] = 1
    assert "integral of power, 1 reading " in words(face(summary)) + " "


def test_a_counter_without_an_integral_over_the_same_time_agrees_with_nothing():
    summary = server()
    for device in summary["energy"]["by_device"].values():
        device["integral_off_ratio"] = None
    assert line(face(summary), "energy").rstrip().endswith("counter")


def test_low_coverage_net_energy_and_peaks_are_shown():
    summary = server()
    for figures in (summary, summary["also"]["job"]):
        figures["energy"] |= {"coverage": 0.93, "net_joules": 300e3, "idle_watts": 812.0}
    summary["power"]["max_watts"] = 6100.0
    text = words(face(summary, width=110))
    assert "covers 93 %" in text
    assert "energy above idle 300 kJ 300 kJ idle 812 W" in text
    assert "at most 6.10 kW" in text


def test_a_largest_reading_below_the_mean_is_not_called_the_most():
    summary = server()
    summary["power"]["max_watts"] = 0.9 * summary["power"]["mean_watts"]
    assert "at most" not in face(summary)


def test_other_scopes_stand_beside_the_headline_with_what_speaks_against_them():
    summary = server()
    summary["energy"]["by_scope"] = {
        "cpu": {"joules": 12_100.0, "error_joules": 90.0, "coverage": 1.0, "notes": []},
        "node": {
            "joules": 480e3,
            "error_joules": None,
            "coverage": 0.8,
            "notes": ["covers 80 % of the window"],
        },
        "wall": {"joules": None, "error_joules": None, "coverage": None},
    }
    text = words(face(summary))
    assert "also measured CPU 12.10 ± 0.09 kJ, node 480 kJ (covers 80 % of the window)" in text
    assert "wall" not in text


def test_the_gain_of_a_meter_is_told_or_that_it_was_not_stated() -> None:
    summary = server()
    wall = {"joules": 480e3, "error_joules": 90.0, "gain_ratio": 0.01, "coverage": 1.0, "notes": ["late"]}
    summary["energy"]["by_scope"] = {"wall": wall}
    assert "J (sensor gain about ±1 %; late)" in words(face(summary))
    summary["energy"].update(by_scope={}, scope="wall", gain_ratio=0.02)
    assert "sensor gain about ±2 %" in words(face(summary))
    summary["energy"]["gain_ratio"] = None
    assert "the meter's accuracy is not stated (-c NAME:accuracy=1%)" in words(face(summary))


def test_prompt_and_generated_tokens_add_to_all_tokens():
    summary = server()
    summary["efficiency"]["prompt_tokens"] = {"per_joule": 2.68, "per_joule_error": None, "joules_per": 0.37}
    assert "all tokens 3.01 tok/J" in words(face(summary))


def test_a_ratio_that_rests_on_too_little_is_a_dash_with_the_reason():
    text = face(too_short())
    assert re.search(r"efficiency +–  0.300 tok/J  the window is too short", text)
    assert "  ! 3.1 s are too short; from 5 s on it is shown." in text
    assert "quality: not to be quoted." in text
    assert "/query" not in text
    assert "0.343 $" in text


def test_a_dash_in_the_other_column_names_that_column():
    summary = server()
    job = summary["also"]["job"]
    job["quality"] = [finding("low-coverage", "insufficient", "Too little.")]
    for ratios in job["efficiency"].values():
        ratios.update(dict.fromkeys(ratios))
    assert "whole job: readings are missing" in words(face(summary))


# Cost


def test_without_a_price_the_face_says_what_to_type():
    text = face(server(CostInputs()))
    assert "no price given: add --price 0.12/kWh or --rent 2.5/h/device" in line(text, "cost")


def test_electricity_alone_is_called_that():
    text = words(face(server(CostInputs(price_per_kwh=0.12, currency="USD"))))
    assert "electricity only, 0.12 $/kWh" in text


def test_a_total_of_a_purchase_shows_its_electricity():
    text = words(face(server(BOUGHT)))
    assert "8 × 30 000 € over 35 000 h at 60 % use, 0.12 €/kWh × PUE 1.2" in text
    assert "electricity 0.0144 €" in text


def test_a_rent_shows_the_electricity_that_it_contains():
    text = words(face(server(CostInputs(rent_per_hour=2.5, price_per_kwh=0.12, currency="USD"))))
    assert "electricity in the rent 0.0120 $" in text


def test_a_total_that_lacks_a_price_says_which():
    node = CostInputs(rent_per_hour=20.0, rent_basis="node", rent_excludes_power=True)
    text = words(face(server(node)))
    assert "rent 20/h per node; machine 0.343; no price of electricity: add --price 0.12/kWh" in text
    partly = CostInputs(price_per_kwh=0.12, purchases=(Purchase("*H100*", 30000.0, 35000.0),))
    summary = server(partly)
    summary["cost"] |= {"machine": None, "total": None}
    summary["cost"]["assumptions"] |= {"missing": ["machine (NVIDIA L4)"], "contains": ["electricity"]}
    assert "no price of the machine (NVIDIA L4)" in words(face(summary))


def test_won_have_no_decimals_and_small_costs_are_per_million():
    text = words(face(server(CostInputs(price_per_kwh=150.0, currency="KRW"))))
    assert "cost 15 ₩ 17 ₩ electricity only, 150 ₩/kWh; 125 ₩/M tokens, 50 139 ₩/M queries" in text


def test_amounts_without_a_currency_are_bare():
    text = words(face(server(CostInputs(rent_per_hour=2.5))))
    assert "cost 0.343 0.412 rent 8 × 2.50/h; 2.85/M tokens, 0.00114/query" in text


def test_idle_time_is_shown_in_money():
    assert "cost of idle time 0.0689 $ 17 % of the time" in words(face(server()))
    assert "idle time" not in face(one_window(server()))


@pytest.mark.parametrize("part", [{"phase": "load"}, {"kind": "span"}, {"warmup_s": 5.0}])
def test_what_lies_outside_of_a_part_of_the_work_is_no_idle_time(part):
    """Its money would be that of the whole job without the part, its share that of the time while working."""
    summary = server()
    summary["window"] |= part
    assert "idle time" not in face(summary)


def test_a_whole_job_without_its_warm_up_has_no_idle_time_to_subtract():
    summary = server()
    summary["also"]["job"]["window"]["warmup_s"] = 5.0
    assert "idle time" not in face(summary)


def test_what_is_hardly_covered_tells_neither_the_cost_of_idling_nor_an_agreement():
    summary = server(CostInputs(price_per_kwh=0.12))
    assert "idle time" in face(summary)
    summary["energy"]["coverage"] = 0.03
    summary["quality"] = [{"code": "low-coverage", "level": "insufficient", "message": "Little was read."}]
    assert "idle time" not in face(summary)
    assert "agrees" not in face(summary)


def test_carbon_says_what_it_assumes():
    text = words(face(server(CostInputs(price_per_kwh=0.12, carbon_g_per_kwh=430.0))))
    assert "carbon 43.1 g 47.9 g 144 mg/query, 430 g/kWh" in text


# Latency


def test_short_latencies_keep_their_digits_and_percentiles_that_are_unknown_are_left_out():
    summary = server()
    summary["latency"] = {"latency": timing(12, p50=0.2388e-3, p90=None, p99=None, longest=0.4e-3)}
    shown = line(face(summary), "latency")
    assert words(shown) == "latency p50 239 µs max 400 µs (12 timed)"
    assert "0.00" not in shown


def test_a_percentile_beyond_the_last_bucket_is_a_lower_limit():
    summary = server()
    summary["latency"] = {"latency": timing(300, p50=0.2, p90=0.4, p99=10.0, longest=10.0)}
    summary["latency"]["latency"] |= {"lower_limits": ["p99_s"], "max_s": None}
    assert "p99 ≥ 10.0 s" in face(summary)


def test_a_percentile_in_a_bucket_wider_than_itself_is_told_as_the_bucket():
    summary = server()
    summary["latency"] = {"queue_time": timing(121, p50=0.15, p90=0.27, p99=0.297, longest=None)}
    summary["latency"]["queue_time"] |= {"buckets": {"p50_s": [0.0, 0.3], "p90_s": [0.1, 0.3]}}
    assert "p50 ≤ 300 ms p90 100 ms to 300 ms p99 297 ms" in words(face(summary))


# Quality


def test_only_a_run_without_warnings_is_good_to_quote():
    summary = server()
    summary["quality"] = [
        finding("few-latencies", "info", "p99 rests on few."),
        finding("short-window", "warn", "6 s are short."),
        finding("gap", "warn", "A gap of 3 s."),
    ]
    text = face(summary)
    assert "good to quote" not in text
    assert "quality: quote it with what follows." in text
    assert text.index("* 6 s are short.") < text.index("* A gap of 3 s.") < text.index("- p99 rests on few.")
    summary["quality"] = summary["quality"][:1]
    text = face(summary)
    assert "quality: good to quote." in text
    assert "  - p99 rests on few." in text


@pytest.mark.parametrize(
    ("part", "told", "why"),
    [
        ("mlperf", {"scenario": "Offline", "valid": False}, "its own logs call the run invalid"),
        ("mlperf", {"scenario": "Offline", "mode": "AccuracyOnly"}, "of a run for accuracy no speed"),
        ("session", {"exit_status": 4}, "the job failed"),
    ],
)
def test_good_figures_of_what_is_no_result_are_not_called_good_to_quote(part, told, why):
    summary = server()
    summary[part] = {**(summary.get(part) or {}), **told}
    text = face(summary, width=110)
    assert "good to quote" not in text
    assert f"quality: well measured, but {why}" in text


def test_idle_power_above_that_of_the_run_was_none():
    summary = server()
    summary["energy"] |= {"net_joules": -3e3, "net_error_joules": 20.0, "idle_watts": 90e3}
    assert "it was not at rest" in face(summary, width=110)


def test_insufficient_findings_come_first():
    summary = too_short()
    summary["quality"].insert(0, finding("gap", "warn", "A gap."))
    text = face(summary)
    assert text.index("3.1 s are too short") < text.index("A gap.")


def test_nothing_to_say_is_short_and_helps():
    text = face(nothing())
    assert len(text.splitlines()) <= 10
    assert "–" not in text
    assert "perfwatch doctor" in text
    assert "say where with -w" in text


def test_work_without_energy_has_no_page_of_dashes():
    summary = one_window(server(CostInputs(rent_per_hour=2.5, currency="USD")))
    energy = nothing()["energy"]
    summary |= {"energy": energy, "power": {"mean_watts": None, "max_watts": None}}
    summary["quality"] = [finding("no-power", "insufficient", "No device told its power.")]
    text = face(summary)
    assert "120 481" in text
    assert "energy," not in text
    assert "efficiency" not in text


def test_energy_without_work_shows_the_energy():
    summary = one_window(server())
    summary |= {"work": {}, "efficiency": {}, "latency": {}, "unit": None}
    text = face(summary)
    assert "401 ± 2 kJ" in text
    assert "efficiency" not in text


# Text from outside


HOSTILE = "\x1b[31mred\x1b[0m\r\n\x07\u202evil 가속기 " + "x" * 300


def poisoned(text):
    summary = server()
    summary["session"]["command"] = [text]
    summary["session"]["name"] = text
    summary["conditions"]["tags"] = {text: text}
    summary["conditions"]["devices"] = {text: {"count": 8, "power_limit_watts": [300.0, 400.0, None]}}
    summary["devices"]["because"] = text
    summary["window"]["because"] = text
    summary["energy"]["not_included"] = [text]
    summary["unit"] = text
    summary["work"][text] = {"count": 3, "rate_per_s": 0.05, "source": text, "others": []}
    summary["efficiency"][text] = {"per_joule": 1e-5, "per_joule_error": None, "joules_per": 1e5}
    summary["latency"] = {text: timing(300, p50=0.1, p90=0.2, p99=0.3, longest=0.4)}
    summary["cost"]["currency"] = text
    summary["cost"]["assumptions"]["missing"] = [text]
    summary["quality"] = [finding(text, "warn", text)]
    return summary


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.just(HOSTILE), st.text(max_size=120)), st.integers(40, 120), st.booleans())
def test_text_from_outside_cannot_steer_the_terminal_or_break_the_width(text, columns, ascii_only):
    shown = render(poisoned(text), width=columns, ascii=ascii_only, log_path=text)
    for found in shown.split("\n"):
        assert all(character.isprintable() for character in found)
        if not found.startswith("log: "):
            assert width(found) <= columns
    if ascii_only:
        assert shown.isascii()


@pytest.mark.parametrize("columns", [60, 72, 80, 95, 110])
@pytest.mark.parametrize("summary", [server(), server(BOUGHT), too_short(), on_a_cpu(), nothing()])
def test_no_line_is_wider_than_the_terminal(summary, columns):
    text = face(summary, width=columns)
    assert max(width(found) for found in text.splitlines() if not found.startswith("log: ")) <= columns


def test_wide_characters_keep_the_columns_aligned():
    summary = server()
    summary["conditions"]["devices"] = {"리벨리온 아톰": {"count": 8, "power_limit_watts": None}}
    summary["unit"] = "질의"
    for figures in (summary, summary["also"]["job"]):
        figures["work"]["질의"] = {"count": 300, "rate_per_s": 4.0, "source": "statsd", "others": []}
    text = face(summary)
    ends = {
        width(text_line[: text_line.index(end) + len(end)])
        for text_line, end in (
            (line(text, "duration"), "61.8 s"),
            (line(text, "질의"), "300"),
            (line(text, "rate"), "4.00 /s"),
        )
    }
    assert len(ends) == 1


def test_colours_add_nothing_but_colour():
    plain, coloured = face(server()), face(server(), color=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert coloured != plain


def test_without_a_log_nothing_refers_to_one():
    text = render(server(), width=80)
    assert "log:" not in text
    assert "next:" not in text


def test_the_log_and_the_next_commands_are_named():
    text = face(server())
    assert f"log: {LOG}" in text
    assert "perfwatch summary last | perfwatch export last --to csv" in text


def test_neighbouring_devices_are_drawn_together():
    summary = server()
    summary["devices"]["ids"] = ["nvidia:0", "nvidia:1", "nvidia:3", "lab1/nvidia:4", "lab1/nvidia:5", "x:a"]
    assert "devices: nvidia:0-1, nvidia:3, lab1/nvidia:4-5, x:a, because" in words(face(summary))


def test_models_with_different_limits_show_their_range():
    summary = server()
    summary["conditions"]["devices"] = {H100: {"count": 8, "power_limit_watts": [500.0, 700.0]}}
    assert "cap 500–700 W" in face(summary)


def test_a_cap_that_was_changed_meanwhile_is_told_as_it_was_at_both_ends():
    summary = server()
    caps = {"at_start": {"power_limit_watts": 400.0}, "at_end": {"power_limit_watts": 200.0}}
    summary["conditions"]["devices"] = {H100: {"count": 8, "power_limit_watts": 200.0, **caps}}
    assert "cap 400 W at the start, 200 W at the end" in words(face(summary))


def test_perfwatch_says_what_it_cost_itself():
    summary = server()
    summary["observer"]["missed_ticks"] = 12
    assert "perfwatch itself: 0.3 % of a core, 36.2 MiB, 12 ticks missed." in face(summary)
    summary["observer"] = dict.fromkeys(summary["observer"])
    assert "perfwatch itself" not in face(summary)


def test_what_the_table_says_is_not_said_again_below_it():
    summary = on_a_cpu()
    summary["quality"] = [
        finding("estimated", "info", "It comes from a model."),
        finding("cost-partial", "info", "The cost leaves out: machine."),
    ]
    summary["cost"] = server(CostInputs(price_per_kwh=0.12))["cost"]
    text = face(summary)
    assert "from a model, not a sensor" in text
    assert "electricity only" in text
    assert "It comes from" not in text
    assert "leaves out" not in text
    assert "It comes from" in face({**server(), "quality": summary["quality"]})


def test_few_latencies_are_told_only_of_a_percentile_that_is_shown():
    summary = server()
    summary["quality"] = [finding("few-latencies", "info", "p99.9 rests on few.")]
    summary["latency"] = {"latency": timing(4000, p50=0.2, p90=0.3, p99=0.4, longest=0.5)}
    assert "rests on few" not in face(summary)
    summary["latency"]["latency"]["count"] = 999
    assert "rests on few" in face(summary)


def test_work_beside_the_unit_is_told_for_each_column_where_they_differ():
    summary = server()
    summary["work"]["steps"] = {"count": 38, "rate_per_s": 1.0}
    summary["also"]["job"]["work"]["steps"] = {"count": 40, "rate_per_s": 1.0}
    assert "38 / 40 steps" in words(face(summary))
    summary["also"]["job"]["work"]["steps"]["count"] = 38
    assert "38 / 38 steps" not in words(face(summary))


def test_a_run_of_a_moment_tells_seconds_of_perfwatch_instead_of_a_share():
    summary = one_window(server())
    summary["window"]["duration_s"] = 0.002
    summary["observer"] |= {"cpu_s": 0.21, "cpu_ratio": 0.94}
    assert "perfwatch itself: 210 ms of CPU time" in face(summary)


def test_nothing_comes_next_for_a_session_that_was_not_kept():
    assert "next:" not in face(server(), next_steps=(), log_path=None)


def test_the_verdict_of_nothing_fits_a_narrow_terminal():
    text = face(nothing(), width=40)
    assert "nothing to quote: neither work nor energy was measured." in words(text)
    assert max(map(width, text.split("log: ")[0].splitlines())) <= 40


def test_a_whole_job_without_its_warm_up_is_not_called_whole():
    summary = one_window(server())
    cut = {**summary, "window": {**summary["window"], "warmup_s": 10.0}}
    assert "whole job, without the first 10 s" in face(cut)
    assert "without the first" not in face(summary)


def test_a_job_that_the_time_limit_ended_says_so():
    summary = server()
    limited = {**summary, "session": {**summary["session"], "exit_status": 143, "time_limit_s": 90.0}}
    assert "ended by the time limit of 90.0 s, exit 143" in words(face(limited, width=110))


def good(share: tuple[float, float], **more: Any) -> dict[str, Any]:
    """The summary of a server of which so much keeps to two limits."""
    summary = one_window(server())
    least, most = (round(share_of * 302) for share_of in share)
    limits = {"time_to_first_token": 0.2, "latency": 1.5}
    told = {"limit_s": 0, "timing": "latency", "at_least": least, "at_most": most, "of": 302}
    summary["goodput"] = {
        "slo": limits,
        "count": (least + most) / 2,
        "at_least": least,
        "at_most": most,
        "of": 302,
        "share_at_least": share[0],
        "share_at_most": share[1],
        "objectives": {name: {**told, "limit_s": limit_s} for name, limit_s in limits.items()},
        **more,
    }
    summary["work"]["good_queries"] = {"count": (least + most) / 2, "error": (most - least) / 2}
    summary["efficiency"]["good_queries"] = {"joules_per": 1234.0}
    summary["cost"]["per"]["good_queries"] = 0.00123
    return summary


def test_goodput_is_a_share_with_its_limits_and_what_a_good_query_took():
    text = words(face(good((0.9, 0.9))))
    assert (
        "goodput 90 % 272 of 302 queries keep to TTFT ≤ 200 ms, latency ≤ 1.50 s; 1.23 kJ/good query, "
        in text
    )
    assert "0.00123 $/good query" in text
    assert "good queries," not in text.partition("goodput")[0]


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        ((0.9, 0.95), "goodput 90 to 95 % 272 to 287 of 302 queries"),
        ((0.9999, 0.9999), "goodput > 99.9 % 302 of 302"),
        ((1.0, 1.0), "goodput 100 % 302 of 302"),
        ((0.0, 0.0), "goodput 0 % 0 of 302"),
        ((0.0001, 0.0001), "goodput < 0.1 % 0 of 302"),
        ((0.0, 1.0), "goodput – what is timed leaves TTFT ≤ 200 ms, latency ≤ 1.50 s open: a mean alone"),
    ],
)
def test_a_share_never_reads_as_more_or_less_than_it_is(share, shown):
    assert shown in words(face(good(share)))


def test_a_count_that_is_hardly_known_makes_no_figure_of_a_good_query():
    assert "good query" not in face(good((0.2, 0.9)))


def test_a_limit_that_nothing_timed_is_named():
    unknown = {"limit_s": 0.2, "timing": None, "at_least": None, "at_most": None, "of": None}
    untold = dict.fromkeys(("count", "at_least", "at_most", "of", "share_at_least", "share_at_most"))
    summary = good((0.9, 0.9), **untold, objectives={"inter_token_latency": unknown})
    summary["work"]["good_queries"] = {"count": None, "error": None}
    assert "goodput – nothing timed ITL" in words(face(summary))


@pytest.mark.parametrize(
    ("error", "shown"),
    [(0.0, "12 345"), (100.0, "12 345"), (800.0, "12 300 ± 800")],
    ids=["exact", "0.8 %", "6 %"],
)
def test_a_count_is_shown_with_its_error_where_that_is_large(error, shown):
    summary = one_window(server())
    summary["work"]["generated_tokens"].update(count=12345, error=error)
    assert f" {shown}  " in line(face(summary), "generated tokens")


def test_a_latency_of_which_the_mean_alone_is_known_is_told_by_it():
    summary = server()
    unknown = dict.fromkeys(("p50_s", "p90_s", "p99_s", "max_s"))
    summary["latency"] = {"latency": {"count": 300, "mean_s": 0.02, **unknown}}
    assert "mean 20.0 ms" in line(face(summary), "latency")


def test_a_servers_buckets_are_told_with_their_exact_mean_and_no_largest():
    summary = server()
    told = {"p50_s": 0.01, "p90_s": 0.02, "p99_s": 0.05, "max_s": None}
    summary["latency"] = {"latency": {"count": 300, "mean_s": 0.0123, **told}}
    told_line = " ".join(line(face(summary), "latency").split())
    assert told_line.endswith("p50 10.0 ms p90 20.0 ms p99 50.0 ms mean 12.3 ms")
