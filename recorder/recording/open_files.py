"""The files of a recording that have no final name yet: which there are, and how far each of them
is. Pure.

Owns their numbers, and who has them: the writer, until a file is closed and has its name, or
whoever repairs those that were written off or are from before a restart. What stands in the
manifest, and what travels to the disk, their `LiveRecording` knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from recorder.recording.actions import Opened
    from recorder.recording.manifest import Gap

BEFORE: Final = 0
"""In place of a file's number: all those from before the recorder's start."""


class Sums(NamedTuple):
    """Of segments that are there, and `gaps` of all."""

    segments: int
    bytes: int
    gaps: int


@attrs.define
class OpenFile:
    """A segment that has no final name yet.

    Attributes:
        landed_bytes: what is in its file.
        is_closing: all that goes into it is on its way.
    """

    opened: Opened
    gap: Gap | None
    landed_bytes: int = 0
    is_closing: bool = False

    @property
    def has_media(self) -> bool:
        """More than the head is in its file."""
        return self.landed_bytes > len(self.opened.head)


class OpenFiles:
    """By their numbers in the recording, from 1.

    Args:
        last_file: of a recording that is continued, the highest number there is; its files are
            away, as `BEFORE`. None: it begins.
    """

    def __init__(self, last_file: int | None) -> None:
        self._files: dict[int, OpenFile] = {}
        self._away: dict[int, OpenFile | None] = {} if last_file is None else {BEFORE: None}
        """Written off, or from before a restart; whoever repairs them has them."""
        self._files_before = self._last_file = last_file or 0

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, file: object) -> bool:
        return file in self._files

    def __getitem__(self, file: int) -> OpenFile:
        return self._files[file]

    def begin(self, opened: Opened, gap: Gap | None) -> int:
        """The next file; gives its number."""
        self._last_file += 1
        self._files[self._last_file] = OpenFile(opened, gap)
        return self._last_file

    def is_named(self, file: int) -> None:
        """It has its final name, and is none of these any more."""
        del self._files[file]

    def write_off(self, never_tried: Iterable[int], named: Collection[int]) -> dict[int, OpenFile]:
        """All of them were closed as they are; their numbers are free again where nothing is there.
        Those from before a restart are not: what has one of them may have no row yet.

        Args:
            never_tried: those that were not even made.
            named: the numbers of all that have a final name.

        Returns:
            Those that are away from now on, until `comes_back`.
        """
        files, self._files = self._files, {}
        for file in never_tried:
            del files[file]
        self._last_file = max([self._files_before, *files, *self._away, *named])
        self._away |= files
        return files

    def comes_back(self, file: int) -> OpenFile | None:
        """Nobody has it in hand any more. None: nothing is known of it."""
        return self._away.pop(file, None)

    @property
    def are_old_away(self) -> bool:
        """Those from before the recorder's start are being repaired."""
        return BEFORE in self._away

    @property
    def is_any_away(self) -> bool:
        return bool(self._away)

    @property
    def away_bytes(self) -> int:
        """What is in those that were written off."""
        return sum(each.landed_bytes for each in self._away.values() if each is not None)

    @property
    def is_busy(self) -> bool:
        """Somebody still does something to them, beside what is on its way."""
        return self.is_any_away or self.newest is not None

    @property
    def newest(self) -> int | None:
        """The one that is written to; None: there is none, as between two."""
        for file in reversed(self._files):
            if not self._files[file].is_closing:
                return file
        return None

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(self._files)

    def sums(self) -> Sums:
        """Of all of them, as far as they are in their files."""
        size = gaps = 0
        for each in self._files.values():
            size += each.landed_bytes
            gaps += each.gap is not None
        return Sums(len(self._files), size, gaps)
