"""What a start does before it listens: it reads what is unfinished, however much is finished.

The program is started twice under strace, on storages that differ in one thing: how many finished
recordings lie beside those that a kill left. With RECORDER_LONG_TESTS=1 in the environment these
are ten thousand.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.helpers.encoders import Encoder, begin, publish
from tests.helpers.faults import tracing
from tests.helpers.faults.disks import run
from tests.helpers.program import eventually, run_recorder
from tests.real import said
from tests.real.aftermath import check_nothing_open, recordings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.program import Recorder, Recording

pytestmark = [pytest.mark.real, pytest.mark.debian]

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"

MANY = 10_000 if LONG else 500

DAY = 100
"""Recordings in one folder."""

ROOMS = ["hall", "lab"]


@attrs.frozen
class Start:
    """One start on a storage.

    Attributes:
        before, after: the calls on it, before the program said that it listens and from then on,
            as strace wrote them down.
    """

    finished: list[Path]
    before: list[str]
    after: list[str]


def begun(calls: list[str]) -> list[str]:
    """Each call once: strace writes one in two lines that another thread comes between."""
    return [call for call in calls if " resumed>" not in call]


@pytest.mark.long
async def test_a_start_reads_only_what_is_unfinished_before_it_listens(
    tmp_path: Path, sources: Sources
) -> None:
    source = sources.get("h264-aac", 8)
    template = await one_finished(tmp_path / "template", source)
    starts: dict[int, Start] = {}

    async def one(count: int) -> None:
        starts[count] = await start_beside(tmp_path / f"beside{count}", source, template, count)

    async with trio.open_nursery() as nursery:
        for count in (1, MANY):
            nursery.start_soon(one, count)
    few, many = starts[1], starts[MANY]
    assert len(begun(many.before)) == len(begun(few.before)) > 20
    for start in (few, many):
        days = {folder.parent for folder in start.finished}
        touched = [call for day in days for call in tracing.naming(start.before, day)]
        assert touched == [], "a finished recording was looked at"
    # The other half of the promise, and the proof that the trace sees it: what is finished is
    # read afterwards, for the catalogue.
    assert tracing.naming(many.after, many.finished[-1])


async def one_finished(folder: Path, source: Path) -> Recording:
    """A recording by the program itself, to make more of."""
    folder.mkdir()  # noqa: ASYNC240 — a test's own small folder
    async with run_recorder(folder, ROOMS) as recorder:
        await publish(Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), folder / "unused.flv")
        recording = await recorder.ended("hall")
        await summed_up(recorder)
        await recorder.stop()
    check_nothing_open(recorder.storage)
    return recording


async def summed_up(recorder: Recorder) -> None:
    unfinished = recorder.storage / ".recorder" / "open"
    await eventually(lambda: not list(unfinished.iterdir()), what="all recordings finished")


def lay_down(template: Recording, storage: Path, count: int) -> list[Path]:
    """The recording so many times, numbered from 1, in days of a hundred; gives their folders."""
    manifest = template.manifest
    folders = []
    for number in range(1, count + 1):
        day = f"{2000 + number // DAY // 12}-{number // DAY % 12 + 1:02}-01"
        folder = storage / "hall" / day / f"{number:07}-080000Z"
        folder.mkdir(parents=True)
        manifest |= {"number": number, "start": f"{day}T08:00:00.000Z"}
        (folder / "recording.json").write_text(json.dumps(manifest))
        for path in template.segments:
            # The same bytes need no place of their own.
            os.link(path, folder / path.name)
        folders.append(folder)
    return folders


async def start_beside(folder: Path, source: Path, template: Recording, count: int) -> Start:
    storage = folder / "recordings"
    finished = lay_down(template, storage, count)
    async with run_recorder(folder, ROOMS) as recorder, trio.open_nursery() as nursery:
        for room in ROOMS:
            begin(nursery, source, recorder.url(room), folder / "unused.flv", must_succeed=False)
        for room in ROOMS:
            await recorder.line(said.closed(room, "0001.flv"))
        await recorder.kill()
        nursery.cancel_scope.cancel()
    # A part that nobody continues, and one that its publisher may.
    for room in ROOMS:
        assert recordings(storage, room)[-1].parts
    forget_boot(storage, recordings(storage, "lab")[-1])
    # So that everything has to be read again, behind the start.
    run("sh", "-c", 'rm "$1"/.recorder/catalogue.sqlite3*', "sh", storage)
    trace = folder / "trace"
    async with run_recorder(
        folder, ROOMS, initialise=False, wrapper=tracing.traced(trace)
    ) as recorder:
        assert recorder.matching(said.continues("hall"))
        assert not recorder.matching(said.continues("lab"))
        await eventually(
            lambda: bool(tracing.naming(tracing.lines(trace), finished[-1])),
            what="the catalogue is made",
            within_s=120,
        )
        await recorder.stop()
    before, after = tracing.split_at(trace, "listens on")
    return Start(finished, tracing.naming(before, storage), tracing.naming(after, storage))


def forget_boot(storage: Path, recording: Recording) -> None:
    """Make an unfinished recording one of an earlier boot."""
    entry = storage / ".recorder" / "open" / recording.folder.name.split("-")[0]
    content = json.loads(entry.read_text())
    assert content["boot"]
    entry.write_text(json.dumps(content | {"boot": "another"}))
