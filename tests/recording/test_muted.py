"""A publish that an operator has stopped: its headers are remembered, its media nowhere."""

from __future__ import annotations

import pytest

from recorder.flv.tags import AUDIO, VIDEO
from recorder.recording.hold import LONGEST_HOLD_MS
from recorder.recording.muted import MOST_HEADERS, Muted
from tests.helpers.media import aac_config, aac_frame, avc_config, avc_frame

KEY, PICTURE, SOUND = avc_frame(key=True, mark=1), avc_frame(key=False, mark=2), aac_frame(mark=3)


def _of_both() -> Muted:
    return Muted(((VIDEO, avc_config()), (AUDIO, aac_config())))


@pytest.mark.parametrize(("kind", "body"), [(VIDEO, KEY), (VIDEO, PICTURE), (AUDIO, SOUND)])
def test_nothing_begins_until_it_is_started(kind: int, body: bytes) -> None:
    muted = _of_both()
    assert not muted.begins_with(kind, body, LONGEST_HOLD_MS * 2)
    assert not muted.is_over


def test_it_begins_with_a_keyframe_behind_its_headers() -> None:
    muted = _of_both()
    muted.begin(1000)
    assert muted.is_over
    assert not muted.begins_with(VIDEO, PICTURE, 1000)
    assert not muted.begins_with(AUDIO, SOUND, 1000)
    assert muted.begins_with(VIDEO, KEY, 1000)
    assert muted.headers == ((VIDEO, avc_config()), (AUDIO, aac_config()))


def test_without_a_keyframe_it_begins_at_last_with_what_comes() -> None:
    muted = _of_both()
    muted.begin(1000)
    muted.begin(5000)
    assert not muted.begins_with(VIDEO, PICTURE, 999 + LONGEST_HOLD_MS)
    assert muted.begins_with(VIDEO, PICTURE, 1000 + LONGEST_HOLD_MS)


def test_sound_alone_begins_at_once() -> None:
    muted = Muted(((AUDIO, aac_config()),))
    muted.begin(0)
    assert muted.begins_with(AUDIO, SOUND, 0)


def test_pictures_seen_meanwhile_make_sound_wait_for_them() -> None:
    muted = Muted(())
    assert not muted.begins_with(VIDEO, PICTURE, 0)
    muted.begin(0)
    assert not muted.begins_with(AUDIO, SOUND, 0)


def test_the_newest_header_counts_and_voids_what_went_with_the_one_before() -> None:
    first, second = avc_config(), avc_config() + b"\x00"
    muted = Muted(((VIDEO, first),))
    assert not muted.begins_with(VIDEO, second, 0)
    assert muted.headers == ((VIDEO, second),)


def test_a_huge_header_is_not_remembered() -> None:
    muted = Muted(())
    assert not muted.begins_with(VIDEO, avc_config() + bytes(1 << 20), 0)
    assert muted.headers == ()


def test_so_many_headers_are_remembered_and_no_more() -> None:
    muted = Muted(())
    for track in range(MOST_HEADERS + 10):
        # Enhanced RTMP, one track of many: sequence start of avc1 (protocol §5).
        body = bytes([0x96, 0x00]) + b"avc1" + bytes([track]) + b"\x01\x02"
        assert not muted.begins_with(VIDEO, body, 0)
    assert len(muted.headers) == MOST_HEADERS


def test_what_is_neither_frame_nor_header_says_nothing() -> None:
    muted = Muted(((VIDEO, b"\x17\x02\x00\x00\x00"),))
    assert not muted.begins_with(VIDEO, b"\x17\x02\x00\x00\x00", 0)
    assert muted.headers == ()


def test_what_goes_with_a_header_is_remembered_behind_it() -> None:
    # Enhanced RTMP: sequence start and metadata of hvc1 (protocol §5).
    start, colours = b"\x90hvc1\x01\x02\x03", b"\x94hvc1\x02\x00\x09colorInfo"
    muted = Muted(((VIDEO, start),))
    assert not muted.begins_with(VIDEO, colours, 0)
    assert list(muted.headers) == [(VIDEO, start), (VIDEO, colours)]
    assert not muted.begins_with(VIDEO, start + b"\x04", 0)
    assert list(muted.headers) == [(VIDEO, start + b"\x04")]
