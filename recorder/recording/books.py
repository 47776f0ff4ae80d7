"""What a room has going: publishes and recordings, until all of them is written.

Owns which segment of a publish is which file of which recording, and when a recording begins:
the actions of the segmenters become operations of the writer here. Belongs to the event loop;
nothing waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from recorder.clock import utc_text
from recorder.recording import naming
from recorder.recording.actions import Appended, Closed, CutReason, Opened
from recorder.recording.entries import Entry
from recorder.recording.files import RecordingFiles
from recorder.recording.manifest import Gap, Manifest
from recorder.recording.operations import Append, CloseSegment
from recorder.recording.publish import Place, Publish, span_ms
from recorder.recording.recording import LiveRecording
from recorder.recording.totals import Totals

if TYPE_CHECKING:
    from recorder.recording.figures import RoomTotals
    from recorder.recording.operations import Operation
    from recorder.recording.salvage import Salvaged
    from recorder.recording.services import Services
    from recorder.recording.write_queue import WriteQueue


class Books:
    """Attributes:
    publishes: all that are not written, the oldest first.
    recordings: all that may still change, the oldest first.
    recording: the open one. While suspended: the one that the oldest of the backlog belongs to.
    is_open: a recording is open, or will be when the disk takes it.
    totals: what has become of everything so far.
    """

    def __init__(self, room: str, queue: WriteQueue, services: Services) -> None:
        self.room = room
        self.queue = queue
        self.services = services
        self.publishes: list[Publish] = []
        self.recordings: list[LiveRecording] = []
        self.recording: LiveRecording | None = None
        self.is_open = False
        self.totals = Totals()

    @property
    def pending_bytes(self) -> int:
        """Memory of media that are not in a file: on their way, or waiting for the disk."""
        backlog = sum([publish.backlog_bytes for publish in self.publishes])
        return self.queue.pending_bytes + backlog

    @property
    def backlog_bytes(self) -> int:
        """Memory of media that wait for a disk that takes nothing."""
        return self.pending_bytes - self.queue.pending_bytes

    @property
    def is_settled(self) -> bool:
        """Nothing is missing on the disk but checksums."""
        return (
            not self.publishes
            and self.queue.is_empty
            and all(each.is_finished or each.is_left for each in self.recordings)
        )

    @property
    def unwritten_ms(self) -> int:
        """How much media would be lost if the recorder stopped now, and was lost already."""
        waiting = [operation for operation, _ in self.queue.waiting]
        return span_ms([*self.queue.in_flight, *waiting]) + sum(
            publish.unwritten_ms for publish in self.publishes
        )

    def figures(self, now_ms: int) -> RoomTotals:
        """What has become of everything so far."""
        since_ms = self.queue.media_since_ms
        waits_ms = [publish.kept_ms for publish in self.publishes]
        if since_ms is not None:
            waits_ms.append(now_ms - since_ms)
        return self.totals.figures(self.publishes, waits_s=max(waits_ms, default=0) / 1000)

    # How it becomes files.

    def expect_recording(self) -> None:
        """The disk takes nothing: what a publisher sends opens a recording as soon as it does, also
        if nothing of it had begun one. Whoever ends that until then must not be forgotten."""
        self.is_open |= any(not publish.has_left for publish in self.publishes)

    def carry_out(self, publish: Publish) -> bool:
        """Hand a publish's actions to the writer; False if there were none."""
        actions = publish.segmenter.take()
        for action in actions:
            match action:
                case Appended():
                    place = publish.places[action.segment]
                    publish.on_its_way += 1
                    place.recording.append(place.file, action, publish)
                case Opened():
                    self._open(publish, action)
                case Closed():
                    place = publish.places.pop(action.segment)
                    place.recording.close_segment(place.file, action)
                case _:
                    assert_never(action)
        return bool(actions)

    def note_end(self, publish: Publish) -> None:
        """It sends no more: what comes next lies behind it, also where its last file was written
        off and has no row yet."""
        if self.recording is not None and publish.recording is self.recording:
            self.recording.reaches(publish.segmenter.end_position_ms)

    def _open(self, publish: Publish, opened: Opened) -> None:
        recording = self.recording
        if recording is not None and opened.new_recording:
            publish.begin_recording(opened.base, self.services.clock)
            reason = "split" if opened.reason is CutReason.SPLIT else "max_duration"
            recording.end(reason, utc_text(publish.start_utc_ns))
            recording = None
        if recording is None:
            if publish.has_lost_recording:
                publish.begin_recording(opened.origin, self.services.clock)
            recording = self.recording = self._begin_recording(publish)
            self.is_open = True
        publish.recording = recording
        gap = None if publish.has_opened else publish.gap
        publish.has_opened = True
        if opened.lost_ms:
            reason = "disk" if gap is None else gap.reason
            gap = Gap(reason=reason, ms=opened.lost_ms + (0 if gap is None else gap.ms))
        self.totals.gaps += gap is not None
        file = recording.open_segment(opened, gap)
        publish.places[opened.segment] = Place(recording, file)

    def _begin_recording(self, publish: Publish) -> LiveRecording:
        services = self.services
        number = services.storage.take_number()
        manifest = Manifest(
            room=self.room,
            number=number,
            start=utc_text(publish.start_utc_ns),
            clock="trusted" if services.clock.trusted() else "untrusted",
            client=publish.client,
        )
        entry = Entry(
            folder=naming.recording_path(self.room, number, publish.start_utc_ns),
            boot=services.boot,
            start_ms=publish.start_ms,
        )
        files = RecordingFiles(services.storage, entry)
        return self.track(
            LiveRecording(manifest, files, entry, queue=self.queue, services=services)
        )

    def track(self, recording: LiveRecording) -> LiveRecording:
        self.recordings.append(recording)
        return recording

    # What the writer says.

    def landed(self, operation: Operation) -> None:
        """As of `QueueOwner`."""
        match operation:
            case Append(owner=Publish() as publish):
                publish.on_its_way -= 1
                publish.has_begun = True
                self.drop_written()
            case CloseSegment(_, file, _, manifest):
                self.totals.closed(next(r for r in manifest.segments if r.index == file))
        recording = self._recording_of(operation.files)
        recording.landed(operation)
        if recording.is_over:
            self.recordings.remove(recording)

    def repaired(self, recording: LiveRecording, file: int, found: Salvaged) -> None:
        """As of `LiveRecording`."""
        self.totals.repaired(found.row)
        recording.repaired(file, found)

    def is_safe(self, files: RecordingFiles, file: int, size: int) -> None:
        """As of `QueueOwner`."""
        self._recording_of(files).is_safe(file, size)

    def _recording_of(self, files: RecordingFiles) -> LiveRecording:
        return next(each for each in self.recordings if each.files is files)

    def drop_written(self) -> None:
        for publish in [each for each in self.publishes if each.is_written]:
            self.drop(publish)

    def drop(self, publish: Publish) -> None:
        """Nothing of it waits any more."""
        self.publishes.remove(publish)
        self.totals.over(publish)

    def end_behind(self, publish: Publish) -> None:
        """The recording ends behind this publish, if somebody has ended it; not another's, which
        may have begun before the disk failed once more."""
        if publish.ended is None or self.recording is None:
            return
        if publish.recording in (None, self.recording):
            self.recording.end(*publish.ended)
            self.recording = None
