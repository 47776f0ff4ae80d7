"""The tracks of one publish, and what each must replay at the head of a segment.

Owns what a track's newest sequence header, metadata and channel layout are, which track a segment
is cut by, and how much of all that may be remembered. Does not know segments: each of them notes
for itself which state it has written (`Track.state`), and so a state that changes while two
segments are open, or that nothing ever follows, needs no thought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.flv.codecs import Part, Role, config_record, needs_config
from recorder.flv.tags import AUDIO, VIDEO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.flv.summary import TrackSummary
    from recorder.flv.timeline import TrackClock

HEADERS: Final = frozenset({Role.SEQUENCE_START, Role.METADATA, Role.MULTICHANNEL_CONFIG})
"""What a track's state is made of."""

SILENT_MS: Final = 10_000
"""A track without a frame for so long, while others have some, is silent: no segment waits for it,
none is cut by it, and none declares it at its head."""

STATE_BYTES: Final = 1 << 20
"""Of all tracks together, written at every head. A real header has some hundred bytes."""


MOST_TRACKS: Final = 32
"""Of a kind. Real senders have up to ten. The format has room for 256, and then each message would
have to be looked at beside 512 clocks and headers."""


class Track:
    """One track of a publish."""

    __slots__ = (
        "_other_codecs",
        "clock",
        "codec",
        "config",
        "extras",
        "id",
        "key_distance",
        "key_dts",
        "kind",
        "last_dts",
        "number",
        "past_frames",
        "past_slot",
        "remembered_bytes",
        "slot",
        "state",
    )

    def __init__(self, kind: int, number: int) -> None:
        self.kind = kind
        self.number = number
        self.id = kind, number
        self.codec = ""
        self.clock: TrackClock | None = None
        """None before the first frame."""
        self.config: bytes | None = None
        self.extras: dict[Role, bytes] = {}
        self._other_codecs: dict[str, tuple[bytes | None, dict[Role, bytes]]] = {}
        self.state: tuple[bytes, ...] = ()
        """The newest sequence header, if there is one, and what goes with it."""
        self.remembered_bytes = 0
        """Of headers, those for other codecs included."""
        self.key_distance: int | None = None
        """Between its last two keyframes in a file, in ms."""
        self.key_dts: int | None = None
        """Of its last keyframe in a file."""
        self.last_dts: int | None = None
        """Of its last frame in a file, as of the last cut."""
        self.past_frames = 0
        """In segments that are not open any more."""
        self.past_slot: TrackSummary | None = None
        """What the last of those with frames of it holds of the track."""
        self.slot: TrackSummary | None = None
        """Where ordinary frames are counted; None while each frame must be looked at: its track
        is new, its state has changed, two segments are open, every frame may be cut at."""

    @property
    def can_start(self) -> bool:
        """Whether a decoder that is given `state` and then a keyframe can begin."""
        return self.is_configured or not needs_config(self.codec)

    @property
    def is_configured(self) -> bool:
        """Whether a sequence header with something in it is known."""
        return self.config is not None and bool(config_record(self.kind, self.config))

    def knows(self, role: Role, codec: str, body: bytes) -> bool:
        """Whether this header says nothing new. Of a sequence header only the record counts, not
        what else its message says, which players ignore."""
        if role is not Role.SEQUENCE_START:
            return self.extras.get(role) == body
        return (
            codec == self.codec
            and self.config is not None
            and config_record(self.kind, self.config) == config_record(self.kind, body)
        )

    def learn(self, role: Role, codec: str, body: bytes) -> None:
        """Take a header of the track as its newest state."""
        self.use_codec(codec)
        if role is Role.SEQUENCE_START:
            self.config = body
        else:
            self.extras[role] = body
        self._renew_state()

    def use_codec(self, codec: str) -> None:
        """Frames or a header of this codec come. The state of another one is void, but kept: a
        single damaged frame must not cost the headers of all that follows."""
        if codec != self.codec:
            if self.codec:
                self._other_codecs[self.codec] = (self.config, self.extras)
            self.config, self.extras = self._other_codecs.pop(codec, (None, {}))
            self.codec = codec
            self._renew_state()

    def _count_bytes(self) -> int:
        others = self._other_codecs.values()
        configs = [self.config, *(config for config, _ in others)]
        extras = [self.extras, *(extras for _, extras in others)]
        return sum(len(config) for config in configs if config is not None) + sum(
            len(body) for bodies in extras for body in bodies.values()
        )

    def _renew_state(self) -> None:
        config = () if self.config is None else (self.config,)
        self.state = (*config, *self.extras.values())
        self.remembered_bytes = self._count_bytes()
        self.slot = None


