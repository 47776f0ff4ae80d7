"""The handshake: what is answered, when, and who is turned away at the first byte."""

from __future__ import annotations

import pytest

from recorder.rtmp import Hint, LocalProtocolError, RemoteProtocolError
from recorder.rtmp.handshake import Expect, Handshake
from tests.helpers.rtmp_client import C0_C1, C1, C2
from tests.rtmp.driving import FILLER, byte_by_byte

DIGEST_C1 = bytes(4) + bytes((9, 0, 0x7C, 2)) + bytes(range(256)) * 5 + bytes(248)
"""As ffmpeg sends it: time 0, and a program version where the plain form has zeros (§1.3)."""

ANSWER = b"\x03" + bytes(8) + FILLER + C1


def shake(parts: list[bytes]) -> tuple[list[bytes], bytes, Expect]:
    """Return the non-empty answers, the bytes left over, and where it stands."""
    handshake, received, answers = Handshake(FILLER), bytearray(), []
    for part in parts:
        received += part
        if answer := handshake.advance(received):
            answers.append(answer)
    return answers, bytes(received), handshake.expect


@pytest.mark.parametrize("tail", [b"", b"\x03connect"])
def test_s0_s1_and_s2_come_in_one_answer_and_the_rest_is_left(tail: bytes) -> None:
    data = C0_C1 + C2
    assert shake([data + tail]) == ([ANSWER], tail, Expect.NOTHING)
    assert shake([*byte_by_byte(data), tail]) == ([ANSWER], tail, Expect.NOTHING)


def test_the_answer_does_not_wait_for_c2() -> None:
    assert shake([C0_C1]) == ([ANSWER], b"", Expect.C2)


def test_nothing_is_answered_before_the_last_byte_of_c1() -> None:
    assert shake([C0_C1[:-1]]) == ([], C0_C1[:-1], Expect.C0_C1)


def test_s1_has_zero_version_bytes_and_s2_is_c1_even_for_the_digest_form() -> None:
    [answer], _, _ = shake([b"\x03" + DIGEST_C1])
    assert len(answer) == 3073
    assert answer[1:9] == bytes(8)
    assert answer[1537:] == DIGEST_C1


@pytest.mark.parametrize("c2", [bytes(1536), b"\xff" * 1536, C1])
def test_c2_is_consumed_and_not_checked(c2: bytes) -> None:
    assert shake([C0_C1 + c2 + b"next"]) == ([ANSWER], b"next", Expect.NOTHING)


def test_after_the_handshake_nothing_more_is_taken() -> None:
    handshake = Handshake(FILLER)
    received = bytearray(C0_C1 + C2)
    handshake.advance(received)
    received += bytes(4000)
    assert handshake.advance(received) == b""
    assert len(received) == 4000


@pytest.mark.parametrize(
    ("first", "hint"),
    [
        (b"\x06", Hint.RTMPE),
        (b"\x08", Hint.RTMPE),
        (b"\x09", Hint.RTMPE),
        (b"\x16\x03\x01", Hint.TLS),
        (b"GET / HTTP/1.1\r\n", Hint.HTTP),
        (b"POST /open/1 HTTP/1.1\r\n", Hint.HTTP),
        (b"OPTIONS * HTTP/1.1\r\n", Hint.HTTP),
        (b"SSH-2.0-", Hint.NOT_RTMP),
        (b"\x00", Hint.NOT_RTMP),
        (b"\x1f", Hint.NOT_RTMP),
    ],
)
def test_the_first_byte_tells_who_came_to_the_wrong_door(first: bytes, hint: Hint) -> None:
    for data in (first[:1], first + bytes(4000)):
        with pytest.raises(RemoteProtocolError) as caught:
            shake([data])
        assert caught.value.hint is hint


def test_the_filler_has_exactly_1528_bytes() -> None:
    with pytest.raises(LocalProtocolError):
        Handshake(bytes(1527))
