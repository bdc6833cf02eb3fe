"""How is a page unpacked that comes compressed, though plain text was asked for?

Some servers, and proxies before them, compress whatever is asked of them. What comes out is bounded by the
caller: a megabyte of zeros is a kilobyte on the wire.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

GZIP = 16 + zlib.MAX_WBITS
"""zlib's number for gzip's format (RFC 1952)."""
PIECE_BYTES = 2**20
READ = {"gzip": GZIP, "x-gzip": GZIP, "deflate": zlib.MAX_WBITS}
"""Encodings of HTTP (RFC 9110) that are read, with zlib's number of each; deflate is zlib's own format."""


class Unpacked:
    """The pieces of one page as they come, unpacked."""

    def __init__(self, encoding: str) -> None:
        self._unpacker = zlib.decompressobj(READ[encoding])

    @property
    def whole(self) -> bool:
        """Whether its end has come."""
        return self._unpacker.eof

    def take(self, packed: bytes) -> Iterator[bytes]:
        """What is in the next piece, at most `PIECE_BYTES` at a time.

        Raises:
            zlib.error: it is not what its encoding says.
        """
        while packed and not self._unpacker.eof:
            piece = self._unpacker.decompress(packed, PIECE_BYTES)
            packed = self._unpacker.unconsumed_tail
            if piece:
                yield piece
