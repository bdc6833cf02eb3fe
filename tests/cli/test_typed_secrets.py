"""A password in an address on the command line is said, with where it belongs instead, and never printed."""

from __future__ import annotations

import sys
from pathlib import Path

import perfwatch_collectors
import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent / "collectors"))
from commandline import perfwatch
from perfwatch_collectors.described.collector import DescribedOptions, class_from
from perfwatch_collectors.described.language import load
from perfwatch_collectors.redfish import RedfishCollector, RedfishOptions
from serving import page, serving

from perfwatch.cli import typed_secrets

CHIPS = Path(perfwatch_collectors.__file__).parent / "chips"
ONE = 'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1",modelName="T4"} 61.3\n'


@pytest.mark.parametrize(
    ("option", "spec", "instead"),
    [
        (
            "-c",
            "exporter:url=http://operator:s3cret@{place}/metrics",
            "credentials=FILE or keyring=SERVICE/USER",
        ),
        (
            "-c",
            "exporter:url=http://{place}/metrics?token=s3cret",
            "credentials=FILE or keyring=SERVICE/USER",
        ),
        ("-w", "http://operator:s3cret@{place}/metrics", "the variable PERFWATCH_RUN_WORKLOAD"),
        ("-w", "prometheus=http://operator:s3cret@{place}/metrics#queries=x", "in [run] of the config file"),
    ],
)
def test_what_others_can_read_is_said_once(tmp_path: Path, option: str, spec: str, instead: str) -> None:
    with serving(page(ONE)) as server:
        named = spec.format(place=server.url.split("/")[2])
        done = perfwatch(
            "run", "--only", "exporter", option, named, "--no-record", "--", "true", home=tmp_path
        )
    said = [line for line in done.stderr.splitlines() if "every user of this machine can read" in line]
    assert len(said) == 1
    assert said[0].startswith(f"perfwatch: {option} http://")
    assert instead in said[0]
    assert "s3cret" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("-c", "shelly:url=http://{place}/rpc/Switch.GetStatus?id=0,credentials=/nowhere/plug"),
        ("-q", "-w", "http://operator:s3cret@{place}/metrics"),
    ],
)
def test_an_address_without_a_secret_is_not_remarked_on_nor_where_silence_was_asked_for(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with serving(page(ONE)) as server:
        named = [word.format(place=server.url.split("/")[2]) for word in words]
        done = perfwatch("run", "--only", "exporter", *named, "--no-record", "--", "true", home=tmp_path)
    assert "every user" not in done.stderr


def test_what_the_job_is_called_with_is_its_own(tmp_path: Path) -> None:
    done = perfwatch(
        *("run", "--only", "exporter", "--no-record", "--", "echo", "http://operator:s3cret@host/"),
        home=tmp_path,
    )
    assert "every user" not in done.stderr


@pytest.mark.parametrize(
    ("options", "is_said"),
    [
        ({"url": "http://bmc7"}, True),
        ({"url": "http://10.0.0.7:8000", "credentials": "~/.bmc"}, True),
        ({"url": "https://bmc7"}, False),
        ({"url": "http://127.0.0.1:8000"}, False),
        ({"url": "http://[::1]:8000"}, False),
        ({}, False),
    ],
)
def test_a_controller_that_is_asked_in_the_clear_is_said(options: dict[str, str], is_said: bool) -> None:
    said = list(typed_secrets.in_the_clear([RedfishCollector(RedfishOptions(**options))]))
    assert [text.endswith("say https://") for text in said] == [True] * is_said


def test_a_plug_tells_its_password_by_digest() -> None:
    plug = class_from(load(CHIPS / "shelly.toml"))(DescribedOptions(url="http://plug7", credentials="x"))
    assert not list(typed_secrets.in_the_clear([plug]))


@pytest.mark.parametrize("where", ["command line", "file", "environment"])
def test_it_is_said_wherever_the_address_was_written(tmp_path: Path, where: str) -> None:
    """192.0.2.1 is nobody's (RFC 5737); without credentials nobody is asked."""
    url = "http://192.0.2.1"
    config = tmp_path / "config.toml"
    config.write_text(f'[collectors.redfish]\nurl = "{url}"\n' if where == "file" else "")
    spec = f"redfish:url={url}" if where == "command line" else "redfish"
    extra = {"PERFWATCH_COLLECTORS_REDFISH_URL": url} if where == "environment" else {}
    done = perfwatch(
        *("snapshot", "--only", "simulated", "-c", spec, "--config", str(config)), home=tmp_path, extra=extra
    )
    said = f"perfwatch: redfish at {url}: over http everybody on the way reads who asks, with the password"
    assert done.stderr.count(said) == 1
