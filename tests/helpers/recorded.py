"""Finished recordings, made the way the recorder makes them, for tests that damage them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import attrs

from recorder.recording import naming
from recorder.recording.actions import Appended, Opened
from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.files import RecordingFiles
from recorder.recording.manifest import Client, Manifest, Segment
from recorder.recording.storage import Storage
from tests.helpers.segments import Publish, rules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recorder.recording.actions import Action

START_UTC_NS = 1_795_343_400 * 1_000_000_000


def lesson(*, end_ms: int = 3_500, size: int = 100) -> list[Action]:
    """Of a publish with a segment each second, flushed every half second, and finished."""
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    made: list[Action] = []
    for ms in range(0, end_ms, 500):
        publish.play(ms, min(ms + 500, end_ms), size=size)
        made += publish.segmenter.take()
    publish.segmenter.finish(publish.now_ms)
    return made + publish.segmenter.take()


def record(
    directory: Path,
    actions: Iterable[Action],
    *,
    room: str = "room101",
    is_hashed: bool = True,
    is_finished: bool = True,
) -> Path:
    """Record what these actions say into a storage, as its next recording.

    Args:
        is_hashed: its segments have their SHA-256.
        is_finished: it has ended, and its entry is gone. Else it is left as it is in between.

    Returns:
        The recording's folder.
    """
    with Storage.open(directory, None, OsDisk()) as storage:
        number = storage.take_number()
        manifest = Manifest(
            room=room,
            number=number,
            start="2026-11-22T10:30:00.000Z",
            clock="trusted",
            client=Client(address="10.2.0.7", software="test"),
        )
        entry = Entry(folder=naming.recording_path(room, number, START_UTC_NS))
        folder = directory / entry.folder
        files = RecordingFiles(storage, entry)
        try:
            files.start(manifest)
            for row in _write(files, folder, actions):
                row = attrs.evolve(row, sha256=_sha256(folder / row.file) if is_hashed else None)
                manifest = attrs.evolve(manifest, segments=(*manifest.segments, row))
                files.save_manifest(manifest)
            if is_finished:
                end = "2026-11-22T10:30:03.500Z"
                manifest = attrs.evolve(manifest, end=end, end_reason="publisher_ended")
                files.save_manifest(manifest)
                files.forget()
        finally:
            files.close()
    return folder


def _write(files: RecordingFiles, folder: Path, actions: Iterable[Action]) -> Iterable[Segment]:
    """Carry the actions out; gives the row of each segment when it has its name."""
    opened: dict[int, Opened] = {}
    for action in actions:
        file = action.segment + 1
        if isinstance(action, Opened):
            opened[file] = action
            files.open_segment(file, action.head, 0)
        elif isinstance(action, Appended):
            files.append(file, action.data, 0)
        else:
            files.close_segment(file, action.patches)
            begun = opened[file]
            yield Segment.of(
                file, action.facts, start_ms=begun.position_ms, reason=begun.reason.value
            )


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def rewrite_manifest(folder: Path, **changes: Any) -> Manifest:
    """Let a recording's manifest say something else."""
    file = folder / naming.MANIFEST_FILE
    manifest = attrs.evolve(Manifest.from_json(file.read_bytes()), **changes)
    file.write_bytes(manifest.to_json())
    return manifest


def rewrite_row(folder: Path, index: int, **changes: Any) -> None:
    """Let the row of one segment say something else."""
    rows = Manifest.from_json((folder / naming.MANIFEST_FILE).read_bytes()).segments
    changed = [attrs.evolve(row, **changes) if row.index == index else row for row in rows]
    rewrite_manifest(folder, segments=tuple(changed))
