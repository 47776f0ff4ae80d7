"""Recordings that were cut off: made as the recorder makes them, and left there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.recording.actions import Appended, Opened
from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.files import RecordingFiles
from recorder.recording.manifest import Client, Manifest
from recorder.recording.manifest import Segment as Row
from recorder.recording.naming import recording_path
from recorder.recording.storage import Storage
from tests.helpers.segments import Publish, rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.recording.actions import Action
    from recorder.recording.disk import Disk

CREATOR = "test 1"
"""What `Publish` names as the maker of its files."""

START_UTC_NS = 1_795_343_400 * 1_000_000_000
FOLDER = "room101/2026-11-22/0000001-103000Z"

YOUNG = Manifest(
    room="room101",
    number=1,
    start="2026-11-22T10:30:00.000Z",
    clock="trusted",
    client=Client(address="10.2.0.7", software="test"),
)


def actions(*, end_ms: int = 3_500, size: int = 100) -> list[Action]:
    """Of a publish with a segment each second, flushed every half second, and finished."""
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    found: list[Action] = []
    for ms in range(0, end_ms, 500):
        publish.play(ms, ms + 500, size=size)
        found += publish.segmenter.take()
    publish.segmenter.finish(publish.now_ms)
    return found + publish.segmenter.take()


def cut_off(
    directory: Path,
    made: list[Action],
    disk: Disk | None = None,
    *,
    ready: Callable[[], None] = lambda: None,
) -> Manifest:
    """Record what these actions say into an initialised storage, and leave it there.

    Args:
        ready: called when the storage is open.

    Returns:
        The manifest that tells of the segments closed so far.
    """
    manifest = YOUNG
    opened: dict[int, Opened] = {}
    with Storage.open(directory, None, disk or OsDisk()) as storage:
        ready()
        folder = recording_path("room101", storage.take_number(), START_UTC_NS)
        files = RecordingFiles(storage, Entry(folder=folder))
        try:
            files.start(manifest)
            for action in made:
                index = action.segment + 1
                if isinstance(action, Opened):
                    opened[index] = action
                    files.open_segment(index, action.head, 0)
                elif isinstance(action, Appended):
                    files.append(index, action.data, 0)
                else:
                    files.close_segment(index, action.patches)
                    place = opened[index]
                    row = Row.of(
                        index,
                        action.facts,
                        start_ms=place.position_ms,
                        reason=place.reason.value,
                    )
                    manifest = attrs.evolve(manifest, segments=(*manifest.segments, row))
                    files.save_manifest(manifest)
        finally:
            files.close()
    return manifest


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every name below a folder, and what is in it; None for a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
