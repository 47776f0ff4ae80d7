"""How much a stranger, a player and a publisher may say beside media that somebody wants."""

from __future__ import annotations

import pytest

from recorder.amf import encode_values
from recorder.rtmp import (
    DataReceived,
    Hint,
    Limits,
    MediaReceived,
    RemoteProtocolError,
    ServerConnection,
)
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import FILLER, byte_by_byte, connected, failing, playing, publishing, server


def test_a_stranger_may_send_no_more_messages_than_a_client_needs() -> None:
    client = RtmpClient()
    application = connected(client, server(messages_before_publish=20))
    for _ in range(25):
        client.message(5, 99, 0, 0, b"")
    assert failing(application, client.data_to_send()) is Hint.TOO_LARGE

    client = RtmpClient()
    application = publishing(client, server(messages_before_publish=20))
    for time in range(50):
        client.video(time, b"")
    assert len(application.talk(client)) == 50


# Who plays, or has ended its publish.


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


# Media for nobody.


def test_media_for_nobody_is_dropped_and_ends_the_connection_after_a_quota() -> None:
    client = RtmpClient()
    application = connected(client, server(stray_bytes=1000))
    client.video(0, bytes(500))
    assert application.talk(client) == []
    assert application.server.counters.media_without_publish == 1
    client.video(40, bytes(500))
    assert failing(application, client.data_to_send()) is Hint.NOT_PUBLISHING


def test_empty_messages_for_nobody_use_up_the_quota_too() -> None:
    client = RtmpClient()
    application = connected(client, server(stray_bytes=1000))
    for index in range(100):
        client.audio(index, b"")
    assert failing(application, client.data_to_send()) is Hint.NOT_PUBLISHING


def test_an_accepted_publish_begins_the_quota_anew() -> None:
    client = RtmpClient()
    application = connected(client, server(stray_bytes=1000))
    for _ in range(3):
        client.video(0, bytes(800))
        client.publish("room")
        client.finish("room")
        application.talk(client)
    assert application.server.counters.media_without_publish == 3


# Data messages.


def test_data_beyond_the_allowance_is_dropped_and_counted() -> None:
    client = RtmpClient()
    limits = Limits(data_messages=3)
    application = publishing(client, ServerConnection(limits, random=FILLER))
    for _ in range(5):
        client.cue_point(1)
    client.video(0, b"frame")
    events = application.talk(client)
    assert [type(event) for event in events] == [DataReceived] * 3 + [MediaReceived]
    assert application.server.counters.excess_data == 2
    application.server.allow_data(2)
    application.server.allow_data(0)
    for _ in range(3):
        client.cue_point(2)
    assert len(application.talk(client)) == 2
    application.server.allow_data(1000)
    for _ in range(5):
        client.cue_point(3)
    assert len(application.talk(client)) == 3, "no more than a burst is saved up"
    assert application.server.counters.excess_data == 5


def test_a_long_data_message_counts_for_several_short_ones() -> None:
    client = RtmpClient()
    limits = Limits(data_messages=5, data_bytes=100)
    application = publishing(client, ServerConnection(limits, random=FILLER))
    client.message(5, 18, 1, 0, encode_values("onCuePoint", "x" * 283))  # 299 bytes
    client.message(5, 18, 1, 0, encode_values("onCuePoint", "x" * 84))  # 100 bytes: counts for two
    client.cue_point(3)
    assert len(application.talk(client)) == 2
    assert application.server.counters.excess_data == 1


def test_excess_data_is_not_even_decoded() -> None:
    client = RtmpClient()
    application = publishing(client, ServerConnection(Limits(data_messages=1), random=FILLER))
    client.cue_point(1)
    client.message(4, 18, 1, 0, b"\xff no AMF")
    application.talk(client)
    assert application.server.counters.undecodable_data == 0
    assert application.server.counters.excess_data == 1
