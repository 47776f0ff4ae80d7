"""Reload: the configuration file is read again while everything goes on. A part of the app.

Owns the order. First the file is read and everything made of it that can fail, in a thread. Then it
is held against what is in force and exchanged in one go: nothing awaits in between, so nobody ever
works with half of it. A file that cannot be used changes nothing but what the page says of it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
import trio

from recorder.app_last_good import LastGood
from recorder.app_listeners import StartError
from recorder.app_settings import Settings, make_settings, segment_rules, view_door
from recorder.config import ConfigError, load
from recorder.config.changes import Plan, plan
from recorder.config.document import Problem
from recorder.config.secrets import secrets_of
from recorder.logs import set_level
from recorder.recording.room_recorder import RoomRecorder
from recorder.status.house_views import ConfigView

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.app_status import Page
    from recorder.clock import SystemClock
    from recorder.config import Config
    from recorder.live.house import House
    from recorder.live.listener import Door
    from recorder.live.memory import MemoryBudget
    from recorder.live.rooms import Rooms
    from recorder.logs import Log
    from recorder.recording.engine import Engine
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

MOST_SHOWN: Final = 8
"""Errors on the page, which is sent once a second; the log has more."""

MOST_LOGGED: Final = 100


@attrs.frozen(kw_only=True)
class Parts:
    """Everything that works with what the configuration says."""

    output: Log
    clock: SystemClock
    engine: Engine
    rooms: Rooms
    memory: MemoryBudget
    house: House
    door: Door
    page: Page

    def follow(self, settings: Settings, before: Config) -> None:
        """Work with these from now on. Raises nothing, and waits for nothing.

        Whoever publishes goes on: a key, a limit, an application count for who asks next. Whoever
        watches comes in again where another may watch now: nothing is lost by it.

        Args:
            before: what was in force.
        """
        config = settings.config
        set_level(config.log.level)
        self.output.hide(secrets_of(config))
        self.clock.is_always = config.clock.trust == "always"
        self.memory.limit_bytes = settings.media_bytes
        self.door.limit = config.limits.connections
        self.door.tls = settings.rtmp_tls
        self.house.timeouts = settings.timeouts
        self.house.viewer_bytes = settings.viewer_bytes
        reception = self.house.reception
        reception.access = settings.access
        reception.policy = config.rtmp.takeover
        reception.publishers = config.limits.publishers
        reception.viewing = settings.viewing
        reception.viewers = config.limits.viewers
        self.rooms.follow(
            titles_of(config),
            reconnect_window_s=config.recording.reconnect_window,
            limit=config.limits.rooms,
        )
        for room in self.rooms.all:
            rules = segment_rules(config, room.name, self.clock)
            # A room that was taken out of the file ends under the rules it began with.
            if rules is not None and isinstance(room.recorder, RoomRecorder):
                room.recorder.follow(rules)
            if view_door(before, room.name) != view_door(config, room.name):
                room.audience.end("who may watch it has changed")
        self.engine.writer.sync_interval_ms = int(config.storage.sync_interval * 1000)
        self.engine.watch.rules = settings.retention
        self.engine.sweeper.soon()
        self.page.follow(settings)


def titles_of(config: Config) -> dict[str, str | None]:
    """The configured rooms, and what people call them."""
    return {name: room.title for name, room in config.rooms.items()}


class Reloader:
    """Belongs to the loop; `run` is its task.

    Args:
        config: what the recorder starts with.
        errors: what is wrong with the file, where that is the last good one.
        storage: with `state`, the state folder, for the copy.
        settle: gives a configuration the addresses that are really listened on.
        rtmps_off: as of `Settings`, at the start.
        is_stopping: whether a reload comes too late.

    Attributes:
        config: what is in force.
        on_reloading: called before a reload, `on_ready` when it is over, however it went.
    """

    def __init__(
        self,
        config: Config,
        errors: tuple[str, ...],
        storage: Storage,
        state: Path,
        *,
        settle: Callable[[Config], Config],
        rtmps_off: str | None = None,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.config = config
        self.on_reloading: Callable[[], None] = lambda: None
        self.on_ready: Callable[[], None] = lambda: None
        self._errors = errors
        self._is_last_good = bool(errors)
        self._restart: tuple[str, ...] = ()
        self._settle = settle
        self._is_stopping = is_stopping
        self._asked = trio.Event()
        self._rtmps_off = rtmps_off
        self._last_good = LastGood(storage, state)
        if not errors and rtmps_off is None:
            self._last_good.keep(config)

    def ask(self) -> None:
        """Read the file again, soon. Asked many times in a moment it is read once, or twice."""
        self._asked.set()

    @property
    def view(self) -> ConfigView:
        """What the page says of it."""
        more = len(self._errors) - MOST_SHOWN
        shown = self._errors[:MOST_SHOWN] + ((f"and {more} more",) if more > 0 else ())
        return ConfigView(
            path=str(self.config.path),
            errors=shown,
            is_last_good=self._is_last_good,
            restart=self._restart,
            rtmps_off=self._rtmps_off,
        )

    async def run(self, parts: Parts) -> None:
        """Reload whenever it is asked for, until cancelled."""
        async with trio.open_nursery() as nursery:
            # Beside the reloading: a state folder whose disk stalls holds nobody up.
            nursery.start_soon(self._last_good.run, name="last good configuration")
            while True:
                await self._asked.wait()
                self._asked = trio.Event()
                if self._is_stopping():
                    continue
                self.on_reloading()
                await self._reload(parts)
                parts.page.board.changed()
                self.on_ready()

    async def _reload(self, parts: Parts) -> None:
        try:
            # Abandoned only when the recorder ends; it writes nothing.
            found, settings = await trio.to_thread.run_sync(
                partial(
                    _read,
                    self.config,
                    self._settle,
                    # What is off may stay off; what is on goes on with what it has.
                    may_lack_rtmps=self._rtmps_off is not None,
                ),
                abandon_on_cancel=True,
            )
            if not self._is_stopping():
                self._exchange(parts, found, settings)
        except ConfigError as error:
            self._errors = tuple(str(error).splitlines())
            _say_errors(self._errors)
            log.error(
                "The configuration %s is refused; what was in force stays in force.",
                self.config.path,
            )
        except Exception:
            # A fault of ours must not end what records (promise 7), and is not hushed up.
            self._errors = ("The reload failed; this is a fault of the recorder, see its log",)
            log.exception("The reload failed; this is a fault of the recorder")

    def _exchange(self, parts: Parts, found: Plan, settings: Settings) -> None:
        # First: who makes something new while the parts are told asks what is in force.
        before, self.config = self.config, settings.config
        parts.follow(settings, before)
        self._errors, self._is_last_good, self._restart = (), False, found.restart
        was_off, self._rtmps_off = self._rtmps_off, settings.rtmps_off
        say_rtmps_off(self._rtmps_off)
        if was_off and self._rtmps_off is None:
            log.info("RTMPS is on: its certificate can be used.")
        for warning in settings.config.warnings:
            log.warning("%s", warning.describe(str(settings.config.path)))
        changed = ", ".join(found.live) or "nothing has changed"
        log.info("The configuration was reloaded: %s.", changed)
        if found.restart:
            log.warning(
                "Restart needed for: %s. Until then the old value is in force.",
                ", ".join(found.restart),
            )
        if not found.restart and self._rtmps_off is None:
            self._last_good.keep(settings.config)


def say_fallback(config: Config, errors: tuple[str, ...]) -> None:
    """Say why the recorder starts with the last good configuration, if it does."""
    if errors:
        _say_errors(errors)
        log.critical(
            "The configuration %s cannot be used: the last good one is in force. Mend the file and "
            "reload.",
            config.path,
        )


def say_rtmps_off(why: str | None) -> None:
    """Say that encoders over RTMPS are refused, if they are."""
    if why is not None:
        log.critical("RTMPS is off: %s. Then reload; RTMP goes on.", why)


def _say_errors(errors: tuple[str, ...]) -> None:
    """As many as anybody reads."""
    for line in errors[:MOST_LOGGED]:
        log.error("%s", line)
    if len(errors) > MOST_LOGGED:
        log.error("... and %d more; `recorder check-config` names all.", len(errors) - MOST_LOGGED)


def _read(
    in_force: Config, settle: Callable[[Config], Config], *, may_lack_rtmps: bool
) -> tuple[Plan, Settings]:
    """Blocking.

    Args:
        may_lack_rtmps: as of `make_settings`.

    Raises:
        ConfigError: the file, or one that it names, cannot be used.
    """
    assert in_force.path is not None, "it was read from a file"
    try:
        new = settle(load(in_force.path))
    except StartError as error:
        # The next start would end with that.
        raise ConfigError(str(in_force.path), [Problem(str(error))]) from error
    found = plan(in_force, new)
    return found, make_settings(found.config, may_lack_rtmps=may_lack_rtmps)
