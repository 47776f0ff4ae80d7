"""Sessions from a peer's side of the stream: their life, and its signs.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.backpressure import MEMORY_PATIENCE_S
from recorder.live.pulse import Overdue
from recorder.live.requests import Requests
from recorder.live.stay import HANDSHAKE_S
from tests.helpers.rtmp_client import RtmpClient
from tests.live.conftest import FRAME, KEYS, Building

if TYPE_CHECKING:
    from trio.testing import MockClock


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


async def test_a_peer_that_is_gone_before_the_farewell_is_no_fault(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = building.enter()
    await peer.stream.send_all(b"GET /")
    await peer.leave()
    assert len(building.door._pool) == 0
