"""Messages with a FourCC: every codec and packet type, many tracks, and ModEx."""

from __future__ import annotations

import pytest

from recorder.flv.codecs import (
    Role,
    classify,
    composition_time_ms,
    is_multitrack,
    payload,
    split_tracks,
)
from recorder.flv.enhanced import is_wrapped
from recorder.flv.tags import AUDIO, VIDEO
from tests.flv.building import many_codecs, many_tracks, one_track, with_modex
from tests.flv.parts import AUDIO_FOURCCS, VIDEO_FOURCCS, only, part

TIMED = ("avc1", "hvc1", "vvc1")
"""Codecs with a composition time in CodedFrames."""


# ----------------------------------------------------------------------------- enhanced


@pytest.mark.parametrize("codec", VIDEO_FOURCCS)
def test_enhanced_video_packet_types(codec: str) -> None:
    def message(first: int, data: bytes) -> bytes:
        return bytes([first]) + codec.encode() + data

    assert only(VIDEO, message(0x90, b"config")) == part(Role.SEQUENCE_START, codec)
    assert only(VIDEO, message(0x90, b"")) == part(Role.SEQUENCE_START, codec)
    assert only(VIDEO, message(0x91, b"\0\0\0frame")) == part(Role.FRAME, codec, keyframe=True)
    assert only(VIDEO, message(0xA1, b"\0\0\0frame")) == part(Role.FRAME, codec)
    assert only(VIDEO, message(0x93, b"f")) == part(Role.FRAME, codec, keyframe=True)
    assert only(VIDEO, message(0xA3, b"f")) == part(Role.FRAME, codec)
    assert only(VIDEO, message(0x92, b"")) == part(Role.SEQUENCE_END, codec)
    assert only(VIDEO, message(0x84, b"amf")) == part(Role.METADATA, codec)
    assert only(VIDEO, message(0x95, b"descriptor")) == part(Role.SEQUENCE_START, codec)
    for packet_type in range(8, 16):
        assert only(VIDEO, message(0x90 | packet_type, b"x")) == part(Role.UNKNOWN, codec)


@pytest.mark.parametrize("codec", VIDEO_FOURCCS)
def test_an_enhanced_frame_without_data_is_empty_and_no_keyframe(codec: str) -> None:
    empty = part(Role.EMPTY, codec)
    fourcc = codec.encode()
    assert only(VIDEO, b"\x93" + fourcc) == empty
    assert only(VIDEO, b"\x91" + fourcc) == empty
    composition_time_alone = only(VIDEO, b"\x91" + fourcc + b"\0\0\0")
    assert (composition_time_alone == empty) == (codec in TIMED)


@pytest.mark.parametrize("codec", AUDIO_FOURCCS)
def test_enhanced_audio_packet_types(codec: str) -> None:
    def message(packet_type: int, data: bytes) -> bytes:
        return bytes([0x90 | packet_type]) + codec.encode() + data

    assert only(AUDIO, message(0, b"config")) == part(Role.SEQUENCE_START, codec)
    assert only(AUDIO, message(1, b"f")) == part(Role.FRAME, codec)
    assert only(AUDIO, message(1, b"")) == part(Role.EMPTY, codec)
    assert only(AUDIO, message(2, b"")) == part(Role.SEQUENCE_END, codec)
    assert only(AUDIO, message(4, b"\x01\x02\0\0\0\x03")) == part(Role.MULTICHANNEL_CONFIG, codec)
    for packet_type in (3, 6, *range(8, 16)):
        assert only(AUDIO, message(packet_type, b"x")) == part(Role.UNKNOWN, codec)


def test_metadata_with_the_frame_type_of_a_command_is_metadata() -> None:
    assert only(VIDEO, b"\xd4hvc1\x02\0\x09colorInfo") == part(Role.METADATA, "hvc1")


@pytest.mark.parametrize(
    "body", [b"\xd0\0", b"\xd1\x01", b"\xd3\0", b"\xd6\0", b"\xd6", b"\xd1avc1"]
)
def test_an_enhanced_command_has_no_fourcc(body: bytes) -> None:
    assert only(VIDEO, body) == part(Role.COMMAND, "")
    assert payload(VIDEO, body) == b""
    assert split_tracks(VIDEO, body) == [body]


