"""A full disk buffer and a full memory, from the side of the publisher that has to wait.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from recorder.live.backpressure import MEMORY_PATIENCE_S
from recorder.live.session import FAREWELL_S
from tests.live.conftest import FRAME, KEYS, Building

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock


async def test_a_full_buffer_stops_the_reading_until_the_disk_has_taken_a_batch(
    building: Building, autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    peer = await building.publish()
    recorder = building.recorders["room101"]
    room = building.rooms.find("room101")
    assert room is not None
    assert room.publisher is not None
    since_s = room.publisher.since_s
    recorder.holds_back = True
    peer.client.video(40, FRAME)
    await peer.exchange()  # read, and then the buffer is looked at
    peer.client.video(80, FRAME)
    await peer.exchange()
    assert recorder.media_seen[-1][1] == 40
    await trio.sleep(1000)  # our silence is not the peer's: no time-out
    building.hops.land()
    await trio.testing.wait_all_tasks_blocked()
    assert recorder.media_seen[-1][1] == 40
    recorder.holds_back = False
    building.hops.land()
    await trio.testing.wait_all_tasks_blocked()
    assert recorder.media_seen[-1][1] == 80
    assert "left" not in recorder.calls
    # What comes is late by our doing, and not by its line.
    assert recorder.calls[-2:] == ["is held back", "is held back no more"]
    # It has been there all the time, and the page says for how long.
    assert room.publisher.since_s == since_s


async def test_a_publisher_above_its_share_of_a_full_memory_waits_and_then_goes(
    building: Building,
    autojump_clock: MockClock,
    limits: dict[str, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits["buffer"] = 0
    greedy = await building.publish("room101")
    modest = await building.publish("room102", "10.0.0.2")
    building.recorders["room101"].held_bytes = 0
    building.door._house.memory.limit_bytes = 1000
    greedy.client.set_chunk_size(65536)
    greedy.client.raw(greedy.client.chunks(6, 9, 1, 40, bytes(50_000))[0][:2000])
    await greedy.send()
    await trio.testing.wait_all_tasks_blocked()
    modest.client.video(40, FRAME)
    await modest.exchange()
    assert building.recorders["room102"].media_seen[-1] == (9, 40, FRAME)
    took = await greedy.until_closed()
    assert MEMORY_PATIENCE_S <= took <= MEMORY_PATIENCE_S + FAREWELL_S
    assert "limits.memory" in caplog.text


async def test_a_publisher_above_its_share_goes_on_when_memory_is_free_again(
    building: Building,
    autojump_clock: MockClock,
) -> None:
    peer = await building.publish()
    building.recorders["room101"].held_bytes = 2000
    building.door._house.memory.limit_bytes = 1000
    peer.client.video(40, FRAME)
    await peer.exchange()
    building.recorders["room101"].held_bytes = 0
    building.hops.land()
    peer.client.video(80, FRAME)
    await peer.exchange()
    assert building.recorders["room101"].media_seen[-1] == (9, 80, FRAME)


async def test_media_held_for_the_first_segment_are_not_waited_for(
    building: Building, autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    """No hop of the writer would ever free them."""
    peer = await building.publish()
    recorder = building.recorders["room101"]
    recorder.held_bytes = 2 * limits["buffer"]
    for time in (40, 80):
        peer.client.video(time, FRAME)
        await peer.exchange()
    assert recorder.media_seen[-1] == (9, 80, FRAME)


async def test_a_first_frame_that_waited_for_our_disk_is_in_time(
    building: Building, autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    peer = building.enter()
    peer.client.start(f"room101?key={KEYS['room101']}")
    await peer.exchange()
    recorder = building.recorders["room101"]
    recorder.holds_back = True
    peer.client.metadata({"width": 1.0})
    await peer.exchange()
    peer.client.video(0, FRAME)
    await peer.exchange()
    await trio.sleep(25)
    recorder.holds_back = False
    building.hops.land()
    await trio.testing.wait_all_tasks_blocked()
    assert recorder.media_seen == [(9, 0, FRAME)]


async def test_a_publisher_may_be_replaced_while_it_waits_for_memory(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    old = await building.publish()
    building.recorders["room101"].held_bytes = 2000
    building.door._house.memory.limit_bytes = 1000
    old.client.video(40, FRAME)
    await old.exchange()
    building.door._house.memory.limit_bytes = 1 << 20
    await building.publish()
    building.hops.land()
    await old.until_closed()
    assert old.client.status(1)[-1] == "NetStream.Publish.BadName"
    assert "fault of the recorder" not in caplog.text
