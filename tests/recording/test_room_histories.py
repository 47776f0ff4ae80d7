"""Whole histories of a room: lessons, outages, hops that hang and restarts, in any order.

`test_failing_disks` plays every single failure; here one meets what another has left. Whatever
comes, each frame is in one file, and the manifests say of all of them where they lie and what is
missing.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING, Final

import attrs
import pytest

from recorder.recording.actions import SegmentRules
from recorder.recording.continuation import Now
from recorder.recording.inheritance import inherit, read_left
from recorder.recording.initialise import initialise
from recorder.recording.recovery import recover_recording
from recorder.recording.recovery_steps import repair_files
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage
from tests.helpers.clock import FakeClock
from tests.helpers.studio import BOOT, ENCODER, Studio, manifests, marks
from tests.recording.ward import SickDisk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.recording.inheritance import Continued
    from recorder.recording.recording import LiveRecording

RULES = SegmentRules(duration_ms=3000, size_bytes=1 << 30, max_duration_ms=30_000)
WINDOW_MS = 60_000

HISTORIES = 1000 if os.environ.get("RECORDER_LONG_TESTS") == "1" else 30
"""Of each seed."""

SLACK_MS: Final = 600
"""A file is thought to last for one frame more than it has, and what is held is not a tick old."""


@attrs.define(eq=False)
class History:
    """What happens to a room. A step that means nothing at the moment does nothing."""

    folder: Path
    disk: SickDisk = attrs.field(factory=SickDisk)
    clock: FakeClock = attrs.field(factory=FakeClock)
    sent: list[int] = attrs.field(factory=list)
    is_sending: bool = False
    is_hanging: bool = False
    last_beat_ms: int | None = None
    opened: ExitStack = attrs.field(factory=ExitStack)
    studio: Studio = attrs.field(init=False)
    cut_off: list[str] = attrs.field(factory=list)
    unrepaired: tuple[Continued, LiveRecording] | None = None

    def __attrs_post_init__(self) -> None:
        initialise(self.folder, None, self.disk)
        self._start()

    def _start(self) -> None:
        storage = self.opened.enter_context(Storage.open(self.folder, None, self.disk))
        self.studio = Studio(storage, RULES, self.clock, sent=self.sent)
        now = Now(
            boot=BOOT,
            monotonic_ms=self.clock.now_ms,
            utc_ms=self.clock.now_utc_ns // 1_000_000,
            is_trusted=True,
            last_beat_ms=self.last_beat_ms,
        )
        left = inherit(read_left(storage, BOOT), now, window_ms=WINDOW_MS)
        self.cut_off += left.cut_off
        self.unrepaired = None
        for each in left.continued:
            recording = self.studio.recorder.continue_recording(
                each.manifest,
                each.entry,
                last_file=each.last_file,
                began_ms=self.clock.now_ms - each.continuation.began_ms,
                silent_since_ms=self.clock.now_ms - each.continuation.silent_ms,
            )
            self.unrepaired = each, recording

    # What an encoder and an operator do.

    def send(self, frames: int) -> None:
        if not self.is_sending:
            self.studio.arrive()
            self.is_sending = True
        self.studio.send(frames, hop_every=0 if self.is_hanging else frames % 3)

    def lose(self, _: int) -> None:
        if self.is_sending:
            self.studio.lose()
            self.is_sending = False

    def end(self, _: int) -> None:
        if self.is_sending:
            self.studio.end()
            self.is_sending = False

    def split(self, _: int) -> None:
        self.studio.recorder.split()

    # What the disk does, and a policy about it.

    def hop(self, _: int) -> None:
        if self.is_hanging:
            self.studio.writer.come_back()
            self.is_hanging = False
        else:
            self.studio.writer.hop()

    def hang(self, _: int) -> None:
        if not self.is_hanging and self.disk.sick is None:
            self.studio.writer.hang()
            self.is_hanging = True

    def fall_sick(self, _: int) -> None:
        self.disk.sick = errno.EIO

    def get_well(self, _: int) -> None:
        self.disk.sick = None

    def hold(self, _: int) -> None:
        self.studio.recorder.hold("The disk is full.")

    def release(self, _: int) -> None:
        self.studio.recorder.release(self.clock.now_ms)

    # What the recorder does about it.

    def resume(self, _: int) -> None:
        self.studio.recorder.resume(self.clock.now_ms)

    def work(self, _: int) -> None:
        self.studio.work()

    def repair(self, _: int) -> None:
        """Files from before a restart."""
        if self.unrepaired is None or self.disk.sick is not None:
            return
        (found, recording), self.unrepaired = self.unrepaired, None
        storage = self.studio.storage
        with open_recording(self.disk, storage.root, found.entry.folder) as folder:
            below = found.last_file + 1
            rows = repair_files(self.disk, folder, below=below, creator=ENCODER).rows
        recording.recovered(rows)

    def recover(self, _: int) -> None:
        if self.disk.sick is not None:
            return
        cut_off, self.cut_off = self.cut_off, []
        for path in cut_off:
            recover_recording(
                self.studio.storage, path, creator=ENCODER, checksum=self.studio.checksum
            )

    def restart(self, seconds: int) -> None:
        """In a moment in which all that came is in files: what is not, a killed process loses."""
        studio = self.studio
        if self.is_hanging or self.disk.sick is not None or studio.recorder.fault is not None:
            return
        studio.writer.hop()
        if studio.recorder.held_bytes or studio.recorder.pending_bytes:
            return
        for queue in studio.writer.queues:
            for files in queue.files:
                files.close()
        self.opened.close()
        self.last_beat_ms = self.clock.now_ms
        self.clock.advance(200 * seconds)
        self.is_sending = False
        self._start()

    # How it comes out.

    def finish(self) -> None:
        """The disk is well, and everything that waits is done."""
        self.get_well(0)
        if self.is_hanging:
            self.hop(0)
        self.release(0)
        if self.is_sending:
            self.end(0)
        else:
            self.studio.recorder.end("lost")
        for _ in range(4):
            self.repair(0)
            self.recover(0)
            self.hop(0)
            self.work(0)
            self.resume(0)
        self.studio.settle()
        self.opened.close()

    def check(self) -> None:
        assert sorted(marks(self.folder)) == self.sent
        assert not list((self.folder / ".recorder/open").iterdir())
        for manifest in manifests(self.folder):
            assert manifest.end_reason is not None
            files = self.folder.glob(f"room101/*/{manifest.number:07}-*/*.flv")
            assert {row.file for row in manifest.segments} == {path.name for path in files}
            end_ms = 0
            for row in manifest.segments:
                assert row.sha256 is not None
                gap_ms = 0 if row.gap is None else row.gap.ms
                assert abs(row.start_ms - end_ms - gap_ms) <= SLACK_MS
                end_ms = row.end_ms


_HAPPENS: Final[list[Callable[[History, int], None]]] = [
    History.send, History.send, History.send, History.lose, History.end, History.split,
    History.hop, History.hang, History.fall_sick, History.get_well, History.get_well,
    History.hold, History.release, History.resume, History.resume, History.work, History.repair,
    History.recover, History.restart, History.restart,
]  # fmt: skip


@pytest.mark.unmeasured
@pytest.mark.parametrize("seed", range(8))
def test_no_history_of_a_room_costs_a_frame_or_makes_a_manifest_lie(
    tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    for number in range(HISTORIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        steps = random.choices(_HAPPENS, k=random.choice((10, 25, 60)))
        history = History(folder)
        try:
            for happens in steps:
                happens(history, random.choice((1, 3, 5, 7, 12)))
            history.finish()
            history.check()
        except AssertionError as error:
            error.add_note(", ".join(happens.__name__ for happens in steps))
            raise
        shutil.rmtree(folder)
