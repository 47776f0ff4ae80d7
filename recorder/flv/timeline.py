"""Places every frame of a publish on one 64-bit clock in milliseconds.

Raw RTMP times have 32 bits and senders do odd things with them: they wrap at 2^24, 2^31 (ffmpeg
and OBS, after 24.8 days) or 2^32, begin anywhere, step back a little, restart their clock in the
middle (protocol §2.4, §6 rows 1 to 7). Here a raw time becomes `dts`: monotonic per track,
without a wrap, and without a jump.

An *epoch* is one relation between raw time and dts: dts = raw + offset. A jump or a wrap on one
track makes a new epoch; the other tracks are offered it when their own no longer fits, so the
relation between sound and picture inside the sender's new clock is kept, however the tracks
interleave around the jump.

Only frames belong here. Headers, metadata and sequence ends carry times that mean nothing, often 0;
asking `TrackClock.advance` for an empty frame is safe, it moves only for a time that fits.

Knows no codec, no segment and no clock: whoever asks says how long nothing had come, because a long
step forward is a hole if it took that long to arrive, and a jump of the sender's clock if not.
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Final, TypeAlias

import attrs

REACH_MS: Final = 10_000
"""The longest step forward that is a hole in the stream and not a jump of the sender's clock."""

SLIP_MS: Final = 1_000
"""A step back shorter than this is disorder on the way, not a jump."""

USUAL_STEP_MS: Final = 33
"""How a frame follows its predecessor on a track where no step has been seen yet."""

LONGEST_USUAL_STEP_MS: Final = 1_000

WRAPS: Final = (1 << 24, 1 << 31, 1 << 32)
"""Where senders' clocks wrap: those that lose the extended timestamp, the FLV muxers, RTMP."""

_DTS: Final = attrgetter("dts")
_OFFSET: Final = attrgetter("offset")

_STALE: Final = -1
"""A reach no step has: every frame of the track is looked at."""

TrackId: TypeAlias = tuple[int, int]
"""(kind, number of the track)."""


@attrs.frozen
class Placement:
    """Where a frame lies, and what had to be done to put it there."""

    dts: int
    jump_ms: int | None = None
    """How far the sender's clock jumped, where this frame was the first to say so."""
    clamped_ms: int = 0
    """How far behind its track's last frame it claimed to lie; it was put at that one's time."""
    apart_ms: int = 0
    """How far a new track's clock lies from the others', where that is too far to be believed."""


class TrackClock:
    """One track's last frame and its present epoch."""

    __slots__ = ("dts", "offset", "raw", "reach", "step")

    def __init__(self, raw: int, dts: int) -> None:
        self.raw = raw
        self.dts = dts
        self.offset = dts - raw
        self.step = USUAL_STEP_MS
        self.reach = REACH_MS

    def advance(self, raw: int) -> int | None:
        """The dts of an ordinary next frame; None, and nothing moved, if it is not ordinary."""
        dts = raw + self.offset
        step = dts - self.dts
        if 0 <= step <= self.reach:
            if step:
                self.step = step
                self.raw = raw
                self.dts = dts
            return dts
        return None

    def is_near(self, raw: int) -> bool:
        """Whether a time lies so close that even what is no frame may be believed."""
        return abs(raw + self.offset - self.dts) <= SLIP_MS

    @property
    def usual_step(self) -> int:
        return min(self.step, LONGEST_USUAL_STEP_MS)


