"""One segment from its first byte to its last: whole, damaged, and lying about itself."""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.flv.tags import AUDIO, FILE_HEADER_BYTES, SCRIPT, VIDEO, file_header, tag
from recorder.recording.findings import Finding, Kind
from recorder.recording.inspection import Inspection
from recorder.recording.manifest import Segment as Row
from tests.flv.building import many_tracks
from tests.helpers import media
from tests.helpers.segments import Publish, Segment, rules

SCRIPT_TAG = FILE_HEADER_BYTES
"""Where the head tag stands."""


@cache
def written() -> tuple[Segment, ...]:
    """Four segments, of a second each but the last."""
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.play(0, 3_500, size=100, gop_ms=200)
    return tuple(publish.finish())


def row_of(segment: Segment, data: bytes, **changes: Any) -> Row:
    row = Row.of(
        segment.number + 1,
        segment.closed_facts,
        start_ms=segment.opened.position_ms,
        reason=segment.reason.value,
    )
    return attrs.evolve(row, **{"sha256": hashlib.sha256(data).hexdigest(), **changes})


def inspect(data: bytes, row: Row | None = None, *, block: int = 1 << 20) -> list[Finding]:
    inspection = Inspection("0002.flv", len(data), row)
    for at in range(0, len(data), block):
        if not inspection.wants_more:
            break
        inspection.feed(data[at : at + block])
    return inspection.ended()


def kinds(found: list[Finding]) -> list[Kind]:
    return [each.kind for each in found]


WHOLE = bytes(written()[1].data)
ROW = row_of(written()[1], WHOLE)
TAGS = written()[1].tags()


def patched(data: bytes, at: int, by: bytes) -> bytes:
    return data[:at] + by + data[at + len(by) :]


def said(key: str, encoded: bytes) -> bytes:
    """The file, and its head says something else of itself."""
    at = WHOLE.index(struct.pack(">H", len(key)) + key.encode()) + 2 + len(key)
    return patched(WHOLE, at, encoded)


@pytest.mark.unmeasured
@pytest.mark.parametrize("block", [1, 1_000, 1 << 20])
def test_what_the_recorder_writes_gives_no_finding(block: int) -> None:
    for segment in written():
        data = bytes(segment.data)
        assert inspect(data, row_of(segment, data), block=block) == []
        assert inspect(data, block=block) == []


def test_a_missing_checksum_is_told() -> None:
    (found,) = inspect(WHOLE, attrs.evolve(ROW, sha256=None))
    assert (found.kind, found.is_damage) == (Kind.NOT_HASHED, False)


@pytest.mark.unmeasured
@given(at=st.integers(0, len(WHOLE) - 1), by=st.integers(1, 255))
def test_any_changed_byte_of_a_segment_with_a_checksum_is_found(at: int, by: int) -> None:
    found = inspect(patched(WHOLE, at, bytes([WHOLE[at] ^ by])), ROW)
    assert Kind.CHECKSUM in kinds(found)
    assert all(each.is_damage and each.text.endswith(".") for each in found)


def check_cut_off(length: int) -> None:
    size, *rest = inspect(WHOLE[:length], attrs.evolve(ROW, sha256=None))
    whole = [each.timestamp for each in TAGS if each.end <= length]
    assert (size.kind, size.at_ms) == (Kind.SIZE, whole[-1] if whole else 0)
    assert f"is {len(WHOLE) - length} bytes shorter than" in size.text
    assert rest[-1].kind is Kind.NOT_HASHED
    for broken in rest[:-1]:
        assert (broken.kind, broken.at_ms) == (Kind.STRUCTURE, size.at_ms)


def test_a_file_cut_off_at_a_tag_is_found_and_told_where_it_ends() -> None:
    check_cut_off(TAGS[-1].offset)


