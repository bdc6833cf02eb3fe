"""Packs bytes for a while: quickly, and well enough."""

from __future__ import annotations

import zlib

try:
    import zstandard
except ImportError:  # it is what reads compressed sessions; plain ones are replayed without
    zstandard = None  # type: ignore[assignment]


def packed(data: bytes) -> bytes:
    """The same in less room."""
    return zlib.compress(data, 1) if zstandard is None else zstandard.ZstdCompressor(level=1).compress(data)


def unpacked(data: bytes) -> bytes:
    """What was packed."""
    return zlib.decompress(data) if zstandard is None else zstandard.ZstdDecompressor().decompress(data)
