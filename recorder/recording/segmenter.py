"""Decides which frame goes into which file. Pure: messages in, actions out.

One per publish. Knows neither socket, disk, nor clock: whoever feeds it says when it is, and
carries out the actions. The rules are those of design §7 (when to cut) and protocol §5.9 (what
makes a segment self-contained).

Here a message is recognised and placed on the timeline; `waiting` holds it or hands it on, `hold`
decides how the first segment begins, `cuts` when the next one does, `segments` which of two open
ones a frame belongs to, `segment` what a file looks like.

The hot path is `short_way`: an ordinary frame of a track that has nothing special about it,
recognised by its first bytes, which `_look_at` has seen before. Everything else, and every frame a
segment could begin with, goes through `_look_at`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from recorder.amf import AmfError, Value
from recorder.flv.codecs import (
    FRONT_BYTES,
    Part,
    Role,
    classify,
    config_record,
    split_tracks,
    telling_front,
)
from recorder.flv.script import (
    ON_METADATA,
    copied_fields,
    read_script,
    stops_ffmpeg,
)
from recorder.flv.summary import TrackSummary
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from recorder.flv.timeline import Timeline, TrackId
from recorder.recording.actions import (
    Action,
    Appended,
    Closed,
    CutReason,
    Headers,
    Media,
    Opened,
    SegmentFacts,
    SegmentRules,
    TrackFacts,
)
from recorder.recording.backlog import Backlog
from recorder.recording.figures import TrackFigures
from recorder.recording.hold import Held
from recorder.recording.segment import kind_name, parameters_of
from recorder.recording.segments import Segments
from recorder.recording.short_way import ShortWay, write_ordinary
from recorder.recording.tracks import HEADERS, SILENT_MS, Track, Tracks
from recorder.recording.waiting import Waiting

__all__ = [
    "Action",
    "Appended",
    "Closed",
    "CutReason",
    "Opened",
    "SegmentFacts",
    "SegmentRules",
    "Segmenter",
    "TrackFacts",
]

MOST_WAYS: Final = 256
"""Of each kind; a sender of more sorts of frames has the rest looked at."""

CLOCK_JUMPS: Final = "clock_jumps"

_FRAME: Final = Role.FRAME


class Segmenter:
    """Cuts one publish into segments.

    Args:
        position_ms: what the recording already lasts when this publish begins.
        encoder: what the files name as their maker.
    """

    def __init__(self, rules: SegmentRules, *, position_ms: int = 0, encoder: str) -> None:
        self._timeline = Timeline()
        self._tracks = Tracks()
        self._segments = Segments(
            rules,
            position_ms=position_ms,
            encoder=encoder,
            tracks=self._tracks,
            timeline=self._timeline,
        )
        self._waiting = Waiting(self._tracks, self._segments)
        self._ways: dict[int, dict[bytes, ShortWay]] = {VIDEO: {}, AUDIO: {}}
        """Of each kind, by what the bodies of ordinary frames begin with."""
        self._arrived_ms: int | None = None
        """When the newest media came."""

    def follow(self, rules: SegmentRules) -> None:
        """Other rules hold from the next segment on."""
        self._segments.rules = rules

    # What the caller does.

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message, in the order of arrival; see `media_run`."""
        self.media_run(((kind, timestamp, len(body), body[:FRONT_BYTES], (body,)),), now_ms)

    def media_run(self, media: Sequence[Media], now_ms: int) -> None:
        """Audio and video messages, in the order of arrival.

        Args:
            media: the bodies are kept as they are, and must not change any more.
            now_ms: a monotonic clock.
        """
        at = 0
        while at < len(media):
            segment = self._segments.current
            if segment is not None:
                first, at = at, write_ordinary(media, at, self._ways, segment, now_ms)
                if at > first:
                    self._arrived_ms = now_ms
            if at < len(media):
                kind, timestamp, _, _, body = media[at]
                self._look_at(kind, timestamp, b"".join(body), now_ms)
                at += 1

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        """One data message: AMF0, from the handler's name on. Its own time is not believed."""
        self._check_open()
        if name == ON_METADATA:
            self._metadata(payload)
        elif stops_ffmpeg(name, payload):
            self._segments.count("captions_without_text")
        else:
            self._other(Held(None, SCRIPT, (), payload))

    def tick(self, now_ms: int) -> None:
        """Time passes without media; held media may have waited long enough."""
        self._waiting.tick(now_ms)

    def split(self) -> None:
        """Begin a new recording at the next keyframe, without a gap."""
        self._waiting.split()

    def finish(self, now_ms: int) -> None:
        """The publish is over: record what is held, close everything. No media may follow. While
        suspended only the former waits, for `resume`."""
        self._waiting.finish(now_ms)
        for track in self._tracks:
            track.slot = None
        self._segments.finish()

    # While the disk takes nothing.

    def suspend(self, lost: Sequence[Appended], reason: CutReason) -> dict[str, int]:
        """The open segments are not written on. From here on media are kept in a backlog.

        Args:
            lost: what was appended by actions that were not carried out, in order; what has not
                been taken yet must be taken before, and be among them.
            reason: why the first segment after it begins: that of the segment which `lost` begins
                if not even its opening was carried out, START if none was ever opened, else DISK.

        Returns:
            The counts of the segments that are not written on, which no `Closed` will tell.
        """
        return self._waiting.suspend(lost, reason)

    def pause(self, reason: CutReason) -> None:
        """As `suspend`, on a disk that takes what is decided now: the open segments are closed."""
        self._segments.finish()
        self._waiting.suspend([], reason)

    def put_back(self, lost: Sequence[Appended], reason: CutReason) -> None:
        """More that was not carried out, from before the suspension, and so older than all that
        is kept; `reason` as there."""
        self._waiting.put_back(lost, reason)

    def trim(self, limit_bytes: int) -> None:
        """Give up the oldest groups of pictures until no more than this is kept."""
        if (backlog := self._waiting.backlog) is not None:
            backlog.trim(limit_bytes)

    def continue_at(self, position_ms: int) -> None:
        """What the recording lasts is known only now; no segment has begun yet."""
        self._segments.cuts.continue_at(position_ms)

    def resume(self, now_ms: int) -> None:
        """The disk takes writes again: what was kept begins the next segment."""
        self._waiting.resume(now_ms)
        if self._waiting.is_finished:
            self._segments.finish()

    def take(self) -> list[Action]:
        """What is to be done, since the last time this was asked."""
        return self._segments.take()

    @property
    def anomalies(self) -> dict[str, int]:
        """Counts by name since the publish began."""
        return self._segments.anomalies

    @property
    def held_bytes(self) -> int:
        """Memory taken by media that wait for the first segment to begin."""
        return self._waiting.held_bytes

    @property
    def backlog(self) -> Backlog | None:
        """What waits for the disk; None while it takes what comes."""
        return self._waiting.backlog

    @property
    def newest_dts(self) -> int | None:
        """Media time of the newest frame; None without frames."""
        return self._timeline.newest

    @property
    def frame_step_ms(self) -> int:
        """As of `Timeline.step`."""
        return self._timeline.step

    @property
    def headers(self) -> Headers:
        """What a decoder needs before the next frame, the newest last."""
        known = ((track.kind, body) for track in self._tracks for body in track.state)
        return (*known, *self._waiting.held_headers)

    @property
    def entry(self) -> TrackId | None:
        """With a frame of which track, a keyframe if it is video, somebody who comes now can
        begin; None: with none yet."""
        newest = self._timeline.newest
        track = None if newest is None else self._waiting.entry(newest)
        return None if track is None else track.id

    @property
    def track_figures(self) -> tuple[TrackFigures, ...]:
        """Of the tracks with frames in a segment, video before audio, by their numbers."""
        figures = []
        for track in self._tracks:
            frames, slot = self._segments.frames_of(track)
            if slot is not None:
                figures.append(_figures_of(slot, track, frames))
        return tuple(figures)

    @property
    def clock_jumps(self) -> int:
        """How often the sender's times have jumped."""
        return self._segments.anomalies.get(CLOCK_JUMPS, 0)

    @property
    def frames(self) -> Counter[str]:
        """As of `Segments`."""
        return self._segments.frames

    @property
    def end_position_ms(self) -> int:
        """Where in its recording the newest frame lies."""
        return self._segments.cuts.position_ms(self._timeline.newest or 0)

    # What a message is.

    def _check_open(self) -> None:
        if self._waiting.is_finished:
            raise RuntimeError("the publish is finished")

    def _look_at(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """The long way, of any message."""
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
        if front and track.clock is not None and len(self._ways[track.kind]) < MOST_WAYS:
            way = ShortWay(track, track.clock, part.codec, header_bytes)
            self._ways[track.kind][front] = way

    def _place(self, tracks: list[Track], timestamp: int, now_ms: int) -> tuple[int, bool]:
        """The dts of a message, which is that of its first track; the others follow."""
        waited_ms = 0 if self._arrived_ms is None else now_ms - self._arrived_ms
        self._arrived_ms = now_ms
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


def _figures_of(slot: TrackSummary, track: Track, frames: int) -> TrackFigures:
    return TrackFigures(
        kind_name(slot.kind),
        slot.number,
        slot.codec,
        parameters_of(slot),
        frames,
        None if track.clock is None else track.clock.dts,
        track.key_dts,
        track.key_distance,
    )
