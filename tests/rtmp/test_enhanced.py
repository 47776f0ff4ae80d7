"""Enhanced RTMP in `connect`: answered to who asks, and never a condition (§5.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.rtmp import MediaReceived
from recorder.rtmp.enhanced import Capability, answer, capabilities
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import Application

if TYPE_CHECKING:
    from recorder.amf import Value

OFFERS: list[dict[str, Value]] = [
    {"fourCcList": ["hvc1", "av01", "Opus"]},
    {"videoFourCcInfoMap": {"hvc1": 2.0}},
    {"audioFourCcInfoMap": {"*": 2.0}},
    {"capsEx": 3.0},
    {"capsEx": "none of ours", "fourCcList": None},
]


@pytest.mark.parametrize("offer", OFFERS)
def test_who_offers_something_hears_what_we_can(offer: dict[str, Value]) -> None:
    client = RtmpClient()
    client.greet()
    client.connect("live", **offer)
    Application().talk(client)
    information = client.commands("_result")[0].information
    assert information["fourCcList"] == ["*"]
    assert information["videoFourCcInfoMap"] == {"*": 4}
    assert information["audioFourCcInfoMap"] == {"*": 4}
    assert information["capsEx"] == 15
    assert information["code"] == "NetConnection.Connect.Success"


def test_who_offers_nothing_hears_nothing_new() -> None:
    client = RtmpClient()
    client.greet()
    client.connect()
    Application().talk(client)
    information = client.commands("_result")[0].information
    assert set(information) == {"level", "code", "description", "objectEncoding"}
    assert answer({"app": "live"}) == {}


@pytest.mark.parametrize("offer", [{}, *OFFERS])
def test_enhanced_media_are_taken_whatever_was_settled(offer: dict[str, Value]) -> None:
    client = RtmpClient()
    client.start("room", app="live", **offer)
    application = Application()
    application.talk(client)
    application.events.clear()
    # A sequence header, a keyframe behind ModEx, and one of many tracks.
    bodies = [b"\x90hvc1\x01", b"\x97\x02\x00\x00\x01\x01hvc1\0\0\0key", b"\x96\x01avc1\x01frame"]
    for body in bodies:
        client.video(0, body)
    events = application.talk(client)
    assert [event.payload for event in events if isinstance(event, MediaReceived)] == bodies


@pytest.mark.parametrize(
    ("said", "can"),
    [
        (1.0, Capability.RECONNECT),
        (15, Capability.RECONNECT | Capability.MULTITRACK | Capability.MOD_EX | Capability(8)),
        (16.0, Capability(0)),
        (-1, Capability(0)),
        (float("nan"), Capability(0)),
        (1e300, Capability(0)),
        ("1", Capability(0)),
        (None, Capability(0)),
    ],
)
def test_capabilities_are_read_as_far_as_they_make_sense(said: Value, can: Capability) -> None:
    assert capabilities({"capsEx": said}) == can


def test_who_can_reconnect_is_asked_on_message_stream_0_in_one_small_chunk() -> None:
    client = RtmpClient()
    client.start("room", capsEx=1)
    application = Application()
    application.talk(client)
    client.replies.clear()
    assert application.server.request_reconnect()
    client.receive(application.server.data_to_send())
    (reply,) = client.replies
    assert (reply.name, reply.stream_id) == ("onStatus", 0)
    assert reply.code == "NetConnection.Connect.ReconnectRequest"
    assert reply.information["level"] == "status"
    assert reply.wire_bytes <= 128 + 12
    client.video(0, b"\x17\x01more")
    assert application.talk(client), "it is served until it goes"


@pytest.mark.parametrize("offer", [{}, {"capsEx": 14}])
def test_who_cannot_reconnect_is_not_asked(offer: dict[str, Value]) -> None:
    client = RtmpClient()
    client.start("room", app="live", **offer)
    application = Application()
    application.talk(client)
    assert not application.server.request_reconnect()
    assert not application.server.has_data_to_send


def test_nobody_is_asked_before_it_is_connected() -> None:
    application = Application(accepts=False)
    assert not application.server.request_reconnect()
