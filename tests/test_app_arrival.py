"""What was left goes on when the recording disk is there: at the start, or with lessons waiting."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from recorder.app_arrival import Arrival
from recorder.app_hooks import Hooks
from recorder.config import load
from recorder.live.publisher import Publisher
from recorder.live.rooms import Rooms
from recorder.recording.disk import OsDisk
from recorder.recording.inheritance import read_left
from recorder.recording.initialise import initialise
from recorder.recording.room_recorder import RoomRecorder
from recorder.recording.segmenter import SegmentRules
from recorder.recording.storage import Storage
from tests.helpers.engines import engine_on, retention
from tests.helpers.live import FakeConnection
from tests.helpers.media import VIDEO, avc_config, avc_frame
from tests.helpers.program import eventually
from tests.helpers.studio import BOOT, CLIENT, SECOND, Studio, manifests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from recorder.config import Config
    from recorder.live.room import Room
    from recorder.recording.engine import Engine
    from recorder.status.wear import Wear
    from tests.helpers.clock import FakeClock

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)


@pytest.fixture
def left(tmp_path: Path) -> Studio:
    """A recording that a process has left that was killed, a second ago."""
    directory = tmp_path / "recordings"
    initialise(directory, tmp_path / "state", OsDisk())
    with Storage.open(directory, tmp_path / "state", OsDisk()) as storage:
        studio = Studio(storage, RULES)
        studio.arrive()
        studio.send(5 * SECOND)
        for queue in studio.writer.queues:
            for files in queue.files:
                files.close()
        (storage.directory / ".recorder/alive").write_text(
            f'{{"boot": "{BOOT}", "monotonic_ms": {studio.clock.now_ms}}}'
        )
    studio.clock.advance(1000)
    return studio


@attrs.define(kw_only=True)
class Stage:
    """A recorder without sockets.

    Attributes:
        resumed: how often the disk was said to be good.
    """

    storage: Storage
    arrival: Arrival
    config: Config
    engine: Engine
    rooms: Rooms
    wear: list[Wear]

    def begin(self) -> None:
        self.arrival.begin(self.config, self.rooms, self.engine, Hooks())

    @property
    def recorder(self) -> RoomRecorder:
        room = self.rooms.get("room101")
        assert room is not None
        assert isinstance(room.recorder, RoomRecorder)
        return room.recorder


@asynccontextmanager
async def staged(storage: Storage, clock: FakeClock, folder: Path) -> AsyncIterator[Stage]:
    (folder / "config.yaml").write_text("rooms: {room101: {key: key-of-room101-0123456789}}\n")
    (folder / "config.yaml").chmod(0o600)
    config, wear = load(folder / "config.yaml"), list["Wear"]()
    left = read_left(storage, BOOT) if storage.absence is None else None
    arrival = Arrival(storage, clock, left, boot=BOOT, window_s=lambda: 60.0, wear=wear)
    async with engine_on(
        storage,
        clock,
        retention(folder, lambda: rooms.live, state=folder / "state"),
        on_good=lambda: arrival.resume(config, rooms, engine, Hooks()),
    ) as engine:
        services = engine.services(clock, encoder="test", boot=BOOT, buffer_bytes=lambda: 1 << 20)
        rooms = Rooms(
            {"room101": None},
            lambda name: RoomRecorder(name, RULES, services),
            reconnect_window_s=60.0,
            limit=64,
        )
        stage = Stage(
            storage=storage, arrival=arrival, config=config, engine=engine, rooms=rooms, wear=wear
        )
        stage.begin()
        async with arrival.resuming(rooms, engine):
            yield stage


@contextmanager
def without_disk(folder: Path) -> Iterator[Storage]:
    """The storage, whose folder is elsewhere until `put_in`."""
    (folder / "recordings").rename(folder / "elsewhere")
    state = folder / "state"
    with Storage.away(folder / "recordings", state, OsDisk(), "It is not there.") as storage:
        yield storage


def put_in(folder: Path) -> None:
    (folder / "elsewhere").rename(folder / "recordings")


def is_ready(stage: Stage) -> bool:
    return stage.engine.indexer.is_ready


async def test_at_a_start_with_the_disk_everything_goes_on_at_once(
    left: Studio, tmp_path: Path
) -> None:
    with Storage.open(tmp_path / "recordings", tmp_path / "state", OsDisk()) as storage:
        async with staged(storage, left.clock, tmp_path) as stage:
            assert stage.recorder.number == 1
            # Only once: what is read later would be our own.
            stage.begin()
            assert len(stage.rooms.live) == 1
            await eventually(lambda: is_ready(stage), what="the catalogue")
    assert stage.wear == []


async def test_what_cannot_be_read_of_a_recording_that_goes_on_is_counted_and_said(
    left: Studio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    part = tmp_path / "recordings/room101/2026-11-22/0000001-103000Z/0002.flv.part"
    part.write_bytes(b"something else")
    with Storage.open(tmp_path / "recordings", tmp_path / "state", OsDisk()) as storage:
        async with staged(storage, left.clock, tmp_path) as stage:
            assert stage.recorder.number == 1
            stage.recorder.end("lost")
            await eventually(lambda: not stage.rooms.live, what="the end of the recording")
    (manifest,) = manifests(tmp_path / "recordings")
    assert [row.file for row in manifest.segments] == ["0001.flv"]
    assert (manifest.end_reason, manifest.counts) == ("lost", {"damaged_segments": 1})
    assert part.with_name("0002.flv.damaged").exists()
    assert "room101: recording 1: of 1 part not all can be read, and what cannot" in caplog.text


def begin_one(stage: Stage) -> tuple[Room, Publisher]:
    """An encoder publishes into the room."""
    room = stage.rooms.get("room101")
    assert room is not None
    publisher = Publisher(room, FakeConnection("10.0.0.1"), stream_id=1, since_s=0)
    room.begin(publisher, CLIENT, gap_reason="reconnect")
    return room, publisher


async def test_without_the_disk_nothing_goes_on_until_it_comes(
    left: Studio, tmp_path: Path
) -> None:
    with without_disk(tmp_path) as storage:
        async with staged(storage, left.clock, tmp_path) as stage:
            await trio.testing.wait_all_tasks_blocked()
            stage.begin()
            assert stage.rooms.live == []
            assert not is_ready(stage)
            put_in(tmp_path)
            await eventually(lambda: is_ready(stage), what="the catalogue")
            assert stage.recorder.number == 1
            assert stage.engine.guard.reason is None


async def test_a_lesson_that_came_before_the_disk_is_a_recording_of_its_own(
    left: Studio, tmp_path: Path
) -> None:
    with without_disk(tmp_path) as storage:
        async with staged(storage, left.clock, tmp_path) as stage:
            room, publisher = begin_one(stage)
            put_in(tmp_path)
            await eventually(lambda: is_ready(stage), what="the catalogue")
            assert stage.recorder.number is None
            # The one before is repaired, and is over.
            await eventually(
                lambda: manifests(tmp_path / "recordings")[0].end_reason == "interrupted",
                what="the repair",
            )
            room.end(publisher, {})


async def test_the_clock_is_held_against_what_was_there_before_a_lesson_that_waited_for_the_disk(
    left: Studio, tmp_path: Path
) -> None:
    with without_disk(tmp_path) as storage:
        async with staged(storage, left.clock, tmp_path) as stage:
            room, publisher = begin_one(stage)
            for kind, time, body in (
                (VIDEO, 0, avc_config()),
                (VIDEO, 0, avc_frame(key=True)),
                (VIDEO, 1000, avc_frame(key=True)),
            ):
                room.media(kind, time, body, left.clock.now_ms)
            put_in(tmp_path)
            await eventually(lambda: is_ready(stage), what="the catalogue")
            assert stage.recorder.number == 2
            assert stage.engine.indexer._first_number == 2
            room.end(publisher, {})


async def test_a_disk_that_comes_is_looked_at_for_what_is_written_to_it(
    left: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list["Sequence[Path]"]()

    def wear_of(folders: Sequence[Path], *, besides: Sequence[Wear]) -> list[Wear]:
        asked.append(folders)
        return []

    monkeypatch.setattr("recorder.app_arrival.wear_of", wear_of)
    with without_disk(tmp_path) as storage:
        async with staged(storage, left.clock, tmp_path) as stage:
            put_in(tmp_path)
            await eventually(lambda: is_ready(stage), what="the catalogue")
    assert asked == [[tmp_path / "recordings"]]


async def test_what_is_odd_about_a_disk_that_comes_is_said(
    left: Studio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "recordings/.recorder/next").unlink()
    with without_disk(tmp_path) as storage:
        async with staged(storage, left.clock, tmp_path) as stage:
            put_in(tmp_path)
            await eventually(lambda: is_ready(stage), what="the catalogue")
    assert "The recording counter of" in caplog.text
