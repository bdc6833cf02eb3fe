"""A session as it was recorded, one JSON object a line, decompressed.

Every whole line is passed on byte for byte, a line that was torn at the end is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from perfwatch.errors import SessionError
from perfwatch.session.format import check_header
from perfwatch.session.reader import whole_lines


def lines(name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a session's text with their line ends, the header checked.

    Args:
        name: of the session, for messages.
        chunks: its text in pieces.

    Raises:
        SessionError: it is no session.
    """
    whole = whole_lines(name, chunks)
    first = next(whole, None)
    if first is None:
        raise SessionError(f"{name} is empty: nothing was recorded in it")
    try:
        check_header(json.loads(first), name)
    except (ValueError, RecursionError) as error:
        raise SessionError(f"{name} is not a perfwatch session: its first line is no JSON object") from error
    yield first
    yield from whole
