"""The lessons that the power is cut behind every operation of.

Owns what is played, from a disk that is a storage already (or is to become one) to its end: the
real room, its files, the recovery, the storage. Whatever a scenario does between two of its
processes it does through `Stage`, so that the promises go over from one to the next.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording.actions import SegmentRules
from recorder.recording.clock_state import ClockState, write_clock_state
from recorder.recording.continuation import Now
from recorder.recording.disk import closing
from recorder.recording.inheritance import inherit, read_left
from recorder.recording.initialise import initialise
from recorder.recording.meta import LOCK_FILE, PROBE_FILE
from recorder.recording.recovery_steps import repair_files
from recorder.recording.shelves import open_recording
from recorder.recording.storage import Storage
from tests.helpers.clock import FakeClock
from tests.helpers.cut_explorer import Depth, Explorer
from tests.helpers.power_cuts import File, Folder, PowerCutDisk
from tests.helpers.promises import (
    DIRECTORY,
    STATE,
    open_knowingly,
    open_or_take_into_use,
    recordings,
    restart,
    take_into_use,
)
from tests.helpers.studio import BOOT, ENCODER, SECOND, Studio, reconnect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.helpers.promises import Found

RULES = SegmentRules(duration_ms=2000, size_bytes=1 << 30, max_duration_ms=12 * 3600_000)

FRAME_BYTES = 1500
"""Of a picture, so that a second does not fit into one block."""

WINDOW_MS = 60_000


@attrs.define(eq=False)
class Stage:
    """What a scenario is played on."""

    disk: PowerCutDisk
    explorer: Explorer
    rules: SegmentRules
    clock: FakeClock = attrs.field(factory=FakeClock)
    sent: list[int] = attrs.field(factory=list)

    @contextmanager
    def lesson(self) -> Iterator[Studio]:
        """A process that records. It dies where the context is left."""
        with Storage.open(DIRECTORY, None, self.disk) as storage:
            studio = Studio(storage, self.rules, self.clock, frame_bytes=FRAME_BYTES)
            studio.sent = self.sent
            self.explorer.hear = lambda: self.explorer.ledger.hear(studio, self.disk)
            yield studio
            self.explorer.hear()
            self.explorer.hear = lambda: None

    def restart(self) -> None:
        """A process that recovers all there is, and whose word is believed too."""
        self.explorer.ledger.was_recovered(restart(self.disk))


def _start_and_stop(stage: Stage) -> None:
    with stage.lesson() as studio:
        studio.arrive()
        studio.send(SECOND)
        studio.end("unpublished")
        studio.settle()


def _cuts(stage: Stage) -> None:
    with stage.lesson() as studio:
        studio.arrive()
        studio.send(4 * SECOND)
        studio.work()
        studio.send(SECOND)
        studio.end("unpublished")
        studio.settle()


def _reconnect(stage: Stage) -> None:
    with stage.lesson() as studio:
        reconnect(studio)
        studio.settle()


def _split(stage: Stage) -> None:
    with stage.lesson() as studio:
        studio.arrive()
        studio.send(SECOND)
        studio.recorder.split()
        studio.send(2 * SECOND)
        studio.end("unpublished")
        studio.settle()


def _syncs(stage: Stage) -> None:
    with stage.lesson() as studio:
        studio.writer.sync_interval_ms = 2000
        studio.arrive()
        studio.send(5 * SECOND)
        studio.end("unpublished")
        studio.settle()


def _clock_step(stage: Stage) -> None:
    """And a publisher who comes back and sends nothing."""
    with stage.lesson() as studio:
        studio.arrive()
        studio.send(SECOND)
        studio.clock.step_wall(3_600_000)
        studio.recorder.clock_stepped(3_600_000)
        studio.lose()
        studio.writer.hop()
        studio.arrive()
        studio.end("lost")
        studio.settle()


def _killed(stage: Stage) -> None:
    """In the middle; all is recovered, and another lesson follows."""
    with stage.lesson() as studio:
        studio.writer.sync_interval_ms = 1000
        studio.arrive()
        studio.send(3 * SECOND)
    stage.restart()
    _start_and_stop(stage)


def _continued(stage: Stage) -> None:
    """The process is killed in the middle; the publisher comes back within the window."""
    with stage.lesson() as studio:
        studio.writer.sync_interval_ms = 1000
        studio.arrive()
        studio.send(3 * SECOND)
        stopped_ms = studio.clock.now_ms
    stage.clock.advance(5000)
    with stage.lesson() as studio:
        _take_over(studio, stopped_ms)
        studio.arrive()
        studio.send(SECOND)
        studio.end("lost")
        studio.settle()


def _take_over(studio: Studio, stopped_ms: int) -> None:
    """Go on with what a process before left, as the app does at a start."""
    storage, clock = studio.storage, studio.clock
    now = Now(
        boot=BOOT,
        monotonic_ms=clock.now_ms,
        utc_ms=clock.now_utc_ns // 1_000_000,
        is_trusted=True,
        last_beat_ms=stopped_ms,
    )
    (found,) = inherit(read_left(storage, BOOT), now, window_ms=WINDOW_MS).continued
    recording = studio.recorder.continue_recording(
        found.manifest,
        found.entry,
        last_file=found.last_file,
        began_ms=clock.now_ms - found.continuation.began_ms,
        silent_since_ms=clock.now_ms - found.continuation.silent_ms,
    )
    studio.writer.hop()
    with open_recording(storage.disk, storage.root, found.entry.folder) as folder:
        repaired = repair_files(storage.disk, folder, below=found.last_file + 1, creator=ENCODER)
    recording.recovered(repaired.rows)


def _failed_sync(stage: Stage) -> None:
    """Of a segment, in the middle: it loses what was not durable, and the next one goes on."""
    stage.explorer.is_honest = False
    failures = iter([False, True])
    stage.disk.fails = lambda operation, label: (
        operation == "sync_file" and ".flv" in label and next(failures, False)
    )
    with stage.lesson() as studio:
        studio.writer.sync_interval_ms = 1000
        studio.arrive()
        studio.send(3 * SECOND)
        studio.overcome()
        studio.send(SECOND)
        studio.end("unpublished")
        studio.settle()


def _failed_final_name(stage: Stage) -> None:
    """The folder cannot be synced behind a segment's link: it has both names, and is repaired."""
    failures = iter([True])
    linked = list[str]()

    def fails(operation: str, label: str) -> bool:
        if operation == "link":
            linked.append(label)
        return bool(linked) and operation == "sync_folder" and next(failures, False)

    stage.disk.fails = fails
    with stage.lesson() as studio:
        studio.writer.sync_interval_ms = 1000
        studio.arrive()
        studio.send(3 * SECOND)
        studio.overcome()
        studio.end("unpublished")
        studio.settle()


