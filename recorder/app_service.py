"""The recorder as a service of systemd: that it lives, how it is, and that it needs more time.

A part of the app. Owns the watchdog's beat, which comes from the event loop itself and stops when
the loop does, or when a session does not run any more though the loop does. It waits for nothing
else: a disk that stalls is an alarm, and no reason to be killed. Where nobody listens it does
nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from recorder.live.pulse import Overdue
from recorder.logs import same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recorder.live.pulse import Pulse
    from recorder.status.snapshot import Snapshot
    from recorder.systemd import Notifier

log = logging.getLogger(__name__)

BEATS: Final = 3
"""In the time in which the watchdog wants to hear one (sd_watchdog_enabled(3) advises two)."""

STATUS_EVERY_S: Final = 1.0
"""The most often that systemd is told how we are."""

MORE_TIME_S: Final = 20.0
ASK_EVERY_S: Final = 5.0

BEHIND_THE_LIMIT_S: Final = 10.0
"""What the end may take when the disk has been given up."""


class Service:
    """What systemd hears of us. Belongs to the loop; `run` is its task.

    Args:
        watchdog_s: in which it wants to hear of us; None: it does not watch.

    Attributes:
        pulses: gives those of all sessions.
    """

    def __init__(self, notifier: Notifier, watchdog_s: float | None) -> None:
        self.notifier = notifier
        self.pulses: Callable[[], Iterable[Pulse]] = lambda: ()
        self._watchdog_s = watchdog_s
        self._text = ""
        self._changed = trio.Event()

    def show(self, picture: Snapshot) -> None:
        """The newest picture of everything."""
        text = in_words(picture)
        if text != self._text:
            self._text = text
            self._changed.set()

    async def run(self, stop: trio.Event, *, stop_timeout_s: Callable[[], float]) -> None:
        """Until cancelled, or until nothing is left to be said.

        Args:
            stop: the end has begun.
            stop_timeout_s: what it may take, asked when it has begun.
        """
        if not self.notifier.is_heard:
            return
        async with trio.open_nursery() as nursery:
            if self._watchdog_s is not None:
                nursery.start_soon(self._beat, self._watchdog_s / BEATS, name="watchdog")
            nursery.start_soon(self._tell_status, name="status for systemd")
            await stop.wait()
            self.notifier.stopping()
            # systemd counts from its own signal; it lets go of us only when we are silent.
            with trio.move_on_after(stop_timeout_s() + BEHIND_THE_LIMIT_S):
                while True:
                    self.notifier.extend(MORE_TIME_S)
                    await trio.sleep(ASK_EVERY_S)

    async def _beat(self, every_s: float) -> None:
        overdue = Overdue()
        while True:
            stuck = overdue.look(self.pulses(), trio.current_time())
            for each in stuck:
                log.critical(
                    "%s: its session does not run any more; this is a fault of the recorder. "
                    "systemd is not told that all is well, and restarts it.",
                    each.who,
                    extra=same("stuck", each.who),
                )
            if not stuck:
                self.notifier.alive()
            await trio.sleep(every_s)

    async def _tell_status(self) -> None:
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            self.notifier.status(self._text)
            await trio.sleep(STATUS_EVERY_S)


def in_words(picture: Snapshot) -> str:
    """How the recorder is, in a line: the rooms that are live, and the worst alarm."""
    line = f"{picture.live_rooms} of {len(picture.rooms)} rooms live"
    worst = picture.worst_alarm
    if worst is None:
        return f"{line}, no alarm"
    place = "" if worst.room is None else f"{worst.room}: "
    return f"{line}; {worst.severity}: {place}{worst.text}"
