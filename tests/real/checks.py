"""What must be true of every recording that was sent well: the heart of these tests.

Two judges, kept apart: the current ffmpeg (`tests.helpers.packets`) says whether every packet is
there and whether each file plays by itself; a rescan by the program's own scanner and summary
says whether the file's metadata and the manifest tell the truth about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from recorder.flv.parts import Role
from recorder.flv.scanner import ScannedTag, Scanner, scan_file
from recorder.flv.script import read_script
from recorder.flv.summary import SegmentSummary
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from tests.helpers import packets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from tests.helpers.encoders import Published
    from tests.helpers.packets import Comparison
    from tests.helpers.program import Recording


@attrs.frozen
class ScannedFile:
    """A segment as the program's scanner reads it."""

    tags: list[ScannedTag]
    flags: int | None

    def frames(self, kind: int, *, track: int = 0) -> list[ScannedTag]:
        """The tags that hold a coded frame of this track."""
        return [
            tag
            for tag in self.tags
            if tag.kind == kind
            and any(part.track == track and part.role is Role.FRAME for part in tag.parts)
        ]

    def keyframes(self) -> list[ScannedTag]:
        """The coded keyframes of the default video track."""
        return [
            tag
            for tag in self.frames(VIDEO)
            if any(part.track == 0 and part.keyframe for part in tag.parts)
        ]

    @property
    def metadata(self) -> dict[str, Any]:
        assert self.tags, "the file has no tags"
        assert self.tags[0].kind == SCRIPT, "the file does not start with metadata"
        name, values = read_script(self.tags[0].head)
        assert name == "onMetaData"
        assert isinstance(values[0], dict)
        return values[0]


def scan(path: Path) -> ScannedFile:
    """Read a file that must be whole to its last byte."""
    scanner = Scanner()
    with path.open("rb") as file:
        tags = list(scan_file(file, scanner))
    assert scanner.broken is None, f"{path.name}: {scanner.broken}"
    assert scanner.good_bytes == path.stat().st_size, f"{path.name} is longer than its tags"
    return ScannedFile(tags, scanner.flags)


def check_beginning(file: ScannedFile, *, first: bool) -> None:
    """A keyframe at 0, or audio where there is no video.

    Args:
        first: a recording's first segment begins with the earliest frame of any track, which may
            be some ms of audio before the keyframe.
    """
    video, audio = file.frames(VIDEO), file.frames(AUDIO)
    assert file.flags == (bool(audio) << 2 | bool(video))
    if video:
        assert video[0].offset == file.keyframes()[0].offset, "the first frame is no keyframe"
    earliest = min(tag.timestamp for tag in (*video, *audio))
    assert earliest == 0, f"the file starts at {earliest} ms"
    if video and not first:
        assert video[0].timestamp == 0, f"the keyframe is at {video[0].timestamp} ms"


def check_index(file: ScannedFile) -> None:
    """Every entry of the keyframe index is the place and the time of a tag, and none is missing.

    The first entry is the first sequence header: some players discard it.
    """
    keyframes = file.keyframes()
    if not file.frames(VIDEO):
        return
    index = file.metadata["keyframes"]
    entries = list(zip(index["filepositions"], index["times"], strict=True))
    headers = [
        tag
        for tag in file.tags
        if tag.kind == VIDEO
        and any(part.track == 0 and part.role is Role.SEQUENCE_START for part in tag.parts)
    ]
    expected = [*headers[:1], *keyframes]
    assert entries == [(tag.offset, tag.timestamp / 1000) for tag in expected]


