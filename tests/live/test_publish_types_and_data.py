"""What an encoder calls its publish, and how many data messages it may send: in no way may either
cost a lesson.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from recorder.live.dispatch import DATA_PER_S
from recorder.rtmp import Limits
from tests.live.conftest import KEYS, Building

if TYPE_CHECKING:
    from trio.testing import MockClock

FRAME = b"\x27\x01frame"


@pytest.mark.parametrize(
    ("publish_type", "noted"),
    [("live", "live"), ("record", "record"), ("append", "append"), ("", "live"), (None, "live")],
)
async def test_every_publish_type_is_recorded_alike_and_noted(
    building: Building, autojump_clock: MockClock, publish_type: str | None, noted: str
) -> None:
    peer = building.enter()
    peer.client.greet()
    peer.client.connect()
    peer.client.publish(f"room101?key={KEYS['room101']}", publish_type=publish_type)
    peer.client.video(0, FRAME)
    await peer.exchange()
    recorder = building.recorders["room101"]
    assert recorder.media_seen == [(9, 0, FRAME)]
    assert [client.publish_type for client in recorder.clients] == [noted]


async def test_a_flood_of_data_messages_is_dropped_and_counted_and_the_lesson_goes_on(
    building: Building, autojump_clock: MockClock
) -> None:
    burst = Limits().data_messages
    peer = await building.publish()
    recorder = building.recorders["room101"]
    for number in range(burst + 500):
        peer.client.cue_point(number)
    peer.client.video(40, FRAME)
    await peer.exchange()
    assert len(recorder.data_seen) == burst
    assert recorder.media_seen[-1] == (9, 40, FRAME)
    await trio.sleep(2)
    for number in range(500):
        peer.client.cue_point(number)
    await peer.exchange()
    assert len(recorder.data_seen) == burst + 2 * DATA_PER_S
    await peer.leave()
    assert recorder.counts["excess_data"] == 500 + 500 - 2 * DATA_PER_S


async def test_fifty_data_messages_a_second_are_all_recorded(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    recorder = building.recorders["room101"]
    for second in range(100):
        for number in range(DATA_PER_S):
            peer.client.cue_point(number)
        peer.client.video(1000 * second, FRAME)
        await peer.exchange()
        await trio.sleep(1)
    assert len(recorder.data_seen) == 100 * DATA_PER_S
    assert {name for name, _ in recorder.data_seen} == {"onCuePoint"}
