"""A room that is recorded without a loop and without threads: real segmenter, real files, and a
writer whose hops the test makes by hand.

So whatever a disk does, and whenever, is played through to the end in a few milliseconds, and the
same lesson can be recorded onto the real disk, onto one that fails, and onto one that forgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import attrs

from recorder.flv.scanner import scan_file
from recorder.recording.batches import Job, write_batch
from recorder.recording.hashing import sha256_of
from recorder.recording.hop import DiskSilentError, Race, silence
from recorder.recording.manifest import Client, Manifest
from recorder.recording.recovery import recover_recording
from recorder.recording.room_recorder import RoomRecorder
from recorder.recording.services import Services
from recorder.recording.shelves import open_recording
from recorder.recording.write_queue import WriteQueue
from recorder.recording.writer import SLACK_MS
from recorder.recording.written_off import WrittenOff, make_whole
from tests.helpers.clock import FakeClock
from tests.helpers.media import AUDIO, VIDEO, aac_config, aac_frame, avc_config, avc_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.recording.actions import SegmentRules
    from recorder.recording.files import RecordingFiles
    from recorder.recording.operations import Operation
    from recorder.recording.services import Repaired
    from recorder.recording.storage import Storage
    from recorder.recording.write_queue import QueueOwner
    from recorder.recording.writer import Writer

CLIENT = Client(address="10.0.0.1", software="test")
FRAME_MS = 200
GOP_FRAMES = 5
SECOND = 1000 // FRAME_MS
ENCODER = "test"
BOOT = "boot-1"


@attrs.define(eq=False)
class HandWriter:
    """Stands where a `Writer` does; `hop` carries what waits to the disk, in this thread.

    Attributes:
        errors: what the disk refused, in order.
        silence: as of a `Writer`; set between `hang` and `come_back`.
    """

    clock: FakeClock
    sync_interval_ms: int = 5000
    queues: list[WriteQueue] = attrs.field(factory=list)
    errors: list[Exception] = attrs.field(factory=list)
    silence: DiskSilentError | None = None
    _jobs: list[Job] = attrs.field(factory=list)

    def new_queue(self, owner: QueueOwner, room: str) -> WriteQueue:
        self.queues.append(WriteQueue(owner, room))
        return self.queues[-1]

    def enqueue(self, queue: WriteQueue, operation: Operation, size: int = 0) -> None:
        if not queue.waiting:
            queue.waiting_since_ms = self.clock.now_ms
        queue.waiting.append((operation, size))
        queue.waiting_bytes += size

    def give_up(self, queue: WriteQueue) -> list[Operation]:
        return queue.give_up_waiting()[0]

    def hurry(self) -> None:
        """Whoever makes the hops by hand makes them when he wants."""

    def hop(self) -> None:
        """One hop, there and back."""
        now_ms = self.clock.now_ms
        jobs = [queue.take() for queue in self.queues]
        before_ms = now_ms - self.sync_interval_ms + SLACK_MS
        landings = write_batch(jobs, now_ms, before_ms, Race())
        for queue, landing in zip(self.queues, landings, strict=True):
            if landing.error is not None:
                self.errors.append(landing.error)
            queue.landed(landing)

    def hang(self) -> None:
        """A hop goes and does not come back: the loop gives it up."""
        self._jobs = [queue.take() for queue in self.queues]
        self.silence = silence()
        for queue in self.queues:
            queue.owner.gave_up(self.silence)

    def come_back(self) -> None:
        """The hop that was given up comes back after all, having done its work."""
        race = Race()
        assert race.is_won_by("loop")
        now_ms = self.clock.now_ms
        landings = write_batch(self._jobs, now_ms, now_ms, race)
        self.silence = None
        for queue, landing in zip(self.queues, landings, strict=True):
            assert landing.error is not None
            self.errors.append(landing.error)
            queue.landed(landing)


@attrs.define(eq=False)
class Studio:
    """A room, its storage, and an encoder that sends five frames a second with a key each second.

    Attributes:
        frame_bytes: of each picture.
        sent: marks of all video frames that were sent, in order; each is another one.
        safe: what was said to be safe: bytes, by folder and number of the file.
    """

    storage: Storage
    rules: SegmentRules
    clock: FakeClock = attrs.field(factory=FakeClock)
    buffer_bytes: int = 64 << 20
    frame_bytes: int = 8
    hashes: bool = True
    writer: HandWriter = attrs.field(init=False)
    recorder: RoomRecorder = attrs.field(init=False)
    sent: list[int] = attrs.field(factory=list)
    safe: dict[tuple[str, int], int] = attrs.field(factory=dict)
    saved: list[tuple[str, Manifest]] = attrs.field(factory=list)
    _publish_began: int = 0
    _to_repair: list[tuple[WrittenOff, Repaired]] = attrs.field(factory=list)
    _to_recover: list[str] = attrs.field(factory=list)
    _to_hash: list[tuple[str, str, Callable[[str | OSError], None]]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.writer = HandWriter(self.clock)
        services = Services(
            storage=self.storage,
            writer=cast("Writer", self.writer),
            clock=self.clock,
            encoder=ENCODER,
            boot=BOOT,
            hash_segment=lambda *job: self._to_hash.append(job),
            repair=lambda *job: self._to_repair.append(job),
            recover=lambda path: self._to_recover.append(path),
            on_saved=lambda *each: self.saved.append(each),
            buffer_bytes=lambda: self.buffer_bytes,
        )
        self.recorder = RoomRecorder("room101", self.rules, services)
        told = self.recorder.is_safe

        def is_safe(files: RecordingFiles, file: int, size: int) -> None:
            self.safe[files.path, file] = size
            told(files, file, size)

        self.recorder.is_safe = is_safe  # type: ignore[method-assign]

    # The encoder.

    def arrive(self, gap_reason: str = "reconnect") -> None:
        self._publish_began = len(self.sent)
        self.recorder.publisher_arrived(CLIENT, gap_reason=gap_reason)
        self.recorder.media(VIDEO, 0, avc_config(), self.clock.now_ms)
        self.recorder.media(AUDIO, 0, aac_config(), self.clock.now_ms)

    def send(self, frames: int, *, hop_every: int = SECOND) -> None:
        """Frames with picture and sound, a hop of the writer every so many, as every second."""
        for _ in range(frames):
            number = len(self.sent) - self._publish_began
            now, time = self.clock.now_ms, number * FRAME_MS
            mark = len(self.sent)
            frame = avc_frame(key=number % GOP_FRAMES == 0, mark=mark, size=self.frame_bytes)
            self.recorder.media(VIDEO, time, frame, now)
            self.recorder.media(AUDIO, time, aac_frame(mark=mark), now)
            self.sent.append(mark)
            self.clock.advance(FRAME_MS)
            self.recorder.flush(self.clock.now_ms)
            if hop_every and (number + 1) % hop_every == 0:
                self.writer.hop()

    def lose(self) -> None:
        self.recorder.publisher_left(self.clock.now_ms, {})

    def end(self, reason: str = "unpublished") -> None:
        self.lose()
        self.recorder.end(reason)

    def open_number(self) -> int | None:
        """The recorder's, asked anew."""
        return self.recorder.number

    def fault(self) -> str | None:
        """The recorder's, asked anew."""
        return self.recorder.fault

    # The rest of the recorder.

    def work(self) -> None:
        """Repairs and checksums, as far as the disk lets them; what it refuses waits."""
        disk = self.storage.disk
        hashes, self._to_hash = self._to_hash, []
        for path, name, done in hashes if self.hashes else ():
            try:
                with open_recording(disk, self.storage.root, path) as folder:
                    done(sha256_of(disk, folder, name))
            except OSError as error:
                done(error)
        repairs, self._to_repair = self._to_repair, []
        for job in repairs:
            try:
                found = make_whole(self.storage, job[0], creator=ENCODER)
            except OSError:
                self._to_repair.append(job)
            else:
                job[1](found)
        recoveries, self._to_recover = self._to_recover, []
        for path in recoveries:
            try:
                recover_recording(self.storage, path, creator=ENCODER, checksum=self.checksum)
            except OSError:
                self._to_recover.append(path)

    def checksum(self, folder: int, name: str) -> str:
        return sha256_of(self.storage.disk, folder, name)

    def settle(self, rounds: int = 20) -> None:
        """Until everything is on the disk: hops, repairs, and resuming after each fault."""
        for _ in range(rounds):
            self.writer.hop()
            self.work()
            if self.recorder.fault is not None:
                self.recorder.resume(self.clock.now_ms)
            elif self.is_done:
                return
        raise AssertionError(f"not settled after {rounds} rounds: {self.writer.errors}")

    def overcome(self) -> None:
        """Repair and resume after a fault; the publisher goes on."""
        while self.recorder.fault is not None:
            self.work()
            self.recorder.resume(self.clock.now_ms)
            self.writer.hop()
        self.work()

    @property
    def is_done(self) -> bool:
        return (
            self.recorder.is_settled
            and not (self._to_hash and self.hashes)
            and not self._to_repair
            and not self._to_recover
        )


