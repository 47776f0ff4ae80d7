"""How long somebody who plays may take for what is sent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from recorder.live.sender import LEAST_TAKEN_BYTES, LOOK_S, Sender
from recorder.rtmp import Limits, ServerConnection

if TYPE_CHECKING:
    from trio.testing import MockClock

PATIENCE_S = 10.0
PIECE = bytes(256 << 10)


@attrs.define
class SlowPeer(trio.abc.SendStream):
    """Takes so many bytes a second, and after some of them nothing any more."""

    rate: float
    until_bytes: float = math.inf
    taken: float = 0.0
    sends: int = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sends += 1
        end = self.taken + len(data)
        while self.taken < end:
            if self.taken >= self.until_bytes:
                await trio.sleep_forever()
            await trio.sleep(0.1)
            self.taken = min(end, self.taken + self.rate / 10)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@attrs.define
class Player:
    """Pieces on their way to it."""

    nursery: trio.Nursery
    pieces: list[bytes]
    stuck_s: float | None = None
    began_s: float = attrs.field(factory=trio.current_time)

    def take(self) -> bytes:
        return self.pieces.pop() if self.pieces else b""

    def be_stuck(self) -> None:
        self.stuck_s = trio.current_time() - self.began_s

    def play(self, peer: SlowPeer, *, is_known: bool = True) -> Sender:
        connection = ServerConnection(Limits(), random=bytes(1528))
        taken = (lambda: int(peer.taken)) if is_known else (lambda: None)
        sender = Sender(peer, connection, taken)
        sender.relay(self.take, patience_s=PATIENCE_S, on_stuck=self.be_stuck)
        self.nursery.start_soon(sender.run)
        sender.more_media()
        return sender


async def test_who_takes_a_piece_slowly_and_without_a_pause_has_all_the_time_it_needs(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The line of a phone at the edge of its cell: 13 KB a second."""
    peer, player = SlowPeer(13_000), Player(nursery, [PIECE, bytes(4 << 20)])
    sender = player.play(peer)
    await sender.sent()
    assert player.stuck_s is None
    assert peer.taken == (4 << 20) + len(PIECE)
    assert trio.current_time() - player.began_s > 300
    assert peer.sends == 2, "and a piece is given to the system at once"


async def test_who_stops_taking_is_let_go_in_time(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    peer = SlowPeer(13_000, until_bytes=130_000)
    player = Player(nursery, [PIECE])
    sender = player.play(peer)
    await sender.sent()
    assert player.stuck_s is not None
    assert 10 + PATIENCE_S - LOOK_S <= player.stuck_s <= 10 + PATIENCE_S + LOOK_S


@pytest.mark.parametrize(("rate", "is_known"), [(LEAST_TAKEN_BYTES / 60, True), (13_000, False)])
async def test_who_takes_next_to_nothing_or_unknown_what_has_no_more_time(
    nursery: trio.Nursery, autojump_clock: MockClock, *, rate: float, is_known: bool
) -> None:
    player = Player(nursery, [PIECE])
    sender = player.play(SlowPeer(rate), is_known=is_known)
    await sender.sent()
    assert player.stuck_s == pytest.approx(PATIENCE_S)


async def test_who_plays_no_more_is_not_looked_after(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    peer, player = SlowPeer(1_000_000), Player(nursery, [PIECE])
    sender = player.play(peer)
    await sender.sent()
    sender.relay_nothing()
    await trio.sleep(3 * LOOK_S)
    looked = [False]

    def look() -> int:
        looked[0] = True
        return 0

    sender._taken_bytes = look
    await trio.sleep(60)
    assert looked == [False]
