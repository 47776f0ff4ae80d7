"""The counter of recordings: one number for all rooms, which only grows.

Owns `.recorder/next`. A number that anything on the disk bears is below what the file durably
says (DESIGN.md, invariant 3); everything here keeps that, also when the disk was away and
somebody else has recorded onto it.

Two threads: `take` belongs to the event loop, everything else to the thread that writes.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording import naming
from recorder.recording.disk import closing
from recorder.recording.durable import read_small_file, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder.recording.disk import Disk

NEXT_FILE = "next"


class Counter:
    """The counter of a storage that is open.

    Args:
        following: the next number to give.
        persisted: what the file says, durably; 0 when it says nothing.
    """

    def __init__(self, disk: Disk, *, following: int, persisted: int) -> None:
        self._disk = disk
        self._next = following
        # Written by the thread that writes, read by both.
        self._persisted = persisted
        self._used_elsewhere = 0

    @property
    def following(self) -> int:
        """The number that is given next, unless the disk comes back with a higher one."""
        return max(self._next, self._persisted)

    def take(self) -> int:
        """The next number. Never blocks."""
        number = self.following
        self._next = number + 1
        return number

    def persist(self, meta: int, number: int) -> None:
        """Make sure that no later start gives this number, or a lower one, again. Blocking.

        Raises:
            OSError: the number must not be used; another one may be.
        """
        if number < self._used_elsewhere:
            raise OSError(
                errno.EEXIST,
                f"the number {number} was given while the disk was away, and it came back with "
                "recordings of that number",
            )
        if number >= self._persisted:
            write_next(self._disk, meta, number + 1)
            self._persisted = number + 1

    def carry_over(self, meta: int, following: int, persisted: int) -> None:
        """Go on counting on a disk that was mounted anew: above what it says, and above what was
        given here. Blocking. It holds for the disk from before as well, so that the reopening may
        be cut off anywhere.

        Args:
            meta: `.recorder` on the disk as it is mounted now.
            following, persisted: what `read_counter` found on it.

        Raises:
            OSError: the disk must not be recorded onto yet.
        """
        if following > self._persisted:
            # Another recorder had the disk: what was given here and not yet persisted is taken.
            self._used_elsewhere = self._persisted = following
        if persisted < self._persisted:
            write_next(self._disk, meta, self._persisted)


def write_next(disk: Disk, meta: int, number: int) -> None:
    replace_file(disk, meta, NEXT_FILE, f"{number}\n".encode())


def read_counter(disk: Disk, root: int, meta: int, unfinished: int) -> tuple[int, int]:
    """The next number, and what the file says of it: 0 when it is missing or damaged and the
    number was found from the recordings there."""
    try:
        text = read_small_file(disk, meta, NEXT_FILE).decode("ascii", "replace").strip()
    except FileNotFoundError:
        text = ""
    number = naming.parse_number(text.rjust(7, "0"))
    if number is not None:
        return number, number
    return highest_number(disk, root, unfinished) + 1, 0


def highest_number(disk: Disk, root: int, unfinished: int) -> int:
    """The highest number any recording bears, 0 when there is none. Reads every room's folders:
    only for a folder taken into use and for a lost counter."""
    numbers = map(naming.parse_number, disk.list_folder(unfinished))
    highest = max((number or 0 for number in numbers), default=0)
    return max(highest, _highest_below(disk, root, (naming.is_room_name, naming.is_date_folder)))


def _highest_below(disk: Disk, folder: int, levels: Sequence[Callable[[str], bool]]) -> int:
    """The same for one folder, with the rule for names on each level between it and the
    recordings' folders."""
    names = disk.list_folder(folder)
    if not levels:
        return max((naming.parse_recording_folder(name) or 0 for name in names), default=0)
    highest = 0
    for name in filter(levels[0], names):
        # A file, or a link, is not one of our folders.
        with (
            suppress(NotADirectoryError),
            closing(disk, disk.open_folder(folder, name)) as inner,
        ):
            highest = max(highest, _highest_below(disk, inner, levels[1:]))
    return highest
