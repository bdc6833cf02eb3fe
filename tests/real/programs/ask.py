"""Asks a server so many times, and says what it was told: python ask.py URL BODY NUMBER [options]

    --fail BODY NUMBER        and so many that ought to fail, one after another behind the others
    --until URL SERIES N      then waits until this counter of a metrics page has moved by N
    --result FILE             where the totals go, as JSON (else they are printed)

Needs Python alone, so that it is a client in any environment. It counts and times by itself: that is what is
compared with the server's page.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SETTLE_S = 90.0
LOOK_S = 0.5


class Asking:
    """A client, and what it counted."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.answered = self.failed = 0
        self.took_s: list[float] = []
        self.tokens = {"tokens_predicted": 0, "tokens_evaluated": 0}

    def ask(self, body: str) -> None:
        """Once; an answer with an error is one that failed."""
        request = urllib.request.Request(self._url, body.encode(), {"Content-Type": "application/json"})
        before_s = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError:
            self.failed += 1
            return
        self.took_s.append(time.perf_counter() - before_s)
        self.answered += 1
        self._count(text)

    def _count(self, text: bytes) -> None:
        """llama-server says with each answer how many tokens it made, and how many its prompt had."""
        try:
            told = json.loads(text)
        except ValueError:
            return
        if isinstance(told, dict):
            for name in self.tokens:
                self.tokens[name] += told.get(name, 0)

    def totals(self) -> dict[str, Any]:
        times = {"p50_s": statistics.median(self.took_s), "mean_s": statistics.mean(self.took_s)}
        return {"answered": self.answered, "failed": self.failed, **times, **self.tokens}


def counted(page: str, series: str) -> float:
    """The sum of a counter's series; nothing where there is no page or no such counter yet."""
    try:
        with urllib.request.urlopen(page, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    found = [line for line in lines if line.startswith((series + "{", series + " "))]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def wait_for_page(page: str, series: str, before: float, moved: int) -> None:
    """Some pages are brought up to date every ten seconds. Who waits in vain says so, and goes on."""
    until_s = time.monotonic() + SETTLE_S
    while counted(page, series) < before + moved:
        if time.monotonic() > until_s:
            print(f"{series} did not move by {moved} in {SETTLE_S:g} s", file=sys.stderr)
            return
        time.sleep(LOOK_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("body")
    parser.add_argument("number", type=int)
    parser.add_argument("--fail", nargs=2, metavar=("BODY", "NUMBER"), default=("", "0"))
    parser.add_argument("--until", nargs=3, metavar=("URL", "SERIES", "N"))
    parser.add_argument("--result", type=Path)
    args = parser.parse_args()

    before = counted(*args.until[:2]) if args.until else 0.0
    client = Asking(args.url)
    for body, number in ((args.body, args.number), (args.fail[0], int(args.fail[1]))):
        for _ in range(number):
            client.ask(body)
    if args.until:
        page, series, moved = args.until
        wait_for_page(page, series, before, int(moved))
    text = json.dumps(client.totals())
    if args.result:
        args.result.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
