"""The load: encoders that publish a capture under many names, in a process of their own.

Owns how the bytes go out, at full speed or at the encoder's pace, and the account of what was sent
and what the sending cost, which is no cost of the server. A server that holds an encoder back is
seen: `late_s` tells by how much a message of a real-time encoder came too late.
"""

from __future__ import annotations

import heapq
import multiprocessing
import resource
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

import attrs

from tests.helpers.rtmp_client import RtmpClient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from tests.bench.capture import Capture, Part

PATIENCE_S: Final = 20.0
"""For an answer, and for the server's close behind the last byte."""

RETRY_S: Final = 0.005
"""How soon a socket that was full is tried again."""

CONNECT_APART_S: Final = 0.01
"""No server is measured by how it takes a hundred connections in one moment."""


@attrs.frozen
class Entry:
    """Where one encoder publishes; without names: bare bytes, for a server that speaks nothing."""

    application: str = ""
    stream: str = ""


@attrs.frozen(kw_only=True)
class Plan:
    """Attributes:
    seconds: how long to send, at least.
    gigabytes: how much to send at full speed, at least; of all encoders together.
    is_paced: in real time, each encoder at its own phase.
    speed: so many times real time, when paced.
    """

    capture: Capture
    port: int
    entries: Sequence[Entry]
    seconds: float
    gigabytes: float = 0.0
    is_paced: bool
    speed: float = 1.0


@attrs.define(kw_only=True)
class Sent:
    """What one encoder has sent."""

    frames: int = 0
    frame_bytes: int = 0
    wire_bytes: int = 0

    def add(self, part: Part) -> None:
        self.frames += part.frames
        self.frame_bytes += part.frame_bytes
        self.wire_bytes += len(part.data)


@attrs.frozen(kw_only=True)
class Outcome:
    """Attributes:
    sent: per entry, in their order.
    cpu_s: the load's own.
    late_s: the longest that a message of a real-time encoder had to wait for the server.
    """

    sent: list[Sent]
    seconds: float
    cpu_s: float
    late_s: float

    @property
    def gigabytes(self) -> float:
        """Media, without what the chunk stream adds."""
        return sum(each.frame_bytes for each in self.sent) / 1e9


class LoadError(Exception):
    """The load could not be sent; the text says why."""


