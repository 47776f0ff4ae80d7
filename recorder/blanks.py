"""Rows of blanks: what makes a request or an answer slow to read, noticed before it is read.

h11 (0.16) seeks the end of the blanks in front of a header's value, and behind a chunk's size, by
regular expressions that try every split of them when no good end follows. The time grows with the
square of their number: one head full of them, from anybody, held up the loop for most of a second,
and on a Raspberry Pi for several. So both guard their loop who read with h11 what others send: the
page, and the hooks. Pure: bytes in, a verdict out. Heads, bodies and trailers are not told apart;
nobody has a use for so many in any of them.
"""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 256
"""In a row. They cost a fraction of a millisecond."""

# Line breaks are among them: h11 joins the lines of a folded header (RFC 9112 §5.2). Only the
# beginning of a row is tried, so that rows which are just short enough are looked at once.
_TOO_MANY: Final = re.compile(rb"(?<![ \t\r\n])[ \t\r\n]{%d}" % (MOST + 1))


class Blanks:
    """Of one connection."""

    def __init__(self) -> None:
        self._end = b""

    def are_too_many(self, data: bytes) -> bool:
        """Whether there are more than MOST in a row in what came, and in what came before it."""
        data = self._end + data
        self._end = data[-MOST:]
        return _TOO_MANY.search(data) is not None
