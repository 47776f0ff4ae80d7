"""The files of a recording that a test writes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from recorder.recording.entries import Entry
from recorder.recording.files import RecordingFiles
from recorder.recording.manifest import Client, Manifest, Segment
from recorder.recording.naming import recording_path
from recorder.recording.storage import Storage
from tests.helpers.disk import RecordingDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.recording.disk import OsDisk

START_UTC_NS = 1_795_343_400 * 1_000_000_000 + 987_654_321
"""2026-11-22T10:30:00.987Z."""

FOLDER = "room101/2026-11-22/0000001-103000Z"

YOUNG = Manifest(
    room="room101",
    number=1,
    start="2026-11-22T10:30:00.987Z",
    clock="trusted",
    client=Client(address="10.2.0.7", software="test"),
)


ENDED = attrs.evolve(
    YOUNG,
    end="2026-11-22T10:30:03.000Z",
    end_reason="ended",
    segments=(Segment(file="0001.flv", start_ms=0, duration_ms=3, bytes=11, reason="start"),),
)

HEAD = b"head...."
PATCHES = [(0, b"HE"), (4, b"1234")]
SEGMENT = b"HEad1234" + b"one" + b"two" + b"three"
ENTRY = Entry(folder=FOLDER, boot="boot-1", start_ms=7)


def new_files(storage: Storage, number: int, room: str = "room101") -> RecordingFiles:
    entry = Entry(folder=recording_path(room, number, START_UTC_NS), boot="boot-1", start_ms=7)
    return RecordingFiles(storage, entry)


@contextmanager
def opened(
    directory: Path, disk: RecordingDisk | OsDisk | None = None, room: str = "room101"
) -> Iterator[RecordingFiles]:
    """The files of the next recording, closed in the end."""
    with Storage.open(directory, None, disk or RecordingDisk()) as storage:
        files = new_files(storage, storage.take_number(), room)
        try:
            yield files
        finally:
            files.close()


def record(files: RecordingFiles) -> None:
    """A whole recording of one segment."""
    files.start(YOUNG)
    files.open_segment(1, HEAD, 0)
    files.append(1, b"onetwo", 0)
    files.append(1, b"three", 0)
    files.close_segment(1, PATCHES)
    files.save_manifest(attrs.evolve(ENDED, end=None, end_reason=None))
    files.save_manifest(ENDED)
    files.forget()


def effects(operations: list[str]) -> list[str]:
    """Without what changes nothing on the disk."""
    return [
        operation
        for operation in operations
        if not operation.startswith(("open_folder", "close"))
        and not (operation.startswith("unlink") and operation.endswith(".tmp"))
    ]


def replaced(path: str) -> list[str]:
    folder = path.rpartition("/")[0]
    return [
        f"create_file {path}.tmp",
        f"write {path}.tmp",
        f"sync_file {path}.tmp",
        f"rename {path}",
        f"sync_folder {folder}",
    ]
