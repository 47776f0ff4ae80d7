"""Who is sent which picture, and for how many one has to be made."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from wsproto.frame_protocol import FrameDecoder, Opcode

from recorder.status.broadcast import Broadcast, Watcher, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_is_what_a_viewer_reads(size: int) -> None:
    text = ("ä" * (size // 2) + "x" * (size % 2)).encode()
    decoder = FrameDecoder(client=True)
    decoder.receive_bytes(text_frame(text))
    frame = decoder.process_buffer()
    assert frame is not None
    assert (frame.opcode, frame.frame_finished, frame.message_finished) == (Opcode.TEXT, True, True)
    assert frame.payload == text
    assert decoder.process_buffer() is None


class Line:
    """Where a viewer's frames go.

    Attributes:
        begun: what they say.
        is_slow: none goes out whole at once.
    """

    def __init__(self, *, is_slow: bool = False) -> None:
        self.begun: list[bytes] = []
        self.is_slow = is_slow

    def begin(self, frame: bytes) -> bool:
        self.begun.append(frame[2:])
        return not self.is_slow


def joined(broadcast: Broadcast, *, is_operator: bool = True) -> Watcher:
    watcher = broadcast.join(is_operator=is_operator)
    assert watcher is not None
    return watcher


async def test_who_joins_gets_nothing_that_was_made_before() -> None:
    broadcast, line = Broadcast(1), Line()
    broadcast.publish(b"of an hour ago, when somebody watched last")
    with joined(broadcast) as watcher, trio.move_on_after(0) as scope:
        await watcher.next(line.begin)
    assert scope.cancelled_caught
    assert line.begun == []


async def test_a_dismissal_comes_before_the_next_picture() -> None:
    broadcast, line = Broadcast(1), Line()
    with joined(broadcast) as watcher:
        broadcast.dismiss()
        broadcast.publish(b"secret")
        assert not await watcher.next(line.begin)
    assert line.begun == []


async def test_who_is_dismissed_while_it_waits_gets_no_more(nursery: trio.Nursery) -> None:
    broadcast, line, over = Broadcast(1), Line(), trio.Event()

    async def watch(watcher: Watcher) -> None:
        assert not await watcher.next(line.begin)
        over.set()

    nursery.start_soon(watch, joined(broadcast))
    await trio.testing.wait_all_tasks_blocked()
    broadcast.dismiss()
    broadcast.publish(b"secret")
    await over.wait()
    assert line.begun == []


async def test_who_may_not_look_any_more_before_the_first_picture_gets_none() -> None:
    broadcast, line = Broadcast(1, lambda: broadcast.publish(b"secret")), Line()
    with joined(broadcast) as watcher:
        # The handshake goes on.
        broadcast.dismiss()
        assert not await watcher.next(line.begin)
    assert line.begun == []


async def test_a_slow_viewer_skips_to_the_newest() -> None:
    broadcast, line = Broadcast(1), Line(is_slow=True)
    with joined(broadcast) as watcher:
        broadcast.on_join = lambda: broadcast.publish(b"1")
        assert await watcher.next(line.begin)
        for number in range(2, 1000):
            broadcast.publish(b"%d" % number)
        assert await watcher.next(line.begin)
        with trio.move_on_after(0) as scope:
            await watcher.next(line.begin)
        assert scope.cancelled_caught
    assert line.begun == [b"1", b"999"]


async def test_what_goes_out_at_once_wakes_nobody(nursery: trio.Nursery) -> None:
    broadcast, line, woken = Broadcast(1), Line(), list[bool]()

    async def watch(watcher: Watcher) -> None:
        woken.append(await watcher.next(line.begin))

    nursery.start_soon(watch, joined(broadcast))
    await trio.testing.wait_all_tasks_blocked()
    for number in range(3):
        broadcast.publish(b"%d" % number)
        # Sent already, before anybody else has had a turn.
        assert line.begun[-1] == b"%d" % number
    await trio.testing.wait_all_tasks_blocked()
    assert (woken, broadcast.waiting) == ([], 1)
    line.is_slow = True
    broadcast.publish(b"3")
    # What is begun is sent to its end first.
    broadcast.publish(b"4")
    await trio.testing.wait_all_tasks_blocked()
    assert (woken, broadcast.waiting) == ([True], 0)
    assert line.begun == [b"0", b"1", b"2", b"3"]


def test_there_are_so_many_places_and_no_more() -> None:
    broadcast = Broadcast(2)
    first, second = joined(broadcast), joined(broadcast, is_operator=False)
    assert broadcast.join(is_operator=False) is None
    assert (broadcast.watchers, broadcast.refused) == (2, 1)
    with second:
        pass
    third = joined(broadcast)
    assert broadcast.join(is_operator=True) is None
    assert [each.is_dismissed for each in (first, third)] == [False, False]
    broadcast.most = 3
    joined(broadcast)
    assert (broadcast.watchers, broadcast.refused) == (3, 2)


async def test_an_operator_has_a_place_though_everybody_looks() -> None:
    broadcast = Broadcast(3)
    first, second, third = (joined(broadcast, is_operator=False) for _ in range(3))
    operator = joined(broadcast)
    # Who came last goes: who has looked for long goes on.
    assert [each.is_dismissed for each in (first, second, third)] == [False, False, True]
    with third:
        assert not await third.next(Line().begin)
    joined(broadcast)
    assert [each.is_dismissed for each in (first, second, operator)] == [False, True, False]
    assert (broadcast.watchers, broadcast.refused) == (3, 2)


async def test_pictures_are_made_for_those_who_wait_for_one(nursery: trio.Nursery) -> None:
    told: list[str] = []
    broadcast = Broadcast(1, lambda: told.append("join"), lambda: told.append("wait"))
    sent, stuck, line = trio.Event(), trio.Event(), Line(is_slow=True)

    async def watch(watcher: Watcher) -> None:
        with watcher:
            await watcher.next(line.begin)
            sent.set()
            await stuck.wait()
            await watcher.next(line.begin)

    nursery.start_soon(watch, joined(broadcast))
    await trio.testing.wait_all_tasks_blocked()
    assert (broadcast.watchers, broadcast.waiting) == (1, 1)
    assert told == ["join", "wait"]
    broadcast.publish(b"one")
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
