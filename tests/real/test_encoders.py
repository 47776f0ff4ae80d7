"""Every encoder's publish is recorded packet for packet, whatever it sends and how fast.

Per publish: all packets of all segments in order equal what was sent, times up to the base of
each segment included; each segment plays by itself in the current ffmpeg without a word; its
metadata, its index and its row in the manifest agree with a rescan (`checks.check_recording`).

Every codec in real time is recorded in `test_neighbours`, beside the bad neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.encoders import Encoder
from tests.helpers.program import run_recorder
from tests.real.lessons import CODECS, LONE_TRACKS, Lesson, check_all, one_each, record

if TYPE_CHECKING:
    from pathlib import Path

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


async def test_every_codec_at_full_speed(sources: Sources, tmp_path: Path) -> None:
    lessons = one_each([*CODECS, *LONE_TRACKS])
    async with run_recorder(tmp_path, [lesson.room for lesson in lessons]) as recorder:
        published = await record(recorder, lessons, sources, seconds=12)
        await recorder.stop()
    await check_all(recorder, published)
