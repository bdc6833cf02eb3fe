"""How long do `perfwatch --version` and `--help` take, beside `import argparse`, and what do they import?

    python benchmarks/start.py [ROUNDS]

Times are medians over alternating rounds. The environment is a user's: byte code may be written, output is
buffered. The budget: at most twice the time of `python -c "import argparse"`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

BUDGET = 2.0
UNWANTED = ("textual", "httpx", "psutil", "pynvml", "importlib.metadata", "msgspec", "zstandard")
PERFWATCH = [sys.executable, "-c", "import sys; from perfwatch.cli import main; sys.exit(main())"]
CASES = {
    "import argparse": [sys.executable, "-c", "import argparse"],
    "perfwatch --version": [*PERFWATCH, "--version"],
    "perfwatch --help": [*PERFWATCH, "--help"],
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", type=int, nargs="?", default=40, help="starts of each (40)")
    rounds = parser.parse_args().rounds
    environment = _as_users_have_it()
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds + 1):
        for name, command in CASES.items():
            times[name].append(_seconds(command, environment))
    base = statistics.median(times["import argparse"][1:])
    print(f"{'':24}{'median':>10}{'ratio':>8}")
    worst = 0.0
    for name, found in times.items():
        median = statistics.median(found[1:])
        worst = max(worst, median / base)
        print(f"{name:24}{median * 1000:8.1f} ms{median / base:8.2f}")
    loaded = [name for case in ("--version", "--help") for name in _imported(case, environment)]
    print(f"imported that should not be: {', '.join(loaded) or 'nothing'}")
    fine = worst <= BUDGET and not loaded
    print(f"budget: ratio at most {BUDGET:g}: {'kept' if fine else 'BROKEN'}")
    return 0 if fine else 1


def _as_users_have_it() -> dict[str, str]:
    developers = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    return {key: value for key, value in os.environ.items() if key not in developers}


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _imported(option: str, environment: dict[str, str]) -> list[str]:
    script = (
        "import sys; from perfwatch.cli import main; main(sys.argv[1:]); "
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, option], env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    return [name for name in UNWANTED if name in loaded]


if __name__ == "__main__":
    raise SystemExit(main())
