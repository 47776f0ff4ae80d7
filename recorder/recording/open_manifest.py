"""The manifest of a recording that is not finished: what each thing that happens makes of it. Pure.

Owns what it says, row by row, from the first segment's end to its own. Does not know which version
of it is on the disk, nor what of a segment is: its `LiveRecording` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.late_rows import LOST, with_rows
from recorder.recording.manifest import Event, Segment
from recorder.recording.open_files import Sums
from recorder.recording.recovery_plan import with_checksums

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping, Sequence

    from recorder.recording.actions import Closed, TrackFacts
    from recorder.recording.manifest import Gap, Manifest
    from recorder.recording.open_files import OpenFile


class OpenManifest:
    """Attributes:
    now: as it would be saved now.
    end_position_ms: where in the recording its last segment ends, also one that has no row, or
        none yet.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.now = manifest
        self.end_position_ms = manifest.duration_ms
        self._late: set[int] = set()
        """The segments whose rows came late."""
        self._gone: set[int] = set()
        """Those that had media and have no row."""
        self._tracks: dict[str, TrackFacts] = {}
        self._know_tracks(manifest.segments)
        self._sums: tuple[Sequence[Segment], tuple[int, ...], Sums] = ((), (), Sums(0, 0, 0))
        """With what they were counted of."""

    # What is asked of it.

    def sums(self, in_hand: tuple[int, ...]) -> Sums:
        """Of all its rows but these. They are asked for every second, and a day may have thousands
        of segments: counted again only when there are others."""
        rows, before, found = self._sums
        if rows is not self.now.segments or before != in_hand:
            rows = self.now.segments
            found = _sums([row for row in rows if row.index not in in_hand])
            self._sums = rows, in_hand, found
        return found

    @property
    def tracks(self) -> Sequence[TrackFacts]:
        """The first of each kind that a segment has."""
        return tuple(self._tracks.values())

    @property
    def without_checksum(self) -> list[int]:
        """The segments that are there and have none."""
        return [row.index for row in self.now.segments if not (row.sha256 or row.deleted)]

    def is_deleted(self, file: int) -> bool:
        return any(row.index == file and row.deleted for row in self.now.segments)

    # What happens to its segments.

    def reaches(self, position_ms: int) -> None:
        """There are media up to here."""
        self.end_position_ms = max(self.end_position_ms, position_ms)

    def close(self, file: int, segment: OpenFile, closed: Closed) -> list[Gap]:
        """This one is complete: its row, and what it counted.

        Returns:
            As of `adopt`: what was repaired before it while it was written may be shorter, or more,
            than was known when it began.
        """
        opened = segment.opened
        row = Segment.of(
            file, closed.facts, start_ms=opened.position_ms, reason=opened.reason.value
        )
        row = attrs.evolve(row, gap=segment.gap)
        self._know_tracks([row])
        self.reaches(row.end_ms)
        # How long its hole is was a guess when it began, if what lies before it was not repaired.
        before = self.now.segments[-1] if self.now.segments else None
        self._set_rows([*self.now.segments, row])
        self.count(closed.facts.counts)
        first = 0 if before is None else before.index
        is_any_gone = not self._gone.isdisjoint(range(first, file))
        is_any_late = before is not None and (row.gap is not None or first in self._late)
        return self._measure_gaps([row]) if is_any_gone or is_any_late else []

    def take_back(self, files: Container[int]) -> None:
        """These have no final name after all, and no row tells of such a file."""
        self._set_rows(row for row in self.now.segments if row.index not in files)

    def adopt(self, rows: Sequence[Segment]) -> list[Gap]:
        """These were repaired.

        Returns:
            The holes beside them that nobody knew of.
        """
        self._know_tracks(rows)
        self._late.update(row.index for row in rows)
        return self._measure_gaps(rows)

    def lose(self, file: int) -> list[Gap]:
        """This one had media, and is not there any more.

        Returns:
            As of `adopt`; the hole is known when something stands behind it.
        """
        self._gone.add(file)
        behind = [row for row in self.now.segments if row.index > file]
        return self._measure_gaps(behind[:1])

    def _measure_gaps(self, rows: Sequence[Segment]) -> list[Gap]:
        known = {row.index for row in self.now.segments if row.gap is not None}
        self.now = with_rows(self.now, rows)
        self.reaches(self.now.duration_ms)
        gaps = (row.gap for row in self.now.segments if row.index not in known)
        return [gap for gap in gaps if gap is not None and gap.reason == LOST]

    def mark_deleted(self, files: Collection[int], *, deleted: bool) -> None:
        self._set_rows(
            attrs.evolve(row, deleted=deleted) if row.index in files else row
            for row in self.now.segments
        )

    def enter_checksum(self, file: int, sha256: str) -> None:
        self.now = with_checksums(self.now, {naming.segment_name(file): sha256})

    def _set_rows(self, rows: Iterable[Segment]) -> None:
        self.now = attrs.evolve(self.now, segments=tuple(rows))

    def _know_tracks(self, rows: Iterable[Segment]) -> None:
        for row in rows:
            for track in row.tracks:
                self._tracks.setdefault(track.kind, track)

    # What happens to all of it.

    def count(self, counts: Mapping[str, int]) -> None:
        """Add to the counts of anomalies and corrections."""
        total = dict(self.now.counts)
        for name, number in counts.items():
            if number:
                total[name] = total.get(name, 0) + number
        self.now = attrs.evolve(self.now, counts=total)

    def clock_stepped(self, ms: int, at_ms: int) -> None:
        """The wall clock was set, so long after the recording began."""
        event = Event(kind="clock_step", at_ms=at_ms, ms=ms)
        self.now = attrs.evolve(self.now, events=(*self.now.events, event))

    def leave(self, reason: str) -> None:
        """It would be over for this reason if nobody went on with it."""
        self.now = attrs.evolve(self.now, end_reason=reason)

    def end(self, reason: str, utc: str) -> None:
        self.now = attrs.evolve(self.now, end=utc, end_reason=reason)

    def go_on(self) -> None:
        """It is not over after all."""
        self.now = attrs.evolve(self.now, end=None, end_reason=None)


def _sums(rows: Sequence[Segment]) -> Sums:
    there = [row.bytes for row in rows if not row.deleted]
    return Sums(len(there), sum(there), sum(row.gap is not None for row in rows))
