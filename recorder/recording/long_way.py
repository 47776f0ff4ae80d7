"""The long way of any message into the segments: what it is, whose, and when.

Owns what becomes of each sort of message: a frame is placed on the timeline, a header is split by
tracks and held against what its track knows, an end of something else and what nobody knows are
counted and left out. From here it goes to `waiting`, and never past it. What an ordinary frame
looks like is remembered for `short_way`, which takes the next one of its sort.

Pure. Nothing a sender says is believed further than it is checked here: no codec of a header that
belongs to another, no time of a message that is no frame.
"""

from collections.abc import Sequence
from typing import Final

from recorder.amf import AmfError, Value
from recorder.flv.codecs import (
    Part,
    Role,
    classify,
    config_record,
    split_tracks,
    telling_front,
)
from recorder.flv.script import ON_METADATA, copied_fields, read_script, stops_ffmpeg
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from recorder.flv.timeline import Timeline
from recorder.recording.actions import CutReason
from recorder.recording.hold import Held
from recorder.recording.segments import Segments
from recorder.recording.short_way import ShortWay
from recorder.recording.tracks import HEADERS, SILENT_MS, Track, Tracks
from recorder.recording.waiting import Waiting

MOST_WAYS: Final = 256
"""Of each kind; a sender of more sorts of frames has the rest looked at."""

CLOCK_JUMPS: Final = "clock_jumps"

_FRAME: Final = Role.FRAME


