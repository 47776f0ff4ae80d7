"""Rows that come late: of segments that were repaired while their recording went on, or after it.

Owns where they stand among the others, and what holes are left beside them. Pure. A hole that
was known when the recording was written keeps its reason; its length follows from the rows, so
that a recording which was cut off and repaired reads as if the same media had never been more.
"""

from collections.abc import Iterable

import attrs

from recorder.recording.actions import CutReason
from recorder.recording.manifest import Gap, Manifest, Segment

RECONNECTED = "reconnect"
"""Before a segment that a publisher's return began, where nobody wrote down why it had gone."""

LOST = "lost"
"""What should be there was recorded and is no more: cut off with a part, or unreadable."""


def with_rows(manifest: Manifest, rows: Iterable[Segment]) -> Manifest:
    """The manifest with these rows in their places, in order of their index. A row of a file that
    has one replaces it. Gaps beside them are measured anew, and `counts` says how many segments
    are repaired and suspect."""
    late = {row.index: row for row in rows}
    if not late:
        return manifest
    every = {row.index: row for row in manifest.segments} | late
    ordered = [every[index] for index in sorted(every)]
    segments: list[Segment] = []
    end_ms = 0
    for row in ordered:
        before = segments[-1] if segments else None
        if row.index in late or (before is not None and before.index in late):
            row = attrs.evolve(row, gap=_gap(row, before, row.start_ms - end_ms))
        segments.append(row)
        end_ms = max(end_ms, row.end_ms)
    marked = {
        "repaired_segments": sum(row.repaired for row in segments),
        "suspect_segments": sum(row.suspect for row in segments),
    }
    counts = manifest.counts | {name: number for name, number in marked.items() if number}
    return attrs.evolve(manifest, segments=tuple(segments), counts=counts)


def _gap(row: Segment, before: Segment | None, hole_ms: int) -> Gap | None:
    """The hole before a row. Where a segment follows another at a cut there is none, whatever the
    numbers: a file lasts as long as its last frame is thought to, which is a guess."""
    if hole_ms <= 0:
        return None
    if row.gap is not None:
        return Gap(reason=row.gap.reason, ms=hole_ms)
    if before is None or before.index != row.index - 1:
        return Gap(reason=LOST, ms=hole_ms)
    if row.reason == CutReason.START.value:
        return Gap(reason=RECONNECTED, ms=hole_ms)
    return Gap(reason=LOST, ms=hole_ms) if before.repaired else None
