"""How long a connection may do nothing, and what becomes of its place.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from recorder.live.ending import ConnectionOver
from recorder.live.session import FAREWELL_S
from recorder.live.stay import HANDSHAKE_S, PUBLISH_S, Stay
from tests.helpers.rtmp_client import C0_C1

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

    from tests.live.conftest import Building


async def test_a_byte_now_and_then_does_not_prolong_the_handshake(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = building.enter()

    async def dribble() -> None:
        for byte in C0_C1:
            try:
                await peer.stream.send_all(bytes([byte]))
            except trio.BrokenResourceError:
                return
            await trio.sleep(9)

    building.nursery.start_soon(dribble)
    assert await peer.until_closed() <= HANDSHAKE_S + FAREWELL_S


async def test_a_peer_that_connects_and_never_publishes_is_closed(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = building.enter()
    peer.client.greet()
    peer.client.connect()
    await peer.exchange()
    assert PUBLISH_S <= await peer.until_closed() <= PUBLISH_S + FAREWELL_S
    assert "10.0.0.1: no publish and no play within 20 s" in caplog.text


async def test_a_publisher_that_ended_cleanly_is_a_stranger_again(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    assert len(building.door._pool) == 0
    peer.client.finish("room101")
    await peer.exchange()
    assert len(building.door._pool) == 1
    await peer.leave()
    assert len(building.door._pool) == 0


async def test_commands_now_and_then_do_not_prolong_the_wait_for_a_publish(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = building.enter()
    peer.client.greet()
    peer.client.connect()
    await peer.exchange()

    async def drip() -> None:
        for number in range(100):
            peer.client.command("FCPublish", number, None, "x")
            try:
                await peer.send()
            except trio.BrokenResourceError:
                return
            await trio.sleep(1)

    building.nursery.start_soon(drip)
    assert await peer.until_closed() <= PUBLISH_S + FAREWELL_S


# --- by itself ---------------------------------------------------------------


def stay_and_told() -> tuple[Stay, list[bool | str]]:
    """A stay that begins at second 100, and what it has told."""
    told: list[bool | str] = []
    stay = Stay(100, on_pending=told.append, on_dismissed=lambda: told.append("dismissed"))
    return stay, told


def test_the_handshake_has_its_time_and_then_the_publish_from_the_same_beginning() -> None:
    stay, _ = stay_and_told()
    assert stay.deadline(handshake_done=False) == (110, "no RTMP handshake within 10 s")
    assert stay.deadline(handshake_done=True) == (120, "no publish and no play within 20 s")


def test_whoever_is_free_again_has_the_time_of_a_newcomer() -> None:
    stay, told = stay_and_told()
    stay.let_in("player")
    stay.is_free(1000)
    assert stay.deadline(handshake_done=True) == (1020, "the player asked for nothing more in 20 s")
    assert told == [False, True]


def test_whoever_is_let_in_is_dismissed_no_more() -> None:
    stay, told = stay_and_told()
    stay.dismiss(ConnectionOver("somebody else needs the place"))
    assert str(stay.dismissal) == "somebody else needs the place"
    stay.let_in("player")
    assert stay.dismissal is None
    assert told == ["dismissed", False]


def test_a_stranger_gives_its_place_back_when_it_has_heard_why() -> None:
    stay, told = stay_and_told()
    stay.is_over()
    assert told == []
    stay.has_heard()
    assert told == [True]


def test_whoever_was_let_in_needs_no_place_for_its_farewell() -> None:
    stay, told = stay_and_told()
    stay.let_in("player")
    stay.is_over()
    stay.has_heard()
    assert told == [False, False]
