"""A room that is watched: what is published into it, and what its viewers have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from recorder.live.reading import WATCHED_PAUSE_S

if TYPE_CHECKING:
    from tests.live.conftest import Peer

HEADER = b"\x17\x00\0\0\0avc"
KEY = b"\x17\x01\0\0\0key"
INTER = b"\x27\x01\0\0\0inter"
SOUND = b"\xaf\x01sound"


async def sent(publisher: Peer, *messages: tuple[int, bytes]) -> None:
    """Each with its time."""
    for timestamp, body in messages:
        if body == SOUND:
            publisher.client.audio(timestamp, body)
        else:
            publisher.client.video(timestamp, body)
    await publisher.exchange()


async def relayed(publisher: Peer, *messages: tuple[int, bytes]) -> None:
    """As `sent`; also what is sent behind the first message of a moment has come to its viewers."""
    await sent(publisher, *messages)
    await trio.sleep(2 * WATCHED_PAUSE_S)
    await trio.testing.wait_all_tasks_blocked()


def seen(viewer: Peer) -> list[tuple[int, bytes]]:
    """The pictures, each with its time."""
    replies = [reply for reply in viewer.client.replies if reply.type_id == 9]
    return [(reply.timestamp, reply.payload) for reply in replies]
