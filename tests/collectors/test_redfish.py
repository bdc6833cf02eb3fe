"""Redfish controllers: sessions, old and new documents, chassis in chassis, what goes wrong."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from machine.redfish import ONE, PASSWORD, USER, Controller, links, machine, running
from perfwatch_collectors.redfish import RedfishCollector, RedfishOptions

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Event, Sample, Scope

Serve = Callable[..., Controller]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("REDFISH_USER", USER)
    monkeypatch.setenv("REDFISH_PASSWORD", PASSWORD)
    with ExitStack() as stack:
        yield lambda *documents, **how: stack.enter_context(running(*documents, **how))


def read(collector: RedfishCollector, devices: Any) -> dict[str, tuple[Any, ...]]:
    return {
        each.device_id: tuple(each.values) for each in collector.read(devices) if isinstance(each, Sample)
    }


def test_a_chassis_tells_its_power_energy_and_temperature(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    whole, board = collector.open()
    assert (whole.name, whole.scope, whole.facts["serial"]) == ("R760", Scope.NODE, "S1")
    assert [metric.name for metric in whole.metrics] == [
        "power_watts",
        "energy_joules_total",
        "temperature_celsius",
    ]
    assert (board.name, board.scope, board.parent) == ("HGX board", None, whole.id)
    assert read(collector, [whole, board]) == {whole.id: (374.0, 3 * 3.6e6, 39.0), board.id: (210.5,)}
    collector.close()


@pytest.mark.parametrize(
    ("kwh", "step"),
    [(3, 3.6e6), (3.0, 3.6e6), (3.12, 3600.0), (3.123, 3600.0), (3.123456, None), (1e-05, None)],
)
def test_a_counter_with_finer_digits_than_thousandths_of_a_kwh_does_not_move_by_them(
    serve: Serve, kwh: float, step: float | None
) -> None:
    documents = machine()
    documents[f"{ONE}/EnvironmentMetrics"]["EnergykWh"] = {"Reading": kwh}
    collector = RedfishCollector(RedfishOptions(serve(documents).url))
    whole, _ = collector.open()
    assert whole.metrics[1].step == step
    collector.close()


def test_the_accuracy_of_a_controller_is_what_somebody_states(serve: Serve) -> None:
    collector = RedfishCollector(RedfishOptions(serve().url, accuracy="2%"))
    whole, _ = collector.open()
    assert [metric.gain_ratio for metric in whole.metrics] == [0.02, 0.02, None]
    collector.close()


@pytest.mark.parametrize(
    ("told", "gain_ratio"), [({"Accuracy": 1.5}, 0.015), ({"Accuracy": None}, None), ({}, None), (None, None)]
)
def test_a_sensor_that_tells_its_accuracy_is_believed_where_nobody_states_one(
    serve: Serve, told: Any, gain_ratio: float | None
) -> None:
    documents = machine()
    source = "/redfish/v1/Chassis/1/Sensors/TotalPower"
    documents[f"{ONE}/EnvironmentMetrics"]["PowerWatts"]["DataSourceUri"] = source
    if told is not None:
        documents[source] = {"Reading": 374, **told}
    controller = serve(documents)
    for stated, expected in (("", gain_ratio), ("2%", 0.02)):
        collector = RedfishCollector(RedfishOptions(controller.url, accuracy=stated))
        whole, board = collector.open()
        assert whole.metrics[0].gain_ratio == expected
        assert whole.metrics[1].gain_ratio == (0.02 if stated else None), "the counter's sensor is another"
        assert board.metrics[0].gain_ratio == (0.02 if stated else None)
        collector.close()


def test_a_session_is_made_once_and_deleted_at_the_end(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    read(collector, devices)
    assert (controller.made, controller.deleted) == (1, 0)
    collector.close()
    collector.close()
    assert (controller.made, controller.deleted, controller.tokens) == (1, 1, set())


def test_a_session_that_ran_out_is_made_anew(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    controller.tokens.clear()
    assert read(collector, devices)[devices[0].id][0] == 374.0
    assert controller.made == 2
    collector.close()


def test_a_controller_without_sessions_is_asked_with_user_and_password(serve: Serve) -> None:
    collector = RedfishCollector(RedfishOptions(serve(has_sessions=False).url))
    assert len(collector.open()) == 2
    collector.close()


def test_the_old_document_and_that_of_the_supplies_are_read_where_there_is_no_other(serve: Serve) -> None:
    old = machine()
    del old[ONE]["EnvironmentMetrics"]
    old[f"{ONE}/Power"] = {"PowerControl": [{"PowerConsumedWatts": 344}]}
    collector = RedfishCollector(RedfishOptions(serve(old).url))
    devices = collector.open()
    assert read(collector, devices)[devices[0].id] == (344.0,)
    collector.close()
    supplied = machine()
    place = f"{ONE}/PowerSubsystem"
    supplied[ONE] = {"Id": "1", "PowerSubsystem": {"@odata.id": place}}
    supplied[place] = {"PowerSupplies": {"@odata.id": f"{place}/PowerSupplies"}}
    supplied[f"{place}/PowerSupplies"] = links(*(f"{place}/{n}" for n in range(3)))
    for n, watts in enumerate((200.5, 180.0)):
        supplied[f"{place}/{n}"] = {"Metrics": {"@odata.id": f"{place}/{n}/Metrics"}}
        supplied[f"{place}/{n}/Metrics"] = {"InputPowerWatts": {"Reading": watts}}
    supplied[f"{place}/2"] = {"Status": {"State": "Absent"}}
    collector = RedfishCollector(RedfishOptions(serve(supplied).url))
    devices = collector.open()
    assert read(collector, devices)[devices[0].id] == (380.5,)
    collector.close()


def test_a_reading_that_is_none_is_not_zero(serve: Serve) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    controller.documents[f"{ONE}/EnvironmentMetrics"] = {"PowerWatts": {"Reading": None}}
    controller.documents[f"{ONE}/Power"] = {"PowerControl": [{"PowerConsumedWatts": 0}]}
    assert read(collector, devices[:1]) == {devices[0].id: (None, None, None)}
    collector.close()


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "wrong user or password"), (403, "the user may not"), (503, "it is busy"), (500, "status 500")],
)
def test_a_controller_that_refuses_is_a_sentence(serve: Serve, status: int, said: str) -> None:
    controller = serve()
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    controller.status = status
    with pytest.raises(TryAgain, match=said) as caught:
        read(collector, devices)
    assert PASSWORD not in str(caught.value)
    controller.status = None
    collector.close()


def test_a_wrong_password_is_said_and_leaves_no_session(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = serve()
    monkeypatch.setenv("REDFISH_PASSWORD", "other")
    with pytest.raises(TryAgain, match=r"refuses to log in .*wrong user or password"):
        RedfishCollector(RedfishOptions(controller.url)).open()
    assert controller.tokens == set()


def test_documents_that_are_none_break_nothing(serve: Serve) -> None:
    for strange in (b"<html>", b"[]", b"null", b"{" * 100_000):
        documents = {**machine(), "/redfish/v1/Chassis": strange}
        with pytest.raises(Unavailable, match="no chassis of"):
            RedfishCollector(RedfishOptions(serve(documents).url)).open()


def test_nobody_there_no_name_and_no_credentials(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TryAgain, match="cannot be reached"):
        RedfishCollector(RedfishOptions("http://127.0.0.1:9")).open()
    with pytest.raises(Unavailable, match="no controller is named"):
        RedfishCollector().open()
    with pytest.raises(ConfigError, match="write https://HOST"):
        RedfishCollector(RedfishOptions("bmc1"))
    with pytest.raises(ConfigError, match="cannot use a password in the address") as caught:
        RedfishCollector(RedfishOptions("https://me:SECRET@bmc1"))
    assert "SECRET" not in str(caught.value)
    monkeypatch.delenv("REDFISH_PASSWORD")
    with pytest.raises(Unavailable, match="REDFISH_PASSWORD of the environment is not set"):
        RedfishCollector(RedfishOptions("http://127.0.0.1:9")).open()


def test_credentials_may_stand_in_a_file_that_nobody_else_reads(serve: Serve, tmp_path: Path) -> None:
    controller = serve()
    file = tmp_path / "bmc"
    file.write_text(f"{USER}:{PASSWORD}\n")
    file.chmod(0o644)
    options = RedfishOptions(controller.url, credentials=str(file))
    with pytest.raises(ConfigError, match="others may read it; chmod 600"):
        RedfishCollector(options).open()
    file.chmod(0o600)
    collector = RedfishCollector(options)
    assert len(collector.open()) == 2
    collector.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_of_its_own_is_taken_only_if_somebody_says_so(serve: Serve, tmp_path: Path) -> None:
    controller = serve()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=bmc",
         "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    controller.socket = context.wrap_socket(controller.socket, server_side=True)
    url = controller.url.replace("http:", "https:")
    with pytest.raises(TryAgain, match=r"has a certificate that is not trusted here .*verify=false"):
        RedfishCollector(RedfishOptions(url)).open()
    collector = RedfishCollector(RedfishOptions(url, verify=False))
    assert len(collector.open()) == 2
    collector.close()


SERVER = {"Name": "Server Power Control", "PowerConsumedWatts": 900}
CPUS = {"Name": "CPU Sub-system Power", "PowerConsumedWatts": 150}


@pytest.mark.parametrize(
    ("controls", "watts", "is_sure"),
    [
        ([CPUS, SERVER], 900.0, True),
        ([SERVER, CPUS], 900.0, True),
        ([{**CPUS, "Name": "a", "PhysicalContext": "CPU"}, {"PowerConsumedWatts": 900}], 900.0, True),
        (
            [{"PowerConsumedWatts": 150}, {"PowerConsumedWatts": 900, "PhysicalContext": "Chassis"}],
            900.0,
            True,
        ),
        (
            [{"PowerConsumedWatts": 150}, {"PowerConsumedWatts": 900, "RelatedItem": [{"@odata.id": ONE}]}],
            900.0,
            True,
        ),
        ([{"Name": "limits"}, {"PowerConsumedWatts": 900}], 900.0, True),
        ([{"PowerConsumedWatts": 900}, {"PowerConsumedWatts": 150}], 900.0, False),
        ([CPUS], 150.0, True),
    ],
)
def test_of_several_powers_that_of_the_whole_is_taken(
    serve: Serve, controls: list[Any], watts: float, is_sure: bool
) -> None:
    old = machine()
    del old[ONE]["EnvironmentMetrics"]
    old[f"{ONE}/Power"] = {"PowerControl": controls}
    collector = RedfishCollector(RedfishOptions(serve(old).url))
    devices = collector.open()
    told = list(collector.read(devices[:1]))
    assert [each.values for each in told if isinstance(each, Sample)] == [(watts,)]
    notes = [str(each.fields["text"]) for each in told if isinstance(each, Event)]
    assert any("of none that it is the whole" in note for note in notes) is not is_sure
    assert not any(note.startswith("redfish:0") for note in map(str, collector.read(devices[:1])))
    collector.close()


def test_a_whole_that_tells_nothing_now_is_not_replaced_by_a_part(serve: Serve) -> None:
    old = machine()
    del old[ONE]["EnvironmentMetrics"]
    old[f"{ONE}/Power"] = {"PowerControl": [CPUS, SERVER]}
    controller = serve(old)
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    controller.documents[f"{ONE}/Power"] = {"PowerControl": [CPUS, {**SERVER, "PowerConsumedWatts": None}]}
    assert read(collector, devices[:1]) == {devices[0].id: (None,)}
    collector.close()


RACK = "/redfish/v1/Chassis/rack"


def nested(rack_type: str | None, *, contains: bool = False, has_power: bool = True, **nodes: str) -> Any:
    """A rack in which there are nodes of such types, each of 100 W; invented."""
    inner = [f"/redfish/v1/Chassis/{name}" for name in nodes]
    documents: dict[str, Any] = {
        "/redfish/v1/": {"Chassis": {"@odata.id": "/redfish/v1/Chassis"}},
        "/redfish/v1/Chassis": links(RACK, *inner),
        RACK: {"Name": "rack", "ChassisType": rack_type, "Power": {"@odata.id": f"{RACK}/Power"}},
        f"{RACK}/Power": {"PowerControl": [{"PowerConsumedWatts": 250 if has_power else None}]},
    }
    if contains:
        documents[RACK]["Links"] = {"Contains": [{"@odata.id": place} for place in inner]}
    for (name, of_type), place in zip(nodes.items(), inner, strict=True):
        documents[place] = {"Name": name, "ChassisType": of_type, "Power": {"@odata.id": f"{place}/Power"}}
        if not contains:
            documents[place]["Links"] = {"ContainedBy": {"@odata.id": RACK}}
        documents[f"{place}/Power"] = {"PowerControl": [{"PowerConsumedWatts": 100}]}
    return documents


def opened(controller: Controller) -> tuple[dict[str, Scope | None], dict[str, str | None], list[str]]:
    """Of each device its scope and what it lies in, by name, and what is said of them."""
    collector = RedfishCollector(RedfishOptions(controller.url))
    devices = collector.open()
    names = {device.id: device.name for device in devices}
    notes = [str(each.fields["text"]) for each in collector.read(devices) if isinstance(each, Event)]
    collector.close()
    return (
        {device.name: device.scope for device in devices},
        {device.name: names.get(device.parent or "") for device in devices},
        notes,
    )


@pytest.mark.parametrize("contains", [False, True])
def test_a_rack_without_power_takes_no_node_its_scope(serve: Serve, contains: bool) -> None:
    documents = nested("Rack", contains=contains, has_power=False, a="RackMount")
    scopes, parents, notes = opened(serve(documents))
    assert (scopes, parents, notes) == ({"a": Scope.NODE}, {"a": None}, [])


@pytest.mark.parametrize("contains", [False, True])
@pytest.mark.parametrize(
    ("outer", "inner"), [("Rack", "RackMount"), ("Rack", "Other"), ("Enclosure", "Sled"), ("Shelf", "Blade")]
)
def test_the_power_of_a_rack_is_in_no_sum_with_that_of_its_machines(
    serve: Serve, outer: str, inner: str, contains: bool
) -> None:
    scopes, parents, notes = opened(serve(nested(outer, contains=contains, a=inner, b=inner)))
    assert scopes == {"rack": None, "a": Scope.NODE, "b": Scope.NODE}
    assert parents == {"rack": None, "a": "rack", "b": "rack"}
    assert notes == ["redfish:0: it holds machines that tell their own power: it is shown, and in no sum."]


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("RackMount", "Module"), (None, "Component"), ("Enclosure", "Module"), ("Rack", "Zone")],
)
def test_the_parts_of_a_machine_are_in_its_power(serve: Serve, outer: str | None, inner: str) -> None:
    """Also where only the machine says what it contains."""
    scopes, parents, _ = opened(serve(nested(outer, contains=True, board=inner)))
    assert (scopes, parents["board"]) == ({"rack": Scope.NODE, "board": None}, "rack")


def test_a_rack_whose_machines_tell_nothing_is_no_machine(serve: Serve) -> None:
    documents = nested("Rack", a="RackMount", b="RackMount")
    for name in "ab":
        documents[f"/redfish/v1/Chassis/{name}/Power"] = {}
    scopes, _, notes = opened(serve(documents))
    assert scopes == {"rack": None}
    assert notes == ["redfish:0: it holds several machines, and none of them tells its own power."]


def test_chassis_that_contain_each_other_break_nothing(serve: Serve) -> None:
    documents = nested("Rack", contains=True, a="RackMount")
    documents[RACK]["Links"]["ContainedBy"] = {"@odata.id": "/redfish/v1/Chassis/a"}
    scopes, _, _ = opened(serve(documents))
    assert scopes["a"] is Scope.NODE
