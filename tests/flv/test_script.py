"""Script tags: what is read from a publisher's, and the head of a file, byte for byte."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.amf import AmfError, EcmaArray, Value, decode_value, encode_values
from recorder.flv import script
from recorder.flv.script import (
    CopiedFields,
    HeadValues,
    IndexEntry,
    copied_fields,
    head_body,
    read_script,
    reserved_bytes,
    stops_ffmpeg,
    thinned,
)

SIZE = 2_000


def head(body: bytes) -> dict[str, Value]:
    """The members, strictly: the body is two values and not a byte more."""
    name, offset = decode_value(body)
    members, end = decode_value(body, offset)
    assert (name, end) == ("onMetaData", len(body))
    assert isinstance(members, EcmaArray)
    # The count in front is only a hint in AMF0, but readers allocate by it.
    assert struct.unpack_from(">I", body, offset + 1) == (len(members),)
    return members


def entries(count: int) -> list[IndexEntry]:
    return [IndexEntry(ms=2_000 * i, offset=33_000 + 1_000 * i) for i in range(count)]


def test_a_script_is_a_name_and_values() -> None:
    assert read_script(encode_values("onCuePoint", 1.0, None)) == ("onCuePoint", [1.0, None])
    assert read_script(encode_values(7.0, "late name")) == (None, ["late name"])
    assert read_script(b"") == (None, [])


def test_a_script_that_is_no_amf_is_an_error() -> None:
    with pytest.raises(AmfError):
        read_script(b"\xff")


def metadata_body(copied: CopiedFields) -> bytes:
    """The copied values as an `onMetaData` of their own."""
    count = struct.pack(">I", copied.count)
    return encode_values("onMetaData") + b"\x08" + count + copied.encoded + b"\0\0\x09"


@pytest.mark.parametrize(
    ("name", "body", "stops"),
    [
        ("onCaption", encode_values("onCaption", {"type": "708", "data": "AAAA"}), True),
        ("onCaption", encode_values("onCaption", "text"), True),
        ("onCaption", encode_values("onCaption", {"text": 1.0}), True),
        ("onCaption", b"\xff", True),
        ("onCaption", encode_values("onCaption", {"text": "hello"}), False),
        ("onCaptionInfo", encode_values("onCaptionInfo", {"type": "708"}), False),
        (None, b"\xff", False),
    ],
)
def test_a_caption_without_text_would_stop_ffmpeg(name: str, body: bytes, stops: bool) -> None:
    assert stops_ffmpeg(name, body) is stops


def test_a_publishers_values_are_copied_as_they_are() -> None:
    members: dict[str, Value] = {"encoder": "obs", "width": 64.0, "list": [1.0, None], "x": {}}
    copied = copied_fields([EcmaArray(members)])
    assert copied.count == 4
    assert head(metadata_body(copied)) == members


def test_what_a_file_says_about_itself_is_not_copied() -> None:
    members: dict[str, Value] = dict.fromkeys(script.OWN_KEYS, 1.0)
    copied = copied_fields(["text first", {"kept": True, **members}])
    assert head(metadata_body(copied)) == {"kept": True}


def test_metadata_without_an_object_have_nothing_to_copy() -> None:
    assert copied_fields(["text", 1.0]) == CopiedFields()
    assert head(metadata_body(CopiedFields())) == {}


def test_what_cannot_be_written_is_left_out() -> None:
    deep: Value = 1.0
    for _ in range(40):
        deep = [deep]
    members: dict[str, Value] = {
        "": 1.0, "deep": deep, "k" * 70_000: 1.0, "\ud800": 1.0, "good": "\udcff"
    }  # fmt: skip
    assert head(metadata_body(copied_fields([members]))) == {"good": "\udcff"}


def test_no_more_is_copied_than_every_head_has_room_for() -> None:
    members: dict[str, Value] = {f"key{i}": "v" * 1_000 for i in range(100)}
    members["small"] = 1.0
    copied = copied_fields([members])
    assert script.COPIED_BYTES - 1_020 < len(copied.encoded) <= script.COPIED_BYTES
    assert "small" in head(metadata_body(copied))
    body = head_body(reserved_bytes(1_000), HeadValues(), creator="c", copied=copied)
    assert len(body) == reserved_bytes(1_000)


def test_a_head_of_many_short_members_can_be_read_back() -> None:
    members: dict[str, Value] = {f"{i:x}": True for i in range(4_000)}
    copied = copied_fields([members])
    body = head_body(reserved_bytes(1_000), HeadValues(), creator="c", copied=copied)
    _, values = read_script(body)
    assert copied_fields(values) == copied


@pytest.mark.parametrize(
    ("duration_ms", "expected"),
    [
        (1_000, 32_768 + 18),
        (600_000, 32_768 + 18 * 900),
        (24 * 3_600_000, 32_768 + 18 * 20_000),
    ],
)
def test_the_reserve_is_that_of_the_design(duration_ms: int, expected: int) -> None:
    assert reserved_bytes(duration_ms) == expected


def test_a_publisher_cannot_name_a_place() -> None:
    copied = copied_fields([{"recordingPosition": 5.0, "segmentReason": "x", "width": 1.0}])
    assert copied.count == 1


def test_the_head_of_a_file_just_opened() -> None:
    members = head(head_body(SIZE, HeadValues(), creator="recorder 1"))
    filler = members.pop("filler")
    assert isinstance(filler, list)
    assert set(filler) == {0.0, None} or set(filler) == {0.0}
    assert members == {
        "duration": 0.0, "filesize": 0.0, "metadatacreator": "recorder 1", "hasMetadata": True,
        "hasVideo": False, "hasAudio": False, "hasKeyframes": False,
        "datasize": 0.0, "videosize": 0.0, "audiosize": 0.0, "lasttimestamp": 0.0,
    }  # fmt: skip


def test_the_head_of_a_finished_file() -> None:
    values = HeadValues(
        duration_ms=4_040, file_bytes=99_000, has_audio=True, has_video=True, audio_bytes=1_000,
        video_bytes=2_000, last_ms=4_000, last_keyframe=IndexEntry(4_000, 35_000),
        index=entries(3),
    )  # fmt: skip
    body = head_body(
        SIZE, values, creator="c", forced=True, copied=copied_fields([{"title": "Room 101"}])
    )
    assert len(body) == SIZE
    members = head(body)
    del members["filler"]
    assert members == {
        "duration": 4.04, "filesize": 99_000.0, "metadatacreator": "c", "hasMetadata": True,
        "hasVideo": True, "hasAudio": True, "hasKeyframes": True,
        "datasize": 3_000.0, "videosize": 2_000.0, "audiosize": 1_000.0, "lasttimestamp": 4.0,
        "lastkeyframetimestamp": 4.0, "lastkeyframelocation": 35_000.0, "forcedStart": True,
        "title": "Room 101",
        "keyframes": {
            "filepositions": [33_000.0, 34_000.0, 35_000.0], "times": [0.0, 2.0, 4.0],
        },
    }  # fmt: skip


@given(st.integers(400, 1_500), st.integers(0, 60), st.text(max_size=40), st.booleans())
def test_a_head_has_exactly_the_size_it_is_given(
    size: int, count: int, creator: str, forced: bool
) -> None:
    body = head_body(size, HeadValues(index=entries(count)), creator=creator, forced=forced)
    assert len(body) == size
    head(body)


def filler_of(size: int) -> bytes:
    """The bytes that the filler's elements take in an empty head of this size."""
    filler = head(head_body(size, HeadValues(), creator="c"))["filler"]
    assert isinstance(filler, list)
    return b"".join(bytes(9) if element == 0.0 else b"\x05" for element in filler)


