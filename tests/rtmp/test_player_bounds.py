"""How much of what a player says may be unfinished."""

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
from tests.rtmp.driving import FILLER, playing, publishing


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
