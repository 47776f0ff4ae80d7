"""The two clocks, and whether the second one can be believed.

Order and durations come from the monotonic clock, which nothing can step. The wall clock is a
label: a Raspberry Pi has none until the network gives it one. Every part that needs time is handed
a Clock, so that tests decide what time it is. Timeouts of the event loop stay Trio's.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from recorder.trust import Known, doubt

if TYPE_CHECKING:
    from collections.abc import Callable

SYNCHRONISED = "/run/systemd/timesync/synchronized"
"""systemd-timesyncd makes this file when it has set the clock for the first time since boot."""


class Clock(Protocol):
    """What time it is."""

    def monotonic_ms(self) -> int:
        """Milliseconds from an arbitrary beginning; only differences mean something."""
        ...

    def utc_ns(self) -> int:
        """Nanoseconds since 1970 by the wall clock, which may jump in either direction."""
        ...

    def trusted(self) -> bool:
        """Whether the wall clock is known to be right."""
        ...


class SystemClock:
    """This machine's clocks.

    Args:
        trust: `always` for a machine with a clock of its own (RTC) or another time service;
            `auto` believes the wall clock once systemd-timesyncd has synchronised it. Either way
            it is doubted where `trust.doubt` says so: a coin cell dies, too.
        marker: the file that says that it is synchronised.

    Attributes:
        is_always: whether `trust` is `always`.
        newest_utc_ms: gives the start of the newest recording, by a believed clock.
        confirmed_utc_ms, withdrawn: as of `trust.Known`.
    """

    def __init__(
        self, trust: Literal["auto", "always"] = "auto", *, marker: str = SYNCHRONISED
    ) -> None:
        self.is_always = trust == "always"
        self._marker = marker
        self.newest_utc_ms: Callable[[], int | None] = lambda: None
        self.confirmed_utc_ms: int | None = None
        self.withdrawn: str | None = None

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def utc_ns(self) -> int:
        return time.time_ns()

    def steady_ms(self) -> int:
        """A monotonic clock that goes on while the machine sleeps: the wall clock does, too, and
        waking up is no step."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def trusted(self) -> bool:
        return self.doubt() is None

    def doubt(self) -> str | None:
        """Why the wall clock is not believed, in words; None: it is."""
        return doubt(self.known())

    def known(self) -> Known:
        """What is known of the wall clock now."""
        return Known(
            now_utc_ms=self.utc_ns() // 1_000_000,
            # Asked again each time: the marker appears minutes after the start of a machine. It
            # lies in memory (/run), so looking does not wait for a disk.
            is_synchronised=self.is_always or os.path.exists(self._marker),
            newest_utc_ms=self.newest_utc_ms(),
            confirmed_utc_ms=self.confirmed_utc_ms,
            withdrawn=self.withdrawn,
        )


def boot_id(path: str = "/proc/sys/kernel/random/boot_id") -> str:
    """This boot of the machine, to tell whether a monotonic time of another process means
    anything here; "" where the kernel does not say."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def utc_text(utc_ns: int) -> str:
    """A wall clock time as manifests and logs write it: `2026-11-22T10:30:00.000Z`."""
    # Added to 1970 as whole milliseconds: a float of nanoseconds would round.
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=utc_ns // 1_000_000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
