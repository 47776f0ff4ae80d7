"""The comparisons that the tests beside this one trust, tried on files that ffmpeg itself made.

Each must pass on a recording without loss (an FLV cut by ffmpeg's own segment muxer) and fail on
every kind of damage that it is there to find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers import packets
from tests.real.flv_files import cut, stamped, tags_of, timestamp_of, write_tags

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = pytest.mark.real


def last_frame(tags: list[bytes]) -> int:
    """The position of the last AAC frame; behind it there may be an end of sequence."""
    return max(i for i, tag in enumerate(tags) if tag[0] == 8 and tag[12] == 1)


async def differences(source: Path, segments: list[Path]) -> list[str]:
    reference = await packets.read_tracks(source)
    return packets.compare(reference, await packets.read_all(segments)).differences


@pytest.mark.parametrize("recipe", ["hevc-opus", "av1-flac", "multitrack"])
async def test_a_cut_without_loss_is_equal_and_plays(
    sources: Sources, tmp_path: Path, recipe: str
) -> None:
    source = sources.get(recipe, 12)
    segments = cut(source, tmp_path)
    assert len(segments) == 4
    comparison = packets.compare(
        await packets.read_tracks(source), await packets.read_all(segments)
    )
    assert comparison.differences == []
    assert comparison.bases_ms == [0, 3000, 6000, 9000]
    assert await packets.complaints(segments[1]) == ""


async def test_every_damage_is_found(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 12)
    segments = cut(source, tmp_path)
    damaged = segments[1]
    whole = tags_of(damaged)
    middle = len(whole) // 2
    kind = whole[middle][0]
    after = next(i for i in range(middle + 1, len(whole)) if whole[i][0] == kind)
    flipped = bytearray(whole[middle])
    flipped[-10] ^= 1
    swapped = list(whole)
    swapped[middle] = stamped(whole[after], timestamp_of(whole[middle]))
    swapped[after] = stamped(whole[middle], timestamp_of(whole[after]))
    late = stamped(whole[middle], timestamp_of(whole[middle]) + 1)
    damages = {
        "a changed bit": [*whole[:middle], bytes(flipped), *whole[middle + 1 :]],
        "a lost frame": [*whole[:middle], *whole[middle + 1 :]],
        "a frame twice": [*whole[:middle], whole[middle], *whole[middle:]],
        "two frames in the other order": swapped,
        "a frame 1 ms late": [*whole[:middle], late, *whole[middle + 1 :]],
        "a lost end": whole[: last_frame(whole)],
    }
    for name, tags in damages.items():
        write_tags(damaged, tags)
        assert await differences(source, segments) != [], name
    write_tags(damaged, whole)
    assert await differences(source, segments) == []
    assert await differences(source, segments[:-1]) != [], "a lost segment"
    assert await differences(source, [*segments, segments[-1]]) != [], "a segment twice"
    swapped_files = [segments[0], segments[2], segments[1], segments[3]]
    assert await differences(source, swapped_files) != [], "segments in the other order"


async def test_a_shifted_track_is_found(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 12)
    segments = cut(source, tmp_path)
    tags = tags_of(segments[1])
    write_tags(segments[1], [stamped(t, timestamp_of(t) + 1) if t[0] == 8 else t for t in tags])
    assert await differences(source, segments) != []


async def test_another_configuration_is_found(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("multitrack", 12)
    segments = cut(source, tmp_path)
    tags = tags_of(segments[1])
    write_tags(segments[1], [t for t in tags if not (t[0] == 8 and t[11:13] == b"\xaf\x00")])
    assert await differences(source, segments) != []


async def test_a_file_that_does_not_play_is_found(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 12)
    segments = cut(source, tmp_path)
    whole = tags_of(segments[1])
    frame = next(i for i, t in enumerate(whole) if t[0] == 9 and t[12] == 1 and i > 40)
    damaged = whole[frame][:20] + bytes(b ^ 0x5A for b in whole[frame][20:-4]) + whole[frame][-4:]
    write_tags(segments[1], [*whole[:frame], damaged, *whole[frame + 1 :]])
    assert await packets.complaints(segments[1]) != "", "a damaged picture"
    write_tags(segments[1], whole)
    assert await packets.complaints(segments[1]) == ""
    data = segments[1].read_bytes()
    segments[1].write_bytes(data[: len(data) - 100])
    assert await packets.complaints(segments[1]) != "", "a file cut inside a tag"