class LongWay:
    """Recognises the messages of one publish.

    Attributes:
        ways: of each kind, by what the bodies of ordinary frames begin with.
        arrived_ms: when the newest media came, whichever way.
    """

    def __init__(
        self, tracks: Tracks, timeline: Timeline, segments: Segments, waiting: Waiting
    ) -> None:
        self._tracks = tracks
        self._timeline = timeline
        self._segments = segments
        self._waiting = waiting
        self.ways: dict[int, dict[bytes, ShortWay]] = {VIDEO: {}, AUDIO: {}}
        self.arrived_ms: int | None = None

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message of whatever sort, in the order of arrival."""
        self._check_open()
        parts = classify(kind, body)
        roles = {part.role for part in parts}
        if Role.UNKNOWN in roles:
            self._segments.count("unknown_tags")
        if not self._tracks.have_place(kind, parts):
            self._segments.count("refused_tracks")
        elif _FRAME in roles:
            self._new_frame(kind, timestamp, parts, body, now_ms)
        elif roles & HEADERS:
            for single in split_tracks(kind, body):
                self._new_header(kind, single)
        elif Role.EMPTY in roles:
            self._segments.count("empty_frames")
            self._new_mark(Role.EMPTY, kind, parts, body, timestamp)
        elif self._is_foreign_end(kind, parts[0]):
            self._segments.count("foreign_ends")
        elif roles != {Role.UNKNOWN}:
            self._new_mark(parts[0].role, kind, parts, body, None)

    def data(self, name: str | None, payload: bytes) -> None:
        """One data message, from the handler's name on."""
        self._check_open()
        if name == ON_METADATA:
            self._metadata(payload)
        elif stops_ffmpeg(name, payload):
            self._segments.count("captions_without_text")
        else:
            self._other(Held(None, SCRIPT, (), payload))

    def _check_open(self) -> None:
        if self._waiting.is_finished:
            raise RuntimeError("the publish is finished")

    def _is_foreign_end(self, kind: int, part: Part) -> bool:
        """Whether this ends what its track does not hold: ffmpeg ends track 1 as track 0."""
        track = self._tracks.by_kind[kind].get(part.track)
        return (
            part.role is Role.SEQUENCE_END
            and track is not None
            and track.codec not in ("", part.codec)
        )

    def _new_frame(
        self, kind: int, timestamp: int, parts: tuple[Part, ...], body: bytes, now_ms: int
    ) -> None:
        framed = [part for part in parts if part.role is _FRAME]
        tracks = [self._tracks.get(kind, part) for part in framed]
        dts, jumped = self._place(tracks, timestamp, now_ms)
        self._tracks.choose_cutting(self._timeline.newest or dts)
        wish = CutReason.JUMP if jumped else None
        self._waiting.frame(Held(_FRAME, kind, parts, body, dts, wish), now_ms)
        if len(parts) == 1 and not parts[0].keyframe:
            self._remember(tracks[0], parts[0], body)

    def _remember(self, track: Track, part: Part, body: bytes) -> None:
        """What an ordinary frame of this track begins with."""
        front, header_bytes = telling_front(track.kind, body)
        if front and track.clock is not None and len(self.ways[track.kind]) < MOST_WAYS:
            way = ShortWay(track, track.clock, part.codec, header_bytes)
            self.ways[track.kind][front] = way

    def _place(self, tracks: list[Track], timestamp: int, now_ms: int) -> tuple[int, bool]:
        """The dts of a message, which is that of its first track; the others follow."""
        waited_ms = 0 if self.arrived_ms is None else now_ms - self.arrived_ms
        self.arrived_ms = now_ms
        dts, jumped = 0, False
        for track in reversed(tracks):
            placement = self._timeline.place(track.id, timestamp, waited_ms=waited_ms)
            track.clock = self._timeline.clock(track.id)
            dts = placement.dts
            jumped |= placement.jump_ms is not None
            self._segments.count(CLOCK_JUMPS, int(placement.jump_ms is not None))
            self._segments.count("clamped_frames", int(placement.clamped_ms > 0))
            self._segments.count("separate_clocks", int(placement.apart_ms != 0))
        if waited_ms >= SILENT_MS:
            self._tracks.resumed(dts)
        return dts, jumped

    def _new_header(self, kind: int, body: bytes) -> None:
        """A sequence header, or what goes with it, of one track."""
        part = classify(kind, body)[0]
        if part.role not in HEADERS:
            return
        track = self._tracks.get(kind, part)
        if part.role is not Role.SEQUENCE_START and track.codec not in ("", part.codec):
            self._segments.count("foreign_metadata")
        elif self._is_empty_header(track, part, body):
            self._segments.count("empty_headers")
        elif not self._tracks.has_room(body):
            self._segments.count("refused_headers")
        elif not self._waiting.header(track, Held(part.role, kind, (part,), body)):
            self._segments.count("repeated_headers")

    @staticmethod
    def _is_empty_header(track: Track, part: Part, body: bytes) -> bool:
        """Whether a sequence header configures nothing where something is configured."""
        return (
            part.role is Role.SEQUENCE_START
            and part.codec == track.codec
            and track.is_configured
            and not config_record(track.kind, body)
        )

    def _new_mark(
        self, role: Role, kind: int, parts: tuple[Part, ...], body: bytes, timestamp: int | None
    ) -> None:
        """An empty frame, a sequence end or a command. An empty frame's time is taken if it
        continues the track's; everything else gets the track's last."""
        track = self._tracks.by_kind[kind].get(parts[0].track)
        dts: int | None = None
        if track is not None and track.clock is not None:
            dts = track.clock.dts
            if timestamp is not None and track.clock.is_near(timestamp):
                fitting = track.clock.advance(timestamp)
                dts = dts if fitting is None else fitting
        self._other(Held(role, kind, parts, body, dts))

    def _other(self, held: Held) -> None:
        """What is no frame and no header."""
        self._segments.count("dropped_data", self._waiting.other(held))

    def _metadata(self, payload: bytes) -> None:
        try:
            _, values = read_script(payload)
        except AmfError:
            self._segments.count("damaged_metadata")
            return
        if not any(isinstance(value, dict) for value in values):
            # Broken behind the name, or empty: what was said before still holds.
            return
        copied = copied_fields(values)
        if _announces_video(values):
            self._waiting.announce_video()
        self._segments.metadata(copied)


def _announces_video(values: Sequence[Value]) -> bool:
    """Whether metadata names a video codec; a number, or a text with XSplit and others."""
    members = next((value for value in values if isinstance(value, dict)), {})
    return members.get("videocodecid") not in (None, 0.0, False, "", "0")
