"""What a peer asks for and is answered: who gets a room, and who is refused.

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
from recorder.live.session import FAREWELL_S
from tests.live.conftest import FRAME, KEYS, Building, Room

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio.testing import MockClock

    from recorder.live.takeover import TakeoverPolicy


async def test_an_acceptance_is_never_delayed(
    building: Building, autojump_clock: MockClock
) -> None:
    began = trio.current_time()
    await building.publish()
    assert trio.current_time() == began


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
    assert results(building) == {
        ("room101", "ok"): 1,
        ("room101", "busy"): 1,
        ("room101", "auth"): 1,
    }


async def test_no_name_that_a_stranger_makes_up_becomes_a_label(
    building: Building, autojump_clock: MockClock
) -> None:
    reception = building.door._house.reception
    reception.access = Access(
        {"room101": Room(KEYS["room101"])}, Room("key-of-any-room-abcdef"), "live"
    )
    for stream in ("attic?key=key-of-any-room-abcdef", "cellar?key=wrong", "hall?key=wrong"):
        peer = building.enter()
        peer.client.start(stream)
        await peer.exchange()
    assert "attic" in building.recorders
    assert results(building) == {("*", "ok"): 1, ("*", "auth"): 2}


async def test_who_breaks_the_protocol_is_counted_with_the_room_he_published_into(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher, stranger = await building.publish(), building.enter("10.0.0.2")
    for peer in (publisher, stranger):
        # Of a chunk stream without a message before it, or no RTMP at all.
        await peer.stream.send_all(b"\xc7" + bytes(100))
        await peer.until_closed()
    assert results(building) == {
        ("room101", "ok"): 1,
        ("room101", "protocol"): 1,
        ("*", "protocol"): 1,
    }


def results(building: Building) -> Mapping[tuple[str, str], int]:
    return building.door._house.reception.attempts.results


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


@pytest.mark.parametrize(
    ("publish_type", "noted"),
    [("live", "live"), ("record", "record"), ("append", "append"), ("", "live"), (None, "live")],
)
async def test_every_publish_type_is_recorded_alike_and_noted(
    building: Building, autojump_clock: MockClock, publish_type: str | None, noted: str
) -> None:
    peer = building.enter()
    peer.client.greet()
    peer.client.connect()
    peer.client.publish(f"room101?key={KEYS['room101']}", publish_type=publish_type)
    peer.client.video(0, FRAME)
    await peer.exchange()
    recorder = building.recorders["room101"]
    assert recorder.media_seen == [(9, 0, FRAME)]
    assert [client.publish_type for client in recorder.clients] == [noted]
