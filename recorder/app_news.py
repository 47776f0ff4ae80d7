"""What the events of hooks say: of a manifest what nobody was told yet, of an alarm what it is.

A part of the app: it reads the recording and the status side. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recorder.hooks.events import RECORDING_ENDED, RECORDING_STARTED, SEGMENT_CLOSED, clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.hooks.announced import Announced
    from recorder.recording.manifest import Manifest, Segment


def news(
    announced: Announced, folder: str, manifest: Manifest
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events that nobody was told yet: their kinds and fields.

    Args:
        announced: follows while this goes on.
        folder: the recording's.
    """
    number = manifest.number
    if announced.has_ended(number):
        # A checksum came later.
        return
    about = {"room": manifest.room, "recording": number, "folder": folder}
    if not announced.has_begun(number):
        yield RECORDING_STARTED, {**about, "start": manifest.start}
    for row in manifest.segments:
        if not row.deleted and not announced.has_segment(number, row.index):
            yield SEGMENT_CLOSED, {**about, "segment": _segment_fields(row)}
    if manifest.end is not None:
        kept = [row for row in manifest.segments if not row.deleted]
        yield (
            RECORDING_ENDED,
            {
                **about,
                "start": manifest.start,
                "end": manifest.end,
                "reason": manifest.end_reason,
                "segments": len(kept),
                "duration_s": manifest.duration_ms / 1000,
                "bytes": sum(row.bytes for row in kept),
                "gaps": sum(row.gap is not None for row in manifest.segments),
            },
        )


def alarm_fields(change: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of an alarm."""
    alarm = {
        "id": change["id"],
        "kind": change["kind"],
        "severity": change["severity"],
        "since": change["since"],
        "text": clip(change["text"]),
        "todo": clip(change.get("advice", "")),
    }
    return {"room": change["room"], "alarm": alarm}


def _segment_fields(row: Segment) -> dict[str, Any]:
    return {
        "number": row.index,
        "file": row.file,
        "duration_s": row.duration_ms / 1000,
        "bytes": row.bytes,
        "repaired": row.repaired,
    }
