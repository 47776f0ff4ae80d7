"""The command flow beyond what real clients do: every rule of §4.3 and §4.4 by itself."""

from __future__ import annotations

import pytest

from recorder.amf import Marker, Value, encode_values
from recorder.rtmp import (
    NEED_DATA,
    ConnectRequested,
    Event,
    Hint,
    Limits,
    MediaReceived,
    PublishEnded,
    PublishRequested,
    RemoteProtocolError,
    ServerConnection,
)
from tests.helpers.rtmp_client import Reply, RtmpClient
from tests.rtmp.driving import FILLER, Application, publishing


def connected(client: RtmpClient, limits: Limits | None = None) -> Application:
    application = Application(ServerConnection(limits or Limits(), random=FILLER))
    client.greet()
    client.connect()
    application.talk(client)
    application.events.clear()
    client.replies.clear()
    return application


def shapes(replies: list[Reply]) -> list[tuple[int, str]]:
    """Return message stream and name, or code, of each reply."""
    return [
        (reply.stream_id, reply.code if reply.name == "onStatus" else reply.name)
        for reply in replies
    ]


ENDED = [(1, "NetStream.Unpublish.Success"), (0, "onFCUnpublish")]


# connect


def test_connect_shows_what_the_peer_said() -> None:
    client = RtmpClient()
    client.greet()
    client.connect("live?vhost=a", fourCcList=["hvc1"], capsEx=3)
    application = Application()
    [event] = application.talk(client)
    assert isinstance(event, ConnectRequested)
    assert event.app == "live?vhost=a"
    assert event.tc_url == "rtmp://127.0.0.1/live?vhost=a"
    assert event.flash_version == "FMLE/3.0 (compatible; test)"
    assert event.command["fourCcList"] == ["hvc1"]
    assert event.command["capsEx"] == 3


def test_the_answer_to_connect_is_the_universal_script() -> None:
    client = RtmpClient()
    client.greet()
    client.connect()
    Application().talk(client)
    window, bandwidth, chunk_size, result = client.replies
    assert [(reply.type_id, reply.csid) for reply in client.replies] == [
        (5, 2),
        (6, 2),
        (1, 2),
        (20, 3),
    ]
    assert {reply.stream_id for reply in client.replies} == {0}
    assert window.payload == (2_500_000).to_bytes(4)
    assert bandwidth.payload == (2_500_000).to_bytes(4) + b"\x02"
    assert chunk_size.payload == (65536).to_bytes(4)
    assert result.values[:2] == ["_result", 1.0]
    assert result.code == "NetConnection.Connect.Success"


@pytest.mark.parametrize(
    "members", [None, {}, {"app": None}, {"app": 5}, {"tcUrl": {}, "flashVer": 9.0}]
)
def test_a_connect_without_app_or_tc_url_is_still_one(members: Value) -> None:
    client = RtmpClient()
    client.greet()
    client.command("connect", 1, members)
    [event] = Application().talk(client)
    assert isinstance(event, ConnectRequested)
    assert (event.app, event.tc_url, event.flash_version) == ("", "", "")


def test_a_lower_cased_tc_url_is_found() -> None:
    client = RtmpClient()
    client.greet()
    client.command("connect", 1, {"app": "live", "tcurl": "rtmp://h/live"})
    [event] = Application().talk(client)
    assert isinstance(event, ConnectRequested)
    assert event.tc_url == "rtmp://h/live"


def test_secrets_do_not_show_in_the_text_of_an_event() -> None:
    client = RtmpClient()
    client.start("room?key=SECRET", app="live/SECRET")
    events = Application().talk(client)
    assert len(events) == 2
    assert "SECRET" not in repr(events)


def test_a_refused_connect_gets_its_reason_and_nothing_more_is_read() -> None:
    client = RtmpClient()
    client.greet()
    client.connect("wrong")
    client.command("createStream", 2, None)
    application = Application(accepts=False)
    application.feed(client.data_to_send())
    application.server.reject_connect("No such application.")
    client.receive(application.server.data_to_send())
    [error] = client.replies
    assert error.values[:3] == ["_error", 1.0, None]
    assert error.information == {
        "level": "error",
        "code": "NetConnection.Connect.Rejected",
        "description": "No such application.",
    }
    application.server.receive_data(b"\xff" * 10_000)
    assert application.server.next_event() is NEED_DATA
    assert application.server.buffered_bytes == 0
    assert not application.server.has_data_to_send