def check_rescan(file: ScannedFile, row: dict[str, Any]) -> None:
    """What the writer noted while writing is what a rescan finds."""
    summary = SegmentSummary()
    for tag in file.tags:
        summary.add(tag.kind, tag.timestamp, tag.head, tag.size, tag.parts)
    found = summary.head_values()
    metadata = file.metadata
    said = {
        "duration": found.duration_ms / 1000,
        "filesize": found.file_bytes,
        "hasAudio": found.has_audio,
        "hasVideo": found.has_video,
        "audiosize": found.audio_bytes,
        "videosize": found.video_bytes,
        "lasttimestamp": found.last_ms / 1000,
    }
    assert {name: metadata[name] for name in said} == said
    tracks = [(track.kind, track.number, track.codec) for track in summary.played_tracks()]
    kinds = {"video": VIDEO, "audio": AUDIO}
    assert [(kinds[t["kind"]], t["track"], t["codec"]) for t in row["tracks"]] == tracks
    for track in row["tracks"]:
        size_or_rate = ("width", "height") if track["kind"] == "video" else ("sample_rate",)
        assert all(track[name] for name in size_or_rate), track


def check_segment(path: Path, row: dict[str, Any], *, first: bool) -> None:
    """The file, its metadata and its row in the manifest agree with a rescan."""
    file = scan(path)
    size = path.stat().st_size
    check_beginning(file, first=first)
    check_index(file)
    check_rescan(file, row)
    metadata = file.metadata
    assert metadata["filesize"] == size
    assert round(metadata["duration"] * 1000) == row["duration_ms"]
    frames = [*file.frames(VIDEO), *file.frames(AUDIO)]
    last = max(tag.timestamp for tag in frames)
    # The last frame lasts too, as long as frames do.
    assert last <= row["duration_ms"] <= last + 100
    assert row["file"] == path.name
    assert row["bytes"] == size
    assert not row["forced"]
    assert not row["deleted"]
    assert not row["repaired"]


def can_be_played(path: Path, row: Mapping[str, Any]) -> bool:
    """Whether a player has nothing to say of it. It complains of a file that begins without a
    keyframe, and of one with the header of a track and no frame of it, as a connection leaves it
    that is lost right behind the first picture."""
    held = {(tag.kind, part.track, part.role) for tag in scan(path).tags for part in tag.parts}
    announced = {(kind, track) for kind, track, role in held if role is Role.SEQUENCE_START}
    return not row["forced"] and all((*track, Role.FRAME) in held for track in announced)


async def check_plays(path: Path) -> None:
    """The current ffmpeg plays the file by itself and has nothing to say."""
    said = await packets.complaints(path)
    assert said == "", f"{path}: {said}"


async def compare_recording(recording: Recording, published: Published) -> Comparison:
    """The packets of all segments in order against what was sent."""
    return packets.compare(await published.reference(), await packets.read_all(recording.segments))


async def check_recording(
    recording: Recording,
    published: Published,
    *,
    end_reason: str | None = None,
    was_held_back: bool = False,
) -> None:
    """Everything that was sent is there, and everything that is said about it is true.

    Args:
        was_held_back: a segment ends as well when so much time has passed since it began, as it
            does while the encoder has to wait.
    """
    manifest = recording.manifest
    assert not recording.parts
    assert manifest["end"] is not None
    if end_reason is not None:
        assert manifest["end_reason"] == end_reason
    rows = manifest["segments"]
    segments = recording.segments
    assert [row["file"] for row in rows] == [path.name for path in segments]
    assert [path.name for path in segments] == [f"{n + 1:04}.flv" for n in range(len(segments))]
    for row in rows[:-1]:
        # 3 s, and on to the next keyframe, of which there is one a second.
        assert row["duration_ms"] >= (0 if was_held_back else 3000), row
        assert row["duration_ms"] < 4100, row
    assert len(rows) > 1
    comparison = await compare_recording(recording, published)
    assert comparison.differences == []
    first_base = comparison.bases_ms[0]
    assert first_base is not None
    for row, base in zip(rows, comparison.bases_ms, strict=True):
        assert base is not None
        assert row["start_ms"] == base - first_base
        assert row["gap"] is None
    for index, (path, row) in enumerate(zip(segments, rows, strict=True)):
        check_segment(path, row, first=index == 0)
    async with trio.open_nursery() as nursery:
        for path in segments:
            nursery.start_soon(check_plays, path)