class _Died(Exception):  # noqa: N818 - it is no error
    """The process has died, in the middle of what it did."""


def _killed_while_setting_aside(stage: Stage) -> None:
    """A part that cannot be read gets another name, and the process dies before that is durable."""
    with stage.lesson() as studio:
        studio.arrive()
        studio.send(SECOND)
    ((_, folder),) = recordings(stage.disk)
    part = folder.names["0001.flv.part"]
    assert isinstance(part, File)
    part.write(stage.disk.now, b"not made by us!!", 0)
    linked = list[str]()

    def dies(operation: str, label: str) -> bool:
        if operation == "link":
            linked.append(label)
        if linked and operation == "sync_folder":
            raise _Died
        return False

    stage.explorer.is_honest = False
    stage.disk.fails = dies
    with suppress(_Died):
        restart(stage.disk)
    stage.disk.fails = None
    stage.restart()


def _without_the_folder_of_entries(stage: Stage) -> None:
    """Somebody has removed it."""
    with Storage.open(DIRECTORY, None, stage.disk) as storage:
        stage.disk.remove_folder(storage.meta, "open")
        stage.disk.sync_folder(storage.meta)
    _start_and_stop(stage)


def _taken_into_use(stage: Stage) -> None:
    """The state folder learns of it, and then that the clock is not to be trusted."""
    _take_into_use(stage, take_into_use)


def _taken_into_use_and_opened(stage: Stage) -> None:
    """The same, and whoever was cut off in it tries at first whether it is enough."""
    _take_into_use(stage, open_or_take_into_use)


def _take_into_use(stage: Stage, start: Callable[[PowerCutDisk], Found]) -> None:
    stage.explorer.start = start
    initialise(DIRECTORY, STATE, stage.disk)
    stage.explorer.start_differently(open_knowingly)
    stage.explorer.ledger.is_used()
    clock = ClockState(withdrawn="it was set back")
    with closing(stage.disk, stage.disk.open_path(STATE)) as folder:
        write_clock_state(stage.disk, folder, clock)
    stage.explorer.ledger.is_clock(clock)


WORTHLESS = frozenset({LOCK_FILE, PROBE_FILE})
"""Files of which it makes no difference what a cut leaves of them (DESIGN.md): only where a folder
is taken into use is it played through that it does not."""


@attrs.frozen
class Scenario:
    """Attributes:
    is_storage: the disk is one when it begins.
    """

    play: Callable[[Stage], None]
    rules: SegmentRules = RULES
    has_links: bool = True
    is_storage: bool = True


SCENARIOS = {
    "start and stop": Scenario(_start_and_stop),
    "cuts": Scenario(_cuts),
    "reconnect": Scenario(_reconnect),
    "split": Scenario(_split),
    "max_duration": Scenario(_cuts, attrs.evolve(RULES, max_duration_ms=3000)),
    "syncs": Scenario(_syncs, attrs.evolve(RULES, duration_ms=60_000)),
    "clock step": Scenario(_clock_step),
    "killed": Scenario(_killed, attrs.evolve(RULES, duration_ms=60_000)),
    "continued": Scenario(_continued),
    "failed sync": Scenario(_failed_sync, attrs.evolve(RULES, duration_ms=60_000)),
    "failed final name": Scenario(_failed_final_name),
    "killed while setting aside": Scenario(_killed_while_setting_aside),
    "without the folder of entries": Scenario(_without_the_folder_of_entries),
    "without links": Scenario(_cuts, has_links=False),
    "taken into use": Scenario(_taken_into_use, is_storage=False),
    "taken into use and opened": Scenario(_taken_into_use_and_opened, is_storage=False),
}


def explore(
    scenario: Scenario, depth: Depth, prepare: Callable[[PowerCutDisk], None] = lambda _: None
) -> Explorer:
    """Play a scenario, and cut the power wherever it can be cut.

    Args:
        prepare: told of the disk before anything is done to it.

    Raises:
        BrokenPromise: among other things that a start may run into.
    """
    dull = WORTHLESS if scenario.is_storage else frozenset[str]()
    disk = PowerCutDisk(has_links=scenario.has_links, dull=dull)
    disk.root.names["var"] = disk.root.durable["var"] = Folder("/var")
    prepare(disk)
    explorer = Explorer(depth, scenario.rules)
    if scenario.is_storage:
        initialise(DIRECTORY, None, disk)
    explorer.watch(disk)
    scenario.play(Stage(disk, explorer, scenario.rules))
    if explorer.broken is None:
        explorer.look(disk)
    if explorer.broken is not None:
        raise explorer.broken
    return explorer