@pytest.mark.unmeasured
@given(length=st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_off_anywhere_is_found_and_told_where_it_ends(length: int) -> None:
    check_cut_off(length)


def test_a_file_that_grew_is_found_and_breaks_behind_its_end() -> None:
    size, broken = inspect(WHOLE + b"more", ROW)
    assert "is 4 bytes longer than its manifest says" in size.text
    assert (broken.kind, broken.at_byte) == (Kind.STRUCTURE, len(WHOLE))
    (broken,) = inspect(WHOLE + b"more")
    assert broken.kind is Kind.STRUCTURE


@pytest.mark.parametrize("index", range(4, len(TAGS), 7))
def test_a_broken_tag_is_named_by_its_second(index: int) -> None:
    publish = Publish(rules(duration_ms=120_000))
    publish.headers()
    publish.play(0, 70_000, gop_ms=1_000)
    (segment,) = publish.finish()
    tags = segment.tags()
    broken_tag = tags[index * len(tags) // len(TAGS)]
    data = patched(bytes(segment.data), broken_tag.offset, b"\x07")
    structure, checksum = inspect(data, row_of(segment, bytes(segment.data)))
    assert structure.kind is Kind.STRUCTURE
    assert structure.at_byte == broken_tag.offset
    assert structure.at_ms is not None
    assert 0 <= broken_tag.timestamp - structure.at_ms <= 40
    minutes, seconds = divmod(structure.at_ms // 1000, 60)
    assert structure.text == (
        f"breaks at {minutes}:{seconds:02} (byte {broken_tag.offset}): "
        "a tag of type 7 is neither audio, video nor script."
    )
    assert checksum.kind is Kind.CHECKSUM


def test_behind_damage_only_a_checksum_wants_more() -> None:
    for row, wants in ((None, False), (attrs.evolve(ROW, sha256=None), False), (ROW, True)):
        inspection = Inspection("0002.flv", len(WHOLE), row)
        inspection.feed(b"GIF89a" + bytes(20))
        assert inspection.wants_more == wants


def test_what_cannot_be_read_is_told_by_its_second() -> None:
    inspection = Inspection("0002.flv", len(WHOLE), ROW)
    last = TAGS[-1]
    inspection.feed(WHOLE[: last.offset + 3])
    (found,) = inspection.failed(OSError(5, "Input/output error"), last.offset + 3)
    assert (found.kind, found.at_ms) == (Kind.UNREADABLE, TAGS[-2].timestamp)
    assert found.text == (
        f"cannot be read from 0:00 (byte {last.offset + 3}) on (Input/output error); "
        "check the disk and its cable or card."
    )


# What the head says.


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("duration", media.amf_number(5.0), "it says duration 5, and it is 1"),
        ("duration", media.amf_number(float("nan")), "it says duration nan, and it is 1"),
        ("filesize", media.amf_number(77.0), f"it says filesize 77, and it is {len(WHOLE)}"),
        ("hasVideo", b"\x01\0", "it says hasVideo False, and it is True"),
        ("hasAudio", b"\x01\0", "it says hasAudio False, and it is True"),
    ],
)
def test_a_head_that_lies_is_found(key: str, value: bytes, text: str) -> None:
    (found,) = inspect(said(key, value))
    assert found.kind is Kind.HEADER
    assert text in found.text


def test_flags_that_lie_are_found() -> None:
    (found,) = inspect(patched(WHOLE, 4, b"\x04"))
    assert found.text == "has a wrong header: its flags do not say which tracks there are."


def index_entries() -> tuple[int, int]:
    """Where the first number of the positions and of the times stands."""
    positions = WHOLE.index(b"filepositions") + len(b"filepositions") + 5
    return positions, WHOLE.index(b"\0\x05times") + 7 + 5


@pytest.mark.parametrize("entry", [0, 1, 2])
def test_an_index_that_leads_elsewhere_is_found(entry: int) -> None:
    frame = next(each for each in TAGS if each.timestamp == 40 and each.kind == VIDEO)
    positions, times = index_entries()
    for wrong in (
        patched(WHOLE, positions + 9 * entry, media.amf_number(float(frame.offset))),
        patched(WHOLE, positions + 9 * entry, media.amf_number(1e9)),
        patched(WHOLE, positions + 9 * entry, b"\x05" * 9),
        patched(WHOLE, times + 9 * entry, media.amf_number(0.04)),
    ):
        found = inspect(wrong)
        assert Kind.HEADER in kinds(found) or Kind.STRUCTURE in kinds(found)
    positions_lie = patched(WHOLE, positions + 9 * entry, media.amf_number(float(frame.offset)))
    (found_index,) = inspect(positions_lie)
    assert "its keyframe index does not lead to its keyframes" in found_index.text


def test_a_position_that_is_no_number_and_lists_that_do_not_match_are_no_index() -> None:
    positions, times = index_entries()
    a_text = media.amf_text("sixsix")
    assert len(a_text) == 9
    count = struct.pack(">I", 5)
    a_null = b"\x05" * 9
    shorter = patched(WHOLE, times - 4, count)
    assert shorter != WHOLE
    for wrong in (patched(WHOLE, positions, a_text), patched(WHOLE, positions, a_null), shorter):
        assert kinds(inspect(wrong)) == [Kind.HEADER]


@pytest.mark.parametrize("key", ["keyframes", "filepositions", "times"])
def test_an_index_that_is_missing_is_found(key: str) -> None:
    encoded = struct.pack(">H", len(key)) + key.encode()
    at = WHOLE.index(encoded)
    (found,) = inspect(patched(WHOLE, at + 2, b"x"))
    assert "its keyframe index does not lead" in found.text


def test_a_file_without_metadata_at_its_beginning_is_found() -> None:
    head = TAGS[0]
    body = WHOLE[head.offset + 11 : head.offset + 11 + head.size]
    for other in (
        b"\xff" + body[1:],
        body.replace(b"onMetaData", b"onMetaDatA", 1),
        media.amf_text("onMetaData") + media.amf_number(1.0),
        media.amf_text("onMetaData"),
    ):
        data = WHOLE[: head.offset] + tag(SCRIPT, 0, other) + WHOLE[head.end :]
        (found,) = inspect(data)
        assert found.text == (
            "has a wrong header: it does not begin with metadata that can be read."
        )
    (found,) = inspect(WHOLE[: head.offset] + WHOLE[head.end :])
    assert "it does not begin with metadata" in found.text


# How a file begins.


def test_a_forced_segment_may_begin_without_a_keyframe() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.send(VIDEO, 0, media.avc_config())
    for ms in range(520, 1_920, 40):
        publish.now_ms += 40
        publish.video(ms, key=ms % 1_000 == 0)
    first, *_ = publish.finish()
    assert first.closed_facts.forced
    data = bytes(first.data)
    row = row_of(first, data)
    assert inspect(data, row) == []
    assert kinds(inspect(data, attrs.evolve(row, forced=False))) == [Kind.MANIFEST]
    # And nothing but its word lets it.
    at = data.index(b"forcedStart") + len(b"forcedStart")
    (found,) = inspect(patched(data, at, b"\x01\0"))
    assert "it begins with a picture that is no keyframe" in found.text


def rebuilt(*, without: int | None = None, first_ms: int = 0, head_ms: int = 0) -> bytes:
    """The file's tags again: without one of them, or with other times at its beginning."""
    data = file_header(audio=True, video=True)
    for number, each in enumerate(TAGS):
        if number != without:
            body = WHOLE[each.offset + 11 : each.offset + 11 + each.size]
            ms = {1: head_ms, 2: head_ms, 3: first_ms, 4: first_ms}.get(number, each.timestamp)
            data += tag(each.kind, ms, body)
    return data


def test_the_tags_of_the_file_are_known() -> None:
    assert rebuilt() == WHOLE
    assert [each.kind for each in TAGS[:5]] == [SCRIPT, VIDEO, AUDIO, VIDEO, AUDIO]


def test_a_segment_that_does_not_begin_at_0_is_found() -> None:
    (found,) = inspect(rebuilt(first_ms=15))
    assert "its first frame is at 15 ms, and not at 0" in found.text
    (found,) = inspect(rebuilt(head_ms=15))
    assert "what comes before its first frame is not at time 0" in found.text


def test_the_first_segment_may_begin_later_than_its_media() -> None:
    first = written()[0]
    data = bytes(first.data)
    assert first.reason.value == "start"
    frames = first.tags()[3:]
    moved = data[: frames[0].offset]
    for each in frames:
        moved += tag(each.kind, each.timestamp + 5, first.body(each))
    (found,) = inspect(moved)
    assert "at 5 ms" not in found.text


def test_sequence_headers_that_are_missing_are_found() -> None:
    both = file_header(audio=True, video=True)
    for number, each in enumerate(TAGS):
        if number not in (1, 2):
            both += WHOLE[each.offset : each.end]
    (found,) = inspect(both)
    assert "nothing in it can be decoded from its beginning" in found.text
    (found,) = inspect(rebuilt(without=1))
    assert "nothing in it can be decoded" not in found.text, "sound can"


def test_an_empty_sequence_header_configures_nothing() -> None:
    data = file_header(audio=True, video=True) + WHOLE[TAGS[0].offset : TAGS[0].end]
    data += tag(VIDEO, 0, b"\x17\0\0\0\0")
    data += tag(VIDEO, 0, media.avc_frame(key=True))
    (found,) = inspect(data)
    assert "nothing in it can be decoded from its beginning" in found.text


def test_headers_of_many_tracks_in_one_message_are_read() -> None:
    record = media.avc_record()
    publish = Publish(rules(duration_ms=1_000))
    headers = many_tracks(0x96, 0, b"avc1", [(0, record), (1, record)])
    publish.send(VIDEO, 0, headers)
    for ms in range(0, 1_000, 40):
        publish.now_ms += 40
        frames = {0: b"\0\0\0\x05\x65" + bytes([ms // 40, 0, 0, 0]), 1: bytes([ms // 40]) * 9}
        body = many_tracks(0x96 if ms == 0 else 0xA6, 3, b"avc1", list(frames.items()))
        publish.send(VIDEO, ms, body)
    publish.segmenter.finish(publish.now_ms)
    (segment,) = publish.segments()
    assert len(segment.closed_facts.tracks) == 2
    data = bytes(segment.data)
    assert inspect(data, row_of(segment, data)) == []


def test_a_damaged_header_among_many_is_no_header() -> None:
    bodies = [(0, b""), (1, b"")]
    data = file_header(audio=True, video=True) + WHOLE[TAGS[0].offset : TAGS[0].end]
    data += tag(VIDEO, 0, many_tracks(0x96, 0, b"avc1", bodies))
    data += tag(VIDEO, 0, media.avc_frame(key=True))
    (found,) = inspect(data)
    assert "nothing in it can be decoded from its beginning" in found.text


def test_sound_alone_is_a_whole_segment() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.send(AUDIO, 0, media.aac_config())
    for ms in range(0, 2_500, 20):
        publish.now_ms += 20
        publish.audio(ms)
    segments = publish.finish()
    assert len(segments) > 1
    for segment in segments:
        data = bytes(segment.data)
        assert inspect(data, row_of(segment, data)) == []


def test_what_is_neither_frame_nor_header_is_nothing_to_begin_with() -> None:
    publish = Publish(rules(duration_ms=1_000))
    publish.headers()
    publish.send(VIDEO, 0, media.video_command())
    publish.play(0, 900)
    (segment,) = publish.finish()
    data = bytes(segment.data)
    assert inspect(data, row_of(segment, data)) == []


def test_a_file_without_a_frame_is_found() -> None:
    (found,) = inspect(WHOLE[: TAGS[3].offset])
    assert "it has no frame" in found.text


# What the manifest says.


def test_a_row_that_says_another_duration_is_found() -> None:
    (found,) = inspect(WHOLE, attrs.evolve(ROW, duration_ms=7_000))
    assert (found.kind, found.text) == (
        Kind.MANIFEST,
        "is not what the manifest says: it lasts 1000 ms, and not 7000.",
    )


def test_a_file_in_the_place_of_another_is_found_without_a_checksum() -> None:
    row = row_of(written()[2], WHOLE, sha256=None, bytes=len(WHOLE))
    wrong, _ = inspect(WHOLE, row)
    assert wrong.kind is Kind.MANIFEST
    assert "it belongs at 0:01 of its recording, and not at 0:02" in wrong.text


def test_a_head_that_names_no_place_is_not_held_against_its_row() -> None:
    at = WHOLE.index(b"recordingPosition")
    assert inspect(patched(WHOLE, at, b"RecordingPosition"), attrs.evolve(ROW, sha256=None)) == [
        Finding(Kind.NOT_HASHED, "has no SHA-256 yet.", "0002.flv")
    ]
