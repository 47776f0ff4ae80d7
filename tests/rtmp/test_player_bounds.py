"""How much a player may say, and how much of it may be unfinished."""

from __future__ import annotations

import pytest

from recorder.rtmp import (
    NEED_DATA,
    MediaReceived,
    RemoteProtocolError,
    ServerConnection,
)
from recorder.rtmp.limits import Limits
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import FILLER, byte_by_byte, playing, publishing

BEGIN = "begin"
AGAIN = [BEGIN, "NetStream.Seek.Notify", "NetStream.Play.Start"]
"""What a player is told where it begins anew."""


def test_a_player_may_acknowledge_for_hours() -> None:
    client = RtmpClient()
    application = playing(client, Limits(messages_before_publish=8, bytes_before_publish=1024))
    for number in range(1000):
        client.control(3, number.to_bytes(4))
    assert application.talk(client) == []
    assert application.server.counters.acknowledgements == 1000


@pytest.mark.parametrize("ends_first", [False, True])
def test_who_plays_and_says_too_much_is_cut_off_unless_time_passes(ends_first: bool) -> None:
    """Also when it plays no more."""
    client = RtmpClient()
    application = playing(client, Limits(player_messages=10))
    if ends_first:
        application.server.end_play(1, "Over.")
    for _ in range(3):
        for number in range(5):
            client.control(3, number.to_bytes(4))
            client.message(3, 0x1E, 0, 0, b"of no known type")
        application.talk(client)
        application.server.allow_player(100)
    for number in range(11):
        client.command("blah", 0, None, number)
    with pytest.raises(RemoteProtocolError, match="too many messages from a player"):
        application.talk(client)


def test_a_long_message_of_a_player_counts_for_several() -> None:
    client = RtmpClient()
    application = playing(client, Limits(player_messages=10))
    client.command("blah", 0, None, "x" * 700)
    with pytest.raises(RemoteProtocolError, match="too many messages from a player"):
        application.talk(client)


def test_what_a_player_says_of_its_chunks_counts_as_well() -> None:
    client = RtmpClient()
    application = playing(client, Limits(player_messages=10))
    for _ in range(11):
        client.set_chunk_size(4096)
    *parts, last = byte_by_byte(client.data_to_send())
    for part in parts:
        assert application.feed(part) == []
    with pytest.raises(RemoteProtocolError, match="too many messages from a player"):
        application.feed(last)


def test_who_publishes_may_say_as_much_as_it_likes_and_its_stray_media_count_by_bytes() -> None:
    client = RtmpClient()
    limits = Limits(player_messages=10)
    application = publishing(client, ServerConnection(limits, random=FILLER))
    for number in range(100):
        client.control(3, number.to_bytes(4))
        client.set_chunk_size(4096)
    assert application.talk(client) == []
    application.server.end_publish(1)
    for number in range(100):
        client.video(number, b"frame")
        client.cue_point(number)
    assert application.talk(client) == []
    assert application.server.counters.media_without_publish == 200


@pytest.mark.parametrize("size", [1, 1000, 9_000, 100_000])
def test_a_player_cannot_make_us_hold_what_a_publisher_may(size: int) -> None:
    """However it is split: of a fast line all would have come before anybody looks."""
    client, limits = RtmpClient(), Limits(player_bytes=10_000)
    application = playing(client, limits)
    client.set_chunk_size(4096)
    client.video(0, bytes(10_000))
    client.video(40, bytes(12_000))
    whole = client.data_to_send()

    def arrive() -> None:
        for at in range(0, len(whole), size):
            application.server.receive_data(whole[at : at + size])
            assert application.server.next_event() is NEED_DATA

    with pytest.raises(RemoteProtocolError, match="too many unfinished bytes"):
        arrive()
    assert application.server.counters.media_without_publish == 1
    assert application.server.buffered_bytes == 0


def test_what_a_publisher_has_not_finished_when_it_only_plays_is_too_much_for_a_player() -> None:
    client, limits = RtmpClient(), Limits(player_bytes=10_000)
    application = publishing(client, ServerConnection(limits, random=FILLER))
    client.play("room", stream_id=2)
    application.talk(client)
    client.set_chunk_size(1 << 20)
    application.talk(client)
    client.video(0, bytes(50_000))
    application.server.receive_data(client.data_to_send()[:40_000])
    assert application.server.next_event() is NEED_DATA
    application.server.end_publish(1)
    with pytest.raises(RemoteProtocolError, match="too many unfinished bytes"):
        application.server.next_event()


def test_who_publishes_beside_what_it_plays_may_send_what_publishers_do() -> None:
    client, limits = RtmpClient(), Limits(player_bytes=10_000)
    application = publishing(client, ServerConnection(limits, random=FILLER))
    client.play("room", stream_id=2)
    application.talk(client)
    application.events.clear()
    client.set_chunk_size(1 << 20)
    client.video(0, bytes(50_000))
    whole = client.data_to_send()
    application.server.receive_data(whole[:40_000])
    assert application.server.next_event() is NEED_DATA
    application.server.receive_data(whole[40_000:])
    assert isinstance(application.server.next_event(), MediaReceived)
