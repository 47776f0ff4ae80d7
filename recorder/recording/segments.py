"""The one or two open segments of a publish: which message goes into which, and what follows.

At a cut two segments are open for a moment. The new one's time 0 is the dts of the frame it
begins with; frames of other tracks with a smaller dts that come later belong to the old one, and so
do other pictures until their track's first keyframe behind the cut, which alone a decoder can begin
with. The old one closes when every track that has frames in it has passed the cut, or `OVERLAP_MS`
of media have.

Messages come here placed on the timeline and in the order of arrival, whether they were held or
not. When to cut is decided in `cuts`; what a file looks like is `segment`'s part.
"""

from collections import Counter
from typing import Final

from recorder.flv.codecs import Role
from recorder.flv.script import CopiedFields
from recorder.flv.summary import TrackSummary
from recorder.flv.tags import VIDEO
from recorder.flv.timeline import Timeline
from recorder.recording.actions import Action, CutReason, SegmentRules
from recorder.recording.cuts import NEW_RECORDING, Cuts
from recorder.recording.hold import Held, Hold
from recorder.recording.segment import OpenSegment, kind_name
from recorder.recording.tracks import HEADERS, SILENT_MS, Track, Tracks

OVERLAP_MS: Final = 1_000
"""How long an old segment waits for the tracks that lag behind."""

LOOK_MS: Final = 1_000
"""A segment that is due asks so often whether the track that it is cut by is silent."""


