"""The ledger of retention in the state folder, on the disk. Blocking, through `Disk`."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.recording.disk import PRIVATE_FILE_MODE, closing
from recorder.recording.durable import read_small_file, replace_file
from recorder.recording.retention.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.disk import Disk
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

LEDGER_FILE = "retention.json"


def read_ledger(disk: Disk, state: Path) -> Ledger:
    """What is remembered; a new one where nothing is, or where it is damaged.

    Raises:
        OSError: the state folder cannot be read.
    """
    try:
        with suppress(FileNotFoundError), closing(disk, disk.open_path(state)) as folder:
            return Ledger.from_bytes(read_small_file(disk, folder, LEDGER_FILE))
    except ValueError:
        log.warning(
            "What retention remembers, %s, was damaged; it begins anew.", state / LEDGER_FILE
        )
    return Ledger()


def write_ledger(storage: Storage, state: Path, content: bytes) -> None:
    """Remember it, durably.

    Args:
        content: of a `Ledger`, made where it belongs to.

    Raises:
        OSError: the state folder cannot be written.
    """
    with storage.state_folder(state) as folder:
        replace_file(storage.disk, folder, LEDGER_FILE, content, PRIVATE_FILE_MODE)
