"""The times that viewers are sent: one clock that neither jumps nor goes back. Pure.

An encoder's clock restarts, wraps and jumps in the middle of a lesson, and one that comes back or
takes a room over has another clock. A player that is sent such times shows nothing until its own
clock has come to them, or stops. So a frame gets the time that it would have in the recording
(`Timeline`), and each publish goes on where the one before it ended, as much later as it came
later.

Knows no clock: whoever asks says when a message has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.flv.codecs import Role
from recorder.flv.timeline import USUAL_STEP_MS, Timeline
from recorder.recording.tracks import MOST_TRACKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.flv.codecs import Part
    from recorder.flv.timeline import TrackId

MODULUS: Final = 1 << 32
"""Of times on the wire (RTMP specification, 5.3.1)."""


class RelayTimes:
    """Of one audience, from its first viewer to its last. The first frame keeps its own time."""

    def __init__(self) -> None:
        self._timeline = Timeline()
        self._shift = 0
        """From the timeline of the present publish to what is sent."""
        self._newest: int | None = None
        """Sent; None before the first frame."""
        self._floor = 0
        """The newest of the publish before: the tracks of the next one begin behind it."""
        self._arrived_ms = 0
        self._is_anew = False

    def begin_anew(self) -> None:
        """What comes next is of another publish, with a clock of its own."""
        self._timeline = Timeline()
        self._is_anew = self._newest is not None
        self._floor = self._newest or 0

    def frame(self, kind: int, parts: Sequence[Part], timestamp: int, now_ms: int) -> int:
        """The time, modulo 2**32, of one audio or video message. What is no frame has the last one
        of its track, and so has what is of too many tracks.

        Args:
            timestamp: as on the wire.
            now_ms: a monotonic clock.
        """
        framed = [(kind, part.track) for part in parts if part.role is Role.FRAME]
        if not framed or not self._have_place(framed):
            clock = self._timeline.clock((kind, parts[0].track))
            return self.other(timestamp) if clock is None else self._sent(clock.dts) % MODULUS
        waited_ms = 0 if self._newest is None else now_ms - self._arrived_ms
        self._arrived_ms = now_ms
        dts = 0
        for track in reversed(framed):
            dts = self._timeline.place(track, timestamp, waited_ms=waited_ms).dts
        if self._is_anew:
            self._is_anew = False
            self._shift = self._floor + max(waited_ms, USUAL_STEP_MS) - dts
        sent = self._sent(dts)
        self._newest = sent if self._newest is None else max(sent, self._newest)
        return sent % MODULUS

    def _have_place(self, tracks: Sequence[TrackId]) -> bool:
        """Of more tracks than are recorded none has a clock here either: each frame would have to
        be held against all of them."""
        new = sum(self._timeline.clock(track) is None for track in tracks)
        return not new or self._timeline.track_count + new <= 2 * MOST_TRACKS

    def other(self, timestamp: int) -> int:
        """The same of a message that is of no track, whose own time is not believed."""
        return timestamp if self._newest is None else self._newest % MODULUS

    def _sent(self, dts: int) -> int:
        return max(self._floor, dts + self._shift)
