"""What does a PATTERN find in a line of a job's output?

A PATTERN is, in this order: exactly a preset's name (`PRESETS`); a template, if it contains `{NAME}`
(letter or `_` first): its other text is literal, blanks match any blanks and `{_}` anything; else a
regular expression. `re:` in front forces the last. What stands in `{NAME}` or `(?P<NAME>...)` is a
number (`parse_number`); the name's suffix says what it means:

    NAME          cumulative; a value that falls is a restart
    NAME__inc     an increment
    NAME__rate    per second, integrated over the time since the line before
    NAME__s __ms __us    a timing
    NAME__gauge   a gauge

`rank` is no figure: it says which of several processes printed the line. Without names, matching lines are
counted as `lines`.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import NamedTuple

from perfwatch.errors import ConfigError
from perfwatch.redact import redact
from perfwatch.workload.lines import ENDINGS
from perfwatch.workload.presets import PRESETS
from perfwatch.workload.tally import Number, believable, clean_text, whole

LINES = "lines"
"""What matching lines are counted as where a pattern names nothing."""

_SEPARATORS = ",_'\u00a0\u202f\u2009"
NUMBER = (
    rf"[-+]?(?:(?:(?:\d{{1,3}}(?:[{_SEPARATORS}]\d{{3}})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d+)?(?:[kKMG](?![A-Za-z]))?"
    r"|(?:[nN]a[nN]|NAN|[iI]nf|INF)(?![A-Za-z]))"
)
"""A number as programs print it: sign, thousands separators, fraction, exponent, k M G; also nan and inf,
so that a diverged loss does not hide the steps beside it."""

_WHERE_IT_BEGINS = NUMBER.replace("[-+]?", r"[-+]?(?<!\d)", 1)
"""The same where nothing stands before it: to begin in the midst of its digits finds nothing, and takes
seconds in a line of thousands of digits."""

_TURNS = ("_anew", "_over")
"""Groups of a preset that say that counting begins anew, before a line or behind it."""
_FACTORS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_WHOLE_NUMBER = re.compile(NUMBER)
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OPEN_FIELD = re.compile(r"(?<!\\)\{[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_}])")
_DROP_SEPARATORS = str.maketrans("", "", _SEPARATORS)
_SHOWN = 200
# torchrun --tee ("[default0]:"), its excepthook ("[rank0]:"), mpirun --tag-output ("[1,0]<stdout>:"), and
# what people print themselves. A bare number may be anything.
_LAUNCHED = r"(?:\[(?:rank|default|trainer|worker|gpu|proc|process)[ _:]?\d+\]|\[\S*\d,\d+\]<std(?:out|err)>)"
_RANK = re.compile(rf"\s*(?:{_LAUNCHED}|(?:rank|worker)[ _-]?\d+(?=\s*[:|\]-]))", re.IGNORECASE)
"""What stands before the line of one of several processes."""
_NUMBERED_RANK = re.compile(rf"\s*(?:{_LAUNCHED}|\d+(?=:\s)|\[\d+\](?=\s))", re.IGNORECASE)
"""The same where a launcher numbers the lines (srun --label, mpiexec -prepend-rank)."""
_LABEL = re.compile(rf"\s*{_LAUNCHED}:?", re.IGNORECASE)
_NUMBERED_LABEL = re.compile(rf"\s*(?:{_LAUNCHED}:?|(?:\d+:|\[\d+\])(?=\s))", re.IGNORECASE)
"""What is a launcher's of that, and no part of what the process printed."""
RANK = "rank"
"""A name in a pattern that says which process printed the line."""
_MADE = re.compile(r"(?<=00:00)<\?, +\?[^\],]*\]")
"""Behind the clock of a bar that tqdm draws when it is made; after a step it tells a pace."""
_DRAWN = re.compile(r"\d%\||\d% *[\u2501\u2578\u257a]|[\u2588-\u258f]{3}")
"""What hardly any line but one with a progress bar has in it: tqdm's, rich's, or a bar alone."""
_HOW_FAR = re.compile(r"\d(?:%| ?(?:/|of) ?\d)")
"""What such a bar says besides; a banner of blocks does not."""
_UNREAD = (
    "A progress bar could not be read: {}. What it did is in no count: a bar is read where it says n/total. "
    "Give it a wider terminal (COLUMNS, ncols), or write a pattern for its bar_format."
)
_OF_BYTES = re.compile(r"[KMGTkmgt]i?B\b|B/s")
_SHARE = re.compile(r"(\d+)%\|")
_WORKER = re.compile(r"worker[ _-]?\d+\W*", re.IGNORECASE)
"""A bar's description that looks like that, and is none: workers of a pool draw a bar each."""


