"""What a reader must know before quoting a result: the findings of a window, by the table of codes.

Each check reads the evidence and yields findings; `insufficient` ones take the ratios away. Messages carry
the figure that the verdict rests on and what would make it good.
"""

from __future__ import annotations

from collections.abc import Iterable

from perfwatch.derive import quality_energy, quality_odd, quality_watch, quality_work
from perfwatch.derive.evidence import Evidence
from perfwatch.derive.findings import CODES, INSUFFICIENT, LEVELS, Finding

_CHECKS = (*quality_energy.CHECKS, *quality_odd.CHECKS, *quality_work.CHECKS, *quality_watch.CHECKS)


def findings_of(evidence: Evidence) -> list[Finding]:
    """All findings of a window: insufficient ones first, then in the order of the table of codes."""
    found = [finding for check in _CHECKS for finding in check(evidence)]
    codes = list(CODES)
    return sorted(
        dict.fromkeys(found),
        key=lambda finding: (LEVELS.index(finding.level), codes.index(finding.code)),
    )


def takes_ratios_away(findings: Iterable[Finding]) -> bool:
    """Whether one of the findings is `insufficient`."""
    return any(finding.level == INSUFFICIENT for finding in findings)
