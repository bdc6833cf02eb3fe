"""Do the docs say what the code does? Tables are compared, examples run, commands and options looked up."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from perfwatch_collectors.described.description import Devices
from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import FORMATS, Read, records
from perfwatch_collectors.described.language import parse
from perfwatch_collectors.described.said_of_metrics import METRIC_KEYS
from perfwatch_collectors.described.values import COMBINED

from perfwatch import plugins
from perfwatch.cli import COMMANDS, HELP
from perfwatch.derive.findings import CODES
from perfwatch.metrics import CATALOGUE
from perfwatch.model import State
from perfwatch.session import format as fmt
from perfwatch.workload.patterns import Says, compile_pattern
from perfwatch.workload.presets import PRESETS
from perfwatch.workload.servers import every_server

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with a word, without head and rule."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_metrics_page_is_the_catalogue() -> None:
    expected = [
        [f"`{metric.name}`", metric.unit.value, metric.kind.value, metric.help]
        for metric in CATALOGUE.values()
    ]
    assert rows(page("metrics.md"), "metric") == expected


def test_the_servers_page_is_the_table_of_servers() -> None:
    expected = []
    for server in every_server():
        counts = dict.fromkeys(f"`{one.name}`" for one in server.quantities if one.says is not Says.TIMING)
        times = dict.fromkeys(f"`{one.name}`" for one in server.quantities if one.says is Says.TIMING)
        expected.append([server.name, ", ".join(counts), ", ".join(times)])
    assert [row[:3] for row in rows(page("servers.md"), "server")] == expected


def test_the_findings_page_is_the_table_of_codes() -> None:
    assert rows(page("numbers.md"), "code") == [[f"`{code}`", text] for code, text in CODES.items()]


def test_the_presets_page_is_the_table_of_presets() -> None:
    named = re.findall(r"^   - `(\w+)`: (.*);$", page("telling-work.md"), re.MULTILINE)
    assert named == [(name, preset.about) for name, preset in PRESETS.items()]


def test_every_state_is_explained() -> None:
    named = {row[0].strip("`") for row in rows(page("architecture.md"), "state")}
    assert named == {state.value for state in State}


def test_the_chips_page_is_its_table_and_every_preset_has_a_row() -> None:
    spec = importlib.util.spec_from_file_location("chips_page", ROOT / "scripts" / "chips.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert page("chips.md") == script.text(), "run `make table`"
    collectors = {name for row in script.rows() for name in row["collectors"].split()}
    presets = {path.stem for path in (ROOT / "collectors" / "chips").glob("*.toml")}
    assert presets <= collectors, "a preset has no row in docs/chips.csv"
    assert collectors <= set(plugins.builtin()), "docs/chips.csv names a collector that is not there"
    exporters = {name for row in script.rows() for name in row["exporters"].split()}
    files = (ROOT / "collectors" / "exporters").glob("*.toml")
    assert exporters == {path.stem.partition("-")[0] for path in files}


MAKERS = ("event", "Event", "add_event")


def event_kinds_in(path: Path) -> set[str]:
    """The kinds that a file writes: the literal in the first arguments of what makes an event."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    makers = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] in MAKERS]
    return {
        argument.value
        for call in makers
        for argument in call.args[:2]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_every_event_kind_that_the_code_writes_is_in_the_format_page() -> None:
    sources = [*ROOT.glob("perfwatch/**/*.py"), *ROOT.glob("collectors/*.py")]
    written = set().union(*map(event_kinds_in, sources))
    assert {"job", "mark", "clock", "end", "note"} <= written, "the search finds nothing any more"
    documented = {row[0].strip("`") for row in rows(page("session-format.md"), "kind")}
    assert written == documented


def test_the_examples_of_the_format_page_are_understood() -> None:
    from perfwatch.derive.tape import Tape

    lines = [line for block in blocks(page("session-format.md"), "json") for line in block.splitlines()]
    records = [json.loads(line) for line in lines]
    header = fmt.check_header(records[0], "docs/session-format.md")
    tape = Tape.of(header, [record for record in records[1:] if "t" in record])
    assert tape.damaged == 0
    (device,) = tape.devices.values()
    assert device.device.name.startswith("NVIDIA")
    assert list(device.series["power_watts"].values) == [412.3]
    (table,) = tape.tables
    assert table.device == 0
    increments, cumulative = (record for record in records if "t" not in record and "format" not in record)
    assert fmt.decode_histogram(increments).n == 3
    assert fmt.decode_buckets(cumulative).counts == (0.0, 5.0, 9.0)


def test_the_header_keys_of_the_format_page_are_those_of_its_example() -> None:
    keys = [key.strip("` ") for row in rows(page("session-format.md"), "key") for key in row[0].split(",")]
    assert keys == list(json.loads(blocks(page("session-format.md"), "json")[0]))


def dotted(path: str, summary: dict[str, object]) -> object:
    """The value at a path; a KeyError where there is none."""
    found: object = summary
    for key in path.split("."):
        assert isinstance(found, dict)
        found = found[key]
    return found


def test_the_json_page_names_what_a_summary_has() -> None:
    from derive.build import Session, every, steps

    session = Session()
    session.board(every(1.0, 0.0, 22.0), watts=100.0)
    session.counter(steps(2.0, 20.0, 200, 20))
    session.job(1.0, 21.0)
    summary = session.summary()
    paths = [row[0].strip("`") for row in rows(page("summary-json.md"), "path")]
    assert {path.partition(".")[0] for path in paths} == set(summary)
    for path in paths:
        dotted(path, summary)
    named = {path.partition(".")[2] for path in paths if path.startswith("energy.")}
    assert set(summary["energy"]) - named == {"scope", "idle_watts"}, "said in the rows of others"


def test_the_configuration_page_names_every_key_and_its_example_is_right(tmp_path: Path) -> None:
    from perfwatch import config
    from perfwatch.config import cost, keys

    text = page("configuration.md")
    documented = {}
    for section in ("run", "cost", "ui"):
        part = text.split(f"## [{section}]")[1].split("\n## ")[0]
        documented[section] = {row[0].strip("`") for row in rows(part, "key")}
    assert documented == {"run": set(config.RUN_KEYS), "cost": set(cost.KEYS), "ui": set(config.UI_KEYS)}
    for section in keys.SECTIONS:
        assert f"## [{section}" in text
    (example,) = blocks(text, "toml")
    file = tmp_path / "config.toml"
    file.write_text(example)
    found = config.load_config(str(file), environ={})
    assert found.cost.price_per_kwh == 0.30
    assert found.units == {"chat": {"queries": 6.0}}


# -- the collector of docs/writing-a-collector.md ------------------------------------------------------


@pytest.fixture
def walkthrough(tmp_path: Path) -> Path:
    """The files that a reader has made at the end of the page."""
    collector, tests = blocks(page("writing-a-collector.md"), "python")
    (tmp_path / "examplechip.py").write_text(collector)
    (tmp_path / "test_examplechip.py").write_text(tests)
    return tmp_path


def test_the_collector_of_the_page_passes_its_own_tests(walkthrough: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "test_examplechip.py",
    ]
    done = subprocess.run(command, cwd=walkthrough, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_collector_of_the_page_is_read_in_a_run(walkthrough: Path) -> None:
    for number, watts in enumerate((40, 60)):
        card = walkthrough / f"fake/sys/class/examplechip/card{number}"
        card.mkdir(parents=True)
        (card / "power_uw").write_text(str(watts * 1_000_000))
        (card / "temp_mc").write_text("61000")
    command = [
        *(sys.executable, "-m", "perfwatch", "run", "--no-record", "-q", "--summary-json", "summary.json"),
        *("--only", "host", "-c", "./examplechip.py:root=fake", "-i", "100ms", "--", "sleep", "0.5"),
    ]
    done = subprocess.run(command, cwd=walkthrough, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads((walkthrough / "summary.json").read_text())
    assert set(summary["energy"]["by_device"]) >= {"examplechip:0", "examplechip:1"}
    assert summary["power"]["mean_watts"] == pytest.approx(100.0, rel=1e-6)


# -- commands and options ------------------------------------------------------------------------------


def options_of(command: str) -> set[str]:
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[command]).add_arguments(parser)
    return set(parser._option_string_actions)


def commands_shown(text: str) -> list[list[str]]:
    """The words of each perfwatch command in code blocks and code spans, up to the job or a comment."""
    spans = [
        line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    spans += re.findall(r"`(perfwatch[^`\n]*)`", text)
    found = []
    for span in spans:
        match = re.match(r"\s*(?:\$ )?perfwatch(?: (.*))?$", span)
        if match:
            words = (match.group(1) or "").split(" -- ")[0].split("#")[0].split()
            found.append(words)
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_commands_and_options_of_a_page_exist(path: Path) -> None:
    for words in commands_shown(path.read_text(encoding="utf-8")):
        if not words or not re.fullmatch("[a-z]+", words[0]):
            continue
        assert words[0] in COMMANDS, f"{path.name}: perfwatch {' '.join(words)}"
        known = options_of(words[0])
        options = {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
        assert options <= known | {"-h", "--help"}, f"{path.name}: perfwatch {' '.join(words)}"


def test_every_command_of_the_help_exists_and_every_command_is_in_the_help() -> None:
    listed = set(re.findall(r"^  perfwatch (\w+)", HELP, re.MULTILINE))
    assert listed == set(COMMANDS)
    for module in COMMANDS.values():
        assert importlib.import_module(module).HELP


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_links_and_file_names_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\]\((?!https?:|#)([^)#]+)", text))
    named |= set(
        re.findall(r"(?:`|\b)((?:docs|examples|scripts|tests|collectors)/[\w/.-]+\.(?:md|py|json))\b", text)
    )
    for name in named:
        assert (path.parent / name).exists() or (ROOT / name).exists(), f"{path.name} names {name}"


def test_the_patterns_of_the_work_page_compile() -> None:
    patterns = re.findall(r"(?:stdout|stderr|output)=([^'`\s][^'`]*)", page("telling-work.md"))
    patterns += re.findall(r"perfwatch try '([^']+)'", page("telling-work.md"))
    real = [pattern.split(" -- ")[0] for pattern in patterns if "{" in pattern]
    assert len(real) >= 2
    for pattern in real:
        assert compile_pattern(pattern).fields


def test_the_readme_names_every_collector_that_takes_part_by_itself() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for plugin in plugins.builtin().values():
        if plugin.default:
            assert f"`{plugin.name}`" in text


def test_the_description_of_a_chip_reads_the_output_that_stands_beside_it() -> None:
    text = page("describing-a-chip.md")
    output = text.split("```json\n")[1].split("```")[0]
    of = parse(text.split("```toml\n")[1].split("```")[0], "examplechip.toml")
    first, second = devices_in(records(output.encode(), of.read), of)
    assert (first.device.id, first.device.facts["driver"]) == ("EX-0017", "2.4.1")
    assert first.sample().values == (41.25, 52.0, 0.87, 3.5 * 2**30, 16.0 * 2**30)
    assert second.sample().values[:3] == (None, 37.0, 0.0)


def test_the_description_of_a_table_counts_the_meter_of_a_board_once() -> None:
    section = page("describing-a-chip.md").partition("### A table")[2]
    output, described = section.split("```\n")[1], section.split("```toml\n")[1].split("```")[0]
    of = parse(f'name = "ex"\n[source]\ncommand = ["exsmi"]\n{described}', "ex.toml")
    board, first, second = devices_in(records(output.encode(), of.read), of)
    assert board.sample().values == (71.25,)
    assert (first.device.parent, second.device.parent) == (board.device.id,) * 2
    assert first.sample().values == (54.1, pytest.approx(0.873), 11 * 2**30, 16 * 2**30)
    assert second.sample().values == (None, None, None, 16 * 2**30)


def test_the_page_of_descriptions_names_every_word_of_the_language() -> None:
    text = page("describing-a-chip.md")
    words = {item.name for table in (Read, Devices) for item in dataclasses.fields(table)} - {
        "families",
        "names",
    }
    words |= {*FORMATS, "prometheus", "directory", "command", "stream", "period", "fastest", "timeout"}
    words |= {"file", "url", "user", "password", "token", "verify", "remedy", *METRIC_KEYS, *COMBINED}
    assert {word for word in words if f"`{word}`" not in text} == set()
