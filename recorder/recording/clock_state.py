"""`clock.json` in the state folder: whether trust in the wall clock was withdrawn, and confirmed.

Owns that file. Through `Disk`, and replaced atomically: a confirmation that a power cut undid would
be asked for again, and a withdrawal that it undid would let a wrong clock delete recordings.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording.disk import PRIVATE_FILE_MODE
from recorder.recording.durable import read_small_file, replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.disk import Disk
    from recorder.recording.storage import Storage

CLOCK_FILE = "clock.json"


@attrs.frozen(kw_only=True)
class ClockState:
    """Attributes:
    withdrawn: why trust was withdrawn; None: it was not, or is confirmed since.
    confirmed_utc_ms: what the wall clock showed when a person last confirmed it.
    """

    withdrawn: str | None = None
    confirmed_utc_ms: int | None = None


def read_clock_state(disk: Disk, folder: int) -> ClockState:
    """What is known; nothing where there is no file. Blocking.

    A file that says nothing counts as a withdrawal: the other way round, damage would give trust.

    Args:
        folder: the state folder, open.

    Raises:
        OSError: it cannot be read.
    """
    try:
        raw = json.loads(read_small_file(disk, folder, CLOCK_FILE))
    except FileNotFoundError:
        return ClockState()
    except (ValueError, RecursionError):
        raw = None
    match raw:
        case {"withdrawn": str() | None as withdrawn, "confirmed_utc_ms": int() | None as at_ms}:
            return ClockState(withdrawn=withdrawn, confirmed_utc_ms=at_ms)
    return ClockState(withdrawn=f"{CLOCK_FILE} in the state folder is damaged")


def recall_clock_state(storage: Storage, state: Path) -> ClockState:
    """The same of a storage's state folder; nothing where there is none. Blocking.

    Raises:
        OSError: the state folder cannot be read.
    """
    with suppress(FileNotFoundError), storage.state_folder(state) as folder:
        return read_clock_state(storage.disk, folder)
    return ClockState()


def write_clock_state(disk: Disk, folder: int, clock: ClockState) -> None:
    """Remember it, durably. Blocking.

    Args:
        folder: the state folder, open.

    Raises:
        OSError: it cannot be written.
    """
    content = json.dumps(attrs.asdict(clock)).encode() + b"\n"
    replace_file(disk, folder, CLOCK_FILE, content, PRIVATE_FILE_MODE)