class Tracks:
    """All tracks, by kind and number."""

    def __init__(self) -> None:
        self.by_kind: dict[int, dict[int, Track]] = {VIDEO: {}, AUDIO: {}}
        self.cutting: Track | None = None
        """The track whose frames a segment can begin with: the first video track that is not
        silent; without one, the first such audio track."""
        self._ordered: tuple[Track, ...] = ()
        self._resumed_dts = 0
        """Where media of any track last came again after a pause of all."""

    def __iter__(self) -> Iterator[Track]:
        """Video before audio, by number."""
        return iter(self._ordered)

    def get(self, kind: int, part: Part) -> Track:
        """The track of a part; it begins here if there is none."""
        numbered = self.by_kind[kind]
        track = numbered.get(part.track)
        if track is None:
            track = numbered[part.track] = Track(kind, part.track)
            self._ordered = tuple(
                numbered[number]
                for numbered in (self.by_kind[VIDEO], self.by_kind[AUDIO])
                for number in sorted(numbered)
            )
        return track

    def have_place(self, kind: int, parts: tuple[Part, ...]) -> bool:
        """Whether all tracks that these parts are of may be had."""
        numbered = self.by_kind[kind]
        new = {part.track for part in parts if part.role is not Role.UNKNOWN} - numbered.keys()
        return len(numbered) + len(new) <= MOST_TRACKS

    def resumed(self, dts: int) -> None:
        """Media come again after a pause of all tracks: none of them was silent."""
        self._resumed_dts = dts

    def is_alive(self, track: Track, newest: int) -> bool:
        """Whether a track has frames and is not silent, where the newest of any track is so new."""
        clock = track.clock
        return clock is not None and max(clock.dts, self._resumed_dts) >= newest - SILENT_MS

    def leading(self, newest: int) -> Track | None:
        """Which track is to be cut by where the newest frame is so new; None before any."""
        return next((track for track in self if self.is_alive(track, newest)), None)

    def choose_cutting(self, newest: int) -> None:
        """Settle which track is cut by, now that there is a frame so new."""
        chosen = self.leading(newest)
        if chosen is not None and chosen is not self.cutting:
            chosen.slot = None
            self.cutting = chosen

    @property
    def expects_video(self) -> bool:
        """Whether video has come, or a header that announces it."""
        return any(track.clock is not None or track.state for track in self.by_kind[VIDEO].values())

    def alive(self, newest: int) -> list[Track]:
        """The tracks that a segment declares at its head: those with frames that are not silent.
        Of another ffmpeg would say that it cannot find its size or its format."""
        return [track for track in self if self.is_alive(track, newest)]

    @staticmethod
    def head_state(alive: list[Track]) -> list[tuple[Track, bytes]]:
        """These tracks' state in the order of a segment's head (protocol §5.9 rule 2): of each
        kind first the sequence headers, then what goes with them."""
        state: list[tuple[Track, bytes]] = []
        for kind in (VIDEO, AUDIO):
            tracks = [track for track in alive if track.kind == kind]
            state += [(track, track.config) for track in tracks if track.config is not None]
            state += [(track, extra) for track in tracks for extra in track.extras.values()]
        return state

    def has_room(self, body: bytes) -> bool:
        """Whether a header can be remembered."""
        return sum(track.remembered_bytes for track in self) + len(body) <= STATE_BYTES
