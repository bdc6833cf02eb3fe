"""The text of a session or of a summary, read once and hashed on the way."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from perfwatch.errors import SessionError

STDIN = "/dev/stdin"
_OPENING_BYTES = 4096
_LARGEST_SUMMARY = 64 << 20
_IS_SUMMARY = re.compile(rb'\s*\{\s*"schema"\s*:\s*"perfwatch\.summary/')


class HashedText:
    """A file's text, decompressed if need be: what it is can be asked before it is read, its hash after it.

    Args:
        path: a file's, or `-` for standard input.

    Raises:
        SessionError: it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self._hash = hashlib.sha256()
        self._chunks = self._hashed(STDIN if path == "-" else path)
        self._opening = b""
        for chunk in self._chunks:
            self._opening += chunk
            if len(self._opening) >= _OPENING_BYTES:
                break

    @property
    def is_summary(self) -> bool:
        """Whether it is what `--summary-json` wrote; everything else is taken for a session."""
        return _IS_SUMMARY.match(self._opening) is not None

    def chunks(self) -> Iterator[bytes]:
        """The text in pieces, once."""
        yield self._opening
        yield from self._chunks

    def sha256(self) -> str:
        """The hash of all the text, in hex digits; what was not read yet is read."""
        for _ in self._chunks:
            pass
        return self._hash.hexdigest()

    def summary(self) -> dict[str, Any]:
        """The summary that it is.

        Raises:
            SessionError: it is torn or damaged.
        """
        text = bytearray()
        for chunk in self.chunks():
            text += chunk
            if len(text) > _LARGEST_SUMMARY:
                raise SessionError(f"{self.name} is over {_LARGEST_SUMMARY >> 20} MB; that is no summary")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SessionError(
                f"{self.name} begins like a summary and is not a whole one: {error}"
            ) from error
        return dict(found)

    def _hashed(self, path: str) -> Iterator[bytes]:
        from perfwatch.session.reader import raw_chunks

        try:
            for chunk in raw_chunks(path):
                self._hash.update(chunk)
                yield chunk
        except OSError as error:
            raise SessionError(f"cannot read {self.name}: {error.strerror or error}") from error
