"""What a peer sends, on its way to h11: never more lines at once than a request's head may have.

h11 reads a head in one go when its last line is there, and so the trailers behind a chunked body:
of 16 KiB of the shortest lines, from anybody, that was a fiftieth of a second of the loop. So it
is given a head's worth of lines at a time, and who has given all of them and is not at the end is
refused. Where the end is h11 alone knows; however the bytes were split, the verdict is the same.
"""

from __future__ import annotations

from typing import Final

MOST_HEADERS: Final = 100
"""As Apache has it; a browser behind three proxies sends thirty."""

_MOST_LINES: Final = MOST_HEADERS + 2
"""With the first line, and the empty one at the end."""


class TooManyHeadersError(Exception):
    """A head, or its trailers, has more lines than any request needs."""


class Intake:
    """Of one connection; true while it holds something."""

    def __init__(self) -> None:
        self._held = b""

    def __bool__(self) -> bool:
        return bool(self._held)

    def hold(self, data: bytes) -> None:
        """Something has come."""
        self._held += data

    def give(self, unread: bytes) -> bytes:
        """What h11 may have now.

        Args:
            unread: what it has already, and cannot do anything with yet.

        Raises:
            TooManyHeadersError: it has every line that it may have.
        """
        lines = _MOST_LINES - unread.count(b"\n")
        if lines <= 0:
            raise TooManyHeadersError
        end = 0
        while lines and end < len(self._held):
            end = self._held.find(b"\n", end) + 1 or len(self._held)
            lines -= 1
        given, self._held = self._held[:end], self._held[end:]
        return given
