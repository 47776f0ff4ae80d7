"""The command flow of who plays: protocol §4.8, and the refusals of §4.4 for a player."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.rtmp import (
    LocalProtocolError,
    PlayChanged,
    PlayEnded,
    PlayRequested,
    PublishEnded,
    RemoteProtocolError,
)
from recorder.rtmp.limits import Limits
from recorder.rtmp.relay import RelayEncoder
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import Application, byte_by_byte, connected, playing, publishing

if TYPE_CHECKING:
    from recorder.amf import Value
    from recorder.rtmp import Event
    from tests.helpers.rtmp_client import Reply

BEGIN = "begin"
AGAIN = [BEGIN, "NetStream.Seek.Notify", "NetStream.Play.Start"]
"""What a player is told where it begins anew."""


def asked_to_play(client: RtmpClient) -> Application:
    """One that has not decided yet."""
    application = Application(accepts=False)
    client.greet()
    client.connect()
    application.talk(client)
    application.server.accept_connect()
    client.play("room")
    return application


def heard(*commands: tuple[str, Value]) -> tuple[list[Event], list[str]]:
    """What comes of these calls of a player, each with one argument: the events, and what it is
    told on its stream. The same whole, byte by byte, and in front of what is not finished."""
    outcomes = []
    for tail, cut in ((b"", False), (b"", True), (b"\x03\0\0", False)):
        client = RtmpClient()
        application = playing(client)
        client.replies.clear()
        for name, argument in commands:
            client.command(name, 0, None, argument, stream_id=1, csid=8)
        data = client.data_to_send() + tail
        events = [
            event
            for part in (byte_by_byte(data) if cut else [data])
            for event in application.feed(part)
        ]
        assert application.server.buffered_bytes == len(tail)
        client.receive(application.server.data_to_send())
        outcomes.append((events, [told(reply) for reply in client.replies]))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    return outcomes[0]


def told(reply: Reply) -> str:
    if reply.type_id == 4:
        assert reply.payload == b"\0\0\0\0\0\x01"
        return BEGIN
    assert reply.stream_id == 1
    assert reply.wire_bytes <= 128
    return reply.code


def changed(*unwanted: int, is_paused: bool = False, anew: bool = True) -> PlayChanged:
    return PlayChanged(stream_id=1, is_paused=is_paused, unwanted=frozenset(unwanted), anew=anew)


def test_who_seeks_in_what_is_live_is_told_that_it_begins_anew() -> None:
    """ffmpeg and librtmp throw everything away until they hear of it."""
    assert heard(("seek", 1000.0)) == ([changed()], AGAIN)
    assert heard(("seek", 0.0), ("seek", -1.0)) == ([changed(), changed()], AGAIN * 2)


def test_who_pauses_and_goes_on_is_told_both_and_begins_anew() -> None:
    assert heard(("pause", True), ("pause", False)) == (
        [changed(is_paused=True), changed()],
        ["NetStream.Pause.Notify", BEGIN, "NetStream.Unpause.Notify"],
    )


def test_who_pauses_twice_or_goes_on_without_a_pause_changes_nothing() -> None:
    assert heard(("pause", False), ("pause", True), ("pause", True)) == (
        [changed(is_paused=True)],
        [BEGIN, "NetStream.Unpause.Notify", *["NetStream.Pause.Notify"] * 2],
    )


def test_who_seeks_while_it_pauses_pauses_on() -> None:
    events, words = heard(("pause", True), ("seek", 1000.0), ("pause", False))
    assert events == [changed(is_paused=True), changed(is_paused=True), changed()]
    assert "NetStream.Play.Start" not in words


@pytest.mark.parametrize(("command", "kind"), [("receiveAudio", 8), ("receiveVideo", 9)])
def test_a_kind_may_be_done_without_and_wanted_again(command: str, kind: int) -> None:
    assert heard((command, False)) == ([changed(kind, anew=False)], [])
    assert heard((command, False), (command, True)) == (
        [changed(kind, anew=False), changed()],
        AGAIN,
    )


def test_who_wants_what_it_gets_changes_nothing() -> None:
    assert heard(("receiveAudio", True), ("receiveVideo", True)) == ([], [])
    assert heard(*[("receiveVideo", False)] * 2) == ([changed(9, anew=False)], [])


def test_both_kinds_may_be_done_without_and_another_play_wants_all_of_it() -> None:
    client = RtmpClient()
    application = playing(client)
    for command in ("receiveAudio", "receiveVideo"):
        client.command(command, 0, None, False, stream_id=1)
    client.play("other")
    client.command("seek", 0, None, 0.0, stream_id=1)
    events = application.talk(client)
    assert events[1:] == [
        changed(8, 9, anew=False),
        PlayRequested(stream_id=1, name="other"),
        changed(),
    ]


def test_what_is_said_before_a_play_holds_for_that_and_no_other() -> None:
    client = RtmpClient()
    application = connected(client)
    for command, wanted in (
        *(("receiveAudio", True), ("receiveVideo", False), ("receiveAudio", False)),
        *(("receiveAudio", True), ("pause", True)),
    ):
        client.command(command, 0, None, wanted, stream_id=1)
    client.play("room")
    client.play("other")
    assert application.talk(client) == [
        PlayRequested(stream_id=1, name="room", unwanted=frozenset({9})),
        PlayRequested(stream_id=1, name="other"),
    ]
    assert client.status(1).count("NetStream.Play.Start") == 2


def test_what_is_said_before_a_play_may_be_changed_in_it() -> None:
    client = RtmpClient()
    application = connected(client)
    client.command("receiveVideo", 0, None, False, stream_id=1)
    client.play("room")
    client.command("receiveVideo", 0, None, True, stream_id=1)
    assert application.talk(client)[1:] == [changed()]


def test_wishes_for_plays_that_never_come_are_forgotten_but_for_a_few() -> None:
    client = RtmpClient()
    application = connected(client)
    for stream_id in range(1, 18):
        client.command("receiveVideo", 0, None, False, stream_id=stream_id)
    for stream_id in (1, 2, 17):
        client.play("room", stream_id=stream_id)
    asked = [each for each in application.talk(client) if isinstance(each, PlayRequested)]
    assert [each.unwanted for each in asked] == [frozenset(), frozenset({9}), frozenset({9})]


@pytest.mark.parametrize("command", ["seek", "pause", "receiveAudio", "receiveVideo"])
def test_a_call_with_a_transaction_gets_its_result_as_well(command: str) -> None:
    client = RtmpClient()
    application = playing(client)
    client.replies.clear()
    client.command(command, 7, None, False, stream_id=1)
    application.talk(client)
    first = client.replies[0]
    assert (first.name, first.values[1], first.stream_id) == ("_result", 7.0, 0)


@pytest.mark.parametrize("is_publishing", [True, False])
def test_who_plays_nothing_can_neither_seek_nor_pause(is_publishing: bool) -> None:
    client = RtmpClient()
    application = publishing(client)
    if not is_publishing:
        client.command("closeStream", 0, None, stream_id=1)
        application.talk(client)
        client.replies.clear()
    for transaction in (0, 7):
        for command in ("seek", "pause", "receiveAudio"):
            client.command(command, transaction, None, False, stream_id=1)
    assert application.talk(client) == []
    assert [(reply.name, reply.values[1]) for reply in client.replies] == [
        ("_error", 7.0),
        ("_error", 7.0),
        ("_result", 7.0),
    ]
    assert [reply.code for reply in client.replies[:2]] == [
        "NetStream.Seek.Failed",
        "NetStream.Pause.Failed",
    ]


def test_who_subscribes_before_it_plays_is_told_to_play() -> None:
    client = RtmpClient()
    application = connected(client)
    client.command("FCSubscribe", 3, None, "room?key=secret")
    assert application.talk(client) == []
    result, subscribed = client.replies
    assert (result.name, result.values[1]) == ("_result", 3.0)
    assert (subscribed.name, subscribed.stream_id) == ("onFCSubscribe", 0)
    assert b"secret" not in subscribed.payload


def test_what_a_player_waits_for_comes_in_order() -> None:
    client = RtmpClient()
    playing(client)
    begin, reset, start, access = client.replies[-4:]
    assert (begin.type_id, begin.payload) == (4, b"\0\0\0\0\0\x01")
    assert [reset.code, start.code] == ["NetStream.Play.Reset", "NetStream.Play.Start"]
    assert {reset.stream_id, start.stream_id, access.stream_id} == {1}
    assert (access.type_id, access.values) == (18, ["|RtmpSampleAccess", True, True])


def test_playing_may_be_refused_and_asked_for_again() -> None:
    client = RtmpClient()
    application = asked_to_play(client)
    client.play("room")
    assert application.talk(client) == [PlayRequested(stream_id=1, name="room")], "it pauses"
    application.server.reject_play(1, "NetStream.Play.StreamNotFound", "No such room.")
    assert application.talk(client) == [PlayRequested(stream_id=1, name="room")]
    assert client.status(1) == ["NetStream.Play.StreamNotFound"]


def test_what_is_live_has_no_length() -> None:
    client = RtmpClient()
    application = playing(client)
    client.replies.clear()
    client.command("getStreamLength", 0, None, "room")
    client.command("getStreamLength", 9, None, "room")
    application.talk(client)
    assert [reply.values for reply in client.replies] == [["_result", 9.0, None, 0.0]]


@pytest.mark.parametrize("command", ["closeStream", "deleteStream"])
def test_a_player_that_says_good_bye_is_heard_once(command: str) -> None:
    client = RtmpClient()
    application = playing(client)
    client.replies.clear()
    for _ in range(2):
        if command == "closeStream":
            client.command(command, 0, None, stream_id=1)
        else:
            client.command(command, 0, None, 1)
    assert application.talk(client) == [PlayEnded(stream_id=1)]
    assert client.replies == []


def test_the_end_of_what_it_plays_is_told_and_it_may_play_again() -> None:
    client = RtmpClient()
    application = playing(client)
    application.server.end_play(1, "The recorder stops.")
    client.play("other")
    assert application.talk(client) == [PlayRequested(stream_id=1, name="other")]
    assert client.status(1)[2:4] == ["NetStream.Play.UnpublishNotify", "NetStream.Play.Reset"]
    told = client.commands("onStatus")[2].information
    assert told["description"] == "The recorder stops."


def test_a_second_play_on_a_stream_takes_the_place_of_the_first() -> None:
    client = RtmpClient()
    application = playing(client, Limits(publishing_streams=1))
    client.play("other")
    client.command("deleteStream", 0, None, 1)
    assert application.talk(client) == [
        PlayRequested(stream_id=1, name="other"),
        PlayEnded(stream_id=1),
    ]
    assert client.status(1)[2:] == ["NetStream.Play.Reset", "NetStream.Play.Start"]


def test_a_second_play_that_is_refused_has_ended_the_first() -> None:
    client = RtmpClient()
    application = playing(client)
    application.accepts = False
    client.play("other")
    application.talk(client)
    application.server.reject_play(1, "NetStream.Play.StreamNotFound", "No such room.")
    client.command("deleteStream", 0, None, 1)
    assert application.talk(client) == []


def test_a_stream_that_plays_cannot_publish() -> None:
    client = RtmpClient()
    application = playing(client)
    client.publish("other")
    assert application.talk(client) == []
    assert client.status(1)[2:] == ["NetStream.Publish.BadName"]


def test_a_stream_that_publishes_cannot_play() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.play("other")
    assert application.talk(client) == []
    assert client.status(1) == ["NetStream.Play.Failed"]


def test_streams_that_play_count_among_those_that_are_busy() -> None:
    client = RtmpClient()
    application = playing(client, Limits(publishing_streams=1))
    client.play("other", stream_id=2)
    client.publish("other", stream_id=2)
    assert application.talk(client) == []
    assert client.status(2) == ["NetStream.Play.Failed", "NetStream.Publish.BadName"]


def test_a_name_that_is_too_long_is_refused_and_ends_the_connection() -> None:
    client = RtmpClient()
    application = Application()
    client.watch("x" * 1025)
    with pytest.raises(RemoteProtocolError, match="stream name"):
        application.talk(client)
    client.receive(application.server.data_to_send())
    assert client.status(1) == ["NetStream.Play.Failed"]


def test_a_connection_may_publish_and_play_and_each_ends_by_itself() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.play("other", stream_id=2)
    application.talk(client)
    client.command("deleteStream", 0, None, 2)
    client.command("deleteStream", 0, None, 1)
    assert application.talk(client)[-2:] == [
        PlayEnded(stream_id=2),
        PublishEnded(stream_id=1, command="deleteStream"),
    ]


def test_what_nobody_asked_to_play_cannot_be_decided_or_ended() -> None:
    client = RtmpClient()
    application = publishing(client)
    server = application.server
    with pytest.raises(LocalProtocolError, match="asked to play"):
        server.accept_play(1)
    with pytest.raises(LocalProtocolError, match="asked to play"):
        server.reject_play(1, "NetStream.Play.Failed", "")
    with pytest.raises(LocalProtocolError, match="not playing"):
        server.end_play(1, "")


def test_a_request_to_play_is_not_answered_as_one_to_publish() -> None:
    client = RtmpClient()
    application = asked_to_play(client)
    application.talk(client)
    with pytest.raises(LocalProtocolError, match="publish"):
        application.server.accept_publish(1)
    application.server.accept_play(1)


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 200_000])
@pytest.mark.parametrize("timestamp", [0, 0xFFFFFE, 0xFFFFFF, 0xFFFFFFFF])
def test_relayed_media_is_read_as_it_was_sent(size: int, timestamp: int) -> None:
    client = RtmpClient()
    application = playing(client)
    client.receive(application.server.data_to_send())
    client.replies.clear()
    body = bytes(number % 251 for number in range(size))
    encoder = RelayEncoder(1)
    for kind in (8, 9, 18):
        client.receive(encoder.encode(kind, timestamp, body))
    assert [(reply.type_id, reply.stream_id, reply.timestamp) for reply in client.replies] == [
        (8, 1, timestamp),
        (9, 1, timestamp),
        (18, 1, timestamp),
    ]
    assert all(reply.payload == body for reply in client.replies)
    assert client.unread_bytes == 0