class Timeline:
    """The clocks of one publish."""

    def __init__(self) -> None:
        self._clocks: dict[TrackId, TrackClock] = {}
        self._offset = 0
        """Of the newest epoch."""

    @property
    def newest(self) -> int | None:
        """The dts of the newest frame of any track; None before the first."""
        return max(map(_DTS, self._clocks.values()), default=None)

    @property
    def track_count(self) -> int:
        """How many tracks have had a frame."""
        return len(self._clocks)

    @property
    def step(self) -> int:
        """How a frame has followed its predecessor, on whichever track that goes on they lie
        closest; 0 before the first."""
        newest = self.newest
        return min(
            (
                clock.step
                for clock in self._clocks.values()
                if newest is not None and newest - clock.dts <= SLIP_MS
            ),
            default=0,
        )

    def clock(self, track: TrackId) -> TrackClock | None:
        """The clock of a track that has had a frame."""
        return self._clocks.get(track)

    def place(self, track: TrackId, raw: int, *, waited_ms: int = 0) -> Placement:
        """Put a frame on the clock.

        Args:
            waited_ms: how long nothing had come before this frame, by a monotonic clock. A step
                forward that took that long to arrive is a hole, however large.
        """
        clock = self._clocks.get(track)
        if clock is None:
            return self._place_first(track, raw)
        dts = clock.advance(raw)
        if dts is not None:
            return Placement(dts)
        reach = REACH_MS + waited_ms
        for offset in (clock.offset, *_wrapped_offsets(clock, raw, reach)):
            if REACH_MS < raw + offset - clock.dts <= reach:
                return self._move(clock, raw, offset)
        return self._place_unusual(clock, raw)

    def _place_first(self, track: TrackId, raw: int) -> Placement:
        """A track begins: on the others' clock if it can be, else beside it."""
        if not self._clocks:
            self._clocks[track] = TrackClock(raw, raw)
            return Placement(raw)
        reference = max(self._clocks.values(), key=_DTS)
        newest = reference.dts
        for offset in (self._offset, *_wrapped_offsets(reference, raw)):
            if abs(raw + offset - newest) <= REACH_MS:
                clock = self._clocks[track] = TrackClock(raw, raw + offset)
                self._adopt(clock)
                return Placement(clock.dts)
        self._clocks[track] = TrackClock(raw, newest)
        return Placement(newest, apart_ms=raw + self._offset - newest)

    def _place_unusual(self, clock: TrackClock, raw: int) -> Placement:
        newest = max(map(_DTS, self._clocks.values()))
        offsets = [
            offset
            for offset in dict.fromkeys((clock.offset, self._offset))
            if _fits(raw + offset, clock.dts, newest)
        ] or [
            offset
            for offset in dict.fromkeys((*_wrapped_offsets(clock, raw), *self._older_offsets()))
            if _fits(raw + offset, clock.dts, newest)
        ]
        if not offsets:
            if self._ran_ahead(clock, raw):
                return Placement(clock.dts, clamped_ms=clock.dts - raw - clock.offset)
            return self._jump(clock, raw)
        # Both the own and the newest epoch may fit when a jump was small; the frame that
        # continues the track's rhythm tells which one its sender means.
        expected = clock.dts + clock.step
        offset = min(offsets, key=lambda offset: abs(raw + offset - expected))
        dts = raw + offset
        step = dts - clock.dts
        if step < 0:
            # The clock stays where it is: the next frame is measured from the same place.
            return Placement(clock.dts, clamped_ms=-step)
        return self._move(clock, raw, offset)

    def _move(self, clock: TrackClock, raw: int, offset: int) -> Placement:
        """The frame lies ahead of its track's last, in the epoch of this offset."""
        dts = raw + offset
        clock.step = (dts - clock.dts) or clock.step
        clock.raw, clock.dts, clock.offset = raw, dts, offset
        self._adopt(clock)
        return Placement(dts)

    def _jump(self, clock: TrackClock, raw: int) -> Placement:
        dts = clock.dts + clock.usual_step
        newest = max(map(_DTS, self._clocks.values()))
        if newest - dts > SLIP_MS:
            # It was silent meanwhile: beside the others, or it would lag behind them for good.
            dts = newest
        jump_ms = raw + clock.offset - dts
        clock.raw, clock.dts, clock.offset = raw, dts, dts - raw
        self._begin_epoch(clock)
        return Placement(dts, jump_ms=jump_ms)

    def _older_offsets(self) -> Iterator[int]:
        """Of the epochs that the tracks are in, whichever is newest."""
        return map(_OFFSET, self._clocks.values())

    def _ran_ahead(self, clock: TrackClock, raw: int) -> bool:
        """Whether the track's last frame, not this one, was the odd one: this one lies by the
        others, in the epoch they share."""
        dts = raw + clock.offset
        return clock.step > SLIP_MS and any(
            other is not clock and other.offset == clock.offset and abs(dts - other.dts) <= SLIP_MS
            for other in self._clocks.values()
        )

    def _adopt(self, clock: TrackClock) -> None:
        """Settle which epoch a clock that has just moved is in."""
        if clock.offset > self._offset and clock.offset - self._offset in WRAPS:
            self._begin_epoch(clock)
        else:
            clock.reach = REACH_MS if clock.offset == self._offset else _STALE

    def _begin_epoch(self, clock: TrackClock) -> None:
        self._offset = clock.offset
        for other in self._clocks.values():
            other.reach = _STALE
        clock.reach = REACH_MS


def _fits(dts: int, last: int, newest: int) -> bool:
    """Whether a frame can lie there: near its track's last, or ahead of it and near the newest of
    all. The second is a track that was silent while others went on."""
    step = dts - last
    return -SLIP_MS < step <= REACH_MS or (step > 0 and abs(dts - newest) <= REACH_MS)


def _wrapped_offsets(clock: TrackClock, raw: int, reach: int = REACH_MS) -> Iterator[int]:
    """The offsets under which `raw` lies on the other side of a wrap from the clock's last frame:
    one of them just before the wrap, the other just after it, in either order."""
    for modulus in WRAPS:
        if modulus - reach <= clock.raw < modulus and raw < reach:
            yield clock.offset + modulus
        elif modulus - reach <= raw < modulus and clock.raw < reach:
            yield clock.offset - modulus
