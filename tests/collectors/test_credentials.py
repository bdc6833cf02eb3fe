"""Who asks a meter: from the environment, a file, a keyring; no secret is in any sentence."""

from __future__ import annotations

import builtins
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from machine.redfish import PASSWORD, USER, running
from perfwatch_collectors.credentials import Credentials, credentials
from perfwatch_collectors.described.collector import DescribedCollector, DescribedOptions, class_of
from perfwatch_collectors.redfish import RedfishCollector, RedfishOptions
from serving import Server, page, serving

from perfwatch.errors import ConfigError, TryAgain, Unavailable


class Keyring(types.ModuleType):
    """A keyring that has passwords by service and user."""

    def __init__(self, **passwords: str) -> None:
        super().__init__("keyring")
        self.passwords = passwords
        self.fails: Exception | None = None

    def get_password(self, service: str, user: str) -> str | None:
        if self.fails is not None:
            raise self.fails
        return self.passwords.get(f"{service}_{user}")


def keyring_of(monkeypatch: pytest.MonkeyPatch, **passwords: str) -> Keyring:
    made = Keyring(**passwords)
    monkeypatch.setitem(sys.modules, "keyring", made)
    return made


def test_a_password_may_be_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring_of(monkeypatch, bmc_root=PASSWORD)
    assert credentials("", "", keyring="bmc/root") == Credentials("root", PASSWORD)


def test_a_controller_is_asked_with_what_the_keyring_has(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring_of(monkeypatch, **{f"bmc_{USER}": PASSWORD})
    with running() as controller:
        collector = RedfishCollector(RedfishOptions(controller.url, keyring=f"bmc/{USER}"))
        assert len(collector.open()) == 2
        collector.close()


def test_a_keyring_without_that_password_says_how_it_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring_of(monkeypatch)
    with pytest.raises(Unavailable, match="the keyring has no password of root for bmc") as said:
        credentials("", "", keyring="bmc/root")
    assert said.value.remedy == "keyring set bmc root"


def test_a_keyring_that_cannot_be_opened_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring_of(monkeypatch).fails = RuntimeError(f"no backend; {PASSWORD}")
    with pytest.raises(Unavailable, match=r"cannot be asked for bmc \(RuntimeError\)") as said:
        credentials("", "", keyring="bmc/root")
    assert PASSWORD not in str(said.value) + said.value.remedy


def test_the_package_is_asked_for_only_by_who_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    imports = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "keyring":
            raise ImportError(name)
        return imports(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setenv("ME", "root")
    monkeypatch.setenv("MINE", PASSWORD)
    assert credentials("ME", "MINE").user == "root"
    with pytest.raises(Unavailable, match="the package keyring is not installed") as said:
        credentials("ME", "MINE", keyring="bmc/root")
    assert said.value.remedy == "pip install keyring"


@pytest.mark.parametrize("named", ["bmc", "/root", "bmc/"])
def test_a_keyrings_entry_is_a_service_and_a_user(named: str) -> None:
    with pytest.raises(ConfigError, match="write keyring=SERVICE/USER"):
        credentials("", "", keyring=named)


def test_one_of_file_and_keyring_is_enough() -> None:
    with pytest.raises(ConfigError, match="name credentials or keyring"):
        credentials("", "", file="x", keyring="bmc/root")


def test_a_file_that_cannot_be_read_is_a_sentence_without_the_systems_repetition(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as said:
        credentials("", "", file=str(tmp_path / "none"))
    assert str(said.value).count("none") == 1
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe:\xff")
    binary.chmod(0o600)
    with pytest.raises(ConfigError, match="it holds one line, USER:PASSWORD"):
        credentials("", "", file=str(binary))


# A plug with a password


PLUG = '{"id": 0, "apower": 180.5}'


def plug(url: str, **options: str) -> DescribedCollector:
    import perfwatch_collectors

    preset = Path(str(perfwatch_collectors.__file__)).with_name("chips") / "shelly.toml"
    return class_of(str(preset))(DescribedOptions(url=url, **options))


def guarded(server: Server, challenge: str, answer: str) -> None:
    """The server answers only to requests with this beginning of an Authorization."""

    def say(connection: Any) -> None:
        wanted = f"authorization: {answer}".lower()
        if wanted in server.requests[-1].lower():
            page(PLUG, content_type="application/json")(connection)
        else:
            page("", status="401 Unauthorized", headers=f"WWW-Authenticate: {challenge}\r\n")(connection)

    server.answer = say


DIGEST = 'Digest qop="auth", realm="shelly", nonce="63fa", algorithm=SHA-256'


@pytest.mark.parametrize(
    ("challenge", "answer"), [('Basic realm="plug"', "basic "), (DIGEST, 'digest username="admin"')]
)
def test_a_plug_is_told_who_asks_in_the_way_it_wants(challenge: str, answer: str, tmp_path: Path) -> None:
    file = tmp_path / "plug"
    file.write_text(f"admin:{PASSWORD}\n")
    file.chmod(0o600)
    with serving(page("")) as server:
        guarded(server, challenge, answer)
        collector = plug(server.url, credentials=str(file))
        devices = collector.open()
        first = [told.values[0] for told in collector.read(devices)]  # type: ignore[union-attr]
        again = [told.values[0] for told in collector.read(devices)]  # type: ignore[union-attr]
        collector.close()
    assert first == again == [180.5]
    heads = "\n".join(server.requests).lower()
    assert PASSWORD.lower() not in heads
    assert heads.count("authorization: basic") == (0 if "digest" in answer else 2)
    assert "authorization" not in server.requests[0].lower(), "nobody is told before they ask"


def test_a_plug_that_nobody_named_a_password_for_says_where_one_may_be() -> None:
    with serving(page("")) as server:
        guarded(server, DIGEST, "digest")
        with pytest.raises(TryAgain, match=r"status 401 \(not allowed\); name where user and password are"):
            plug(server.url).open()


def test_a_wrong_password_of_a_plug_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ME", "admin")
    monkeypatch.setenv("MINE", PASSWORD)
    with serving(page("")) as server:
        guarded(server, 'Basic realm="plug"', "basic other")
        with pytest.raises(TryAgain, match=r"status 401 \(wrong user or password\)") as said:
            plug(server.url, user="ME", password="MINE").open()
    assert PASSWORD not in str(said.value)


@pytest.mark.parametrize("password", ["s3cr3t-PW", "hunter2", "Correct Horse"])
def test_a_password_in_the_place_of_its_variables_name_is_not_repeated(password: str) -> None:
    with pytest.raises(Unavailable) as caught:
        credentials("METER_USER", password)
    assert password not in f"{caught.value} {caught.value.remedy}"
    assert "take the names of variables" in str(caught.value)


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(Unavailable, match="the variable METER_USER of the environment is not set"):
        credentials("METER_USER", "METER_PASSWORD")
