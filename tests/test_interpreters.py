"""Does perfwatch's carried part work on every Python that is found here?

`make test-all` runs all tests on each; this is the short version. The carried part is what goes to machines
where nothing is installed, so each interpreter runs it with nothing but its standard library.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from test_walls import CARRIED

ROOT = Path(__file__).resolve().parent.parent


def interpreters() -> list[str]:
    """The Pythons from 3.10 on, one for each minor version."""
    found = subprocess.run([ROOT / "scripts" / "interpreters"], capture_output=True, text=True, check=True)
    return found.stdout.split()


@pytest.mark.parametrize("python", interpreters())
def test_the_carried_part_summarises_a_session(python: str) -> None:
    command = [python, "-I", "-S", "-W", "error", "tests/carried_smoke.py", str(ROOT), *CARRIED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fine on 3.")
