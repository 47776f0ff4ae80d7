"""Protocol control: pings, windows, and acknowledgements that are due and are not."""

from __future__ import annotations

import pytest

from recorder.rtmp import NEED_DATA, Limits, MediaReceived, ServerConnection
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import FILLER, connected, publishing, server


@pytest.mark.parametrize("csid", [2, 4, 64])
def test_a_ping_is_answered_with_its_own_time(csid: int) -> None:
    client = RtmpClient()
    application = connected(client)
    client.control(4, b"\x00\x06\x01\x02\x03\x04", csid=csid)
    application.talk(client)
    [reply] = client.replies
    assert (reply.csid, reply.type_id, reply.stream_id) == (2, 4, 0)
    assert reply.payload == b"\x00\x07\x01\x02\x03\x04"


@pytest.mark.parametrize("event", [0, 1, 2, 3, 4, 7, 26, 27, 31, 32, 999])
def test_other_user_control_events_are_ignored(event: int) -> None:
    client = RtmpClient()
    application = connected(client)
    client.control(4, event.to_bytes(2) + bytes(8))
    client.control(4, event.to_bytes(2))
    assert application.talk(client) == []
    assert client.replies == []


@pytest.mark.parametrize(
    ("type_id", "body"), [(4, b"\x00"), (4, b"\x00\x06\x01\x02\x03"), (5, b"\x00\x01"), (6, b"")]
)
def test_control_messages_that_are_too_short_are_counted(type_id: int, body: bytes) -> None:
    client = RtmpClient()
    application = connected(client)
    client.control(type_id, body)
    application.talk(client)
    assert client.replies == []
    assert application.server.counters.as_dict() == {"short_control": 1}


def test_set_peer_bandwidth_is_answered_once_per_new_value() -> None:
    client = RtmpClient()
    application = connected(client)
    for window in (2_500_000, 5_000_000, 5_000_000):
        client.control(6, window.to_bytes(4) + b"\x02")
    application.talk(client)
    assert [(reply.type_id, reply.payload) for reply in client.replies] == [
        (5, (5_000_000).to_bytes(4))
    ]


def test_acknowledgements_of_the_peer_and_unknown_messages_are_counted() -> None:
    client = RtmpClient()
    application = connected(client)
    client.control(3, bytes(4))
    for type_id in (0, 7, 16, 19, 23, 255):
        client.message(5, type_id, 1, 0, b"?")
    assert application.talk(client) == []
    assert application.server.counters.as_dict() == {"acknowledgements": 1, "unknown_messages": 6}


def acknowledged(client: RtmpClient) -> list[int]:
    return [int.from_bytes(r.payload) for r in client.take_replies() if r.type_id == 3]


@pytest.mark.parametrize(
    ("announced", "every"), [(10_000, 5000), (2000, 1000), (1, 1), (1 << 31, 5000)]
)
def test_an_acknowledgement_is_due_at_half_the_smaller_window(announced: int, every: int) -> None:
    client = RtmpClient()
    application = publishing(client, server(window_bytes=10_000))
    client.set_chunk_size(0xFFFF)
    client.window_ack_size(announced)
    client.message(6, 9, 1, 0, bytes(5000))
    application.talk(client)
    base = application.server.bytes_received
    assert acknowledged(client) == [base]
    due = []
    for _ in range(every):
        application.server.receive_data(b"\x06")
        due.append(application.server.has_data_to_send)
    assert due == [False] * (every - 1) + [True]
    client.receive(application.server.data_to_send())
    assert acknowledged(client) == [base + every]
    assert not application.server.has_data_to_send


@pytest.mark.parametrize("announced", [None, 0])
def test_who_announces_no_window_is_acknowledged_nothing(announced: int | None) -> None:
    """It need not read it, and what it leaves unread at its end costs what it said last."""
    client = RtmpClient()
    application = publishing(client, server(window_bytes=10_000))
    client.set_chunk_size(0xFFFF)
    if announced is not None:
        client.window_ack_size(announced)
    for _ in range(10):
        client.message(6, 9, 1, 0, bytes(10_000))
        application.feed(client.data_to_send())
        assert not application.server.has_data_to_send


def test_an_acknowledgement_may_wait_and_an_answer_may_not() -> None:
    client = RtmpClient()
    server = publishing(client, ServerConnection(Limits(window_bytes=1000), random=FILLER)).server
    client.window_ack_size(1000)
    client.video(0, bytes(2000))
    server.receive_data(client.data_to_send())
    assert isinstance(server.next_event(), MediaReceived)
    assert (server.has_data_to_send, server.has_answer_to_send) == (True, False)
    client.command("createStream", 7, None)
    server.receive_data(client.data_to_send())
    assert server.next_event() is NEED_DATA
    assert (server.has_data_to_send, server.has_answer_to_send) == (True, True)
    server.data_to_send()
    assert (server.has_data_to_send, server.has_answer_to_send) == (False, False)


def test_a_peer_that_never_reads_cannot_make_acknowledgements_pile_up() -> None:
    client = RtmpClient()
    application = publishing(client)
    client.set_chunk_size(65536)
    client.window_ack_size(2_500_000)
    for index in range(200):
        client.video(index * 40, bytes(60_000))
        application.feed(client.data_to_send())
    assert application.server.has_data_to_send
    assert len(application.server.data_to_send()) == 16


def test_the_count_wraps_at_2_to_the_32() -> None:
    client = RtmpClient()
    application = publishing(client)
    application.server._control.bytes_received = (1 << 32) - 10
    application.server.data_to_send()
    client.set_chunk_size(65536)
    client.window_ack_size(2_500_000)
    for index in range(60):
        client.video(index * 40, bytes(60_000))
    size = application.server.bytes_received
    application.talk(client)
    [count] = acknowledged(client)
    assert count == application.server.bytes_received - (1 << 32)
    assert application.server.bytes_received > size
