"""Sessions from a peer's side of the stream: what gets in, what is refused, what times out.

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

from recorder.live.session import (
    EVENTS_AT_ONCE,
    FAREWELL_S,
    HANDSHAKE_S,
    MEMORY_PATIENCE_S,
    PUBLISH_S,
    REFUSAL_DELAY_S,
)
from tests.helpers.rtmp_client import C0_C1, RtmpClient
from tests.live.conftest import KEYS, Building, Peer

if TYPE_CHECKING:
    from trio.testing import MockClock

    from recorder.live.takeover import TakeoverPolicy

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
    building.nursery.start_soon(building.serve, ours, "10.0.0.1")
    client = RtmpClient()
    client.start(f"room101?key={KEYS['room101']}")
    client.set_chunk_size(65536)
    await theirs.send_all(client.data_to_send())
    body = b"\x27\x01" + bytes(60_000)
    for second in range(4 * 3600):
        client.video(second * 1000, body)
        await theirs.send_all(client.data_to_send())
        await trio.sleep(1)
    recorder = building.recorders["room101"]
    await trio.testing.wait_all_tasks_blocked()
    assert len(recorder.media_seen) == 4 * 3600
    assert "left" not in recorder.calls


async def test_a_wrong_key_is_refused_after_a_delay_with_words_and_without_the_key_in_the_log(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = building.enter()
    peer.client.start("room101?key=wrong-but-secret-key")
    await peer.send()
    took = await peer.until_closed()
    assert REFUSAL_DELAY_S <= took <= REFUSAL_DELAY_S + FAREWELL_S
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
    await trio.sleep(REFUSAL_DELAY_S)
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


async def test_a_full_buffer_stops_the_reading_until_the_disk_has_taken_a_batch(
    building: Building, autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    peer = await building.publish()
    recorder = building.recorders["room101"]
    recorder.pending_bytes = recorder.buffered_bytes = limits["buffer"]
    peer.client.video(40, FRAME)
    await peer.exchange()  # read, and then the buffer is looked at
    peer.client.video(80, FRAME)
    await peer.exchange()
    assert recorder.media_seen[-1][1] == 40
    await trio.sleep(1000)  # our silence is not the peer's: no time-out
    building.hops.land()
    await trio.testing.wait_all_tasks_blocked()
    assert recorder.media_seen[-1][1] == 40
    recorder.pending_bytes = recorder.buffered_bytes = 0
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
    building.recorders["room101"].buffered_bytes = 0
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
    building.recorders["room101"].buffered_bytes = 2000
    building.door._house.memory.limit_bytes = 1000
    peer.client.video(40, FRAME)
    await peer.exchange()
    building.recorders["room101"].buffered_bytes = 0
    building.hops.land()
    peer.client.video(80, FRAME)
    await peer.exchange()
    assert building.recorders["room101"].media_seen[-1] == (9, 80, FRAME)


async def test_a_new_publish_is_refused_when_memory_is_full(
    building: Building, autojump_clock: MockClock
) -> None:
    await building.publish()
    building.recorders["room101"].buffered_bytes = 2 << 20
    peer = building.enter("10.0.0.2")
    peer.client.start(f"room102?key={KEYS['room102']}")
    await peer.send()
    await peer.until_closed()
    assert peer.client.status(1) == ["NetStream.Publish.BadName"]


async def test_a_disk_that_refuses_ends_the_session_and_says_so(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await building.publish()
    recorder = building.recorders["room101"]
    recorder.error = OSError(28, "No space left on device")
    peer.client.video(40, FRAME)
    await peer.send()
    await peer.until_closed()
    assert recorder.calls[-1] == "abandon"
    assert "not recorded, the disk refused: [Errno 28] No space left on device" in caplog.text


async def test_a_fault_of_ours_in_one_session_leaves_the_others_recording(
    building: Building,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = await building.publish("room101")
    bad = await building.publish("room102", "10.0.0.2")

    building.recorders["room102"].fault = RuntimeError("a fault of ours")
    bad.client.video(40, FRAME)
    await bad.send()
    await trio.testing.wait_all_tasks_blocked()
    assert "a fault of ours" in caplog.text
    assert building.recorders["room102"].calls[-1] == "left"
    good.client.video(40, FRAME)
    await good.exchange()
    assert building.recorders["room101"].media_seen[-1] == (9, 40, FRAME)


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


async def test_media_held_for_the_first_segment_are_not_waited_for(
    building: Building, autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    """No hop of the writer would ever free them."""
    peer = await building.publish()
    recorder = building.recorders["room101"]
    recorder.buffered_bytes = 2 * limits["buffer"]
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
    recorder.pending_bytes = recorder.buffered_bytes = limits["buffer"]
    peer.client.metadata({"width": 1.0})
    await peer.exchange()
    peer.client.video(0, FRAME)
    await peer.exchange()
    await trio.sleep(25)
    recorder.pending_bytes = recorder.buffered_bytes = 0
    building.hops.land()
    await trio.testing.wait_all_tasks_blocked()
    assert recorder.media_seen == [(9, 0, FRAME)]


async def test_a_publisher_may_be_replaced_while_it_waits_for_memory(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    old = await building.publish()
    building.recorders["room101"].buffered_bytes = 2000
    building.door._house.memory.limit_bytes = 1000
    old.client.video(40, FRAME)
    await old.exchange()
    building.door._house.memory.limit_bytes = 1 << 20
    await building.publish()
    building.hops.land()
    await old.until_closed()
    assert old.client.status(1)[-1] == "NetStream.Publish.BadName"
    assert "fault of the recorder" not in caplog.text


async def test_a_wrong_application_is_told_at_connect(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer = building.enter()
    peer.client.greet()
    peer.client.connect("movies")
    await peer.send()
    assert REFUSAL_DELAY_S <= await peer.until_closed() <= REFUSAL_DELAY_S + FAREWELL_S
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
    assert max(after - before for before, after in itertools.pairwise(turns)) <= 2 * EVENTS_AT_ONCE


async def test_a_fault_while_leaving_one_room_frees_the_other(
    building: Building, autojump_clock: MockClock
) -> None:
    peer = await building.publish()
    peer.client.command("createStream", 8, None)
    peer.client.publish(f"room102?key={KEYS['room102']}", stream_id=2)
    await peer.exchange()
    building.recorders["room101"].fault = RuntimeError("a fault of ours")
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
