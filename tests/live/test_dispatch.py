"""What comes of the bytes of a read: media and data in their rooms, and turns for the others.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.amf import encode_values
from recorder.live.dispatch import DATA_PER_S, MESSAGES_AT_ONCE
from recorder.rtmp import Limits
from tests.live.conftest import FRAME, Building

if TYPE_CHECKING:
    from trio.testing import MockClock

BOMBS = {
    "references": b"\x0a\0\0\0\xc8" + b"\x05" * 200 + b"\x07\0\0" * 5000,
    "values": b"\x0a\0\x01\0\0" + b"\x05" * (1 << 16),
    "nesting": b"\x0a\0\0\0\x01" * 100,
    "members of a class": b"\x11\x0a\x93\xc4\x03\x03a" + bytes(20_000),
}


async def test_media_of_an_accepted_publish_reaches_its_room(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.audio(23, b"\xaf\x01sound")
    peer.client.metadata({"width": 1280.0})
    await peer.exchange()
    recorder = building.recorders["room101"]
    assert recorder.media_seen == [(9, 0, b"\x17\x01frame"), (8, 23, b"\xaf\x01sound")]
    assert [name for name, _ in recorder.data_seen] == ["onMetaData"]
    assert peer.client.status(1) == ["NetStream.Publish.Start"]
    assert building.recorders["room102"].media_seen == []


async def test_what_came_before_a_broken_message_is_recorded(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await building.publish()
    peer.client.video(40, FRAME)
    peer.client.raw(b"\xff" * 64)
    await peer.send()
    await peer.until_closed()
    assert building.recorders["room101"].media_seen[-1] == (9, 40, FRAME)
    assert building.recorders["room101"].calls[-1] == "left"
    assert sum(record.levelno == logging.WARNING for record in caplog.records) == 1


async def test_a_read_full_of_tiny_messages_lets_the_others_have_their_turn(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    turns: list[int] = []

    async def others() -> None:
        while len(building.recorders["room101"].media_seen) < 5000:
            turns.append(len(building.recorders["room101"].media_seen))
            await trio.lowlevel.checkpoint()

    for number in range(5000):
        peer.client.audio(number, b"")
    await peer.send()
    await others()
    assert (
        max(after - before for before, after in itertools.pairwise(turns)) <= 2 * MESSAGES_AT_ONCE
    )


async def turns_of_others(building: Building) -> list[int]:
    """How much data was seen, at each of their turns."""
    turns, recorder = [0], building.recorders["room101"]
    while not recorder.media_seen or recorder.media_seen[-1][1] < 5000:
        turns.append(len(recorder.data_seen))
        await trio.lowlevel.checkpoint()
    return turns


async def test_a_read_full_of_what_makes_no_event_lets_the_others_have_their_turn(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    steps = Limits().steps_at_once
    peer.client.control(3, b"", csid=7)
    peer.client.raw(b"\xc7" * 10 * steps)
    peer.client.video(5000, FRAME)
    await peer.send()
    assert len(await turns_of_others(building)) > 10


async def test_metadata_of_many_values_let_the_others_have_their_turn(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    for number in range(20):
        peer.client.metadata({"number": number, "values": [None] * 8000})
    peer.client.video(5000, FRAME)
    await peer.send()
    turns = await turns_of_others(building)
    # Two or three at a time; who is asked first in each round is left to chance.
    assert max(after - before for before, after in itertools.pairwise([*turns, 20])) <= 6


async def test_media_that_come_together_reach_their_room_together(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    for number in range(1, 5):
        peer.client.video(40 * number, FRAME + bytes([number]))
        peer.client.audio(40 * number, b"\xaf\x01sound")
    await peer.exchange()
    seen = building.recorders["room101"].media_seen[1:]
    assert [(kind, ms) for kind, ms, _ in seen] == [
        (kind, 40 * number) for number in range(1, 5) for kind in (9, 8)
    ]
    assert seen[-2][2] == FRAME + b"\x04"


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


@pytest.mark.parametrize("kind", BOMBS)
async def test_data_that_would_cost_too_much_are_dropped_and_counted_and_the_lesson_goes_on(
    building: Building, autojump_clock: MockClock, kind: str
) -> None:
    peer = await building.publish()
    recorder = building.recorders["room101"]
    peer.client.message(5, 18, 1, 0, encode_values("onMetaData", {"width": 64}) + BOMBS[kind])
    peer.client.message(5, 18, 1, 0, encode_values("onMetaData", {"width": 64}))
    peer.client.video(40, FRAME)
    await peer.exchange()
    assert recorder.data_seen == [("onMetaData", encode_values("onMetaData", {"width": 64}))]
    assert recorder.media_seen[-1] == (9, 40, FRAME)
    await peer.leave()
    assert recorder.counts["undecodable_data"] == 1


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
