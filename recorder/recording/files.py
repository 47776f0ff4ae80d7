"""The files of one recording, step by step. Blocking; called from the writer's thread only.

Owns the order in which a recording's folder, segments and manifest come into being, so that after
every single step a power cut leaves something the next start understands. The steps are numbered
in DESIGN.md, and so are they here. Decides nothing: what is in a segment and when it ends comes
from above as bytes.

Every method raises OSError when the disk refuses. The recording is then left as it lies, exactly
as a crash would leave it, and the only call that makes sense is `close`: nothing is tried twice,
because a second sync after a failed one tells lies.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import (
    PRIVATE_FILE_MODE,
    closing,
    create_synced,
    ensure_folder,
    replace_file,
    write_all,
)
from recorder.recording.final_name import give_final_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.recording.disk import Buffer
    from recorder.recording.manifest import Manifest
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

_NOT_OPEN = -1
"""In place of a descriptor: the kernel answers EBADF, which is an OSError like any other."""


@attrs.define
class _OpenSegment:
    descriptor: int
    size_bytes: int


class RecordingFiles:
    """One recording's folder.

    Args:
        number: from `Storage.take_number`.
        start_utc_ns: the wall clock at the start, for the names of the folders.
    """

    def __init__(self, storage: Storage, room: str, number: int, start_utc_ns: int) -> None:
        self._storage = storage
        self._disk = storage.disk
        self._number = number
        self._room = naming.room_folder(room)
        self._date = naming.date_folder(start_utc_ns)
        self._name = naming.recording_folder(number, start_utc_ns)
        self._folder = _NOT_OPEN
        self._segments: dict[int, _OpenSegment] = {}

    @property
    def path(self) -> str:
        """The recording's folder, relative to the storage."""
        return f"{self._room}/{self._date}/{self._name}"

    def start(self, manifest: Manifest) -> None:
        """Make the recording's folder, with its first manifest."""
        disk, unfinished = self._disk, self._storage.unfinished
        # 1. The number is used from here on, whatever happens.
        self._storage.persist_number(self._number)
        # 2. From here on a start looks for the recording. The entry is whole before it has a
        #    durable name, and has that before there is a folder it could fail to mention.
        entry = json.dumps({"folder": self.path}).encode()
        name = naming.number_name(self._number)
        create_synced(disk, unfinished, name, entry, PRIVATE_FILE_MODE)
        disk.sync_folder(unfinished)
        # 3. The room and the day, which may be there.
        with (
            closing(disk, ensure_folder(disk, self._storage.root, self._room)) as room,
            closing(disk, ensure_folder(disk, room, self._date)) as date,
        ):
            # 4. The recording, which may not.
            disk.make_folder(date, self._name)
            disk.sync_folder(date)
            self._folder = disk.open_folder(date, self._name)
        # 5.
        self.save_manifest(manifest)

    def open_segment(self, file: int, head: bytes) -> None:
        """Create the file of a segment and write its head.

        Args:
            file: the segment's number in the recording, from 1.
            head: everything before the first media.
        """
        # 1. Exclusively, in its final folder.
        descriptor = self._disk.create_file(self._folder, naming.part_name(file))
        segment = self._segments[file] = _OpenSegment(descriptor, 0)
        # 2.
        segment.size_bytes = write_all(self._disk, descriptor, [head], 0)
        # 3. What is synced into the file later must not be lost with its name.
        self._disk.sync_folder(self._folder)

    def append(self, file: int, buffers: Sequence[Buffer]) -> None:
        """Write all of the buffers to the end of an open segment."""
        segment = self._segments[file]
        segment.size_bytes = write_all(self._disk, segment.descriptor, buffers, segment.size_bytes)

    def close_segment(self, file: int, patches: Sequence[tuple[int, bytes]]) -> None:
        """Write the final header, make everything durable, and give the file its final name."""
        disk, folder = self._disk, self._folder
        # Forgotten first: whatever happens next, this file is not written again.
        segment = self._segments.pop(file)
        with closing(disk, segment.descriptor):
            # 1.
            for offset, data in patches:
                write_all(disk, segment.descriptor, [data], offset)
            # 2. Nothing has the final name that is not whole on the disk.
            disk.sync_file(segment.descriptor)
        # 3. to 5.
        give_final_name(disk, folder, file)

    def save_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest atomically and durably."""
        replace_file(self._disk, self._folder, naming.MANIFEST_FILE, manifest.to_json())

    def finish(self, manifest: Manifest) -> None:
        """The recording is over: its final manifest, then no more talk of it at a start."""
        # 1.
        self.save_manifest(manifest)
        # 2. Only now, or a cut between would leave a recording that nobody ever finishes.
        self._disk.unlink(self._storage.unfinished, naming.number_name(self._number))
        self._disk.sync_folder(self._storage.unfinished)

    def close(self) -> None:
        """Give every descriptor back. Never raises, and may be called again."""
        descriptors = [segment.descriptor for segment in self._segments.values()]
        if self._folder != _NOT_OPEN:
            descriptors.append(self._folder)
        self._segments.clear()
        self._folder = _NOT_OPEN
        for descriptor in descriptors:
            try:
                self._disk.close(descriptor)
            except OSError as error:
                # It is closed all the same; a file's bytes may not have reached the disk, which
                # recovery finds out. Nobody above can do more about it.
                log.warning("%s: closing a file failed: %s", self.path, error)
