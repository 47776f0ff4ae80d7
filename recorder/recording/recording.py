"""A recording that is not over: its manifest, its segments' names, the queue its bytes leave by.

Owns the manifest while the recording lives: every change to it is made here, on the event loop,
and travels to the disk in order with the bytes it speaks of. Does not know why a segment begins
or ends (the segmenter does), nor who publishes (the room does), nor how a byte reaches the disk
(the writer does).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from recorder.recording.manifest import Gap, Manifest, Segment
from recorder.recording.writer import Append, CloseSegment, Finish, OpenSegment, Start, WriteQueue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder.recording.actions import Closed, Opened
    from recorder.recording.files import RecordingFiles
    from recorder.recording.writer import Operation, Writer

log = logging.getLogger(__name__)

BUFFER_BYTES = 50
"""What a buffer costs in memory beside its bytes: small frames are mostly this, and a bound that
did not count it would not be one."""


@attrs.frozen
class _OpenSegment:
    opened: Opened
    gap: Gap | None


class LiveRecording:
    """One event in a room, from its first byte to its final manifest. Belongs to the loop."""

    def __init__(self, manifest: Manifest, files: RecordingFiles, writer: Writer) -> None:
        self.manifest = manifest
        self._writer = writer
        self.queue = WriteQueue(files, on_landed=self._landed, on_failed=self._failed)
        self._open: dict[int, _OpenSegment] = {}
        self._files = 0
        self._end: tuple[str, str] | None = None
        self.end_position_ms = 0
        writer.enqueue(self.queue, Start(manifest))

    @property
    def number(self) -> int:
        return self.manifest.number

    def open_segment(self, opened: Opened, gap: Gap | None) -> int:
        """Begin the next file and give its number in this recording, from 1."""
        self._files += 1
        self._open[self._files] = _OpenSegment(opened, gap)
        self._enqueue(OpenSegment(self._files, opened.head), len(opened.head))
        return self._files

    def append(self, file: int, buffers: Sequence[bytes], size: int) -> None:
        self._enqueue(Append(file, buffers, size), size + len(buffers) * BUFFER_BYTES)

    def close_segment(self, file: int, closed: Closed) -> None:
        """The segment is complete: its row enters the manifest, its file gets its name."""
        segment = self._open.pop(file)
        facts, opened = closed.facts, segment.opened
        row = Segment.of(file, facts, start_ms=opened.position_ms, reason=opened.reason.value)
        row = attrs.evolve(row, gap=segment.gap)
        self.end_position_ms = max(self.end_position_ms, row.end_ms)
        self.manifest = attrs.evolve(self.manifest, segments=(*self.manifest.segments, row))
        self.count(facts.counts)
        size = sum(len(data) for _, data in closed.patches)
        self._enqueue(CloseSegment(file, closed.patches, self.manifest), size)
        self._finish_if_over()

    def count(self, counts: Mapping[str, int]) -> None:
        """Add to the manifest's counts of anomalies and corrections."""
        total = dict(self.manifest.counts)
        for name, number in counts.items():
            if number:
                total[name] = total.get(name, 0) + number
        self.manifest = attrs.evolve(self.manifest, counts=total)

    def end(self, reason: str, utc: str) -> None:
        """No further segment begins; the recording is over when the open ones are closed."""
        self._end = (reason, utc)
        self._finish_if_over()

    def _finish_if_over(self) -> None:
        if self._end is None or self._open:
            return
        reason, utc = self._end
        self.manifest = attrs.evolve(self.manifest, end=utc, end_reason=reason)
        self._enqueue(Finish(self.manifest))
        self._writer.hurry()

    def _failed(self, error: Exception) -> None:
        """Every loss is said (promise 5), also when nobody publishes any more."""
        log.error(
            "%s: recording %d is cut off, it cannot be written: %s; what is written stays as .part",
            self.manifest.room,
            self.number,
            error,
            # Anything else is a fault of ours, and whoever mends it needs to see where.
            exc_info=None if isinstance(error, OSError) else error,
        )

    def _landed(self, operation: Operation) -> None:
        """Say in the log what is on the disk, once it is there."""
        match operation:
            case Start(manifest):
                log.info("%s: recording %d began", manifest.room, manifest.number)
            case CloseSegment(manifest=manifest):
                row = manifest.segments[-1]
                log.info(
                    "%s: recording %d: %s closed, %.1f s, %d bytes",
                    manifest.room,
                    manifest.number,
                    row.file,
                    row.duration_ms / 1000,
                    row.bytes,
                )
            case Finish(manifest):
                log.info(
                    "%s: recording %d ended (%s), %d segments",
                    manifest.room,
                    manifest.number,
                    manifest.end_reason,
                    len(manifest.segments),
                )
            case _:
                pass

    def _enqueue(
        self, operation: OpenSegment | Append | CloseSegment | Finish, size: int = 0
    ) -> None:
        self._writer.enqueue(self.queue, operation, size)