class Says(str, Enum):
    """What a number in a line means."""

    TOTAL = "total"
    INCREMENT = "increment"
    RATE = "rate"
    TIMING = "timing"
    GAUGE = "gauge"


TIME_UNITS: Mapping[str, float] = {
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "\u03bcs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
}
"""The units in which lines tell a time, in seconds."""
_UNIT = "_unit_of_"
_UNIT_BEHIND = (
    rf"(?:\s?(?P<{{}}>{'|'.join(sorted(TIME_UNITS, key=len, reverse=True))})(?![A-Za-z]))?"
    r"(?![,_'.:]?\d|[A-Za-z\u00b5\u03bc])"
)
"""Behind a time: the line's own unit goes before that of the name; what 1:23 or 5x says is not known."""

_SUFFIXES: Mapping[str, tuple[Says, float]] = {
    "inc": (Says.INCREMENT, 1.0),
    "rate": (Says.RATE, 1.0),
    "s": (Says.TIMING, 1.0),
    "ms": (Says.TIMING, 1e-3),
    "us": (Says.TIMING, 1e-6),
    "gauge": (Says.GAUGE, 1.0),
}


class Field(NamedTuple):
    """A name in a pattern: the bare name, what its number means, and the factor that gives seconds."""

    name: str
    says: Says
    factor: float = 1.0


class Finding(NamedTuple):
    """A number that a line tells; a timing is in seconds."""

    name: str
    says: Says
    value: Number
    coarse: Number = 0
    """To so much a total is told: 1.2k to a hundred."""


class Drawn(NamedTuple):
    """A progress bar as a line draws it: what it is called, where it stands, whether it was just made."""

    description: str
    value: Number
    is_made: bool


class Match(NamedTuple):
    """What a pattern found in a line.

    `series` tells apart the counters that a preset sees in turn (progress bars); with `begins_anew` the
    line says that counting starts again from zero, with `is_over` that it does behind it. `rank` says which
    of several processes printed it; `bar` is the progress bar that it draws.
    """

    findings: tuple[Finding, ...]
    series: str = ""
    begins_anew: bool = False
    rank: str = ""
    bar: Drawn | None = None
    is_over: bool = False


class Pattern:
    """A compiled PATTERN.

    Args:
        source: as the person wrote it.
        expressions: all of them are searched in each line.
        first_series_only: only the series that was seen first counts.
        needle: bytes without which no line can match; empty where there are none such.
        each: what each matching line counts one of; empty for nothing.
        bars: a progress bar, with its description before it.
        numbered: a launcher puts the rank's number before each line.
    """

    def __init__(
        self,
        source: str,
        expressions: Sequence[re.Pattern[str]],
        *,
        first_series_only: bool = False,
        needle: bytes = b"",
        each: str = "",
        bars: bool = False,
        numbered: bool = False,
    ) -> None:
        self.source = source
        self._rank = _NUMBERED_RANK if numbered else _RANK
        self._label = _NUMBERED_LABEL if numbered else _LABEL
        self.each = each
        self.needle = needle
        self.first_series_only = first_series_only
        self._bars = bars
        self._parts = [_Part.of(source, expression) for expression in expressions]
        self.fields = tuple(field for part in self._parts for field in part.fields.values())
        self._counts_lines = not self.fields and not each

    def unread(self, line: str) -> str | None:
        """Of a line in which nothing was found: a sentence, if it draws a bar all the same (not of bytes)."""
        if not self._bars or not _DRAWN.search(line) or not _HOW_FAR.search(line) or _OF_BYTES.search(line):
            return None
        return _UNREAD.format(_shown(redact(line)))

    def search(self, line: str) -> Match | None:
        """What the line says, or None if the pattern is not in it."""
        whole, line = line, self._printed(line)
        found = ((part, match) for part in self._parts if (match := part.expression.search(line)))
        matches = list(islice(found, 1)) if self._bars else list(found)
        if not matches or (self._bars and _is_cut(line, matches[0][1])):
            return None
        rank = self._rank_of(whole, matches)
        if self._counts_lines:
            return Match((Finding(LINES, Says.INCREMENT, 1),), rank=rank)
        findings = [finding for part, match in matches for finding in part.findings(match)]
        if self.each:
            findings.append(Finding(self.each, Says.INCREMENT, 1))
        series = "/".join(filter(None, (part.series(match) for part, match in matches)))
        anew, over = (any(part.says(word, match) for part, match in matches) for word in _TURNS)
        if not self._bars:
            return Match(tuple(findings), series, anew, rank, is_over=over)
        description = line[: min(match.start() for _, match in matches)].strip()
        if _WORKER.fullmatch(description):
            rank = ""  # it shares the work with its neighbours
        total = next((each.value for each in findings if each.says is Says.TOTAL), 0)
        is_made = any(_MADE.match(line, match.end()) for _, match in matches)
        return Match(tuple(findings), series, anew, rank, Drawn(description, total, is_made))

    def _printed(self, line: str) -> str:
        """What a pattern is searched in: of a preset without a launcher's label, else as a person sees it."""
        if self.source not in PRESETS:
            return line.rstrip(ENDINGS)
        label = self._label.match(line)
        return line if label is None else line[label.end() :]

    def _rank_of(self, line: str, matches: Sequence[tuple[_Part, re.Match[str]]]) -> str:
        """Which of several processes printed it: as the pattern says, else as the line begins."""
        for part, match in matches:
            if RANK in part.expression.groupindex:
                return (match[RANK] or "").strip()
        found = self._rank.match(line)
        return "" if found is None else found[0].strip()


