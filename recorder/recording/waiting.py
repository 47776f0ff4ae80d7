"""Media that no segment can take: at a publish's start, and while the disk takes nothing.

Owns where a message goes that was recognised and placed: into the `Hold` until it is known how the
first segment begins, into the `Backlog` while the publish is suspended, and else to the segments.
Pure. Does not know what a message is (`long_way` does), nor when a segment is cut.
"""

from collections.abc import Sequence
from typing import Final

import attrs

from recorder.flv.codecs import Role
from recorder.flv.tags import VIDEO
from recorder.recording.actions import Appended, CutReason, Headers
from recorder.recording.backlog import Backlog
from recorder.recording.hold import Held, Hold
from recorder.recording.segments import Segments
from recorder.recording.tracks import HEADERS, Track, Tracks

_FRAME: Final = Role.FRAME


class Waiting:
    """What of one publish waits, for `segments`."""

    def __init__(self, tracks: Tracks, segments: Segments) -> None:
        self._tracks = tracks
        self._segments = segments
        self._hold: Hold | None = Hold(tracks)
        self._backlog: Backlog | None = None
        self._reason = CutReason.START
        """Why the next segment begins that nothing else begins."""
        self._lost_ms = 0
        """Given up before it."""
        self._split_is_due = False
        """An operator wants it at the next keyframe of the backlog."""
        self._is_finished = False

    # Where a message goes.

    def frame(self, held: Held, now_ms: int) -> None:
        """A message with frames, which has its time."""
        if self._backlog is not None:
            self._keep(self._backlog, held)
        elif self._hold is None:
            self._segments.play(held, now_ms)
        else:
            self._hold_frame(self._hold, held, now_ms)
            self.tick(now_ms)

    def header(self, track: Track, header: Held) -> bool:
        """A header of a track: it becomes its state, now or where it stands among held media; False
        if it says nothing new."""
        part, body = header.parts[0], header.body
        if self._hold is not None and self._hold.keeps_header(track, part, body):
            self._hold.add_header(header, track)
            return True
        if track.knows(part.role, part.codec, body):
            return False
        # Nothing is written yet: a header that no frame follows means nothing.
        track.learn(part.role, part.codec, body)
        if self._backlog is not None:
            self._backlog.add(header)
        return True

    def other(self, held: Held) -> int:
        """What is no frame cuts nothing and starts nothing, so it needs no clock.

        Returns:
            How many messages were dropped, because too many of their kind wait.
        """
        if self._backlog is not None:
            self._backlog.add(held)
        elif self._hold is None:
            self._segments.play(held, now_ms=0)
        else:
            self._hold.add(held)
            return self._hold.drop_script_flood()
        return 0

    def announce_video(self) -> None:
        """Metadata name a video codec."""
        if self._hold is not None:
            self._hold.video_is_announced = True

    def tick(self, now_ms: int) -> None:
        """Time passes; held media may have waited long enough."""
        if self._hold is not None and self._hold.is_over(now_ms):
            self._start(self._hold, now_ms)

    def split(self) -> None:
        """A new recording begins at the next keyframe."""
        if self._backlog is None:
            self._segments.cuts.wish(CutReason.SPLIT)
        else:
            self._split_is_due = True

    def finish(self, now_ms: int) -> None:
        """No more comes. What is held begins its segment; a backlog goes on waiting."""
        if self._hold is not None and self._hold.has_any_frame:
            self._start(self._hold, now_ms)
        self._hold = None
        self._is_finished = True

    @property
    def is_finished(self) -> bool:
        return self._is_finished

    def entry(self, newest: int) -> Track | None:
        """With a frame of which track a file could begin now; None: it is waited for something. A
        track that is silent is none, also where nobody has cut a file by another yet."""
        track = self._tracks.leading(newest)
        if track is None or self._hold is None or self._hold.can_begin_with(track):
            return track
        return None

    # While the disk takes nothing.

    def suspend(self, lost: Sequence[Appended], reason: CutReason) -> dict[str, int]:
        """As of `Segmenter.suspend`."""
        self._reason = reason
        counts = self._segments.suspend(lost[0].opened.origin if lost else None)
        self._backlog = Backlog(
            tuple((track.kind, body) for track in self._tracks for body in track.state),
            has_video=self._tracks.expects_video,
        )
        for held in [] if self._hold is None else self._hold.items:
            self._backlog.add(held)
        self._hold = None
        self._backlog.put_back(lost)
        return counts

    def put_back(self, lost: Sequence[Appended], reason: CutReason) -> None:
        """As of `Segmenter.put_back`."""
        assert self._backlog is not None, "only what is suspended has a backlog"
        if lost:
            self._reason = reason
            self._segments.cuts.suspend(lost[0].opened.origin)
            self._backlog.put_back(lost)

    def resume(self, now_ms: int) -> None:
        """As of `Segmenter.resume`."""
        backlog, self._backlog = self._backlog, None
        assert backlog is not None, "only what is suspended resumes"
        for header in backlog.headers():
            part = header.parts[0]
            self._tracks.get(header.kind, part).learn(part.role, part.codec, header.body)
        self._hold = hold = Hold(self._tracks)
        # Nothing may have come since what was given up before the last time.
        self._lost_ms += backlog.first_lost_ms
        for held in backlog.items():
            self._take_up(hold, held, now_ms)
        if hold.has_any_frame:
            self._start(hold, now_ms)
        if self._split_is_due:
            self._split_is_due = False
            self.split()
        if self._is_finished:
            self._hold = None

    @property
    def backlog(self) -> Backlog | None:
        """What waits for the disk; None while it takes what comes."""
        return self._backlog

    @property
    def held_bytes(self) -> int:
        """Memory taken by media that wait for the first segment to begin."""
        return 0 if self._hold is None else self._hold.bytes

    @property
    def held_headers(self) -> Headers:
        """Those that no track knows yet, for frames are held that need what is known before."""
        return () if self._hold is None else self._hold.later_headers

    def _start(self, hold: Hold, now_ms: int) -> None:
        self._hold = None
        lost_ms, self._lost_ms = self._lost_ms, 0
        self._segments.start(hold, now_ms, self._reason, lost_ms)

    def _hold_frame(self, hold: Hold, held: Held, now_ms: int) -> None:
        framed = [part for part in held.parts if part.role is _FRAME]
        tracks = [self._tracks.get(held.kind, part) for part in framed]
        for track, part in zip(tracks, framed, strict=True):
            # Until its first frame nobody may have said what codec a track has.
            if not track.codec:
                track.use_codec(part.codec)
        hold.add_frame(held, tracks, now_ms)

    def _keep(self, backlog: Backlog, held: Held) -> None:
        """A frame for which there is no file now."""
        if self._split_is_due and held.kind == VIDEO and held.parts[0].keyframe:
            self._split_is_due = False
            held = attrs.evolve(held, wish=CutReason.SPLIT)
        backlog.add(held)

    def _take_up(self, hold: Hold, held: Held, now_ms: int) -> None:
        """One message of the backlog, as if it came now."""
        if held.role is _FRAME:
            self._hold_frame(hold, held, now_ms)
        elif held.role is not None and held.role in HEADERS:
            self.header(self._tracks.get(held.kind, held.parts[0]), held)
        else:
            hold.add(held)
