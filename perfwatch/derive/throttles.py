"""Why does a device run slower than it could? Words for the bits of nvmlClocksEventReasons.

Only what means less speed than the chip could give counts: not idleness, not clocks that somebody chose.
"""

from __future__ import annotations

POWER_CAP = "power cap"
POWER = "power"
"""The key of that cause."""
_SLOWDOWN, _BY_HARDWARE = 0x8, 0x40 | 0x80
_WORDS = (
    (0x80, "power brake"),
    (0x40, "thermal, by hardware"),
    (0x20, "thermal"),
    (_SLOWDOWN, "hardware slowdown"),
    (0x4, POWER_CAP),
)
"""The most serious first."""
CAUSES = {
    "power": POWER_CAP,
    "thermal": "heat",
    "power_brake": "power brake",
    "hardware": "hardware slowdown",
}
"""What holds a device back, by the keys that the summary tells shares of time under, and in words."""
_CAUSES = {0x4: POWER, 0x20: "thermal", 0x40: "thermal", 0x80: "power_brake", _SLOWDOWN: "hardware"}


def reasons_of(bits: object) -> list[str]:
    """The reasons in words, the most serious first; none if it is not held back or if that is not known.

    A slowdown by hardware is told by its cause, heat or a power brake, where the device tells one.
    """
    told = _told(bits)
    return [words for bit, words in _WORDS if told & bit]


def causes_of(bits: object) -> tuple[str, ...]:
    """The keys of `CAUSES` that hold, each once."""
    told = _told(bits)
    return tuple(dict.fromkeys(cause for bit, cause in _CAUSES.items() if told & bit))


def _told(bits: object) -> int:
    """The bits, without the slowdown whose cause is among them."""
    if isinstance(bits, bool) or not isinstance(bits, (int, float)):
        return 0
    told = int(bits)
    return told & ~_SLOWDOWN if told & _BY_HARDWARE else told