def test_a_second_connect_gets_an_error_and_the_first_stays() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.command("connect", 9, {"app": "other"})
    client.video(0, b"v")
    assert application.talk(client) == [
        MediaReceived(stream_id=1, kind=9, timestamp=0, payload=b"v")
    ]
    [error] = client.replies
    assert error.values[:2] == ["_error", 9.0]
    assert error.code == "NetConnection.Connect.Rejected"


@pytest.mark.parametrize("member", ["app", "tcUrl"])
@pytest.mark.parametrize("text", ["live\x00", "a\nb", "x" * 1025])
def test_a_connect_that_nobody_could_have_configured_is_refused(member: str, text: str) -> None:
    client = RtmpClient()
    client.greet()
    client.command("connect", 1, {member: text})
    application = Application()
    with pytest.raises(RemoteProtocolError) as caught:
        application.feed(client.data_to_send())
    assert caught.value.hint is Hint.BAD_NAME
    client.receive(application.server.data_to_send())
    assert client.replies[0].code == "NetConnection.Connect.Rejected"


@pytest.mark.parametrize("name", ["createStream", "publish", "anything"])
def test_a_command_before_connect_ends_the_connection(name: str) -> None:
    client = RtmpClient()
    client.greet()
    client.command(name, 1, None)
    with pytest.raises(RemoteProtocolError):
        Application().feed(client.data_to_send())


# Calls


@pytest.mark.parametrize("name", ["releaseStream", "_checkbw", "FCUnsubscribe", "|RtmpX"])
@pytest.mark.parametrize("transaction", [2, 2.5, 0])
def test_a_call_gets_an_empty_result_unless_its_transaction_is_0(
    name: str, transaction: float
) -> None:
    client = RtmpClient()
    application = connected(client)
    client.command(name, transaction, None, "room")
    application.talk(client)
    expected = [["_result", transaction, None, Marker.UNDEFINED]] if transaction else []
    assert [reply.values for reply in client.replies] == expected


@pytest.mark.parametrize("transaction", [3, 0])
def test_fc_publish_is_confirmed_on_message_stream_0_without_the_name(transaction: int) -> None:
    client = RtmpClient()
    application = connected(client)
    client.command("FCPublish", transaction, None, "room?key=SECRET")
    application.talk(client)
    answers = [(0, "_result")] if transaction else []
    assert [(reply.stream_id, reply.name) for reply in client.replies] == [
        *answers,
        (0, "onFCPublish"),
    ]
    assert b"SECRET" not in b"".join(reply.payload for reply in client.replies)


def test_create_stream_counts_from_1_and_needs_a_transaction() -> None:
    client = RtmpClient()
    application = connected(client)
    for transaction in (4, 0, 5):
        client.command("createStream", transaction, None)
    application.talk(client)
    assert [reply.values for reply in client.replies] == [
        ["_result", 4.0, None, 1.0],
        ["_result", 5.0, None, 2.0],
    ]


@pytest.mark.parametrize("name", ["_result", "_error", "onStatus"])
def test_answers_to_nothing_are_counted_and_not_answered(name: str) -> None:
    client = RtmpClient()
    application = connected(client)
    client.command(name, 7, None)
    application.talk(client)
    assert client.replies == []
    assert application.server.counters.as_dict() == {"unknown_commands": 1}


def test_a_command_that_is_none_is_counted() -> None:
    client = RtmpClient()
    application = connected(client)
    client.message(3, 20, 0, 0, b"\xff\xff")
    client.message(3, 17, 0, 0, b"")
    assert application.talk(client) == []
    assert application.server.counters.as_dict() == {"undecodable_commands": 2}


