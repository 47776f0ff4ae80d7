"""What the log says of a connection that ends.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.live.session import FAREWELL_S
from recorder.live.stay import PUBLISH_S
from tests.live.conftest import KEYS

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.live.conftest import Building


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


async def test_who_goes_is_called_by_what_it_did(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    publisher, viewer = await building.publish(), await building.watch()
    stranger = building.enter("10.0.0.2")
    for peer in (viewer, stranger, publisher):
        await peer.leave()
    gone = [line for line in caplog.messages if line.endswith("closed the connection")]
    assert gone == [
        "10.0.0.9: the player closed the connection",
        "10.0.0.2: the peer closed the connection",
        "room101: 10.0.0.1: the encoder closed the connection",
    ]


async def test_who_ends_what_it_did_and_says_nothing_more_is_not_said_to_have_done_nothing(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    publisher, viewer = await building.publish(), await building.watch()
    viewer.client.command("closeStream", 0, None, stream_id=1)
    await viewer.exchange()
    publisher.client.finish(f"room101?key={KEYS['room101']}")
    await publisher.exchange()
    for peer in (viewer, publisher):
        await peer.until_closed()
    assert f"10.0.0.9: the player asked for nothing more in {PUBLISH_S:g} s" in caplog.messages
    assert f"10.0.0.1: the encoder asked for nothing more in {PUBLISH_S:g} s" in caplog.messages


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("publish", "Nobody publishes any more."),
        ("stop", "The recorder stops."),
        ("too slow", "The line is too slow for the room."),
        ("another key", "Who may watch it has changed."),
    ],
)
async def test_a_player_is_told_why_there_is_no_more(
    building: Building, autojump_clock: MockClock, end: str, said: str
) -> None:
    publisher, viewer = await building.publish(), await building.watch()
    room = building.rooms.get("room101")
    assert room is not None
    publisher.client.video(40, b"\x17\x01frame")
    await publisher.exchange()
    if end == "publish":
        publisher.client.finish(f"room101?key={KEYS['room101']}")
        await publisher.exchange()
    elif end == "stop":
        await building.door.move_on()
    elif end == "another key":
        room.audience.end("who may watch it has changed")
    else:
        (queue,) = room.audience._viewers
        queue.is_sending = lambda: True  # as while its system has not taken what it was sent
        for _ in range(3):
            for _ in range(2):  # the second finds the queue full
                room.audience.media(9, 0, b"\x17\x01" + bytes(40_000), 0)
    await viewer.until_closed()
    last = viewer.client.commands("onStatus")[-1].information
    assert (last["code"], last["description"]) == ("NetStream.Play.UnpublishNotify", said)
