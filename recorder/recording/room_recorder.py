"""What a room records: one publish after another, cut into segments, gathered into recordings.

Owns the room's recordings and publishes until all of them is written, and which segment of a
publish is which file of which recording. Every method is synchronous and leaves its work in the
writer's queue; nothing here waits, so a caller's cleanup cannot be interrupted half-way.

When the disk fails, what was on its way goes back to the publishes it came from, and from there on
they keep what comes, up to the room's buffer. `resume` plays it all once more, in order, as if the
disk had been slow. Of a recording of which nothing had reached the disk nothing is kept but that:
another number is taken.

Knows neither RTMP nor who may publish: the room above says when a publisher comes, leaves for
good (`end`) or is lost (`publisher_left`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, assert_never

from recorder.clock import utc_text
from recorder.logs import same
from recorder.recording import naming
from recorder.recording.actions import Appended, Closed, CutReason, Opened
from recorder.recording.entries import Entry
from recorder.recording.files import RecordingFiles
from recorder.recording.manifest import Client, Gap, Manifest
from recorder.recording.operations import Append, OpenSegment, Reopen, Start
from recorder.recording.publish import Place, Publish, span_ms
from recorder.recording.recording import LiveRecording
from recorder.recording.refusals import in_words
from recorder.recording.segmenter import Segmenter, SegmentRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder.recording.operations import Operation
    from recorder.recording.services import Repaired, Services

log = logging.getLogger(__name__)

MOST_PUBLISHES = 64
"""That may wait for the disk; an encoder that comes and goes all the time is not to fill memory."""

PUBLISH_BYTES = 8 << 10
"""What a publish that waits costs beside its media."""


class RoomRecorder:
    """Records one room. Belongs to the event loop.

    Attributes:
        fault: why nothing is written, in words; None while it is.
    """

    def __init__(self, room: str, rules: SegmentRules, services: Services) -> None:
        self._room = room
        self._rules = rules
        self._services = services
        self._writer = services.writer
        self._queue = services.writer.new_queue(self)
        self._client = Client(address="", software="")
        self._gap_reason = ""
        self._publish: Publish | None = None
        """The one that may send now, once it has."""
        self._publishes: list[Publish] = []
        """All that are not written, the oldest first."""
        self._recording: LiveRecording | None = None
        """The open one. While suspended: the one that the oldest of the backlog belongs to."""
        self._recordings: list[LiveRecording] = []
        """All that may still change, the oldest first."""
        self._is_open = False
        """A recording is open, or will be when the disk takes it."""
        self._last_media_ms = 0
        self._arrived_ms = 0
        self._began_ms: int | None = None
        """Of a recording from before the recorder's start: when it began."""
        self._given_up: list[Operation] = []
        self.fault: str | None = None

    # What the room may ask.

    @property
    def number(self) -> int | None:
        """The open recording's number; None between recordings, and while it has none yet."""
        return None if self._recording is None or not self._is_open else self._recording.number

    @property
    def recording(self) -> LiveRecording | None:
        """The open recording, for who wants to know more of it."""
        return self._recording if self._is_open else None

    @property
    def is_open(self) -> bool:
        """Whether a publisher that comes now continues a recording."""
        return self._is_open

    @property
    def pending_bytes(self) -> int:
        """Memory of media that are not in a file: on their way, or waiting for the disk."""
        backlog = sum(publish.segmenter.backlog_bytes for publish in self._publishes)
        return self._queue.pending_bytes + backlog

    @property
    def backlog_bytes(self) -> int:
        """Memory of media that wait for a disk that takes nothing."""
        return self.pending_bytes - self._queue.pending_bytes

    @property
    def holds_back(self) -> bool:
        """Whether the publisher must wait for the disk: it stalls, and the buffer is full. While
        the disk fails nobody waits; the oldest is given up."""
        return self.fault is None and self._queue.pending_bytes >= self._services.buffer_bytes()

    @property
    def held_bytes(self) -> int:
        """Memory of media that wait for the first segment to begin, for which no disk is
        waited."""
        return 0 if self._publish is None else self._publish.segmenter.held_bytes

    @property
    def is_settled(self) -> bool:
        """Nothing is missing on the disk but checksums."""
        return (
            not self._publishes
            and self._queue.is_empty
            and all(recording.is_finished for recording in self._recordings)
        )

    @property
    def unwritten_ms(self) -> int:
        """How much media would be lost if the recorder stopped now, and was lost already."""
        waiting = [operation for operation, _ in self._queue.waiting]
        return span_ms([*self._queue.in_flight, *waiting]) + sum(
            publish.segmenter.backlog_ms + publish.segmenter.lost_ms for publish in self._publishes
        )

    # What a publisher sends.

    def publisher_arrived(self, client: Client, *, gap_reason: str) -> None:
        """A publish begins; it continues the open recording, if there is one.

        Args:
            gap_reason: what the manifest calls the hole before it, if it continues one.
        """
        self._client = client
        self._gap_reason = gap_reason
        self._publish = None
        if self._recording is not None and self._is_open:
            self._recording.waits(None)

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message; `kind` is its FLV tag type, `timestamp` as on the wire."""
        publish = self._publish or self._first_media(now_ms)
        self._arrived_ms = now_ms
        publish.segmenter.media(kind, timestamp, body, now_ms)

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        """One data message, AMF0 from its handler's name on."""
        publish = self._publish or self._first_media(now_ms)
        publish.segmenter.data(name, payload, timestamp, now_ms)

    def flush(self, now_ms: int) -> None:
        """Hand what has been decided to the writer. Once per socket read."""
        publish = self._publish
        if publish is None:
            return
        if self.fault is not None:
            self._last_media_ms = self._arrived_ms
            self._trim()
            return
        publish.segmenter.tick(now_ms)
        if self._carry_out(publish):
            # A publish that sends nothing to record does not shorten the gap before the next.
            self._last_media_ms = self._arrived_ms

    def split(self) -> None:
        """A new recording begins at the next keyframe, without a gap."""
        if self._publish is not None:
            self._publish.segmenter.split()

    def publisher_left(self, now_ms: int, counts: Mapping[str, int]) -> None:
        """The publish is over; its last segment is closed, the recording stays open.

        Args:
            counts: the connection's anomalies, for the manifest.
        """
        publish, self._publish = self._publish, None
        if publish is not None:
            publish.segmenter.finish(now_ms)
            publish.has_left = True
            if self.fault is None and self._carry_out(publish):
                self._last_media_ms = self._arrived_ms
            self._drop_written()
        # After that, which may only now have begun the recording.
        if self._recording is not None and self._is_open:
            self._recording.count(counts)
            self._recording.waits(self._services.clock.monotonic_ms())
        if publish is not None:
            self._writer.hurry()

    def end(self, reason: str) -> None:
        """The recording is over; the next publish begins another."""
        if not self._is_open:
            return
        self._is_open = False
        ended = (reason, utc_text(self._services.clock.utc_ns()))
        if self._publishes:
            # Should its last media have to wait for the disk, it ends behind them.
            self._publishes[-1].ended = ended
        if self._recording is not None and (self.fault is None or not self._publishes):
            self._recording.end(*ended)
            self._recording = None

    def clock_stepped(self, ms: int) -> None:
        """The wall clock was set: the open recording says so, and goes on."""
        if self._recording is not None and self._is_open:
            self._recording.clock_stepped(ms, self._services.clock.monotonic_ms())

    def continue_recording(
        self, manifest: Manifest, entry: Entry, *, last_file: int, began_ms: int
    ) -> LiveRecording:
        """Take up a recording that was open when the recorder ended; its publisher may come back.

        Args:
            last_file: the highest number of a segment there is.
            began_ms: when it began, on the clock of `now_ms`.

        Returns:
            The recording; whoever repairs its files calls its `recovered`.
        """
        self._recording = self._track(
            LiveRecording(
                manifest,
                RecordingFiles(self._services.storage, entry),
                entry,
                queue=self._queue,
                services=self._services,
                last_file=last_file,
            )
        )
        self._is_open = True
        self._began_ms = began_ms
        return self._recording

    # How it becomes files.

    def _first_media(self, now_ms: int) -> Publish:
        if self.fault is None and self._writer.silence is not None:
            self.gave_up(self._writer.silence)
        gap, position_ms = None, 0
        if self._is_open:
            gap, position_ms = self._continue_at(now_ms)
        publish = Publish(
            client=self._client,
            segmenter=Segmenter(
                self._rules, position_ms=position_ms, encoder=self._services.encoder
            ),
            start_utc_ns=self._services.clock.utc_ns(),
            gap=gap,
            is_placed=self.fault is None,
        )
        if self.fault is not None:
            self._is_open = True
            publish.suspend([])
        self._publish = publish
        self._publishes.append(publish)
        while len(self._publishes) > MOST_PUBLISHES:
            self._give_up_oldest()
        return publish

    def _continue_at(self, now_ms: int) -> tuple[Gap, int]:
        """The gap before a publish that continues the open recording, and where it begins."""
        end_ms = 0 if self._recording is None else self._recording.end_position_ms
        gap_ms = max(0, now_ms - self._last_media_ms)
        if self._began_ms is not None:
            gap_ms = max(0, now_ms - self._began_ms - end_ms)
            self._began_ms = None
        return Gap(reason=self._gap_reason, ms=gap_ms), end_ms + gap_ms

    def _carry_out(self, publish: Publish) -> bool:
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

    def _open(self, publish: Publish, opened: Opened) -> None:
        recording = self._recording
        if recording is not None and opened.new_recording:
            split = opened.reason is CutReason.SPLIT
            utc_ns = self._services.clock.utc_ns()
            recording.end("split" if split else "max_duration", utc_text(utc_ns))
            publish.start_utc_ns = utc_ns
            recording = None
        if recording is None:
            recording = self._recording = self._begin_recording(publish)
            self._is_open = True
        gap = None if publish.has_opened else publish.gap
        publish.has_opened = True
        if opened.lost_ms:
            reason = "disk" if gap is None else gap.reason
            gap = Gap(reason=reason, ms=opened.lost_ms + (0 if gap is None else gap.ms))
        file = recording.open_segment(opened, gap)
        publish.places[opened.segment] = Place(recording, file)

    def _begin_recording(self, publish: Publish) -> LiveRecording:
        services = self._services
        number = services.storage.take_number()
        manifest = Manifest(
            room=self._room,
            number=number,
            start=utc_text(publish.start_utc_ns),
            clock="trusted" if services.clock.trusted() else "untrusted",
            client=publish.client,
        )
        entry = Entry(
            folder=naming.recording_path(self._room, number, publish.start_utc_ns),
            boot=services.boot,
            start_ms=services.clock.monotonic_ms(),
        )
        files = RecordingFiles(services.storage, entry)
        return self._track(
            LiveRecording(manifest, files, entry, queue=self._queue, services=services)
        )

    def _track(self, recording: LiveRecording) -> LiveRecording:
        self._recordings.append(recording)
        return recording

    # What the writer says.

    def landed(self, operation: Operation) -> None:
        """Done, in order."""
        match operation:
            case Append(owner=Publish() as publish):
                publish.on_its_way -= 1
                publish.has_begun = True
                self._drop_written()
        recording = self._recording_of(operation.files)
        recording.landed(operation)
        if recording.is_over:
            self._recordings.remove(recording)

    def is_safe(self, files: RecordingFiles, file: int, size: int) -> None:
        """So many bytes of a segment were synced."""
        self._recording_of(files).is_safe(file, size)

    def _recording_of(self, files: RecordingFiles) -> LiveRecording:
        return next(each for each in self._recordings if each.files is files)

    def _drop_written(self) -> None:
        self._publishes = [each for each in self._publishes if not each.is_written]

    def gave_up(self, error: Exception) -> None:
        """The hop under way does not come back; what it carries is settled when it does."""
        self._suspend(error)
        self._given_up = self._take_back([])

    def failed(self, error: Exception, lost: Sequence[Operation]) -> None:
        """These operations were not carried out; the files are closed as they are."""
        self._suspend(error)
        lost, self._given_up = [*self._take_back(lost), *self._given_up], []
        self._write_off(error, lost)

    def _suspend(self, error: Exception) -> None:
        reason = in_words(error, self._services.storage.directory)
        if self.fault is None and (self._publishes or self._recordings):
            log.error(
                "%s: not recorded: %s What comes is kept in memory.",
                self._room,
                reason,
                extra=same("not recorded", self._room),
                # Anything else is a fault of ours, and whoever mends it needs to see where.
                exc_info=None if isinstance(error, OSError) else error,
            )
        self.fault = reason

    def _take_back(self, lost: Sequence[Operation]) -> list[Operation]:
        """Give the media among these operations, and of those that wait, back to the publishes
        they came from; returns all of the operations."""
        for publish in self._publishes:
            # What the segmenter has decided and nobody has carried out is lost with the rest.
            if not publish.is_suspended:
                self._carry_out(publish)
        lost = [*lost, *self._writer.give_up(self._queue)]
        counts = [publish.suspend(lost) for publish in self._publishes]
        for recording in self._recordings:
            recording.suspend()
        if self._recording is not None:
            for each in counts:
                self._recording.count(each)
        self._trim()
        return lost

    def _write_off(self, error: Exception, lost: Sequence[Operation]) -> None:
        """Settle which recordings go on, and have their open segments made whole."""
        services = self._services
        first = next((each for each in lost if isinstance(each, OpenSegment | Append)), None)
        for recording in list(self._recordings):
            is_gone = self._is_gone(recording, error, lost)
            if not recording.is_begun or is_gone:
                self._recordings.remove(recording)
                self._queue.files.pop(recording.files, None)
                if is_gone or (lost and isinstance(lost[0], Start)):
                    services.recover(recording.path)
                if recording is self._recording:
                    self._recording = None
                continue
            for part in recording.write_off(lost):
                services.repair(part, _repaired(recording, part.file))
            if first is not None and first.files is recording.files:
                recording.go_on()
                self._recording = recording

    def _is_gone(
        self, recording: LiveRecording, error: Exception, lost: Sequence[Operation]
    ) -> bool:
        """Whether its folder is no longer there, which its opening has just told."""
        tried = lost[0] if lost else None
        is_gone = (
            isinstance(error, FileNotFoundError)
            and isinstance(tried, Reopen)
            and tried.files is recording.files
        )
        if is_gone:
            log.error(
                "%s: recording %d is lost: its folder %s is gone; another recording begins",
                self._room,
                recording.number,
                recording.path,
            )
        return is_gone

    # While the disk takes nothing, and after.

    def _trim(self) -> None:
        """Keep what waits for the disk below the room's buffer: the oldest goes first."""
        excess = self.pending_bytes + PUBLISH_BYTES * len(self._publishes)
        excess -= self._services.buffer_bytes()
        for publish in self._publishes:
            if excess <= 0:
                break
            before = publish.segmenter.backlog_bytes
            publish.segmenter.trim(max(0, before - excess))
            excess -= before - publish.segmenter.backlog_bytes

    def _give_up_oldest(self) -> None:
        """One publish too many waits; what it had sent is counted as lost."""
        publish = self._publishes.pop(0)
        publish.segmenter.trim(0)
        self._tell_lost(publish.segmenter.lost_ms, publish.segmenter.lost_bytes)
        self._end_behind(publish)

    def resume(self, now_ms: int) -> None:
        """The disk takes writes again: everything that waits is written, in order."""
        if self.fault is None or self._writer.silence is not None:
            return
        self.fault = None
        for recording in self._recordings:
            recording.resume()
        if self._publishes or self._recordings:
            log.info("%s: recorded again", self._room)
        for publish in list(self._publishes):
            self._resume_publish(publish, now_ms)
        self._is_open = self._recording is not None
        self._drop_written()
        self._writer.hurry()

    def _resume_publish(self, publish: Publish, now_ms: int) -> None:
        lost_ms, lost_bytes = publish.segmenter.lost_ms, publish.segmenter.lost_bytes
        if not publish.is_placed:
            publish.is_placed = True
            if publish.gap is not None and self._recording is not None:
                end_ms = self._recording.end_position_ms
                publish.segmenter.continue_at(end_ms + publish.gap.ms)
        publish.is_suspended = False
        publish.segmenter.resume(now_ms)
        self._carry_out(publish)
        self._tell_lost(lost_ms, lost_bytes)
        self._end_behind(publish)

    def _end_behind(self, publish: Publish) -> None:
        if publish.ended is not None and self._recording is not None:
            self._recording.end(*publish.ended)
            self._recording = None

    def _tell_lost(self, lost_ms: int, lost_bytes: int) -> None:
        """Every loss is said (promise 5)."""
        if not lost_bytes:
            return
        log.error(
            "%s: %.1f s were not written, %d bytes: the disk took nothing and the buffer was full",
            self._room,
            lost_ms / 1000,
            lost_bytes,
        )
        if self._recording is not None:
            self._recording.count({"lost_ms": lost_ms, "lost_bytes": lost_bytes})


def _repaired(recording: LiveRecording, file: int) -> Repaired:
    return lambda row: recording.repaired(file, row)
