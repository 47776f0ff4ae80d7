"""Looks at the machine now and then: memory, load, temperature, and what its disks had to take.

A part of the app. In a thread, since the kernel may take its time over a file of `/proc`; and
seldom while nobody publishes nor watches, since each look is a wake-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from recorder.status.machine import Machine, read_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder.status.house_views import WearView
    from recorder.status.wear import Wear

MACHINE_S: Final = 10.0
IDLE_MACHINE_S: Final = 60.0
"""Between two looks; while nobody publishes nor watches until somebody does."""


class MachineWatch:
    """Belongs to the loop; `run` is its task.

    Args:
        wear: the disks that are looked at for what is written to them; one may come.
        is_idle: whether nobody publishes nor watches.

    Attributes:
        latest: what was found.
    """

    def __init__(self, wear: Sequence[Wear], *, is_idle: Callable[[], bool]) -> None:
        self.latest = Machine(
            memory_bytes=None,
            load=None,
            temperature_c=None,
            under_voltage_now=None,
            under_voltage_ever=None,
        )
        self._wear = wear
        self._is_idle = is_idle
        self._looked_s: float | None = None
        self._wanted = trio.Event()

    def wanted(self) -> None:
        """Somebody may publish or watch."""
        self._wanted.set()

    def age_s(self, now_s: float) -> float | None:
        """Since `latest` was measured; None: it was not yet."""
        return None if self._looked_s is None else now_s - self._looked_s

    def wear(self, now_s: float) -> tuple[WearView, ...]:
        """Of each disk of which something is known."""
        return tuple(view for each in self._wear if (view := each.view(now_s)) is not None)

    async def run(self) -> None:
        """Look until cancelled."""
        limiter = trio.CapacityLimiter(1)
        while True:
            now_s = trio.current_time()
            self.latest = await trio.to_thread.run_sync(
                self._look, now_s, limiter=limiter, abandon_on_cancel=True
            )
            self._looked_s = now_s
            await trio.sleep(MACHINE_S)
            if self._is_idle():
                self._wanted = trio.Event()
                with trio.move_on_after(IDLE_MACHINE_S - MACHINE_S):
                    await self._wanted.wait()

    def _look(self, now_s: float) -> Machine:
        for each in self._wear:
            each.look(now_s)
        return read_machine()
