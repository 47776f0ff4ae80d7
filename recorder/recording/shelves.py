"""Where the recordings stand on the disk: finding every one of them, opening one, reading it.

Owns the way from the storage's folder to a recording's: room, date, recording. All of it goes
through a `Disk`, nothing is written, and the lock is not asked for: recordings may come and go
while a walk is under way. What `naming` would not have written is not ours and is passed over,
and so is what is no folder.

A walk opens no recording. Who walks mostly wants to know what is there, and opening ten
thousand folders on a card is minutes of a disk that has lessons to write.
"""

from __future__ import annotations

import errno
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import closing
from recorder.recording.manifest import Manifest, ManifestError
from recorder.recording.rows import Row, damaged_row, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from recorder.recording.disk import Disk

MANIFEST_BYTES = 64 << 20
"""No manifest is larger: 12 hours in segments of a second make 15 MB. Damage can make a file of
any size, and it must not be read into memory."""

_BLOCK_BYTES = 1 << 20

_NOT_OURS = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENOENT})
"""What opening a folder says of a file, of a link, and of what has gone since it was listed."""


@attrs.frozen
class Shelved:
    """A recording's folder, as its path below the storage: `room101/2026-11-22/0000042-103000Z`.
    `number` is the recording's, from the folder's name."""

    number: int
    path: str


def walk(
    disk: Disk, root: int, on_error: Callable[[str, OSError], None] | None = None
) -> Generator[Shelved, None, None]:
    """Every recording's folder below a storage, by room, date and number.

    Two descriptors are open between its steps; `contextlib.closing` gives them back where the
    walk may be left before its end.

    Args:
        root: the descriptor of the storage's folder.
        on_error: told of a room or a day that cannot be read, with its path, and the walk goes
            on behind it. Without it the error is raised.

    Raises:
        OSError: the storage's folder cannot be read; or another, without `on_error`.
    """
    for room in sorted(filter(naming.is_room_name, disk.list_folder(root))):
        with _listed(disk, root, room, room, on_error) as (folder, dates):
            for date in sorted(filter(naming.is_date_folder, dates)):
                path = f"{room}/{date}"
                with _listed(disk, folder, date, path, on_error) as (_, names):
                    yield from _recordings(path, names)


def _recordings(path: str, names: list[str]) -> list[Shelved]:
    numbers = [(naming.parse_recording_folder(name), name) for name in names]
    found = [Shelved(number, f"{path}/{name}") for number, name in numbers if number is not None]
    return sorted(found, key=lambda each: (each.number, each.path))


@contextmanager
def _listed(
    disk: Disk,
    parent: int,
    name: str,
    path: str,
    on_error: Callable[[str, OSError], None] | None,
) -> Iterator[tuple[int, list[str]]]:
    """A folder and the names in it; none of a stranger, or of one that cannot be read."""
    with ExitStack() as stack:
        folder, names = parent, list[str]()
        try:
            folder = stack.enter_context(closing(disk, disk.open_folder(parent, name)))
            names = disk.list_folder(folder)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                if on_error is None:
                    raise
                on_error(path, error)
        yield folder, names


def recording_folder(disk: Disk, root: int, path: str) -> int:
    """The descriptor of a recording's folder, by its path below the storage.

    Raises:
        OSError: NotADirectoryError among others, where a link or a file stands in the way.
    """
    room, date, name = path.split("/")
    with ExitStack() as kept:
        with (
            closing(disk, disk.open_folder(root, room)) as room_folder,
            closing(disk, disk.open_folder(room_folder, date)) as date_folder,
        ):
            folder = disk.open_folder(date_folder, name)
            kept.callback(disk.close, folder)
        kept.pop_all()
    return folder


@contextmanager
def open_recording(disk: Disk, root: int, path: str) -> Iterator[int]:
    """The same, for as long as the context lasts."""
    with closing(disk, recording_folder(disk, root, path)) as folder:
        yield folder


def read_manifest(disk: Disk, folder: int) -> Manifest:
    """The manifest in a recording's folder.

    Raises:
        OSError: FileNotFoundError where there is none.
        ManifestError: it is damaged.
    """
    blocks = list[bytes]()
    size = 0
    with closing(disk, disk.open_file(folder, naming.MANIFEST_FILE)) as file:
        while block := disk.read(file, _BLOCK_BYTES, size):
            blocks.append(block)
            size += len(block)
            if size > MANIFEST_BYTES:
                raise ManifestError(f"larger than {MANIFEST_BYTES} bytes")
    return Manifest.from_json(b"".join(blocks))


def read_row(disk: Disk, root: int, path: str) -> Row:
    """Sum up one recording, whatever state its manifest is in.

    Raises:
        FileNotFoundError: there is no such recording, or none any more.
    """
    kept = False
    try:
        with open_recording(disk, root, path) as folder:
            kept = disk.exists(folder, naming.KEEP_FILE)
            try:
                return row_of(path, read_manifest(disk, folder), kept=kept)
            except FileNotFoundError:
                return damaged_row(path, "there is no manifest", kept=kept)
            except ManifestError as error:
                return damaged_row(path, str(error), kept=kept)
    except FileNotFoundError:
        raise
    except OSError as error:
        return damaged_row(path, f"cannot be read: {error.strerror}", kept=kept)