def _is_cut(line: str, bar: re.Match[str]) -> bool:
    """Whether a terminal that is too narrow cut a bar in the midst of its length.

    `  4%|#| 10/25` was of 250: its share does not fit. Where anything follows the length is whole.
    """
    share = _SHARE.search(bar[0])
    if share is None or bar.end() < len(line.rstrip(ENDINGS)):
        return False
    done, length = parse_number(bar["steps"]), parse_number(bar["_total"])
    return not length or done is None or abs(100 * done / length - int(share[1])) > 1


class _Part(NamedTuple):
    """One expression of a pattern, and what its groups mean."""

    expression: re.Pattern[str]
    fields: Mapping[str, Field]
    series_groups: tuple[str, ...]
    units: Mapping[str, str]
    """Of a timing's group that in which its line tells the unit."""

    @classmethod
    def of(cls, source: str, expression: re.Pattern[str]) -> _Part:
        preset = source in PRESETS
        names = [
            name for name in expression.groupindex if name not in ("_", RANK) and not name.startswith(_UNIT)
        ]
        hidden = tuple(name for name in names if preset and name.startswith("_"))
        fields = {
            name: field_of(name, what=f"the pattern {_shown(source)}") for name in names if name not in hidden
        }
        series = tuple(name for name in hidden if name not in _TURNS)
        units = {name: f"{_UNIT}{name}" for name in fields if f"{_UNIT}{name}" in expression.groupindex}
        return cls(expression, fields, series, units)

    def findings(self, match: re.Match[str]) -> Iterator[Finding]:
        for group, field in self.fields.items():
            value = parse_number(match[group])
            if value is not None:
                unit = self.units.get(group)
                told_in = None if unit is None else match[unit]
                factor = field.factor if told_in is None else TIME_UNITS[told_in]
                told = value if factor == 1.0 else value * factor
                coarse = _coarse(match[group]) if field.says is Says.TOTAL else 0
                yield Finding(field.name, field.says, told, coarse)

    def series(self, match: re.Match[str]) -> str:
        return "/".join(filter(None, (match[group] for group in self.series_groups)))

    def says(self, word: str, match: re.Match[str]) -> bool:
        """Whether a line says one of `_TURNS`."""
        return word in self.expression.groupindex and match[word] is not None


def totals_of(fields: Iterable[Field]) -> str:
    """The names of those that tell running totals, as a device's fact `totals` has them."""
    return ",".join(sorted({field.name for field in fields if field.says is Says.TOTAL}))


def compile_pattern(text: str, *, numbered: bool = False) -> Pattern:
    """The pattern that a text means.

    Args:
        text: as a person writes it.
        numbered: a launcher puts the rank's number before each line.

    Raises:
        ConfigError: it is empty, no regular expression, or a name in it is used twice or has a suffix that
            does not exist; the message says where.
    """
    if text in PRESETS:
        preset = PRESETS[text]
        return Pattern(
            text,
            [re.compile(expression.replace("<NUMBER>", NUMBER)) for expression in preset.expressions],
            first_series_only=preset.first_series_only,
            each=preset.each,
            bars=preset.bars,
            numbered=numbered,
        )
    if text.startswith("re:"):
        return Pattern(text, [_expression(text, text[3:])], numbered=numbered)
    _refuse_what_is_open(text)
    if _FIELD.search(text):
        return Pattern(text, [_template(text)], needle=_needle(text), numbered=numbered)
    _refuse_a_slip(text)
    return Pattern(text, [_expression(text, text)], numbered=numbered)


