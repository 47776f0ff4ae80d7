"""One publish as the recording side sees it: its segmenter, and where its segments lie.

Owns what must be known to put media back that did not reach the disk: which of them are still on
their way, and whether the publish has anything in a file yet. The room keeps a publish until all
of it is written, also when its publisher has long gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.flv.tags import read_tags
from recorder.recording.actions import CutReason
from recorder.recording.operations import Append, OpenSegment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recorder.clock import Clock
    from recorder.recording.manifest import Client, Gap
    from recorder.recording.operations import Operation
    from recorder.recording.recording import LiveRecording
    from recorder.recording.segmenter import Segmenter


@attrs.frozen
class Place:
    """Where a segment of a publish lies."""

    recording: LiveRecording
    file: int


@attrs.define(eq=False)
class Publish:
    """Attributes:
    start_utc_ns: the wall clock at its first media, or where its present recording was split;
        `start_ms` the monotonic one, which positions in the recording count from.
    recording: the one that its newest segment was opened in; None: none yet.
    gap: before its first segment, where it continues a recording.
    is_placed: its segmenter knows where in the recording it begins.
    has_opened: its first segment was given a file, which has the gap.
    has_begun: and that is on the disk.
    on_its_way: how many of its appends have not landed.
    left_ms: when it was over, by the monotonic clock: nothing comes any more.
    ended: its recording ends behind it: the reason, and when.
    has_lost_recording: somebody has removed it, and the next segment begins another.
    """

    client: Client
    segmenter: Segmenter
    start_utc_ns: int
    start_ms: int
    gap: Gap | None
    is_placed: bool
    has_opened: bool = False
    has_begun: bool = False
    on_its_way: int = 0
    left_ms: int | None = None
    recording: LiveRecording | None = None
    ended: tuple[str, str] | None = None
    is_suspended: bool = False
    has_lost_recording: bool = False
    places: dict[int, Place] = attrs.field(factory=dict)

    @property
    def has_left(self) -> bool:
        return self.left_ms is not None

    def begin_recording(self, dts: int, clock: Clock) -> None:
        """Another recording begins with this frame, which may have waited long for the disk."""
        now_ms = clock.monotonic_ms()
        newest_ms = now_ms if self.left_ms is None else self.left_ms
        self.start_ms = newest_ms - max(0, (self.segmenter.newest_dts or dts) - dts)
        self.start_utc_ns = clock.utc_ns() - (now_ms - self.start_ms) * 1_000_000

    def lose_recording(self) -> None:
        """While suspended: its recording is gone, and no place in it means anything any more."""
        self.has_lost_recording, self.is_placed = True, False
        self.segmenter.begin_anew()

    def suspend(self, lost: Sequence[Operation]) -> dict[str, int]:
        """The disk takes nothing; of these operations none was carried out.

        Returns:
            Counts for the manifest that its open segments can no longer bring.
        """
        own = [each for each in lost if isinstance(each, Append) and each.owner is self]
        self.on_its_way -= len(own)
        appended = [each.appended for each in own]
        reason = CutReason.DISK if self.has_opened else CutReason.START
        if own and _is_opened_by(lost, own[0]):
            reason = appended[0].opened.reason
        if not self.has_begun:
            self.has_opened = False
        self.places.clear()
        if self.is_suspended:
            self.segmenter.put_back(appended, reason)
            return {}
        self.is_suspended = True
        return self.segmenter.suspend(appended, reason)

    def pause(self) -> None:
        """Nothing more shall be written for now; what is open is closed, and its actions wait in
        the segmenter to be carried out."""
        self.segmenter.pause(CutReason.DISK if self.has_opened else CutReason.START)
        self.is_suspended = True

    @property
    def backlog_bytes(self) -> int:
        """Memory of what waits for the disk."""
        backlog = self.segmenter.backlog
        return 0 if backlog is None else backlog.bytes

    @property
    def kept_ms(self) -> int:
        """How much media wait for the disk."""
        backlog = self.segmenter.backlog
        return 0 if backlog is None else backlog.span_ms

    @property
    def unwritten_ms(self) -> int:
        """How much media wait for the disk, or were given up."""
        backlog = self.segmenter.backlog
        return 0 if backlog is None else backlog.span_ms + backlog.lost_ms

    @property
    def lost(self) -> tuple[int, int]:
        """How much media were given up, in ms and in bytes."""
        backlog = self.segmenter.backlog
        return (0, 0) if backlog is None else (backlog.lost_ms, backlog.given_up_bytes)

    @property
    def is_written(self) -> bool:
        """Nothing of it is left in memory, and nothing comes."""
        return self.has_left and not self.is_suspended and not self.on_its_way


def span_ms(operations: Iterable[Operation]) -> int:
    """How much media these operations are to write, of each publish from its first to its last."""
    spans: dict[object, tuple[int, int]] = {}
    for each in operations:
        if isinstance(each, Append):
            base = each.appended.opened.base
            times = [base + ms for _, ms, _ in read_tags(each.appended.data)]
            began, ended = spans.get(each.owner, (times[0], times[0]))
            spans[each.owner] = min(began, times[0]), max(ended, times[-1])
    return sum(ended - began for began, ended in spans.values())


def _is_opened_by(lost: Sequence[Operation], append: Append) -> bool:
    return any(
        isinstance(each, OpenSegment) and each.opened is append.appended.opened for each in lost
    )
