"""What one room still has to write. Belongs to the event loop; the writer empties it.

Owns the order, and the account of how much memory waits and how much is under way. Knows nothing
of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from recorder.recording.batches import Job, Landing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.recording.files import RecordingFiles
    from recorder.recording.operations import Operation


class QueueOwner(Protocol):
    """What a room is told about its queue, on the loop."""

    def landed(self, operation: Operation) -> None:
        """Done, in order."""

    def is_safe(self, files: RecordingFiles, file: int, size: int) -> None:
        """So many bytes of a segment were synced."""

    def failed(self, error: Exception, lost: Sequence[Operation]) -> None:
        """These operations were not carried out, nor will be what stands in the queue; the room's
        files are closed as they are."""

    def gave_up(self, error: Exception) -> None:
        """The hop under way does not come back. `failed` follows when it does."""


class WriteQueue:
    """What one room still has to write. Belongs to the event loop. Made by `Writer.new_queue`.

    Attributes:
        room: its name, for the log.
        files: the room's recordings that have something open, or will.
    """

    def __init__(self, owner: QueueOwner, room: str) -> None:
        self.owner = owner
        self.room = room
        self.files: dict[RecordingFiles, None] = {}
        self.waiting: list[tuple[Operation, int]] = []
        self.waiting_bytes = 0
        self.waiting_since_ms = 0
        """When the oldest of them came."""
        self.in_flight: list[Operation] = []
        self.in_flight_bytes = 0
        self._in_flight_since_ms = 0
        self.unsafe_since_ms: int | None = None
        """When the oldest byte came that is in a file and not safe."""

    @property
    def pending_bytes(self) -> int:
        """Memory of what was handed over and is not yet in a file, a running hop included."""
        return self.waiting_bytes + self.in_flight_bytes

    @property
    def media_since_ms(self) -> int | None:
        """When the oldest came of what takes memory here; None: nothing does."""
        if self.in_flight_bytes:
            return self._in_flight_since_ms
        return self.waiting_since_ms if self.waiting_bytes else None

    @property
    def is_empty(self) -> bool:
        return not self.waiting and not self.in_flight

    def take(self) -> Job:
        waiting, self.waiting = self.waiting, []
        self.in_flight = [operation for operation, _ in waiting]
        self.in_flight_bytes, self.waiting_bytes = self.waiting_bytes, 0
        self._in_flight_since_ms = self.waiting_since_ms
        return Job(tuple(self.files), self.in_flight, self.waiting_since_ms)

    def give_up_waiting(self) -> tuple[list[Operation], int]:
        """What has not been taken yet, and its size."""
        lost, size = [operation for operation, _ in self.waiting], self.waiting_bytes
        self.waiting, self.waiting_bytes = [], 0
        return lost, size

    def landed(self, landing: Landing) -> None:
        """The hop is over."""
        done, lost = self.in_flight[: landing.done], self.in_flight[landing.done :]
        self.in_flight, self.in_flight_bytes = [], 0
        self.unsafe_since_ms = landing.unsafe_since_ms
        for operation in done:
            self.owner.landed(operation)
        for files, file, size in landing.safe:
            self.owner.is_safe(files, file, size)
        if landing.error is not None:
            self.owner.failed(landing.error, lost)