def test_a_session_by_amf3_commands_works_alike() -> None:
    client = RtmpClient()
    client.greet()
    for stream_id, body in (
        (0, encode_values("connect", 1, {"app": "live", "objectEncoding": 3})),
        (0, encode_values("createStream", 2, None)),
        (1, encode_values("publish", 3, None, "room", "live")),
    ):
        client.message(3, 17, stream_id, 0, b"\x00" + body)
    events = Application().talk(client)
    assert isinstance(events[1], PublishRequested)
    assert client.status(1) == ["NetStream.Publish.Start"]


# publish


def test_publish_shows_what_the_peer_said() -> None:
    client = RtmpClient()
    client.start("room?key=K", app="live")
    assert Application().talk(client)[1] == PublishRequested(
        stream_id=1, name="room?key=K", publish_type="live", app="live"
    )


def test_an_accepted_publish_gets_stream_begin_and_then_its_status() -> None:
    client = RtmpClient()
    application = connected(client)
    client.publish("room")
    application.talk(client)
    begin, start = client.replies
    assert (begin.csid, begin.type_id, begin.stream_id) == (2, 4, 0)
    assert begin.payload == bytes.fromhex("0000 00000001")
    assert (start.csid, start.stream_id) == (5, 1)
    assert start.values[:3] == ["onStatus", 0.0, None]
    assert start.information["level"] == "status"
    assert start.code == "NetStream.Publish.Start"


@pytest.mark.parametrize("stream_id", [0, 1, 5, 0xFF_FFFF])
def test_publish_without_create_stream_is_accepted_where_it_was_asked(stream_id: int) -> None:
    client = RtmpClient()
    application = connected(client)
    client.publish("room", stream_id=stream_id)
    client.video(0, b"v", stream_id=stream_id)
    events = application.talk(client)
    assert events[1] == MediaReceived(stream_id=stream_id, kind=9, timestamp=0, payload=b"v")
    assert client.status(stream_id) == ["NetStream.Publish.Start"]


def test_a_publish_without_a_name_has_an_empty_one() -> None:
    # OBS with an empty key field (§4.5).
    client = RtmpClient()
    application = connected(client)
    client.command("publish", 5, None, stream_id=1)
    assert application.talk(client) == [
        PublishRequested(stream_id=1, name="", publish_type="", app="live")
    ]


def test_a_second_publish_on_a_live_stream_gets_an_error_and_the_first_stays() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.publish("other")
    client.video(0, b"v")
    assert [type(event) for event in application.talk(client)] == [MediaReceived]
    assert shapes(client.replies) == [(1, "NetStream.Publish.BadName")]
    assert client.replies[0].information["level"] == "error"


def test_a_stream_id_that_no_file_can_hold_is_refused() -> None:
    client = RtmpClient()
    application = connected(client)
    client.publish("room", stream_id=0x0100_0000)
    assert application.talk(client) == []
    assert client.status(0x0100_0000) == ["NetStream.Publish.BadName"]


def test_too_many_publishing_streams_are_refused_and_a_free_place_is_given_again() -> None:
    client = RtmpClient()
    application = connected(client, Limits(publishing_streams=2))
    for stream_id in (1, 2, 3):
        client.publish(f"room{stream_id}", stream_id=stream_id)
    assert len(application.talk(client)) == 2
    assert client.status(3) == ["NetStream.Publish.BadName"]
    client.command("deleteStream", 0, None, 1)
    client.publish("room3", stream_id=3)
    application.talk(client)
    assert client.status(3)[1:] == ["NetStream.Publish.Start"]


def test_a_refused_publish_gets_its_reason_and_may_be_tried_again() -> None:
    client = RtmpClient()
    application = connected(client)
    application.accepts = False
    client.publish("wrong")
    client.publish("right")
    application.feed(client.data_to_send())
    application.server.reject_publish(1, "NetStream.Publish.BadName", "Not known here.")
    [event] = application.feed(b"")
    application.server.accept_publish(1)
    client.receive(application.server.data_to_send())
    assert isinstance(event, PublishRequested)
    assert event.name == "right"
    assert client.status(1) == ["NetStream.Publish.BadName", "NetStream.Publish.Start"]
    error = client.commands("onStatus")[0]
    assert error.information == {
        "level": "error",
        "code": "NetStream.Publish.BadName",
        "description": "Not known here.",
    }


