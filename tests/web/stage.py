"""What stands behind the page in its tests: our real server and site, and pictures as tests want.

Owns a thread with a loop of its own, because the browser is driven by calls that block. A test
calls plain methods; the picture that it shows is sent again every second, as the recorder does it.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import trio
from msgspec.structs import replace

from recorder.passwords import hash_password
from recorder.status.broadcast import Broadcast
from recorder.status.condition import RANK
from recorder.status.doors import Doors
from recorder.status.login import Login
from recorder.status.operations import Operations
from recorder.status.pages import Pages
from recorder.status.server import StatusServer, serve_status
from recorder.status.site import Site
from tests.status.fakes import FakeActions, refused
from tests.status.snapshots import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recorder.status.snapshot import AlarmView, Snapshot

WEB = Path(__file__).resolve().parents[2] / "web"
PASSWORD = "correct horse"
HASHED = hash_password(PASSWORD, b"0123456789abcdef")
TICK_S = 1.0
START_S = 10.0


def recording(number: int, **changes: Any) -> dict[str, Any]:
    """One of the list, that has ended: as `Archive` says it."""
    return {
        "number": number,
        "room": "room101",
        "path": f"room101/2026-11-22/{number:07d}-103000Z",
        "start": "2026-11-22T10:30:00.000Z",
        "end": "2026-11-22T12:00:00.000Z",
        "end_reason": "publisher_ended",
        "clock": "trusted",
        "media_s": 5400.0,
        "bytes": 1_700_000_000,
        "gaps": 0,
        "repaired": 0,
        "suspect": 0,
        "kept": False,
        "damaged": False,
        "deleting": False,
        "segments": [
            {"file": "0001.flv", "bytes": 900_000_000, "deleted": False},
            {"file": "0002.flv", "bytes": 800_000_000, "deleted": False},
        ],
    } | changes


def _weight(view: AlarmView) -> tuple[int, bool]:
    """The worst first, of those what nobody has seen: as the recorder has it."""
    return RANK[view.severity], view.acknowledged_by is not None


@attrs.define
class StageActions(FakeActions):
    """Attributes:
    shown: the newest picture, of a recorder that runs on while it is shown.
    archive: all recordings, the newest first; `page` of them are given at once.
    rates: of every room's history, as ages and bits per second.
    """

    shown: Snapshot = attrs.field(factory=picture)
    began_s: float = attrs.field(factory=time.monotonic)
    archive: list[dict[str, Any]] = attrs.field(factory=list)
    page: int = 50
    rates: list[tuple[float, int]] = attrs.field(factory=list)
    past: list[dict[str, Any]] = attrs.field(factory=list)

    def status(self) -> bytes:
        uptime_s = self.shown.system.uptime_s + time.monotonic() - self.began_s
        system = replace(self.shown.system, uptime_s=uptime_s)
        return replace(self.shown, system=system).to_json()

    def history(self, room: str) -> dict[str, Any]:
        self._done(f"history {room}")
        return {"bitrate": self.rates}

    def alarms(self) -> dict[str, Any]:
        self._done("alarms")
        return {"alarms": [], "history": self.past}

    def acknowledge(self, alarm: str, who: str) -> dict[str, Any]:
        self._done(f"acknowledge {alarm} {who}")
        alarms = tuple(
            replace(each, acknowledged_by=who) if each.id == alarm else each
            for each in self.shown.alarms
        )
        self.shown = replace(self.shown, alarms=tuple(sorted(alarms, key=_weight)))
        return {"id": alarm, "acknowledged_by": who}

    async def keep(self, number: int, *, who: str, why: str) -> dict[str, Any]:
        self._found(number)["kept"] = True
        return await super().keep(number, who=who, why=why)

    async def unkeep(self, number: int) -> dict[str, Any]:
        self._found(number)["kept"] = False
        return await super().unkeep(number)

    async def delete(self, number: int) -> dict[str, Any]:
        self.archive.remove(self._found(number))
        return await super().delete(number)

    async def recordings(
        self, *, room: str | None, first: str | None, last: str | None, cursor: int | None
    ) -> dict[str, Any]:
        await super().recordings(room=room, first=first, last=last, cursor=cursor)
        found = [
            each
            for each in self.archive
            if room in (None, each["room"])
            and (first or "") <= each["start"][:10] <= (last or "9999")
            and (cursor is None or each["number"] < cursor)
        ]
        given = found[: self.page]
        return {
            "recordings": given,
            "next": given[-1]["number"] if len(found) > len(given) else None,
        }

    def _found(self, number: int) -> dict[str, Any]:
        for each in self.archive:
            if each["number"] == number:
                return each
        raise refused(f"There is no recording {number}.", is_missing=True)


class Stage:
    """Behind the page. Made by `open_stage`; every method may be called from another thread.

    Attributes:
        actions: what the page asked for, and what it is told.
    """

    def __init__(self) -> None:
        self.actions = self._actions()
        self.url = ""
        self.is_ready = threading.Event()
        self._hashed: str | None = None
        self._public = False
        self._is_silent = self._is_over = False
        # Made on the loop.
        self._token: trio.lowlevel.TrioToken
        self._changed: trio.Event
        self._hung_up: trio.Event
        self._back: trio.Event

    def set_up(self, *, password: bool = False, public: bool = False) -> None:
        """Begin anew, at the same address; nobody must be connected.

        Args:
            password: who does not know PASSWORD is nobody, or with `public` a reader.
        """
        self._do(self._hang_up)
        # The broadcast of those before would give its last picture to whoever comes first.
        self.actions = self._actions()
        self._hashed = HASHED if password else None
        self._public = public
        self._is_silent = False
        self.is_ready.clear()
        self._do(self._come_back)
        self.wait()

    def show(self, shown: Snapshot) -> None:
        """From now on this is what the recorder says, at once and every second."""
        self._do(partial(self._show, shown))

    def wait(self) -> None:
        """Until it listens."""
        assert self.is_ready.wait(START_S), "the server behind the page did not start"

    def fall_silent(self) -> None:
        """The connections stay, and nothing comes: a recorder that hangs."""
        self._do(partial(setattr, self, "_is_silent", True))

    def hang_up(self) -> None:
        """Every connection ends, and none is taken until `come_back`: a recorder that is gone."""
        self._do(self._hang_up)

    def come_back(self) -> None:
        self._do(self._come_back)

    def end(self) -> None:
        """For good."""
        self._do(self._end)

    def run(self) -> None:
        """The thread."""
        trio.run(self._main)

    # On the loop.

    def _actions(self) -> StageActions:
        return StageActions(broadcast=Broadcast(32, self._change))

    def _do(self, call: Callable[[], object]) -> None:
        trio.from_thread.run_sync(call, trio_token=self._token)

    def _change(self) -> None:
        self._changed.set()

    def _show(self, shown: Snapshot) -> None:
        self.actions.shown = shown
        self._change()

    def _hang_up(self) -> None:
        if not self._hung_up.is_set():
            self._back = trio.Event()
            self._hung_up.set()

    def _come_back(self) -> None:
        self._hung_up = trio.Event()
        self._back.set()

    def _end(self) -> None:
        self._is_over = True
        self._back.set()
        self._hung_up.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._changed, self._hung_up, self._back = trio.Event(), trio.Event(), trio.Event()
        pages, port = Pages.read(WEB), 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tick)
            while not self._is_over:
                listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
                port = listeners[0].socket.getsockname()[1]
                async with serve_status(listeners, self._server(pages)):
                    self.url = f"http://127.0.0.1:{port}/"
                    self.is_ready.set()
                    await self._hung_up.wait()
                await self._back.wait()
            nursery.cancel_scope.cancel()

    def _server(self, pages: Pages) -> StatusServer:
        site = Site(
            doors=Doors(hosts=frozenset(), names=frozenset()),
            login=Login(self._hashed, b"k" * 32, lambda: 1_800_000_000.0),
            is_public=self._public,
            answer=Operations(self.actions, pages).answer,
        )
        return StatusServer(site, None, clients=32)

    async def _tick(self) -> None:
        while True:
            self._changed = trio.Event()
            if not self._is_silent:
                self.actions.broadcast.publish(self.actions.status())
            with trio.move_on_after(TICK_S):
                await self._changed.wait()


@contextmanager
def open_stage() -> Iterator[Stage]:
    """A server on a port of its own, for as long as the context lasts."""
    stage = Stage()
    thread = threading.Thread(target=stage.run, name="stage")
    thread.start()
    try:
        stage.wait()
        yield stage
    finally:
        stage.end()
        thread.join()
