"""Hooks in the running recorder: when something is told, and into which outbox. A part of the app.

Recordings are told by their manifests, at the moment these are on the disk: so an event is true,
and a restart that finds more tells exactly what was not told before. What an event says is made in
`app_news`. Nothing here waits, and a fault here must not keep a lesson from being recorded
(promise 7).
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import trio

from recorder.app_deliver import FOLDER, deliver_hooks, is_delivering
from recorder.app_news import alarm_fields, news
from recorder.clock import utc_text
from recorder.hooks.events import ALARM_CLEARED, ALARM_RAISED, RECORDING_ENDED
from recorder.hooks.heartbeat import State
from recorder.hooks.journal import Journal
from recorder.hooks.outbox import open_outbox
from recorder.hooks.progress import Progress, load_progress
from recorder.logs import of_room, same
from recorder.recording.manifest import Manifest, ManifestError
from recorder.recording.naming import MANIFEST_FILE
from recorder.status.digits import rounded
from recorder.status.house_views import HooksView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from pathlib import Path

    from recorder.app_board import Board
    from recorder.clock import Clock
    from recorder.config import HooksConfig
    from recorder.hooks.outbox import Outbox

log = logging.getLogger(__name__)

LOOK_S: Final = 30.0
"""Between two looks at what has become of the events."""

_ALARMS: Final = {"raised": ALARM_RAISED, "cleared": ALARM_CLEARED}


class Hooks:
    """What the recorder tells. Belongs to the loop.

    Attributes:
        outbox: None: nobody is to be told, or nothing can be kept.
    """

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.outbox = outbox
        self._board: Board | None = None
        self._followed = trio.Event()
        self._progress = Progress()
        self._is_delivering = True
        self._looked_s: float | None = None
        self._unseen: Mapping[int, str] = {}
        self._is_there = trio.Event()

    def saved(self, folder: str, manifest: Manifest) -> None:
        """This version of a recording's manifest is on the disk.

        Args:
            folder: the recording's, relative to the storage.
        """
        if self.outbox is None:
            return
        try:
            for kind, fields in news(self.outbox.announced, folder, manifest):
                self.outbox.add(kind, fields)
        except Exception:
            log.exception("A recording cannot be told to hooks; this is a fault of the recorder")

    def begin(self, unfinished: Collection[int]) -> None:
        """The recording disk is there: what became of recordings whose end nobody was told is
        looked up, and told.

        Args:
            unfinished: numbers of those that somebody has in hand, and tells of.
        """
        if self.outbox is not None and not self._is_there.is_set():
            going_on = self.outbox.announced.going_on
            self._unseen = {n: path for n, path in going_on.items() if n not in unfinished}
            self._is_there.set()

    async def tell_unseen(self, storage: Path) -> None:
        """Tell the end of recordings whose end no outbox was told: the recorder was killed in
        between, or the outbox's disk had no room. Waits for `begin`: without the disk they would
        all seem to be gone."""
        await self._is_there.wait()
        for number, folder in self._unseen.items():
            room = folder.split("/")[0]
            read = (storage / folder / MANIFEST_FILE).read_bytes
            try:
                data = await trio.to_thread.run_sync(read, abandon_on_cancel=True)
                self.saved(folder, Manifest.from_json(data))
            except (FileNotFoundError, NotADirectoryError, ManifestError):
                # Deleted meanwhile.
                self.gone({"room": room, "recording": number, "folder": folder})
            except OSError as error:
                # It may be there all the same.
                of_room(log, room).warning(
                    "recording %d cannot be looked up: %s; hooks are told of its end by the next "
                    "start that can.",
                    number,
                    error.strerror or error,
                )

    def gone(self, about: dict[str, Any]) -> None:
        """A recording whose end nobody was told is not there any more."""
        if self.outbox is not None:
            self.outbox.add(RECORDING_ENDED, {**about, "reason": "gone"})

    def alarm(self, change: Mapping[str, Any]) -> None:
        """An entry of the history of alarms."""
        kind = _ALARMS.get(change["event"])
        if self.outbox is None or kind is None:
            return
        try:
            self.outbox.add(kind, alarm_fields(change))
        except Exception:
            log.exception("An alarm cannot be told to hooks; this is a fault of the recorder")

    def follow(self, board: Board) -> None:
        """From here on its alarms are told, and it shows what becomes of the events."""
        board.follow_alarms(self.alarm)
        board.hooks = self.view
        self._board = board
        self._followed.set()

    def view(self) -> HooksView | None:
        """As of the last look; None: there are no hooks."""
        if self.outbox is None:
            return None
        targets = self._progress.targets.values()
        failing = [each for each in targets if each.failing_since is not None]
        return HooksView(
            is_delivering=self._is_delivering,
            failing=tuple(sorted({each.label for each in failing})),
            failing_since=min((each.failing_since or "" for each in failing), default=None),
            delivered=sum(each.delivered for each in targets),
            given_up=sum(each.given_up for each in targets),
            lost=self.outbox.lost,
            age_s=None if self._looked_s is None else rounded(trio.current_time() - self._looked_s),
        )

    async def look(self, folder: Path) -> None:
        """Look at what became of the events from time to time, until cancelled."""
        while True:
            now_s = trio.current_time()
            try:
                self._progress, self._is_delivering = await trio.to_thread.run_sync(
                    _look, folder, abandon_on_cancel=True
                )
                self._looked_s = now_s
            except OSError as error:
                log.warning("%s cannot be read: %s", folder, error, extra=same("hooks"))
            await trio.sleep(LOOK_S)

    async def state(self) -> State:
        """What a heartbeat says; it waits until the recorder has begun."""
        await self._followed.wait()
        assert self._board is not None
        picture = self._board.picture
        worst = picture.worst_alarm
        return State(
            time=picture.time,
            live_rooms=picture.live_rooms,
            worst_alarm=None if worst is None else worst.severity.value,
        )


def _look(folder: Path) -> tuple[Progress, bool]:
    return load_progress(folder), is_delivering(folder)


@asynccontextmanager
async def open_hooks(
    config: HooksConfig,
    state: Path,
    clock: Clock,
    *,
    storage: Path,
    delivers: bool,
) -> AsyncIterator[Hooks]:
    """Hooks at work, for as long as the `with` lasts; what was told is on the disk at its end.

    Args:
        state: the state folder.
        storage: the folder of the recordings, looked into from `Hooks.begin` on.
        delivers: here, too, and not only by `recorder deliver`.
    """
    async with _outbox(config, state / FOLDER, clock) as outbox, trio.open_nursery() as nursery:
        hooks = Hooks(outbox)
        if outbox is not None:
            nursery.start_soon(hooks.tell_unseen, storage, name="tell what ended unseen")
            nursery.start_soon(hooks.look, state / FOLDER, name="look at hooks")
        if delivers:
            nursery.start_soon(_deliver, config, state / FOLDER, hooks, name="deliver hooks")
        try:
            yield hooks
        finally:
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def _outbox(config: HooksConfig, folder: Path, clock: Clock) -> AsyncIterator[Outbox | None]:
    if not config.has_receivers:
        yield None
        return
    try:
        journal = await trio.to_thread.run_sync(
            partial(
                Journal,
                folder,
                events=config.outbox.events,
                size=config.outbox.size,
                delivered=partial(_delivered, folder),
            )
        )
    except OSError as error:
        log.critical("Nobody is told anything: the outbox %s cannot be used: %s.", folder, error)
        yield None
        return
    async with open_outbox(journal, lambda: utc_text(clock.utc_ns())) as outbox:
        yield outbox


def _delivered(folder: Path, outbox: str) -> int:
    progress = load_progress(folder)
    return progress.lowest if progress.outbox == outbox else 0


async def _deliver(config: HooksConfig, folder: Path, hooks: Hooks) -> None:
    try:
        await deliver_hooks(config, folder, alive=hooks.state)
    except Exception:
        # Lessons are recorded all the same (promise 7).
        log.exception("Hooks are delivered no more; this is a fault of the recorder")
