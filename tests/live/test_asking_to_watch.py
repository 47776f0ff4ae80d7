"""Who may watch a room, how many, and for how long a connection may do nothing else."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.attempts import FIRST_PAUSE_S
from recorder.live.stay import PUBLISH_S
from tests.live.conftest import KEYS, WATCH, Building
from tests.live.watched import KEY, relayed, seen, sent

if TYPE_CHECKING:
    from trio.testing import MockClock


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


async def test_who_is_crowded_out_while_it_asks_takes_no_place(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = building.enter("10.0.0.9")
    await trio.testing.wait_all_tasks_blocked()
    (session,) = building.door._sessions
    viewer.client.watch(WATCH)
    await viewer.send()
    session.crowd_out("too many")
    await viewer.until_closed()
    assert not any("10.0.0.9 watches" in line for line in caplog.messages)


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
    await relayed(publisher, (80, KEY))
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
