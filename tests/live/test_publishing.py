"""What a connection publishes: how a publish ends, and what the room is told.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from recorder.live.house import Timeouts
from recorder.live.session import FAREWELL_S
from tests.live.conftest import FRAME, KEYS, Building

if TYPE_CHECKING:
    import pytest
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
