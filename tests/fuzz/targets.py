"""What is fuzzed: one plain function for each part that reads bytes of others.

Each takes any bytes and returns, or raises AssertionError, or whatever a mistake in the part lets
out. Nothing in here knows what feeds it: seeds in the tests, or a fuzzer (`worker`).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from recorder.amf import (
    AmfError,
    AmfLimits,
    Dictionary,
    decode_amf3_value,
    decode_value,
    decode_values,
    encode_amf3_value,
    encode_values,
)
from recorder.flv.scanner import BrokenFlv, ScannedTag, Scanner
from recorder.flv.summary import SegmentSummary
from recorder.flv.tags import SCRIPT
from recorder.recording.disk import OsDisk, closing
from recorder.recording.manifest import Manifest
from recorder.recording.salvage import Salvaged, salvage_part, scan_segment
from recorder.rtmp import Counters, Limits, RemoteProtocolError
from recorder.rtmp.chunks import ChunkReader
from recorder.rtmp.commands import read_command, read_data
from recorder.rtmp.digest import Schema
from recorder.rtmp.handshake import Expect, Handshake
from recorder.rtmp.messages import Message
from tests.fuzz.conversation import TIGHT, check
from tests.fuzz.media import codecs, segments
from tests.fuzz.page import page
from tests.fuzz.pieces import affordable, pieces
from tests.fuzz.script import read_script
from tests.helpers.cut_off import YOUNG
from tests.helpers.looked import Looked
from tests.helpers.rtmp_client import C0_C1, C2, RtmpClient
from tests.rtmp.driving import FILLER
from tests.rtmp.test_digest import c1_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from recorder.amf import Value

SMALL: Final = AmfLimits(
    depth=3, values=40, properties=9, string_bytes=30, repeated_values=20, repeated_bytes=50
)

WIDE: Final = AmfLimits(
    depth=100,
    values=1 << 20,
    properties=1 << 20,
    string_bytes=1 << 24,
)
"""What was read and written out is more than was read: references are gone, pairs are arrays."""

_MOST_ENCODED_BYTES: Final = (1 << 24) - 1


def handshake(data: bytes) -> None:
    """The handshake alone: the first bytes of anybody."""
    with affordable():
        whole = _shake_hands([data])
        assert _shake_hands(pieces(data)) == whole
        answer, left, error, _ = whole
        assert len(answer) in ((0, 3073) if error is None else (0,))
        assert data.endswith(left)


def _shake_hands(parts: Iterable[bytes]) -> tuple[bytes, bytes, str | None, Expect]:
    greeting, answer, error = bytearray(), b"", None
    hands = Handshake(FILLER)
    for part in parts:
        greeting += part
        try:
            answer += hands.advance(greeting)
        except RemoteProtocolError as remote:
            error = remote.reason
    return answer, bytes(greeting), error, hands.expect


def chunks(data: bytes) -> None:
    """The chunk stream alone, without a conversation around it. The first byte is of options."""
    limits = TIGHT if data[:1] > b"\x7f" else Limits()
    body = data[1:]
    with affordable():
        looked = Looked(body)
        whole = _read_chunks([looked], limits, in_runs=False)
        assert looked.looked_at <= 16 * len(body) + 1000, "bytes are looked at again and again"
        for in_runs in (False, True):
            assert _read_chunks(pieces(body), limits, in_runs=in_runs) == whole
        assert _read_chunks([body], limits, in_runs=True) == whole


def _read_chunks(
    parts: Iterable[bytes], limits: Limits, *, in_runs: bool
) -> tuple[list[tuple[int, int, int, bytes]], str | None, Counters, int]:
    counters = Counters()
    reader = ChunkReader(limits, counters)
    reader.lift_allowance()
    said: list[tuple[int, int, int, bytes]] = []
    received = 0
    try:
        for part in parts:
            reader.receive(part)
            received += len(part)
            while True:
                if in_runs and (run := reader.next_run({1}, 4)) is not None:
                    said += [(kind, 1, time, b"".join(body)) for kind, time, _, _, body in run[1]]
                elif (message := reader.next_message()) is not None:
                    type_id, stream_id, time, payload = message
                    said.append((type_id, stream_id, time, payload))
                else:
                    break
            assert reader.buffered_bytes <= min(received, limits.partial_bytes + 18)
        assert sum(len(payload) for *_, payload in said) <= received
    except RemoteProtocolError as error:
        # How much of the broken rest is held says nothing: it is let go of.
        return said, error.reason, counters, 0
    return said, None, counters, reader.buffered_bytes


def amf0(data: bytes) -> None:
    """A message's values, and what the commands and data messages make of them."""
    with affordable():
        for limits in (AmfLimits(), SMALL):
            try:
                values = decode_values(data, limits=limits)
            except AmfError as error:
                assert 0 <= error.offset <= len(data)  # noqa: PT017 - not raising is good too
                continue
            met = sum(map(_values_met, values))
            in_rows = len(data) + limits.repeated_bytes
            assert met <= limits.values + limits.repeated_values + in_rows
            again = encode_values(*values)
            assert len(again) <= _MOST_ENCODED_BYTES
            assert encode_values(*decode_values(again, limits=WIDE), limits=WIDE) == again
        try:
            _, end = decode_value(data, 0)
        except AmfError as error:
            assert 0 <= error.offset <= len(data)  # noqa: PT017
        else:
            assert 0 < end <= len(data)
        for type_id in (15, 17, 18, 20):
            message = Message(type_id, 1, 0, data)
            read_command(message, AmfLimits.for_commands())
            said = read_data(message, AmfLimits())
            assert said is None or len(said[1]) <= _MOST_ENCODED_BYTES