def _refuse_a_slip(text: str) -> None:
    """A word that is nearly a preset's name is hardly meant as an expression: it would count lines."""
    if text == "mllog":
        raise ConfigError(
            "cannot look for mllog as a pattern here: a training log that is a file is -w mllog=PATH, one "
            "that is printed stdout=mllog"
        )
    near = difflib.get_close_matches(text, (*PRESETS, "mllog"), n=1, cutoff=0.75) if text.isalpha() else []
    if near:
        raise ConfigError(
            f"cannot read the pattern {_shown(text)}: no preset has this name; did you mean {near[0]}? "
            f"(re:{text} counts the lines that contain it)"
        )


def _refuse_what_is_open(text: str) -> None:
    """A name whose bracket is not closed would be taken for text; before one that is, it may be meant so."""
    opened = _OPEN_FIELD.search(text)
    if opened is not None and not _FIELD.search(text, opened.end()):
        raise ConfigError(
            f"cannot read the pattern {_shown(text)}: {_shown(opened[0])} is not closed; write "
            f"{opened[0]}}}, or re: in front of an expression"
        )


def parse_number(text: str | None) -> Number | None:
    """The number that a text is, or None: no number, not finite, or too large to be believed."""
    if text is None:
        return None
    text = text.strip()
    if not _WHOLE_NUMBER.fullmatch(text):
        return None
    factor = _FACTORS.get(text[-1], 1.0)
    digits = text.translate(_DROP_SEPARATORS)
    if factor != 1.0:
        digits = digits[:-1]
    elif digits.isdecimal() and len(digits) <= 18:
        return int(digits)
    value = float(digits) * factor
    return whole(value) if believable(value) else None


def _coarse(text: str) -> Number:
    """To how much a number with k, M or G is told: one in its last digit."""
    factor = _FACTORS.get(text[-1:])
    if factor is None:
        return 0
    decimals = len(text.partition(".")[2][:-1])
    return float(factor / 10.0**decimals)


def _template(text: str) -> re.Pattern[str]:
    parts = _FIELD.split(text)
    used: set[str] = set()
    expression = ""
    for place, part in enumerate(parts):
        if place % 2 == 0:
            expression += _literal(part)
        elif part == "_":
            expression += ".*?"
        elif part in used:
            raise ConfigError(
                f"cannot read the pattern {_shown(text)}: {{{part}}} stands in it twice; "
                "write {_} for what is not needed"
            )
        else:
            used.add(part)
            number = NUMBER if expression and not expression.endswith(".*?") else _WHERE_IT_BEGINS
            expression += rf"\s*(?P<{part}>{number})" if number is NUMBER else f"(?P<{part}>{number})"
            if part.rpartition("__")[2] in TIME_UNITS and not parts[place + 1][:1].isalpha():
                expression += _UNIT_BEHIND.format(f"{_UNIT}{part}")
    return re.compile(expression)


def _needle(text: str) -> bytes:
    """The longest word of a template's literal text, as a job prints it; empty if there is none."""
    words = [word for place, part in enumerate(_FIELD.split(text)) if place % 2 == 0 for word in part.split()]
    return max((word.encode() for word in words if word.isascii()), key=len, default=b"")


def _literal(text: str) -> str:
    """The text as an expression in which a run of blanks matches any blanks."""
    pieces = re.split(r"(\s+)", text)
    return "".join(r"\s+" if piece.isspace() else re.escape(piece) for piece in pieces)


def _expression(source: str, text: str) -> re.Pattern[str]:
    if not text:
        raise ConfigError(
            "cannot read an empty pattern; write a template such as 'step {steps}', or a regular expression"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a future meaning of the person's brackets is not our business
            return re.compile(text)
    except re.error as error:
        where = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise ConfigError(
            f"cannot read the pattern {_shown(source)} as a regular expression: {error.msg}{where}; "
            "mend it there, or write a template such as 'step {steps}'"
        ) from error
    except (OverflowError, RecursionError) as error:
        raise ConfigError(
            f"cannot read the pattern {_shown(source)} as a regular expression: {error}; make it simpler"
        ) from error


def field_of(written: str, *, what: str) -> Field:
    """What a name with its ending means.

    Args:
        written: such as `latency__ms`.
        what: says in an error where it stands.

    Raises:
        ConfigError: the ending means nothing.
    """
    name, _, suffix = written.rpartition("__")
    if not name:
        return Field(written, Says.TOTAL)
    if suffix not in _SUFFIXES:
        near = difflib.get_close_matches(suffix, _SUFFIXES, n=1)
        hint = f"did you mean {name}__{near[0]}?" if near else "known are __" + " __".join(_SUFFIXES)
        raise ConfigError(
            f"cannot read {what}: {clean_text(written)} ends in __{suffix}, which means nothing; {hint}"
        )
    says, factor = _SUFFIXES[suffix]
    return Field(name, says, factor)


def _shown(text: str) -> str:
    return repr(clean_text(text, _SHOWN))
