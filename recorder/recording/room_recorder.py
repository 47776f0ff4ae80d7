"""What a room records: one publish after another, cut into segments, gathered into recordings.

Owns the room's recording while it is open, and which segment of the segmenter is which file of
which recording. Every method is synchronous and leaves its work in the writer's queue; nothing
here waits, so a caller's cleanup cannot be interrupted half-way.

Knows neither RTMP nor who may publish: the room above says when a publisher comes, leaves for
good (`end`) or is lost (`publisher_left`), and asks `error` after every `flush`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import attrs

from recorder.clock import utc_text
from recorder.recording.actions import Appended, Closed, CutReason, Opened
from recorder.recording.files import RecordingFiles
from recorder.recording.manifest import Client, Gap, Manifest
from recorder.recording.recording import LiveRecording
from recorder.recording.segmenter import Segmenter, SegmentRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.clock import Clock
    from recorder.recording.storage import Storage
    from recorder.recording.writer import Writer


@attrs.frozen
class _Place:
    """Where a segment of the present publish lies."""

    recording: LiveRecording
    file: int


class RoomRecorder:
    """Records one room. Belongs to the event loop.

    Args:
        encoder: what the files name as their maker.
    """

    def __init__(
        self,
        room: str,
        rules: SegmentRules,
        *,
        storage: Storage,
        writer: Writer,
        clock: Clock,
        encoder: str,
    ) -> None:
        self._room = room
        self._rules = rules
        self._storage = storage
        self._writer = writer
        self._clock = clock
        self._encoder = encoder
        self._client = Client(address="", software="")
        self._segmenter: Segmenter | None = None
        self._places: dict[int, _Place] = {}
        self._recording: LiveRecording | None = None
        self._ending: list[LiveRecording] = []
        self._first_media_utc_ns = 0
        self._arrived_ms = 0
        self._last_media_ms = 0
        self._gap: Gap | None = None
        self._gap_reason = ""

    # What the room may ask.

    @property
    def number(self) -> int | None:
        """The open recording's number; None between recordings."""
        return None if self._recording is None else self._recording.number

    @property
    def error(self) -> Exception | None:
        """Why the open recording does not reach the disk; None while it does."""
        return None if self._recording is None else self._recording.queue.error

    @property
    def pending_bytes(self) -> int:
        """Memory of media handed to the writer and not yet in a file."""
        ending = sum(recording.queue.pending_bytes for recording in self._ending)
        return ending + (0 if self._recording is None else self._recording.queue.pending_bytes)

    @property
    def buffered_bytes(self) -> int:
        """The same, and the media held until the first segment can begin, for which no disk is
        waited."""
        held = 0 if self._segmenter is None else self._segmenter.held_bytes
        return held + self.pending_bytes

    # What a publisher sends.

    def publisher_arrived(self, client: Client, *, gap_reason: str) -> None:
        """A publish begins; it continues the open recording, if there is one.

        Args:
            gap_reason: what the manifest calls the hole before it, if it continues one.
        """
        if self.error is not None:
            # An earlier publish's, found out after it had left. It has been said, and is not this
            # one's: this one begins anew.
            self.abandon()
        self._client = client
        self._gap_reason = gap_reason
        self._segmenter = None
        self._places.clear()

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message; `kind` is its FLV tag type, `timestamp` as on the wire."""
        segmenter = self._segmenter or self._first_media(now_ms)
        self._arrived_ms = now_ms
        segmenter.media(kind, timestamp, body, now_ms)

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        """One data message, AMF0 from its handler's name on."""
        segmenter = self._segmenter or self._first_media(now_ms)
        segmenter.data(name, payload, timestamp, now_ms)

    def flush(self, now_ms: int) -> None:
        """Hand what has been decided to the writer. Once per socket read."""
        if self._segmenter is None:
            return
        self._segmenter.tick(now_ms)
        actions = self._segmenter.take()
        if actions:
            # A publish that sends nothing to record does not shorten the gap before the next.
            self._last_media_ms = self._arrived_ms
        for action in actions:
            match action:
                case Appended(opened, buffers, size):
                    place = self._places[opened.segment]
                    place.recording.append(place.file, buffers, size)
                case Opened():
                    self._open(action)
                case Closed():
                    self._close(action)
                case _:
                    assert_never(action)

    def split(self) -> None:
        """A new recording begins at the next keyframe, without a gap."""
        if self._segmenter is not None:
            self._segmenter.split()

    def publisher_left(self, now_ms: int, counts: Mapping[str, int]) -> None:
        """The publish is over; its last segment is closed, the recording stays open.

        Args:
            counts: the connection's anomalies, for the manifest.
        """
        if self._segmenter is None:
            return
        self._segmenter.finish(now_ms)
        self.flush(now_ms)
        # After the flush, which may only now have begun the recording.
        if self._recording is not None:
            self._recording.count(counts)
        self._segmenter = None
        self._writer.hurry()

    def end(self, reason: str) -> None:
        """The recording is over; the next publish begins another."""
        if self._recording is not None:
            self._end_recording(self._recording, reason)
            self._recording = None

    def abandon(self) -> None:
        """The disk refused the open recording: forget it. Its files are closed as they are."""
        self._recording = None
        self._segmenter = None
        self._places.clear()

    # How it becomes files.

    def _first_media(self, now_ms: int) -> Segmenter:
        position_ms = 0
        self._gap = None
        if self._recording is not None:
            gap_ms = max(0, now_ms - self._last_media_ms)
            position_ms = self._recording.end_position_ms + gap_ms
            self._gap = Gap(reason=self._gap_reason, ms=gap_ms)
        self._first_media_utc_ns = self._clock.utc_ns()
        self._segmenter = Segmenter(self._rules, position_ms=position_ms, encoder=self._encoder)
        return self._segmenter

    def _open(self, opened: Opened) -> None:
        recording = self._recording
        if recording is not None and opened.new_recording:
            split = opened.reason is CutReason.SPLIT
            self._end_recording(recording, "split" if split else "max_duration")
            self._first_media_utc_ns = self._clock.utc_ns()
            recording = None
        if recording is None:
            recording = self._recording = self._begin_recording()
        gap, self._gap = self._gap, None
        file = recording.open_segment(opened, gap)
        self._places[opened.segment] = _Place(recording, file)

    def _close(self, closed: Closed) -> None:
        place = self._places.pop(closed.segment)
        place.recording.close_segment(place.file, closed)

    def _begin_recording(self) -> LiveRecording:
        number = self._storage.take_number()
        manifest = Manifest(
            room=self._room,
            number=number,
            start=utc_text(self._first_media_utc_ns),
            clock="trusted" if self._clock.trusted() else "untrusted",
            client=self._client,
        )
        files = RecordingFiles(self._storage, self._room, number, self._first_media_utc_ns)
        return LiveRecording(manifest, files, self._writer)

    def _end_recording(self, recording: LiveRecording, reason: str) -> None:
        recording.end(reason, utc_text(self._clock.utc_ns()))
        self._ending = [*(r for r in self._ending if not r.queue.is_over), recording]
