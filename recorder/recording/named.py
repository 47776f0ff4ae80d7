"""The folder that a person names: a storage, a room or a day in it, one recording, or a copy.

Owns what is concluded from its name and the names in it, and the way from it to its recordings and
to the entries of the unfinished ones. Nothing is written, and the lock is not asked for.

A recording's folder exists only while an entry names it or its manifest is final. So whoever finds
the folder first, then asks whether it is open, and then reads its manifest, is never told that
something is unfinished which somebody is about to finish.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import closing
from recorder.recording.durable import read_small_file
from recorder.recording.entries import Entry
from recorder.recording.known import META_FOLDER, absolute
from recorder.recording.opening import OPEN_FOLDER
from recorder.recording.refusals import explained
from recorder.recording.shelves import (
    DAY_DEPTH,
    RECORDING_DEPTH,
    ROOM_DEPTH,
    STORAGE_DEPTH,
    open_recording,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from recorder.recording.disk import Disk

ENTRIES = f"{META_FOLDER}/{OPEN_FOLDER}"


@attrs.frozen(kw_only=True)
class Named:
    """A folder that is open for reading; make it with `open_named`.

    Attributes:
        above: of the folder, its path below the storage; of a copy of one recording, its name.
        is_in_storage: it is a storage, or in one.
        entries_error: why the storage's entries cannot be looked at, where that is so.
    """

    above: str
    is_in_storage: bool
    entries_error: OSError | None
    disk: Disk
    _root: int
    _depth: int
    _entries: int | None

    def recordings(self, on_error: Callable[[str, OSError], None]) -> list[str]:
        """The paths of its recordings below it: "" for a recording that was named itself.

        Args:
            on_error: told of what cannot be looked into, as `walk` does.
        """
        if self._depth == RECORDING_DEPTH:
            return [""]
        found = walk(self.disk, self._root, on_error, depth=self._depth)
        return [each.path for each in found]

    def shown(self, path: str) -> str:
        """What to call a recording, or another folder: its path below the storage."""
        return "/".join(filter(None, (self.above, path)))

    @contextmanager
    def open(self, path: str) -> Iterator[int]:
        """One of its recordings' folders."""
        if not path:
            yield self._root
            return
        with open_recording(self.disk, self._root, path) as folder:
            yield folder

    def is_open(self, path: str) -> bool:
        """Whether an entry names this recording: it is being recorded, or waits for a start.

        Raises:
            OSError: there is one of its number, and it cannot be read.
        """
        place = self.shown(path)
        number = naming.parse_recording_folder(place.rpartition("/")[2])
        if self._entries is None or number is None:
            return False
        try:
            content = read_small_file(self.disk, self._entries, naming.number_name(number))
        except FileNotFoundError:
            return False
        entry = Entry.from_bytes(content)
        return entry is not None and entry.folder == place


@contextmanager
def open_named(disk: Disk, folder: Path) -> Iterator[Named]:
    """Open a folder by its path, for as long as the context lasts.

    Raises:
        StorageError: it cannot be read.
    """
    folder = absolute(folder)
    with ExitStack() as stack:
        with explained(folder):
            root = stack.enter_context(closing(disk, disk.open_path(folder)))
            depth = depth_of(folder.name, disk.list_folder(root))
        levels = STORAGE_DEPTH - depth
        above = "/".join(folder.parts[max(0, len(folder.parts) - levels) :])
        entries, error = None, None
        try:
            entries = stack.enter_context(_open_entries(disk, folder, levels))
        except FileNotFoundError:
            above = folder.name if depth == RECORDING_DEPTH else ""
        except OSError as found:
            error = found
        yield Named(
            above=above,
            is_in_storage=entries is not None or error is not None,
            entries_error=error,
            disk=disk,
            root=root,
            depth=depth,
            entries=entries,
        )


@contextmanager
def _open_entries(disk: Disk, folder: Path, levels: int) -> Iterator[int]:
    """The entries of the storage that is so many folders above.

    Raises:
        OSError: FileNotFoundError where there is no storage.
    """
    if levels > len(folder.parents):
        raise FileNotFoundError
    home = [folder, *folder.parents][levels]
    with ExitStack() as kept:
        with (
            closing(disk, disk.open_path(home, follow=True)) as storage,
            closing(disk, disk.open_folder(storage, META_FOLDER)) as meta,
        ):
            entries = kept.enter_context(closing(disk, disk.open_folder(meta, OPEN_FOLDER)))
        yield entries


def depth_of(name: str, names: Iterable[str]) -> int:
    """How far below a folder its recordings stand, from its name and the names in it."""
    names = set(names)
    if META_FOLDER in names:
        return STORAGE_DEPTH
    if (
        naming.parse_recording_folder(name) is not None
        or naming.MANIFEST_FILE in names
        or any(naming.parse_segment(each) for each in names)
    ):
        return RECORDING_DEPTH
    if any(naming.parse_recording_folder(each) for each in names):
        return DAY_DEPTH
    if any(naming.is_date_folder(each) for each in names):
        return ROOM_DEPTH
    return STORAGE_DEPTH
