"""How much a disk had to take: what was written to it in the last day, by everybody.

A card wears by what is written, and not only the recorder writes. So this is the kernel's count for
the whole device, of which a folder's partition is a part. It is told with the time that it spans,
a day at most and shorter after a start: nothing is projected.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recorder.status.digits import rounded
from recorder.status.house_views import WearView

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY_S: Final = 86_400.0
STEP_S: Final = 600.0
"""Between two moments that are remembered; a day has 144 of them."""

SECTOR_BYTES: Final = 512
"""Of the kernel's counts, whatever the disk has (Documentation/block/stat.rst)."""

_WRITTEN: Final = 6
"""The place in `stat` of the sectors written."""


class Wear:
    """Of the device below one folder.

    Args:
        stat: where the kernel counts.
    """

    def __init__(self, directory: Path, stat: Path) -> None:
        self._directory = directory
        self.stat = stat
        self._past: deque[tuple[float, int]] = deque()
        self._total_bytes = 0
        self._looked_s = 0.0

    def look(self, now_s: float) -> None:
        """Read the count. Blocking, but never on the disk itself.

        Args:
            now_s: on a clock that is never set.
        """
        total = _written_bytes(self.stat)
        if total is None:
            return
        if self._past and total < self._total_bytes:
            self._past.clear()  # another disk, or the same plugged in again: it counts anew
        self._total_bytes, self._looked_s = total, now_s
        if not self._past or now_s - self._past[-1][0] >= STEP_S:
            self._past.append((now_s, total))
        while len(self._past) > 1 and now_s - self._past[1][0] >= DAY_S:
            self._past.popleft()

    def view(self, now_s: float) -> WearView | None:
        """As of the last look that found something; None: nothing is known."""
        if not self._past:
            return None
        began_s, before = self._past[0]
        return WearView(
            directory=str(self._directory),
            written_bytes=self._total_bytes - before,
            period_s=rounded(self._looked_s - began_s),
            total_bytes=self._total_bytes,
            age_s=rounded(now_s - self._looked_s),
        )


def wear_of(
    directories: Sequence[Path], root: Path = Path("/"), *, besides: Sequence[Wear] = ()
) -> list[Wear]:
    """One for each disk that these folders lie on, called by its first folder. Those of which the
    kernel counts nothing (a network, memory) have none. `root` is where `sys` lies, `besides` are
    the disks that are looked at already."""
    known = {each.stat for each in besides}
    found: dict[Path, Wear] = {}
    for directory in directories:
        try:
            device = os.stat(directory).st_dev
        except OSError:
            continue
        stat = _stat_of(root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}")
        if stat.is_file() and stat not in known:
            found.setdefault(stat, Wear(directory, stat))
    return list(found.values())


def _stat_of(device: Path) -> Path:
    """Of the whole disk, where this is a partition of one (sysfs: `partition`)."""
    device = device.resolve()
    return (device.parent if (device / "partition").exists() else device) / "stat"


def _written_bytes(stat: Path) -> int | None:
    try:
        return int(stat.read_text().split()[_WRITTEN]) * SECTOR_BYTES
    except (OSError, IndexError, ValueError):
        return None
