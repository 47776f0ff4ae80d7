"""The door: who gets a place in the house, and who has to go for whom.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.listener import MOVE_ON_S
from recorder.live.session import FAREWELL_S
from tests.live.conftest import FRAME, KEYS, Building

if TYPE_CHECKING:
    from trio.testing import MockClock


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


async def test_strangers_compete_for_places_only_with_each_other(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish()
    strangers = []
    for number in range(70):
        strangers.append(building.enter(f"10.0.1.{number}"))
        await trio.testing.wait_all_tasks_blocked()
    for stranger in strangers[:6]:
        assert await stranger.until_closed() <= FAREWELL_S
    honest = await building.publish("room102", "10.0.2.1")
    for peer, room in ((publisher, "room101"), (honest, "room102")):
        peer.client.video(40, FRAME)
        await peer.exchange()
        assert building.recorders[room].media_seen[-1] == (9, 40, FRAME)


class TestWithOnlyTwoConnections:
    @pytest.fixture
    def limits(self) -> dict[str, int]:
        return {"memory": 1 << 20, "publishers": 8, "connections": 2, "buffer": 64 << 10}

    async def test_the_third_is_closed_when_both_publish(
        self, building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        await building.publish()
        await building.publish("room102", "10.0.0.2")
        ours, _ = trio.testing.memory_stream_pair()
        await building.door.welcome(ours, "10.0.0.3")
        assert "10.0.0.3: refused: limits.connections reached" in caplog.text
        assert building.door.rejected == {"limit": 1, "crowded": 0}
        assert building.door.connections == 2


async def test_a_crowd_that_waits_for_its_refusals_keeps_nobody_out(
    building: Building, autojump_clock: MockClock
) -> None:
    for number in range(400):
        peer = building.enter(f"10.0.{number % 100}.1")
        peer.client.start("room101?key=wrong")
        await peer.exchange()
    assert building.door._inside <= 64
    assert building.door.rejected["crowded"] >= 400 - 64
    await building.publish("room102", "10.1.0.1")
    assert building.recorders["room102"].media_seen


async def test_a_publisher_that_ended_goes_before_one_that_arrives(
    building: Building, autojump_clock: MockClock
) -> None:
    arriving = building.enter()
    arriving.client.greet()
    arriving.client.connect()
    await arriving.exchange()
    for _ in range(9):
        ended = await building.publish()
        ended.client.finish("room101")
        await ended.exchange()
    arriving.client.publish(f"room102?key={KEYS['room102']}")
    arriving.client.video(0, FRAME)
    await arriving.exchange()
    assert building.recorders["room102"].media_seen == [(9, 0, FRAME)]


async def test_a_line_of_who_gave_its_place_is_of_its_own_connection(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    whose = ContextVar[int]("whose")

    class Noting(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.__dict__["whose"] = whose.get()
            return True

    with caplog.filtering(Noting()):
        for number in range(9):
            whose.set(number)
            building.enter()
            await trio.testing.wait_all_tasks_blocked()
    (line,) = [each for each in caplog.records if "gave its place" in each.getMessage()]
    assert line.__dict__["whose"] == 0
    # Nobody would guess what is one too many.
    assert line.getMessage() == (
        "10.0.0.1: gave its place to a newer connection: 8 of an address and 64 of all may be "
        "neither publishing nor watching"
    )


class TestWithOnlyTwoConnectionsOneOfThemAStranger:
    @pytest.fixture
    def limits(self) -> dict[str, int]:
        return {"memory": 1 << 20, "publishers": 8, "connections": 2, "buffer": 64 << 10}

    async def test_the_stranger_makes_place_for_a_newcomer(
        self, building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        await building.publish()
        stranger = building.enter("10.0.0.2")
        await trio.testing.wait_all_tasks_blocked()
        await building.publish("room102", "10.0.0.3")
        assert building.recorders["room102"].media_seen == [(9, 0, b"\x17\x01frame")]
        assert stranger.closed.is_set()
        assert building.door.rejected == {"limit": 0, "crowded": 1}
        assert "10.0.0.2: gave its place to a newer connection: limits.connections reached" in (
            caplog.messages
        )


async def test_hundreds_of_attempts_hold_up_neither_a_recording_nor_an_honest_encoder(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish("room101", "10.0.0.2")
    for number in range(300):
        peer = building.enter()
        peer.client.start("room102?key=wrong")
        await peer.send()
        if number % 30 == 0:
            publisher.client.video(40 + number, FRAME)
            await publisher.exchange()
    await trio.testing.wait_all_tasks_blocked()
    assert len(building.door._pool) <= 8
    assert building.door._inside <= 9
    assert len(building.recorders["room101"].media_seen) == 11
    await building.publish("room102", "10.0.0.1")
    assert building.recorders["room102"].media_seen


async def test_an_encoder_has_its_turn_in_the_middle_of_a_crowd_that_guesses(
    building: Building, autojump_clock: MockClock
) -> None:
    honest = building.enter()
    honest.client.greet()
    honest.client.connect()
    await honest.exchange()
    for _ in range(100):
        peer = building.enter()
        peer.client.start("room102?key=wrong")
        await peer.exchange()
    honest.client.publish(f"room101?key={KEYS['room101']}")
    await honest.exchange()
    assert honest.client.status(1) == ["NetStream.Publish.Start"]


async def test_an_encoder_has_its_turn_in_the_middle_of_a_crowd_that_says_nothing(
    building: Building, autojump_clock: MockClock
) -> None:
    honest = building.enter()
    honest.client.greet()
    await honest.exchange()
    for _ in range(100):
        building.enter()
        await trio.testing.wait_all_tasks_blocked()
    honest.client.connect()
    honest.client.publish(f"room101?key={KEYS['room101']}")
    await honest.exchange()
    assert honest.client.status(1) == ["NetStream.Publish.Start"]


async def test_a_crowd_that_lets_us_wait_for_its_farewell_does_not_fill_the_house(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(300):
        peer = building.enter(f"10.0.{number}.1")
        await peer.stream.send_all(b"GET /")
        await trio.testing.wait_all_tasks_blocked()
    assert building.door._inside <= 64
    await building.publish("room101", "10.1.0.1")
    assert "limits.connections" not in caplog.text
    assert "gave its place" not in caplog.text, "who is over has no place to give"
    assert building.door.rejected == {"limit": 0, "crowded": 0}


async def test_another_limit_counts_for_the_next_connection(
    building: Building, autojump_clock: MockClock
) -> None:
    peers = [await building.publish(), await building.publish("room102")]
    building.door.limit = 1
    late = building.enter()
    await late.until_closed()
    for peer in peers:
        peer.client.video(40, FRAME)
        await peer.exchange()
        assert not peer.closed.is_set()


async def test_while_rtmps_is_off_its_encoders_are_turned_away_at_once(
    building: Building, caplog: pytest.LogCaptureFixture
) -> None:
    assert building.door.tls is None
    ours, theirs = trio.socket.socketpair()
    encoder = trio.SocketStream(theirs)
    await building.door.handle_tls(trio.SocketStream(ours))
    assert await encoder.receive_some() == b""
    assert building.door.connections == 0
    assert "RTMPS is off, and an encoder was turned away." in caplog.text
    await encoder.aclose()


async def test_who_says_nothing_is_asked_now_and_then_whether_it_is_still_there(
    building: Building,
) -> None:
    """A player that waits for a lesson, and whose power was cut."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        async with await trio.open_tcp_stream("127.0.0.1", port):
            ours = await listener.accept()
            building.nursery.start_soon(building.door.handle, ours)
            await trio.testing.wait_all_tasks_blocked()
            assert ours.getsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE)
            await ours.aclose()
