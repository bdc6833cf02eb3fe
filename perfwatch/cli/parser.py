"""A command's options: parsed by argparse, complained about in our own words."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from perfwatch.errors import ConfigError
from perfwatch.text import clean, did_you_mean

_UNKNOWN = re.compile(r"unrecognized arguments: (\S+)")


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults that say something; where there is none the help text says what happens then."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default == []:
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, with the option that was probably meant."""

    def __init__(self, word: str, about: str, *, takes_command: bool) -> None:
        super().__init__(
            prog=f"perfwatch {word}",
            usage=f"perfwatch {word} [options] -- COMMAND" if takes_command else None,
            description=about,
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        self._takes_command = takes_command

    def error(self, message: str) -> NoReturn:
        unknown = _UNKNOWN.match(message)
        if unknown is None:
            raise ConfigError(f"{clean(message)} (`{self.prog} --help` lists the options)")
        word = unknown[1].partition("=")[0]
        known = [option for action in self._actions for option in action.option_strings]
        raise ConfigError(f"there is no option {clean(word)}; {did_you_mean(word, known)}")

    def understand(self, rest: list[str]) -> argparse.Namespace:
        """Parse the options; for a command that starts a job, what follows the first `--` is untouched.

        Raises:
            ConfigError: they are wrong.
        """
        if not self._takes_command or "--" not in rest:
            return self.parse_args(rest)
        dashes = rest.index("--")
        args = self.parse_args(rest[:dashes])
        separator = ["--"] if args.command else []  # the job began before it: the dashes are the job's own
        args.command = [*args.command, *separator, *rest[dashes + 1 :]]
        return args
