"""What is in a file: collected tag by tag, in the same way by writing and by rescanning.

The writer, recovery, verification and the tests all ask this class how long a file lasts, which
tracks it has and where its keyframes lie, so they cannot disagree. It is told what stands in the
file, not where that came from.

Memory is bounded: the index is thinned by halves as it grows, tracks are at most 256 of a kind.
"""

from array import array
from typing import Final

from recorder.flv.codecs import Part, Role, classify, split_tracks
from recorder.flv.parameters import TrackParameters, parameters
from recorder.flv.scanner import HEAD_BYTES
from recorder.flv.script import MAX_INDEX_ENTRIES, HeadValues, IndexEntry
from recorder.flv.tags import AUDIO, FILE_HEADER_BYTES, SCRIPT, TAG_OVERHEAD, VIDEO

LONGEST_LAST_FRAME_MS: Final = 1_000
"""A track's last frame is taken to last as long as the one before it, but no longer than this."""


class TrackSummary:
    """One track of a file."""

    __slots__ = ("codec", "frames", "kind", "last_ms", "number", "parameters", "step_ms")

    def __init__(self, kind: int, number: int, codec: str) -> None:
        self.kind = kind
        self.number = number
        self.codec = codec
        self.parameters: TrackParameters | None = None
        self.frames = 0
        self.last_ms = -1
        self.step_ms = 0

    @property
    def end_ms(self) -> int:
        """When the track's last frame ends; 0 for a track without frames."""
        return max(0, self.last_ms) + min(self.step_ms, LONGEST_LAST_FRAME_MS)


