"""What does a start import, and can the core be carried to a machine where nothing is installed?

import-linter (`make check`) sees import statements; these tests see what an interpreter really loads.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = (
    "textual",
    "rich",
    "httpx",
    "psutil",
    "pynvml",
    "pyRAPL",
    "importlib.metadata",
    "msgspec",
    "zstandard",
)

CARRIED = sorted(
    ".".join(path.relative_to(base).with_suffix("").parts)
    for base, pattern in ((ROOT, "perfwatch/**/*.py"), (ROOT / "typings", "perfwatch_collectors/*.py"))
    for path in base.glob(pattern)
    if path.name not in ("__init__.py", "__main__.py") and not {"cli", "tui"}.intersection(path.parts)
)
"""Everything but the command line and the dashboard must load without anything installed.

(typings/ links to collectors/.)
"""


def modules_after(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter has loaded when perfwatch has run with these arguments."""
    code = (
        "import sys\n"
        "from perfwatch.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "finally:\n"
        "    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip(), "perfwatch printed nothing"
    loaded = set(done.stderr.split())
    assert "perfwatch.cli" in loaded
    return loaded


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("mark", "--help")])
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not modules_after(*arguments).intersection(HEAVY)


def test_the_core_and_the_collectors_need_nothing_installed() -> None:
    """-S leaves out every installed package; -I the environment and the working directory."""
    code = (
        "import sys, importlib\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'typings')!r}]\n"
        f"for name in {CARRIED!r}:\n"
        "    importlib.import_module(name)\n"
        "print(len(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
