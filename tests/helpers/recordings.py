"""Recordings as they lie on a disk, without anybody who recorded them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from recorder.recording.manifest import Client, Manifest, Segment

if TYPE_CHECKING:
    from pathlib import Path

DATE = "2026-11-22"
START = f"{DATE}T10:30:00.000Z"
START_MS = 1_795_343_400_000
END = f"{DATE}T11:30:00.000Z"
SHA256 = "0123456789abcdef" * 4


def folder_of(number: int, room: str = "room101") -> str:
    """A recording's folder below the storage."""
    return f"{room}/{DATE}/{number:07}-103000Z"


def segment(index: int, **changes: Any) -> Segment:
    """A minute of a megabyte, its checksum known."""
    whole = Segment(
        file=f"{index:04}.flv",
        start_ms=(index - 1) * 60_000,
        duration_ms=60_000,
        bytes=1_000_000,
        sha256=SHA256,
        reason="start" if index == 1 else "duration",
    )
    return attrs.evolve(whole, **changes)


def finished(number: int, room: str = "room101", **changes: Any) -> Manifest:
    """The manifest of a recording that has ended: two segments."""
    manifest = Manifest(
        room=room,
        number=number,
        start=START,
        end=END,
        end_reason="publisher_ended",
        clock="trusted",
        client=Client(address="10.2.0.7", software="test"),
        segments=(segment(1), segment(2)),
    )
    return attrs.evolve(manifest, **changes)


def going_on(number: int, room: str = "room101", **changes: Any) -> Manifest:
    """The manifest of one that has not."""
    return finished(number, room, **{"end": None, "end_reason": None, **changes})


def lay_down(directory: Path, manifest: Manifest) -> Path:
    """Put a manifest where it belongs in a storage, and give its folder."""
    folder = directory / folder_of(manifest.number, manifest.room)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recording.json").write_bytes(manifest.to_json())
    return folder
