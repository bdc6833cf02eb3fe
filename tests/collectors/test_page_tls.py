"""A page over TLS: whose certificate is trusted, and what is said where it is not."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine.certificates import HAS_OPENSSL, Authority
from perfwatch_collectors.exporter import ExporterCollector, ExporterOptions
from perfwatch_collectors.page import PageCollector, PageOptions

from perfwatch.errors import CollectorError, TryAgain, Unavailable
from perfwatch.model import Sample

pytestmark = pytest.mark.skipif(not HAS_OPENSSL, reason="the command openssl makes the certificates")
PAGE = b"# TYPE vllm:prompt_tokens counter\nvllm:prompt_tokens_total 7\n"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    """Of a server whose certificate is the authority's."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.socket = authority.certified().wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()


def test_the_authority_that_the_environment_names_is_trusted(
    url: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    collector = PageCollector(PageOptions(url))
    readings = list(collector.read(collector.open()))
    assert [one.values for one in readings if isinstance(one, Sample)] == [(7,)]
    collector.close()


def test_a_certificate_that_is_not_trusted_says_what_would_help(url: str) -> None:
    collector = PageCollector(PageOptions(url))
    with pytest.raises(TryAgain, match=r"is not trusted here .*; the variable SSL_CERT_FILE names a file"):
        list(collector.read(collector.open()))
    collector.close()


def test_a_file_of_certificates_that_is_not_there_is_one_sentence(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(Unavailable, match="cannot read the certificates that are trusted: no such file"):
        PageCollector(PageOptions(url)).open()


DEVICES = b'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1",modelName="X"} 50\n'


@pytest.mark.parametrize("trusts", ["ca", "verify"])
def test_a_page_of_devices_may_have_a_certificate_that_was_named_or_any(
    url: str, authority: Authority, monkeypatch: pytest.MonkeyPatch, trusts: str
) -> None:
    monkeypatch.setitem(globals(), "PAGE", DEVICES)
    untrusting = ExporterCollector(ExporterOptions(url))
    with pytest.raises(CollectorError, match="ca=FILE names one to trust, verify=false takes it as it is"):
        untrusting.open()
    untrusting.close()
    said = {"ca": str(authority.file)} if trusts == "ca" else {"verify": False}
    trusting = ExporterCollector(ExporterOptions(url, **said))  # type: ignore[arg-type]
    assert [device.id for device in trusting.open()] == ["GPU-1"]
    trusting.close()
