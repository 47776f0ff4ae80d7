"""How often what the disk does not give is asked for again before it is given up.

Owns the numbers, for the running recorder and for recovery by hand: both shall come to the same end
with the same file. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_RETRY_S: Final = 1.0
RETRY_S: Final = 30.0
"""How long what the disk refused waits, twice as long each time up to this."""

PATIENCE: Final = 6
"""So often a file is tried that the disk does not give, for a minute in all. Then it is a bad
sector, as a power cut leaves one in what was being written, and the file is set aside: its lesson
would else never end, and a disk that is asked for such a sector holds up those who record."""


def longer(wait_s: float) -> float:
    """The wait behind this one."""
    return min(2 * wait_s, RETRY_S)


def waits() -> Iterator[float]:
    """In seconds, between the attempts; behind the last of them it is given up."""
    wait_s = FIRST_RETRY_S
    for _ in range(PATIENCE):
        yield wait_s
        wait_s = longer(wait_s)
