"""What a real encoder sends, cut into files that a real player opens without a word.

The judge is the current ffmpeg; Debian's reads what it can.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest

from recorder.flv.scanner import scan_file
from recorder.flv.script import read_script
from recorder.flv.tags import TAG_HEADER_BYTES
from recorder.recording.segmenter import Segmenter
from tests.helpers.media import SCRIPT
from tests.helpers.segments import Segment, carry_out, check, rules

if TYPE_CHECKING:
    from pathlib import Path

DEBIAN = "/usr/bin/ffmpeg"
CURRENT = imageio_ffmpeg.get_ffmpeg_exe()

SECONDS = 5
PICTURE = ["-f", "lavfi", "-i", f"testsrc2=size=64x48:rate=25:duration={SECONDS}"]
SOUND = ["-f", "lavfi", "-i", f"sine=sample_rate=48000:duration={SECONDS}"]
BOTH = [*PICTURE, *SOUND]
TWO_PICTURES = [
    *PICTURE, *PICTURE, *SOUND, "-map", "0", "-map", "1", "-map", "2",
    "-c:v", "libx264", "-g", "25", "-sc_threshold", "0",
]  # fmt: skip
QUIET_X265 = "keyint=25:log-level=none:pools=1"

STREAMS = {
    "avc-aac": [*BOTH, "-c:v", "libx264", "-g", "25", "-bf", "2", "-c:a", "aac"],
    "hevc-opus": [*BOTH, "-c:v", "libx265", "-x265-params", QUIET_X265, "-c:a", "libopus"],
    "av1-flac": [*BOTH, "-c:v", "libsvtav1", "-preset", "12", "-g", "25", "-c:a", "flac"],
    "vp9-ac3": [*BOTH, "-c:v", "libvpx-vp9", "-g", "25", "-deadline", "realtime", "-c:a", "ac3"],
    "multitrack": [
        *PICTURE, *PICTURE, *SOUND, *SOUND, "-map", "0", "-map", "1", "-map", "2", "-map", "3",
        "-c:v", "libx264", "-g", "25", "-c:a", "aac",
    ],
    # The picture with more B-frames has its keyframes before the other one's.
    "late-second": [*TWO_PICTURES, "-bf:v:0", "3", "-bf:v:1", "0", "-c:a", "aac"],
    "early-second": [*TWO_PICTURES, "-bf:v:0", "0", "-bf:v:1", "3", "-c:a", "aac"],
    "mp3": [*SOUND, "-ar", "44100", "-c:a", "libmp3lame"],
    "surround": [*SOUND, "-ac", "6", "-c:a", "aac"],
    "silent": [*PICTURE, "-c:v", "libx264", "-g", "25", "-bf", "0"],
}  # fmt: skip


def run(ffmpeg: str, *arguments: str) -> str:
    """What it prints as warnings and errors."""
    command = [ffmpeg, "-v", "warning", "-nostdin", *arguments]
    done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=True)
    return done.stderr


def encode(name: str, path: Path) -> Path:
    run(CURRENT, *STREAMS[name], "-strict", "-2", "-f", "flv", str(path))
    return path


def record(source: Path, *, duration_ms: int) -> list[Segment]:
    segmenter = Segmenter(rules(duration_ms=duration_ms), encoder="recorder test")
    data = source.read_bytes()
    now_ms = 0
    with source.open("rb") as file:
        for tag in scan_file(file):
            start = tag.offset + TAG_HEADER_BYTES
            body = data[start : start + tag.size]
            now_ms = max(now_ms, tag.timestamp)
            if tag.kind == SCRIPT:
                segmenter.data(read_script(body)[0], body, tag.timestamp, now_ms)
            else:
                segmenter.media(tag.kind, tag.timestamp, body, now_ms)
    segmenter.finish(now_ms)
    return carry_out(segmenter.take())


def packets(path: Path) -> dict[int, list[tuple[int, str]]]:
    """Of each track, the time and checksum of every packet, by ffmpeg's demuxer."""
    command = [CURRENT, "-v", "error", "-nostdin", "-copyts", "-i", str(path), "-map", "0"]
    command += ["-c", "copy", "-f", "framecrc", "-"]
    listing = subprocess.run(command, timeout=60, capture_output=True, text=True, check=True)
    found: dict[int, list[tuple[int, str]]] = {}
    for line in listing.stdout.splitlines():
        if not line.startswith("#"):
            fields = [field.strip() for field in line.split(",")]
            found.setdefault(int(fields[0]), []).append((int(fields[1]), fields[5]))
    return found


@pytest.mark.parametrize("name", STREAMS)
def test_every_segment_plays_alone_and_all_of_them_hold_every_packet(
    name: str, tmp_path: Path
) -> None:
    source = encode(name, tmp_path / "source.flv")
    segments = record(source, duration_ms=2_000)
    assert 2 <= len(segments) <= 3
    seen: dict[int, list[tuple[int, str]]] = {}
    for segment in segments:
        check(segment)
        assert not segment.closed_facts.forced
        path = tmp_path / f"{segment.number}.flv"
        path.write_bytes(segment.data)
        assert run(CURRENT, "-i", str(path), "-map", "0", "-f", "null", "-") == ""
        position_ms = segment.opened.position_ms
        for track, found in packets(path).items():
            seen.setdefault(track, []).extend((ms + position_ms, crc) for ms, crc in found)
    sent = packets(source)
    base = min(times[0][0] for times in sent.values())
    assert seen == {track: [(ms - base, crc) for ms, crc in found] for track, found in sent.items()}


@pytest.mark.debian
@pytest.mark.parametrize("name", ["avc-aac", "mp3", "silent"])
def test_debians_ffmpeg_plays_what_it_can_read_without_a_word(name: str, tmp_path: Path) -> None:
    for segment in record(encode(name, tmp_path / "source.flv"), duration_ms=2_000):
        path = tmp_path / f"{segment.number}.flv"
        path.write_bytes(segment.data)
        assert run(DEBIAN, "-i", str(path), "-f", "null", "-") == ""


@pytest.mark.debian
def test_a_file_whose_head_was_never_filled_in_plays_too(tmp_path: Path) -> None:
    """After a power cut: the reserve is all filler, and the file ends in the middle of a tag."""
    source = encode("avc-aac", tmp_path / "source.flv")
    segmenter = Segmenter(rules(duration_ms=600_000), encoder="recorder test")
    data = source.read_bytes()
    with source.open("rb") as file:
        for tag in scan_file(file):
            start = tag.offset + TAG_HEADER_BYTES
            if tag.kind != SCRIPT:
                segmenter.media(tag.kind, tag.timestamp, data[start : start + tag.size], 0)
    (segment,) = carry_out(segmenter.take())
    whole = [tag for tag in segment.tags() if tag.timestamp < SECONDS * 1_000 - 500]
    path = tmp_path / "0.flv.part"
    path.write_bytes(segment.data[: whole[-1].end])
    for ffmpeg in (CURRENT, DEBIAN):
        assert run(ffmpeg, "-f", "flv", "-i", str(path), "-f", "null", "-") == ""


@pytest.mark.debian
def test_ffmpeg_seeks_by_the_index(tmp_path: Path) -> None:
    (segment,) = record(encode("avc-aac", tmp_path / "source.flv"), duration_ms=600_000)
    path = tmp_path / "0.flv"
    path.write_bytes(segment.data)
    shown = ("-ss", "3.5", "-i", str(path), "-frames:v", "1", "-f", "null", "-")
    assert run(CURRENT, *shown) == ""
    assert run(DEBIAN, *shown) == ""
