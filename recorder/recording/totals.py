"""What has become of all that a room was sent since the start of the process. Nothing here falls.

Owns the counts that no picture of now has: they are noted where a segment ends, a publish is over
or media are given up, and cost nothing at a message. Belongs to the event loop.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from recorder.histogram import Histogram
from recorder.recording.figures import RoomTotals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder.recording.manifest import Segment
    from recorder.recording.publish import Publish

SEGMENT_S: Final = (1.0, 10.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 86_400.0)
"""`segments.duration` is 1 s to 24 h, and mostly some minutes."""


class Totals:
    """Attributes:
    ended: segments by how they ended: `complete`, `recovered`, `suspect`, `aborted`.
    gaps: how many segments begin behind one.
    dropped_bytes: media that are in no file, by why: `buffer`: the disk did not take them in time;
        `policy`: it was not to.
    """

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.gaps = 0
        self.dropped_bytes: Counter[str] = Counter()
        self._segment_bytes = 0
        self._segment_seconds = Histogram(SEGMENT_S)
        self._frames: Counter[str] = Counter()
        self._clock_jumps = 0

    def closed(self, row: Segment) -> None:
        """A segment has got its final name."""
        self._count("complete", row)

    def repaired(self, row: Segment | None) -> None:
        """A segment that was written off is whole again; None: it is none."""
        if row is None:
            self.ended["aborted"] += 1
        else:
            self._count("suspect" if row.suspect else "recovered", row)

    def _count(self, result: str, row: Segment) -> None:
        self.ended[result] += 1
        self._segment_bytes += row.bytes
        self._segment_seconds.observe(row.duration_ms / 1000)

    def over(self, publish: Publish) -> None:
        """Nothing of it comes any more, and nothing waits."""
        self._frames += publish.segmenter.frames
        self._clock_jumps += publish.segmenter.clock_jumps

    def figures(self, publishes: Iterable[Publish], *, waits_s: float) -> RoomTotals:
        """All of it now.

        Args:
            publishes: those that are not over.
            waits_s: as of `RoomTotals`.
        """
        segmenters = [publish.segmenter for publish in publishes]
        return RoomTotals(
            frames=sum((each.frames for each in segmenters), self._frames),
            clock_jumps=self._clock_jumps + sum(each.clock_jumps for each in segmenters),
            ended=dict(self.ended),
            segment_bytes=self._segment_bytes,
            segment_seconds=self._segment_seconds.buckets,
            gaps=self.gaps,
            dropped_bytes=dict(self.dropped_bytes),
            waits_s=waits_s,
        )
