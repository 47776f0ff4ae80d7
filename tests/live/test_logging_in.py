"""Logging in by user name and password, from an encoder's side of the stream: three connections.

Every test names the jumping clock itself: pytest-trio takes a run's clock from the test's own
arguments, not from its fixtures'.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from recorder.live.access import Access
from recorder.live.attempts import FIRST_PAUSE_S
from recorder.live.challenges import GOOD_FOR_S
from recorder.live.session import FAREWELL_S
from tests.helpers.logins import Account
from tests.live.conftest import FRAME, KEYS, Building, Peer

if TYPE_CHECKING:
    from trio.testing import MockClock

ACCOUNT = Account("room101", KEYS["room101"])


@attrs.define
class Box:
    """An encoder with a user/password box."""

    building: Building
    account: Account
    app: str = "login"
    address: str = "10.0.0.1"

    async def round(self, query: str = "") -> Peer:
        """One connection, up to the answer to its connect."""
        peer = self.building.enter(self.address)
        peer.client.greet()
        peer.client.connect(self.app + query)
        await peer.exchange()
        return peer

    async def refusal(self, query: str = "") -> str:
        """What a connection that must be refused at once hears; it closes then, as ffmpeg does."""
        peer = await self.round(query)
        (error,) = peer.client.commands("_error")
        assert error.code == "NetConnection.Connect.Rejected"
        await peer.leave()
        return str(error.information["description"])

    async def answer(self) -> str:
        """Go the first two rounds, and give what the third has to say."""
        invited = await self.refusal()
        challenged = await self.refusal(self.account.next_query(invited, self.app))
        return self.account.next_query(challenged, self.app)

    async def publish(self, peer: Peer, stream: str = "anything") -> None:
        peer.client.command("createStream", 4, None)
        peer.client.publish(stream)
        peer.client.video(0, FRAME)
        await peer.exchange()


@pytest.mark.parametrize("app", ["login", "whatever", "llnw", "live"])
@pytest.mark.parametrize("stream", ["", "anything", "room102", f"room102?key={KEYS['room102']}"])
async def test_the_room_and_its_key_get_in_at_once_whatever_the_stream_is_called(
    building: Building, autojump_clock: MockClock, app: str, stream: str
) -> None:
    box = Box(building, ACCOUNT, app)
    began_s = trio.current_time()
    if app == "live":
        # A client that asks without being invited (GStreamer with authmod=adobe).
        answer = ACCOUNT.next_query(await box.refusal("?authmod=adobe&user=room101"))
    else:
        answer = await box.answer()
    peer = await box.round(answer)
    await box.publish(peer, stream)
    assert peer.client.status(1) == ["NetStream.Publish.Start"]
    assert building.recorders["room101"].media_seen == [(9, 0, FRAME)]
    assert building.recorders["room102"].media_seen == []
    assert trio.current_time() == began_s


async def test_a_wrong_password_is_refused_after_a_pause_and_stands_nowhere(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    box = Box(building, Account("room101", "wrong-but-secret"))
    answer = await box.answer()
    peer = await box.round(answer)
    assert not peer.client.commands("_error")
    assert FIRST_PAUSE_S <= await peer.until_closed() <= FIRST_PAUSE_S + FAREWELL_S
    (error,) = peer.client.commands("_error")
    with pytest.raises(PermissionError, match="Incorrect username/password"):
        box.account.next_query(str(error.information["description"]))
    assert "10.0.0.1: refused: room101: wrong user name or password" in caplog.text
    assert "secret" not in caplog.text
    assert answer.partition("response=")[2] not in caplog.text
    attempts = building.door._house.reception.attempts
    assert attempts.counts["login"] == 1
    assert attempts.results == {("room101", "auth"): 1}


async def test_an_unknown_user_hears_the_same_and_its_name_stands_nowhere(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    descriptions = []
    for user in ("room101", "a-key-in-the-wrong-field"):
        box = Box(building, Account(user, "wrong"))
        peer = await box.round(await box.answer())
        await peer.until_closed()
        descriptions.append(peer.client.commands("_error")[0].payload)
    assert descriptions[0] == descriptions[1]
    assert "a-key-in" not in caplog.text
    assert "10.0.0.1: refused: wrong user name or password" in caplog.text


async def test_an_answer_is_good_once(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    box = Box(building, ACCOUNT)
    answer = await box.answer()
    first = await box.round(answer)
    await box.publish(first)
    replay = await Box(building, ACCOUNT, address="10.0.0.9").round(answer)
    await replay.until_closed()
    assert replay.client.commands("_error")
    assert "10.0.0.9: refused: room101: a login that was used before" in caplog.text
    assert building.recorders["room101"].media_seen == [(9, 0, FRAME)]


async def test_an_answer_that_comes_too_late_is_refused(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    box = Box(building, ACCOUNT)
    answer = await box.answer()
    await trio.sleep(GOOD_FOR_S)
    peer = await box.round(answer)
    await peer.until_closed()
    assert peer.client.commands("_error")
    assert "a login with a challenge older than 60 s" in caplog.text


async def test_a_client_without_a_user_name_is_told_what_to_do(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    words = await Box(building, ACCOUNT, "movies").refusal()
    assert words.endswith(
        "The server is rtmp://HOST/live; any other wants a room as user name and its key as "
        "password."
    )
    assert len(words) <= 255
    assert "10.0.0.1: refused: the application is not live; asked for" in caplog.text


async def test_the_rounds_before_the_last_are_nothing_to_read_about(
    building: Building, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    box = Box(building, ACCOUNT)
    await box.publish(await box.round(await box.answer()))
    lines = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(lines) == 1
    assert "asked for user name and password" in lines[0]


async def test_a_key_that_changes_between_login_and_publish_is_a_wrong_one(
    building: Building, autojump_clock: MockClock
) -> None:
    @attrs.frozen
    class Room:
        key: str
        allow: tuple[()] = ()

    box = Box(building, ACCOUNT)
    peer = await box.round(await box.answer())
    building.door._house.reception.access = Access({"room101": Room("another")}, None, "live")
    await box.publish(peer)
    await peer.until_closed()
    assert peer.client.status(1) == ["NetStream.Publish.BadName"]
    assert building.recorders["room101"].calls == []


async def test_a_crowd_of_wrong_logins_pushes_out_neither_a_challenge_nor_a_recording(
    building: Building, autojump_clock: MockClock
) -> None:
    publisher = await building.publish("room102", "10.0.0.2")
    box, guesser = Box(building, ACCOUNT), Box(building, Account("room101", "wrong"))
    answer = await box.answer()
    for _ in range(60):
        await guesser.round(await guesser.answer())
    assert building.door._inside <= 9
    publisher.client.video(40, FRAME)
    await publisher.exchange()
    assert building.recorders["room102"].media_seen[-1] == (9, 40, FRAME)
    began_s = trio.current_time()
    peer = await box.round(answer)
    await box.publish(peer)
    assert peer.client.status(1) == ["NetStream.Publish.Start"]
    assert trio.current_time() == began_s
