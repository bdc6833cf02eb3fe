"""A comparison as Markdown, to be pasted: conditions as a list, figures as a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from perfwatch.exporters import compare_parts
from perfwatch.exporters.compare_parts import Json, Line
from perfwatch.text import clean, to_ascii

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def markdown(comparison: Json, *, ascii: bool = False) -> str:  # noqa: A002 - the word of the option
    """The comparison as Markdown, without a line end at its end."""
    text = "\n".join(_lines(comparison))
    return to_ascii(text.replace("\n", "\x00")).replace("\x00", "\n") if ascii else text


def _lines(comparison: Json) -> Iterator[str]:
    groups, runs = comparison["groups"], comparison["runs"]
    for group in groups:
        said = _escaped(compare_parts.subject(group, runs))
        yield f"- **{group['label']}** {_escaped(group['called'])}: {said}"
    cost = runs[0].get("cost")
    currency = cost.get("currency") if isinstance(cost, dict) else None
    for pair in comparison["comparisons"]:
        lines = list(compare_parts.lines_of(pair, comparison["unit"], currency))
        yield ""
        yield f"**{_escaped(compare_parts.answer(pair, lines))}**"
        yield ""
        yield from _conditions(pair)
        yield from _table(pair, lines)
        yield ""
        yield from _reasons(lines)
        yield _escaped(compare_parts.basis(pair, groups))
    yield from _findings(groups)


def _conditions(pair: Json) -> Iterator[str]:
    if pair["conditions"]:
        yield "What differs besides:"
        yield ""
        for condition in pair["conditions"]:
            message = _escaped(condition["message"])
            yield f"- **{message}**" if condition["blocks"] else f"- {message}"
        yield ""


def _table(pair: Json, lines: Sequence[Line]) -> Iterator[str]:
    yield f"| | {pair['against']} | {pair['group']} | difference | |"
    yield "|---|---:|---:|---:|---|"
    for line in lines:
        cells = (line.label, *line.values, line.change, line.verdict)
        yield f"| {' | '.join(map(_escaped, cells))} |"


def _reasons(lines: Sequence[Line]) -> Iterator[str]:
    for because in dict.fromkeys(line.because for line in lines if line.because):
        labels = compare_parts.few([line.label for line in lines if line.because == because])
        yield f"- {_escaped(f'{labels}: {because}')}"
    if any(line.because for line in lines):
        yield ""


def _findings(groups: Sequence[Json]) -> Iterator[str]:
    for about, findings in compare_parts.findings_of(groups).items():
        yield ""
        yield f"To be known of {about}:"
        yield ""
        yield from (f"- {_escaped(finding['message'])}" for finding in findings)


def _escaped(text: object) -> str:
    """Text that Markdown and HTML take for what it is."""
    return _SPECIAL.sub(r"\\\1", clean(text).replace("\xa0", " "))
