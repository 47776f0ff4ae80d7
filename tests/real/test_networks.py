"""Networks that fail between the encoder and the program: what is continued, and what is lost.

All rooms are in one program, each behind a network of its own; the faults meet them at the same
time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.helpers import packets
from tests.helpers.encoders import Encoder, Published, begin, publish, sent_by
from tests.helpers.faults.network import From, open_proxy
from tests.helpers.program import run_recorder
from tests.real import said
from tests.real.checks import can_be_played, check_plays, check_recording
from tests.real.pieces import cover, locate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.program import Recorder, Recording

pytestmark = pytest.mark.real

IDLE_S = 6.0

STALE_S = 2.0
"""From another address a room is taken over after so much silence."""


async def check_continued(
    recording: Recording, first: Published, second: Published, *, reason: str
) -> None:
    """The beginning of the first publish, a gap, and all of the second."""
    rows = recording.manifest["segments"]
    gaps = [index for index, row in enumerate(rows) if row["gap"] is not None]
    assert [rows[index]["gap"]["reason"] for index in gaps] == [reason]
    for path, row in zip(recording.segments, rows, strict=True):
        if can_be_played(path, row):
            await check_plays(path)
    for sent, files in (
        (first, recording.segments[: gaps[0]]),
        (second, recording.segments[gaps[0] :]),
    ):
        reference = await sent.reference()
        pieces = [locate(reference, tracks) for tracks in await packets.read_all(files)]
        coverage = cover(reference, pieces)
        assert coverage.holes == []
        assert coverage.is_whole == (sent is second)


class Hour:
    """One room's lesson in front of a network that fails."""

    def __init__(self, recorder: Recorder, room: str, source: Path) -> None:
        self.recorder = recorder
        self.room = room
        self.source = source

    def sent(self, name: str) -> Path:
        return self.recorder.folder / f"{self.room}-{name}.flv"

    async def closed_first(self) -> None:
        await self.recorder.line(said.closed(self.room, "0001.flv"))

    async def send(self, *, port: int | None = None, pace: float | None = None) -> Published:
        return await publish(
            Encoder.CURRENT_FFMPEG,
            self.source,
            self.recorder.url(self.room, port=port),
            self.sent("second"),
            pace=pace,
        )

    def first(self) -> Published:
        """What the encoder was about to send that was cut off."""
        return attrs.evolve(sent_by(self.source, self.recorder.folder), muxed=self.sent("first"))


async def is_reset(hour: Hour) -> None:
    async with open_proxy(hour.recorder.port) as proxy, trio.open_nursery() as nursery:
        begin(
            nursery, hour.source, hour.recorder.url(hour.room, port=proxy.port),
            hour.sent("unused"), must_succeed=False,
        )  # fmt: skip
        await hour.closed_first()
        async with proxy.down():
            await hour.recorder.line(said.waits(hour.room), within_s=3)
        second = await hour.send(port=proxy.port)
        # The encoder is gone when the proxy has its last bytes, and the program has not.
        recording = await hour.recorder.ended(hour.room)
    await check_continued(recording, hour.first(), second, reason="reconnect")


async def is_half_open_until_silence_tells(hour: Hour) -> None:
    async with open_proxy(hour.recorder.port) as proxy, trio.open_nursery() as nursery:
        lost = begin(
            nursery, hour.source, hour.recorder.url(hour.room, port=proxy.port),
            hour.sent("unused"), must_succeed=False,
        )  # fmt: skip
        await hour.closed_first()
        proxy.halve(From.ENCODER)
        halved_s = time.monotonic()
        lost.kill()
        await hour.recorder.line(said.silent(hour.room, IDLE_S))
        assert IDLE_S - 0.5 < time.monotonic() - halved_s < IDLE_S + 2
        await hour.recorder.line(said.waits(hour.room))
        second = await hour.send()
        nursery.cancel_scope.cancel()
    recording = await hour.recorder.ended(hour.room)
    await check_continued(recording, hour.first(), second, reason="reconnect")


async def is_half_open_until_somebody_comes(hour: Hour) -> None:
    """From another address, so that only silence makes the old publisher a stale one."""
    async with (
        open_proxy(hour.recorder.port, source="127.0.0.2") as proxy,
        trio.open_nursery() as nursery,
    ):
        lost = begin(
            nursery, hour.source, hour.recorder.url(hour.room, port=proxy.port),
            hour.sent("unused"), must_succeed=False,
        )  # fmt: skip
        await hour.closed_first()
        refused = await publish(
            Encoder.CURRENT_FFMPEG, hour.source, hour.recorder.url(hour.room),
            hour.sent("refused"), must_succeed=False,
        )  # fmt: skip
        assert refused.code != 0, "the old one was well"
        proxy.halve(From.ENCODER)
        lost.kill()
        # And a second in which a busy machine reads what came before.
        await trio.sleep(STALE_S + 1)
        second = await hour.send()
        assert not hour.recorder.matching(said.silent(hour.room, IDLE_S))
        nursery.cancel_scope.cancel()
    recording = await hour.recorder.ended(hour.room)
    await check_continued(recording, hour.first(), second, reason="takeover")


async def stalls(hour: Hour) -> None:
    async with open_proxy(hour.recorder.port) as proxy, trio.open_nursery() as nursery:
        sent = begin(
            nursery,
            hour.source,
            hour.recorder.url(hour.room, port=proxy.port),
            hour.sent("only"),
        )
        await hour.closed_first()
        proxy.stall()
        await trio.sleep(IDLE_S - 2)
        proxy.resume()
        published = await sent.published()
        assert proxy.accepted == 1
        recording = await hour.recorder.ended(hour.room)
    await check_recording(recording, published, end_reason="unpublished")


async def is_fought_over(hour: Hour) -> None:
    """Two encoders that reconnect whenever they are thrown out, as encoders do."""

    async def insist(name: str) -> None:
        while True:
            await trio.lowlevel.checkpoint()
            await publish(
                Encoder.CURRENT_FFMPEG, hour.source, hour.recorder.url(hour.room),
                hour.sent(name), pace=1, must_succeed=False,
            )  # fmt: skip
            await trio.sleep(0.3)

    began_s = time.monotonic()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(insist, "one")
        nursery.start_soon(insist, "other")
        await hour.recorder.line(said.fought_over(hour.room))
        await hour.closed_first()
        # Time for a hundred files, if every attempt made one.
        await trio.sleep(4)
        nursery.cancel_scope.cancel()
    files = [path for found in hour.recorder.recordings(hour.room) for path in found.segments]
    parts = [path for found in hour.recorder.recordings(hour.room) for path in found.parts]
    assert len(hour.recorder.recordings(hour.room)) == 1
    # Three takeovers, and a file every three seconds.
    assert len(files) + len(parts) <= 4 + (time.monotonic() - began_s) / 3 + 1
    assert len(hour.recorder.matching(said.fought_over(hour.room))) == 1


async def test_recordings_survive_networks_that_fail(tmp_path: Path, sources: Sources) -> None:
    source = sources.get("h264-aac", 12)
    hours = [
        is_reset,
        is_half_open_until_silence_tells,
        is_half_open_until_somebody_comes,
        stalls,
        is_fought_over,
    ]
    rooms = [hour.__name__ for hour in hours]
    async with run_recorder(
        tmp_path, rooms, recording={"idle_timeout": f"{IDLE_S:g}s"}
    ) as recorder:
        async with trio.open_nursery() as nursery:
            for hour in hours:
                nursery.start_soon(hour, Hour(recorder, hour.__name__, source))
        await recorder.stop()
