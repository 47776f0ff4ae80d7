"""Every room there is, and what concerns all of them at once.

Owns which rooms exist, and the clock on which their reconnect windows end. What happens in one of
them is its own business (`Room`).

Everything but `run` is synchronous: nothing can come between a decision and what is done.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import trio

from recorder.live.room import NOBODY, Room
from recorder.logs import about

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from recorder.live.recorder import Recorder
    from recorder.recording.recording import LiveRecording

log = logging.getLogger(__name__)


class Rooms:
    """Every room there is. Rooms that only `*` admits exist while they are in use. `on_change` is
    called when a publisher has come or gone, and when a window opens or closes.

    Args:
        titles: the configured rooms, and what people call them.
        limit: `limits.rooms`.
    """

    def __init__(
        self,
        titles: Mapping[str, str | None],
        new_recorder: Callable[[str], Recorder],
        *,
        reconnect_window_s: float,
        limit: int,
    ) -> None:
        self._new_recorder = new_recorder
        self._reconnect_window_s = reconnect_window_s
        self._limit = limit
        self._changed = trio.Event()
        self._held: str | None = None
        self._to_release: list[Room] = []
        self._is_closed = False
        self.on_change: Callable[[], None] = lambda: None
        self._titles = titles
        self._rooms: dict[str, Room] = {}
        self._make_configured()

    def follow(
        self, titles: Mapping[str, str | None], *, reconnect_window_s: float, limit: int
    ) -> None:
        """The configuration has changed; the arguments are those of the constructor. A room that
        is not configured any more stays while it is in use, a window that is open keeps its end."""
        self._titles, self._limit = titles, limit
        self._reconnect_window_s = reconnect_window_s
        self._make_configured()
        for room in self._rooms.values():
            room.title = titles.get(room.name, room.title)
            room.reconnect_window_s = reconnect_window_s
        self._on_change()

    def find(self, name: str) -> Room | None:
        """The room of this name, made if it must be; None when there are too many, or one that
        differs only in case: on some disks both would be one folder."""
        room = self._rooms.get(name)
        if room is None and self._may_add(name):
            room = self._rooms[name] = self._make(name)
        return room

    def get(self, name: str) -> Room | None:
        """The room of this name, if there is one now."""
        return self._rooms.get(name)

    @property
    def all(self) -> list[Room]:
        """Every room there is now."""
        return list(self._rooms.values())

    @property
    def is_settled(self) -> bool:
        """Everything that was recorded is on the disk."""
        return all(room.recorder.is_settled for room in self._rooms.values())

    @property
    def unwritten(self) -> dict[str, int]:
        """Rooms of which something is not on the disk, and how much media of it, in ms."""
        return {
            name: room.recorder.unwritten_ms
            for name, room in self._rooms.items()
            if not room.recorder.is_settled
        }

    @property
    def backlog_bytes(self) -> int:
        """Memory of all media that wait for a disk which takes nothing."""
        return sum(room.recorder.backlog_bytes for room in self._rooms.values())

    def resume(self) -> None:
        """The disk takes writes again."""
        self._in_each("resuming", _resume)
        self._on_change()

    async def resume_in_turn(self, is_good: Callable[[], bool]) -> None:
        """The disk takes writes again, and everybody is heard between two rooms: what waits in each
        may be `storage.buffer`, seconds of work on a small machine, in which no encoder is read and
        systemd hears nothing. Also who is cancelled does it to the end: else it would be lost.

        Args:
            is_good: whether the disk still does; the rest waits for the next time.
        """
        with trio.CancelScope(shield=True):
            for room in list(self._rooms.values()):
                if is_good():
                    self._in_each("resuming", _resume, [room])
                    await trio.lowlevel.checkpoint()
        self._on_change()

    def hold(self, reason: str | None) -> None:
        """Nothing shall be written, by a policy, for a reason in words; None: it may be again, and
        `run` has the rooms go on, one by one as of `resume_in_turn`. Publishers stay, and what they
        send is kept in memory as far as it goes."""
        if self._is_closed:
            return
        self._held = reason
        self._to_release = [] if reason is not None else self.all
        if reason is not None:
            self._in_each("holding", lambda room: room.recorder.hold(reason))
        self._on_change()

    @property
    def live(self) -> list[LiveRecording]:
        """The recordings of all rooms that may still change."""
        return [each for room in self._rooms.values() for each in room.recorder.live]

    def clock_stepped(self, ms: int) -> None:
        """The wall clock was set by so much."""
        self._in_each("noting a clock step", lambda room: room.recorder.clock_stepped(ms))

    @property
    def viewers(self) -> int:
        return sum(len(room.audience) for room in self._rooms.values())

    @property
    def publishers(self) -> int:
        return sum(room.publisher is not None for room in self._rooms.values())

    async def run(self) -> None:
        """Close recordings whose window has ended, and release rooms, until cancelled."""
        while True:
            self._tidy()
            while self._to_release:
                self._release_one()
                await trio.lowlevel.checkpoint()
            deadline = min((r.window_ends_s for r in self._rooms.values()), default=math.inf)
            with trio.move_on_at(deadline):
                await self._changed.wait()

    def close(self, reason: str, *, to_be_continued: bool = False) -> None:
        """End every recording, for good. The sessions are over; what a policy has kept in memory
        is written at last.

        Args:
            to_be_continued: the next start goes on with those whose publishers come back to it.
        """
        if self._held is not None:
            self.hold(None)
        while self._to_release:
            self._release_one()
        self._is_closed = True
        if to_be_continued:
            self._in_each("leaving", lambda room: room.recorder.leave(reason))
        self._in_each("closing", lambda room: room.close(reason))

    def _in_each(
        self, doing: str, act: Callable[[Room], object], rooms: Iterable[Room] | None = None
    ) -> None:
        """A fault of ours in one room must not keep the others from recording (promise 7).

        Args:
            rooms: None: all of them.
        """
        for room in self._rooms.values() if rooms is None else rooms:
            try:
                act(room)
            except Exception:
                log.exception(
                    "%s: %s failed; this is a fault of the recorder",
                    room.name,
                    doing,
                    extra=about(room.name),
                )

    def _release_one(self) -> None:
        self._in_each("releasing", _release, [self._to_release.pop(0)])
        if not self._to_release:
            self._on_change()

    def _may_add(self, name: str) -> bool:
        folded = {other.casefold() for other in self._rooms}
        return len(self._rooms) < self._limit and name.casefold() not in folded

    def _make_configured(self) -> None:
        """Every configured room is there, in the order of the configuration. One that differs only
        in case from a room in use, which `*` has let in, comes when that is gone."""
        folded = {name.casefold() for name in self._rooms}
        missing = [name for name in self._titles if name.casefold() not in folded]
        rooms = self._rooms | {name: self._make(name) for name in missing}
        first = {name: rooms.pop(name) for name in self._titles if name in rooms}
        self._rooms = first | rooms

    def _make(self, name: str) -> Room:
        room = Room(
            name,
            self._new_recorder(name),
            reconnect_window_s=self._reconnect_window_s,
            on_change=self._on_change,
            title=self._titles.get(name),
        )
        if self._held is not None:
            room.recorder.hold(self._held)
        return room

    def _on_change(self) -> None:
        self._changed.set()
        self.on_change()

    def _tidy(self) -> None:
        self._changed = trio.Event()
        now = trio.current_time()
        self._in_each(
            "closing", lambda room: room.close("lost") if room.window_ends_s <= now else None
        )
        for name, room in list(self._rooms.items()):
            if not (room.in_use or name in self._titles):
                del self._rooms[name]
                room.audience.end(NOBODY)
        self._make_configured()


def _resume(room: Room) -> None:
    room.recorder.resume(int(trio.current_time() * 1000))


def _release(room: Room) -> None:
    room.recorder.release(int(trio.current_time() * 1000))
