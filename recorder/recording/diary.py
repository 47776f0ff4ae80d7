"""What the log tells of one recording, so that a person can follow it from beginning to end.

Owns the sentences, one for each beginning, file, gap and end. Who calls it knows when.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder.amounts import count, duration, size
from recorder.logs import of_room
from recorder.recording.late_rows import LOST

if TYPE_CHECKING:
    from recorder.recording.manifest import Client, Gap, Manifest, Segment

log = logging.getLogger(__name__)

_WHY_GAP = {
    "reconnect": "the connection was lost",
    "takeover": "another encoder took over",
    "disk": "the disk took nothing",
    LOST: "what was there is lost",
}


class Diary:
    """Of the recording of this number in this room."""

    def __init__(self, room: str, number: int) -> None:
        self._log = of_room(log, room)
        self._number = number

    def began(self, client: Client) -> None:
        self._log.info(
            "recording %d began, from %s (%s)", self._number, client.address, client.called
        )

    def gap(self, gap: Gap) -> None:
        why = _WHY_GAP.get(gap.reason, gap.reason)
        self._log.warning("recording %d: gap of %s, %s", self._number, duration(gap.ms), why)

    def closed(self, row: Segment) -> None:
        self._log.info("recording %d: %s closed, %s", self._number, row.file, _extent(row))

    def safe(self, name: str, safe_bytes: int) -> None:
        self._log.debug("%d bytes of %s are safe", safe_bytes, name)

    def repaired(self, row: Segment) -> None:
        doubt = "; a sync of it failed, so it may not be what was sent" if row.suspect else ""
        self._log.info(
            "recording %d: %s repaired, %s%s", self._number, row.file, _extent(row), doubt
        )

    def gone(self, name: str) -> None:
        self._log.error(
            "recording %d: %s is lost: the file is gone, or nothing of it can be read",
            self._number,
            name,
        )

    def without_checksum(self, name: str, error: OSError) -> None:
        self._log.warning("recording %d: no checksum of %s yet: %s", self._number, name, error)

    def ended(self, manifest: Manifest) -> None:
        rows = [row for row in manifest.segments if not row.deleted]
        self._log.info(
            "recording %d ended (%s), %s, %s, %s, %s",
            self._number,
            manifest.end_reason,
            duration(manifest.duration_ms),
            count(len(rows), "file"),
            size(sum(row.bytes for row in rows)),
            count(sum(row.gap is not None for row in manifest.segments), "gap"),
        )


def _extent(row: Segment) -> str:
    return f"{duration(row.duration_ms)}, {size(row.bytes)}"
