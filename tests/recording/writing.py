"""Rooms that a writer writes for, and their files: a fake that writes down what it is told, from
whatever thread."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, cast

import attrs

from recorder.recording.actions import Appended, CutReason, Opened
from recorder.recording.entries import Entry
from recorder.recording.manifest import Client, Manifest
from recorder.recording.operations import Append

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recorder.recording.files import RecordingFiles
    from recorder.recording.operations import Operation
    from recorder.recording.write_queue import WriteQueue
    from recorder.recording.writer import Writer

MANIFEST = Manifest(
    room="room101",
    number=1,
    start="2026-11-23T10:00:00.000Z",
    clock="trusted",
    client=Client(address="10.0.0.1", software="test"),
)


ENTRY = Entry(folder="room101/2026-11-23/0000001-100000Z")
OPENED = Opened(
    segment=0,
    head=b"head",
    reason=CutReason.START,
    new_recording=False,
    base=0,
    position_ms=0,
    forced=False,
)


@attrs.define(eq=False)
class FakeFiles:
    """Stands where `RecordingFiles` do. `gate` holds every call up until it is set."""

    calls: list[str] = attrs.field(factory=list)
    threads: set[int] = attrs.field(factory=set)
    fail_at: str = ""
    error: Exception = attrs.field(factory=lambda: OSError(errno.EIO, "Input/output error"))
    gate: threading.Event | None = None
    unsafe_since_ms: int | None = None

    def _do(self, call: str) -> None:
        self.threads.add(threading.get_ident())
        if self.gate is not None:
            assert self.gate.wait(30)
        if call == self.fail_at:
            raise self.error
        self.calls.append(call)

    def start(self, manifest: Manifest) -> None:
        self._do("start")

    def reopen(self) -> None:
        self._do("reopen")

    def open_segment(self, file: int, head: bytes, now_ms: int) -> None:
        self._do(f"open {file}")

    def append(self, file: int, data: bytes, since_ms: int) -> None:
        self._do(f"append {file} {data.decode()}")
        if self.unsafe_since_ms is None:
            self.unsafe_since_ms = since_ms

    def sync_due(self, before_ms: int) -> Iterator[tuple[int, int]]:
        if self.unsafe_since_ms is not None and self.unsafe_since_ms <= before_ms:
            self._do("sync 1")
            self.unsafe_since_ms = None
            yield 1, 100

    def close_segment(self, file: int, patches: Sequence[tuple[int, bytes]]) -> None:
        self._do(f"close {file}")

    def save_manifest(self, manifest: Manifest) -> None:
        self._do("manifest")

    def note(self, entry: Entry) -> None:
        self._do("note")

    def forget(self) -> None:
        self._do("forget")

    def close(self) -> None:
        self.calls.append("closed")


@attrs.define(eq=False)
class Room:
    """Whom a queue belongs to, and what it was told."""

    files: FakeFiles
    queue: WriteQueue = attrs.field(init=False)
    done: list[Operation] = attrs.field(factory=list)
    safe: list[tuple[int, int]] = attrs.field(factory=list)
    errors: list[Exception] = attrs.field(factory=list)
    lost: list[Operation] = attrs.field(factory=list)
    given_up: list[Exception] = attrs.field(factory=list)

    @classmethod
    def of(cls, writer: Writer, files: FakeFiles | None = None) -> Room:
        room = cls(files or FakeFiles())
        room.queue = writer.new_queue(room, "hall")
        room.queue.files[room.real] = None
        return room

    @property
    def real(self) -> RecordingFiles:
        return cast("RecordingFiles", self.files)

    def append(self, text: str, file: int = 1) -> Append:
        return Append(self.real, file, Appended(OPENED, text.encode()), self)

    def landed(self, operation: Operation) -> None:
        self.done.append(operation)

    def is_safe(self, files: RecordingFiles, file: int, size: int) -> None:
        self.safe.append((file, size))

    def failed(self, error: Exception, lost: Sequence[Operation]) -> None:
        self.errors.append(error)
        self.lost += lost

    def gave_up(self, error: Exception) -> None:
        self.given_up.append(error)


async def drained(writer: Writer) -> None:
    while not all(queue.is_empty for queue in writer._queues):
        writer.hurry()
        await writer.next_hop()


async def landed(writer: Writer) -> None:
    writer.hurry()
    await writer.next_hop()
