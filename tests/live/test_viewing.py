"""Connections that watch a room, beside the one that publishes into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.listener import MOVE_ON_S
from tests.live.conftest import KEYS, Building, Tls
from tests.live.watched import HEADER, INTER, KEY, relayed, seen, sent

if TYPE_CHECKING:
    from trio.testing import MockClock

    from recorder.recording.actions import StreamHead


async def test_a_viewer_sees_what_is_recorded_from_its_first_keyframe_on(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    await sent(publisher, (0, HEADER), (40, INTER))
    viewer = await building.watch()
    assert viewer.client.status(1) == ["NetStream.Play.Reset", "NetStream.Play.Start"]
    await sent(publisher, (80, INTER), (120, KEY), (160, INTER))
    publisher.client.metadata({"width": 320.0}, timestamp=170)
    await relayed(publisher, (200, KEY))
    assert seen(viewer) == [(120, HEADER), (120, KEY), (160, INTER), (200, KEY)]
    data = [reply for reply in viewer.client.replies if reply.type_id == 18]
    assert [reply.values[0] for reply in data] == ["|RtmpSampleAccess", "onMetaData"]
    recorded = [(at, body) for _, at, body in building.recorders["room101"].media_seen]
    assert recorded[-4:] == [(80, INTER), (120, KEY), (160, INTER), (200, KEY)]


async def test_a_viewer_waits_as_long_as_it_likes_for_a_keyframe(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    for number in range(10):
        await sent(publisher, (10_000 * number, INTER))
        await trio.sleep(10)
    assert not viewer.closed.is_set()
    await sent(publisher, (100_000, KEY))
    assert seen(viewer) == [(100_000, KEY)]


async def test_the_end_of_the_publish_is_the_end_for_its_viewers_behind_the_last_frame(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    publisher.client.video(40, KEY)
    publisher.client.finish(f"room101?key={KEYS['room101']}")
    await publisher.exchange()
    assert await viewer.until_closed() < 5
    assert seen(viewer) == [(40, KEY)]
    assert viewer.client.status(1)[2:] == ["NetStream.Play.UnpublishNotify"]
    assert viewer.client.replies[-1].code == "NetStream.Play.UnpublishNotify"


async def test_who_watches_stays_through_a_lost_connection_and_its_times_go_on(
    building: Building, autojump_clock: MockClock
) -> None:
    """And who comes while the publisher is away waits for it as well."""
    building.nursery.start_soon(building.rooms.run)
    publisher = await building.publish()
    viewer = await building.watch()
    await sent(publisher, (5_000, HEADER), (5_000, KEY))
    await publisher.leave()
    await trio.sleep(20)
    late = await building.watch()
    assert late.client.status(1)[-1] == "NetStream.Play.Start"
    publisher = await building.publish()
    await relayed(publisher, (40, INTER), (80, KEY))
    times, bodies = zip(*seen(viewer), strict=True)
    frame = b"\x17\x01frame"
    assert bodies == (HEADER, KEY, HEADER, frame, INTER, KEY)
    assert times[:2] == (5_000, 5_000)
    assert times[2:] == pytest.approx((25_000, 25_000, 25_040, 25_080), abs=300)
    assert seen(late)[1:] == [(times[3], frame), (times[4], INTER), (times[5], KEY)]
    assert viewer.client.status(1)[2:] == []
    await publisher.leave()
    began_s = trio.current_time()
    await viewer.until_closed()
    assert trio.current_time() - began_s == pytest.approx(60, abs=5), "the reconnect window"
    assert viewer.client.replies[-1].code == "NetStream.Play.UnpublishNotify"


async def test_who_watches_stays_through_a_takeover(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    await sent(publisher, (5_000, KEY))
    another = await building.publish()
    assert publisher.closed.is_set() or publisher.client.status(1)
    await relayed(another, (40, KEY))
    times = [at for at, _ in seen(viewer)]
    assert times == sorted(times)
    assert len(times) == 3
    assert viewer.client.status(1)[2:] == []


async def test_who_comes_before_the_lesson_waits_for_it_and_sees_one_of_them(
    building: Building, autojump_clock: MockClock
) -> None:
    """A screen on the wall that is switched on in the morning."""
    viewer = await building.watch()
    assert viewer.client.status(1) == ["NetStream.Play.Reset", "NetStream.Play.Start"]
    assert building.rooms.viewers == 1
    await trio.sleep(3600)
    # An encoder that is tried and sends nothing is no lesson.
    trial = building.enter()
    trial.client.start(f"room101?key={KEYS['room101']}")
    trial.client.finish(f"room101?key={KEYS['room101']}")
    await trial.exchange()
    await trio.sleep(60)
    publisher = await building.publish()
    await relayed(publisher, (40, INTER))
    assert seen(viewer) == [(0, b"\x17\x01frame"), (40, INTER)]
    publisher.client.finish(f"room101?key={KEYS['room101']}")
    await publisher.exchange()
    await viewer.until_closed()
    assert viewer.client.replies[-1].code == "NetStream.Play.UnpublishNotify"
    assert building.rooms.viewers == 0


async def test_a_room_that_an_operator_has_stopped_is_not_watched_until_it_is_started(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    await sent(publisher, (40, KEY))
    room = building.rooms.get("room101")
    assert room is not None
    room.stop()
    await sent(publisher, (80, KEY))
    await viewer.until_closed()
    assert seen(viewer) == [(40, KEY)]
    assert viewer.client.replies[-1].code == "NetStream.Play.UnpublishNotify"
    assert "room101: 10.0.0.9 watches no more: an operator has stopped it" in caplog.text
    refused = await building.watch()
    await refused.until_closed()
    assert refused.client.commands("onStatus")[0].information["description"] == (
        "An operator has stopped this room."
    )
    room.start()
    again = await building.watch()
    await sent(publisher, (120, KEY))
    assert seen(again) == [(120, KEY)]


async def test_a_fault_of_ours_in_what_viewers_get_costs_the_recording_nothing(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    room = building.rooms.get("room101")
    assert room is not None

    def fail() -> StreamHead:
        raise RuntimeError("a fault")

    room.audience._head = fail
    await sent(publisher, (40, KEY))
    await viewer.until_closed()
    await sent(publisher, (80, KEY))
    assert building.recorders["room101"].media_seen[-2:] == [(9, 40, KEY), (9, 80, KEY)]
    assert "room101: what its viewers get failed; this is a fault of the recorder" in caplog.text
    room.audience._head = lambda: building.recorders["room101"].stream_head
    viewer = await building.watch()
    room.audience._encoders.clear()
    publisher.client.metadata({"width": 320.0}, timestamp=90)
    next(iter(room.audience._viewers)).is_waiting = False
    await publisher.exchange()
    assert building.recorders["room101"].data_seen


async def test_a_room_is_watched_over_tls(
    building: Building, autojump_clock: MockClock, tls: Tls
) -> None:
    publisher = await building.publish(tls=tls)
    viewer = await building.watch(tls=tls)
    await sent(publisher, (40, KEY + bytes(100_000)))
    assert seen(viewer) == [(40, KEY + bytes(100_000))]
    publisher.client.finish(f"room101?key={KEYS['room101']}")
    await publisher.exchange()
    await viewer.until_closed()
    assert viewer.client.replies[-1].code == "NetStream.Play.UnpublishNotify"


@pytest.mark.parametrize("at", [(1 << 24) - 20, (1 << 32) - 20])
async def test_times_of_a_live_room_pass_where_their_fields_end(
    building: Building, autojump_clock: MockClock, at: int
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    times = [(at + step) % (1 << 32) for step in (0, 40, 80)]
    for each in times:
        await relayed(publisher, (each, KEY))
    assert seen(viewer) == [(each, KEY) for each in times]


async def test_before_a_stop_who_watches_is_told_that_it_is_over_and_nobody_waits_long(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    polite, stubborn = await building.watch(), await building.watch()
    await sent(publisher, (0, KEY), (40, INTER))

    async def leave_when_told() -> None:
        await trio.testing.wait_all_tasks_blocked()
        await polite.exchange()
        assert polite.client.commands("onStatus")[-1].code == "NetStream.Play.UnpublishNotify"
        await polite.leave()

    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave_when_told)
        await building.door.move_on()
    assert trio.current_time() - began_s == pytest.approx(MOVE_ON_S), "for the stubborn one"
    assert seen(polite) == seen(stubborn) == [(0, KEY), (40, INTER)]
    await sent(publisher, (80, INTER))
    assert building.recorders["room101"].media_seen[-1] == (9, 80, INTER)
