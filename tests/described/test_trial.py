"""What `collectors check` says of a file and an output: what it doubts, and what it passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from described.describing import CHIP, described
from perfwatch_collectors.described.trial import Trial, of_sample

ENERGY = 'energy_joules_total = { from = "e", unit = "uJ", wraps_at = 4294967296 }\n'


def tried(tmp_path: Path, output: object, text: str = CHIP, **replaced: str) -> Trial:
    """What is made of an output: a text, or a document."""
    sample = tmp_path / "output"
    sample.write_text(output if isinstance(output, str) else json.dumps(output))
    return of_sample(described(text, **replaced), sample)


def warnings(tmp_path: Path, output: object, text: str = CHIP, **replaced: Any) -> str:
    return "\n".join(tried(tmp_path, output, text, **replaced).warnings)


def test_a_counter_that_is_beyond_its_wrap_is_doubted(tmp_path: Path) -> None:
    def of(raw: int) -> str:
        return warnings(
            tmp_path, {"devices": [{"uuid": "A", "name": "X", "power": 1000, "e": raw}]}, CHIP + ENERGY
        )

    assert of(2**32 - 1) == ""
    assert "5000000000 of A is beyond its wraps_at" in of(5 * 10**9)
