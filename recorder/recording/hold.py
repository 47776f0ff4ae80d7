"""The start of a publish: what came is held until it is known how the first segment begins.

Owns what is held and the decision to wait or to start; the segmenter plays back what is held
through the same code that live media take. Nothing that was held is dropped: when the wait ends
without what it waited for, the first segment begins with what is there, and is marked.
"""

from typing import Final

import attrs

from recorder.flv.codecs import Part, Role
from recorder.flv.tags import VIDEO
from recorder.recording.actions import CutReason, Headers
from recorder.recording.tracks import HEADERS, Track, Tracks

SETTLED_MEDIA_MS: Final = 500
"""The first base is the smallest DTS of so much media: tracks begin at different times, and a
segment cannot begin twice."""

SETTLED_ARRIVAL_MS: Final = 1_000
"""…or of what came in this time, from a sender that is slow to begin."""

LONGEST_HOLD_MS: Final = 10_000
"""In media or in arrival: for a keyframe, for announced video, for a missing sequence header."""

MOST_HELD_BYTES: Final = 8 << 20

MOST_HELD_PARTS: Final = 8192
"""Of messages, one for each track: all of them are played back at once, when the first segment
begins. Sixteen tracks together send so many in ten seconds."""

ITEM_BYTES: Final = 200
"""What a held message costs beside its body, so that empty messages are bounded too."""


@attrs.frozen
class Held:
    """One message, in the order of arrival."""

    role: Role | None
    """None for a script tag."""
    kind: int
    parts: tuple[Part, ...]
    body: bytes
    dts: int | None = None
    """None where the message has no time of its own and its track has none yet."""
    wish: CutReason | None = None
    """Why a segment should begin with it, or at the next frame that one can begin with."""
    lost_ms: int = 0
    """So much media before it were given up."""


class Hold:
    """What is held, for `tracks`."""

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        self.items: list[Held] = []
        self.bytes = 0
        self._parts = 0
        self.video_is_announced = False
        """By metadata, which may be wrong: waited for like a sequence header's word."""
        self.first_dts = 0
        """The smallest of all frames, once there is one."""
        self._last_dts = 0
        self._since_ms: int | None = None
        self._begins_with_keyframe: dict[Track, bool] = {}
        """Of every track that has frames, in the order in which they began."""
        self._keyed: set[Track] = set()
        self._with_later_headers: set[Track] = set()

    def add(self, item: Held) -> None:
        self.items.append(item)
        self.bytes += len(item.body) + ITEM_BYTES
        self._parts += max(1, len(item.parts))

    def add_frame(self, item: Held, tracks: list[Track], now_ms: int) -> None:
        """A frame of these tracks, which has its time; all of them are keyframes or none."""
        self.add(item)
        dts = 0 if item.dts is None else item.dts
        if self._since_ms is None:
            self._since_ms = now_ms
            self.first_dts = self._last_dts = dts
        self.first_dts = min(self.first_dts, dts)
        self._last_dts = max(self._last_dts, dts)
        is_keyframe = any(part.keyframe for part in item.parts)
        for track in tracks:
            self._begins_with_keyframe.setdefault(track, is_keyframe)
        if is_keyframe:
            self._keyed.update(tracks)

    def add_header(self, item: Held, track: Track) -> None:
        self.add(item)
        self._with_later_headers.add(track)

    def keeps_header(self, track: Track, part: Part, body: bytes) -> bool:
        """Whether a header must wait here: frames are held that need what is known before it."""
        if track in self._with_later_headers:
            return True
        if track not in self._begins_with_keyframe or track.knows(part.role, part.codec, body):
            return False
        return track.is_configured or track.codec != part.codec

    @property
    def later_headers(self) -> Headers:
        """Those that wait here, in the order of arrival."""
        return tuple((item.kind, item.body) for item in self.items if item.role in HEADERS)

    @property
    def has_any_frame(self) -> bool:
        return self._since_ms is not None

    def drop_script_flood(self) -> int:
        """Drop what is held if it is too much and none of it a frame; how many messages."""
        if self._since_ms is not None or not self._is_full:
            return 0
        dropped = len(self.items)
        self.items.clear()
        self.bytes = self._parts = 0
        return dropped

    def is_over(self, now_ms: int) -> bool:
        """Whether the first segment can begin, or must."""
        if self._since_ms is None:
            return False
        media_ms = self._last_dts - self.first_dts
        arrival_ms = now_ms - self._since_ms
        if max(media_ms, arrival_ms) >= LONGEST_HOLD_MS or self._is_full:
            return True
        settled = media_ms >= SETTLED_MEDIA_MS or arrival_ms >= SETTLED_ARRIVAL_MS
        return settled and self._can_start

    @property
    def _is_full(self) -> bool:
        return self.bytes >= MOST_HELD_BYTES or self._parts >= MOST_HELD_PARTS

    @property
    def _can_start(self) -> bool:
        track = self._tracks.cutting
        if track is None or not self.can_begin_with(track):
            return False
        return track.kind != VIDEO or track in self._keyed

    def can_begin_with(self, track: Track) -> bool:
        """Whether it need not be waited for anything else than a frame of this track."""
        if not track.can_start:
            return False
        return track.kind == VIDEO or not (self.video_is_announced or self._tracks.expects_video)

    @property
    def has_undecodable_lead(self) -> bool:
        """Whether picture comes before the first keyframe, of any track or of the default one.
        Where none has come yet, though it is what segments are cut by, the next may be any."""
        track = self._tracks.cutting
        if track is None or track.kind != VIDEO:
            return False
        begins = self._begins_with_keyframe
        first = next((track for track in begins if track.kind == VIDEO), track)
        return not (begins.get(first, False) and begins.get(track, False))
