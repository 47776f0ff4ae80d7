"""Several encoders at once: who sends what into which room, and whether all of it was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from tests.helpers.encoders import Encoder, publish
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from tests.helpers.encoders import Published, Sources
    from tests.helpers.program import Recorder

CODECS = ["h264-aac", "hevc-opus", "av1-flac", "vp9-ac3", "multitrack"]
"""Video and audio, and several tracks of each."""

LONE_TRACKS = ["h264", "aac"]
"""Video without audio, and audio without video."""


@attrs.frozen
class Lesson:
    """One publish: who sends what into which room."""

    room: str
    encoder: Encoder
    recipe: str


def _url(recorder: Recorder, lesson: Lesson) -> str:
    """Each way of naming room and key is used by one of the encoders."""
    if lesson.encoder in {Encoder.RTMP2SINK, Encoder.DEBIAN_FFMPEG}:
        return recorder.url_with_key_as_path(lesson.room)
    return recorder.url(lesson.room)


async def record(
    recorder: Recorder,
    lessons: list[Lesson],
    sources: Sources,
    *,
    seconds: int,
    pace: float | None = None,
) -> dict[Lesson, Published]:
    """Publish all of them at once, and wait until all recordings are over."""
    published: dict[Lesson, Published] = {}

    async def one(lesson: Lesson) -> None:
        published[lesson] = await publish(
            lesson.encoder,
            sources.get(lesson.recipe, seconds),
            _url(recorder, lesson),
            recorder.folder / f"sent-{lesson.room}.flv",
            pace=pace,
        )
        # Every one of these encoders says good-bye: its recording ends at once.
        await recorder.ended(lesson.room)

    async with trio.open_nursery() as nursery:
        for lesson in lessons:
            nursery.start_soon(one, lesson)
    return published


async def check_all(recorder: Recorder, published: dict[Lesson, Published]) -> None:
    async with trio.open_nursery() as nursery:
        for lesson, sent in published.items():
            nursery.start_soon(check_recording, recorder.recording(lesson.room), sent)


def one_each(recipes: list[str]) -> list[Lesson]:
    """A room for each, named after it; the current ffmpeg alone can send them all."""
    return [Lesson(recipe, Encoder.CURRENT_FFMPEG, recipe) for recipe in recipes]
