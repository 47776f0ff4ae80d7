"""An encoder's media: what a message is taken for, and what becomes of many of them on the disk.

The connection passes media on as they came, so these parts meet whatever a sender or a line that
damages makes of them.
"""

from __future__ import annotations

from typing import Final

import attrs

from recorder.amf import AmfLimits
from recorder.flv.codecs import (
    Role,
    classify,
    composition_time_ms,
    config_record,
    is_multitrack,
    payload,
    split_tracks,
    telling_front,
)
from recorder.flv.parameters import parameters
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from recorder.rtmp.commands import read_data
from recorder.rtmp.messages import Message, MessageType
from tests.fuzz.pieces import affordable
from tests.fuzz.script import STEPS_MS, Input
from tests.helpers.segments import Publish, rules

KINDS: Final = (AUDIO, VIDEO, SCRIPT)
BODY, FRAME, DATA, TICK, SPLIT, TAKE = range(6)
"""The kinds of steps of `segments`: the first byte of each, modulo their number."""

_KINDS: Final = 6
_MOST_STEPS: Final = 150
_TICK_MS: Final = 20


def codecs(data: bytes) -> None:
    """One message. The first byte is its kind."""
    kind, body = KINDS[(data[0] if data else 0) % len(KINDS)], data[1:]
    with affordable():
        parts = classify(kind, body)
        assert parts
        config_record(kind, body)
        assert -(1 << 23) <= composition_time_ms(kind, body) < 1 << 23
        assert body.endswith(payload(kind, body))
        singles = split_tracks(kind, body)
        if is_multitrack(kind, body):
            assert [classify(kind, each) for each in singles] == [(part,) for part in parts]
        else:
            assert singles == [body]
        for each in singles:
            _check_parameters(kind, each)
        if kind != SCRIPT and body and parts[0].role is Role.FRAME:
            front, header_bytes = telling_front(kind, body)
            if front:
                assert body.startswith(front)
                assert classify(kind, front + bytes(header_bytes + 1)) == parts


def _check_parameters(kind: int, body: bytes) -> None:
    found = parameters(kind, body)
    assert (found.width is None) == (found.height is None)
    assert found.width is None or 0 < found.width <= 1 << 16
    assert found.height is None or 0 < found.height <= 1 << 16
    assert found.sample_rate is None or 0 < found.sample_rate < 1 << 24
    assert found.channels is None or 0 <= found.channels < 1 << 8


def segments(data: bytes) -> None:
    """A publish by a script of messages: every frame is in one file, and every file is whole.

    The first byte says how short the segments are, and whether headers come in front.
    """
    source = Input(data)
    options = source.number()
    with affordable():
        encoder = _Encoder(
            Publish(
                rules(
                    duration_ms=500 if options & 1 else 3_000,
                    size_bytes=40_000 if options & 2 else 1 << 30,
                    max_duration_ms=20_000,
                )
            )
        )
        if options & 4:
            encoder.publish.headers()
        for _ in range(_MOST_STEPS):
            if source.is_at_end:
                break
            encoder.do(source.number() % _KINDS, source)
        encoder.publish.finish()


@attrs.define
class _Encoder:
    """Says the steps of a script to a segmenter."""

    publish: Publish
    ms: int = 0

    def do(self, kind: int, source: Input) -> None:
        publish = self.publish
        if kind == BODY:
            self._say(KINDS[source.number() % 2], source, source.some())
        elif kind == FRAME:
            mark = len(publish.sent) % 256
            body = bytes((0x17 if mark & 1 else 0x27, 1, 0, 0, 0, mark))
            self._say(VIDEO, source, body + bytes(source.number(2)))
        elif kind == DATA:
            said = read_data(Message(MessageType.DATA_AMF0, 1, 0, source.some()), AmfLimits())
            if said is not None:
                publish.segmenter.data(*said, self.ms, publish.now_ms)
        elif kind == TICK:
            publish.wait(_TICK_MS * source.number())
        elif kind == SPLIT:
            publish.segmenter.split()
        else:
            publish.take()

    def _say(self, kind: int, source: Input, body: bytes) -> None:
        publish = self.publish
        self.ms += STEPS_MS[source.number() % len(STEPS_MS)]
        publish.now_ms += _TICK_MS
        refused = publish.segmenter.anomalies.get("refused_tracks", 0)
        publish.send(kind, self.ms, body)
        is_frame = any(part.role is Role.FRAME for part in classify(kind, body))
        if is_frame and publish.segmenter.anomalies.get("refused_tracks", 0) == refused:
            publish.sent.append((kind, self.ms, body))
