"""One at a time, in order, and everybody else between two."""

from __future__ import annotations

import itertools

import pytest
import trio
import trio.testing

from recorder.status.http import HttpConnection
from recorder.status.messages import Answer, Request
from recorder.status.turns import Turns, TurnStream


class Bystander:
    """Somebody else who always has something to do, as an encoder that sends."""

    def __init__(self) -> None:
        self.times = 0

    async def run(self) -> None:
        while True:
            await trio.lowlevel.checkpoint()
            self.times += 1


@pytest.fixture
def bystander(nursery: trio.Nursery) -> Bystander:
    found = Bystander()
    nursery.start_soon(found.run)
    return found


async def test_of_a_crowd_one_has_a_turn_and_then_everybody_else(bystander: Bystander) -> None:
    turns, had = Turns(), list[tuple[int, int]]()

    async def come(number: int) -> None:
        await turns.take()
        had.append((number, bystander.times))

    async with trio.open_nursery() as crowd:
        for number in range(50):
            crowd.start_soon(come, number)
    assert sorted(number for number, _ in had) == list(range(50))
    assert all(before < after for (_, before), (_, after) in itertools.pairwise(had))


async def test_turns_go_in_the_order_of_coming() -> None:
    turns, had = Turns(), list[int]()

    async def come(number: int) -> None:
        await turns.take()
        had.append(number)

    async with trio.open_nursery() as crowd:
        for number in range(50):
            crowd.start_soon(come, number)
            await trio.lowlevel.checkpoint()
    assert had == list(range(50))


async def test_who_goes_while_he_waits_holds_up_nobody() -> None:
    turns = Turns()
    async with trio.open_nursery() as crowd:
        crowd.start_soon(turns.take)
        crowd.start_soon(turns.take)
        crowd.cancel_scope.cancel()
    await turns.take()


async def test_a_stream_is_read_in_turns_and_else_as_it_is(bystander: Bystander) -> None:
    turns, had = Turns(), list[int]()

    async def read(stream: trio.abc.Stream) -> None:
        for _ in range(10):
            await stream.receive_some(1)
            had.append(bystander.times)

    async with trio.open_nursery() as crowd:
        for _ in range(5):
            client, server = trio.testing.memory_stream_pair()
            await client.send_all(b"x" * 10)
            crowd.start_soon(read, TurnStream(server, turns))
    assert all(before < after for before, after in itertools.pairwise(had))
    client, server = trio.testing.memory_stream_pair()
    stream = TurnStream(server, turns)
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"answer")
    await stream.aclose()
    assert await client.receive_some() == b"answer"
    assert await client.receive_some() == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 40,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 40,
    ],
    ids=["requests", "parts of a body"],
)
async def test_what_has_come_at_once_is_worked_off_in_turns(
    bystander: Bystander, sent: bytes
) -> None:
    turns, had = Turns(), list[int]()
    take = turns.take

    async def turn() -> None:
        await take()
        had.append(bystander.times)

    async def answer(_request: Request) -> Answer:
        await trio.lowlevel.checkpoint()
        return Answer.of({})

    async with trio.open_nursery() as crowd:
        for _ in range(3):
            client, server = trio.testing.memory_stream_pair()
            await client.send_all(sent)
            await client.send_stream.aclose()
            crowd.start_soon(HttpConnection(server, answer, who="ada", turn=turn).run)
    assert len(had) >= 3 * 40
    assert all(before < after for before, after in itertools.pairwise(had))
