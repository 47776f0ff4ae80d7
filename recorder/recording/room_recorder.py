"""What a room records: one publish after another, cut into segments, gathered into recordings.

Owns what the room may say and ask: when a publisher comes, what it sends, when it leaves for good
(`end`) or is lost (`publisher_left`), and where a publish begins in the recording it continues.
What it has going stands in its `Books`; what becomes of that while the disk takes nothing is its
`Outage`'s part. Every method is synchronous and leaves its work in the writer's queue; nothing
here waits, so a caller's cleanup cannot be interrupted half-way.

Knows neither RTMP nor who may publish.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from recorder.clock import utc_text
from recorder.flv.codecs import FRONT_BYTES
from recorder.flv.script import ON_METADATA
from recorder.logs import of_room
from recorder.recording.actions import StreamHead
from recorder.recording.books import Books
from recorder.recording.figures import RoomFigures
from recorder.recording.files import RecordingFiles
from recorder.recording.lateness import Lateness
from recorder.recording.manifest import Client, Gap, Manifest
from recorder.recording.muted import Muted
from recorder.recording.operations import Append
from recorder.recording.outage import Outage
from recorder.recording.publish import Publish
from recorder.recording.recording import LiveRecording
from recorder.recording.segmenter import Segmenter, SegmentRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder.recording.actions import Media
    from recorder.recording.entries import Entry
    from recorder.recording.figures import RoomTotals
    from recorder.recording.lateness import Spread
    from recorder.recording.operations import Operation
    from recorder.recording.services import Services


log = logging.getLogger(__name__)


class RoomRecorder:
    """Records one room. Belongs to the event loop."""

    def __init__(self, room: str, rules: SegmentRules, services: Services) -> None:
        self._rules = rules
        self._services = services
        self._writer = services.writer
        self._queue = services.writer.new_queue(self, room)
        self._books = Books(room, self._queue, services)
        self._outage = Outage(self._books)
        self._client = Client(address="", software="")
        self._gap_reason = ""
        self._publish: Publish | None = None
        """The one that may send now, once it has."""
        self._muted: Muted | None = None
        """What is remembered of it while an operator has stopped it."""
        self._metadata: bytes | None = None
        self._written_ms: int | None = None
        self._last_media_ms = 0
        self._arrived_ms = 0
        self._has_come = False
        """Of the one that may send now: whether it has sent media."""
        self._lateness = Lateness()
        self._began_ms: int | None = None
        """Of a recording from before the recorder's start: when it began."""

    def follow(self, rules: SegmentRules) -> None:
        """Other rules hold from the next segment on."""
        self._rules = rules
        if self._publish is not None:
            self._publish.segmenter.follow(rules)

    # What the room may ask.

    @property
    def fault(self) -> str | None:
        """Why nothing is written, in words; None while it is."""
        return self._outage.fault

    @property
    def number(self) -> int | None:
        """The open recording's number; None between recordings, and while it has none yet."""
        return None if self.recording is None else self.recording.number

    @property
    def recording(self) -> LiveRecording | None:
        """The open recording, for who wants to know more of it."""
        return self._books.recording if self._books.is_open else None

    @property
    def is_open(self) -> bool:
        """Whether a publisher that comes now continues a recording."""
        return self._books.is_open

    @property
    def pending_bytes(self) -> int:
        """Memory of media that are not in a file: on their way, or waiting for the disk."""
        return self._books.pending_bytes

    @property
    def backlog_bytes(self) -> int:
        """Memory of media that wait for a disk that takes nothing."""
        return self._books.backlog_bytes

    @property
    def is_stopped(self) -> bool:
        """Whether an operator has stopped it, and nobody has started it again."""
        return self._muted is not None and not self._muted.is_over

    def figures(self, now_ms: int) -> RoomFigures:
        """What is to be said of it now."""
        segmenter = None if self._publish is None else self._publish.segmenter
        monotonic_ms = self._services.clock.monotonic_ms()
        unsafe_ms, written_ms = self._queue.unsafe_since_ms, self._written_ms
        lost_ms, lost_bytes = self._outage.lost
        recording = self.recording
        return RoomFigures(
            self.fault,
            self.is_stopped,
            self.is_open,
            None if segmenter is None else segmenter.newest_dts,
            (now_ms - self._arrived_ms) / 1000 if self._has_come else None,
            () if segmenter is None else segmenter.track_figures,
            self.pending_bytes,
            self._services.buffer_bytes(),
            None if written_ms is None else (monotonic_ms - written_ms) / 1000,
            None if unsafe_ms is None else (now_ms - unsafe_ms) / 1000,
            None if recording is None else recording.figures(self._sent_ms(recording)),
            lost_ms,
            lost_bytes,
        )

    def _sent_ms(self, recording: LiveRecording) -> int:
        """As of `LiveRecording.figures`."""
        publish = self._publish
        # Behind a split its first frame takes the publish over into the next recording.
        if publish is None or publish.recording is not recording:
            return 0
        return publish.segmenter.end_position_ms

    def take_spread(self) -> Spread:
        """How late its media have come since this was last asked for; for one who asks."""
        return self._lateness.take()

    def totals(self, now_ms: int) -> RoomTotals:
        """What has become of all that it was sent."""
        return self._books.figures(now_ms)

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
        return self._books.is_settled

    @property
    def unwritten_ms(self) -> int:
        """How much media would be lost if the recorder stopped now, and was lost already."""
        return self._books.unwritten_ms

    # What a publisher sends.

    def publisher_arrived(self, client: Client, *, gap_reason: str) -> None:
        """A publish begins; it continues the open recording, if there is one.

        Args:
            gap_reason: what the manifest calls the hole before it, if it continues one.
        """
        self._client = client
        self._gap_reason = gap_reason
        self._publish = self._muted = self._metadata = None
        self._has_come = False
        self._lateness = Lateness()
        if self._books.recording is not None and self._books.is_open:
            self._books.recording.waits(None)

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message; `kind` is its FLV tag type, `timestamp` as on the wire."""
        self.media_run(((kind, timestamp, len(body), body[:FRONT_BYTES], (body,)),), now_ms)

    def media_run(self, media: Sequence[Media], now_ms: int) -> None:
        """Audio and video messages in the order of arrival; the times are those on the wire."""
        self._arrived_ms, self._has_come = now_ms, True
        publish = self._publish
        if publish is None:
            if self._muted is not None:
                media = self._behind_muted(self._muted, media, now_ms)
                if not media:
                    return
            publish = self._publish or self._first_media(now_ms)
        publish.segmenter.media_run(media, now_ms)

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        """One data message, AMF0 from its handler's name on."""
        if name == ON_METADATA:
            self._metadata = payload
        if self._muted is not None:
            return
        publish = self._publish or self._first_media(now_ms)
        publish.segmenter.data(name, payload, timestamp, now_ms)

    def held_back(self, *, begins: bool) -> None:
        """Its publisher waits for us, or does no more."""
        self._lateness.held_back(begins=begins)

    def flush(self, now_ms: int) -> None:
        """Hand what has been decided to the writer. Once per socket read."""
        publish = self._publish
        if publish is None:
            return
        newest_dts = publish.segmenter.newest_dts
        if newest_dts is not None:
            self._lateness.read(
                self._arrived_ms,
                newest_dts,
                step_ms=publish.segmenter.frame_step_ms,
                jumps=publish.segmenter.clock_jumps,
            )
        if self.fault is not None:
            self._last_media_ms = self._arrived_ms
            self._outage.trim()
            return
        publish.segmenter.tick(now_ms)
        if self._books.carry_out(publish):
            # A publish that sends nothing to record does not shorten the gap before the next.
            self._last_media_ms = self._arrived_ms

    @property
    def stream_head(self) -> StreamHead:
        """For who begins to watch now."""
        if self._publish is None:
            return StreamHead(self._metadata, (), entry=None)
        segmenter = self._publish.segmenter
        return StreamHead(self._metadata, segmenter.headers, segmenter.entry)

    def split(self) -> None:
        """A new recording begins at the next keyframe, without a gap."""
        if self._publish is not None:
            self._publish.segmenter.split()

    def stop(self, now_ms: int, counts: Mapping[str, int]) -> None:
        """An operator ends the recording; what the publisher sends is dropped until `start`, or
        until it leaves. Headers are remembered: encoders send them only once."""
        headers = () if self._publish is None else self._publish.segmenter.headers
        self.publisher_left(now_ms, counts)
        self.end("stopped")
        self._muted = Muted(headers)
        # Behind a start media times begin anew.
        self.held_back(begins=False)

    def start(self, now_ms: int) -> None:
        """An operator wants it recorded again: another recording begins at the next keyframe."""
        if self._muted is not None:
            self._muted.begin(now_ms)

    def publisher_left(self, now_ms: int, counts: Mapping[str, int]) -> None:
        """The publish is over; its last segment is closed, the recording stays open.

        Args:
            counts: the connection's anomalies, for the manifest.
        """
        publish, self._publish, self._muted = self._publish, None, None
        if publish is not None:
            publish.segmenter.finish(now_ms)
            publish.left_ms = self._services.clock.monotonic_ms()
            if self.fault is None:
                if self._books.carry_out(publish):
                    self._last_media_ms = self._arrived_ms
                self._books.note_end(publish)
            else:
                # What it had sent waits, also if no file had begun with it when the disk failed.
                self._last_media_ms = self._arrived_ms
            self._books.drop_written()
        # After that, which may only now have begun the recording.
        if self._books.recording is not None and self._books.is_open:
            self._books.recording.count(counts)
            self._books.recording.waits(self._services.clock.monotonic_ms())
        if publish is not None:
            self._writer.hurry()

    def end(self, reason: str) -> None:
        """The recording is over; the next publish begins another."""
        if not self._books.is_open:
            return
        self._books.is_open = False
        self._began_ms = None
        ended = (reason, utc_text(self._services.clock.utc_ns()))
        if self._books.publishes:
            # Should its last media have to wait for the disk, it ends behind them.
            self._books.publishes[-1].ended = ended
        if self._books.recording is not None and not (self.fault and self._books.publishes):
            self._books.recording.end(*ended)
            self._books.recording = None

    def leave(self, reason: str) -> None:
        """The recorder ends, and the recording goes on with the next start, if its publisher comes
        back to that; if not, it has ended for this reason."""
        if self.fault is not None:
            # Media wait for the disk: it ends behind them, or is repaired.
            self.end(reason)
        elif self._books.recording is not None and self._books.is_open:
            self._books.is_open = False
            self._books.recording.leave(reason)
            self._books.recording = None

    def clock_stepped(self, ms: int) -> None:
        """The wall clock was set: the open recording says so, and goes on."""
        if self._books.recording is not None and self._books.is_open:
            self._books.recording.clock_stepped(ms, self._services.clock.monotonic_ms())

    def continue_recording(
        self,
        manifest: Manifest,
        entry: Entry,
        *,
        last_file: int,
        began_ms: int,
        silent_since_ms: int,
    ) -> LiveRecording:
        """Take up a recording that was open when the recorder ended; its publisher may come back.

        Args:
            last_file: the highest number of a segment there is.
            began_ms: when it began, on the clock of `now_ms`; `silent_since_ms` since when nothing
                was recorded.

        Returns:
            The recording; whoever repairs its files calls its `recovered`.
        """
        self._books.recording = self._books.track(
            LiveRecording(
                attrs.evolve(manifest, end_reason=None),
                RecordingFiles(self._services.storage, entry),
                entry,
                queue=self._queue,
                services=self._services,
                last_file=last_file,
            )
        )
        self._books.is_open = True
        self._began_ms, self._last_media_ms = began_ms, silent_since_ms
        return self._books.recording

    def resume(self, now_ms: int) -> None:
        """The disk takes writes again: everything that waits is written, in order."""
        self._outage.resume(now_ms)

    def hold(self, reason: str) -> None:
        """Nothing shall be written, by a policy: as when the disk fails, but what is open is closed
        in order."""
        self._outage.hold(reason)

    def release(self, now_ms: int) -> None:
        """The policy lets it write again."""
        self._outage.release(now_ms)

    @property
    def live(self) -> list[LiveRecording]:
        """The recordings that may still change."""
        return self._books.recordings

    # What the writer says: as of `QueueOwner`.

    def landed(self, operation: Operation) -> None:
        if isinstance(operation, Append):
            self._written_ms = self._services.clock.monotonic_ms()
            self._outage.written()
        self._books.landed(operation)

    def is_safe(self, files: RecordingFiles, file: int, size: int) -> None:
        self._books.is_safe(files, file, size)

    def gave_up(self, error: Exception) -> None:
        self._outage.gave_up(error)

    def failed(self, error: Exception, lost: Sequence[Operation]) -> None:
        self._outage.failed(error, lost)

    # Where a publish begins.

    def _behind_muted(self, muted: Muted, media: Sequence[Media], now_ms: int) -> Sequence[Media]:
        """What of these media is recorded again, behind the headers it needs; mostly nothing."""
        for at, (kind, timestamp, _, _, body) in enumerate(media):
            if not muted.begins_with(kind, b"".join(body), now_ms):
                continue
            self._muted = None
            segmenter = self._first_media(now_ms).segmenter
            if self._metadata is not None:
                segmenter.data(ON_METADATA, self._metadata, timestamp, now_ms)
            for header_kind, header in muted.headers:
                segmenter.media(header_kind, timestamp, header, now_ms)
            return media[at:]
        return ()

    def _first_media(self, now_ms: int) -> Publish:
        if self.fault is None:
            # Of a disk that has not come yet nobody knows which number would be the next.
            error = self._writer.silence or self._services.storage.gone
            if error is not None:
                self._outage.gave_up(error)
        gap, position_ms = None, 0
        # Behind a restart the clock says where, whatever waits for the disk.
        is_placed = self.fault is None or self._began_ms is not None
        if self._books.is_open:
            gap, position_ms = self._continue_at(now_ms)
        publish = Publish(
            client=self._client,
            segmenter=Segmenter(
                self._rules, position_ms=position_ms, encoder=self._services.encoder
            ),
            start_utc_ns=self._services.clock.utc_ns(),
            start_ms=self._services.clock.monotonic_ms(),
            gap=gap,
            is_placed=is_placed,
        )
        if self.fault is not None:
            of_room(log, self._books.room).error("not recorded: %s", self.fault)
            self._books.is_open = True
            publish.suspend([])
        self._publish = publish
        self._books.publishes.append(publish)
        self._outage.limit()
        return publish

    def _continue_at(self, now_ms: int) -> tuple[Gap, int]:
        """The gap before a publish that continues the open recording, and where it begins."""
        end_ms = 0 if self._books.recording is None else self._books.recording.end_position_ms
        gap_ms = max(0, now_ms - self._last_media_ms)
        position_ms = end_ms + gap_ms
        if self._began_ms is not None:
            # Of what was cut off and is not repaired yet the end is not known, but the beginning.
            # An encoder that began with a burst is ahead of that.
            position_ms, self._began_ms = max(position_ms, now_ms - self._began_ms), None
        return Gap(reason=self._gap_reason, ms=gap_ms), position_ms
