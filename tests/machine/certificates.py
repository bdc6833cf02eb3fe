"""Certificates for stand-in controllers, made by the command openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

HAS_OPENSSL = shutil.which("openssl") is not None


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A certificate authority of a test, and the certificates that it gives.

    Args:
        folder: where the files are; `file` is its own certificate, which whoever trusts it names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file, self._key = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=authority",
                "-keyout", self._key, "-out", self.file)  # fmt: skip

    def certified(self, name: str = "IP:127.0.0.1", days: int = 2) -> ssl.SSLContext:
        """What a server needs that has a certificate for a name; one of negative days is over."""
        key, request, given = (self._folder / file for file in ("own.key", "own.csr", "own.pem"))
        extensions = self._folder / "extensions"
        extensions.write_text(f"subjectAltName={name}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bmc", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial",
                "-days", days, "-extfile", extensions, "-out", given)  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given, key)
        return context
