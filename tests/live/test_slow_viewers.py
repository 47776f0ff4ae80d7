"""What a viewer costs who takes nothing or says much, and how often others are sent something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.dispatch import PLAYER_PER_S
from recorder.live.pace import LONGEST_S
from recorder.live.reading import WATCHED_PAUSE_S
from recorder.live.viewing import PATIENCE_S
from recorder.rtmp import Limits
from tests.live.watched import HEADER, KEY, seen, sent

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.live.conftest import Building, Peer

LIMITS = {"memory": 1 << 20, "publishers": 8, "connections": 256}


async def test_who_takes_nothing_is_dropped_and_costs_the_recording_nothing(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    building.deafen(viewer)
    room = building.rooms.get("room101")
    assert room is not None
    (queue,) = room.audience._viewers
    began_s = trio.current_time()
    for number in range(100):
        await sent(publisher, (40 * number, KEY + bytes(1000)))
        assert building.recorders["room101"].media_seen[-1][1] == 40 * number
        assert queue.queued_bytes <= 32 << 10
    assert trio.current_time() == began_s
    await viewer.until_closed()
    assert trio.current_time() - began_s <= PATIENCE_S + 5
    assert building.rooms.viewers == 0
    assert any(f"it took next to nothing for {PATIENCE_S:g} s" in line for line in caplog.messages)


@pytest.mark.parametrize("limits", [{**LIMITS, "viewer_bytes": 1 << 20}])
async def test_who_takes_nothing_of_little_frees_its_place_as_well(
    building: Building, autojump_clock: MockClock
) -> None:
    """Its queue is never full, so the audience has no reason to let it go."""
    publisher = await building.publish()
    viewer = await building.watch()
    building.deafen(viewer)
    for second in range(int(PATIENCE_S) + 5):
        await sent(publisher, (1000 * second, KEY))
        await trio.sleep(1)
    await viewer.until_closed()
    assert building.rooms.viewers == 0


async def test_who_takes_nothing_and_then_ends_its_play_is_no_fault_of_ours(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """And what else the connection does goes on."""
    publisher = await building.publish()
    both = await building.publish_and_watch()
    building.deafen(both)
    await sent(publisher, (0, KEY))
    await trio.sleep(PATIENCE_S - 1)
    both.client.command("closeStream", 0, None, stream_id=2)
    await both.exchange()
    await trio.sleep(2)
    await sent(both, (1000, KEY))
    assert building.recorders["room102"].media_seen[-1] == (9, 1000, KEY)
    assert not any("fault" in line for line in caplog.messages)


async def test_who_publishes_has_its_time_limits_also_while_it_watches(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = await building.publish()
    both = await building.publish_and_watch()
    for second in range(20):
        await sent(publisher, (1000 * second, KEY))
        await trio.sleep(1)
    assert both.closed.is_set()
    assert "10.0.0.2: nothing received for 15 s" in caplog.text
    assert building.rooms.viewers == 0


async def test_who_says_too_much_while_it_watches_is_cut_off(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Its commands would hold up whoever publishes, however little each of them costs."""
    publisher = await building.publish()
    viewer = await building.watch()
    for _ in range(Limits().player_messages + 1):
        viewer.client.command("x", 0, None)
    await viewer.exchange()
    await viewer.until_closed()
    assert "10.0.0.9: too many messages from a player" in caplog.text
    assert building.rooms.viewers == 0
    await sent(publisher, (40, KEY))
    assert building.recorders["room101"].media_seen[-1] == (9, 40, KEY)


async def test_a_hundred_acknowledgements_a_second_end_nothing(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    for second in range(100):
        for number in range(PLAYER_PER_S):
            viewer.client.control(3, (100 * second + number).to_bytes(4))
        await viewer.exchange()
        await sent(publisher, (1000 * second, KEY))
        await trio.sleep(1)
    assert not viewer.closed.is_set()
    assert building.rooms.viewers == 1


async def test_a_read_that_holds_more_than_a_viewers_queue_reaches_it(
    building: Building, autojump_clock: MockClock
) -> None:
    """With many viewers and little memory, what comes in a pause is more than a queue has."""
    publisher = await building.publish()
    viewer = await building.watch()
    for moment in range(5):
        frames = [(100 * moment + number, KEY + bytes(8_000)) for number in range(10)]
        await sent(publisher, *frames)
    assert len(seen(viewer)) == 50
    assert building.rooms.viewers == 1


async def test_a_keyframe_larger_than_a_viewers_queue_reaches_it(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    await sent(publisher, (0, HEADER))
    viewer = await building.watch()
    large = KEY + bytes(40_000)
    await sent(publisher, (40, large))
    assert seen(viewer) == [(40, HEADER), (40, large)]


async def measured(building: Building, mock_clock: MockClock) -> Peer:
    """A publisher whose rate is known, so that it is left alone in between."""
    building.buffer_bytes = 1 << 20
    publisher = await building.publish()
    for number in range(60):
        await sent(publisher, (10 * number, KEY))
        mock_clock.jump(0.01)
    return publisher


async def passed(mock_clock: MockClock, seconds: float) -> None:
    mock_clock.jump(seconds)
    await trio.testing.wait_all_tasks_blocked()


async def test_what_comes_in_a_pause_goes_to_a_viewer_in_one_send(
    building: Building, mock_clock: MockClock
) -> None:
    publisher = await measured(building, mock_clock)
    viewer = await building.watch()
    await passed(mock_clock, LONGEST_S)
    sends = building.count_sends(viewer)
    for number in range(60, 70):
        await sent(publisher, (10 * number, KEY))
    assert not sends, "it is left alone for the moment"
    await passed(mock_clock, WATCHED_PAUSE_S)
    assert seen(viewer)[-10:] == [(10 * number, KEY) for number in range(60, 70)]
    assert len(sends) == 1


async def test_who_publishes_is_left_alone_for_shorter_while_somebody_watches(
    building: Building, mock_clock: MockClock
) -> None:
    publisher = await measured(building, mock_clock)
    recorder = building.recorders["room101"]
    await passed(mock_clock, LONGEST_S)
    await sent(publisher, (1000, KEY))
    await passed(mock_clock, WATCHED_PAUSE_S)
    assert recorder.media_seen[-1] != (9, 1000, KEY)
    await passed(mock_clock, LONGEST_S - WATCHED_PAUSE_S)
    assert recorder.media_seen[-1] == (9, 1000, KEY)
    await building.watch()
    await sent(publisher, (2000, KEY))
    await passed(mock_clock, LONGEST_S)
    for number in range(3000, 3010):
        await sent(publisher, (number, KEY))
        await passed(mock_clock, WATCHED_PAUSE_S)
        assert recorder.media_seen[-1] == (9, number, KEY)
