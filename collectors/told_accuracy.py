"""How accurate does a meter itself say that it is? In percent, as Linux' drivers hand it on."""

from __future__ import annotations

MOST_ACCURATE = 50.0
"""From so many percent on an accuracy is the share that is right, not the one that may be wrong."""


def gain_told(text: str) -> float | None:
    """The accuracy that a device tells of itself (`powerN_accuracy`, percent) as a ratio; None for none.

    ACPI's meters print `90.0%` for readings that are 90 % right, others the error: a meter that may be wrong
    by more than half of what it tells is none. 0 and 100 % are what firmware says that knows nothing.
    """
    try:
        percent = float(text.rstrip("%"))
    except ValueError:
        return None
    if not 0.0 < percent < 100.0:
        return None
    return (100.0 - percent if percent >= MOST_ACCURATE else percent) / 100.0