@pytest.mark.parametrize(
    ("kind", "body", "shown"),
    [
        (VIDEO, b"\x91xyz9data", "xyz9"),
        (VIDEO, b"\x91mp4adata", "mp4a"),
        (AUDIO, b"\x91avc1data", "avc1"),
        (AUDIO, b"\x91\x00\x1b\xff~data", "???~"),
    ],
)
def test_a_fourcc_nobody_registered_is_unknown_and_shown_safely(
    kind: int, body: bytes, shown: str
) -> None:
    assert only(kind, body) == part(Role.UNKNOWN, shown)


@pytest.mark.parametrize(
    "body", [b"\x91", b"\x91av", b"\x91av0", b"\x97", b"\x96", b"\x96\x01avc1"]
)
def test_a_header_that_ends_early_is_unknown(body: bytes) -> None:
    for kind in (AUDIO, VIDEO):
        assert only(kind, body).role is Role.UNKNOWN


# ----------------------------------------------------------------------------- multitrack


def test_the_form_obs_and_ffmpeg_send_for_every_track_but_the_first() -> None:
    video = one_track(0x96, 1, b"avc1", 1, b"\0\0\0nal")
    assert video[:8] == b"\x96\x01avc1\x01\0"
    assert only(VIDEO, video) == part(Role.FRAME, "avc1", track=1, keyframe=True)
    audio = one_track(0x95, 0, b"mp4a", 255, b"\x11\x90")
    assert only(AUDIO, audio) == part(Role.SEQUENCE_START, "mp4a", track=255)
    assert split_tracks(VIDEO, video) == [video]
    assert is_multitrack(VIDEO, video)
    assert is_multitrack(AUDIO, audio)
    assert is_wrapped(AUDIO, audio)


def test_many_tracks_of_one_codec() -> None:
    body = many_tracks(0x96, 1, b"hvc1", [(0, b"\0\0\x50nal"), (3, b"\0\0\0"), (2, b"\0\0\0x")])
    assert classify(VIDEO, body) == (
        part(Role.FRAME, "hvc1", keyframe=True),
        part(Role.EMPTY, "hvc1", track=3),
        part(Role.FRAME, "hvc1", track=2, keyframe=True),
    )
    assert split_tracks(VIDEO, body) == [
        one_track(0x96, 1, b"hvc1", 0, b"\0\0\x50nal"),
        one_track(0x96, 1, b"hvc1", 3, b"\0\0\0"),
        one_track(0x96, 1, b"hvc1", 2, b"\0\0\0x"),
    ]
    assert payload(VIDEO, body) == b""
    assert composition_time_ms(VIDEO, body) == 0
    assert is_multitrack(VIDEO, body)


def test_many_tracks_of_many_codecs() -> None:
    body = many_codecs(0x95, 0, [(b"mp4a", 0, b"\x11\x90"), (b"Opus", 1, b""), (b"xxxx", 2, b"?")])
    assert classify(AUDIO, body) == (
        part(Role.SEQUENCE_START, "mp4a"),
        part(Role.SEQUENCE_START, "Opus", track=1),
        part(Role.UNKNOWN, "xxxx", track=2),
    )
    assert split_tracks(AUDIO, body) == [
        one_track(0x95, 0, b"mp4a", 0, b"\x11\x90"),
        one_track(0x95, 0, b"Opus", 1, b""),
        one_track(0x95, 0, b"xxxx", 2, b"?"),
    ]


def test_a_many_tracks_message_with_one_track_is_left_as_it_is() -> None:
    body = many_tracks(0xA6, 1, b"avc1", [(7, b"\xff\xff\xfenal")])
    assert only(VIDEO, body) == part(Role.FRAME, "avc1", track=7)
    assert split_tracks(VIDEO, body) == [body]
    assert payload(VIDEO, body) == b"nal"
    assert composition_time_ms(VIDEO, body) == -2


