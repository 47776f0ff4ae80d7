"""The copy of the last good configuration, for a start that cannot use the file. A part of the app.

Owns when it is written: of a configuration that has run, and of none that still waits for a
restart, says who asks for it. It lies in the state folder, and keeps nobody waiting whose disk
stalls. What stands in it is the business of `config.last_good`.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from recorder.config.last_good import LAST_GOOD_FILE, copy_of
from recorder.logs import same
from recorder.recording.disk import PRIVATE_FILE_MODE
from recorder.recording.durable import forget_replacement, read_small_file, replace_file

if TYPE_CHECKING:
    from recorder.config import Config
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)


class LastGood:
    """Belongs to the loop; `run` is its task.

    Args:
        storage: with `state`, the state folder.
    """

    def __init__(self, storage: Storage, state: Path) -> None:
        self._storage = storage
        self._state = state
        self._config: Config | None = None
        self._changed = trio.Event()

    def keep(self, config: Config) -> None:
        """A start may fall back on this one, from soon on."""
        self._config = config
        self._changed.set()

    async def run(self) -> None:
        """Write until cancelled, one at a time and only the newest."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            assert self._config is not None, "there is one to be kept"
            call = partial(write_last_good, self._storage, self._state, self._config)
            try:
                # Abandoned only when the recorder ends.
                await trio.to_thread.run_sync(call, abandon_on_cancel=True)
            except OSError as error:
                log.warning(
                    "No copy of this configuration can be kept, for a start that cannot use the "
                    "file: %s.",
                    error,
                    extra=same("last good"),
                )


def write_last_good(storage: Storage, state: Path, config: Config) -> None:
    """Keep a copy of what this configuration was read from, for `run` to fall back on; under
    systemd in the folder that it gives us, which is found without a configuration. Blocking.

    Raises:
        OSError: it could not be kept; the one before may be there.
    """
    assert config.path is not None, "it was read from a file"
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    copy = copy_of(config.path, config.text)
    with storage.state_folder(Path(given) if given else state) as folder:
        # Of a recorder that was killed meanwhile it has the keys too, and nobody replaces it.
        forget_replacement(storage.disk, folder, LAST_GOOD_FILE)
        with suppress(FileNotFoundError):
            if read_small_file(storage.disk, folder, LAST_GOOD_FILE) == copy:
                return
        replace_file(storage.disk, folder, LAST_GOOD_FILE, copy, PRIVATE_FILE_MODE)
