"""`clock.json` in a folder that is given by its path, as tests know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.recording.clock_state import ClockState, read_clock_state, write_clock_state
from recorder.recording.disk import OsDisk, closing

if TYPE_CHECKING:
    from pathlib import Path

_DISK = OsDisk()


def remembered(state: Path) -> ClockState:
    with closing(_DISK, _DISK.open_path(state)) as folder:
        return read_clock_state(_DISK, folder)


def remember(state: Path, clock: ClockState) -> None:
    with closing(_DISK, _DISK.open_path(state)) as folder:
        write_clock_state(_DISK, folder, clock)
