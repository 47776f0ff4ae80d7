"""The files of one recording, step by step. Blocking; called from the writer's thread only.

Owns the order in which a recording's folder, segments and manifest come into being, so that after
every single step a power cut leaves something the next start understands. The steps are numbered
in DESIGN.md, and so are they here. Decides nothing: what is in a segment, when it ends and when it
is synced comes from above.

Every method raises OSError when the disk refuses. The recording is then left as it lies, exactly
as a crash would leave it, and the only calls that make sense are `close`, and `reopen` when the
disk is well again: nothing is tried twice, because a second sync after a failed one tells lies.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from recorder.logs import about
from recorder.recording import naming
from recorder.recording.disk import closing, write_all
from recorder.recording.durable import ensure_folder, replace_file
from recorder.recording.final_name import give_final_name
from recorder.recording.retention.keeping import is_kept
from recorder.recording.shelves import recording_folder
from recorder.recording.unfinished import create_entry, forget, replace_entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recorder.recording.entries import Entry
    from recorder.recording.manifest import Manifest
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

_NOT_OPEN = -1
"""In place of a descriptor: the kernel answers EBADF, which is an OSError like any other."""


@attrs.define
class _OpenSegment:
    descriptor: int
    size_bytes: int
    unsafe_since_ms: int | None
    """When the oldest byte came that is not synced; None when all are."""


class RecordingFiles:
    """One recording's folder.

    Args:
        entry: names the folder; `start` writes it.
    """

    def __init__(self, storage: Storage, entry: Entry) -> None:
        self._storage = storage
        self._disk = storage.disk
        self._entry = entry
        self._folder = _NOT_OPEN
        self._segments: dict[int, _OpenSegment] = {}
        self.suspect: set[int] = set()
        """Segments of which a sync failed: what was written since the last one may be lost."""

    @property
    def path(self) -> str:
        """The recording's folder, relative to the storage."""
        return self._entry.folder

    def start(self, manifest: Manifest) -> None:
        """Make the recording's folder, with its first manifest."""
        disk, (room_name, date_name, name) = self._disk, self.path.split("/")
        # 1. The number is used from here on, whatever happens.
        self._storage.persist_number(self._entry.number)
        # 2. The entry is whole before it has a durable name, and has that before there is a
        #    folder it could fail to mention.
        create_entry(self._storage, self._entry)
        # 3. The room and the day, which may be there.
        with (
            closing(disk, ensure_folder(disk, self._storage.root, room_name)) as room,
            closing(disk, ensure_folder(disk, room, date_name)) as date,
        ):
            # 4. The recording, which may not.
            disk.make_folder(date, name)
            disk.sync_folder(date)
            self._folder = disk.open_folder(date, name)
        # 5.
        self.save_manifest(manifest)

    def reopen(self) -> None:
        """Open the folder of a recording that is there and goes on.

        Raises:
            OSError: FileNotFoundError when it is gone, among others.
        """
        self._folder = recording_folder(self._disk, self._storage.root, self.path)

    def open_segment(self, file: int, head: bytes, now_ms: int) -> None:
        """Create the file of a segment and write its head.

        Args:
            file: the segment's number in the recording, from 1.
            head: everything before the first media.
            now_ms: on the clock of `sync_due`.
        """
        # A file of a disk that is no longer there would be written, and never found again.
        self._storage.check_place()
        # 1. Exclusively, in its final folder.
        descriptor = self._disk.create_file(self._folder, naming.part_name(file))
        segment = self._segments[file] = _OpenSegment(descriptor, 0, now_ms)
        # 2.
        segment.size_bytes = write_all(self._disk, descriptor, head, 0)
        # 3. What is synced into the file later must not be lost with its name.
        self._disk.sync_folder(self._folder)

    def append(self, file: int, data: bytes, since_ms: int) -> None:
        """Write to the end of an open segment.

        Args:
            since_ms: when the oldest of it came.
        """
        segment = self._segments[file]
        segment.size_bytes = write_all(self._disk, segment.descriptor, data, segment.size_bytes)
        if segment.unsafe_since_ms is None:
            segment.unsafe_since_ms = since_ms

    def sync_due(self, before_ms: int) -> Iterator[tuple[int, int]]:
        """Sync every open segment with an unsafe byte from before a moment; gives the file and
        its safe bytes behind each.

        Raises:
            FileNotFoundError: that segment has no name any more.
            OSError: what was written to that segment since its last sync may be lost.
        """
        for file, segment in self._segments.items():
            if segment.unsafe_since_ms is not None and segment.unsafe_since_ms <= before_ms:
                self._sync(file, segment)
                # Somebody may have removed it: it would be written on and called safe, and be
                # gone for good when it is closed.
                self._disk.facts(self._folder, naming.part_name(file))
                segment.unsafe_since_ms = None
                yield file, segment.size_bytes

    @property
    def unsafe_since_ms(self) -> int | None:
        """When the oldest byte came that is not safe; None when all are."""
        since = (segment.unsafe_since_ms for segment in self._segments.values())
        return min((each for each in since if each is not None), default=None)

    def close_segment(self, file: int, patches: Sequence[tuple[int, bytes]]) -> None:
        """Write the final header, make everything durable, and give the file its final name."""
        # Forgotten first: whatever happens next, this file is not written again.
        segment = self._segments.pop(file)
        with closing(self._disk, segment.descriptor):
            # 1.
            for offset, data in patches:
                write_all(self._disk, segment.descriptor, data, offset)
            # 2. Nothing has the final name that is not whole on the disk.
            self._sync(file, segment)
        # 3. to 5.
        give_final_name(self._disk, self._folder, file)

    def _sync(self, file: int, segment: _OpenSegment) -> None:
        try:
            self._disk.sync_file(segment.descriptor)
        except OSError:
            self.suspect.add(file)
            raise

    def save_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest atomically and durably."""
        replace_file(self._disk, self._folder, naming.MANIFEST_FILE, manifest.to_json())

    def remove_segments(self, segments: Sequence[int], manifest: Manifest) -> list[int]:
        """Remove closed segments; KEEP, looked for each time, spares those that are left. So does a
        disk that does not let one go: it is said, and no reason to stop the lesson that goes on.

        Args:
            manifest: says that they are gone.

        Returns:
            Those that are, whoever removed them. One that a power cut brings back is there again,
            and recovery says so.
        """
        if not is_kept(self._disk, self._folder):
            # 1. A file that is missing behind it is no loss.
            self.save_manifest(manifest)
            # 2.
            for file in segments:
                if is_kept(self._disk, self._folder):
                    break
                self._remove(naming.segment_name(file))
        return [
            file
            for file in segments
            if not self._disk.exists(self._folder, naming.segment_name(file))
        ]

    def _remove(self, name: str) -> None:
        try:
            self._disk.unlink(self._folder, name)
        except FileNotFoundError:
            log.debug("%s: %s is gone already", self.path, name, extra=about(self._entry.room))
        except OSError as error:
            extra = about(self._entry.room)
            log.warning("%s: %s cannot be deleted: %s", self.path, name, error, extra=extra)

    def note(self, entry: Entry) -> None:
        """Write down what the next start must know."""
        replace_entry(self._storage, entry)

    def forget(self) -> None:
        """The recording is finished, its final manifest durable: no start looks for it again."""
        forget(self._storage, naming.number_name(self._entry.number))

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
                extra = about(self._entry.room)
                log.warning("%s: closing a file failed: %s", self.path, error, extra=extra)
