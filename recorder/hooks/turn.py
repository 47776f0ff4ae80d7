"""The turn to deliver: a lock in the outbox's folder, so that two processes never tell the same.

Held for as long as the file is open, whatever ends the process (flock(2)). The recorder looks at it
to see whether anybody delivers.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "deliver.lock"
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


def take_turn(folder: Path) -> int | None:
    """An open file that holds the turn until it is closed; None: another has it. Blocking.

    Raises:
        OSError: the folder cannot be used; that of the state is missing, or belongs to others.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=_FOLDER_MODE)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(folder / FILE, flags, _FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


def is_taken(folder: Path) -> bool:
    """Whether somebody delivers. Blocking; raises OSError."""
    file = take_turn(folder)
    if file is None:
        return True
    os.close(file)
    return False
