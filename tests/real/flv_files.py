"""FLV files taken apart and put together again, to damage them in tests.

Walks a file by the sizes in its tag headers and looks at nothing else; the program's own scanner
is among what these files test.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.helpers import packets

if TYPE_CHECKING:
    from pathlib import Path

HEADER_BYTES = 13
FRAME_BYTES = 15


def cut(source: Path, folder: Path) -> list[Path]:
    """Segments of 3 s, made by ffmpeg, each starting at 0."""
    subprocess.run(
        [
            *(packets.current_ffmpeg(), "-v", "error", "-nostdin", "-i", str(source)),
            *("-map", "0", "-c", "copy", "-f", "segment", "-segment_time", "3"),
            *("-reset_timestamps", "1", "-segment_format", "flv", str(folder / "%04d.flv")),
        ],
        check=True,
        timeout=30,
    )
    return sorted(folder.glob("*.flv"))


def tags_of(path: Path) -> list[bytes]:
    """The file's tags, each with its PreviousTagSize."""
    data = path.read_bytes()
    tags = []
    at = HEADER_BYTES
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big") + FRAME_BYTES
        tags.append(data[at : at + size])
        at += size
    return tags


def write_tags(path: Path, tags: list[bytes]) -> None:
    path.write_bytes(path.read_bytes()[:HEADER_BYTES] + b"".join(tags))


def stamped(tag: bytes, timestamp_ms: int) -> bytes:
    """The same tag at another time."""
    low, high = timestamp_ms & 0xFFFFFF, timestamp_ms >> 24
    return tag[:4] + low.to_bytes(3, "big") + bytes([high]) + tag[8:]


def timestamp_of(tag: bytes) -> int:
    return int.from_bytes(tag[4:7], "big") | tag[7] << 24
