"""A part that was cut off, as a real segmenter and writer leave it; and its salvage."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from recorder.recording.disk import closing
from recorder.recording.manifest import Segment as Row
from recorder.recording.salvage import Salvaged, salvage_part
from tests.helpers.cut_off import CREATOR, actions
from tests.helpers.disk import RecordingDisk
from tests.helpers.segments import Segment, carry_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX = 2
PART = "0002.flv.part"
FINAL = "0002.flv"


@cache
def made() -> Segment:
    """A segment as it was closed: the second of a recording."""
    return carry_out(actions())[1]


@cache
def unclosed() -> bytes:
    """The same file before its close: its first head, and every frame."""
    segment = made()
    head = segment.opened.head
    return bytes(head) + bytes(segment.data[len(head) :])


@cache
def ends() -> list[int]:
    """Where its tags end."""
    return [found.end for found in made().tags()]


def first_frame_end() -> int:
    """Where its first frame ends: no file is shorter."""
    return next(end for end in ends() if end > len(made().opened.head))


def row_of_a_close() -> Row:
    """The row it has in the manifest when nothing goes wrong."""
    segment = made()
    return Row.of(
        INDEX,
        segment.closed_facts,
        start_ms=segment.opened.position_ms,
        reason=segment.reason.value,
    )


@contextmanager
def part(disk: RecordingDisk, path: Path, content: bytes, name: str = PART) -> Iterator[int]:
    (path / name).write_bytes(content)
    with closing(disk, disk.open_path(path)) as folder:
        disk.operations.clear()
        yield folder


def salvage(
    path: Path,
    content: bytes,
    *,
    disk: RecordingDisk | None = None,
    landed_bytes: int | None = None,
    suspect: bool = False,
) -> Salvaged:
    disk = disk or RecordingDisk()
    with part(disk, path, content) as folder:
        return salvage_part(
            disk,
            folder,
            INDEX,
            creator=CREATOR,
            after_ms=77,
            landed_bytes=landed_bytes,
            suspect=suspect,
        )
