"""What a message is: every codec, packet type and wrapper, and no message that raises."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from recorder.flv.codecs import (
    FRONT_BYTES,
    Part,
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
from recorder.flv.enhanced import is_wrapped
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from tests.flv.building import many_codecs, many_tracks, one_track, with_modex

VIDEO_FOURCCS = ("vp08", "vp09", "av01", "avc1", "hvc1", "vvc1")
AUDIO_FOURCCS = ("ac-3", "ec-3", "Opus", ".mp3", "fLaC", "mp4a")
TIMED = ("avc1", "hvc1", "vvc1")
"""Codecs with a composition time in CodedFrames."""


def only(kind: int, body: bytes) -> Part:
    (part,) = classify(kind, body)
    return part


def part(role: Role, codec: str, *, track: int = 0, keyframe: bool = False) -> Part:
    return Part(track, role, codec, keyframe)


# ----------------------------------------------------------------------------- legacy video


@pytest.mark.parametrize(("number", "codec"), [(7, "avc1"), (12, "hvc1"), (13, "av01")])
def test_codecs_with_the_layout_of_avc(number: int, codec: str) -> None:
    key, inter, disposable = 0x10 | number, 0x20 | number, 0x30 | number
    assert only(VIDEO, bytes([key, 0, 0, 0, 0]) + b"config") == part(Role.SEQUENCE_START, codec)
    assert only(VIDEO, bytes([key, 0, 0, 0, 0])) == part(Role.SEQUENCE_START, codec)
    frame = b"\x01\0\0\x28nal"
    assert only(VIDEO, bytes([key]) + frame) == part(Role.FRAME, codec, keyframe=True)
    assert only(VIDEO, bytes([inter]) + frame) == part(Role.FRAME, codec)
    assert only(VIDEO, bytes([disposable]) + frame) == part(Role.FRAME, codec)


def test_the_end_of_an_avc_sequence_is_no_keyframe_though_ffmpeg_flags_it_so() -> None:
    assert only(VIDEO, b"\x17\x02\0\0\0") == part(Role.SEQUENCE_END, "avc1")


@pytest.mark.parametrize("body", [b"\x17\x01", b"\x17\x01\0\0", b"\x17\x01\0\0\0"])
def test_an_avc_frame_without_nal_units_is_empty_and_no_keyframe(body: bytes) -> None:
    assert only(VIDEO, body) == part(Role.EMPTY, "avc1")


@pytest.mark.parametrize("body", [b"\x17", b"\x17\x03\0\0\0xx", b"\x27\xff\0\0\0xx"])
def test_an_avc_packet_type_that_is_none_is_unknown(body: bytes) -> None:
    assert only(VIDEO, body) == part(Role.UNKNOWN, "avc1")


@pytest.mark.parametrize(
    ("number", "codec"),
    [(2, "h263"), (3, "screen"), (4, "vp6"), (5, "vp6a"), (6, "screen2")],
)
def test_codecs_without_a_packet_type(number: int, codec: str) -> None:
    assert only(VIDEO, bytes([0x10 | number, 0])) == part(Role.FRAME, codec, keyframe=True)
    assert only(VIDEO, bytes([0x20 | number, 0])) == part(Role.FRAME, codec)
    assert only(VIDEO, bytes([0x10 | number])) == part(Role.EMPTY, codec)


@pytest.mark.parametrize("frame_type", [0, 3, 4, 6, 7])
def test_only_frame_type_one_is_a_keyframe(frame_type: int) -> None:
    assert not only(VIDEO, bytes([frame_type << 4 | 7, 1, 0, 0, 0]) + b"nal").keyframe
    assert not only(VIDEO, bytes([0x80 | frame_type << 4 | 3]) + b"avc1nal").keyframe


@pytest.mark.parametrize("body", [b"\x57\0", b"\x57\x01", b"\x52\0", b"\x5c\x01\0\0\0"])
def test_a_legacy_command_is_no_frame(body: bytes) -> None:
    assert only(VIDEO, body) == part(Role.COMMAND, "")


@pytest.mark.parametrize("number", [0, 1, 8, 9, 10, 11, 14, 15])
def test_video_numbers_nobody_uses_are_unknown_and_named(number: int) -> None:
    assert only(VIDEO, bytes([0x10 | number, 1]) + b"data") == part(Role.UNKNOWN, f"video {number}")


# ----------------------------------------------------------------------------- legacy audio


@pytest.mark.parametrize(("first", "codec"), [(0xAF, "mp4a"), (0xA0, "mp4a"), (0xDF, "Opus")])
def test_codecs_with_the_layout_of_aac(first: int, codec: str) -> None:
    assert only(AUDIO, bytes([first, 0]) + b"\x11\x90") == part(Role.SEQUENCE_START, codec)
    assert only(AUDIO, bytes([first, 1]) + b"data") == part(Role.FRAME, codec)
    assert only(AUDIO, bytes([first, 1])) == part(Role.EMPTY, codec)
    assert only(AUDIO, bytes([first, 2])) == part(Role.UNKNOWN, codec)
    assert only(AUDIO, bytes([first])) == part(Role.UNKNOWN, codec)


@pytest.mark.parametrize(
    ("number", "codec"),
    [
        (0, "pcm"),
        (1, "adpcm"),
        (2, ".mp3"),
        (3, "pcm"),
        (4, "nellymoser"),
        (5, "nellymoser"),
        (6, "nellymoser"),
        (7, "alaw"),
        (8, "ulaw"),
        (11, "speex"),
        (14, ".mp3"),
        (15, "device"),
    ],
)
def test_sound_formats_without_a_packet_type(number: int, codec: str) -> None:
    assert only(AUDIO, bytes([number << 4 | 15, 0])) == part(Role.FRAME, codec)
    assert only(AUDIO, bytes([number << 4])) == part(Role.EMPTY, codec)


def test_the_sound_format_nobody_uses_is_unknown_and_named() -> None:
    assert only(AUDIO, b"\xc0data") == part(Role.UNKNOWN, "audio 12")


@pytest.mark.parametrize("kind", [AUDIO, VIDEO])
def test_a_message_of_no_bytes_is_empty(kind: int) -> None:
    assert only(kind, b"") == part(Role.EMPTY, "")


def test_only_audio_and_video_have_a_codec() -> None:
    assert only(SCRIPT, b"\x17\x01\0\0\0nal") == part(Role.UNKNOWN, "")


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
