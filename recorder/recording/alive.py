"""The heartbeat in `.recorder/alive`: when this process last wrote, for the next start to read.

Owns that one small file. It is overwritten in place and never synced: it is for a process that was
killed, after which the kernel still has it. After a power cut it says nothing that is believed,
since the boot is another. Whatever it holds, the worst is a recording that is not continued.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from recorder.recording.durable import read_small_file

if TYPE_CHECKING:
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

ALIVE_FILE = "alive"

_BYTES = 128
"""Always written whole, so that no older text is left behind a shorter one."""


class Heartbeat:
    """Writes it. `beat` is called in the writer's thread, behind every batch.

    Args:
        boot: the machine's boot id.
    """

    def __init__(self, storage: Storage, boot: str) -> None:
        self._storage = storage
        self._boot = boot

    def beat(self, monotonic_ms: int) -> None:
        """Say that we live. Never raises: a disk that refuses this tells it with the next batch."""
        disk = self._storage.disk
        text = json.dumps({"boot": self._boot, "monotonic_ms": monotonic_ms}).encode()
        try:
            file = disk.open_lock(self._storage.meta, ALIVE_FILE)
            try:
                disk.write(file, text.ljust(_BYTES), 0)
            finally:
                disk.close(file)
        except OSError as error:
            log.debug("The heartbeat was not written: %s", error)


def last_beat_ms(storage: Storage, boot: str) -> int | None:
    """When the process before this one last wrote, on the monotonic clock of this boot; None: in
    another boot, or not known."""
    try:
        raw = json.loads(read_small_file(storage.disk, storage.meta, ALIVE_FILE))
    except (OSError, ValueError, RecursionError):
        return None
    match raw:
        case {"boot": str(seen), "monotonic_ms": int(at_ms)} if seen == boot:
            return at_ms
    return None