def run(plan: Plan) -> Outcome:
    """Send it all, from a process of its own, until every server-side connection is closed."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send_all, args=(plan, theirs), name="load")
    process.start()
    theirs.close()
    try:
        outcome = ours.recv()
    except EOFError:
        raise LoadError("the load ended without a result") from None
    finally:
        process.join()
    assert isinstance(outcome, Outcome)
    return outcome


def _send_all(plan: Plan, result: Connection) -> None:
    began_cpu_s = _cpu_s()
    sockets = [_enter(plan, entry) for entry in plan.entries]
    began_s = time.monotonic()
    late_s = 0.0
    if plan.is_paced:
        encoders = [_PacedEncoder(each, plan, at) for at, each in enumerate(sockets)]
        late_s = _pace(encoders, began_s, plan.seconds)
        sent = [encoder.sent for encoder in encoders]
    else:
        sent = _rush(sockets, plan, began_s)
    seconds = time.monotonic() - began_s
    leaving = [
        threading.Thread(target=_leave, args=(each, entry))
        for each, entry in zip(sockets, plan.entries, strict=True)
    ]
    for thread in leaving:
        thread.start()
    for thread in leaving:
        thread.join()
    seconds = seconds if plan.is_paced else time.monotonic() - began_s
    result.send(Outcome(sent=sent, seconds=seconds, cpu_s=_cpu_s() - began_cpu_s, late_s=late_s))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# At full speed.


def _rush(sockets: list[socket.socket], plan: Plan, began_s: float) -> list[Sent]:
    sent = [Sent() for _ in sockets]

    def is_enough() -> bool:
        gigabytes = sum(each.wire_bytes for each in sent) / 1e9
        return time.monotonic() - began_s >= plan.seconds and gigabytes >= plan.gigabytes

    def send(peer: socket.socket, account: Sent) -> None:
        part = plan.capture.head
        while not is_enough():
            peer.sendall(part.data)
            account.add(part)
            part = plan.capture.loop

    threads = [threading.Thread(target=send, args=pair) for pair in zip(sockets, sent, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


# In real time.


class _PacedEncoder:
    """Sends each message when its time has come, as an encoder that has no file does."""

    def __init__(self, peer: socket.socket, plan: Plan, number: int) -> None:
        peer.setblocking(False)
        self._peer = peer
        self._capture = plan.capture
        self._part, self._at = plan.capture.head, 0
        self._data = memoryview(self._part.data)
        self._speed = plan.speed
        self._origin_ms = 2000.0 * number / len(plan.entries)
        self._left = memoryview(b"")
        self.sent = Sent()

    @property
    def due_s(self) -> float:
        """When the next message is to go, since the beginning of all."""
        return (self._origin_ms + self._part.messages[self._at].ms) / 1000 / self._speed

    def send(self) -> bool:
        """Send the next message, or what is left of it; False: the socket is full."""
        message = self._part.messages[self._at]
        data = self._left or self._data[message.start : message.end]
        try:
            count = self._peer.send(data)
        except BlockingIOError:
            count = 0
        self._left = data[count:]
        if self._left:
            return False
        self.sent.wire_bytes += message.end - message.start
        if message.frame_bytes is not None:
            self.sent.frames += 1
            self.sent.frame_bytes += message.frame_bytes
        self._advance()
        return True

    def _advance(self) -> None:
        self._at += 1
        if self._at == len(self._part.messages):
            is_head = self._part is self._capture.head
            self._origin_ms += self._capture.head_ms if is_head else self._capture.loop_ms
            self._part, self._at = self._capture.loop, 0
            self._data = memoryview(self._part.data)


def _pace(encoders: list[_PacedEncoder], began_s: float, seconds: float) -> float:
    queue = [(encoder.due_s, number) for number, encoder in enumerate(encoders)]
    heapq.heapify(queue)
    late_s = 0.0
    while queue:
        wait_s = queue[0][0] - (time.monotonic() - began_s)
        if wait_s > 0:
            time.sleep(wait_s)  # in real time: the next frame is due then, and none before
        _, number = heapq.heappop(queue)
        encoder = encoders[number]
        due_s = encoder.due_s
        if encoder.send():
            late_s = max(late_s, time.monotonic() - began_s - due_s)
            if encoder.due_s < seconds:
                heapq.heappush(queue, (encoder.due_s, number))
        else:
            heapq.heappush(queue, (time.monotonic() - began_s + RETRY_S, number))
    return late_s


# Coming and going.


def _enter(plan: Plan, entry: Entry) -> socket.socket:
    """Connect and get the permission to publish, in the order of answers that every server has."""
    time.sleep(CONNECT_APART_S)
    peer = socket.create_connection(("127.0.0.1", plan.port), timeout=PATIENCE_S)
    if not entry.stream:
        return peer
    client = RtmpClient()
    answers = bytearray()

    def say_and_hear(answer: bytes, count: int = 1) -> None:
        peer.sendall(client.data_to_send())
        while answers.count(answer) < count:
            block = peer.recv(1 << 16)
            if not block:
                raise LoadError(f"the server closed the connection of {entry.stream!r}")
            answers.extend(block)

    client.greet()
    if plan.capture.chunk_size != client.chunk_size:
        client.set_chunk_size(plan.capture.chunk_size)
    client.connect(entry.application, tcUrl=f"rtmp://127.0.0.1:{plan.port}/{entry.application}")
    say_and_hear(b"NetConnection.Connect.Success")
    client.command("createStream", 2, None)
    say_and_hear(b"_result", 2)
    client.publish(entry.stream)
    say_and_hear(b"NetStream.Publish.Start")
    return peer


def _leave(peer: socket.socket, entry: Entry) -> None:
    """Say goodbye, and wait for the server to close: until then it may be reading."""
    peer.settimeout(PATIENCE_S)
    if entry.stream:
        client = RtmpClient()
        client.finish(entry.stream)
        peer.sendall(client.data_to_send())
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(1 << 16):
        pass
    peer.close()
