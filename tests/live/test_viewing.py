"""Connections that watch a room, beside the one that publishes into it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.attempts import FIRST_PAUSE_S
from recorder.live.listener import MOVE_ON_S
from recorder.live.pace import LONGEST_S
from recorder.live.reading import WATCHED_PAUSE_S
from recorder.live.stay import PUBLISH_S
from recorder.live.viewing import PATIENCE_S
from tests.live.conftest import KEYS, VIEW_KEYS, Building, Peer, Tls

if TYPE_CHECKING:
    from trio.testing import MockClock

    from recorder.recording.actions import StreamHead

HEADER = b"\x17\x00\0\0\0avc"
KEY = b"\x17\x01\0\0\0key"
INTER = b"\x27\x01\0\0\0inter"
LIMITS = {"memory": 1 << 20, "publishers": 8, "connections": 256}
WATCH = f"room101?key={VIEW_KEYS['room101']}"


async def sent(peer: Peer, *messages: tuple[int, bytes]) -> None:
    for timestamp, body in messages:
        peer.client.video(timestamp, body)
    await peer.exchange()


async def gathered() -> None:
    """What came behind the first message of a moment has been sent as well."""
    await trio.sleep(2 * WATCHED_PAUSE_S)
    await trio.testing.wait_all_tasks_blocked()


def seen(viewer: Peer) -> list[tuple[int, bytes]]:
    replies = [r for r in viewer.client.replies if r.type_id == 9]
    return [(reply.timestamp, reply.payload) for reply in replies]


async def test_a_viewer_sees_what_is_recorded_from_its_first_keyframe_on(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    await sent(publisher, (0, HEADER), (40, INTER))
    viewer = await building.watch()
    assert viewer.client.status(1) == ["NetStream.Play.Reset", "NetStream.Play.Start"]
    await sent(publisher, (80, INTER), (120, KEY), (160, INTER))
    publisher.client.metadata({"width": 320.0}, timestamp=170)
    await sent(publisher, (200, KEY))
    await gathered()
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
    await sent(publisher, (40, INTER), (80, KEY))
    await gathered()
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
    await sent(another, (40, KEY))
    await gathered()
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
    await sent(publisher, (40, INTER))
    await gathered()
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


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("room101?key=wrong", "refused: room101: unknown room or wrong key to watch"),
        (f"room101?key={KEYS['room101']}", "refused: room101: unknown room or wrong key to watch"),
        (f"room102?key={KEYS['room102']}", "to watch"),
        ("nowhere", "to watch"),
    ],
)
async def test_without_the_key_to_watch_nobody_watches_and_publishing_takes_another(
    building: Building,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    stream: str,
    said: str,
) -> None:
    publisher = await building.publish()
    began_s = trio.current_time()
    viewer = await building.watch(stream)
    await viewer.until_closed()
    assert trio.current_time() - began_s >= FIRST_PAUSE_S
    assert viewer.client.status(1) == ["NetStream.Play.StreamNotFound"]
    assert viewer.client.commands("onStatus")[0].information["description"] == (
        "Unknown room or wrong key."
    )
    (line,) = [line for line in caplog.messages if line.startswith("10.0.0.9: ")]
    assert said in line
    assert "key-" not in line
    await sent(publisher, (40, KEY))
    assert building.recorders["room101"].media_seen[-1] == (9, 40, KEY)


async def test_the_key_to_watch_does_not_publish(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = building.enter()
    peer.client.start(WATCH)
    await peer.exchange()
    await peer.until_closed()
    assert peer.client.status(1) == ["NetStream.Publish.BadName"]


async def test_a_room_that_is_not_there_cannot_be_watched(
    building: Building, autojump_clock: MockClock
) -> None:
    """One that only `*` lets in, while nobody publishes into it."""
    del building.rooms._rooms["room101"]
    viewer = await building.watch()
    await viewer.until_closed()
    assert viewer.client.commands("onStatus")[0].information["description"] == (
        "Nobody publishes here."
    )


async def test_only_so_many_watch_and_a_place_becomes_free(
    building: Building, autojump_clock: MockClock
) -> None:
    await building.publish()
    viewers = [await building.watch() for _ in range(4)]
    refused = await building.watch()
    await refused.until_closed()
    assert "place for another viewer" in str(
        refused.client.commands("onStatus")[0].information["description"]
    )
    await viewers[0].leave()
    another = await building.watch()
    assert another.client.status(1)[-1] == "NetStream.Play.Start"
    assert building.rooms.viewers == 4


async def test_one_connection_watches_one_room_at_a_time(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    viewer = await building.watch()
    viewer.client.play(WATCH, stream_id=2)
    await viewer.exchange()
    await trio.sleep(FIRST_PAUSE_S)
    await trio.testing.wait_all_tasks_blocked()
    assert viewer.client.status(2) == ["NetStream.Play.Failed"]
    await sent(publisher, (40, KEY))
    assert seen(viewer) == [(40, KEY)]
    viewer.client.command("deleteStream", 0, None, 1)
    viewer.client.play(WATCH, stream_id=2)
    await viewer.exchange()
    await sent(publisher, (80, KEY))
    await gathered()
    assert viewer.client.status(2)[-1] == "NetStream.Play.Start"
    assert building.rooms.viewers == 1


async def test_who_ends_its_play_and_asks_for_nothing_is_closed_in_time(
    building: Building, autojump_clock: MockClock
) -> None:
    await building.publish()
    viewer = await building.watch()
    viewer.client.command("closeStream", 0, None, stream_id=1)
    await viewer.send()
    assert await viewer.until_closed() <= PUBLISH_S + 2
    assert building.rooms.viewers == 0


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
    both = await building.publish("room102", "10.0.0.2")
    both.client.play(WATCH, stream_id=2)
    await both.exchange()
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
    both = await building.publish("room102", "10.0.0.2")
    both.client.play(WATCH, stream_id=2)
    await both.exchange()
    for second in range(20):
        await sent(publisher, (1000 * second, KEY))
        await trio.sleep(1)
    assert both.closed.is_set()
    assert "10.0.0.2: nothing received for 15 s" in caplog.text
    assert building.rooms.viewers == 0


async def test_a_keyframe_larger_than_a_viewers_queue_reaches_it(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    await sent(publisher, (0, HEADER))
    viewer = await building.watch()
    large = KEY + bytes(40_000)
    await sent(publisher, (40, large))
    assert seen(viewer) == [(40, HEADER), (40, large)]


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


@pytest.mark.parametrize("allow", [[ipaddress.ip_network("10.0.0.1/32")]])
async def test_a_room_is_watched_only_from_its_addresses(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    await building.publish()
    viewer = await building.watch()
    await viewer.until_closed()
    assert viewer.client.commands("onStatus")[0].information["description"] == (
        "This address may not watch this room."
    )
    assert any("10.0.0.9: refused: room101: not one of its" in line for line in caplog.messages)


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
        await sent(publisher, (each, KEY))
    await gathered()
    assert seen(viewer) == [(each, KEY) for each in times]


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
