"""Sessions from a peer's side of the stream: what a publisher sends, and what becomes of it.

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

from recorder.live.backpressure import MEMORY_PATIENCE_S
from recorder.live.dispatch import MESSAGES_AT_ONCE
from recorder.live.listener import MOVE_ON_S
from recorder.live.pulse import Overdue
from recorder.live.requests import Requests
from recorder.live.session import FAREWELL_S
from recorder.live.stay import HANDSHAKE_S
from tests.helpers.rtmp_client import RtmpClient
from tests.live.conftest import KEYS, Building, Peer, Tls

if TYPE_CHECKING:
    from trio.testing import MockClock


FRAME = b"\x27\x01frame"


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


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


async def test_an_acceptance_is_never_delayed(
    building: Building, autojump_clock: MockClock
) -> None:
    began = trio.current_time()
    await building.publish()
    assert trio.current_time() == began


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


async def test_a_publisher_that_only_sends_is_served_for_hours(
    building: Building, autojump_clock: MockClock
) -> None:
    """OBS: after Publish.Start it reads nothing and answers no ping."""
    ours, theirs = trio.testing.lockstep_stream_pair()  # without any buffer: an unread send blocks
    building.nursery.start_soon(building.serve, ours, "10.0.0.1", lambda: 0)
    client = RtmpClient()
    client.start(f"room101?key={KEYS['room101']}")
    client.set_chunk_size(65536)
    await theirs.send_all(client.data_to_send())
    # As many bytes as at half a megabit a second, which is what is acknowledged.
    body = b"\x27\x01" + bytes(600_000)
    for second in range(0, 4 * 3600, 10):
        client.video(second * 1000, body)
        await theirs.send_all(client.data_to_send())
        await trio.sleep(10)
    recorder = building.recorders["room101"]
    await trio.testing.wait_all_tasks_blocked()
    assert len(recorder.media_seen) == 4 * 360
    assert "left" not in recorder.calls


async def test_a_full_buffer_stops_the_reading_until_the_disk_has_taken_a_batch(
    building: Building, autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    peer = await building.publish()
    recorder = building.recorders["room101"]
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


async def test_a_publish_onto_a_disk_that_takes_nothing_is_refused_with_words(
    building: Building, autojump_clock: MockClock
) -> None:
    building.disk_refusal = "The recording disk takes no writes: it is full."
    peer = building.enter()
    peer.client.start(f"room101?key={KEYS['room101']}")
    await peer.send()
    await peer.until_closed()
    (answer,) = peer.client.commands("onStatus")
    assert b"The recording disk takes no writes: it is full." in answer.payload
    assert peer.client.status(1) == ["NetStream.Publish.BadName"]


async def test_a_fault_of_ours_in_one_session_leaves_the_others_recording(
    building: Building,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = await building.publish("room101")
    bad = await building.publish("room102", "10.0.0.2")

    building.recorders["room102"].raises = RuntimeError("a fault of ours")
    bad.client.video(40, FRAME)
    await bad.send()
    await trio.testing.wait_all_tasks_blocked()
    assert "a fault of ours" in caplog.text
    assert building.recorders["room102"].calls[-1] == "left"
    good.client.video(40, FRAME)
    await good.exchange()
    assert building.recorders["room101"].media_seen[-1] == (9, 40, FRAME)


async def test_the_stream_is_read_to_its_end_although_the_peer_does_not_listen(
    building: Building,
    autojump_clock: MockClock,
) -> None:
    """librtmp closes without reading our last answer; what it sent before must not be lost."""
    ours, theirs = trio.testing.memory_stream_pair()
    peer = Peer(theirs)
    peer.client.start(f"room101?key={KEYS['room101']}")
    for number in range(100):
        peer.client.video(number, FRAME)
    await peer.send()
    await theirs.aclose()
    await building.door.welcome(ours, "10.0.0.1")
    assert len(building.recorders["room101"].media_seen) == 100


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


async def test_an_encoder_is_read_some_times_a_second_and_not_at_every_message(
    building: Building, mock_clock: MockClock
) -> None:
    building.buffer_bytes = 1 << 20
    peer = await building.publish()
    arrivals: list[float] = []
    seen = building.recorders["room101"].media_seen
    for number in range(1, 400):
        before = len(seen)
        peer.client.video(10 * number, FRAME)
        await peer.send()
        mock_clock.jump(0.01)
        await trio.testing.wait_all_tasks_blocked()
        if len(seen) > before:
            arrivals.append(trio.current_time())
    # The first quarter of a second is read at once, to learn the rate.
    assert len(arrivals) < 45
    assert len(seen) >= 350


async def test_a_publisher_that_is_sent_away_in_a_pause_goes_at_once(
    building: Building, mock_clock: MockClock
) -> None:
    building.buffer_bytes = 1 << 20
    peer = await building.publish()
    for number in range(1, 60):
        peer.client.video(10 * number, FRAME)
        await peer.send()
        mock_clock.jump(0.01)
        await trio.testing.wait_all_tasks_blocked()
    newer = building.enter()
    newer.client.start(f"room101?key={KEYS['room101']}")
    await newer.exchange()
    assert newer.client.status(1) == ["NetStream.Publish.Start"]
    assert peer.client.status(1)[-1] == "NetStream.Publish.BadName"


async def in_a_pause(building: Building, mock_clock: MockClock, *, tls: Tls | None = None) -> Peer:
    """An encoder that has been read for a while, and is left alone for the moment."""
    building.buffer_bytes = 1 << 20
    peer = await building.publish(tls=tls)
    for number in range(1, 60):
        peer.client.video(10 * number, FRAME)
        await peer.send()
        mock_clock.jump(0.01)
        await trio.testing.wait_all_tasks_blocked()
    return peer


async def test_a_good_bye_that_lies_in_the_socket_counts_before_a_successor(
    building: Building, mock_clock: MockClock
) -> None:
    peer = await in_a_pause(building, mock_clock)
    recorder = building.recorders["room101"]
    peer.client.video(600, b"\x27\x01last")
    peer.client.finish(f"room101?key={KEYS['room101']}")
    await peer.send()
    newer = building.enter()
    newer.client.start(f"room101?key={KEYS['room101']}")
    await newer.exchange()
    assert recorder.media_seen[-1] == (9, 600, b"\x27\x01last")
    assert recorder.calls[-2:] == ["end unpublished", "arrived 10.0.0.1 reconnect"]
    assert newer.client.status(1) == ["NetStream.Publish.Start"]


async def test_what_lies_in_the_socket_is_recorded_before_a_takeover(
    building: Building, mock_clock: MockClock
) -> None:
    peer = await in_a_pause(building, mock_clock)
    peer.client.video(600, b"\x27\x01last")
    await peer.send()
    newer = building.enter()
    newer.client.start(f"room101?key={KEYS['room101']}")
    await newer.exchange()
    recorder = building.recorders["room101"]
    assert recorder.media_seen[-1] == (9, 600, b"\x27\x01last")
    assert recorder.calls[-1] == "arrived 10.0.0.1 takeover"


async def test_what_lies_in_the_sockets_is_recorded_before_a_stop(
    building: Building, mock_clock: MockClock
) -> None:
    peer = await in_a_pause(building, mock_clock)
    peer.client.video(600, b"\x27\x01last")
    await peer.send()
    await building.door.catch_up()
    assert building.recorders["room101"].media_seen[-1] == (9, 600, b"\x27\x01last")
    # With nothing there it does not wait.
    await building.door.catch_up()


async def test_what_lies_encrypted_in_the_socket_is_recorded_before_a_stop(
    building: Building, mock_clock: MockClock, tls: Tls
) -> None:
    peer = await in_a_pause(building, mock_clock, tls=tls)
    peer.client.video(600, b"\x27\x01last")
    await peer.send()
    began_s = trio.current_time()
    mock_clock.autojump_threshold = 0
    await building.door.catch_up()
    assert building.recorders["room101"].media_seen[-1] == (9, 600, b"\x27\x01last")
    # The records count, not what is in them: it knows when it has come to their end.
    assert trio.current_time() == began_s


# --- its pulse --------------------------------------------------------------


def due_in_s(building: Building) -> float:
    (pulse,) = building.door.pulses
    return pulse.due_s - trio.current_time()


async def test_a_session_that_waits_for_its_peer_is_due_when_its_patience_ends(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = building.enter()
    await trio.testing.wait_all_tasks_blocked()
    assert due_in_s(building) == pytest.approx(HANDSHAKE_S)
    peer.client.start(f"room101?key={KEYS['room101']}")
    await peer.exchange()
    peer.client.video(0, FRAME)
    await peer.exchange()
    assert due_in_s(building) == pytest.approx(15)
    await trio.sleep(5)
    peer.client.video(40, FRAME)
    await peer.exchange()
    assert due_in_s(building) == pytest.approx(15)
    await peer.leave()
    assert building.door.pulses == []


async def test_a_session_that_waits_for_the_disk_is_alive_however_long_that_takes(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    building.recorders["room101"].holds_back = True
    peer.client.video(40, FRAME)
    await peer.exchange()
    overdue = Overdue()
    for _ in range(60):
        await trio.sleep(10)
        assert 0 <= due_in_s(building) <= MEMORY_PATIENCE_S
        assert overdue.look(building.door.pulses, trio.current_time()) == []


async def test_a_session_that_is_stuck_is_found(
    building: Building, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def for_ever(requests: Requests, event: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Requests, "publish", for_ever)
    peer = building.enter()
    peer.client.start(f"room101?key={KEYS['room101']}")
    await peer.exchange()
    overdue, found = Overdue(), []
    for _ in range(6):
        await trio.sleep(10)
        found += overdue.look(building.door.pulses, trio.current_time())
    assert found
    assert {pulse.who for pulse in found} == {"10.0.0.1"}


async def test_who_leaves_while_the_recorder_stops_is_not_asked_what_it_has_sent(
    building: Building, nursery: trio.Nursery
) -> None:
    def unread() -> int:
        raise ValueError("file descriptor cannot be a negative integer (-1)")

    ours, _theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(building.serve, ours, "10.0.0.1", unread)
    await trio.testing.wait_all_tasks_blocked()
    await building.door.catch_up()


async def test_before_a_stop_who_can_is_asked_to_come_again_and_nobody_waits_long(
    building: Building, autojump_clock: MockClock
) -> None:
    polite, stubborn, old = (building.enter(f"10.0.0.{number}") for number in (1, 2, 3))
    for peer, room, caps in ((polite, "room101", 1), (stubborn, "room102", 1)):
        peer.client.start(f"{room}?key={KEYS[room]}", capsEx=caps)
        await peer.exchange()
    old.client.start(f"room101?key={KEYS['room101']}")

    async def leave_when_asked() -> None:
        await trio.testing.wait_all_tasks_blocked()
        assert polite.client.commands("onStatus")[-1].code.endswith("ReconnectRequest")
        polite.client.finish(f"room101?key={KEYS['room101']}")
        await polite.send()
        await polite.leave()

    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave_when_asked)
        nursery.start_soon(building.door.move_on)
    assert trio.current_time() - began_s == pytest.approx(MOVE_ON_S)
    assert building.recorders["room101"].calls[-1] == "left", "no lesson was begun that could end"
    assert stubborn.client.commands("onStatus")[-1].code.endswith("ReconnectRequest")
    assert not stubborn.closed.is_set()
    assert not old.client.commands("onStatus")


async def test_where_nobody_can_be_asked_a_stop_does_not_wait(
    building: Building, autojump_clock: MockClock
) -> None:
    await building.publish()
    began_s = trio.current_time()
    await building.door.move_on()
    assert trio.current_time() == began_s
