"""Packs text and objects for a while: quickly, well enough, and an object without a copy of all of it.

Buffers of the size of a scene, made and dropped again and again, would leave the process with several times
what it keeps.
"""

from __future__ import annotations

import io
import pickle
import zlib
from typing import Any

try:
    import zstandard
except ImportError:  # it is what reads compressed sessions; plain ones are replayed without
    zstandard = None  # type: ignore[assignment]


def packed(text: bytes) -> bytes:
    """The same in less room."""
    return zlib.compress(text, 1) if zstandard is None else zstandard.ZstdCompressor(level=1).compress(text)


def unpacked(data: bytes) -> bytes:
    """What was packed."""
    return zlib.decompress(data) if zstandard is None else zstandard.ZstdDecompressor().decompress(data)


def frozen(part: Any) -> bytes:
    """An object as it is now, in little room."""
    if zstandard is None:
        return packed(pickle.dumps(part, pickle.HIGHEST_PROTOCOL))
    room = io.BytesIO()
    with zstandard.ZstdCompressor(level=1).stream_writer(room, closefd=False) as stream:
        pickle.Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(part)
    return room.getvalue()


def thawed(data: bytes) -> Any:
    """The object that was frozen; of `frozen` alone, never of what comes from elsewhere."""
    if zstandard is None:
        return pickle.loads(unpacked(data))  # noqa: S301 - see above
    with zstandard.ZstdDecompressor().stream_reader(data) as stream, io.BufferedReader(stream) as reader:
        return pickle.load(reader)  # noqa: S301 - see above
