"""What media cost does not grow with what came before: calls are counted, not seconds.

The encoder behind them has a key and is hostile: every track that there is room for, every clock
apart from the others, everything new in every message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from recorder.flv.tags import AUDIO, VIDEO
from recorder.recording.hold import MOST_HELD_PARTS
from recorder.recording.segmenter import Segmenter
from recorder.recording.tracks import MOST_TRACKS
from tests.flv.building import BitWriter, many_codecs, many_tracks, one_track, with_modex
from tests.helpers import media
from tests.helpers.segments import Publish, rules
from tests.helpers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Message = tuple[int, int, bytes]

CALLS_PER_BYTE: Final = 60
"""Of parameters that are all codes of one bit. A message itself counts as `MESSAGE_BYTES`."""

MESSAGE_BYTES: Final = 16

CALLS_AT_ONCE: Final = 150_000
"""Of one message, some 15 ms: of the one with which a segment begins, all that is at its head."""

JUMP_MS: Final = 977_777_777
"""Modulo 2**32 it leads everywhere."""


def tracks(first_byte: int, packet_type: int, fourcc: bytes, count: int, size: int = 9) -> bytes:
    return many_tracks(
        first_byte, packet_type, fourcc, [(number, bytes(size)) for number in range(count)]
    )


def begun(count: int) -> list[Message]:
    video = (VIDEO, 0, tracks(0x96, 0, b"avc1", count))
    return [video, (AUDIO, 0, tracks(0x95, 0, b"mp4a", count))]


def ordinary(count: int) -> Iterator[Message]:
    yield from begun(count)
    for number in range(30):
        yield VIDEO, 20 * number, tracks(0x96, 1, b"avc1", count)
        yield AUDIO, 20 * number, tracks(0x95, 1, b"mp4a", count)


def all_jump(count: int) -> Iterator[Message]:
    yield from begun(count)
    for number in range(30):
        yield VIDEO, JUMP_MS * number, tracks(0x96, 1, b"avc1", count)
        yield AUDIO, JUMP_MS * number // 3, tracks(0x95, 1, b"mp4a", count)


def each_jumps(count: int) -> Iterator[Message]:
    yield from begun(count)
    for number in range(600):
        frame = one_track(0x96, 1, b"avc1", number * 7 % count, bytes(5))
        yield VIDEO, JUMP_MS * number, frame


def headers_change(count: int) -> Iterator[Message]:
    for number in range(40):
        yield VIDEO, 40 * number, tracks(0x96, 0, b"avc1", count, 9 + number % 2)
        yield VIDEO, 40 * number, tracks(0x96, 1, b"avc1", count)


def codecs_change(count: int) -> Iterator[Message]:
    codecs = (b"avc1", b"hvc1", b"av01", b"vp09", b"vvc1", b"vp08")
    for number in range(60):
        codec = codecs[number % len(codecs)]
        yield VIDEO, 40 * number, tracks(0x96, 0, codec, count, number % 7)
        parts = [(codec, each, bytes(5)) for each in range(count)]
        yield VIDEO, 40 * number, many_codecs(0x96, 1, parts)


def wrapped_often(_count: int) -> Iterator[Message]:
    yield VIDEO, 0, media.avc_config()
    for number in range(300):
        body = one_track(0x96, 1, b"avc1", 0, bytes(5))
        yield VIDEO, 40 * number, with_modex(body, [b"\0"] * 16)


def long_parameters(_count: int) -> Iterator[Message]:
    """Each header with a picture size behind as many codes as there may be, and that is none."""
    bits = BitWriter().put(0x67, 8).put(100, 8).put(0, 16).codes(0, 3).put(0, 1).codes(0, 0)
    bits.put(0, 1).put(1, 1)
    for index in range(12):
        bits.put(1, 1)
        for _ in range(16 if index < 6 else 64):
            bits.signed(0)
    bits.codes(0, 1).put(0, 1).signed(0).signed(0).code(255)
    for _ in range(255):
        bits.signed(0)
    sps = bits.codes(0).put(0, 1).codes(70_000, 70_000).put(0xFF, 8).done()
    for number in range(100):
        yield VIDEO, 40 * number, media.avc_config(sps + bytes([number % 2]))
        yield VIDEO, 40 * number, media.avc_frame()


def nothing(_count: int) -> Iterator[Message]:
    yield VIDEO, 0, media.avc_config()
    yield VIDEO, 0, media.avc_frame()
    for number in range(1000):
        yield AUDIO + number % 2, number, b""


def garbage(_count: int) -> Iterator[Message]:
    for number in range(1000):
        yield AUDIO + number % 2, JUMP_MS * number, number.to_bytes(4)


HOSTILE: Final[dict[str, Callable[[int], Iterator[Message]]]] = {
    "all tracks in each message": ordinary,
    "all clocks jump": all_jump,
    "each clock jumps": each_jumps,
    "headers change": headers_change,
    "codecs change": codecs_change,
    "many ModEx blocks": wrapped_often,
    "long parameters": long_parameters,
    "messages of no byte": nothing,
    "garbage": garbage,
}


HELD: Final[dict[str, Message]] = {
    "pictures of all tracks": (VIDEO, 0, tracks(0xA6, 1, b"avc1", MOST_TRACKS, 4)),
    "pictures": (VIDEO, 0, media.avc_frame(key=False)),
    "sound": (AUDIO, 0, media.aac_frame()),
}


@pytest.mark.parametrize("kind", HELD)
def test_what_is_held_for_a_first_keyframe_is_not_too_much_to_be_played_at_once(kind: str) -> None:
    segmenter = Segmenter(rules(duration_ms=600_000), encoder="test")
    most = count = 0
    while not segmenter.take():
        count += 1
        with Work() as work:
            segmenter.media(*HELD[kind], 0)
        most = max(most, work.calls)
    assert count >= MOST_HELD_PARTS // MOST_TRACKS
    assert most < 60 * MOST_HELD_PARTS


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_message_costs_more_than_its_share(kind: str) -> None:
    segmenter = Segmenter(rules(duration_ms=600_000), encoder="test")
    calls = size = most = 0
    for now_ms, (of, timestamp, body) in enumerate(HOSTILE[kind](MOST_TRACKS)):
        with Work() as work:
            segmenter.media(of, timestamp & 0xFFFF_FFFF, body, now_ms)
            segmenter.take()
        calls, most = calls + work.calls, max(most, work.calls)
        size += len(body) + MESSAGE_BYTES
    assert calls < CALLS_PER_BYTE * size
    assert most < CALLS_AT_ONCE


def test_tracks_beyond_all_that_there_may_be_are_counted_and_cost_no_lesson() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 1_000)
    for number in range(1, 256):
        header = one_track(0x96, 0, b"avc1", number, media.avc_record())
        publish.send(VIDEO, 1_000, header)
        say = publish.frame if number < MOST_TRACKS else publish.send
        say(VIDEO, 1_000, one_track(0x96, 1, b"avc1", number, bytes(9)))
    publish.send(VIDEO, 1_000, tracks(0x96, 1, b"avc1", 256))
    publish.play(1_000, 2_000)
    publish.finish()  # with all frames that were not refused
    assert publish.segmenter.anomalies["refused_tracks"] == 2 * (256 - MOST_TRACKS) + 1
