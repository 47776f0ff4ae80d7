"""The scanner: whole files in any pieces, files that are cut, and files that are damaged."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.flv.codecs import Role
from recorder.flv.scanner import HEAD_BYTES, BrokenFlv, ScannedTag, Scanner, scan_file
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO, file_header, tag
from tests.flv.building import many_tracks, one_track, with_modex

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = file_header(audio=True, video=True)
TRACKS = many_tracks(0x96, 1, b"avc1", [(0, bytes(100)), (1, bytes(100))])
CONTENT: list[tuple[int, int, bytes]] = [
    (SCRIPT, 0, b"\x02\0\x0aonMetaData" + bytes(200)),
    (VIDEO, 0, b"\x17\0\0\0\0" + bytes(100)),
    (AUDIO, 0, b"\xaf\0\x11\x90"),
    (VIDEO, 40, b"\x17\x01\0\0\0" + bytes(500)),
    (AUDIO, 41, b"\xaf\x01" + bytes(63)),
    (AUDIO, 62, b"\xaf\x01" + bytes(62)),
    (AUDIO, 63, b""),
    (VIDEO, 80, TRACKS),
    (VIDEO, 120, with_modex(b"\x91hvc1\0\0\0" + bytes(90), [bytes(300)])),
    (VIDEO, 0xFFFFFFFF, b"\x19" + bytes(90)),
    (VIDEO, 0x01000000, b"\x17\x02\0\0\0"),
]
FILE = HEADER + b"".join(tag(*each) for each in CONTENT)
ENDS = [
    len(HEADER) + sum(len(tag(*each)) for each in CONTENT[:count])
    for count in range(len(CONTENT) + 1)
]
"""Where the file header and each tag end."""


def scan(pieces: Iterable[bytes]) -> tuple[list[ScannedTag], Scanner]:
    scanner = Scanner()
    found = [each for piece in pieces for each in scanner.feed(piece)]
    scanner.finish()
    return found, scanner


WHOLE, _ = scan([FILE])


def test_every_tag_is_found_where_it_is() -> None:
    found, scanner = scan([FILE])
    assert [(each.kind, each.timestamp, each.size) for each in found] == [
        (kind, time, len(body)) for kind, time, body in CONTENT
    ]
    assert [each.offset for each in found] == ENDS[:-1]
    assert [each.end for each in found] == ENDS[1:]
    assert scanner.broken is None
    assert scanner.good_bytes == len(FILE)
    assert scanner.flags == 5
    assert scanner.held_bytes == 0


def test_frames_are_kept_by_their_head_and_everything_else_whole() -> None:
    for each, (_, _, body) in zip(WHOLE, CONTENT, strict=True):
        frame = each.kind != SCRIPT and each.parts[0].role in (Role.FRAME, Role.UNKNOWN)
        plain = frame and len(each.parts) == 1 and body[:1] != b"\x97"
        assert each.head == (body[:HEAD_BYTES] if plain else body)


def test_a_tag_says_what_is_in_it() -> None:
    roles = [[part.role for part in each.parts] for each in WHOLE]
    assert roles == [
        [],
        [Role.SEQUENCE_START],
        [Role.SEQUENCE_START],
        [Role.FRAME],
        [Role.FRAME],
        [Role.FRAME],
        [Role.EMPTY],
        [Role.FRAME, Role.FRAME],
        [Role.FRAME],
        [Role.UNKNOWN],
        [Role.SEQUENCE_END],
    ]


def test_byte_by_byte_gives_the_same_tags() -> None:
    found, scanner = scan(FILE[at : at + 1] for at in range(len(FILE)))
    assert found == WHOLE
    assert (scanner.broken, scanner.good_bytes) == (None, len(FILE))


@given(cuts=st.lists(st.integers(0, len(FILE)), max_size=12))
def test_any_split_gives_the_same_tags(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(FILE)]
    pieces = [FILE[start:end] for start, end in pairwise(places)]
    found, scanner = scan(pieces)
    assert found == WHOLE
    assert (scanner.broken, scanner.good_bytes) == (None, len(FILE))


def test_a_memoryview_and_a_bytearray_can_be_fed() -> None:
    scanner = Scanner()
    found = scanner.feed(bytearray(FILE[:300])) + scanner.feed(memoryview(FILE)[300:])
    assert found == WHOLE


def test_a_file_cut_anywhere_is_good_up_to_its_last_whole_tag() -> None:
    for length in range(len(FILE)):
        found, scanner = scan([FILE[:length]])
        good = max([0, *(end for end in ENDS if end <= length)])
        assert scanner.good_bytes == good
        assert found == [each for each in WHOLE if each.end <= length]
        if length == good > 0:
            assert scanner.broken is None
        else:
            where = "a tag" if good else "its header"
            assert scanner.broken == BrokenFlv(good, f"the file ends inside {where}")


def test_an_empty_file_is_broken_and_a_header_alone_is_not() -> None:
    assert scan([])[1].broken == BrokenFlv(0, "the file ends inside its header")
    assert scan([HEADER])[1].broken is None


@pytest.mark.parametrize(
    ("at", "value", "offset", "reason"),
    [
        (0, b"G", 0, "the file does not begin with FLV"),
        (3, b"\x02", 3, "version 2 of FLV is not known"),
        (8, b"\x0a", 5, "the file header is not nine bytes long"),
        (12, b"\x01", 5, "the file header is not nine bytes long"),
        (ENDS[2], b"\x07", ENDS[2], "a tag of type 7 is neither audio, video nor script"),
        (ENDS[2], b"\x28", ENDS[2], "a tag of type 40 is neither audio, video nor script"),
        (ENDS[2] + 8, b"\x01", ENDS[2] + 8, "a tag's stream id is not 0"),
        (ENDS[2] + 10, b"\x01", ENDS[2] + 8, "a tag's stream id is not 0"),
        (ENDS[3] + 8, b"\x01", ENDS[3] + 8, "a tag's stream id is not 0"),
        (ENDS[3] + 10, b"\x01", ENDS[3] + 8, "a tag's stream id is not 0"),
        (ENDS[4] - 1, b"\x00", ENDS[4] - 4, "PreviousTagSize is 512 behind a tag of 516 bytes"),
        (ENDS[3] - 1, b"\x00", ENDS[3] - 4, "PreviousTagSize is 0 behind a tag of 15 bytes"),
    ],
)
def test_damage_is_found_where_it_is(at: int, value: bytes, offset: int, reason: str) -> None:
    damaged = FILE[:at] + value + FILE[at + 1 :]
    good = max([0, *(end for end in ENDS if end <= offset)])
    for size in (1, 7, len(FILE)):
        found, scanner = scan(damaged[at : at + size] for at in range(0, len(FILE), size))
        assert scanner.broken == BrokenFlv(offset, reason)
        assert scanner.good_bytes == good
        assert found == [each for each in WHOLE if each.end <= good]
        assert scanner.held_bytes == 0


def test_what_follows_damage_is_not_looked_at() -> None:
    scanner = Scanner()
    assert scanner.feed(b"GIF89a" + bytes(20)) == []
    broken = scanner.broken
    assert scanner.feed(FILE) == []
    scanner.finish()
    assert scanner.broken is broken
    assert scanner.held_bytes == 0


@given(at=st.integers(0, len(FILE) - 1), value=st.integers(0, 255), data=st.binary(max_size=50))
def test_no_damage_raises_or_moves_the_tags_before_it(at: int, value: int, data: bytes) -> None:
    damaged = FILE[:at] + bytes([value]) + data + FILE[at + 1 :]
    found, scanner = scan([damaged])
    before = [each for each in WHOLE if each.end <= at]
    assert found[: len(before)] == before
    assert scanner.good_bytes <= len(damaged)
    assert scanner.good_bytes == max([0, *(each.end for each in found)]) or not found
    assert scanner.broken is None or scanner.broken.offset >= scanner.good_bytes or not found


@given(data=st.binary(max_size=200))
def test_random_bytes_behind_a_header_give_tags_or_damage(data: bytes) -> None:
    found, scanner = scan([HEADER, data])
    assert scanner.good_bytes == (found[-1].end if found else len(HEADER))
    assert scanner.broken is not None or scanner.good_bytes == len(HEADER) + len(data)


@pytest.mark.parametrize(
    "body",
    [
        with_modex(b"\x91hvc1\0\0\0" + bytes(90), [bytes(3)]),
        one_track(0x96, 1, b"avc1", 1, bytes(90)),
    ],
)
def test_of_a_wrapped_frame_the_whole_body_is_kept_however_it_is_fed(body: bytes) -> None:
    file = HEADER + tag(VIDEO, 0, body)
    for size in (1, len(file)):
        found, _ = scan(file[at : at + size] for at in range(0, len(file), size))
        assert [(each.head, each.parts[0].role) for each in found] == [(body, Role.FRAME)]


def test_of_a_large_frame_only_the_head_is_in_memory() -> None:
    scanner = Scanner()
    body = b"\x17\x01\0\0\0" + bytes(10_000_000)
    file = HEADER + tag(VIDEO, 0, body)
    most = 0
    for at in range(0, len(file), 4096):
        scanner.feed(file[at : at + 4096])
        most = max(most, scanner.held_bytes)
    assert most < 4096
    assert scanner.good_bytes == len(file)


def test_a_file_is_read_in_blocks_until_it_ends() -> None:
    big = tag(VIDEO, 0, b"\x27\x01\0\0\0" + bytes(700_000))
    file = io.BytesIO(FILE + big * 4)
    scanner = Scanner()
    found = list(scan_file(file, scanner))
    assert found[: len(WHOLE)] == WHOLE
    assert [each.size for each in found[len(WHOLE) :]] == [700_005] * 4
    assert scanner.broken is None
    assert scanner.good_bytes == len(FILE) + 4 * len(big)


def test_a_file_is_not_read_beyond_its_damage() -> None:
    file = io.BytesIO(FILE[:-1] + b"\xff" + bytes(5_000_000))
    scanner = Scanner()
    assert list(scan_file(file, scanner)) == WHOLE[:-1]
    assert scanner.broken is not None
    assert file.tell() < 5_000_000
    assert len(list(scan_file(io.BytesIO(FILE)))) == len(WHOLE)
