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
from recorder.recording.disk import closing, read_block
from recorder.recording.manifest import Manifest, ManifestError
from recorder.recording.rows import Row, damaged_row, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from recorder.recording.disk import Disk

MANIFEST_BYTES = 64 << 20
"""No manifest is larger: 12 hours in segments of a second make 15 MB. Damage can make a file of
any size, and it must not be read into memory."""

STORAGE_DEPTH, ROOM_DEPTH, DAY_DEPTH, RECORDING_DEPTH = 3, 2, 1, 0
"""How many folders lie between what somebody named and a recording: its own is the last."""

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
    disk: Disk,
    root: int,
    on_error: Callable[[str, OSError], None] | None = None,
    *,
    depth: int = STORAGE_DEPTH,
) -> Generator[Shelved, None, None]:
    """Every recording's folder below a storage, by room, date and number.

    No more than two descriptors are open between its steps; `contextlib.closing` gives them back
    where the walk may be left before its end.

    Args:
        root: the descriptor of the storage's folder, or of a room's or a day's.
        on_error: told of a room or a day that cannot be read, with its path, and the walk goes
            on behind it. Without it the error is raised.
        depth: how far below `root` the recordings stand.

    Raises:
        OSError: `root` cannot be read; or another folder, without `on_error`.
    """
    yield from _walk(disk, root, disk.list_folder(root), "", depth, on_error)


def _walk(
    disk: Disk,
    folder: int,
    names: list[str],
    path: str,
    depth: int,
    on_error: Callable[[str, OSError], None] | None,
) -> Generator[Shelved, None, None]:
    """`path`: of the folder; empty, or with a slash at its end."""
    if depth == RECORDING_DEPTH + 1:
        yield from _recordings(path, names)
        return
    is_ours = naming.is_room_name if depth == STORAGE_DEPTH else naming.is_date_folder
    for name in sorted(filter(is_ours, names)):
        with _listed(disk, folder, name, path + name, on_error) as (inner, inner_names):
            yield from _walk(disk, inner, inner_names, f"{path}{name}/", depth - 1, on_error)


def _recordings(path: str, names: list[str]) -> list[Shelved]:
    numbers = [(naming.parse_recording_folder(name), name) for name in names]
    found = [Shelved(number, path + name) for number, name in numbers if number is not None]
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
    """The descriptor of a recording's folder, by its path below the storage (or below the folder
    that was walked).

    Raises:
        OSError: NotADirectoryError among others, where a link or a file stands in the way.
    """
    *above, name = path.split("/")
    with ExitStack() as kept:
        with ExitStack() as passed:
            parent = root
            for each in above:
                parent = passed.enter_context(closing(disk, disk.open_folder(parent, each)))
            folder = disk.open_folder(parent, name)
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
        OSError: FileNotFoundError where there is none; UnreadableError.
        ManifestError: it is damaged.
    """
    blocks = list[bytes]()
    size = 0
    with closing(disk, disk.open_file(folder, naming.MANIFEST_FILE)) as file:
        while block := read_block(disk, file, _BLOCK_BYTES, size):
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
