"""A comparison for people: which conditions differ, then figure by figure how much, and is that shown?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfwatch.derive.compare_change import BETTER, CANNOT_TELL, NO_DIFFERENCE, WORSE
from perfwatch.exporters import compare_parts
from perfwatch.exporters.compare_parts import NOT_COMPARABLE, Json, Line
from perfwatch.exporters.layout import BOLD, DIM, GREEN, RED, YELLOW, Paint, hanging
from perfwatch.text import pad, width

DEFAULT_WIDTH, NARROWEST, WIDEST = 100, 40, 120
GAP = 2
LONGEST_CALLED = 24
_COLORS = {BETTER: GREEN, WORSE: RED, NO_DIFFERENCE: DIM, CANNOT_TELL: YELLOW, NOT_COMPARABLE: YELLOW}
_MARKS = {"insufficient": ("!", RED), "warn": ("*", YELLOW)}


def render(
    comparison: Json,
    *,
    width: int | None = None,
    color: bool = False,
    ascii: bool = False,  # noqa: A002 - the word of the option --ascii
) -> str:
    """The comparison as text, without a line end at its end.

    Args:
        width: columns of the terminal; a default where there is none.
    """
    columns = min(max(width or DEFAULT_WIDTH, NARROWEST), WIDEST)
    face = _Face(comparison, columns, Paint(color=color, ascii_only=ascii))
    return "\n".join(line.rstrip() for line in face.lines())


class _Face:
    """One comparison being written."""

    def __init__(self, comparison: Json, columns: int, paint: Paint) -> None:
        self._groups: Sequence[Json] = comparison["groups"]
        self._runs: Sequence[Json] = comparison["runs"]
        self._pairs: Sequence[Json] = comparison["comparisons"]
        self._unit: str | None = comparison["unit"]
        self._columns = columns
        self._paint = paint

    def lines(self) -> Iterator[str]:
        """The whole comparison, line by line."""
        yield from self._header()
        for pair in self._pairs:
            yield ""
            yield from self._pair(pair)
        yield from self._findings()

    def _header(self) -> Iterator[str]:
        called = [self._paint.cut(str(group["called"]), LONGEST_CALLED) for group in self._groups]
        room = max(map(width, called))
        for group, name in zip(self._groups, called, strict=True):
            label = f"{group['label']}  {pad(name, room)}  "
            said = compare_parts.subject(group, self._runs)
            yield from hanging(said, self._columns, label, paint=self._paint, code=BOLD)

    def _pair(self, pair: Json) -> Iterator[str]:
        title = f"{pair['group']} against {pair['against']}"
        yield from self._conditions(pair, title)
        lines = list(compare_parts.lines_of(pair, self._unit, self._currency()))
        yield ""
        yield from self._sentence(compare_parts.answer(pair, lines), "", BOLD)
        yield from self._table(pair, lines)
        yield from self._reasons(lines)
        yield from self._sentence(compare_parts.basis(pair, self._groups), "", DIM)

    def _currency(self) -> str | None:
        cost = self._runs[0].get("cost")
        return cost.get("currency") if isinstance(cost, dict) else None

    def _conditions(self, pair: Json, title: str) -> Iterator[str]:
        conditions = pair["conditions"]
        how = "under conditions that differ:" if conditions else "under the same conditions, as far as known."
        yield from self._sentence(f"{title}, {how}", "", BOLD)
        for condition in conditions:
            mark, code = ("!", RED) if condition["blocks"] else ("-", DIM)
            yield from hanging(
                condition["message"], self._columns, f"  {mark} ", paint=self._paint, code=code
            )

    def _table(self, pair: Json, lines: Sequence[Line]) -> Iterator[str]:
        """Label, both values, the change and the verdict; these below the line where they do not fit."""
        titles = ("", pair["against"], pair["group"], "difference", "")
        cells = [(line.label, *line.values, line.change, line.verdict) for line in lines]
        rows = [tuple(map(self._paint.line, row)) for row in (titles, *cells)]
        rooms = [max(width(row[at]) for row in rows) for at in range(len(titles))]
        fits = sum(rooms) + GAP * (len(rooms) - 1) <= self._columns
        for row in rows:
            values = [pad(row[at], rooms[at], right=True) for at in (1, 2)]
            text = (" " * GAP).join([pad(row[0], rooms[0]), *values])
            change = pad(row[3], rooms[3], right=True)
            verdict = self._paint.style(row[4], _COLORS.get(row[4], ""))
            if row is rows[0]:
                yield self._paint.style(f"{text}{' ' * GAP}{change}" if fits else text, DIM)
            elif fits:
                yield (" " * GAP).join([text, change, verdict])
            else:
                yield text
                yield f"{' ' * (2 * GAP)}{change}{' ' * GAP}{verdict}"

    def _reasons(self, lines: Sequence[Line]) -> Iterator[str]:
        """Why something cannot be told, each reason once."""
        for because in dict.fromkeys(line.because for line in lines if line.because):
            labels = compare_parts.few([line.label for line in lines if line.because == because])
            yield from self._sentence(f"{labels}: {because.rstrip('.')}.", "  ? ", YELLOW)

    def _findings(self) -> Iterator[str]:
        """What stands against the runs themselves."""
        for about, findings in compare_parts.findings_of(self._groups).items():
            yield ""
            yield self._paint.style(f"To be known of {about}:", BOLD)
            for finding in findings:
                mark, code = _MARKS[finding["level"]]
                yield from hanging(
                    finding["message"], self._columns, f"  {mark} ", paint=self._paint, code=code
                )

    def _sentence(self, text: str, first: str, code: str) -> Iterator[str]:
        if first:
            yield from hanging(text, self._columns, first, paint=self._paint, code=code)
        else:
            for line in hanging(text, self._columns, "", paint=self._paint):
                yield self._paint.style(line, code)