def reconnect(studio: Studio) -> None:
    """Half of a lesson, a lost connection for a while, and the other half."""
    studio.arrive()
    studio.send(SECOND)
    studio.lose()
    studio.writer.hop()
    studio.work()
    studio.clock.advance(5000)
    studio.arrive()
    studio.send(SECOND)
    studio.end("lost")


def manifests(folder: Path) -> list[Manifest]:
    """All of a storage, by the names of their folders."""
    found = sorted(folder.glob("room101/*/*/recording.json"))
    return [Manifest.from_json(path.read_bytes()) for path in found]


def marks(folder: Path) -> list[int]:
    """The marks of the video frames in all segments of a storage, in the order of their files.
    Every file in a recording's folder must be a whole segment, or the manifest."""
    found: list[int] = []
    for path in sorted(folder.glob("room101/*/*/*")):
        if path.suffix == ".json":
            continue
        assert path.suffix == ".flv", f"unfinished: {path}"
        found += marks_of(path)
    return found


def marks_of(path: Path) -> list[int]:
    """The marks of the video frames in one segment, which must be whole."""
    data = path.read_bytes()
    with path.open("rb") as file:
        tags = list(scan_file(file))
    return [
        mark_of(data[tag.offset + 11 : tag.offset + 11 + tag.size])
        for tag in tags
        if tag.kind == VIDEO and tag.head[1] == 1
    ]


def mark_of(body: bytes) -> int:
    """Of a picture made by `avc_frame`: behind its head, composition time, length and NAL type."""
    return int.from_bytes(body[10:14], "big")
