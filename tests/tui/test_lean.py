"""Does the dashboard load what it never asks for, and can everybody else still have it?"""

from __future__ import annotations

import subprocess
import sys


def told_by(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_dashboard_and_the_host_are_loaded_without_openssl() -> None:
    code = (
        "import sys\n"
        "from perfwatch.tui import lean\n"
        "lean.load_asyncio()\n"
        "import perfwatch.tui.app\n"
        "from perfwatch_collectors.host import HostCollector\n"
        "HostCollector().open()\n"
        "print(*sorted({'ssl', '_ssl', '_hashlib'}.intersection(sys.modules)))"
    )
    assert told_by(code) == ""


def test_whoever_speaks_tls_still_can() -> None:
    code = (
        "from perfwatch.tui import lean\n"
        "lean.load_asyncio()\n"
        "import asyncio, httpx, ssl\n"
        "asyncio.run(asyncio.sleep(0))\n"
        "with httpx.Client() as client:\n"
        "    print(isinstance(ssl.create_default_context(), ssl.SSLContext))"
    )
    assert told_by(code) == "True"


def test_what_somebody_loaded_before_stays() -> None:
    code = (
        "import ssl, sys\n"
        "from perfwatch.tui import lean\n"
        "lean.load_asyncio()\n"
        "print(sys.modules['ssl'] is ssl)"
    )
    assert told_by(code) == "True"
