"""The real parts in one house that is reloaded, without sockets and without a process."""

from __future__ import annotations

import logging
import shutil
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import trio
import trio.testing
import trustme

from recorder.app_reload import Parts, Reloader
from recorder.app_rooms import make_house, make_rooms
from recorder.app_settings import make_settings
from recorder.app_status import Started, open_status
from recorder.clock import SystemClock
from recorder.config import load
from recorder.config.last_good import LAST_GOOD_FILE, text_of
from recorder.live.attempts import Attempts
from recorder.live.listener import Door
from recorder.live.memory import MemoryBudget
from recorder.logs import Log
from recorder.recording.disk import OsDisk
from recorder.recording.engine import Retention, open_engine
from recorder.recording.initialise import initialise
from recorder.recording.retention.ledger import Ledger
from recorder.recording.room_recorder import RoomRecorder
from recorder.recording.storage import Storage
from recorder.recording.timed_disk import TimedDisk
from recorder.status.pages import Pages
from tests.helpers.certificates import write_certificate
from tests.helpers.changed_keys import CERTIFICATE, KEY, OTHER_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from recorder.recording.actions import SegmentRules

ROOMS = (
    f"rooms: {{a: {{key: {KEY}}}, b: {{key: {OTHER_KEY}, "
    "segments: {align_to_clock: true, duration: 1d}}}\n"
)


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def certificate(folder: Path) -> None:
    """Under the names of `CERTIFICATE`."""
    made = write_certificate(trustme.CA(), folder)
    for key, name in CERTIFICATE.items():
        shutil.move(made[key], folder / name)


@attrs.frozen
class Stage:
    """A recorder without listeners."""

    folder: Path
    reloader: Reloader
    parts: Parts
    storage: Storage
    ready: trio.MemoryReceiveChannel[None]

    async def reload(self, text: str) -> None:
        """Have this file read, and wait until it was."""
        write(self.folder, text)
        self.reloader.ask()
        await self.ready.receive()

    def rules(self, room: str) -> SegmentRules:
        found = self.parts.rooms.get(room)
        assert found is not None
        assert isinstance(found.recorder, RoomRecorder)
        return found.recorder._rules

    def copy(self) -> bytes | None:
        path = self.folder / "recordings/.recorder" / LAST_GOOD_FILE
        return text_of(path.read_bytes(), self.folder / "config.yaml") if path.exists() else None


@contextmanager
def _level_kept() -> Iterator[None]:
    """What a reload makes of the log's level ends with it."""
    before = logging.getLogger().level
    try:
        yield
    finally:
        logging.getLogger().setLevel(before)


@asynccontextmanager
async def staged(
    folder: Path, text: str = ROOMS, errors: tuple[str, ...] = (), **more: Any
) -> AsyncIterator[Stage]:
    """A start with this configuration, as `run` makes it where nobody is at a terminal."""
    config = load(write(folder, text))
    state = config.storage.directory / ".recorder"
    initialise(config.storage.directory, None, OsDisk())
    # Its clock is synchronised: the marker is there.
    clock, settings = SystemClock(marker=str(folder)), make_settings(config, may_lack_rtmps=True)
    send, ready = trio.open_memory_channel[None](1000)
    disk = TimedDisk()
    with _level_kept(), Storage.open(config.storage.directory, None, disk) as storage:
        reloader = Reloader(
            config,
            errors,
            storage,
            state,
            settle=more.get("settle", lambda config: config),
            rtmps_off=settings.rtmps_off,
            is_stopping=more.get("is_stopping", lambda: False),
        )
        reloader.on_ready = lambda: send.send_nowait(None)
        async with open_engine(
            storage,
            clock,
            encoder="test",
            boot="boot-1",
            sync_interval_s=config.storage.sync_interval,
            on_good=lambda: None,
            retention=Retention(
                rules=settings.retention,
                ledger=Ledger(),
                state=state,
                live=list,
                believed_utc_ms=lambda: None,
                on_hold=lambda _: None,
            ),
        ) as engine:
            engine.begin((), 1)
            memory = MemoryBudget(config.limits.memory, lambda: 0)
            rooms = make_rooms(reloader, engine, memory, clock, "boot-1")
            attempts = Attempts()
            start = Started(
                listeners=[],
                pages=Pages({}),
                login_key=b"k",
                boot="boot-1",
                alarms=None,
                last_end=None,
                wear=[],
            )
            async with (
                open_status(
                    settings,
                    engine,
                    rooms,
                    memory,
                    clock,
                    attempts,
                    write_seconds=disk.seconds,
                    state=state,
                    start=start,
                    control=None,
                    on_picture=lambda _: None,
                    config_view=lambda: reloader.view,
                ) as page,
                trio.open_nursery() as nursery,
            ):
                house = make_house(settings, rooms, engine, memory, attempts)
                parts = Parts(
                    output=Log(()),
                    clock=clock,
                    engine=engine,
                    rooms=rooms,
                    memory=memory,
                    house=house,
                    door=Door(house, limit=config.limits.connections, tls=settings.rtmp_tls),
                    page=page,
                )
                nursery.start_soon(rooms.run)
                nursery.start_soon(reloader.run, parts)
                yield Stage(folder, reloader, parts, storage, ready)
                nursery.cancel_scope.cancel()
