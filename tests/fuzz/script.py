"""Bytes that stand for a conversation: so that changing any of them gives another whole one.

Random changes of a chunk stream mostly break its framing, and what is behind it is never reached.
Here an input is a row of steps, and the scripted client says each of them properly, whatever
numbers and names the input puts in.
"""

from __future__ import annotations

from typing import Final

import attrs

from recorder.amf import encode_values
from recorder.rtmp import Limits
from tests.fuzz.conversation import TIGHT, OurTurn, Turn
from tests.helpers.rtmp_client import RtmpClient, Style
from tests.rtmp.test_messages import tag

COMMANDS: Final = (
    *("connect", "createStream", "publish", "play", "closeStream", "deleteStream"),
    *("releaseStream", "FCPublish", "FCUnpublish", "_checkbw", "getStreamLength"),
    *("_result", "_error", "onStatus", "else"),
    *("pause", "pauseRaw", "seek", "play2", "receiveAudio", "receiveVideo"),
    *("FCSubscribe", "FCUnsubscribe"),
)
CSIDS: Final = (2, 3, 4, 5, 6, 8, 63, 64, 319, 320, 65599)
STEPS_MS: Final = (0, 20, 40, 1000, -30, 0xFF_FFF0, 0x7FFF_FFFF)

MESSAGE, COMMAND, FRAME, CHUNK_SIZE, UNFINISHED, RAW, OURS, CONTROL, AGGREGATE, NUMBERED = range(10)
"""The kinds of steps: the first byte of each, modulo their number."""

_KINDS: Final = 10
_MOST_STEPS: Final = 200


@attrs.define
class Input:
    """The bytes of an input, one behind the other; zeros behind its end."""

    data: bytes
    at: int = 0

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.data)

    def number(self, size: int = 1) -> int:
        taken = self.data[self.at : self.at + size]
        self.at += size
        return int.from_bytes(taken, "big")

    def some(self) -> bytes:
        """So many bytes as the next one says."""
        size = self.number()
        taken = self.data[self.at : self.at + size]
        self.at += size
        return taken


def read_script(data: bytes) -> tuple[list[bytes | OurTurn], Limits]:
    """Return what is said and done in turn, and the bounds it is heard with."""
    source = Input(data)
    options = source.number()
    client = RtmpClient(style=list(Style)[options & 3], repeat_extended=not options & 4)
    script: list[bytes | OurTurn] = []
    client.greet()
    script.append(client.data_to_send())
    clock = 0
    for _ in range(_MOST_STEPS):
        if source.is_at_end:
            break
        kind = source.number() % _KINDS
        if kind == OURS:
            script.append(client.data_to_send())
            turns = list(Turn)
            script.append(OurTurn(turns[source.number() % len(turns)], source.number()))
        elif kind in (MESSAGE, FRAME, AGGREGATE, UNFINISHED):
            clock += STEPS_MS[source.number() % len(STEPS_MS)]
            _say_media(kind, client, source, clock & 0xFFFF_FFFF)
        else:
            _say(kind, client, source)
    script.append(client.data_to_send())
    return script, TIGHT if options & 8 else Limits()


def _say_media(kind: int, client: RtmpClient, source: Input, clock: int) -> None:
    stream_id = source.number()
    csid = CSIDS[source.number() % len(CSIDS)]
    if kind == MESSAGE:
        client.message(csid, source.number(), stream_id, clock, source.some())
    elif kind == FRAME:
        body = bytes([source.number()]) * source.number(2)
        client.message(csid, 8 + len(body) % 2, stream_id, clock, body)
    elif kind == UNFINISHED:
        # Who has begun it once may not begin it again: that is an error, and the end.
        client.raw(client.chunks(csid, 9, stream_id, clock, bytes(source.number(2)))[0])
    else:
        body = b"".join(
            tag(source.number(), source.number(2), source.some())
            for _ in range(source.number() % 8)
        )
        client.message(csid, 22, stream_id, clock, body[: len(body) - source.number() % 16])


def _say(kind: int, client: RtmpClient, source: Input) -> None:
    if kind == COMMAND:
        name = COMMANDS[source.number() % len(COMMANDS)]
        stream_id, transaction = source.number(), source.number()
        text = source.some().decode("utf-8", "surrogateescape")
        if name == "connect":
            client.connect(text)
        else:
            client.command(name, transaction, None, text, stream_id=stream_id)
    elif kind == NUMBERED:
        name = COMMANDS[source.number() % len(COMMANDS)]
        body = encode_values(name, source.number(), None, source.number())
        client.message(3, 17 + source.number() % 4, source.number(), 0, body)
    elif kind == CHUNK_SIZE:
        client.set_chunk_size(source.number(2) or 1)
    elif kind == CONTROL:
        client.control(source.number(), source.some())
    else:
        client.raw(source.some())
