"""What a connection publishes: how a publish ends, and what the room is told.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.house import Timeouts
from recorder.live.session import FAREWELL_S
from tests.live.conftest import FRAME, KEYS, Building, Tls

if TYPE_CHECKING:
    from trio.testing import MockClock


async def test_a_clean_end_ends_the_recording_and_the_connection_may_publish_again(
    building: Building,
    autojump_clock: MockClock,
) -> None:
    peer = await building.publish()
    peer.client.finish("room101")
    await peer.exchange()
    recorder = building.recorders["room101"]
    assert recorder.calls[-2:] == ["left", "end unpublished"]
    peer.client.command("createStream", 8, None)
    peer.client.publish(f"room102?key={KEYS['room102']}", stream_id=2)
    peer.client.video(0, FRAME, stream_id=2)
    await peer.exchange()
    assert building.recorders["room102"].media_seen == [(9, 0, FRAME)]


async def test_a_connection_that_ends_without_a_word_leaves_the_recording_open(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await building.publish()
    await peer.leave()
    recorder = building.recorders["room101"]
    assert recorder.calls[-1] == "left"
    assert recorder.number == 1
    assert "room101: 10.0.0.1: the encoder closed the connection" in caplog.text


async def test_a_publisher_without_media_is_closed_although_it_talks(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = building.enter()
    peer.client.start(f"room101?key={KEYS['room101']}")
    await peer.exchange()

    async def talk() -> None:
        for _ in range(100):
            peer.client.metadata({"width": 1.0})
            try:
                await peer.send()
            except trio.BrokenResourceError:
                return
            await trio.sleep(1)

    building.nursery.start_soon(talk)
    assert 20 <= await peer.until_closed() <= 20 + FAREWELL_S
    assert "no media within 20 s of publishing" in caplog.text


async def test_a_publisher_that_falls_silent_is_closed_and_its_recording_waits(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await building.publish()
    assert 15 <= await peer.until_closed() <= 15 + FAREWELL_S
    assert building.recorders["room101"].number == 1
    assert "nothing received for 15 s" in caplog.text


async def test_a_fault_while_leaving_one_room_frees_the_other(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.command("createStream", 8, None)
    peer.client.publish(f"room102?key={KEYS['room102']}", stream_id=2)
    await peer.exchange()
    building.recorders["room101"].raises = RuntimeError("a fault of ours")
    peer.client.video(40, FRAME)
    await peer.exchange()
    room = building.rooms.find("room102")
    assert room is not None
    assert room.publisher is None


async def test_the_anomalies_of_one_publish_are_not_told_of_the_next(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.message(3, 0, 0, 0, b"unknown")
    peer.client.finish("room101")
    await peer.exchange()
    peer.client.command("createStream", 8, None)
    peer.client.publish(f"room102?key={KEYS['room102']}", stream_id=2)
    await peer.exchange()
    await peer.leave()
    assert building.recorders["room101"].counts["unknown_messages"] == 1
    assert building.recorders["room102"].counts.get("unknown_messages", 0) == 0


async def test_a_declared_message_that_never_comes_ends_by_silence(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.set_chunk_size(0xFFFFFF)
    peer.client.raw(peer.client.chunks(6, 9, 1, 40, bytes(0xFFFFFF))[0][:1000])
    await peer.send()
    assert 15 <= await peer.until_closed() <= 15 + FAREWELL_S


async def test_other_timeouts_count_from_the_next_read_on(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    building.door._house.timeouts = Timeouts(first_media=20, idle=3)
    peer.client.video(40, FRAME)
    await peer.exchange()
    assert 3 <= await peer.until_closed() <= 3 + FAREWELL_S


async def test_of_one_connection_each_room_has_its_own_bytes(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    alone = building.received_bytes("room101")
    assert alone > len(FRAME)
    peer.client.command("createStream", 8, None)
    peer.client.publish(f"room102?key={KEYS['room102']}", stream_id=2)
    await peer.exchange()
    before = building.received_bytes("room101"), building.received_bytes("room102")
    peer.client.message(6, 9, 1, 40, FRAME + bytes(3000))
    peer.client.message(7, 9, 2, 40, FRAME + bytes(1000))
    peer.client.message(7, 9, 2, 80, FRAME + bytes(500))
    data = peer.client.data_to_send()
    await peer.stream.send_all(data)
    await trio.testing.wait_all_tasks_blocked()
    came = [building.received_bytes(room) - was for room, was in zip(KEYS, before, strict=True)]
    assert sum(came) == pytest.approx(len(data), abs=200), "and what came before, of neither"
    assert came[0] / came[1] == pytest.approx(2, rel=0.05)


async def test_a_message_that_is_not_whole_is_counted_when_it_is(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.command("createStream", 8, None)
    peer.client.publish(f"room102?key={KEYS['room102']}", stream_id=2)
    peer.client.message(6, 9, 1, 40, FRAME)
    await peer.exchange()
    before = building.received_bytes("room101")
    whole = peer.client.chunks(7, 9, 2, 40, FRAME + bytes(100))[0]
    peer.client.raw(whole[:50])
    await peer.exchange()
    assert building.received_bytes("room102") == 0
    peer.client.raw(whole[50:])
    await peer.exchange()
    assert building.received_bytes("room102") == pytest.approx(len(whole), abs=2)
    assert building.received_bytes("room101") == pytest.approx(before, abs=2)


async def test_over_tls_the_bytes_are_those_of_the_wire(
    building: Building, autojump_clock: MockClock, tls: Tls
) -> None:
    plain = await building.publish("room101")
    secret = await building.publish("room102", "10.0.0.2", tls=tls)
    before = building.received_bytes("room101"), building.received_bytes("room102")
    for peer in (plain, secret):
        for time in range(40, 4040, 40):
            peer.client.video(time, FRAME)
            await peer.exchange()
    came = [building.received_bytes(room) - was for room, was in zip(KEYS, before, strict=True)]
    # Of each record: its head, the kind of its content, the tag (RFC 8446, section 5.2).
    assert came[1] - came[0] == 100 * (5 + 1 + 16)