@pytest.mark.parametrize("name", ["room\x00", "../\r\n", "x" * 1025])
def test_a_name_that_nobody_could_have_configured_is_refused(name: str) -> None:
    client = RtmpClient()
    application = connected(client)
    client.publish(name)
    with pytest.raises(RemoteProtocolError) as caught:
        application.feed(client.data_to_send())
    assert caught.value.hint is Hint.BAD_NAME
    client.receive(application.server.data_to_send())
    assert client.status(1) == ["NetStream.Publish.BadName"]


# The end


def end(client: RtmpClient, application: Application) -> list[Event]:
    client.replies.clear()
    return application.talk(client)


@pytest.mark.parametrize("argument", [1, "room", "room-shortened", 77, None])
def test_delete_stream_ends_by_id_by_name_and_by_anything_when_one_publishes(
    argument: Value,
) -> None:
    client = RtmpClient()
    application = publishing(client)
    client.command("deleteStream", 7, None, argument)
    assert end(client, application) == [PublishEnded(stream_id=1, command="deleteStream")]
    assert shapes(client.replies) == ENDED


@pytest.mark.parametrize("stream_id", [1, 0])
def test_close_stream_ends_cleanly(stream_id: int) -> None:
    client = RtmpClient()
    application = publishing(client)
    client.command("closeStream", 0, None, stream_id=stream_id)
    assert end(client, application) == [PublishEnded(stream_id=1, command="closeStream")]
    assert shapes(client.replies) == ENDED


@pytest.mark.parametrize("name", ["room", "other", None])
@pytest.mark.parametrize("transaction", [6, 0])
def test_fc_unpublish_ends_cleanly(name: Value, transaction: int) -> None:
    client = RtmpClient()
    application = publishing(client)
    client.command("FCUnpublish", transaction, None, name)
    assert end(client, application) == [PublishEnded(stream_id=1, command="FCUnpublish")]
    answers = [(0, "_result")] if transaction else []
    assert shapes(client.replies) == ENDED + answers


def test_a_publish_ends_once_however_often_the_peer_says_so() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.command("closeStream", 0, None, stream_id=1)
    client.command("FCUnpublish", 0, None, "room")
    client.command("deleteStream", 0, None, 1)
    client.command("deleteStream", 0, None, "room")
    assert len(end(client, application)) == 1
    assert shapes(client.replies) == ENDED


def test_ending_an_idle_stream_leaves_the_publishing_one_alone() -> None:
    client = RtmpClient()
    application = connected(client)
    client.command("createStream", 2, None)
    client.command("createStream", 3, None)
    client.publish("room", stream_id=2)
    client.command("deleteStream", 0, None, 1)
    client.command("closeStream", 0, None, stream_id=1)
    events = application.talk(client)
    assert [type(event) for event in events] == [PublishRequested]


def test_the_same_connection_may_publish_again_on_the_same_or_a_new_stream() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.command("closeStream", 0, None, stream_id=1)
    client.publish("again")
    client.finish("again")
    client.command("createStream", 8, None)
    client.publish("new", stream_id=2)
    client.video(0, b"v", stream_id=2)
    names = [e.name for e in application.talk(client) if isinstance(e, PublishRequested)]
    assert names == ["again", "new"]
    assert application.events[-1] == MediaReceived(stream_id=2, kind=9, timestamp=0, payload=b"v")


def test_a_kick_is_told_on_the_stream_and_gives_no_event() -> None:
    client = RtmpClient()
    application = publishing(client)
    application.server.end_publish(1, "NetStream.Publish.BadName", "Replaced.", "error")
    client.video(0, b"v")
    client.finish("room")
    assert end(client, application) == []
    assert shapes(client.replies)[0] == (1, "NetStream.Publish.BadName")
    assert client.replies[0].information["level"] == "error"
    assert application.server.counters.media_without_publish == 1
