"""The checks of a segment's metadata and manifest row, tried on a good file and on every lie.

The good file is one that ffmpeg cut, with a head in front as the recorder writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from recorder.flv.script import IndexEntry, head_body, reserved_bytes
from recorder.flv.summary import SegmentSummary
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO, file_header, tag
from tests.real.checks import (
    ScannedFile,
    can_be_played,
    check_beginning,
    check_plays,
    check_segment,
    scan,
)
from tests.real.flv_files import cut, stamped, tags_of, timestamp_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.flv.script import HeadValues
    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real

RESERVED_BYTES = reserved_bytes(3000)


@pytest.fixture
def segment(sources: Sources, tmp_path: Path) -> Path:
    """The second segment of a recording."""
    return cut(sources.get("h264-aac", 12), tmp_path)[1]


def write(path: Path, tags: list[bytes], values: HeadValues | None = None) -> ScannedFile:
    head = bytes(RESERVED_BYTES) if values is None else body_of(values)
    path.write_bytes(file_header(audio=True, video=True) + tag(SCRIPT, 0, head) + b"".join(tags))
    return scan(path)


def body_of(values: HeadValues) -> bytes:
    return head_body(RESERVED_BYTES, values, creator="a test")


def furnish(path: Path, change: Callable[[HeadValues], HeadValues]) -> dict[str, Any]:
    """Put a head in front of the file's media, changed as told; gives the true manifest row."""
    media = [one for one in tags_of(path) if one[0] != SCRIPT]
    summary = SegmentSummary()
    for scanned in write(path, media).tags:
        summary.add(scanned.kind, scanned.timestamp, scanned.head, scanned.size, scanned.parts)
    values = summary.head_values()
    write(path, media, change(values))
    tracks = [
        {
            "kind": "video" if track.kind == VIDEO else "audio",
            "track": track.number,
            "codec": track.codec,
            "width": 320,
            "height": 180,
            "sample_rate": 48000,
        }
        for track in summary.played_tracks()
    ]
    return {
        "file": path.name,
        "duration_ms": values.duration_ms,
        "bytes": path.stat().st_size,
        "tracks": tracks,
        "forced": False,
        "deleted": False,
        "repaired": False,
    }


def unchanged(values: HeadValues) -> HeadValues:
    return values


async def test_a_true_segment_passes(segment: Path) -> None:
    row = furnish(segment, unchanged)
    check_segment(segment, row, first=False)
    await check_plays(segment)


def moved(entry: IndexEntry) -> IndexEntry:
    return IndexEntry(entry.ms, entry.offset + 1)


LIES: dict[str, Callable[[HeadValues], HeadValues]] = {
    "duration": lambda v: attrs.evolve(v, duration_ms=v.duration_ms + 1),
    "file size": lambda v: attrs.evolve(v, file_bytes=v.file_bytes - 1),
    "a keyframe elsewhere": lambda v: attrs.evolve(v, index=[*v.index[:-1], moved(v.index[-1])]),
    "a keyframe less": lambda v: attrs.evolve(v, index=v.index[:-1]),
    "no sequence header": lambda v: attrs.evolve(v, index=v.index[1:]),
    "no index": lambda v: attrs.evolve(v, index=[]),
    "the last time": lambda v: attrs.evolve(v, last_ms=v.last_ms + 1),
    "no audio": lambda v: attrs.evolve(v, has_audio=False),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_in_the_metadata_is_found(segment: Path, lie: str) -> None:
    row = furnish(segment, LIES[lie])
    with pytest.raises((AssertionError, KeyError)):
        check_segment(segment, row, first=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("file", "0009.flv"),
        ("duration_ms", 2999),
        ("bytes", 1),
        ("tracks", []),
        ("forced", True),
        ("repaired", True),
    ],
)
def test_a_lie_in_the_manifest_is_found(segment: Path, name: str, value: object) -> None:
    row = furnish(segment, unchanged)
    row[name] = value
    with pytest.raises(AssertionError):
        check_segment(segment, row, first=False)


def test_a_file_that_is_not_whole_is_found(segment: Path) -> None:
    whole = segment.read_bytes()
    for damaged in (whole[:-1], whole + b"\0", whole[:-1] + b"\xff"):
        segment.write_bytes(damaged)
        with pytest.raises(AssertionError):
            scan(segment)


def test_a_wrong_beginning_is_found(segment: Path) -> None:
    media = [one for one in tags_of(segment) if one[0] != SCRIPT]
    check_beginning(write(segment, media), first=False)
    keyframe = next(i for i, one in enumerate(media) if one[0] == VIDEO and one[12] == 1)
    with pytest.raises(AssertionError, match="no keyframe"):
        check_beginning(write(segment, [*media[:keyframe], *media[keyframe + 1 :]]), first=False)
    late = [stamped(one, timestamp_of(one) + 5) for one in media]
    with pytest.raises(AssertionError, match="starts at 5 ms"):
        check_beginning(write(segment, late), first=False)


async def test_a_player_complains_of_a_track_without_a_frame_and_of_no_short_file(
    segment: Path, tmp_path: Path
) -> None:
    media = [one for one in tags_of(segment) if one[0] != SCRIPT]
    video, audio = ([one for one in media if one[0] == kind] for kind in (VIDEO, AUDIO))
    headers, row = [video[0], audio[0]], {"forced": False}
    path = tmp_path / "short.flv"
    for frames, is_whole in (([video[1]], False), ([video[1], audio[1]], True)):
        write(path, headers + frames)
        assert can_be_played(path, row) is is_whole
        if is_whole:
            await check_plays(path)
        else:
            with pytest.raises(AssertionError):
                await check_plays(path)
    assert not can_be_played(path, {"forced": True})
