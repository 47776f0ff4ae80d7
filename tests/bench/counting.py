"""How many frames are in FLV files, and how many bytes they have: what a benchmark run is void by.

Reads the frames of tags and the first two bytes of bodies, nothing else, of whatever server wrote
them. Shares no code with the recorder's own reader of files.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.bench.load import Sent

_FILE_HEADER_BYTES: Final = 13
_TAG_OVERHEAD: Final = 15
_MEDIA: Final = frozenset({8, 9})


def frames_in(paths: Iterable[Path]) -> tuple[int, int]:
    """Frames and the bytes of their bodies, of AVC and AAC, sequence headers left out."""
    frames = size = 0
    for path in paths:
        with path.open("rb") as file:
            if path.stat().st_size > _FILE_HEADER_BYTES:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                    count, body_bytes = _frames_of(view)
                frames += count
                size += body_bytes
    return frames, size


def _frames_of(view: mmap.mmap) -> tuple[int, int]:
    frames = size = 0
    at, end = _FILE_HEADER_BYTES, len(view)
    while at + _TAG_OVERHEAD <= end:
        body_bytes = int.from_bytes(view[at + 1 : at + 4])
        following = at + body_bytes + _TAG_OVERHEAD
        if following > end:
            break
        if view[at] in _MEDIA and body_bytes > 1 and view[at + 12] == 1:
            frames += 1
            size += body_bytes
        at = following
    return frames, size


def missing_frames(files: Sequence[Sequence[Path]], sent: Sequence[Sent]) -> int:
    """How many frames are missing, of all encoders together.

    Args:
        files: of each encoder.
    """
    missing = 0
    for paths, each in zip(files, sent, strict=True):
        frames, frame_bytes = frames_in(paths)
        missing += abs(each.frames - frames) or int(frame_bytes != each.frame_bytes)
    return missing