def test_metadata_of_a_track_under_frame_type_five_is_metadata() -> None:
    body = one_track(0xD6, 4, b"hvc1", 1, b"\x02\0\x09colorInfo")
    assert only(VIDEO, body) == part(Role.METADATA, "hvc1", track=1)
    assert only(VIDEO, one_track(0xD6, 1, b"hvc1", 1, b"\0\0\0nal")) == part(Role.COMMAND, "")


@pytest.mark.parametrize(
    "body",
    [
        b"\x96\x06avc1\x01data",  # Multitrack in Multitrack
        b"\x96\x07avc1\x01data",  # ModEx in Multitrack
        b"\x96\x31avc1\x01data",  # a fourth form
        b"\x96\x11avc1",  # no track
        b"\x96\x11avc1\x00\x00\x00",  # half a size
        b"\x96\x11avc1\x00\x00\x00\x05data",  # a track longer than the message
        b"\x96\x11avc1\x00\x00\x00\x04data\x01",  # something behind the last track
        b"\x96\x21avc",
        b"\x96\x21avc1",
    ],
)
def test_damaged_multitrack_is_unknown_as_a_whole(body: bytes) -> None:
    assert classify(VIDEO, body) == (part(Role.UNKNOWN, ""),)
    assert split_tracks(VIDEO, body) == [body]
    assert not is_multitrack(VIDEO, body)
    assert payload(VIDEO, body) == b""


def test_more_tracks_than_there_are_track_ids_are_damage() -> None:
    tracks = [(track % 256, b"") for track in range(257)]
    assert len(classify(VIDEO, many_tracks(0x96, 1, b"av01", tracks[:256]))) == 256
    assert only(VIDEO, many_tracks(0x96, 1, b"av01", tracks)).role is Role.UNKNOWN


# ----------------------------------------------------------------------------- ModEx


@pytest.mark.parametrize("size", [1, 3, 255, 256, 257, 65536])
def test_modex_stands_in_front_of_any_message_in_both_size_forms(size: int) -> None:
    data = bytes(size)
    plain = b"\x91hvc1\xff\xff\xffnal"
    assert only(VIDEO, with_modex(plain, [data])) == only(VIDEO, plain)
    assert payload(VIDEO, with_modex(plain, [data])) == b"nal"
    assert composition_time_ms(VIDEO, with_modex(plain, [data])) == -1
    sound = b"\x90Opus" + b"OpusHead"
    assert only(AUDIO, with_modex(sound, [data, data])) == only(AUDIO, sound)
    assert is_wrapped(AUDIO, with_modex(sound, [data]))
    assert not is_wrapped(AUDIO, sound)
    assert not is_multitrack(AUDIO, with_modex(sound, [data]))


def test_modex_is_kept_when_tracks_are_split() -> None:
    nanoseconds = (500_000).to_bytes(3, "big")
    tracks = [(0, b"one"), (1, b"two")]
    body = with_modex(many_tracks(0x96, 3, b"avc1", tracks), [nanoseconds, bytes(300)])
    expected = [
        with_modex(one_track(0x96, 3, b"avc1", track, data), [nanoseconds, bytes(300)])
        for track, data in tracks
    ]
    assert split_tracks(VIDEO, body) == expected
    assert [payload(VIDEO, each) for each in expected] == [b"one", b"two"]


def test_a_command_behind_modex_is_a_command() -> None:
    assert only(VIDEO, with_modex(b"\xd1\x01", [b"abc"])) == part(Role.COMMAND, "")


def test_modex_without_end_is_damage() -> None:
    plain = b"\x91av01frame"
    assert only(VIDEO, with_modex(plain, [b"x"] * 16)).role is Role.FRAME
    assert only(VIDEO, with_modex(plain, [b"x"] * 17)).role is Role.UNKNOWN


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_modex_that_ends_early_is_unknown(cut: int) -> None:
    assert only(VIDEO, with_modex(b"\x91av01frame", [b"abc"])[:cut]).role is Role.UNKNOWN
