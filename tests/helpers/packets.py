"""What is inside an FLV file, as the current ffmpeg sees it, and whether nothing was lost.

Owns the comparison of a recording with what was sent: per track the packets in order (size and
MD5 of each), the codec's configuration, and every time up to one common base per segment. The
judge is ffmpeg's demuxer and no code of ours, so that a mistake that our writer and our reader
share does not pass.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

import attrs
import imageio_ffmpeg
import trio

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

READ_S = 60.0
"""How long ffmpeg may take to read one file of a test."""

_processes = trio.CapacityLimiter(max(2, os.cpu_count() or 1))
"""As many ffmpegs at once as there are cores: more would only wait for each other."""


@cache
def current_ffmpeg() -> str:
    """The current ffmpeg: the one that reads all of Enhanced RTMP."""
    path = imageio_ffmpeg.get_ffmpeg_exe()
    assert isinstance(path, str)
    return path


@attrs.frozen
class Packet:
    dts_ms: int
    pts_ms: int
    size: int
    md5: str


@attrs.frozen(order=True)
class TrackName:
    """What tells a track from the others of its file, whatever the order they appear in."""

    kind: str
    codec: str
    configuration: str
    """Size and MD5 of the decoder's configuration; empty for a codec without one."""


Tracks = dict[TrackName, list[Packet]]


async def _ffmpeg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    async with _processes:
        with trio.fail_after(READ_S):
            return await trio.run_process(
                [current_ffmpeg(), "-hide_banner", *arguments],
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )


async def read_tracks(path: Path) -> Tracks:
    """Every audio and video packet of a file, per track, untouched.

    Raises:
        AssertionError: ffmpeg could not read the file, or reads two tracks as one.
    """
    done = await _ffmpeg(
        *("-v", "error", "-copyts", "-i", str(path)),
        # Also what comes before the first keyframe, of a file that has to begin without one.
        *("-map", "0:v?", "-map", "0:a?", "-c", "copy", "-copyinkf", "-f", "framemd5", "-"),
    )
    assert done.returncode == 0, f"{path}: {done.stderr.decode(errors='replace')}"
    return parse_framemd5(done.stdout.decode())


async def read_all(paths: Sequence[Path]) -> list[Tracks]:
    """The packets of several files, in the order of the files."""
    found: dict[int, Tracks] = {}

    async def read(index: int, path: Path) -> None:
        found[index] = await read_tracks(path)

    async with trio.open_nursery() as nursery:
        for index, path in enumerate(paths):
            nursery.start_soon(read, index, path)
    return [found[index] for index in range(len(paths))]


def parse_framemd5(text: str) -> Tracks:
    """Read the output of `-f framemd5`."""
    properties: dict[str, dict[int, str]] = defaultdict(dict)
    packets: dict[int, list[Packet]] = defaultdict(list)
    for line in text.splitlines():
        if found := re.match(r"#(extradata|tb|media_type|codec_id) (\d+)[:,] *(.*)$", line):
            properties[found[1]][int(found[2])] = found[3]
        elif line and not line.startswith("#"):
            stream, dts, pts, _duration, size, md5, *_side_data = line.replace(" ", "").split(",")
            packets[int(stream)].append(Packet(int(dts), int(pts), int(size), md5))
    tracks: Tracks = {}
    for index, kind in properties["media_type"].items():
        assert properties["tb"][index] == "1/1000", "FLV counts milliseconds"
        extradata = properties["extradata"].get(index, "").replace(" ", "")
        name = TrackName(kind, properties["codec_id"][index], extradata)
        assert name not in tracks, f"two tracks that cannot be told apart: {name}"
        tracks[name] = packets[index]
    return tracks


@attrs.frozen
class Comparison:
    """What differs, in words; nothing when nothing was lost, and where each segment lies."""

    differences: list[str]
    bases_ms: list[int | None]
    """For each segment: the time in the reference that is its 0. None where it has no packet
    of the reference, or where its packets do not agree."""


def compare(reference: Tracks, segments: Sequence[Tracks]) -> Comparison:
    """Hold the packets of all segments in order against those of the reference.

    Args:
        reference: what was sent.
        segments: what was recorded, in the order of the files.
    """
    differences: list[str] = []
    bases: list[set[int]] = [set() for _ in segments]
    foreign = {name for segment in segments for name in segment} - set(reference)
    differences += [f"a track that was not sent: {name}" for name in sorted(foreign)]
    for name, sent in reference.items():
        recorded = [
            (index, packet)
            for index, segment in enumerate(segments)
            for packet in segment.get(name, ())
        ]
        if len(recorded) != len(sent):
            differences.append(f"{name}: {len(sent)} packets sent, {len(recorded)} recorded")
        for position, (was, (index, now)) in enumerate(zip(sent, recorded, strict=False)):
            if (was.size, was.md5) != (now.size, now.md5):
                differences.append(
                    f"{name}: packet {position} of {len(sent)}, sent as {was},"
                    f" is {now} in segment {index + 1}"
                )
                break
            bases[index] |= {was.dts_ms - now.dts_ms, was.pts_ms - now.pts_ms}
    for index, base in enumerate(bases):
        if len(base) > 1:
            differences.append(f"segment {index + 1}: times differ by {sorted(base)} ms")
    agreed = [next(iter(base)) if len(base) == 1 else None for base in bases]
    known = [base for base in agreed if base is not None]
    if known != sorted(known):
        differences.append(f"segments begin at {known} ms")
    return Comparison(differences, agreed)


async def complaints(path: Path) -> str:
    """What the current ffmpeg prints when it plays the file by itself. Nothing, if it is well."""
    done = await _ffmpeg("-v", "warning", "-i", str(path), "-f", "null", "-")
    said = done.stderr.decode(errors="replace")
    return said if done.returncode == 0 else f"{said}exit code {done.returncode}"
