"""The frame of an FLV file, against the bytes of the specification."""

from __future__ import annotations

import pytest

from recorder.flv import tags


@pytest.mark.parametrize(
    ("audio", "video", "flags"), [(True, True, 5), (False, True, 1), (True, False, 4)]
)
def test_a_file_header_declares_its_kinds_of_tracks(audio: bool, video: bool, flags: int) -> None:
    header = tags.file_header(audio=audio, video=video)
    assert header == b"FLV\x01" + bytes([flags]) + b"\0\0\0\x09" + b"\0\0\0\0"
    assert len(header) == tags.FILE_HEADER_BYTES
    assert header[tags.FLAGS_OFFSET :][:1] == tags.flags(audio=audio, video=video)


def test_a_tag_header_has_the_time_s_high_byte_behind_the_low_ones() -> None:
    header = tags.tag_header(tags.VIDEO, 0x12345678, 0xABCDEF)
    assert header == bytes.fromhex("09 abcdef 345678 12 000000")


def test_a_whole_tag_is_header_body_and_previous_tag_size() -> None:
    assert tags.tag(tags.AUDIO, 1000, b"\xaf\x01xyz") == (
        bytes.fromhex("08 000005 0003e8 00 000000") + b"\xaf\x01xyz" + bytes.fromhex("00000010")
    )
    assert len(tags.tag(tags.SCRIPT, 0, b"")) == tags.TAG_OVERHEAD


def test_the_largest_values_can_be_written() -> None:
    header = tags.tag_header(tags.SCRIPT, tags.MAX_TIMESTAMP_MS, tags.MAX_BODY_BYTES)
    assert header == bytes.fromhex("12 ffffff ffffff ff 000000")
    assert tags.tag_trailer(tags.MAX_BODY_BYTES) == bytes.fromhex("0100000a")


@pytest.mark.parametrize(("time", "size"), [(0, 1 << 24), (0, -1), (1 << 32, 0), (-1, 0)])
def test_what_the_fields_cannot_hold_is_refused(time: int, size: int) -> None:
    with pytest.raises(ValueError, match="a tag"):
        tags.tag_header(tags.VIDEO, time, size)


def test_tags_are_read_back_one_by_one() -> None:
    some = [(tags.SCRIPT, 0, b"script"), (tags.VIDEO, 2**32 - 1, b""), (tags.AUDIO, 7, bytes(300))]
    assert list(tags.read_tags(b"".join(tags.tag(*each) for each in some))) == some
    assert list(tags.read_tags(b"")) == []
