"""Every encoder's publish is recorded packet for packet, whatever it sends and how fast.

Per publish: all packets of all segments in order equal what was sent, times up to the base of
each segment included; each segment plays by itself in the current ffmpeg without a word; its
metadata, its index and its row in the manifest agree with a rescan (`checks.check_recording`).

Every codec in real time is recorded in `test_neighbours`, beside the bad neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.rtmp import ConnectRequested, ServerConnection
from tests.helpers.encoders import Encoder, publish
from tests.helpers.faults.network import From, open_proxy
from tests.helpers.program import run_recorder
from tests.helpers.rtmp_client import RtmpClient
from tests.real.checks import check_recording
from tests.real.lessons import CODECS, LONE_TRACKS, Lesson, check_all, one_each, record

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.amf import Value
    from tests.helpers.encoders import Published, Sources

pytestmark = pytest.mark.real


@pytest.mark.debian
async def test_every_encoder_at_full_speed_into_three_rooms_at_once(
    sources: Sources, tmp_path: Path
) -> None:
    batches = [
        [Lesson(f"{encoder.name.lower()}-{n}", encoder, "h264-aac") for n in (1, 2, 3)]
        for encoder in Encoder
    ]
    rooms = [lesson.room for batch in batches for lesson in batch]
    published: dict[Lesson, Published] = {}
    async with run_recorder(tmp_path, rooms) as recorder:
        for batch in batches:
            published |= await record(recorder, batch, sources, seconds=7)
        await recorder.stop()
    await check_all(recorder, published)


@pytest.mark.long
@pytest.mark.debian
async def test_every_encoder_in_real_time_side_by_side(sources: Sources, tmp_path: Path) -> None:
    lessons = [Lesson(encoder.name.lower(), encoder, "h264-aac") for encoder in Encoder]
    async with run_recorder(tmp_path, [lesson.room for lesson in lessons]) as recorder:
        published = await record(recorder, lessons, sources, seconds=7, pace=1)
        await recorder.stop()
    await check_all(recorder, published)


ANNOUNCED = {
    "hevc-opus": ["hvc1", "Opus"],
    "av1-flac": ["av01", "fLaC"],
    "vp9-ac3": ["vp09", "ac-3"],
}


async def test_an_encoder_that_announces_its_codecs_is_answered_and_recorded(
    sources: Sources, tmp_path: Path
) -> None:
    async with (
        run_recorder(tmp_path, list(ANNOUNCED)) as recorder,
        open_proxy(recorder.port) as proxy,
    ):
        for recipe, announced in ANNOUNCED.items():
            sent = await publish(
                Encoder.CURRENT_FFMPEG,
                sources.get(recipe, 12),
                recorder.url(recipe, port=proxy.port),
                tmp_path / f"sent-{recipe}.flv",
                announced=announced,
            )
            await check_recording(await recorder.ended(recipe), sent)
            said = proxy.beginnings[-1]
            assert what_is_announced(said[From.ENCODER]) == announced
            assert what_is_answered(said[From.PROGRAM]) == ["*"]


def what_is_announced(beginning: bytes) -> Value:
    server = ServerConnection(random=bytes(1528))
    server.receive_data(beginning)
    connect = server.next_event()
    assert isinstance(connect, ConnectRequested)
    return connect.command["fourCcList"]


def what_is_answered(beginning: bytes) -> Value:
    client = RtmpClient()
    client.receive(beginning)
    return client.commands("_result")[0].information["fourCcList"]


async def test_every_codec_at_full_speed(sources: Sources, tmp_path: Path) -> None:
    lessons = one_each([*CODECS, *LONE_TRACKS])
    async with run_recorder(tmp_path, [lesson.room for lesson in lessons]) as recorder:
        published = await record(recorder, lessons, sources, seconds=12)
        await recorder.stop()
    await check_all(recorder, published)
