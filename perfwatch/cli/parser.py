"""A command's options: parsed by argparse, complained about in our own words."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import NoReturn

from perfwatch.errors import ConfigError
from perfwatch.text import clean, did_you_mean

_NEGATIVE = re.compile(r"-\.?\d")
_UNKNOWN = re.compile(r"unrecognized arguments: (\S+)")


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults that say something; where there is none the help text says what happens then."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default == []:
            return action.help
        return super()._get_help_string(action)


def _shown(action: argparse.Action) -> str:
    """What stands for the value: its metavar, or the words to choose from."""
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    return str(action.metavar or choices)


def _usage(option: argparse.Action) -> str:
    return f"{option.option_strings[0]} {_shown(option)}"


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

    def format_help(self) -> str:
        """The help, with a usage line that does not list each option."""
        self.usage = self._usage_line()
        return super().format_help()

    def _usage_line(self) -> str:
        return self.usage or " ".join(
            [self.prog, *map(_usage, self._required()), "[options]", *self._operands()]
        )

    def _required(self) -> list[argparse.Action]:
        return [action for action in self._actions if action.option_strings and action.required]

    def _operands(self) -> Iterator[str]:
        for action in self._actions:
            if not action.option_strings:
                shown = _shown(action)
                yield {"?": f"[{shown}]", "*": f"[{shown} ...]"}.get(str(action.nargs), shown)

    def error(self, message: str) -> NoReturn:
        unknown = _UNKNOWN.match(message)
        if unknown is None:
            raise ConfigError(f"{clean(message)} (`{self.prog} --help` lists the options)")
        word = unknown[1].partition("=")[0]
        known = [option for action in self._actions for option in action.option_strings]
        raise ConfigError(f"there is no option {clean(word)}; {did_you_mean(word, known)}")

    def _with_numbers(self, rest: list[str]) -> list[str]:
        """What begins like a negative number is an option's value, wrong as it may be, and no option."""
        takes_value = {
            option for action in self._actions if action.nargs is None for option in action.option_strings
        }
        joined: list[str] = []
        for word in rest:
            if joined and joined[-1] in takes_value and _NEGATIVE.match(word):
                joined[-1] = f"{joined[-1]}={word}" if joined[-1].startswith("--") else f"{joined[-1]}{word}"
            else:
                joined.append(word)
        return joined

    def _parsed(self, rest: list[str]) -> argparse.Namespace:
        """Operands of any number may stand before, between and behind the options."""
        if not self._takes_command and any(
            action.nargs in ("*", "+") for action in self._actions if not action.option_strings
        ):
            self.usage = self._usage_line()  # argparse hides the operands while it reads the options
            return self.parse_intermixed_args(rest)
        return self.parse_args(rest)

    def understand(self, rest: list[str]) -> argparse.Namespace:
        """Parse the options; for a command that starts a job, what follows the first `--` is untouched.

        Raises:
            ConfigError: they are wrong.
        """
        if not self._takes_command or "--" not in rest:
            return self._parsed(self._with_numbers(rest))
        dashes = rest.index("--")
        args = self.parse_args(self._with_numbers(rest[:dashes]))
        separator = ["--"] if args.command else []  # the job began before it: the dashes are the job's own
        args.command = [*args.command, *separator, *rest[dashes + 1 :]]
        return args
