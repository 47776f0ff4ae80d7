"""The journal as whoever delivers reads it: what is new since the last look.

Owns how far was read. Everything here blocks, and changes nothing on the disk. It is asked once a
second and looks at two times of the file system while nothing is new: the notices of the kernel
(inotify) would need code of our own for one system call, and a second is soon enough for a hook.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from recorder.hooks.events import from_line, to_event
from recorder.hooks.journal import Head, files_in

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.hooks.events import Event


class Reader:
    """One thread at a time.

    Attributes:
        outbox: whose ids these are; "" while nothing was read.
        damaged: lines that could not be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = 0
        self._offset = 0
        self._last_id = 0
        self._seen: object = None
        self.outbox = ""
        self.damaged = 0

    def new(self) -> list[Event]:
        """The events since the last call, each once, in order; none while there is no journal.

        Raises:
            OSError: it cannot be read now.
        """
        try:
            seen = self._times()
            if seen == self._seen:
                return []
            files = files_in(self._folder)
        except FileNotFoundError:
            self._file = 0
            return []
        if not files or files[-1][0] < self._file:
            # Somebody has thrown the outbox away.
            self._file = 0
        events: list[Event] = []
        for number, path in files:
            if number < self._file:
                continue
            if number > self._file:
                self._file, self._offset = number, 0
            try:
                self._read(path, events)
            except FileNotFoundError:
                # The recorder has removed it meanwhile: there was no more room for it.
                continue
        self._seen = seen
        return events

    def _times(self) -> object:
        folder = os.stat(self._folder).st_mtime_ns
        try:
            size = os.stat(self._folder / f"{self._file:010d}.jsonl").st_size
        except FileNotFoundError:
            size = -1
        return folder, self._file, size

    def _read(self, path: Path, events: list[Event]) -> None:
        with open(path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        # What stands behind the last line break is not written yet, or never will be.
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._take(line, events, is_head=self._offset == 0)
            self._offset += len(line) + 1

    def _take(self, line: bytes, events: list[Event], *, is_head: bool) -> None:
        if is_head:
            head = Head.read(line)
            if head is not None and head.outbox != self.outbox:
                self.outbox, self._last_id = head.outbox, 0
            return
        event = to_event(from_line(line) or {})
        if event is None:
            self.damaged += 1
        elif event.id > self._last_id:
            # Behind a failed write the same events come again.
            self._last_id = event.id
            events.append(event)
