"""The collectors of a command line, as each command takes them: with what is to be said of them first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from perfwatch.cli import standard, typed_secrets
from perfwatch.sources import choose

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.sources.live import Chosen


def chosen_collectors(args: argparse.Namespace, config: Config) -> list[Chosen]:
    """Those that take part; who of them would tell a password to everybody on the way is said.

    Raises:
        ConfigError: a name or an option is wrong, or what was asked for by name cannot be loaded.
    """
    chosen = choose.choose(args, config)
    for sentence in typed_secrets.in_the_clear(one.collector for one in chosen):
        standard.say(f"perfwatch: {sentence}", quiet=bool(getattr(args, "quiet", False)))
    return chosen