def _values_met(value: Value) -> int:
    """How many values somebody meets who walks through this one."""
    inner: Iterable[Value] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    elif isinstance(value, Dictionary):
        inner = (each for pair in value.pairs for each in pair)
    return 1 + sum(map(_values_met, inner))


def amf3(data: bytes) -> None:
    """One AMF3 value, alone and inside a message of AMF0."""
    with affordable():
        for limits in (AmfLimits(), SMALL):
            try:
                value, end = decode_amf3_value(data, 0, limits)
            except AmfError as error:
                assert 0 <= error.offset <= len(data)  # noqa: PT017 - not raising is good too
                continue
            assert 0 < end <= len(data)
            again = encode_amf3_value(value)
            assert len(again) <= _MOST_ENCODED_BYTES
            assert encode_amf3_value(decode_amf3_value(again, 0, WIDE)[0]) == again
        amf0(b"\x11" + data)


def server(data: bytes) -> None:
    """The whole core, from raw bytes at one of four stages of a conversation.

    The first byte says which: before the handshake, before connect, connected, publishing and
    playing; how narrow the bounds are; and whether it is a player of Flash's days, which shakes
    hands with a digest and publishes nothing.
    """
    options = data[0] if data else 0
    says = watching if options & 8 else opening
    with affordable():
        check([says(options & 3), data[1:]], TIGHT if options & 4 else Limits())


def watching(stage: int) -> bytes:
    """What a player said up to this stage."""
    client = RtmpClient()
    if stage == 2:
        client.connect()
    if stage == 3:
        client.connect()
        client.play("room")
    hands = b"\x03" + c1_of(Schema.KEY_FIRST) + C2
    return hands + client.data_to_send() if stage else b""


def opening(stage: int) -> bytes:
    """What a client said up to this stage."""
    client = RtmpClient()
    if stage == 1:
        return C0_C1 + C2
    if stage == 2:
        client.greet()
        client.connect()
    if stage == 3:
        client.start("room")
        client.play("room", stream_id=2)
    return client.data_to_send()


def session(data: bytes) -> None:
    """The whole core, by a script of whole messages and of turns of ours (`script`)."""
    with affordable():
        script, limits = read_script(data)
        check(script, limits)


def flv(data: bytes) -> None:
    """The scanner: what it finds, and that what it calls good is good."""
    with affordable():
        found, broken, good = _scan([data])
        assert _scan(pieces(data)) == (found, broken, good)
        assert good == (found[-1].end if found else min(good, 13))
        again, still_broken, again_good = _scan([data[:good]])
        assert (again, again_good) == (found, good)
        assert still_broken is None or not good
        summary = SegmentSummary()
        for each in found:
            summary.add(each.kind, each.timestamp, each.head, each.size, each.parts)
        summary.head_values()
        assert summary.file_bytes == max(good, 13)


def _scan(parts: Iterable[bytes]) -> tuple[list[ScannedTag], BrokenFlv | None, int]:
    scanner = Scanner()
    found = []
    for part in parts:
        found += scanner.feed(part)
    scanner.finish()
    return found, scanner.broken, scanner.good_bytes


def salvage(data: bytes) -> None:
    """A part that nobody writes any more, with anything in it."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a sync costs nothing there
    with affordable(), tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory) as name:
        folder = Path(name)
        salvaged = _salvage(folder, data)
        left = {each.name: each.read_bytes() for each in folder.iterdir()}
        if salvaged.row is None:
            assert left == ({"0001.flv.damaged": data} if salvaged.damaged else {})
            assert salvaged.damaged or salvaged.cut_bytes == len(data)
            return
        file = left.pop("0001.flv")
        assert left == ({"0001.flv.damaged": data[len(file) :]} if salvaged.damaged else {})
        assert len(file) == salvaged.row.bytes == len(data) - salvaged.cut_bytes
        before, _, good = _scan([data])
        after, broken, _ = _scan([file])
        assert broken is None
        assert good == len(file)
        is_ours = before[0].kind == SCRIPT
        assert after[is_ours:] == before[is_ours:]
        # Cut off before it was told to anybody, it is done again, and is then the same; but that it
        # was repaired is not known any more where its head has no room for it.
        (folder / "0001.flv").unlink()
        again = _salvage(folder, file)
        assert (folder / "0001.flv").read_bytes() == file
        disk = OsDisk()
        with closing(disk, disk.open_path(folder)) as descriptor:
            row = scan_segment(disk, descriptor, 1, after_ms=77)
        assert again == Salvaged(row)
        assert attrs.evolve(row, repaired=salvaged.row.repaired) == salvaged.row
        manifest = attrs.evolve(YOUNG, segments=(row,))
        assert Manifest.from_json(manifest.to_json()) == manifest


def _salvage(folder: Path, content: bytes) -> Salvaged:
    (folder / "0001.flv.part").write_bytes(content)
    disk = OsDisk()
    with closing(disk, disk.open_path(folder)) as descriptor:
        return salvage_part(disk, descriptor, 1, creator="fuzz", after_ms=77)


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "handshake": handshake,
    "chunks": chunks,
    "amf0": amf0,
    "amf3": amf3,
    "server": server,
    "session": session,
    "flv": flv,
    "salvage": salvage,
    "page": page,
    "codecs": codecs,
    "segments": segments,
}
