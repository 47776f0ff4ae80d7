"""Decides which frame goes into which file. Pure: messages in, actions out.

One per publish. Knows neither socket, disk, nor clock: whoever feeds it says when it is, and
carries out the actions. The rules are those of design §7 (when to cut) and protocol §5.9 (what
makes a segment self-contained).

Owns the parts of that and what others ask of them. `long_way` recognises a message and places it on
the timeline; `waiting` holds it or hands it on, `hold` decides how the first segment begins, `cuts`
when the next one does, `segments` which of two open ones a frame belongs to, `segment` what a file
looks like.

The hot path is `short_way`: an ordinary frame of a track that has nothing special about it,
recognised by its first bytes, which the long way has seen before. Everything else, and every frame
a segment could begin with, goes the long way.
"""

from collections import Counter
from collections.abc import Sequence

from recorder.flv.codecs import FRONT_BYTES
from recorder.flv.parameters import parameters
from recorder.flv.summary import TrackSummary
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
from recorder.recording.long_way import CLOCK_JUMPS, LongWay
from recorder.recording.segment import kind_name, parameters_of
from recorder.recording.segments import Segments
from recorder.recording.short_way import write_ordinary
from recorder.recording.tracks import Track, Tracks
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
        self._long_way = LongWay(self._tracks, self._timeline, self._segments, self._waiting)
        self._ways = self._long_way.ways

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
                    self._long_way.arrived_ms = now_ms
            if at < len(media):
                kind, timestamp, _, _, body = media[at]
                self._long_way.media(kind, timestamp, b"".join(body), now_ms)
                at += 1

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        """One data message: AMF0, from the handler's name on. Its own time is not believed."""
        self._long_way.data(name, payload)

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

    def begin_anew(self) -> None:
        """While suspended: as of `Cuts`."""
        self._segments.cuts.begin_anew()

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
        """Of the tracks with frames in a segment, and of those that are announced while others
        have some: video before audio, by their numbers."""
        figures = []
        for track in self._tracks:
            frames, slot = self._segments.frames_of(track)
            if slot is not None:
                figures.append(_figures_of(slot, track, frames))
            elif track.is_configured and self._segments.current is not None:
                figures.append(_announced(track))
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


def _announced(track: Track) -> TrackFigures:
    """Of a track of which nothing has come but its sequence header."""
    assert track.config is not None, "it is configured"
    found = parameters(track.kind, track.config)
    kind = kind_name(track.kind)
    return TrackFigures(kind, track.number, track.codec, found, 0, None, None, None)