class Segments:
    """The segments of one publish, from the first one's opening on."""

    def __init__(
        self,
        rules: SegmentRules,
        *,
        position_ms: int,
        encoder: str,
        tracks: Tracks,
        timeline: Timeline,
    ) -> None:
        self.rules = rules
        """For the next segment; the one that is open keeps those it began with."""
        self._encoder = encoder
        self._tracks = tracks
        self._timeline = timeline
        self.cuts = Cuts(rules, position_ms)
        self.current: OpenSegment | None = None
        """The newest segment; None before the first and after the end."""
        self._previous: OpenSegment | None = None
        self._lagging: set[Track] = set()
        """The tracks `_previous` waits for."""
        self._opened = 0
        self._lost_ms = 0
        """Given up since the last segment began."""
        self._copied = CopiedFields()
        self._actions: list[Action] = []
        self.anomalies: dict[str, int] = {}
        """Counts by name since the publish began."""

    def take(self) -> list[Action]:
        """What is to be done, since the last time this was asked."""
        for segment in (self._previous, self.current):
            self._flush(segment)
        actions, self._actions = self._actions, []
        return actions

    @property
    def frames(self) -> Counter[str]:
        """How many were put into segments since the publish began, by the kind of their track;
        after an outage of the disk some of them twice."""
        counter: Counter[str] = Counter()
        for track in self._tracks:
            counter[kind_name(track.kind)] += self.frames_of(track)[0]
        return counter

    def frames_of(self, track: Track) -> tuple[int, TrackSummary | None]:
        """How many of a track were put into segments since the publish began, as of `frames`, and
        what the newest segment with some of them holds of it; None without any."""
        frames, newest = track.past_frames, track.past_slot
        for segment in (self._previous, self.current):
            slot = None if segment is None else segment.slot(track)
            if slot is not None and slot.frames:
                frames, newest = frames + slot.frames, slot
        return frames, newest

    def _is_past(self, segment: OpenSegment | None) -> None:
        """Remember of it what is still asked when it is not open any more."""
        for track in self._tracks:
            slot = None if segment is None else segment.slot(track)
            if slot is not None and slot.frames:
                track.past_frames += slot.frames
                track.past_slot = slot

    def finish(self) -> None:
        """Close everything."""
        self._close_previous()
        if self.current is not None:
            self._close(self.current)
            self.current = None

    def metadata(self, copied: CopiedFields) -> None:
        """The publisher's values, for the next heads and for that of the file that is open: it is
        written again when the file closes. As tags of their own they would make ffmpeg (5.1, 9.0)
        announce a subtitle stream in every file of a GStreamer sender, whose metadata carry the
        present second."""
        if copied == self._copied:
            self.count("repeated_metadata", int(self.current is not None))
        self._copied = copied

    def suspend(self, origin: int | None) -> dict[str, int]:
        """Forget the open segments, which are not written on; returns their counts.

        Args:
            origin: as for `Cuts.suspend`.
        """
        counts: dict[str, int] = {}
        for segment in (self._previous, self.current):
            self._is_past(segment)
            for name, number in ({} if segment is None else segment.counts).items():
                counts[name] = counts.get(name, 0) + number
        self._previous = self.current = None
        self._lagging = set()
        self.cuts.suspend(origin)
        for track in self._tracks:
            track.slot = None
        return counts

    def start(self, hold: Hold, now_ms: int, reason: CutReason, lost_ms: int = 0) -> None:
        """Begin the first segment, or the first one after a suspension, and play back what was
        held.

        Args:
            lost_ms: so much media before it were given up.
        """
        lead = hold.has_undecodable_lead
        # What was given up is part of the recording, and so is the time it took.
        self.cuts.start(hold.first_dts - lost_ms)
        self._lost_ms = lost_ms
        self._open(reason, hold.first_dts, now_ms, is_entry=not lead)
        if lead:
            self.cuts.wish(CutReason.FIRST_KEYFRAME)
        for held in hold.items:
            self.play(held, now_ms)

    def play(self, held: Held, now_ms: int) -> None:
        """Write one message, in the order of arrival, now that a segment is open."""
        if held.role is Role.FRAME and held.dts is not None:
            self._frame(held, held.dts, now_ms)
        elif held.role in HEADERS:
            part = held.parts[0]
            self._tracks.get(held.kind, part).learn(held.role, part.codec, held.body)
        else:
            segment = self._owner(held.dts)
            segment.write_mark(held.kind, held.parts, held.dts, held.body)

    def _owner(self, dts: int | None) -> OpenSegment:
        """The open segment that a time belongs to."""
        if dts is None or dts >= self._newest.base:
            return self._newest
        return self._previous or self._newest

    @property
    def _newest(self) -> OpenSegment:
        """The current segment, where only an open publish can have come."""
        assert self.current is not None
        return self.current

    def _frame(self, held: Held, dts: int, now_ms: int) -> None:
        parts = [part for part in held.parts if part.role is Role.FRAME]
        tracks = [self._tracks.get(held.kind, part) for part in parts]
        for track, part in zip(tracks, parts, strict=True):
            track.use_codec(part.codec)
        is_keyframe = held.kind == VIDEO and parts[0].keyframe
        segment = self._owner(dts)
        if self._waits_for_keyframe(dts, tracks) and not is_keyframe:
            segment = self._previous or segment
        if held.wish is not None:
            self.cuts.wish(held.wish)
            self._lost_ms += held.lost_ms
        if segment is self.current:
            if dts >= segment.look_dts:
                segment.look_dts = min(dts + LOOK_MS, segment.force_dts)
            self._note_changes(segment, tracks)
            wait_ms = self._entry_wait_ms(dts, tracks, is_keyframe=is_keyframe)
            is_entry = wait_ms is not None
            # Where the keyframe of the track that is cut by follows, it decides.
            reason = self.cuts.reason(segment, dts + (wait_ms or 0), now_ms, is_entry=is_entry)
            self.count("refused_cuts", self.cuts.take_refused())
            if reason is not None and dts >= segment.base:
                segment = self._cut(reason, dts, now_ms, tracks, is_entry=is_entry)
        if dts < segment.base:
            self.count("late_frames", segment=segment)
        if held.kind == VIDEO and not segment.is_forced:
            for track, part in zip(tracks, parts, strict=True):
                if not part.keyframe and segment.last_dts(track) is None:
                    # Another track than the one that is cut by: its keyframe fell before the cut.
                    self.count("undecodable_starts", segment=segment)
        segment.write_frame(held.kind, held.parts, dts, held.body, tracks)
        if is_keyframe:
            for track in tracks:
                if track.key_dts is not None:
                    track.key_distance = dts - track.key_dts
                track.key_dts = dts
        if self._previous is not None and segment is self.current:
            self._lagging.difference_update(tracks)
            if not self._lagging or dts >= segment.base + OVERLAP_MS:
                self._close_previous()
        self._settle(tracks)

    def _waits_for_keyframe(self, dts: int, tracks: list[Track]) -> bool:
        """Whether no decoder could begin with pictures of these tracks in the current segment,
        while the one before is still open for them."""
        return (
            self._previous is not None
            and not self._newest.is_forced
            and dts < self._newest.base + OVERLAP_MS
            and all(track.kind == VIDEO and track in self._lagging for track in tracks)
        )

    def _entry_wait_ms(self, dts: int, tracks: list[Track], *, is_keyframe: bool) -> int | None:
        """How long after this frame that one of the track that is cut by comes which a segment can
        begin with; None if it cannot begin here.

        It can begin with another picture's keyframe too, if the last time the deciding one followed
        it soon: tracks that are encoded side by side have their keyframes together, but those with
        more B-frames have smaller DTS.
        """
        cutting = self._tracks.cutting
        if cutting in tracks:
            return 0 if is_keyframe or tracks[0].kind != VIDEO else None
        own = tracks[0].key_dts
        if not is_keyframe or own is None or cutting is None or cutting.key_dts is None:
            return None
        wait_ms = cutting.key_dts - own
        is_soon = 0 <= wait_ms <= min(OVERLAP_MS, (dts - own) // 2)
        return wait_ms if is_soon else None

    def _note_changes(self, segment: OpenSegment, tracks: list[Track]) -> None:
        """Wish for a cut where a frame needs a header that is not at the segment's head."""
        for track in tracks:
            known = segment.states.get(track)
            if known is None:
                self.cuts.wish(CutReason.TRACK)
            elif known[:1] != track.state[:1]:
                self.cuts.wish(CutReason.PARAMETERS)

    def _settle(self, tracks: list[Track]) -> None:
        """Let the next ordinary frames of these tracks take the short way, if they may."""
        cutting = self._tracks.cutting
        for track in tracks:
            if self._previous is None and (track.kind == VIDEO or track is not cutting):
                track.slot = self._newest.slot(track)

    # Opening and closing.

    def _cut(
        self, reason: CutReason, base: int, now_ms: int, tracks: list[Track], *, is_entry: bool
    ) -> OpenSegment:
        """End the current segment before the frame at `base`, which is of `tracks`."""
        lagging = {
            track
            for track in self._tracks
            if track not in tracks and self._lags(track, base, until_keyframe=is_entry)
        }
        self._close_previous()
        old = self._newest
        self._lagging = lagging
        if lagging:
            self._previous = old
        else:
            self._close(old)
        self.cuts.made(reason, base)
        return self._open(reason, base, now_ms, is_entry=is_entry)

    def _lags(self, track: Track, base: int, *, until_keyframe: bool) -> bool:
        """Whether a track has frames, but none at or behind `base` yet, or no keyframe."""
        for segment in (self._previous, self._newest):
            last = None if segment is None else segment.last_dts(track)
            if last is not None:
                track.last_dts = last
        if track.last_dts is None or track.last_dts < base - SILENT_MS:
            return False
        return track.last_dts < base or (until_keyframe and track.kind == VIDEO)

    def _open(self, reason: CutReason, base: int, now_ms: int, *, is_entry: bool) -> OpenSegment:
        cutting = self._tracks.cutting
        newest = max(base, self._timeline.newest or base)
        self.cuts.rules = self.rules
        segment = OpenSegment(
            self._opened,
            base=base,
            due_dts=self.cuts.due_dts(base, newest),
            now_ms=now_ms,
            rules=self.rules,
            encoder=self._encoder,
            copied=self._copied,
            tracks=self._tracks.alive(newest),
            reason=reason,
            new_recording=reason in NEW_RECORDING,
            # Behind a suspension a late frame may lie before all that was written.
            position_ms=max(0, self.cuts.position_ms(base)),
            lost_ms=self._lost_ms,
            forced=not (is_entry and cutting is not None and cutting.can_start),
        )
        if not self._opened:
            segment.counts.update(self.anomalies)
        self._opened += 1
        self._lost_ms = 0
        self.current = segment
        for track in self._tracks:
            track.slot = None
        self.count("forced_segments", int(segment.is_forced))
        self._actions.append(segment.opened)
        return segment

    def _close_previous(self) -> None:
        if self._previous is not None:
            self._close(self._previous)
            self._previous = None
            self._lagging = set()

    def _close(self, segment: OpenSegment) -> None:
        self._flush(segment)
        self._is_past(segment)
        self._actions.append(segment.closed(self._copied))

    def _flush(self, segment: OpenSegment | None) -> None:
        appended = None if segment is None else segment.take()
        if appended is not None:
            self._actions.append(appended)

    def count(self, name: str, number: int = 1, *, segment: OpenSegment | None = None) -> None:
        """Count an anomaly or a correction, of this segment or else of the current one."""
        if not number:
            return
        self.anomalies[name] = self.anomalies.get(name, 0) + number
        segment = segment or self.current
        if segment is not None:
            segment.count(name, number)