def test_every_size_can_be_reached() -> None:
    for size in range(400, 420):
        assert len(head_body(size, HeadValues(), creator="c")) == size


def test_the_index_is_thinned_to_fit() -> None:
    body = head_body(900, HeadValues(index=entries(1_000)), creator="c")
    keyframes = head(body)["keyframes"]
    assert isinstance(keyframes, dict)
    times, positions = keyframes["times"], keyframes["filepositions"]
    assert isinstance(times, list)
    assert isinstance(positions, list)
    assert len(times) == len(positions) >= 20
    assert times[:2] == [0.0, 2.0]
    seconds = [time for time in times[2:] if isinstance(time, float)]
    steps = [after - before for before, after in pairwise(seconds)]
    assert max(steps) - min(steps) <= 2.0


def test_an_index_that_cannot_fit_is_left_out() -> None:
    smallest = len(head_body(400, HeadValues(), creator="c")) - len(filler_of(400))
    members = head(head_body(smallest + 50, HeadValues(index=entries(3)), creator="c"))
    assert "keyframes" not in members
    assert members["hasKeyframes"] is True


def test_the_largest_head_of_all_fits_a_tag() -> None:
    size = reserved_bytes(24 * 3_600_000)
    members = head(head_body(size, HeadValues(index=entries(20_000)), creator="c"))
    keyframes = members["keyframes"]
    assert isinstance(keyframes, dict)
    assert isinstance(keyframes["times"], list)
    assert len(keyframes["times"]) == 20_000


def test_values_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(ValueError, match="too small"):
        head_body(100, HeadValues(), creator="c")


@given(st.integers(0, 200), st.integers(0, 200))
def test_thinning_keeps_the_first_two_and_the_order(count: int, most: int) -> None:
    index = entries(count)
    kept = thinned(index, most)
    assert len(kept) == (min(count, most) if min(count, most) >= 2 or count <= most else 0)
    assert list(kept[:2]) == index[: len(kept)][:2]
    assert sorted(kept, key=lambda entry: entry.ms) == list(kept)
    assert len({entry.ms for entry in kept}) == len(kept)
