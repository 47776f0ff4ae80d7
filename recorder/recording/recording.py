"""A recording that is not finished: its manifest, its segments' files, what is still missing.

Owns the manifest for as long as anything of the recording can change: every row is entered from
here, on the event loop, whoever has it, the writer, a repair or the checksums, and every version
travels to the disk in order with the bytes it speaks of. What it then says is `OpenManifest`'s
part. Does not know why a segment begins or ends (the segmenter does), nor who publishes (the room
does), nor how a byte reaches the disk (the writer does).

While it is suspended nothing is written: what changes is kept, and `resume` writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.diary import Diary
from recorder.recording.figures import RecordingFigures
from recorder.recording.open_files import BEFORE, OpenFiles, Sums
from recorder.recording.open_manifest import OpenManifest
from recorder.recording.operations import (
    Append,
    CloseSegment,
    Finish,
    Note,
    OpenSegment,
    Release,
    RemoveSegments,
    Reopen,
    SaveManifest,
    Start,
)
from recorder.recording.recovery_plan import DAMAGED_SEGMENTS
from recorder.recording.written_off import WrittenOff

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from recorder.recording.actions import Appended, Closed, Opened
    from recorder.recording.entries import Entry
    from recorder.recording.files import RecordingFiles
    from recorder.recording.manifest import Gap, Manifest, Segment
    from recorder.recording.operations import Operation
    from recorder.recording.salvage import Salvaged
    from recorder.recording.services import Services
    from recorder.recording.write_queue import WriteQueue


class LiveRecording:
    """One event in a room, from its first byte until nothing of it is missing. Belongs to the loop.

    Args:
        entry: what the next start reads of it.
        last_file: of a recording that is continued, the highest number of a segment there is; its
            files are not repaired yet, and `recovered` brings their rows. None: it begins.

    Attributes:
        safe_bytes: of all its segments together, what survives a power cut.
    """

    def __init__(
        self,
        manifest: Manifest,
        files: RecordingFiles,
        entry: Entry,
        *,
        queue: WriteQueue,
        services: Services,
        last_file: int | None = None,
    ) -> None:
        self._manifest = OpenManifest(manifest)
        self._files = files
        self._entry = entry
        self._queue = queue
        self._services = services
        self._open = OpenFiles(last_file)
        self._unhashed: set[int] = set()
        self._doomed: set[int] = set()
        """Marked as deleted; their removal has not landed."""
        self._end: tuple[str, str] | None = None
        self._is_begun = last_file is not None
        self._is_finished = False
        self._is_over = False
        self._is_left = False
        self._is_suspended = False
        self._is_asked = False
        """`Finish`, or `Release` when that has landed, is on its way."""
        self._safe = {row.index: row.bytes for row in manifest.segments}
        self.safe_bytes = sum(self._safe.values())
        self._diary = Diary(manifest.room, manifest.number)
        queue.files[files] = None
        if self._is_begun:
            self._enqueue(Reopen(files))
        else:
            self._enqueue(Start(files, manifest))

    @property
    def manifest(self) -> Manifest:
        """As it would be saved now."""
        return self._manifest.now

    @property
    def number(self) -> int:
        return self.manifest.number

    @property
    def path(self) -> str:
        """The recording's folder, relative to the storage."""
        return self._entry.folder

    @property
    def files(self) -> RecordingFiles:
        """What its operations name, to tell them from those of others."""
        return self._files

    @property
    def is_begun(self) -> bool:
        """Its folder is there."""
        return self._is_begun

    @property
    def is_open(self) -> bool:
        """Nobody has ended it: more may come."""
        return self._end is None

    @property
    def is_finished(self) -> bool:
        """Its final manifest is durable; checksums may be missing."""
        return self._is_finished

    @property
    def is_left(self) -> bool:
        """It is left to the next start."""
        return self._is_left

    @property
    def is_over(self) -> bool:
        """Nothing of it will change any more."""
        return self._is_over

    @property
    def end_position_ms(self) -> int:
        """Where in the recording its last segment ends, also one that is on its way."""
        return self._manifest.end_position_ms

    @property
    def closed_segments(self) -> list[Segment]:
        """The rows of the segments that have their final name, are there, and nobody has in hand:
        none while files from before a restart are repaired, or the disk takes nothing."""
        if self._is_suspended or self._open.are_old_away:
            return []
        return [
            row for row in self.manifest.segments if not row.deleted and row.index not in self._open
        ]

    @property
    def began_ms(self) -> int:
        """When it began, on the monotonic clock."""
        return self._entry.start_ms

    @property
    def is_removing(self) -> bool:
        """Whether segments are on their way out."""
        return bool(self._doomed)

    @property
    def bytes_on_disk(self) -> int:
        """What its files take, whoever has them in hand, and whether or not a manifest on the disk
        tells of them; but for those from before a restart that have no row yet."""
        files = self._open
        named = self._manifest.sums(files.numbers).bytes
        doomed = self.manifest.segments if self._doomed else ()
        leaving = sum(row.bytes for row in doomed if row.index in self._doomed)
        return named + files.sums().bytes + files.away_bytes + leaving

    def figures(self, sent_ms: int = 0) -> RecordingFigures:
        """What is to be said of it now.

        Args:
            sent_ms: where in the recording the newest frame lies that its publisher has sent; of
                the segment that is being written only it knows.
        """
        manifest, files, open_file = self._manifest, self._open.sums(), self._open.newest
        closed = manifest.sums(self._open.numbers)
        if self._is_suspended or self._open.are_old_away:
            # As of `closed_segments`.
            closed = Sums(0, 0, closed.gaps)
        ends_ms = manifest.end_position_ms
        return RecordingFigures(
            manifest.now.number,
            self.path,
            (self._services.clock.monotonic_ms() - self.began_ms) / 1000,
            ends_ms if open_file is None else max(ends_ms, sent_ms),
            closed.bytes + files.bytes,
            self.safe_bytes,
            closed.segments + files.segments,
            closed.gaps + files.gaps,
            None if open_file is None else naming.part_name(open_file),
            manifest.now.counts,
            manifest.tracks,
        )

    # What the room does.

    def open_segment(self, opened: Opened, gap: Gap | None) -> int:
        """Begin the next file and give its number in this recording, from 1."""
        file = self._open.begin(opened, gap)
        self._enqueue(OpenSegment(self._files, file, opened), len(opened.head))
        return file

    def append(self, file: int, appended: Appended, owner: object) -> None:
        self._enqueue(Append(self._files, file, appended, owner), len(appended.data))

    def close_segment(self, file: int, closed: Closed) -> None:
        """The segment is complete: its row enters the manifest, its file gets its name."""
        segment = self._open[file]
        segment.is_closing = True
        self._tell(self._manifest.close(file, segment, closed))
        size = sum(len(data) for _, data in closed.patches)
        self._enqueue(CloseSegment(self._files, file, closed.patches, self.manifest), size)
        self._go_on()

    def reaches(self, position_ms: int) -> None:
        """Media were recorded up to here, whatever becomes of their file."""
        self._manifest.reaches(position_ms)

    def count(self, counts: Mapping[str, int]) -> None:
        """Add to the manifest's counts of anomalies and corrections."""
        self._manifest.count(counts)

    def end(self, reason: str, utc: str) -> None:
        """No further segment begins; the recording is over when the open ones are closed."""
        self._end = (reason, utc)
        if self._open.is_any_away:
            # Its final manifest waits for them, and the next start must not go on with it.
            self._note(attrs.evolve(self._entry, is_ended=True))
        self._go_on()

    def go_on(self) -> None:
        """It is not over after all: media of it are still to be written."""
        self._end = None
        self._manifest.go_on()
        if self._entry.is_ended:
            self._note(attrs.evolve(self._entry, is_ended=False))

    def leave(self, reason: str) -> None:
        """Nothing more comes in this process; whoever starts next goes on with it, or ends it for
        this reason. Its publisher has left, so its segments are closed."""
        self._is_left = True
        self._manifest.leave(reason)
        self._save()

    def waits(self, since_ms: int | None) -> None:
        """Its publisher is lost since this moment of the monotonic clock; None: it is back."""
        self._note(attrs.evolve(self._entry, waiting_since_ms=since_ms))

    def clock_stepped(self, ms: int, now_ms: int) -> None:
        """The wall clock was set; `now_ms` is the monotonic one."""
        self._manifest.clock_stepped(ms, max(0, now_ms - self._entry.start_ms))
        self._save()

    def remove_segments(self, files: Collection[int]) -> None:
        """Closed segments go, for the free space (design, promise 5). Not when the recording has
        ended meanwhile: then it goes as a whole, or not."""
        if not self.is_open:
            return
        doomed = {row.index for row in self.closed_segments}.intersection(files)
        if doomed:
            self._doomed |= doomed
            self._manifest.mark_deleted(doomed, deleted=True)
            self._remove(doomed)

    def _remove(self, files: Collection[int]) -> None:
        self._enqueue(RemoveSegments(self._files, sorted(files), self.manifest))

    def _removed(self, operation: RemoveSegments) -> None:
        self._doomed -= set(operation.segments)
        for file in operation.gone:
            self.safe_bytes -= self._safe.pop(file, 0)
        kept = set(operation.segments).difference(operation.gone)
        if kept:
            self._manifest.mark_deleted(kept, deleted=False)
            # While they were marked no checksum was entered.
            self._hash_missing()
            self._save()
        else:
            self._services.on_saved(self.path, operation.manifest)

    # What others have for it.

    def repaired(self, file: int, found: Salvaged) -> None:
        """A segment that was written off is whole again, or is none."""
        segment, row = self._open.comes_back(file), found.row
        self.count({DAMAGED_SEGMENTS: found.damaged})
        if row is not None:
            self._diary.repaired(row)
            gap = row.gap if segment is None else segment.gap
            self._adopt([attrs.evolve(row, gap=gap)])
        elif segment is not None and segment.has_media:
            self._diary.gone(naming.segment_name(file))
            self._tell(self._manifest.lose(file))
            self._save()
        self._go_on()

    def recovered(self, rows: Sequence[Segment]) -> None:
        """What lay there when the recorder started is whole again."""
        self._open.comes_back(BEFORE)
        self._adopt(rows)
        self._go_on()

    def _adopt(self, rows: Sequence[Segment]) -> None:
        self._tell(self._manifest.adopt(rows))
        for row in rows:
            self._keep_safe(row.index, row.bytes)
        self._hash_missing()
        self._save()

    def _tell(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            self._diary.gap(gap)

    def _hash_missing(self) -> None:
        for file in self._manifest.without_checksum:
            self._hash(file)

    def _hash(self, file: int) -> None:
        if file in self._unhashed or file in self._open:
            return
        self._unhashed.add(file)

        def done(result: str | OSError) -> None:
            self._unhashed.discard(file)
            if self._manifest.is_deleted(file):
                self._go_on()
            elif isinstance(result, OSError):
                self._diary.without_checksum(naming.segment_name(file), result)
                self._go_on()
            else:
                self._enter_checksum(file, result)

        self._services.hash_segment(self.path, naming.segment_name(file), done)

    def _enter_checksum(self, file: int, sha256: str) -> None:
        self._manifest.enter_checksum(file, sha256)
        self._save()
        self._go_on()

    # What became of its operations.

    def landed(self, operation: Operation) -> None:
        """It is on the disk."""
        match operation:
            case Start():
                self._is_begun = True
                self._diary.began(self.manifest.client)
                self._services.on_saved(self.path, operation.manifest)
            case Reopen():
                pass
            case OpenSegment(_, file, opened):
                segment = self._open[file]
                segment.landed_bytes = len(opened.head)
                if segment.gap is not None:
                    self._diary.gap(segment.gap)
            case Append(_, file, appended):
                self._open[file].landed_bytes += len(appended.data)
            case CloseSegment(_, file, _, manifest):
                self._closed(file, manifest)
            case SaveManifest(_, manifest):
                self._services.on_saved(self.path, manifest)
            case RemoveSegments():
                self._removed(operation)
            case Finish(_, manifest):
                self._is_finished = True
                self._is_asked = False
                self._diary.ended(manifest)
                self._services.on_saved(self.path, manifest)
                self._go_on()
            case Release():
                self._is_over = True
                self._queue.files.pop(self._files, None)
            case _:
                pass

    def _closed(self, file: int, manifest: Manifest) -> None:
        self._open.is_named(file)
        row = next(row for row in manifest.segments if row.index == file)
        self._keep_safe(file, row.bytes)
        self._diary.closed(row)
        self._diary.safe(row.file, row.bytes)
        self._services.on_saved(self.path, manifest)
        self._hash(file)

    def is_safe(self, file: int, size: int) -> None:
        """So many bytes of a segment survive a power cut."""
        self._keep_safe(file, size)
        self._diary.safe(naming.segment_name(file), size)

    def _keep_safe(self, file: int, size: int) -> None:
        self.safe_bytes += size - self._safe.get(file, 0)
        self._safe[file] = size

    # While the disk takes nothing.

    def suspend(self) -> None:
        """Nothing is enqueued from here on."""
        self._is_suspended = True

    def write_off(self, lost: Sequence[Operation]) -> list[WrittenOff]:
        """Its files were closed as they are, because the first of these operations failed.

        Returns:
            The segments that somebody must make whole. Their rows come by `repaired`.
        """
        self._is_asked = False
        never_tried = {
            operation.file
            for operation in lost[1:]
            if isinstance(operation, OpenSegment) and operation.files is self._files
        }
        self._manifest.take_back(self._open)
        named = [row.index for row in self.manifest.segments]
        written_off = self._open.write_off(never_tried, named)
        return [
            WrittenOff(
                path=self.path,
                file=file,
                landed_bytes=segment.landed_bytes,
                is_suspect=file in self._files.suspect,
                position_ms=segment.opened.position_ms,
            )
            for file, segment in written_off.items()
        ]

    def resume(self) -> None:
        """The disk takes writes again."""
        if not self._is_suspended:
            return
        self._is_suspended = False
        self._enqueue(Reopen(self._files))
        if not self._is_finished:
            self._enqueue(Note(self._files, self._entry))
        self._enqueue(SaveManifest(self._files, self.manifest))
        if self._doomed:
            self._remove(self._doomed)
        # What the sick disk did not let be read.
        self._hash_missing()
        self._go_on()

    def _go_on(self) -> None:
        """Take the next step towards the end, if it is time."""
        if self._is_suspended or self._is_asked or self._end is None or self._open.is_busy:
            return
        if not self._is_finished:
            self._is_asked = True
            reason, utc = self._end
            self._manifest.end(reason, utc)
            self._enqueue(Finish(self._files, self.manifest))
            self._services.writer.hurry()
        elif not self._unhashed:
            self._is_asked = True
            # What could not be computed is computed at the next start.
            self._enqueue(Release(self._files, not self._manifest.without_checksum))

    def _note(self, entry: Entry) -> None:
        """The next start must know something else."""
        self._entry = entry
        if not self._is_suspended:
            self._enqueue(Note(self._files, self._entry))

    def _save(self) -> None:
        if not self._is_suspended:
            self._enqueue(SaveManifest(self._files, self.manifest))

    def _enqueue(self, operation: Operation, size: int = 0) -> None:
        self._services.writer.enqueue(self._queue, operation, size)
