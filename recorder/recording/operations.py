"""What a room has to write, one operation after the other, and how each is carried out.

Values and one function: the loop makes them, the writer's thread performs them. Their order is
that of one room, whatever recordings they belong to, so that of two recordings which follow each
other without a gap the second never has what the first still lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, assert_never

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.recording.actions import Appended, Opened
    from recorder.recording.entries import Entry
    from recorder.recording.files import RecordingFiles
    from recorder.recording.manifest import Manifest


@attrs.frozen(eq=False)
class Start:
    """The recording's folder comes into being, with its first manifest."""

    files: RecordingFiles
    manifest: Manifest


@attrs.frozen(eq=False)
class Reopen:
    """The folder of a recording that is there and goes on."""

    files: RecordingFiles


@attrs.frozen(eq=False)
class OpenSegment:
    files: RecordingFiles
    file: int
    opened: Opened


@attrs.frozen(eq=False)
class Append:
    """`owner` is whose media these are, for whoever must put them back."""

    files: RecordingFiles
    file: int
    appended: Appended
    owner: object


@attrs.frozen(eq=False)
class CloseSegment:
    """The segment gets its final header and its final name; the manifest then tells of it."""

    files: RecordingFiles
    file: int
    patches: Sequence[tuple[int, bytes]]
    manifest: Manifest


@attrs.frozen(eq=False)
class SaveManifest:
    files: RecordingFiles
    manifest: Manifest


@attrs.frozen(eq=False)
class Note:
    """What the next start must know of the recording."""

    files: RecordingFiles
    entry: Entry


@attrs.frozen(eq=False)
class Finish:
    """The recording has ended: no segment follows."""

    files: RecordingFiles
    manifest: Manifest


@attrs.frozen(eq=False)
class RemoveSegments:
    """Closed segments of the recording go, for the free space; the manifest says so first.

    Attributes:
        segments: their numbers.
        gone: filled in by the thread: those that are removed. KEEP spares the others, or the disk.
    """

    files: RecordingFiles
    segments: Sequence[int]
    manifest: Manifest
    gone: list[int] = attrs.field(factory=list)


@attrs.frozen(eq=False)
class Release:
    """Nothing more is done for the finished recording; `is_complete`: nothing is missing in it, and
    no start needs to look for it."""

    files: RecordingFiles
    is_complete: bool


Operation: TypeAlias = (
    Start
    | Reopen
    | OpenSegment
    | Append
    | CloseSegment
    | SaveManifest
    | Note
    | RemoveSegments
    | Finish
    | Release
)


def perform(operation: Operation, *, now_ms: int, since_ms: int, save: bool = True) -> None:
    """Carry out one operation, blocking.

    Args:
        now_ms: on the loop's clock, when the batch was begun.
        since_ms: when the oldest media in it came.
        save: False where a newer manifest follows in the same batch: the whole file is written
            anew each time, and only the last one would be seen.

    Raises:
        OSError: the disk refused; what was to follow must not be tried.
    """
    files = operation.files
    match operation:
        case Append(_, file, appended):
            files.append(file, appended.data, since_ms)
        case Start(_, manifest):
            files.start(manifest)
        case Reopen():
            files.reopen()
        case OpenSegment(_, file, opened):
            files.open_segment(file, opened.head, now_ms)
        case CloseSegment(_, file, patches, manifest):
            files.close_segment(file, patches)
            if save:
                files.save_manifest(manifest)
        case SaveManifest(_, manifest):
            if save:
                files.save_manifest(manifest)
        case Finish(_, manifest):
            files.save_manifest(manifest)
        case Note(_, entry):
            files.note(entry)
        case RemoveSegments(_, segments, manifest, gone):
            # Saved whatever follows: what it says must be durable before a file goes.
            gone += files.remove_segments(segments, manifest)
        case Release(_, is_complete):
            if is_complete:
                files.forget()
            files.close()
        case _:
            assert_never(operation)


def newest_manifests(operations: Sequence[Operation]) -> dict[RecordingFiles, int]:
    """Of each recording, where in the batch its last manifest stands that is saved for certain: one
    with segments to remove is not where KEEP spares them."""
    return {
        operation.files: at
        for at, operation in enumerate(operations)
        if isinstance(operation, CloseSegment | SaveManifest | Finish)
    }