class SegmentSummary:
    """Feed it every tag of a file in order, the head's included; by `frame` or by `add`."""

    def __init__(self) -> None:
        self.tracks: dict[tuple[int, int], TrackSummary] = {}
        self.file_bytes = FILE_HEADER_BYTES
        self.audio_bytes = 0
        self.video_bytes = 0
        self.keyframes = 0
        """Of the indexed track, all of them, whether or not the index still names them."""
        self._indexed: TrackSummary | None = None
        self._first_header: IndexEntry | None = None
        self._last_keyframe: IndexEntry | None = None
        self._index_ms = array("q")
        self._index_offsets = array("q")
        self._stride = 1

    def frame(self, track: TrackSummary, ms: int, size: int) -> None:
        """A frame of one track: not its first, and no keyframe. The short way of `add`."""
        track.frames += 1
        step = ms - track.last_ms
        if step > 0:
            track.step_ms = step
            track.last_ms = ms
        size += TAG_OVERHEAD
        self.file_bytes += size
        if track.kind == VIDEO:
            self.video_bytes += size
        else:
            self.audio_bytes += size

    def add(self, kind: int, ms: int, head: bytes, size: int, parts: tuple[Part, ...]) -> None:
        """Any tag.

        Args:
            head: the body, or so much of it as a `ScannedTag` keeps.
            size: of the body.
            parts: what `classify` says of it; () for a script tag.
        """
        offset = self.file_bytes
        self.file_bytes += size + TAG_OVERHEAD
        if kind == SCRIPT:
            return
        if kind == VIDEO:
            self.video_bytes += size + TAG_OVERHEAD
        else:
            self.audio_bytes += size + TAG_OVERHEAD
        if any(part.role is Role.SEQUENCE_START for part in parts):
            for body in split_tracks(kind, head):
                self._header(kind, body, IndexEntry(ms, offset))
            return
        for part in parts:
            if part.role is Role.FRAME:
                track = self.track(kind, part)
                self._moment(track, ms)
                track.frames += 1
                if not _is_known(track.parameters) and len(parts) == 1:
                    self._look_into_frame(track, part, head)
                if part.keyframe and track is self._indexed:
                    self._keyframe(IndexEntry(ms, offset))
            elif part.role is Role.EMPTY and (kind, part.track) in self.tracks:
                self._moment(self.tracks[kind, part.track], ms)

    def track(self, kind: int, part: Part) -> TrackSummary:
        """The summary of a part's track; it begins here if there is none."""
        track = self.tracks.get((kind, part.track))
        if track is None:
            track = self.tracks[kind, part.track] = TrackSummary(kind, part.track, part.codec)
            if kind == VIDEO and (self._indexed is None or part.track < self._indexed.number):
                self._index(track)
        return track

    @property
    def duration_ms(self) -> int:
        """From 0 to the end of the frame that ends last."""
        return max((track.end_ms for track in self.tracks.values()), default=0)

    @property
    def last_ms(self) -> int:
        """The greatest time of a frame; 0 without frames."""
        return max(
            (track.last_ms for track in self.tracks.values() if track.last_ms > 0), default=0
        )

    def played_tracks(self) -> list[TrackSummary]:
        """The tracks that have frames: video first, by their numbers."""
        played = [track for track in self.tracks.values() if track.frames]
        return sorted(played, key=lambda track: (-track.kind, track.number))

    def head_values(self) -> HeadValues:
        kinds = {track.kind for track in self.played_tracks()}
        return HeadValues(
            duration_ms=self.duration_ms,
            file_bytes=self.file_bytes,
            has_audio=AUDIO in kinds,
            has_video=VIDEO in kinds,
            audio_bytes=self.audio_bytes,
            video_bytes=self.video_bytes,
            last_ms=self.last_ms,
            last_keyframe=self._last_keyframe,
            index=self.index(),
        )

    def index(self) -> list[IndexEntry]:
        """Where the default video track can be entered: its sequence header, then keyframes.

        mpegts.js takes the first entry for the sequence header and seeks with the others. Where
        the codec has no header the first entry is a keyframe like the rest: naming it twice makes
        ffmpeg distrust the whole index.
        """
        if not self._index_ms:
            return []
        entries = map(IndexEntry, self._index_ms, self._index_offsets)
        return [*([self._first_header] if self._first_header else []), *entries]

    def _header(self, kind: int, body: bytes, entry: IndexEntry) -> None:
        part = classify(kind, body)[0]
        if part.role is not Role.SEQUENCE_START:
            return
        track = self.track(kind, part)
        if not track.frames or not _is_known(track.parameters):
            track.codec = part.codec
            track.parameters = parameters(kind, body)
        if track is self._indexed and self._first_header is None and not self._index_ms:
            self._first_header = entry

    def _look_into_frame(self, track: TrackSummary, part: Part, head: bytes) -> None:
        """The first frame tells what no sequence header told, in codecs that have none."""
        if part.keyframe or (track.kind == AUDIO and track.frames == 1):
            found = parameters(track.kind, head[:HEAD_BYTES])
            if _is_known(found):
                track.parameters = found

    def _moment(self, track: TrackSummary, ms: int) -> None:
        step = ms - track.last_ms
        if step > 0:
            if track.last_ms >= 0:
                track.step_ms = step
            track.last_ms = ms

    def _index(self, track: TrackSummary) -> None:
        """Index this track from here on: a lower number than that of the one before."""
        self._indexed = track
        self._first_header = self._last_keyframe = None
        self._index_ms, self._index_offsets = array("q"), array("q")
        self.keyframes, self._stride = 0, 1

    def _keyframe(self, entry: IndexEntry) -> None:
        self._last_keyframe = entry
        if self.keyframes % self._stride == 0:
            if len(self._index_ms) == MAX_INDEX_ENTRIES:
                # Every second goes, the first stays; from here on every second is taken. The
                # number of entries is even, so that this one is.
                del self._index_ms[1::2], self._index_offsets[1::2]
                self._stride *= 2
            self._index_ms.append(entry.ms)
            self._index_offsets.append(entry.offset)
        self.keyframes += 1


def _is_known(found: TrackParameters | None) -> bool:
    return found is not None and (found.width is not None or found.sample_rate is not None)
