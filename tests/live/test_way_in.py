"""The way in, from a peer's side of the stream: who gets a room, who is refused, who makes place.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

import logging
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.access import Access
from recorder.live.attempts import FIRST_PAUSE_S
from recorder.live.house import Timeouts
from recorder.live.session import FAREWELL_S
from recorder.live.stay import HANDSHAKE_S, PUBLISH_S
from tests.helpers.rtmp_client import C0_C1
from tests.live.conftest import KEYS, Building, Room

if TYPE_CHECKING:
    from trio.testing import MockClock

    from recorder.live.takeover import TakeoverPolicy

FRAME = b"\x27\x01frame"


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.mark.parametrize(
    ("first_bytes", "named"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600), "TLS"),
        (b"GET / HTTP/1.1\r\nHost: recorder\r\n\r\n", "HTTP"),
        (b"\x06" + bytes(1536), "RTMPE"),
        (b"\xde\xad\xbe\xef" * 500, ""),
    ],
)
async def test_what_is_not_rtmp_is_closed_with_one_line_that_names_it(
    building: Building,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    first_bytes: bytes,
    named: str,
) -> None:
    peer = building.enter()
    await peer.stream.send_all(first_bytes)
    assert await peer.until_closed() <= FAREWELL_S
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert lines[0].startswith("10.0.0.1: ")
    assert named in lines[0]


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
    assert "no publish within 20 s" in caplog.text


async def test_a_wrong_key_is_refused_after_a_delay_with_words_and_without_the_key_in_the_log(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = building.enter()
    peer.client.start("room101?key=wrong-but-secret-key")
    await peer.send()
    took = await peer.until_closed()
    assert FIRST_PAUSE_S <= took <= FIRST_PAUSE_S + FAREWELL_S
    assert peer.client.status(1) == ["NetStream.Publish.BadName"]
    assert "secret" not in caplog.text
    assert "10.0.0.1: refused: room101: unknown room or wrong key" in caplog.text


async def test_wrong_room_and_wrong_key_get_the_same_answer(
    building: Building, autojump_clock: MockClock
) -> None:
    answers = []
    for name in ("room101?key=wrong", "nowhere?key=wrong"):
        peer = building.enter()
        peer.client.start(name)
        await peer.send()
        await peer.until_closed()
        answers.append(peer.client.commands("onStatus")[0].payload)
    assert answers[0] == answers[1]


async def test_a_refused_second_stream_does_not_end_the_first(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.command("createStream", 8, None)
    peer.client.publish("room102?key=wrong", stream_id=2)
    await peer.exchange()
    await trio.sleep(FIRST_PAUSE_S)
    peer.client.video(40, FRAME)
    await peer.exchange()
    assert peer.client.status(2) == ["NetStream.Publish.BadName"]
    assert building.recorders["room101"].media_seen[-1] == (9, 40, FRAME)


async def test_a_publisher_beyond_the_limit_is_refused(
    building: Building, autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    building.door._house.reception.publishers = 1
    await building.publish("room101")
    peer = building.enter("10.0.0.2")
    peer.client.start(f"room102?key={KEYS['room102']}")
    await peer.send()
    await peer.until_closed()
    assert peer.client.status(1) == ["NetStream.Publish.BadName"]
    assert "left" not in building.recorders["room101"].calls


async def test_the_same_address_takes_its_room_back_at_once(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    old = await building.publish()
    new = await building.publish()
    recorder = building.recorders["room101"]
    assert recorder.calls == [
        "arrived 10.0.0.1 reconnect",
        "left",
        "arrived 10.0.0.1 takeover",
    ]
    await old.until_closed()
    assert old.client.status(1)[-1] == "NetStream.Publish.BadName"
    assert recorder.calls[-1] == "arrived 10.0.0.1 takeover"
    new.client.video(40, FRAME)
    await new.exchange()
    assert recorder.media_seen[-1] == (9, 40, FRAME)
    assert recorder.recordings == 1


async def test_another_address_gets_the_room_only_when_the_incumbent_is_silent(
    building: Building,
    autojump_clock: MockClock,
) -> None:
    await building.publish()
    early = building.enter("10.0.0.2")
    early.client.start(f"room101?key={KEYS['room101']}")
    await early.send()
    await trio.testing.wait_all_tasks_blocked()
    assert building.recorders["room101"].calls == ["arrived 10.0.0.1 reconnect"]
    await trio.sleep(2.5)
    await building.publish(address="10.0.0.2")
    assert building.recorders["room101"].calls[-1] == "arrived 10.0.0.2 takeover"


class TestUnderTakeoverNever:
    @pytest.fixture
    def policy(self) -> TakeoverPolicy:
        return "never"

    async def test_the_incumbent_stays(self, building: Building, autojump_clock: MockClock) -> None:
        await building.publish()
        peer = building.enter()
        peer.client.start(f"room101?key={KEYS['room101']}")
        await peer.send()
        await peer.until_closed()
        assert peer.client.status(1) == ["NetStream.Publish.BadName"]
        assert building.recorders["room101"].calls == ["arrived 10.0.0.1 reconnect"]


async def test_a_second_stream_of_one_connection_may_take_the_room_from_the_first(
    building: Building,
    autojump_clock: MockClock,
) -> None:
    peer = await building.publish()
    peer.client.command("createStream", 8, None)
    peer.client.publish(f"room101?key={KEYS['room101']}", stream_id=2)
    peer.client.video(40, FRAME, stream_id=2)
    await peer.exchange()
    assert peer.client.status(2) == ["NetStream.Publish.Start"]
    assert building.recorders["room101"].media_seen[-1] == (9, 40, FRAME)


async def test_a_new_publish_is_refused_when_memory_is_full(
    building: Building, autojump_clock: MockClock
) -> None:
    await building.publish()
    building.recorders["room101"].held_bytes = 2 << 20
    peer = building.enter("10.0.0.2")
    peer.client.start(f"room102?key={KEYS['room102']}")
    await peer.send()
    await peer.until_closed()
    assert peer.client.status(1) == ["NetStream.Publish.BadName"]


async def test_a_declared_message_that_never_comes_ends_by_silence(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.set_chunk_size(0xFFFFFF)
    peer.client.raw(peer.client.chunks(6, 9, 1, 40, bytes(0xFFFFFF))[0][:1000])
    await peer.send()
    assert 15 <= await peer.until_closed() <= 15 + FAREWELL_S


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


async def test_a_peer_that_is_gone_before_the_farewell_is_no_fault(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = building.enter()
    await peer.stream.send_all(b"GET /")
    await peer.leave()
    assert len(building.door._pool) == 0


async def test_a_crowd_that_waits_for_its_refusals_keeps_nobody_out(
    building: Building, autojump_clock: MockClock
) -> None:
    for number in range(400):
        peer = building.enter(f"10.0.{number % 100}.1")
        peer.client.start("room101?key=wrong")
        await peer.exchange()
    assert building.door._inside <= 64
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


async def test_a_wrong_application_is_told_at_connect(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = building.enter()
    peer.client.greet()
    peer.client.connect("movies")
    await peer.send()
    assert await peer.until_closed() <= FAREWELL_S
    (answer,) = peer.client.commands("_error")
    assert answer.code == "NetConnection.Connect.Rejected"
    assert "rtmp://HOST/live" in str(answer.information["description"])
    assert "the application is not live" in caplog.text


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


class TestWithOnlyTwoConnectionsOneOfThemAStranger:
    @pytest.fixture
    def limits(self) -> dict[str, int]:
        return {"memory": 1 << 20, "publishers": 8, "connections": 2, "buffer": 64 << 10}

    async def test_the_stranger_makes_place_for_a_newcomer(
        self, building: Building, autojump_clock: MockClock
    ) -> None:
        await building.publish()
        stranger = building.enter("10.0.0.2")
        await trio.testing.wait_all_tasks_blocked()
        await building.publish("room102", "10.0.0.3")
        assert building.recorders["room102"].media_seen == [(9, 0, b"\x17\x01frame")]
        assert stranger.closed.is_set()


async def test_two_encoders_that_fight_for_a_room_are_told_to_the_operator(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(4):
        await building.publish()
    last = building.enter()
    last.client.start(f"room101?key={KEYS['room101']}")
    await last.exchange()
    (line,) = [r for r in caplog.records if "two encoders fight" in r.getMessage()]
    assert line.levelno == logging.WARNING


async def test_pauses_before_refusals_grow_and_an_acceptance_has_none(
    building: Building, autojump_clock: MockClock
) -> None:
    took = []
    for _ in range(6):
        peer = building.enter()
        peer.client.start("room101?key=wrong")
        await peer.send()
        took.append(round(await peer.until_closed()))
    assert took == [1, 1, 1, 2, 4, 8]
    began_s = trio.current_time()
    await building.publish()
    assert trio.current_time() == began_s


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


class TestWithAnAddressList:
    @pytest.fixture
    def allow(self) -> list[IPv4Network]:
        return [IPv4Network("10.2.0.0/16")]

    async def test_another_address_is_told_so_after_a_pause(
        self, building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        peer = building.enter("10.3.0.1")
        peer.client.start(f"room101?key={KEYS['room101']}")
        await peer.send()
        assert FIRST_PAUSE_S <= await peer.until_closed() <= FIRST_PAUSE_S + FAREWELL_S
        (answer,) = peer.client.commands("onStatus")
        assert answer.code == "NetStream.Publish.BadName"
        assert answer.information["description"] == "This address may not publish into this room."
        assert "10.3.0.1: refused: room101: not one of its addresses (allow)" in caplog.text
        assert KEYS["room101"] not in caplog.text
        assert building.recorders["room101"].calls == []

    async def test_with_a_wrong_key_it_hears_what_everybody_hears(
        self, building: Building, autojump_clock: MockClock
    ) -> None:
        peer = building.enter("10.3.0.1")
        peer.client.start("room101?key=wrong")
        await peer.send()
        await peer.until_closed()
        (answer,) = peer.client.commands("onStatus")
        assert answer.information["description"] == "Unknown room or wrong key."

    async def test_it_does_not_disturb_who_publishes(
        self, building: Building, autojump_clock: MockClock
    ) -> None:
        await building.publish(address="10.2.0.1")
        peer = building.enter("10.3.0.1")
        peer.client.start(f"room101?key={KEYS['room101']}")
        await peer.send()
        await peer.until_closed()
        assert building.recorders["room101"].calls == ["arrived 10.2.0.1 reconnect"]


async def test_every_refusal_is_counted(building: Building, autojump_clock: MockClock) -> None:
    await building.publish()
    for app, stream in (
        ("live", f"room101?key={KEYS['room101']}"),
        ("live", "room101?key=wrong"),
        ("movies", "room101"),
    ):
        peer = building.enter("10.0.0.2")
        peer.client.start(stream, app=app)
        await peer.send()
        await peer.until_closed()
    counts = building.door._house.reception.attempts.counts
    assert {kind: count for kind, count in counts.items() if count} == {
        "key": 1,
        "application": 1,
        "busy": 1,
    }


# --- what a reload changes ---------------------------------------------------


async def test_another_key_counts_for_who_comes_next_and_whoever_publishes_stays(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    reception = building.door._house.reception
    reception.access = Access({"room101": Room("another-key-abcdef")}, None, "live")
    peer.client.video(40, FRAME)
    await peer.exchange()
    recorder = building.recorders["room101"]
    assert recorder.media_seen[-1] == (9, 40, FRAME)
    # Whoever knew the old one is nobody now.
    late = building.enter("10.0.0.2")
    late.client.start(f"room101?key={KEYS['room101']}")
    await late.send()
    await late.until_closed()
    assert recorder.calls == ["arrived 10.0.0.1 reconnect"]
    newer = building.enter()
    newer.client.start("room101?key=another-key-abcdef")
    await newer.exchange()
    assert recorder.calls[-1] == "arrived 10.0.0.1 takeover"


async def test_other_timeouts_count_from_the_next_read_on(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    building.door._house.timeouts = Timeouts(first_media=20, idle=3)
    peer.client.video(40, FRAME)
    await peer.exchange()
    assert 3 <= await peer.until_closed() <= 3 + FAREWELL_S


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
