"""What people and programs may ask of the running recorder, handed to the doors they come in by.

A part of the app: it sees the recording, the live and the HTTP side, and turns the refusals of the
first two into those of the last.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

from recorder.app_archive import disk_refuses
from recorder.live.room import NotNowError
from recorder.logs import of_room
from recorder.recording.retention.refusals import RefusedError
from recorder.recording.retention.report import report
from recorder.status.operations import ActionRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from recorder.app_archive import Archive
    from recorder.app_board import Board
    from recorder.live.rooms import Rooms
    from recorder.recording.engine import Engine
    from recorder.status.broadcast import Broadcast, Watcher
    from recorder.status.downloads import Download

log = logging.getLogger(__name__)

T = TypeVar("T")


class AppActions:
    """`status.operations.Actions`, on a running recorder."""

    def __init__(
        self,
        engine: Engine,
        rooms: Rooms,
        board: Board,
        archive: Archive,
        broadcast: Broadcast,
    ) -> None:
        self._engine = engine
        self._rooms = rooms
        self._board = board
        self._archive = archive
        self._broadcast = broadcast

    async def keep(self, number: int, *, who: str, why: str) -> dict[str, Any]:
        changed = await _or_refused(self._engine.operator.keep(number, who=who, why=why))
        return {"number": number, "changed": changed}

    async def unkeep(self, number: int) -> dict[str, Any]:
        changed = await _or_refused(self._engine.operator.unkeep(number))
        return {"number": number, "changed": changed}

    async def delete(self, number: int) -> dict[str, Any]:
        size = await _or_refused(self._engine.operator.delete(number))
        return {"number": number, "bytes": size}

    async def plan(self) -> dict[str, Any]:
        decision = await _or_refused(self._engine.sweeper.preview())
        return report(decision, self._engine.watch)

    async def sweep(self) -> dict[str, Any]:
        decision = await _or_refused(self._engine.sweeper.sweep())
        return report(decision, self._engine.watch)

    async def confirm(self, plan: str) -> dict[str, Any]:
        try:
            recordings = self._engine.sweeper.confirm(plan)
        except RefusedError as error:
            raise ActionRefusedError(str(error), is_missing=error.is_missing) from error
        return {"plan": plan, "recordings": recordings}

    async def recordings(
        self, *, room: str | None, first: str | None, last: str | None, cursor: int | None
    ) -> dict[str, Any]:
        return await self._archive.recordings(room=room, first=first, last=last, cursor=cursor)

    async def download(self, path: str, file: str) -> Download:
        return await self._archive.download(path, file)

    def act(self, room: str, action: str, who: str) -> dict[str, Any]:
        found = self._rooms.get(room)
        if found is None:
            raise _no_room(room)
        do = {"split": found.split, "stop": found.stop, "start": found.start}[action]
        try:
            do()
        except NotNowError as error:
            raise ActionRefusedError(str(error)) from error
        of_room(log, room).info("%s by %s", action, who)
        self._board.changed()
        return {"room": room, "action": action}

    def status(self) -> bytes:
        return self._board.picture.to_json()

    def history(self, room: str) -> dict[str, Any]:
        samples = self._board.history(room)
        if samples is None:
            raise _no_room(room)
        return {"bitrate": samples}

    def alarms(self) -> dict[str, Any]:
        return self._board.alarms()

    def acknowledge(self, alarm: str, who: str) -> dict[str, Any]:
        if not self._board.acknowledge(alarm, who):
            raise ActionRefusedError("No such alarm stands any more.", is_missing=True)
        return {"id": alarm, "acknowledged_by": who}

    async def metrics(self) -> bytes:
        return await self._board.metrics()

    def health(self) -> list[dict[str, Any]]:
        return self._board.critical_alarms()

    def watch(self, *, is_operator: bool) -> Watcher | None:
        return self._broadcast.join(is_operator=is_operator)


def _no_room(room: str) -> ActionRefusedError:
    return ActionRefusedError(f"There is no room {room}.", is_missing=True)


async def _or_refused(action: Awaitable[T]) -> T:
    try:
        return await action
    except RefusedError as error:
        raise ActionRefusedError(str(error), is_missing=error.is_missing) from error
    except (OSError, sqlite3.Error) as error:
        raise ActionRefusedError(disk_refuses(error)) from error
