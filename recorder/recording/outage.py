"""A room whose disk takes nothing: what goes back, what is kept, and how it all goes on.

Owns the fault of a room, from the failure to the moment when the disk is well. What was on its way
goes back to the publishes it came from, and from there on they keep what comes, up to the room's
buffer. `resume` plays it all once more, in order, as if the disk had been slow. Of a recording of
which nothing had reached the disk nothing is kept but that: another number is taken.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder.logs import of_room, same
from recorder.recording.operations import Append, Reopen, Start
from recorder.recording.refusals import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.recording.books import Books
    from recorder.recording.operations import Operation
    from recorder.recording.publish import Publish
    from recorder.recording.recording import LiveRecording
    from recorder.recording.services import Repaired

log = logging.getLogger(__name__)

MOST_PUBLISHES = 64
"""That may wait for the disk; an encoder that comes and goes all the time is not to fill memory."""

PUBLISH_BYTES = 8 << 10
"""What a publish that waits costs beside its media."""


class Outage:
    """Attributes:
    fault: why nothing is written, in words; None while it is.
    held: why nothing shall be written, by a policy; None while it may be.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._room = books.room
        self._log = of_room(log, books.room)
        self._queue = books.queue
        self._services = books.services
        self._writer = books.services.writer
        self._given_up: list[Operation] = []
        self.fault: str | None = None
        self.held: str | None = None
        self._is_failed = False
        self._told = 0, 0
        """What was said to be lost since something was last written: ms, bytes."""

    def gave_up(self, error: Exception) -> None:
        """As of `QueueOwner`."""
        self._suspend(error)
        self._given_up = self._take_back([])

    def failed(self, error: Exception, lost: Sequence[Operation]) -> None:
        """As of `QueueOwner`."""
        self._suspend(error)
        lost, self._given_up = [*self._take_back(lost), *self._given_up], []
        self._write_off(error, lost)

    def _suspend(self, error: Exception) -> None:
        reason = in_words(error, self._services.storage.directory)
        if self.fault is None and (self._books.publishes or self._books.recordings):
            self._log.error(
                "not recorded: %s What comes is kept in memory.",
                reason,
                extra=same("not recorded", self._room),
                # Anything else is a fault of ours, and whoever mends it needs to see where.
                exc_info=None if isinstance(error, OSError) else error,
            )
        self.fault = reason
        self._is_failed = True

    def _take_back(self, lost: Sequence[Operation]) -> list[Operation]:
        """Give the media among these operations, and of those that wait, back to the publishes
        they came from; returns all of the operations."""
        for publish in self._books.publishes:
            # What the segmenter has decided and nobody has carried out is lost with the rest.
            if not publish.is_suspended:
                self._books.carry_out(publish)
        lost = [*lost, *self._writer.give_up(self._queue)]
        counts = [publish.suspend(lost) for publish in self._books.publishes]
        self._books.expect_recording()
        for recording in self._books.recordings:
            recording.suspend()
        if self._books.recording is not None:
            for each in counts:
                self._books.recording.count(each)
        self.trim()
        return lost

    def _write_off(self, error: Exception, lost: Sequence[Operation]) -> None:
        """Settle which recordings go on, and have their open segments made whole."""
        services = self._services
        # Not an opening: where a recording ends, the next one's stands before its last frames.
        first = next((each for each in lost if isinstance(each, Append)), None)
        for recording in list(self._books.recordings):
            is_gone = self._is_gone(recording, error, lost)
            if not recording.is_begun or is_gone:
                self._books.recordings.remove(recording)
                self._queue.files.pop(recording.files, None)
                if is_gone:
                    self._begin_anew_behind(recording)
                if is_gone or (lost and isinstance(lost[0], Start)):
                    services.recover(recording.path)
                if recording is self._books.recording:
                    self._books.recording = None
                continue
            for part in recording.write_off(lost):
                services.repair(part, _repaired(self._books, recording, part.file))
            if first is not None and first.files is recording.files:
                recording.go_on()
                self._books.recording = recording

    def _is_gone(
        self, recording: LiveRecording, error: Exception, lost: Sequence[Operation]
    ) -> bool:
        """Whether its folder is no longer there, which its opening has just told."""
        tried = lost[0] if lost else None
        is_gone = (
            isinstance(error, FileNotFoundError)
            and isinstance(tried, Reopen)
            and tried.files is recording.files
        )
        if is_gone:
            self._log.error(
                "recording %d is lost: its folder %s is gone; another recording begins",
                recording.number,
                recording.path,
            )
        return is_gone

    def _begin_anew_behind(self, gone: LiveRecording) -> None:
        """What waits begins another recording, and not minutes into one that has nothing before."""
        behind = [each for each in self._books.publishes if each.recording is gone]
        for publish in behind:
            publish.lose_recording()
        for first in behind[:1]:
            # It continues nothing any more.
            first.gap = None

    # Stopped by policy.

    def hold(self, reason: str) -> None:
        """Nothing is written from here on, though the disk would take it: what is open is closed.

        Args:
            reason: in words, with what to do.
        """
        self.held = reason
        if self._is_failed:
            return
        is_held_already, self.fault = self.fault is not None, reason
        if is_held_already:
            return
        if self._books.publishes:
            self._log.error("not recorded: %s", reason)
        for publish in self._books.publishes:
            publish.pause()
            self._books.carry_out(publish)
        self._books.expect_recording()
        self._writer.hurry()

    def release(self, now_ms: int) -> None:
        """The policy lets it write again."""
        self.held = None
        if not self._is_failed:
            self.resume(now_ms)

    # What is kept, and how it goes on.

    def trim(self) -> None:
        """Keep what waits for the disk below the room's buffer: the oldest goes first."""
        excess = self._books.pending_bytes + PUBLISH_BYTES * len(self._books.publishes)
        excess -= self._services.buffer_bytes()
        for publish in self._books.publishes:
            if excess <= 0:
                break
            before = publish.backlog_bytes
            self._give_up(publish, max(0, before - excess))
            excess -= before - publish.backlog_bytes

    def limit(self) -> None:
        """Publishes too many may not wait; what the oldest had sent is counted as lost."""
        while len(self._books.publishes) > MOST_PUBLISHES:
            publish = self._books.publishes[0]
            self._give_up(publish, 0)
            self._books.drop(publish)
            self._tell_lost(*publish.lost)
            self._books.end_behind(publish)

    def _give_up(self, publish: Publish, limit_bytes: int) -> None:
        """Keep no more of it than this. Counted at once and not when the disk is well: whoever
        looks meanwhile must see how much is lost already."""
        _, before = publish.lost
        publish.segmenter.trim(limit_bytes)
        _, behind = publish.lost
        reason = "buffer" if self._is_failed else "policy"
        self._books.totals.dropped_bytes[reason] += behind - before

    @property
    def lost(self) -> tuple[int, int]:
        """Media given up since something was last written, in ms and in bytes: it grows as long as
        the disk takes nothing, also across moments when it only seemed to be well."""
        ms, size = self._told
        for publish in self._books.publishes:
            lost_ms, lost_bytes = publish.lost
            ms, size = ms + lost_ms, size + lost_bytes
        return ms, size

    def written(self) -> None:
        """Media of the room have reached the disk; what was lost before stands in the manifest."""
        if self.fault is None:
            self._told = 0, 0

    def resume(self, now_ms: int) -> None:
        """The disk takes writes again: everything that waits is written, in order."""
        if self.fault is None or self._writer.silence is not None:
            return
        self._is_failed = False
        self.fault = self.held
        for recording in self._books.recordings:
            recording.resume()
        if self.held is not None:
            return
        if self._books.publishes or self._books.recordings:
            self._log.info("recorded again")
        for publish in list(self._books.publishes):
            self._resume_publish(publish, now_ms)
        self._books.is_open = self._books.recording is not None
        self._books.drop_written()
        if not self._books.publishes:
            # Nothing is left that could still be written.
            self._told = 0, 0
        self._writer.hurry()

    def _resume_publish(self, publish: Publish, now_ms: int) -> None:
        lost_ms, lost_bytes = publish.lost
        if not publish.is_placed:
            publish.is_placed = True
            if publish.gap is not None and self._books.recording is not None:
                end_ms = self._books.recording.end_position_ms
                publish.segmenter.continue_at(end_ms + publish.gap.ms)
        publish.is_suspended = False
        publish.segmenter.resume(now_ms)
        self._books.carry_out(publish)
        if publish.has_left:
            self._books.note_end(publish)
        self._tell_lost(lost_ms, lost_bytes)
        self._books.end_behind(publish)

    def _tell_lost(self, lost_ms: int, lost_bytes: int) -> None:
        """Every loss is said (promise 5)."""
        if not lost_bytes:
            return
        self._log.error(
            "%.1f s were not written, %d bytes: the disk took nothing and the buffer was full",
            lost_ms / 1000,
            lost_bytes,
        )
        told_ms, told_bytes = self._told
        self._told = told_ms + lost_ms, told_bytes + lost_bytes
        if self._books.recording is not None:
            self._books.recording.count({"lost_ms": lost_ms, "lost_bytes": lost_bytes})


def _repaired(books: Books, recording: LiveRecording, file: int) -> Repaired:
    return lambda found: books.repaired(recording, file, found)
