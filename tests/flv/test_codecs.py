"""Any message, of whatever kind: what stands in it, and no message that raises."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from recorder.flv.codecs import (
    FRONT_BYTES,
    Role,
    classify,
    composition_time_ms,
    config_record,
    is_multitrack,
    needs_config,
    payload,
    split_tracks,
    telling_front,
)
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from tests.flv.building import many_codecs, one_track, with_modex
from tests.flv.parts import AUDIO_FOURCCS, VIDEO_FOURCCS, only

# ----------------------------------------------------------------------------- payloads


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (VIDEO, b"\x17\0\0\0\0config", b"config"),
        (VIDEO, b"\x1c\x01\0\0\0nal", b"nal"),
        (VIDEO, b"\x17\x01\0", b""),
        (VIDEO, b"\x12pic", b"pic"),
        (VIDEO, b"\x90av01config", b"config"),
        (VIDEO, b"\x91av01frame", b"frame"),
        (VIDEO, b"\x91avc1\0\0\0frame", b"frame"),
        (VIDEO, b"\x93avc1frame", b"frame"),
        (VIDEO, b"\x91avc1\0\0", b""),
        (VIDEO, b"\x91av", b""),
        (VIDEO, one_track(0x96, 0, b"avc1", 1, b"config"), b"config"),
        (AUDIO, b"\xaf\x00\x11\x90", b"\x11\x90"),
        (AUDIO, b"\xaf", b""),
        (AUDIO, b"\x2fmp3", b"mp3"),
        (AUDIO, b"\x90OpusOpusHead", b"OpusHead"),
        (AUDIO, b"\x90ac-3", b""),
        (AUDIO, b"", b""),
    ],
)
def test_the_payload_is_what_stands_behind_all_headers(
    kind: int, body: bytes, expected: bytes
) -> None:
    assert payload(kind, body) == expected
    assert config_record(kind, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\x27\x01\0\0\x50nal", 80),
        (b"\x27\x01\xff\xff\xb0nal", -80),
        (b"\x27\x01\xff", 0),
        (b"\xa1hvc1\x7f\xff\xffnal", 0x7FFFFF),
        (b"\xa3hvc1\x7f\xff\xffnal", 0),
        (b"\xa1av01\x7f\xff\xffnal", 0),
        (b"\x22\x7f\xff\xffnal", 0),
        (one_track(0x96, 1, b"avc1", 1, b"\x80\0\0nal"), -0x800000),
        (b"", 0),
    ],
)
def test_composition_time_is_signed_and_zero_where_none_is_sent(body: bytes, expected: int) -> None:
    assert composition_time_ms(VIDEO, body) == expected


def test_audio_has_no_composition_time() -> None:
    assert composition_time_ms(AUDIO, b"\xaf\x01\x7f\xff\xff") == 0
    assert composition_time_ms(AUDIO, b"\x91mp4a\x7f\xff\xff") == 0


def test_which_codecs_cannot_start_without_a_configuration() -> None:
    everything = {*VIDEO_FOURCCS, *AUDIO_FOURCCS, "h263", "vp6", "speex", "pcm", "", "video 9"}
    assert {codec for codec in everything if needs_config(codec)} == {
        *("avc1", "hvc1", "vvc1", "mp4a", "Opus", "fLaC")
    }


# ----------------------------------------------------------------------------- properties

_FOURCCS = st.sampled_from([name.encode() for name in (*VIDEO_FOURCCS, *AUDIO_FOURCCS)])
_FIRST_BYTES = st.integers(0, 255).map(lambda byte: bytes([byte]))
MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda first, rest: first + rest, _FIRST_BYTES, st.binary(max_size=12)),
    st.builds(lambda *parts: b"".join(parts), _FIRST_BYTES, _FOURCCS, st.binary(max_size=12)),
    st.builds(
        lambda *parts: b"".join(parts),
        st.sampled_from([b"\x95", b"\x96", b"\xa6", b"\xd6", b"\x97\x00\x00\x16"]),
        _FIRST_BYTES,
        _FOURCCS,
        st.binary(max_size=30),
    ),
)


@given(kind=st.sampled_from([AUDIO, VIDEO, SCRIPT, 0]), body=MESSAGES)
@example(kind=VIDEO, body=b"\x97\xff\xff\xff")
@example(kind=VIDEO, body=b"\x91avc1\0")
def test_no_message_raises(kind: int, body: bytes) -> None:
    parts = classify(kind, body)
    assert len(parts) >= 1
    assert payload(kind, body) == b"" or body.endswith(payload(kind, body))
    assert -(2**23) <= composition_time_ms(kind, body) < 2**23
    assert isinstance(is_multitrack(kind, body), bool)
    split = split_tracks(kind, body)
    assert tuple(part for each in split for part in classify(kind, each)) == parts
    assert [split_tracks(kind, each) for each in split] == [[each] for each in split]


@given(
    kind=st.sampled_from([AUDIO, VIDEO]),
    tracks=st.lists(
        st.tuples(_FOURCCS, st.integers(0, 255), st.binary(max_size=20)), min_size=1, max_size=8
    ),
    packet_type=st.integers(0, 4),
    blocks=st.lists(st.binary(min_size=1, max_size=300), max_size=3),
)
def test_a_built_message_of_many_tracks_comes_apart_into_its_tracks(
    kind: int, tracks: list[tuple[bytes, int, bytes]], packet_type: int, blocks: list[bytes]
) -> None:
    first = 0x96 if kind == VIDEO else 0x95
    whole = many_codecs(first, packet_type, tracks)
    apart = [one_track(first, packet_type, *track) for track in tracks]
    if blocks:
        whole, apart = with_modex(whole, blocks), [with_modex(each, blocks) for each in apart]
    parts = classify(kind, whole)
    assert [part.track for part in parts] == [track for _, track, _ in tracks]
    assert parts == tuple(only(kind, each) for each in apart)
    assert split_tracks(kind, whole) == (apart if len(tracks) > 1 else [whole])


@given(kind=st.sampled_from([AUDIO, VIDEO]), body=MESSAGES, other=st.binary(max_size=40))
@example(kind=VIDEO, body=b"\x27\x01\0\0\0frame", other=b"\x02")
@example(kind=AUDIO, body=b"\x95\x01mp4a\x07sound", other=b"")
@example(kind=AUDIO, body=b"\x2fsound", other=b"\0")
def test_frames_with_the_same_telling_front_are_the_same(
    kind: int, body: bytes, other: bytes
) -> None:
    assume([each.role for each in classify(kind, body)] == [Role.FRAME])
    front, header_bytes = telling_front(kind, body)
    assert len(front) <= min(FRONT_BYTES, header_bytes)
    if front:
        another = (front + other).ljust(header_bytes + 1, b"\0")
        assert classify(kind, another) == classify(kind, body)


@pytest.mark.parametrize(
    ("kind", "body", "front", "header_bytes"),
    [
        (VIDEO, b"\x27\x01\0\0\0frame", b"\x27\x01", 5),
        (AUDIO, b"\xaf\x01sound", b"\xaf\x01", 2),
        (VIDEO, b"\xa1hvc1\0\0\0frame", b"\xa1hvc1", 8),
        (AUDIO, b"\x91Opussound", b"\x91Opus", 5),
        (AUDIO, b"\x2fsound", b"\x2f", 1),
        (AUDIO, b"\x95\x01mp4a\x02sound", b"\x95\x01mp4a\x02", 7),
        (VIDEO, b"\xa6\x01avc1\x02\0\0\0frame", b"\xa6\x01avc1\x02", 10),
        (AUDIO, b"\x95\x11mp4a\0\0\0\1a\1\0\0\1b", b"", 0),
        (AUDIO, b"\x97\0\0\x01mp4asound", b"", 0),
        (VIDEO, b"\x97", b"", 0),
    ],
)
def test_the_telling_front_is_as_short_as_it_can_be(
    kind: int, body: bytes, front: bytes, header_bytes: int
) -> None:
    assert telling_front(kind, body) == (front, header_bytes)
