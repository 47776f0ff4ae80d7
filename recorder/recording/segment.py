"""One open segment: turns frames into buffers for its file, and knows what the file says of itself.

Owns the head, the times inside the file, and which state of each track the file has already been
given. Does not decide when it begins or ends, nor which frame is its own: the segmenter does.

A body is copied once, when all that has gathered is joined for the file: views of what was received
are gone then, and the writer has one piece of memory to hand to the kernel. That is cheaper than a
list of pieces for every write.
"""

from typing import Final

from recorder.flv.codecs import Part, classify
from recorder.flv.parameters import TrackParameters
from recorder.flv.script import CopiedFields, SegmentPlace, head_body, reserved_bytes
from recorder.flv.summary import SegmentSummary, TrackSummary
from recorder.flv.tags import (
    FILE_HEADER_BYTES,
    FLAGS_OFFSET,
    SCRIPT,
    VIDEO,
    file_header,
    flags,
    tag,
    tag_header,
    tag_trailer,
)
from recorder.recording.actions import (
    Appended,
    Buffer,
    Closed,
    CutReason,
    Headers,
    Opened,
    SegmentFacts,
    SegmentRules,
    TrackFacts,
)
from recorder.recording.tracks import Track, Tracks

FORCE_FACTOR: Final = 3
"""At so many durations a segment is cut wherever it is."""

FORCE_SIZE_FACTOR: Final = 2

SLOW_FACTOR: Final = 2
"""When media take so many times longer to arrive than to play, arrival decides."""


