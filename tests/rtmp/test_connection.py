"""A connection beside its commands: pausing, media, bounds, errors."""

from __future__ import annotations

import pytest

from recorder.amf import EcmaArray, decode_values, encode_values
from recorder.rtmp import (
    NEED_DATA,
    PAUSED,
    ConnectRequested,
    DataReceived,
    Hint,
    LocalProtocolError,
    MediaReceived,
    PublishEnded,
    PublishRequested,
    RemoteProtocolError,
    ServerConnection,
)
from tests.helpers.rtmp_client import C0_C1, C2, RtmpClient
from tests.rtmp.driving import FILLER, Application, connected, failing, publishing, run, server
from tests.rtmp.test_messages import tag

# Pausing


def test_parsing_pauses_until_the_application_decides() -> None:
    client, connection = RtmpClient(), server()
    client.start("room")
    client.video(0, b"right behind publish")
    connection.receive_data(client.data_to_send())
    assert isinstance(connection.next_event(), ConnectRequested)
    assert connection.next_event() is PAUSED
    assert connection.next_event() is PAUSED
    connection.accept_connect()
    assert isinstance(connection.next_event(), PublishRequested)
    assert connection.next_event() is PAUSED
    held = connection.buffered_bytes
    assert held > len("right behind publish")
    connection.receive_data(b"\xc6")
    assert connection.buffered_bytes == held + 1
    connection.accept_publish(1)
    # Hardware sends media before it has our answer (§6 row 29): nothing of it is lost.
    event = connection.next_event()
    assert event == MediaReceived(stream_id=1, kind=9, timestamp=0, payload=b"right behind publish")
    assert connection.next_event() is NEED_DATA


def test_nothing_is_sent_between_the_handshake_and_the_decision_about_connect() -> None:
    # §1.4 rule 1: HaishinKit breaks on anything behind S2.
    client = RtmpClient()
    client.greet()
    client.window_ack_size(1)
    client.control(6, (1000).to_bytes(4) + b"\x02")
    client.control(4, b"\x00\x06time")
    client.connect()
    application = Application(server(), accepts=False)
    application.feed(client.data_to_send())
    assert len(application.server.data_to_send()) == 3073
    assert not application.server.has_data_to_send


def test_answers_nobody_asked_for_are_the_callers_mistake_and_change_nothing() -> None:
    client = RtmpClient()
    application = connected(client)
    for answer in (
        application.server.accept_connect,
        lambda: application.server.reject_connect("no"),
        lambda: application.server.accept_publish(1),
        lambda: application.server.reject_publish(1, "NetStream.Publish.BadName", "no"),
        lambda: application.server.end_publish(1),
    ):
        with pytest.raises(LocalProtocolError):
            answer()
    assert application.server.data_to_send() == b""
    client.command("createStream", 2, None)
    client.publish("room")
    assert len(application.talk(client)) == 1


# Media and data


def test_media_is_delivered_as_it_was_sent_even_empty() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.audio(5, b"\xaf\x01aac")
    client.video(7, b"")
    assert application.talk(client) == [
        MediaReceived(stream_id=1, kind=8, timestamp=5, payload=b"\xaf\x01aac"),
        MediaReceived(stream_id=1, kind=9, timestamp=7, payload=b""),
    ]


def test_metadata_is_delivered_unwrapped() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.metadata({"width": 1280.0}, timestamp=9)
    [event] = application.talk(client)
    assert isinstance(event, DataReceived)
    assert (event.stream_id, event.timestamp, event.name) == (1, 9, "onMetaData")
    assert decode_values(event.payload) == ["onMetaData", {"width": 1280.0}]


def test_data_that_cannot_be_recorded_is_counted() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.message(4, 18, 1, 0, bytes(4))
    client.message(4, 18, 1, 0, encode_values("@clearDataFrame", "onMetaData"))
    client.message(4, 18, 2, 0, encode_values("onMetaData", {}))
    assert application.talk(client) == []
    assert application.server.counters.as_dict() == {
        "undecodable_data": 1,
        "cleared_data_frames": 1,
        "media_without_publish": 1,
    }


def test_the_name_of_a_data_message_is_clean_and_its_payload_whole() -> None:
    client = RtmpClient()
    application = publishing(client)
    body = encode_values("on\x1bCue", EcmaArray(a="b\x00"))
    client.message(4, 18, 1, 0, body)
    [event] = application.talk(client)
    assert event == DataReceived(stream_id=1, timestamp=0, name="onCue", payload=body)


def test_an_aggregate_becomes_its_messages() -> None:
    client = RtmpClient()
    application = publishing(client)
    metadata = encode_values("onMetaData", EcmaArray())
    body = tag(9, 100, b"video") + tag(8, 110, b"audio") + tag(18, 120, metadata)
    body += tag(20, 130, encode_values("deleteStream", 0, None, 1)) + tag(9, 140, b"last")
    client.message(6, 22, 1, 5000, body)
    client.video(6000, b"next")
    client.message(6, 22, 1, 7000, tag(9, 0, b"good") + b"\x09\x00")
    assert application.talk(client) == [
        MediaReceived(stream_id=1, kind=9, timestamp=5000, payload=b"video"),
        MediaReceived(stream_id=1, kind=8, timestamp=5010, payload=b"audio"),
        DataReceived(stream_id=1, timestamp=5020, name="onMetaData", payload=metadata),
        MediaReceived(stream_id=1, kind=9, timestamp=5040, payload=b"last"),
        MediaReceived(stream_id=1, kind=9, timestamp=6000, payload=b"next"),
        MediaReceived(stream_id=1, kind=9, timestamp=7000, payload=b"good"),
    ]
    assert application.server.counters.as_dict() == {"unknown_messages": 1, "broken_aggregates": 1}


