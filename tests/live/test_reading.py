"""Reading: when a peer's bytes are taken, and what lies in the socket meanwhile.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.live.conftest import FRAME, KEYS, Building, Peer, Tls

if TYPE_CHECKING:
    from trio.testing import MockClock


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


async def test_who_leaves_while_the_recorder_stops_is_not_asked_what_it_has_sent(
    building: Building, nursery: trio.Nursery
) -> None:
    def unread() -> int:
        raise ValueError("file descriptor cannot be a negative integer (-1)")

    ours, _theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(building.serve, ours, "10.0.0.1", unread)
    await trio.testing.wait_all_tasks_blocked()
    await building.door.catch_up()


@pytest.mark.parametrize(("standstill_s", "is_excused"), [(0.45, False), (3.0, True)])
async def test_a_read_that_comes_late_by_our_doing_is_no_silence_of_the_encoder(
    building: Building, mock_clock: MockClock, standstill_s: float, is_excused: bool
) -> None:
    peer = await in_a_pause(building, mock_clock)
    peer.client.video(600, FRAME)
    await peer.send()
    mock_clock.jump(standstill_s)
    await trio.testing.wait_all_tasks_blocked()
    assert ("is held back no more" in building.recorders["room101"].calls) is is_excused
