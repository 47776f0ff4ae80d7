"""What all targets ask of any input: that its split does not matter, and that it is affordable."""

from __future__ import annotations

import time
import zlib
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CPU_S: Final = 5.0
"""Of one input, all ways of reading it together, with the counting of coverage in it. The largest
inputs take some tenths. What grows with the square of its size is found by this only where a few
thousand bytes are enough to show it."""

_DRIBBLED_BYTES: Final = 300
_MOST_PIECES: Final = 64
"""About so many of a longer input: in single bytes it takes most of the time and tells no more."""


def pieces(data: bytes, *, salt: int = 0) -> list[bytes]:
    """Cut the input as the input itself says, so that a failure can be repeated from it alone.

    Args:
        salt: another one cuts elsewhere.
    """
    random = Random(zlib.crc32(data, salt))
    most = random.choice((1, 3, 20, 150, 1000, 5000))
    if len(data) > _DRIBBLED_BYTES:
        most = max(most, len(data) // _MOST_PIECES)
    parts, at = [], 0
    while at < len(data):
        size = random.randint(1, most)
        parts.append(data[at : at + size])
        at += size
    return parts


@contextmanager
def affordable() -> Iterator[None]:
    """Fail where reading the input costs more than an input may cost."""
    before = time.thread_time()
    yield
    spent = time.thread_time() - before
    assert spent < MOST_CPU_S, f"one input cost {spent:.1f} s of CPU"
