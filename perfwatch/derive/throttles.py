"""Why does a device run slower than it could? Words for the bits of nvmlClocksEventReasons.

Only what means less speed than the chip could give counts: not idleness, not clocks that somebody chose.
"""

from __future__ import annotations

POWER_CAP = "power cap"
_SLOWDOWN, _BY_HARDWARE = 0x8, 0x40 | 0x80
_WORDS = (
    (0x80, "power brake"),
    (0x40, "thermal, by hardware"),
    (0x20, "thermal"),
    (_SLOWDOWN, "hardware slowdown"),
    (0x4, POWER_CAP),
)
"""The most serious first."""
BITS = sum(bit for bit, _ in _WORDS)


def reasons_of(bits: object) -> list[str]:
    """The reasons in words, the most serious first; none if it is not held back or if that is not known.

    A slowdown by hardware is told by its cause, heat or a power brake, where the device tells one.
    """
    if isinstance(bits, bool) or not isinstance(bits, (int, float)):
        return []
    told = int(bits)
    if told & _BY_HARDWARE:
        told &= ~_SLOWDOWN
    return [words for bit, words in _WORDS if told & bit]
