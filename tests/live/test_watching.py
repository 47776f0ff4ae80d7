"""What a viewer may change while it watches: it seeks, pauses, does without a kind, plays again.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from recorder.live.stay import PUBLISH_S
from recorder.live.viewing import PATIENCE_S
from tests.live.conftest import KEYS, WATCH, Building, Peer
from tests.live.watched import HEADER, INTER, KEY, SOUND, relayed

if TYPE_CHECKING:
    from trio.testing import MockClock

    from recorder.amf import Value


async def call(viewer: Peer, command: str, argument: Value) -> None:
    viewer.client.command(command, 0, None, argument, stream_id=1, csid=8)
    await viewer.exchange()


def taken(viewer: Peer) -> list[str | tuple[int, bytes]]:
    """In the order of arrival: what it was told, and the media it was sent."""
    replies = viewer.client.take_replies()
    return [
        reply.code.removeprefix("NetStream.") if reply.name else (reply.timestamp, reply.payload)
        for reply in replies
        if reply.name == "onStatus" or reply.type_id in (8, 9)
    ]


async def watched(building: Building) -> tuple[Peer, Peer]:
    """Who publishes, and who has seen its first two frames."""
    publisher = await building.publish()
    await relayed(publisher, (0, HEADER))
    viewer = await building.watch()
    await relayed(publisher, (40, KEY), (80, INTER))
    assert taken(viewer)[-2:] == [(40, KEY), (80, INTER)]
    return publisher, viewer


async def test_who_seeks_begins_again_at_the_next_keyframe_behind_the_answer(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher, viewer = await watched(building)
    await call(viewer, "seek", 1000.0)
    await relayed(publisher, (120, INTER), (160, KEY), (200, INTER))
    assert taken(viewer) == [
        *("Seek.Notify", "Play.Start"),
        *((160, HEADER), (160, KEY), (200, INTER)),
    ]


async def test_who_pauses_gets_nothing_until_it_goes_on_at_the_next_keyframe(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher, viewer = await watched(building)
    await call(viewer, "pause", True)
    await relayed(publisher, (120, INTER), (160, KEY))
    assert taken(viewer) == ["Pause.Notify"]
    assert building.rooms.viewers == 1, "it keeps its place"
    await call(viewer, "pause", False)
    await relayed(publisher, (200, INTER), (240, KEY))
    assert taken(viewer) == ["Unpause.Notify", (240, HEADER), (240, KEY)]


async def test_who_pauses_and_reads_nothing_is_not_dropped_and_costs_no_memory(
    building: Building, autojump_clock: MockClock
) -> None:
    """Players that pause stop reading as well: what was under way when it paused is stuck."""
    publisher, viewer = await watched(building)
    room = building.rooms.get("room101")
    assert room is not None
    (queue,) = room.audience._viewers
    read_again = building.deafen(viewer)
    await relayed(publisher, (120, KEY))
    await trio.sleep(PATIENCE_S - 1)
    await call(viewer, "pause", True)
    for second in range(1, 60):
        await relayed(publisher, (1000 * second, KEY + bytes(10_000)))
        await trio.sleep(1)
        assert queue.queued_bytes == 0
    assert not viewer.closed.is_set()
    read_again.set()
    await call(viewer, "pause", False)
    await relayed(publisher, (60_000, KEY))
    assert taken(viewer) == [
        *((120, KEY), "Pause.Notify", "Unpause.Notify"),
        *((60_000, HEADER), (60_000, KEY)),
    ]


async def test_who_reads_nothing_when_it_goes_on_again_is_dropped_as_anybody(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher, viewer = await watched(building)
    await call(viewer, "pause", True)
    await trio.sleep(PATIENCE_S + 2)
    building.deafen(viewer)
    await call(viewer, "pause", False)
    await relayed(publisher, (120, KEY))
    assert await viewer.until_closed() <= PATIENCE_S + 3


async def test_the_end_of_the_publish_is_the_end_for_who_pauses(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher, viewer = await watched(building)
    await call(viewer, "pause", True)
    publisher.client.finish(f"room101?key={KEYS['room101']}")
    await publisher.exchange()
    await viewer.until_closed()
    assert taken(viewer) == ["Pause.Notify", "Play.UnpublishNotify"]


async def test_who_pauses_and_reads_nothing_frees_its_place_when_the_publish_ends(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    publisher, viewer = await watched(building)
    building.deafen(viewer)
    await call(viewer, "pause", True)
    await trio.sleep(PATIENCE_S + 2)
    publisher.client.finish(f"room101?key={KEYS['room101']}")
    await publisher.exchange()
    await call(viewer, "pause", False)
    assert building.rooms.viewers == 0, "it does not come in again behind the end"
    assert await viewer.until_closed() <= PATIENCE_S + 3
    assert f"10.0.0.9 watches no more: it took next to nothing for {PATIENCE_S:g} s" in caplog.text


@pytest.mark.parametrize("unwanted", ["receiveAudio", "receiveVideo"])
async def test_a_kind_that_is_not_wanted_is_not_sent_until_it_is_wanted_again(
    building: Building, autojump_clock: MockClock, unwanted: str
) -> None:
    publisher, viewer = await watched(building)
    await call(viewer, unwanted, False)
    await relayed(publisher, (120, INTER), (121, SOUND))
    left = (120, INTER) if unwanted == "receiveAudio" else (121, SOUND)
    assert taken(viewer) == [left]
    await call(viewer, unwanted, True)
    await relayed(publisher, (160, KEY), (161, SOUND))
    assert taken(viewer) == [
        *("Seek.Notify", "Play.Start"),
        *((160, HEADER), (160, KEY), (161, SOUND)),
    ]


async def test_who_says_before_its_play_what_it_does_without_is_never_sent_it(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    viewer = building.enter("10.0.0.9")
    viewer.client.greet()
    viewer.client.connect()
    viewer.client.command("receiveVideo", 0, None, False, stream_id=1)
    viewer.client.play(WATCH)
    await viewer.exchange()
    await relayed(publisher, (0, HEADER), (40, KEY), (41, SOUND), (80, KEY))
    assert taken(viewer) == ["Play.Reset", "Play.Start", (41, SOUND)]


@pytest.mark.parametrize("closes_first", [True, False])
async def test_who_plays_again_on_the_same_stream_begins_again(
    building: Building,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    closes_first: bool,
) -> None:
    """As Flash clients do, with a close in front and a while between, or without."""
    publisher, viewer = await watched(building)
    if closes_first:
        viewer.client.command("closeStream", 0, None, stream_id=1)
        await viewer.exchange()
        await trio.sleep(PUBLISH_S / 2)
    viewer.client.play(WATCH)
    await viewer.exchange()
    await relayed(publisher, (120, INTER), (160, KEY))
    assert taken(viewer) == ["Play.Reset", "Play.Start", (160, HEADER), (160, KEY)]
    assert building.rooms.viewers == 1
    await trio.sleep(2)
    assert not viewer.closed.is_set()
    reason = "it left" if closes_first else "it asks for another play"
    assert f"10.0.0.9 watches no more: {reason}" in caplog.text


async def test_who_plays_again_with_a_wrong_key_watches_nothing_any_more(
    building: Building, autojump_clock: MockClock
) -> None:
    _, viewer = await watched(building)
    viewer.client.play("room101?key=wrong")
    await viewer.exchange()
    assert building.rooms.viewers == 0
    await viewer.until_closed()
    assert taken(viewer) == ["Play.StreamNotFound"]


async def test_what_is_asked_for_behind_the_end_changes_nothing(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a play that has ended on our side and not yet on the peer's, and beside a publish."""
    publisher = await building.publish()
    both = await building.publish_and_watch()
    building.deafen(both)
    await relayed(publisher, (0, KEY))
    for second in range(int(PATIENCE_S) + 1):
        await relayed(both, (1000 * second, INTER))
        await trio.sleep(1)
    assert building.rooms.viewers == 0
    both.client.command("pause", 0, None, True, stream_id=2)
    await relayed(both, (60_000, KEY))
    assert building.recorders["room102"].media_seen[-1] == (9, 60_000, KEY)
    assert "fault" not in caplog.text