def test_an_aggregate_is_split_as_it_is_asked_for() -> None:
    client = RtmpClient()
    connection = publishing(client).server
    body = tag(9, 0, bytes(100)) * 10
    client.message(6, 22, 1, 0, body)
    connection.receive_data(client.data_to_send())
    connection.next_event()
    assert connection.buffered_bytes == len(body) * 9 // 10


def test_an_aggregate_for_nobody_is_dropped_whole() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.message(6, 22, 2, 0, tag(9, 0, b"v") * 3)
    assert application.talk(client) == []
    assert application.server.counters.media_without_publish == 1


def test_media_after_the_end_of_its_publish_is_dropped() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.finish("room")
    client.video(0, b"late")
    assert application.talk(client) == [PublishEnded(stream_id=1, command="FCUnpublish")]
    assert application.server.counters.media_without_publish == 1


# Bounds and errors


def test_strangers_get_few_bytes_and_publishers_as_many_as_they_like() -> None:
    client = RtmpClient()
    application = connected(client, server(bytes_before_publish=5000))
    client.message(5, 99, 0, 0, bytes(6000))
    assert failing(application, client.data_to_send()) is Hint.TOO_LARGE

    client = RtmpClient()
    application = publishing(client, server(bytes_before_publish=5000))
    client.video(0, bytes(6000))
    assert len(application.talk(client)) == 1


def test_a_declared_16_mib_message_of_a_stranger_is_refused_by_its_header() -> None:
    client = RtmpClient()
    application = connected(client)
    client.set_chunk_size(0xFF_FFFF)
    client.raw(bytes.fromhex("06 000000 ffffff 09 01000000"))
    assert failing(application, client.data_to_send()) is Hint.TOO_LARGE


def test_answers_that_nobody_takes_are_bounded() -> None:
    client = RtmpClient()
    application = publishing(client, server(unsent_bytes=5000))
    for _ in range(400):
        client.control(4, b"\x00\x06time")
    data = client.data_to_send()
    assert failing(application, data) is Hint.UNREAD
    assert len(application.server.data_to_send()) < 5100


def test_an_error_is_final_and_lets_the_input_go() -> None:
    client = RtmpClient()
    application = publishing(client)
    connection = application.server
    client.control(4, b"\x00\x06time")
    client.raw(b"\x85junk" * 100)
    assert failing(application, client.data_to_send()) is Hint.PROTOCOL
    for _ in range(2):
        with pytest.raises(RemoteProtocolError) as caught:
            connection.next_event()
        assert caught.value.hint is Hint.PROTOCOL
    before = connection.bytes_received
    connection.receive_data(bytes(1000))
    assert connection.bytes_received == before + 1000
    assert connection.buffered_bytes == 0
    # What was due may still be sent, but nothing is added.
    assert connection.data_to_send()[-4:] == b"time"
    with pytest.raises(LocalProtocolError):
        connection.accept_connect()


def test_an_error_in_the_middle_of_a_long_chunk_leaves_a_usable_object() -> None:
    client = RtmpClient()
    application = publishing(client, server(partial_bytes=1000))
    client.raw(client.chunks(6, 9, 1, 0, bytes(5000))[0])
    for _ in range(10):
        client.raw(b"\xc6" + bytes(128))
    assert failing(application, client.data_to_send()) is Hint.TOO_LARGE
    application.server.receive_data(bytes(10))
    assert application.server.buffered_bytes == 0


@pytest.mark.parametrize(
    ("first", "hint"),
    [(b"GET / HTTP/1.1\r\n\r\n", Hint.HTTP), (b"\x16\x03\x01", Hint.TLS), (b"\x06", Hint.RTMPE)],
)
def test_strangers_at_the_wrong_door_get_no_byte(first: bytes, hint: Hint) -> None:
    outcome = run([first])
    assert outcome.failure is not None
    assert outcome.failure[1] is hint
    assert outcome.output == b""


def test_a_slow_handshake_is_only_waited_for() -> None:
    connection = server()
    done = []
    for byte in C0_C1 + C2:
        connection.receive_data(bytes((byte,)))
        assert connection.next_event() is NEED_DATA
        done.append(connection.handshake_done)
    assert done == [False] * 3072 + [True]
    assert connection.buffered_bytes == 0


def test_views_and_bytearrays_are_taken_as_input() -> None:
    client, connection = RtmpClient(), server()
    client.start("room")
    data = client.data_to_send()
    connection.receive_data(memoryview(data)[:2000])
    connection.receive_data(bytearray(data[2000:]))
    assert isinstance(connection.next_event(), ConnectRequested)


def test_counters_show_only_what_happened() -> None:
    assert server().counters.as_dict() == {}


def test_telling_format_3_apart_can_be_switched_off() -> None:
    connection = ServerConnection(random=FILLER, tell_format3_apart=False)
    client = RtmpClient()
    application = publishing(client, connection)
    for timestamp, header_format in ((0, 0), (20, 1), (40, 2), (40, 3)):
        client.message(4, 8, 1, timestamp, b"a", header_format)
    events = application.talk(client)
    times = [event.timestamp for event in events if isinstance(event, MediaReceived)]
    assert times == [0, 20, 40, 60]
