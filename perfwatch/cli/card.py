"""`perfwatch card FILE`: a recorded run to be pasted into an issue, a forum, a paper."""

from __future__ import annotations

import argparse
import gc
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from perfwatch.cli import asking, results, standard
from perfwatch.cli.hashed import HashedText
from perfwatch.cli.placing import is_one_file
from perfwatch.errors import ConfigError, SessionError
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.exporters.card.model import Card

HELP = """A recorded run to be pasted: six figures, the conditions, the verdict and a hash of the session.
FILE: a path, `-`, last, last~1, a name or tag of a run, or what --summary-json wrote."""
TEXT, MARKDOWN, SVG = "text", "md", "svg"
_OF_SUFFIX = {".txt": TEXT, ".md": MARKDOWN, ".svg": SVG}
_HASH = re.compile(r"(?:sha256[: ])?([0-9a-f]{12,64})", re.IGNORECASE)
_FIGURES = (
    *("devices", "unit", "slo", "scope", "meter", "window", "warmup", "phase"),
    *("price", "rent", "pue", "carbon", "currency", "cost_scope"),
)
"""Options that make figures out of a session."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="last", metavar="FILE", help="the session, or a summary")
    group = parser.add_argument_group("the card")
    group.add_argument(
        "--to",
        choices=(TEXT, MARKDOWN, SVG),
        help="text in a frame, Markdown, or a picture (default: by the suffix of -o, else text)",
    )
    group.add_argument("-o", "--output", metavar="FILE", default="-", help="`-` is standard output")
    group.add_argument("--force", action="store_true", help="overwrite a file that exists")
    group.add_argument("--json", action="store_true", help="the card as JSON on standard output")
    group.add_argument(
        "--with", dest="shown", metavar="LIST", help="show what a card leaves out: host, command"
    )
    group.add_argument(
        "--verify",
        metavar="HASH",
        help="say whether FILE is what a card with this hash was made of (exit 0 or 1)",
    )
    group.add_argument("--ascii", action="store_true", help="text in ASCII only")
    asking.add_summary_arguments(parser)
    asking.add_phase_argument(parser)
    parser.add_argument("--config", metavar="FILE", help="configuration file instead of the user's own")
    # Options of `summary` that a card has no use for; --to is its form.
    parser.set_defaults(since=None, until=None, fail_on=[], require=None, no_color=True)


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config
    from perfwatch.exporters.card.making import to_json
    from perfwatch.session.shelf import resolve

    gc.disable()  # records hold no cycles, and a day of them is looked through again and again
    form, shown = _form(args), _shown(args.shown)
    wanted = None if args.verify is None else _hash_of(args.verify)
    path = resolve(args.file)
    if path != "-" and args.output != "-" and is_one_file(path, args.output):
        raise ConfigError(f"-o {args.output}: is what the card is made of; name another file")
    text = HashedText(path)
    if wanted is not None:
        return _verify(text, wanted)
    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}")
    card = _card(args, config, text, shown)
    if args.json:
        results.write_json(to_json(card))
        return 0
    _write(args, _rendered(args, config, card, form))
    return 0


# What is asked for


def _form(args: argparse.Namespace) -> str:
    """Which form is asked for.

    Raises:
        ConfigError: the name of the file says none, or options contradict each other.
    """
    from perfwatch.session.writer import is_stream

    if args.json and (args.to is not None or args.output != "-"):
        raise ConfigError("--json goes to standard output and has one form; leave out --to and -o, or --json")
    if args.to is not None:
        return str(args.to)
    if is_stream(args.output):
        return TEXT
    suffix = os.path.splitext(args.output)[1].lower()  # noqa: PTH122 - `-o` is any text
    if suffix not in _OF_SUFFIX:
        raise ConfigError(
            f"-o {clean(args.output)}: its name says no form; add --to text, md or svg, or name it "
            "NAME.txt, NAME.md or NAME.svg"
        )
    return _OF_SUFFIX[suffix]


def _shown(text: str | None) -> tuple[str, ...]:
    from perfwatch.exporters.card.discretion import CHOICES

    words = tuple(word.strip() for word in (text or "").split(",") if word.strip())
    for word in words:
        if word not in CHOICES:
            raise ConfigError(f"--with {clean(word, 60)}: a card can show {', '.join(CHOICES)}")
    if text is not None and not words:
        raise ConfigError(f"--with needs a list out of {', '.join(CHOICES)}")
    return words


def _hash_of(text: str) -> str:
    found = _HASH.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"--verify {clean(text, 80)}: is no hash of a card; give its 12 to 64 hex digits")
    return found[1].lower()


# Doing it


def _verify(text: HashedText, wanted: str) -> int:
    """Say whether a text has the hash that a card tells."""
    kind = "summary" if text.is_summary else "session"
    found = text.sha256()
    stream = standard.out()
    name = clean(text.name)
    if found.startswith(wanted):
        stream.write(f"{name} is the {kind} of that card: its sha256 is {found}\n")
        return 0
    stream.write(
        f"{name} is not what that card was made of: its sha256 begins with {found[: len(wanted)]}, "
        f"the card's with {wanted}\n"
    )
    return 1


def _card(args: argparse.Namespace, config: Config, text: HashedText, shown: tuple[str, ...]) -> Card:
    """The card of a session or of a summary.

    Raises:
        SessionError: the text is neither.
    """
    from perfwatch.exporters.card.making import card_of
    from perfwatch.exporters.card.model import Source

    if not text.is_summary:
        summary = _summary(args, config, text)
        return card_of(summary, Source("session", text.sha256()), shown=shown)
    _refuse_figures(args)
    summary = text.summary()
    try:
        return card_of(summary, Source("summary", text.sha256()), shown=shown)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # it may be anybody's
        raise SessionError(
            f"{text.name} calls itself a summary and has not the parts of one ({type(error).__name__}: "
            f"{clean(error, 80)}); make it anew with perfwatch summary FILE --summary-json"
        ) from error


def _summary(args: argparse.Namespace, config: Config, text: HashedText) -> dict[str, Any]:
    from perfwatch.session.reader import session_of_chunks

    tape = results.tape_of(session_of_chunks(text.name, text.chunks()))
    return results.summarise(tape, asking.settings_of_session(args, tape.header, config.units))


def _refuse_figures(args: argparse.Namespace) -> None:
    """The figures of a summary are made; an option that would change them must not seem to."""
    given = [f"--{name.replace('_', '-')}" for name in _FIGURES if getattr(args, name) is not None]
    if given:
        raise ConfigError(
            f"cannot use {', '.join(given)} with a summary, whose figures are made: name the session"
        )


def _rendered(args: argparse.Namespace, config: Config, card: Card, form: str) -> str:
    from perfwatch.exporters.card import markdown, svg, text

    renderers: dict[str, Callable[[Card], str]] = {MARKDOWN: markdown.render, SVG: svg.render}
    if form in renderers:
        return renderers[form](card)
    to_terminal = args.output == "-" and results.look(args, config, standard.out())["ascii"]
    return text.render(card, ascii=args.ascii or to_terminal)


def _write(args: argparse.Namespace, text: str) -> None:
    """The card where it is wanted, in UTF-8 whatever the locale.

    Raises:
        SessionError: it cannot be written.
    """
    from perfwatch.session.writer import open_for_writing

    content = f"{text}\n".encode("utf-8", "replace")
    if args.output == "-":
        stream = standard.out()
        stream.flush()
        stream.buffer.write(content)
        stream.flush()
        return
    fd = open_for_writing(args.output, force=args.force)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(content)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SessionError(f"cannot write the card to {args.output}: {error.strerror or error}") from error
