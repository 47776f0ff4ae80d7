"""The journal: events on disk, appended by the recorder and read by whoever delivers.

Owns the files `NUMBER.jsonl` in the outbox's folder: only this module makes and removes them. Each
begins with a head (whose outbox it is, the highest id before, what was announced before), then one
event per line. Two processes share it without a lock because of three rules:

* A file is only ever appended to, by the process that made it. After a restart or a failed write
  the next event begins another file: nothing is written behind bytes that may be torn.
* The head is durable before the first event is written, and an event before the next batch.
* Ids jump at a restart by more than a power cut can take back, so an id that somebody has seen
  before the cut is never given again.

Everything here blocks. Full means: the oldest file goes, delivered or not, and what was not is
counted.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from recorder.hooks.announced import Announced
from recorder.hooks.events import from_line, to_event, to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recorder.hooks.events import Event

FILE_BYTES: Final = 64 * 1024
FILES: Final = 4
"""Even the fewest events are spread over so many files: a full outbox loses one of them."""

SKIPPED_IDS: Final = 10_000
"""More than one batch can hold: only that may be seen and not be durable."""

VERSION: Final = 1

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_NAME: Final = re.compile(r"([0-9]{10})\.jsonl")


def files_in(folder: Path) -> list[tuple[int, Path]]:
    """The files of a journal and their numbers, the oldest first. Raises OSError."""
    with os.scandir(folder) as entries:
        named = [(_NAME.fullmatch(entry.name), Path(entry.path)) for entry in entries]
    return sorted((int(match[1]), path) for match, path in named if match)


@attrs.frozen
class Head:
    """The first line of a file.

    Attributes:
        outbox: another one has other ids.
        before: no id in this file is as small, and none before is larger.
    """

    outbox: str
    before: int
    announced: dict[str, Any]

    @classmethod
    def read(cls, line: bytes) -> Head | None:
        match from_line(line):
            case {
                "version": int(version),
                "outbox": str(outbox),
                "before": int(before),
                "announced": dict(announced),
            } if version == VERSION:
                return cls(outbox, before, announced)
        return None

    def to_line(self) -> bytes:
        return to_line({"version": VERSION, **attrs.asdict(self)})


@attrs.define
class _File:
    path: Path
    bytes: int
    ids: list[int]


class Journal:
    """The recorder's end. One thread at a time.

    Args:
        folder: made if it is missing, its parent is there.
        events, size: how many, and how many bytes, are kept at most.
        delivered: given the outbox, the highest id up to which everybody was told of everything.

    Attributes:
        outbox: its name, for as long as its folder is there.
        next_id: what the next event may be called, or anything above.
        announced: what was told up to here; it belongs to the journal.
        lost: events that went before they were delivered.

    Raises:
        OSError: it cannot be read, or not be made.
    """

    def __init__(
        self, folder: Path, *, events: int, size: int, delivered: Callable[[str], int]
    ) -> None:
        self._folder = folder
        self._most_events = events
        self._most_bytes = size
        self._delivered = delivered
        self._files: list[_File] = []
        self._file: int | None = None
        self._waiting = b""
        self._events: list[Event] = []
        """In the bytes that wait."""
        self.lost = 0
        self.outbox = secrets.token_hex(8)
        self.next_id = 1
        self.announced = Announced()
        try:
            folder.mkdir(mode=_FOLDER_MODE)
        except FileExistsError:
            self._read()
        else:
            _sync_folder(folder.parent)
        self._next_file = 1 + max((int(each.path.stem) for each in self._files), default=0)
        try:
            self._begin()
        except OSError:
            self.close()
            raise
        self._tidy()

    def append(self, events: Iterable[Event]) -> None:
        """Write these, and make them durable.

        Raises:
            OSError: nothing is known of them: the same events are to be given again.
        """
        try:
            for event in events:
                self._write(event)
            self._flush()
        except OSError:
            self.close()
            self._waiting, self._events = b"", []
            raise
        self._tidy()

    def close(self) -> None:
        """Nothing more is written to the present file."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _write(self, event: Event) -> None:
        line = to_line(event.document)
        if self._is_full(len(line)):
            self._flush()
            self._begin()
        self._waiting += line
        self._events.append(event)

    def _is_full(self, more: int) -> bool:
        if self._file is None:
            return True
        file = self._files[-1]
        size, events = file.bytes + len(self._waiting), len(file.ids) + len(self._events)
        most = min(FILE_BYTES, self._most_bytes // FILES)
        return events > 0 and (size + more > most or events >= self._most_events // FILES)

    def _begin(self) -> None:
        """Another file, with a durable head and name."""
        self.close()
        path = self._folder / f"{self._next_file:010d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        # Whatever becomes of it, its name is used.
        self._next_file += 1
        self._file = os.open(path, flags, _FILE_MODE)
        self._files.append(_File(path, 0, []))
        self._waiting = Head(self.outbox, self.next_id - 1, self.announced.to_document()).to_line()
        self._flush()
        _sync_folder(self._folder)

    def _flush(self) -> None:
        if not self._waiting:
            return
        assert self._file is not None
        view = memoryview(self._waiting)
        while view:
            view = view[os.write(self._file, view) :]
        os.fdatasync(self._file)
        self._files[-1].bytes += len(self._waiting)
        for event in self._events:
            self._take(event)
        self._waiting, self._events = b"", []

    def _take(self, event: Event) -> None:
        self._files[-1].ids.append(event.id)
        self.announced.take(event)
        self.next_id = event.id + 1

    def _tidy(self) -> None:
        """Remove what is delivered, and the oldest of what is too much."""
        done = self._delivered(self.outbox) if len(self._files) > 1 else 0
        while len(self._files) > 1:
            oldest = self._files[0]
            undelivered = sum(number > done for number in oldest.ids)
            if undelivered and not self._is_too_much():
                return
            try:
                oldest.path.unlink(missing_ok=True)
            except OSError:
                # Behind the next batch again: that one tells what is the matter with the disk.
                return
            self.lost += undelivered
            del self._files[0]

    def _is_too_much(self) -> bool:
        events = sum(len(file.ids) for file in self._files)
        return events > self._most_events or sum(f.bytes for f in self._files) > self._most_bytes

    def _read(self) -> None:
        """What an earlier process has left."""
        for _, path in files_in(self._folder):
            lines = path.read_bytes().split(b"\n")
            head = Head.read(lines[0])
            if head is not None:
                self.outbox = head.outbox
                self._start_from(head)
            events = [to_event(from_line(line) or {}) for line in lines[1:-1]]
            self._files.append(_File(path, path.stat().st_size, []))
            for event in filter(None, events):
                # After a failed write it stands here a second time, behind a head without it.
                if event.id >= self.next_id:
                    self._take(event)
                else:
                    self.announced.take(event)
        if self._files:
            self.next_id += SKIPPED_IDS

    def _start_from(self, head: Head) -> None:
        try:
            self.announced = Announced(head.announced)
        except (KeyError, TypeError, ValueError):
            self.announced = Announced()
        self.next_id = max(self.next_id, head.before + 1)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
