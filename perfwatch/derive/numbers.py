"""Numbers out of records, whose fields may hold anything."""

from __future__ import annotations


def integer(value: object) -> int:
    """The whole number that it is; 0 for anything else."""
    return value if isinstance(value, int) else 0
