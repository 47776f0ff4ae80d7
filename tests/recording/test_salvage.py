"""Parts that were cut off, made into segments: by the bytes a real segmenter and writer leave."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.amf import encode_values
from recorder.flv.head import read_head
from recorder.flv.script import ON_METADATA, read_script
from recorder.flv.tags import SCRIPT, file_header, tag
from recorder.recording.actions import SegmentFacts, TrackFacts
from recorder.recording.disk import closing
from recorder.recording.manifest import Segment as Row
from recorder.recording.salvage import RECOVERED, Salvaged, salvage_part, scan_segment
from tests.helpers import media
from tests.helpers.cut_off import CREATOR
from tests.helpers.disk import RecordingDisk
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Segment, check
from tests.recording.salvaging import (
    FINAL,
    INDEX,
    PART,
    ends,
    first_frame_end,
    made,
    part,
    row_of_a_close,
    salvage,
    unclosed,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _check_file(path: Path, row: Row, *, tags_up_to: int) -> None:
    """The file is a segment as the promises want it, and holds what was in it, up to there."""
    assert os.listdir(path) == [FINAL]
    data = (path / FINAL).read_bytes()
    head = len(made().opened.head)
    assert data[head:] == unclosed()[head:tags_up_to]
    assert len(data) == row.bytes == tags_up_to
    segment = Segment(made().opened, bytearray(data))
    segment.facts = SegmentFacts(
        duration_ms=row.duration_ms,
        size_bytes=row.bytes,
        tracks=row.tracks,
        keyframes=sum(part.keyframe for found in segment.tags() for part in found.parts),
        forced=row.forced,
        counts={},
    )
    check(segment)


# What becomes of it.


def test_a_part_that_was_cut_off_has_the_row_that_a_close_would_have_given(
    tmp_path: Path,
) -> None:
    salvaged = salvage(tmp_path, unclosed())
    assert salvaged == Salvaged(attrs.evolve(row_of_a_close(), repaired=True))
    _check_file(tmp_path, attrs.evolve(row_of_a_close(), repaired=True), tags_up_to=ends()[-1])
    head = made().tags()[0]
    kept = Segment(made().opened, bytearray((tmp_path / FINAL).read_bytes()))
    found = read_head(kept.body(kept.tags()[0]))
    assert found == attrs.evolve(read_head(made().body(head)), repaired=True)
    assert read_script(kept.body(kept.tags()[0]))[0] == ON_METADATA


def test_a_part_that_was_closed_and_not_named_is_the_segment_it_would_have_been(
    tmp_path: Path,
) -> None:
    disk = RecordingDisk()
    assert salvage(tmp_path, bytes(made().data), disk=disk) == Salvaged(row_of_a_close())
    assert (tmp_path / FINAL).read_bytes() == made().data
    # Who wrote it may have died before its sync.
    assert f"sync_file {PART}" in disk.operations
    assert not [each for each in disk.operations if each.startswith(("write", "truncate"))]


def test_a_header_that_landed_without_the_tail_is_not_believed(tmp_path: Path) -> None:
    for end in ends():
        if end < first_frame_end():
            continue
        salvaged = salvage(tmp_path, bytes(made().data[: end - 1]))
        assert salvaged.row is None or salvaged.row.repaired
        (tmp_path / FINAL).unlink(missing_ok=True)


@pytest.mark.parametrize("torn_at", [5, 13, 600, 4096, 8192])
def test_a_head_of_which_only_a_part_landed_tells_its_place_all_the_same(
    tmp_path: Path, torn_at: int
) -> None:
    assert len(made().opened.head) > 8192
    for begin, rest in ((bytes(made().data), unclosed()), (unclosed(), bytes(made().data))):
        torn = begin[:torn_at] + rest[torn_at:]
        is_whole = torn == made().data
        expected = attrs.evolve(row_of_a_close(), repaired=not is_whole)
        assert salvage(tmp_path, torn).row == expected
        _check_file(tmp_path, row_of_a_close(), tags_up_to=ends()[-1])
        (tmp_path / FINAL).unlink()


FIXTURE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@FIXTURE
@given(data=st.data())
def test_wherever_it_was_cut_every_whole_tag_is_kept(tmp_path: Path, data: st.DataObject) -> None:
    cut = data.draw(
        st.one_of(
            st.integers(0, len(unclosed())),
            st.sampled_from(ends()).flatmap(lambda end: st.integers(end - 16, end + 16)),
        )
    )
    tail = data.draw(
        st.one_of(
            st.just(b""),
            st.integers(1, 9_000).map(bytes),
            # What is no tag: its type is none.
            st.binary(max_size=60).map(lambda noise: b"\x1f" + noise),
        )
    )
    cut = min(cut, len(unclosed()))
    path = tmp_path / "each"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    salvaged = salvage(path, unclosed()[:cut] + tail)
    whole = max((end for end in ends() if end <= cut), default=0)
    if whole < first_frame_end():
        assert salvaged.row is None
        if salvaged.damaged:
            assert os.listdir(path) == [f"{FINAL}.damaged"]
            assert (path / f"{FINAL}.damaged").read_bytes() == unclosed()[:cut] + tail
            assert any(tail)
        else:
            assert os.listdir(path) == []
            assert salvaged.cut_bytes == cut + len(tail)
    else:
        assert salvaged.row is not None
        _check_file(path, salvaged.row, tags_up_to=whole)
        assert salvaged.cut_bytes == cut + len(tail) - whole
        assert salvaged.row.start_ms == made().opened.position_ms


def test_what_is_in_the_next_segment_too_is_cut_off(tmp_path: Path) -> None:
    landed = ends()[-20] + 3
    salvaged = salvage(tmp_path, unclosed(), landed_bytes=landed)
    assert salvaged.row is not None
    _check_file(tmp_path, salvaged.row, tags_up_to=ends()[-20])


def test_a_part_goes_whose_every_frame_is_in_the_next_segment_too(tmp_path: Path) -> None:
    landed = len(made().opened.head)
    assert not salvage(tmp_path, unclosed(), landed_bytes=landed).damaged
    assert os.listdir(tmp_path) == []


def test_more_may_have_landed_than_there_is(tmp_path: Path) -> None:
    assert salvage(tmp_path, unclosed(), landed_bytes=1 << 40).row is not None


def test_what_is_suspect_is_read_from_the_disk_and_says_so_for_good(tmp_path: Path) -> None:
    disk = RecordingDisk()
    salvaged = salvage(tmp_path, bytes(made().data), disk=disk, suspect=True)
    suspect = attrs.evolve(row_of_a_close(), repaired=True, suspect=True)
    assert salvaged.row == suspect
    assert disk.operations[:2] == [f"open_to_repair {PART}", f"forget_cache {PART}"]
    with closing(disk, disk.open_path(tmp_path)) as folder:
        assert scan_segment(disk, folder, INDEX, after_ms=0) == suspect
    (tmp_path / FINAL).rename(tmp_path / PART)
    assert salvage(tmp_path, (tmp_path / PART).read_bytes()).row == suspect


class _Remembering(RecordingDisk):
    """A disk of which a sync has failed: until it is forgotten, memory shows all that was written.
    The kernel tells that once, and nothing to a process that comes later."""

    def __init__(self, written: bytes) -> None:
        super().__init__()
        self._memory: bytes | None = written

    def forget_cache(self, file: int) -> None:
        super().forget_cache(file)
        self._memory = None

    def read(self, file: int, size: int, offset: int) -> bytes:
        found = super().read(file, size, offset)
        return found if self._memory is None else self._memory[offset : offset + size]


def test_what_a_process_before_could_not_sync_is_not_believed(tmp_path: Path) -> None:
    """Its part would be called complete, with the checksum of bytes that are gone at the next
    boot."""
    end = ends()[-20]
    lost = unclosed()[:end] + bytes(len(unclosed()) - end)
    salvaged = salvage(tmp_path, lost, disk=_Remembering(unclosed()))
    assert salvaged.row is not None
    _check_file(tmp_path, salvaged.row, tags_up_to=end)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"FLV",
        bytes(9_000),
        pytest.param(lambda: made().opened.head, id="head"),
        pytest.param(lambda: made().opened.head[:20_000], id="half a head"),
        pytest.param(lambda: made().opened.head[:20_000] + bytes(20_000), id="zeros in a head"),
        pytest.param(lambda: made().opened.head + bytes(2 << 20), id="head and zeros"),
        pytest.param(lambda: unclosed()[: first_frame_end() - 1], id="half a frame"),
    ],
)
def test_a_part_in_which_nothing_is_goes(
    tmp_path: Path, content: bytes | Callable[[], bytes]
) -> None:
    data = content() if callable(content) else content
    assert salvage(tmp_path, data) == Salvaged(None, cut_bytes=len(data))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"else",
        b"something else",
        pytest.param(lambda: bytes(5_000) + made().opened.head[5_000:], id="no beginning"),
        pytest.param(
            lambda: made().opened.head + bytes(1 << 20) + b"\x09", id="something behind zeros"
        ),
        pytest.param(lambda: made().opened.head + b"\x1f", id="what begins no tag"),
    ],
)
def test_a_part_that_cannot_be_read_is_kept(
    tmp_path: Path, content: bytes | Callable[[], bytes]
) -> None:
    data = content() if callable(content) else content
    disk = RecordingDisk()
    assert salvage(tmp_path, data, disk=disk) == Salvaged(None, damaged=True)
    # What is kept is durable: who wrote it may have died before its sync.
    synced = disk.operations.index(f"sync_file {PART}")
    assert synced < disk.operations.index(f"link {FINAL}.damaged")
    assert os.listdir(tmp_path) == [f"{FINAL}.damaged"]
    assert (tmp_path / f"{FINAL}.damaged").read_bytes() == data


def test_a_part_that_becomes_shorter_while_it_is_read_ends_there(tmp_path: Path) -> None:
    class Shrinking(RecordingDisk):
        def size(self, file: int) -> int:
            return super().size(file) + 1000

    salvaged = salvage(tmp_path, unclosed(), disk=Shrinking())
    assert salvaged.row == attrs.evolve(row_of_a_close(), repaired=True)


def test_progress_is_the_bytes_that_were_read(tmp_path: Path) -> None:
    read: list[int] = []
    disk = RecordingDisk()
    with part(disk, tmp_path, unclosed()) as folder:
        salvage_part(disk, folder, INDEX, creator=CREATOR, after_ms=0, progress=read.append)
    assert sum(read) == len(unclosed())


# Of other makers.


VIDEO_ONLY = TrackFacts(kind="video", track=0, codec="avc1")


def _tags(*bodies: tuple[int, int, bytes]) -> bytes:
    return file_header(audio=True, video=True) + b"".join(
        tag(kind, ms, body) for kind, ms, body in bodies
    )


def test_a_part_without_a_head_begins_where_the_one_before_ends(tmp_path: Path) -> None:
    content = _tags((VIDEO, 0, media.avc_frame(key=False)), (VIDEO, 40, media.avc_frame(key=False)))
    row = salvage(tmp_path, content).row
    assert row == Row(
        file=FINAL,
        start_ms=77,
        duration_ms=80,
        bytes=len(content),
        tracks=(VIDEO_ONLY,),
        repaired=True,
        forced=True,
        reason=RECOVERED,
    )
    assert (tmp_path / FINAL).read_bytes() == content[:4] + b"\x01" + content[5:]


def test_a_head_without_room_for_our_words_stays_as_it_is(tmp_path: Path) -> None:
    content = _tags(
        (SCRIPT, 0, encode_values(ON_METADATA, {"title": "a"})), (AUDIO, 0, media.aac_frame())
    )
    row = salvage(tmp_path, content).row
    assert row is not None
    assert (row.forced, row.reason) == (False, RECOVERED)
    assert (tmp_path / FINAL).read_bytes() == content[:4] + b"\x04" + content[5:]


# Segments that nobody remembers.


def test_a_segment_without_a_row_gets_the_one_it_had(tmp_path: Path) -> None:
    disk = RecordingDisk()
    read: list[int] = []
    with part(disk, tmp_path, bytes(made().data), FINAL) as folder:
        row = scan_segment(disk, folder, INDEX, after_ms=77, progress=read.append)
    assert row == row_of_a_close()
    assert sum(read) == row.bytes
    assert {each.split()[0] for each in disk.operations} == {"open_file", "size", "read", "close"}


def test_a_repaired_segment_without_a_row_is_repaired_all_the_same(tmp_path: Path) -> None:
    row = salvage(tmp_path, unclosed()[:-1]).row
    disk = RecordingDisk()
    with closing(disk, disk.open_path(tmp_path)) as folder:
        assert scan_segment(disk, folder, INDEX, after_ms=77) == row


def test_of_a_segment_that_breaks_the_row_says_what_can_be_played(tmp_path: Path) -> None:
    content = unclosed()[: ends()[-20]] + b"\x1f" * 100
    disk = RecordingDisk()
    with part(disk, tmp_path, content, FINAL) as folder:
        row = scan_segment(disk, folder, INDEX, after_ms=77)
    assert row.bytes == len(content)
    assert 0 < row.duration_ms < row_of_a_close().duration_ms
    assert (tmp_path / FINAL).read_bytes() == content