class OpenSegment:
    """A segment being written.

    Args:
        number: in this publish, from 0.
        base: the dts that is time 0 in the file.
        due_dts: the media time at which the next keyframe ends it.
        tracks: those that its head declares.
        reason: why it begins.
        new_recording: it is the first of another recording than the one before.
        position_ms: where in its recording it begins.
        lost_ms: how much media before it were given up.
        forced: it begins with what a decoder cannot begin with.
    """

    def __init__(
        self,
        number: int,
        *,
        base: int,
        due_dts: int,
        now_ms: int,
        rules: SegmentRules,
        encoder: str,
        copied: CopiedFields,
        tracks: list[Track],
        reason: CutReason,
        new_recording: bool,
        position_ms: int,
        lost_ms: int,
        forced: bool,
    ) -> None:
        self.base = base
        self.due_dts = due_dts
        self.due_ms = now_ms + SLOW_FACTOR * rules.duration_ms
        self.force_dts = base + FORCE_FACTOR * rules.duration_ms
        self.look_dts = min(due_dts, self.force_dts)
        """From here on frames are looked at, of whatever track: the one cut by may be silent."""
        self.force_ms = now_ms + FORCE_FACTOR * rules.duration_ms
        self.force_bytes = FORCE_SIZE_FACTOR * rules.size_bytes
        self.is_forced = forced
        self.has_frames = False
        self.buffers: list[Buffer] = []
        self.summary = SegmentSummary()
        self.counts: dict[str, int] = {}
        self.states: dict[Track, tuple[bytes, ...]] = {}
        """The state of each track that the file has been given so far."""
        self._taken_states: Headers = ()
        """The same, as of the last time buffers were taken."""
        self._states_are_taken = False
        self._encoder = encoder
        self._place = SegmentPlace(position_ms=position_ms, reason=reason.value)
        self._head_bytes = reserved_bytes(rules.duration_ms)
        self.opened = Opened(
            segment=number,
            head=self._begin(tracks, copied),
            reason=reason,
            new_recording=new_recording,
            base=base,
            position_ms=position_ms,
            forced=forced,
            lost_ms=lost_ms,
        )
        self.group_offset = self.summary.file_bytes
        """Where the last frame stands that a segment could have begun with."""

    def _begin(self, tracks: list[Track], copied: CopiedFields) -> bytes:
        body = head_body(
            self._head_bytes,
            self.summary.head_values(),
            creator=self._encoder,
            forced=self.is_forced,
            copied=copied,
            place=self._place,
        )
        # Which kinds will come is not known yet; the flags are written again at the close.
        self.buffers.append(file_header(audio=True, video=True))
        self._write(SCRIPT, 0, body, ())
        for track, state in Tracks.head_state(tracks):
            self._write(track.kind, 0, state, classify(track.kind, state))
        for track in tracks:
            self.states[track] = track.state
        head = b"".join(self.buffers)
        self.buffers.clear()
        self._take_states()
        return head

    def _take_states(self) -> None:
        self._taken_states = tuple(
            (track.kind, body) for track, state in self.states.items() for body in state
        )
        self._states_are_taken = True

    def slot(self, track: Track) -> TrackSummary | None:
        """What the file holds of a track; None before its first frame or header."""
        return self.summary.tracks.get(track.id)

    def last_dts(self, track: Track) -> int | None:
        """When the track's last frame in this file is; None without frames."""
        slot = self.slot(track)
        return None if slot is None or not slot.frames else self.base + slot.last_ms

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def write_frame(
        self, kind: int, parts: tuple[Part, ...], dts: int, body: bytes, tracks: list[Track]
    ) -> None:
        """A frame of these tracks, behind whatever state the file lacks of them."""
        ms = max(0, dts - self.base)
        for track in tracks:
            if self.states.get(track) != track.state:
                self._write_state(track, ms if self.has_frames else 0)
        self._write(kind, ms, body, parts)
        self.has_frames = True

    def write_mark(self, kind: int, parts: tuple[Part, ...], dts: int | None, body: bytes) -> None:
        """What is no frame; without a time of its own it gets that of the newest frame."""
        ms = self.summary.last_ms if dts is None else max(0, dts - self.base)
        # As of a state: what comes before the first frame belongs to the head, and is at 0.
        self._write(kind, ms if self.has_frames else 0, body, parts)

    def _write_state(self, track: Track, ms: int) -> None:
        """A new sequence header brings all that goes with it; else only what is new is written."""
        known = self.states.get(track, ())
        if known[:1] == track.state[:1]:
            bodies = [body for body in track.state if body not in known]
        else:
            bodies = list(track.state)
        for body in bodies:
            self._write(track.kind, ms, body, classify(track.kind, body))
        self.states[track] = track.state
        self._states_are_taken = False

    def _write(self, kind: int, ms: int, body: bytes, parts: tuple[Part, ...]) -> None:
        size = len(body)
        self.buffers += (tag_header(kind, ms, size), body, tag_trailer(size))
        self.summary.add(kind, ms, body, size, parts)

    def take(self) -> Appended | None:
        """What was written since the last time; None if nothing."""
        if not self.buffers:
            return None
        data = b"".join(self.buffers)
        self.buffers.clear()
        before = self._taken_states
        if not self._states_are_taken:
            self._take_states()
        return Appended(self.opened, data, before)

    def closed(self, copied: CopiedFields) -> Closed:
        """The end, with the newest of the publisher's metadata in the head."""
        values = self.summary.head_values()
        body = head_body(
            self._head_bytes,
            values,
            creator=self._encoder,
            forced=self.is_forced,
            copied=copied,
            place=self._place,
        )
        patches = (
            (FLAGS_OFFSET, flags(audio=values.has_audio, video=values.has_video)),
            (FILE_HEADER_BYTES, tag(SCRIPT, 0, body)),
        )
        facts = facts_of(self.summary, forced=self.is_forced, counts=dict(self.counts))
        return Closed(self.opened.segment, patches, facts)


def facts_of(summary: SegmentSummary, *, forced: bool, counts: dict[str, int]) -> SegmentFacts:
    """What is said of a file with these tags in it, by who wrote it and by who found it."""
    return SegmentFacts(
        duration_ms=summary.duration_ms,
        size_bytes=summary.file_bytes,
        tracks=[track_facts(track) for track in summary.played_tracks()],
        keyframes=summary.keyframes,
        forced=forced,
        counts=counts,
    )


def kind_name(kind: int) -> str:
    """What manifests and figures call it."""
    return "video" if kind == VIDEO else "audio"


def parameters_of(track: TrackSummary) -> TrackParameters:
    """Of some codecs nothing is known but the name."""
    return track.parameters or TrackParameters(codec=track.codec)


def track_facts(track: TrackSummary) -> TrackFacts:
    """What is known of a track by its headers and frames."""
    found = parameters_of(track)
    return TrackFacts(
        kind=kind_name(track.kind),
        track=track.number,
        codec=track.codec,
        width=found.width,
        height=found.height,
        sample_rate=found.sample_rate,
        channels=found.channels,
    )
