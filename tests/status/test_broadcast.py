"""Who is sent which picture, and for how many one has to be made."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from wsproto.frame_protocol import FrameDecoder, Opcode

from recorder.status.broadcast import Broadcast, Watcher, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_is_what_a_viewer_reads(size: int) -> None:
    text = "ä" * (size // 2) + "x" * (size % 2)
    decoder = FrameDecoder(client=True)
    decoder.receive_bytes(text_frame(text))
    frame = decoder.process_buffer()
    assert frame is not None
    assert (frame.opcode, frame.frame_finished, frame.message_finished) == (Opcode.TEXT, True, True)
    assert frame.payload == text.encode()
    assert decoder.process_buffer() is None


async def test_who_joins_gets_nothing_that_was_made_before() -> None:
    broadcast = Broadcast()
    broadcast.publish("of an hour ago, when somebody watched last")
    with broadcast.join() as watcher, trio.move_on_after(0) as scope:
        await watcher.next()
    assert scope.cancelled_caught


async def test_pictures_are_made_for_those_who_wait_for_one(nursery: trio.Nursery) -> None:
    told: list[str] = []
    broadcast = Broadcast(lambda: told.append("join"), lambda: told.append("wait"))
    sent, stuck = trio.Event(), trio.Event()

    async def watch(watcher: Watcher) -> None:
        with watcher:
            await watcher.next()
            sent.set()
            await stuck.wait()
            await watcher.next()

    nursery.start_soon(watch, broadcast.join())
    await trio.testing.wait_all_tasks_blocked()
    assert (broadcast.watchers, broadcast.waiting) == (1, 1)
    assert told == ["join", "wait"]
    broadcast.publish("one")
    await sent.wait()
    # He is sent the first one: for him none is made.
    assert (broadcast.watchers, broadcast.waiting) == (1, 0)
    stuck.set()
    await trio.testing.wait_all_tasks_blocked()
    assert (broadcast.watchers, broadcast.waiting) == (1, 1)
    assert told == ["join", "wait", "wait"]
    nursery.cancel_scope.cancel()
    with trio.CancelScope(shield=True):
        await trio.testing.wait_all_tasks_blocked()
    assert (broadcast.watchers, broadcast.waiting) == (0, 0)
