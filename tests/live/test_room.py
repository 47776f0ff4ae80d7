"""One room: what becomes of its recording when its publisher goes, and what an operator may ask."""

from __future__ import annotations

import pytest

from recorder.live.audience import ViewerQueue
from recorder.live.room import NotNowError, Room
from tests.helpers.live import FakeRecorder, publish


@pytest.fixture
def recorder() -> FakeRecorder:
    return FakeRecorder("room101")


@pytest.fixture
def room(recorder: FakeRecorder) -> Room:
    return Room("room101", recorder, reconnect_window_s=60, on_change=lambda: None)


async def test_a_clean_end_ends_the_recording_at_once(room: Room, recorder: FakeRecorder) -> None:
    publisher = publish(room)
    recorder.media(9, 0, b"", 0)
    room.end(publisher, {"clamped": 2})
    assert recorder.calls == ["arrived 10.0.0.1 reconnect", "left", "end unpublished"]
    assert recorder.counts == {"clamped": 2}
    assert not room.in_use


async def test_a_publisher_that_sent_no_media_leaves_nothing_open(
    room: Room, recorder: FakeRecorder
) -> None:
    room.lose(publish(room), {})
    assert not room.in_use
    assert "end lost" not in recorder.calls


async def test_a_publisher_that_was_replaced_can_no_longer_end_the_recording(
    room: Room, recorder: FakeRecorder
) -> None:
    old = publish(room)
    room.lose(old, {})
    new = publish(room, "10.0.0.2")
    calls = list(recorder.calls)
    room.end(old, {})
    room.lose(old, {})
    assert recorder.calls == calls
    assert room.publisher is new


async def test_an_operator_splits_stops_and_starts_what_is_recorded(
    room: Room, recorder: FakeRecorder
) -> None:
    publisher = publish(room)
    recorder.media(9, 0, b"", 0)
    room.split()
    room.stop()
    room.start()
    assert recorder.calls[1:] == ["split", "stop", "start"]
    # What was counted is in the recording that has ended, and not in the next.
    assert publisher.counted == {"unknown_messages": 1}


async def test_what_an_operator_cannot_do_is_said(room: Room) -> None:
    with pytest.raises(NotNowError, match=r"room101: nothing is being recorded"):
        room.split()
    with pytest.raises(NotNowError, match=r"room101: nobody publishes"):
        room.stop()
    with pytest.raises(NotNowError, match=r"room101: it is not stopped"):
        room.start()
    publish(room)
    with pytest.raises(NotNowError, match=r"room101: nothing is being recorded"):
        room.split()
    room.stop()
    with pytest.raises(NotNowError, match=r"room101: it is stopped already"):
        room.stop()


async def test_a_stop_ends_a_recording_that_waits_for_its_publisher(
    room: Room, recorder: FakeRecorder
) -> None:
    publisher = publish(room)
    recorder.media(9, 0, b"", 0)
    room.lose(publisher, {})
    room.stop()
    assert recorder.calls[-1] == "end stopped"
    assert not room.in_use


async def test_what_publishers_send_is_counted_over_all_of_them(room: Room) -> None:
    first = publish(room)
    assert room.received_bytes == 0
    first.received_bytes = 250
    assert room.received_bytes == 250
    room.end(first, {})
    second = publish(room)
    second.received_bytes = 10
    assert room.received_bytes == 260


async def test_an_operators_stop_ends_who_watches_also_in_the_reconnect_window(
    room: Room, recorder: FakeRecorder
) -> None:
    over: list[str] = []
    publisher = publish(room)
    recorder.media(9, 0, b"", 0)
    room.lose(publisher, {})
    room.audience.join(ViewerQueue(1, 1 << 20, lambda: None, over.append, lambda: True))
    room.stop()
    assert over == ["an operator has stopped it"]
