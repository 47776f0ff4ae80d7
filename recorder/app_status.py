"""The status side of the running recorder: what is read at the start, and who looks while it runs.

A part of the app: joins the board, the alarms, the page's door and the control socket, and nests
their lifetimes. Decides nothing. A configuration that cannot be served is refused at the start; a
port that is in use, or a memory of alarms that cannot be kept, is said, and lessons are recorded.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from recorder.app_actions import AppActions
from recorder.app_archive import Archive
from recorder.app_board import Board
from recorder.app_listeners import StartError
from recorder.logs import same
from recorder.recording.disk import PRIVATE_FILE_MODE
from recorder.recording.durable import read_small_file, replace_file
from recorder.recording.running import LastEnd, begin_running, end_running
from recorder.status.alarms import Alarms
from recorder.status.broadcast import Broadcast
from recorder.status.control import serve_control
from recorder.status.login import Login
from recorder.status.operations import Operations
from recorder.status.pages import Pages
from recorder.status.server import StatusServer, serve_status
from recorder.status.site import Site
from recorder.status.wear import wear_of

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Mapping

    from recorder.app_settings import Settings
    from recorder.app_sockets import Sockets
    from recorder.clock import SystemClock
    from recorder.config import Config
    from recorder.histogram import Histogram
    from recorder.live.attempts import Attempts
    from recorder.live.memory import MemoryBudget
    from recorder.live.rooms import Rooms
    from recorder.recording.engine import Engine
    from recorder.recording.storage import Storage
    from recorder.status.house_views import ConfigView
    from recorder.status.snapshot import Snapshot
    from recorder.status.wear import Wear

log = logging.getLogger(__name__)

ALARMS_FILE: Final = "alarms.json"
LOGIN_KEY_FILE: Final = "login.key"
LOGIN_KEY_BYTES: Final = 32

LAST_WORD_S: Final = 3.0
"""What saying that the recorder ends may take: the state may lie on a disk that does not answer."""

WEB: Final = (
    Path(__file__).parent.parent / "web",
    Path(sys.prefix) / "share/classroom-recorder/web",
)
"""Where the page may lie: in a checkout, else where an installation puts it."""


@attrs.frozen(kw_only=True)
class Started:
    """What is there before anybody can look."""

    listeners: list[trio.SocketListener]
    pages: Pages
    login_key: bytes
    boot: str
    alarms: bytes | None
    last_end: LastEnd | None
    wear: list[Wear]


async def start_status(
    config: Config, storage: Storage, state: Path, boot: str, sockets: Sockets
) -> Started:
    """Listen, and read what is remembered.

    Raises:
        StartError: the page cannot be served as it is configured.
    """
    listeners = list[trio.SocketListener]()
    try:
        listeners = await sockets.open("http", config.status.listen)
    except StartError as error:
        # What else uses the port today must not cost today's lessons.
        log.critical("%s Recording goes on without the page.", error)
    return await trio.to_thread.run_sync(_start, storage, state, boot, listeners)


def _start(
    storage: Storage, state: Path, boot: str, listeners: list[trio.SocketListener]
) -> Started:
    last_end, alarms = None, None
    try:
        pages = Pages.read(next((each for each in WEB if each.is_dir()), WEB[-1]))
    except OSError as error:
        raise StartError(f"The files of the page are missing: {error}. Install again.") from error
    key = os.urandom(LOGIN_KEY_BYTES)
    try:
        last_end = begin_running(storage, state, boot)
        with storage.state_folder(state) as folder:
            with suppress(FileNotFoundError):
                alarms = read_small_file(storage.disk, folder, ALARMS_FILE)
            try:
                key = read_small_file(storage.disk, folder, LOGIN_KEY_FILE)
            except FileNotFoundError:
                replace_file(storage.disk, folder, LOGIN_KEY_FILE, key, PRIVATE_FILE_MODE)
    except OSError as error:
        log.warning("What the page remembers cannot be kept in %s: %s.", state, error)
    return Started(
        listeners=listeners,
        pages=pages,
        login_key=key,
        boot=boot,
        alarms=alarms,
        last_end=last_end,
        # What lies in the place of a disk that is not there is another one.
        wear=wear_of([storage.directory, state] if storage.absence is None else [state]),
    )


async def stop_status(storage: Storage, state: Path) -> None:
    """Say that this recorder has ended in order."""
    try:
        with trio.fail_after(LAST_WORD_S):
            await trio.to_thread.run_sync(end_running, storage, state, abandon_on_cancel=True)
    except (OSError, trio.TooSlowError) as error:
        why = str(error) or "its disk does not answer"
        log.warning("The next start will call this end a crash: %s: %s.", state, why)


@attrs.frozen(kw_only=True)
class Page:
    """What serves people, as far as a reload changes it."""

    board: Board
    login: Login
    site: Site
    server: StatusServer
    actions: AppActions
    broadcast: Broadcast

    def follow(self, settings: Settings) -> None:
        """As of `app_reload.Parts`. Who may look no more must come in again."""
        status = settings.config.status
        others = self.login.follow(status.password)
        if others or (self.site.is_public and not status.public):
            self.broadcast.dismiss()
        self.site.is_public = status.public
        self.site.doors = settings.doors
        self.server.tls = settings.page_tls
        self.broadcast.most = settings.config.limits.clients
        self.server.places.clients = settings.config.limits.clients
        self.board.max_delay_s = settings.config.rtmp.max_delay


@asynccontextmanager
async def open_status(
    settings: Settings,
    engine: Engine,
    rooms: Rooms,
    memory: MemoryBudget,
    clock: SystemClock,
    attempts: Attempts,
    *,
    write_seconds: Mapping[str, Histogram],
    state: Path,
    start: Started,
    control: socket.socket | None,
    on_picture: Callable[[Snapshot], None],
    config_view: Callable[[], ConfigView],
) -> AsyncIterator[Page]:
    """Everything that people look at, for as long as the `with` lasts.

    Args:
        write_seconds: as of `TimedDisk`.
        on_picture: told of every one.
        config_view: what is to be said of the configuration.
    """
    config, broadcast = settings.config, Broadcast(settings.config.limits.clients)
    login = Login(config.status.password, start.login_key, time.time)
    board = Board(
        engine,
        rooms,
        memory,
        clock,
        boot=start.boot,
        last_end=start.last_end,
        alarms=Alarms(start.alarms),
        save=partial(_save_alarms, engine.storage, state),
        on_picture=partial(_publish, broadcast, on_picture),
        watchers=lambda: broadcast.watchers,
        waiting=lambda: broadcast.waiting,
        failed_logins=lambda: login.failed,
        config=config_view,
        attempts=attempts,
        write_seconds=write_seconds,
        wear=start.wear,
        max_delay_s=config.rtmp.max_delay,
    )
    broadcast.on_join, broadcast.on_wait = board.changed, board.waited_for
    actions = AppActions(engine, rooms, board, Archive(engine), broadcast)
    operations = Operations(actions, start.pages)
    site = Site(
        doors=settings.doors,
        login=login,
        is_public=config.status.public,
        answer=operations.answer,
    )
    server = StatusServer(site, settings.page_tls, clients=config.limits.clients)
    board.sources.server, board.sources.broadcast = server, broadcast
    for listener in start.listeners:
        host, port = listener.socket.getsockname()[:2]
        scheme = "http" if settings.page_tls is None else "https"
        place = f"[{host}]" if ":" in host else host
        log.info("The page is at %s://%s:%d", scheme, place, port)
    async with (
        serve_control(control, operations.answer),
        serve_status(start.listeners, server),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(board.run, name="board")
        try:
            yield Page(
                board=board,
                login=login,
                site=site,
                server=server,
                actions=actions,
                broadcast=broadcast,
            )
        finally:
            nursery.cancel_scope.cancel()


def _publish(
    broadcast: Broadcast, on_picture: Callable[[Snapshot], None], picture: Snapshot
) -> None:
    on_picture(picture)
    # Made only when somebody waits: at 100 rooms it is a hundred thousand characters.
    if broadcast.waiting:
        broadcast.publish(picture.to_json())


async def _save_alarms(storage: Storage, state: Path, content: bytes) -> None:
    def in_thread() -> None:
        with storage.state_folder(state) as folder:
            replace_file(storage.disk, folder, ALARMS_FILE, content, PRIVATE_FILE_MODE)

    try:
        # One at a time: whoever calls waits for it. Abandoned only when the recorder ends.
        await trio.to_thread.run_sync(in_thread, abandon_on_cancel=True)
    except OSError as error:
        log.warning("Alarms cannot be remembered: %s", error, extra=same("alarms"))
