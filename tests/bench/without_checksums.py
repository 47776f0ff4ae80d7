"""The recorder without the SHA-256 of closed segments, to weigh what they cost.

Everything else is the program as it is: `python -m tests.bench.without_checksums run --config ...`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.cli import main
from recorder.recording.hashing import Hasher

if TYPE_CHECKING:
    from collections.abc import Callable


def _leave_for_the_next_start(
    self: Hasher, folder: str, name: str, done: Callable[[str | OSError], None]
) -> None:
    pass


if __name__ == "__main__":
    Hasher.submit = _leave_for_the_next_start  # type: ignore[method-assign]  # the one difference
    main()
