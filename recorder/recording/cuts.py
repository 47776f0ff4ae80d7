"""When to cut, and for which reason (design §7). Pure decisions over one publish.

Owns what has been wished for and what has been learnt (the largest group of pictures, where the
recording began). Does not open or close anything.
"""

from collections import deque
from typing import Final

from recorder.recording.actions import CutReason, SegmentRules
from recorder.recording.segment import OpenSegment

SIZE_RESERVE: Final = 1.25
"""The next group of pictures may be so many times larger than the largest so far."""

MOST_RESERVED: Final = 0.5
"""Of the size: one huge group must not make a file of its own of every small one after it."""

FLAPPING_CUTS: Final = 3
FLAPPING_MS: Final = 30_000
"""A sender that changes its parameters, its tracks or its clock all the time gets so many files for
it in this time, of media or of arrival: a phone that adapts its picture to the line does so every
ten seconds, and some hundred files an hour can still be listed, checked and played. In between new
headers are written where they come: no frame is lost, and players that do not follow them show the
picture again from the next file on. The wish stays, so that who comes to rest gets that file."""

NEW_RECORDING: Final = frozenset({CutReason.SPLIT, CutReason.MAX_DURATION})

# Asked in this order: one cut answers all wishes, and has one reason.
_WISHES: Final = (
    CutReason.PARAMETERS,
    CutReason.TRACK,
    CutReason.JUMP,
    CutReason.DISK,
    CutReason.FIRST_KEYFRAME,
)

_MAY_FLAP: Final = frozenset({CutReason.PARAMETERS, CutReason.TRACK, CutReason.JUMP})


class Cuts:
    """The cuts of one publish.

    Args:
        position_ms: what the recording already lasts when the publish begins.
    """

    def __init__(self, rules: SegmentRules, position_ms: int) -> None:
        self.rules = rules
        """Those of the newest segment."""
        self._wishes: set[CutReason] = set()
        self._is_new_wish = False
        self._refused = 0
        self._largest_group = 0
        self._flaps: deque[tuple[int, int]] = deque(maxlen=FLAPPING_CUTS)
        """When the last cuts were made that a sender can ask for at every frame: dts, arrival."""
        self._origin = -position_ms
        self._has_started = False

    def wish(self, reason: CutReason) -> None:
        """A cut is wanted at the next frame that a segment can begin with."""
        self._wishes.add(reason)
        self._is_new_wish = True

    def take_refused(self) -> int:
        """How many wishes were not answered because there are too many, since last asked."""
        refused, self._refused = self._refused, 0
        return refused

    def continue_at(self, position_ms: int) -> None:
        """What the recording lasts is known only now; the first segment has not begun."""
        self._origin = -position_ms

    def start(self, base: int) -> None:
        """The media begin at this time, also those that no segment has; said once, or once more
        behind `begin_anew`."""
        if not self._has_started:
            self._has_started = True
            self._origin += base

    def begin_anew(self) -> None:
        """What was recorded so far is gone, and another recording begins with what comes next."""
        self._origin, self._has_started = 0, False

    def suspend(self, origin: int | None) -> None:
        """No segment is open any more, and the next begins by itself. What lies before it was
        written already; only what an operator wished for still holds.

        Args:
            origin: the dts at which the recording begins that goes on, if it is another than the
                one of the last cut.
        """
        self._wishes &= {CutReason.SPLIT}
        if origin is not None:
            self._origin, self._has_started = origin, True

    def position_ms(self, dts: int) -> int:
        """Where in its recording a frame lies."""
        return dts - self._origin

    def made(self, reason: CutReason, base: int) -> None:
        """A cut was made: all wishes are answered."""
        self._wishes.clear()
        if reason in NEW_RECORDING:
            self._origin = base

    def due_dts(self, base: int, newest: int) -> int:
        """The media time at which a segment with this base is long enough.

        Args:
            newest: the newest frame; the wall clock's boundary is counted from now.
        """
        wait_ms = self.rules.boundary() if self.rules.boundary is not None else None
        return base + self.rules.duration_ms if wait_ms is None else newest + wait_ms

    def reason(
        self, segment: OpenSegment, dts: int, now_ms: int, *, is_entry: bool
    ) -> CutReason | None:
        """Why to cut before the frame at `dts`; None to go on.

        Args:
            is_entry: a segment can begin with this frame.
        """
        if is_entry:
            self._measure_group(segment)
        forced = self._forced(segment, dts, now_ms)
        if not segment.has_frames or not (is_entry or forced):
            return None
        if CutReason.SPLIT in self._wishes:
            return CutReason.SPLIT
        if self.position_ms(dts) >= self.rules.max_duration_ms:
            return CutReason.MAX_DURATION
        if not is_entry:
            return forced
        return self._wished(dts, now_ms) or self._full(segment, dts, now_ms)

    def _wished(self, dts: int, now_ms: int) -> CutReason | None:
        wishes = self._wishes
        if wishes & _MAY_FLAP and self._is_flapping(dts, now_ms):
            self._refused += self._is_new_wish
            self._is_new_wish = False
            wishes = wishes - _MAY_FLAP
        reason = next((reason for reason in _WISHES if reason in wishes), None)
        if reason in _MAY_FLAP:
            self._flaps.append((dts, now_ms))
        return reason

    def _is_flapping(self, dts: int, now_ms: int) -> bool:
        if len(self._flaps) < FLAPPING_CUTS:
            return False
        first_dts, first_ms = self._flaps[0]
        return dts - first_dts < FLAPPING_MS and now_ms - first_ms < FLAPPING_MS

    def _full(self, segment: OpenSegment, dts: int, now_ms: int) -> CutReason | None:
        if dts >= segment.due_dts or now_ms >= segment.due_ms:
            return CutReason.DURATION
        size = self.rules.size_bytes
        reserved = min(SIZE_RESERVE * self._largest_group, MOST_RESERVED * size)
        return CutReason.SIZE if segment.summary.file_bytes + reserved > size else None

    def _forced(self, segment: OpenSegment, dts: int, now_ms: int) -> CutReason | None:
        if dts >= segment.force_dts or now_ms >= segment.force_ms:
            return CutReason.FORCED_DURATION
        if segment.summary.file_bytes >= segment.force_bytes:
            return CutReason.FORCED_SIZE
        return None

    def _measure_group(self, segment: OpenSegment) -> None:
        size = segment.summary.file_bytes - segment.group_offset
        segment.group_offset = segment.summary.file_bytes
        self._largest_group = max(self._largest_group, size)
