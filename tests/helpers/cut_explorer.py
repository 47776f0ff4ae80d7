"""Cuts the power behind every operation of a program, starts again, and holds it to its promises.

Owns the walk through the states: which of them are started from, which recoveries are cut off
themselves, and the count of all that. The model is `power_cuts`, the choice `cut_choices`, the
judgement `promises`.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import attrs

from recorder.recording.storage import Storage
from tests.helpers.clock import START_UTC_NS, FakeClock
from tests.helpers.cut_choices import Choice, Cuts, key_of
from tests.helpers.promises import (
    DIRECTORY,
    Found,
    Ledger,
    found_on,
    landed_marks,
    promise,
    recordings,
    recover,
    restart,
)
from tests.helpers.studio import SECOND, Studio

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.recording.actions import SegmentRules
    from tests.helpers.power_cuts import PowerCutDisk

FIRST_MARK_BEHIND = 100_000
"""Of the lesson that is recorded behind a recovery: its frames are none of the ones before."""

A_DAY_MS = 24 * 3600 * 1000


@attrs.define
class Counts:
    """Attributes:
    operations: of the disk, behind each of which the power was cut.
    states: that a power cut may have left, those included that look the same.
    different: of them, by what is on the disk.
    checked: a different state, or an old one with more promised.
    recoveries: that were cut off themselves.
    lessons: recorded behind a recovery.
    """

    operations: int = 0
    states: int = 0
    different: int = 0
    checked: int = 0
    recoveries: int = 0
    lessons: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name} {number}" for name, number in attrs.asdict(self).items())


@attrs.frozen(kw_only=True)
class Depth:
    """Attributes:
    choice: behind an operation of the program.
    inner: behind an operation of a recovery.
    cut_every: of so many different states the recovery of one is cut off everywhere.
    kill_every: of so many operations behind one the program is killed without a power cut, and
        the recovery that follows is cut off everywhere.
    lesson_every: of so many different recoveries behind one a lesson is recorded.
    """

    choice: Choice
    inner: Choice
    cut_every: int
    kill_every: int
    lesson_every: int


@attrs.define(eq=False)
class Explorer:
    """Attach it to a disk by `watch`.

    Attributes:
        broken: the first promise that was; behind it nothing is looked at any more. Not raised
            where it is found, in the middle of a program that takes it for an error of the disk.
    """

    depth: Depth
    rules: SegmentRules
    ledger: Ledger = attrs.field(factory=Ledger)
    counts: Counts = attrs.field(factory=Counts)
    start: Callable[[PowerCutDisk], Found] = restart
    hear: Callable[[], None] = lambda: None
    """Asked before each look, to write down what has been promised by now."""
    is_honest: bool = True
    """The disk loses nothing that a process sees, as one does of which a sync has failed."""
    broken: Exception | None = None
    _outcomes: dict[bytes, Found] = attrs.field(factory=dict)
    _checked: set[tuple[bytes, int]] = attrs.field(factory=set)
    _whole: set[bytes] = attrs.field(factory=set)
    _lessons: int = 0
    _last: str = "nothing"

    def watch(self, disk: PowerCutDisk) -> None:
        def before(operation: str, label: str) -> None:
            self.look(disk)
            self._last = f"{operation} {label}"

        disk.before = before

    def start_differently(self, start: Callable[[PowerCutDisk], Found]) -> None:
        """From here on a start is this."""
        self.start = start
        self._outcomes.clear()
        self._whole.clear()

    def look(self, disk: PowerCutDisk) -> None:
        """The power is cut now."""
        before, disk.before = disk.before, None
        try:
            self._look(disk)
        except Exception as error:  # noqa: BLE001 - whatever a start runs into is a finding
            self.broken = error
        else:
            disk.before = before

    def _look(self, disk: PowerCutDisk) -> None:
        self.hear()
        self.counts.operations += 1
        self._cut(disk, self.ledger, self.depth.choice, self._last, cut_every=self.depth.cut_every)
        if self.counts.operations % self.depth.kill_every == 0:
            self._cut_recovery(disk.killed(), f"{self._last}, killed")

    def _cut(
        self,
        disk: PowerCutDisk,
        ledger: Ledger,
        choice: Choice,
        where: str,
        *,
        cut_every: int | None,
    ) -> None:
        chance = random.Random(self.counts.operations)
        cuts = Cuts(disk, choice, chance)
        for left in cuts:
            try:
                is_new = left.key not in self._outcomes
                if is_new:
                    self.counts.different += 1
                    if cut_every is not None and self.counts.different % cut_every == 0:
                        self._cut_recovery(left.disk.killed(), where)
                    self._outcomes[left.key] = self._start_again(left.disk)
                found = self._outcomes[left.key]
                if is_new or (left.key, ledger.version) not in self._checked:
                    self._checked.add((left.key, ledger.version))
                    self.counts.checked += 1
                    ledger.hold_against(found)
                if left.is_everything and self.is_honest:
                    landed = landed_marks(disk)
                    promise(found.marks == landed, f"of {landed} there is {found.marks}")
            except Exception as error:
                error.add_note(f"the power was cut behind: {where}")
                raise
        self.counts.states += cuts.raw

    def _start_again(self, disk: PowerCutDisk) -> Found:
        """Start twice, the second time for nothing; then record on."""
        found = self.start(disk)
        key = key_of(disk)
        if key in self._whole:
            return found
        self._whole.add(key)
        with Storage.open(DIRECTORY, None, disk) as storage:
            changes = disk.changes
            for path, _ in recordings(disk):
                recover(storage, path)
            promise(disk.changes == changes, "a second recovery changes something")
        promise(key_of(disk) == key, "after a second start it looks different")
        self._lessons += 1
        if self._lessons % self.depth.lesson_every == 0:
            self._record_on(disk, found)
        return found

    def _record_on(self, disk: PowerCutDisk, before: Found) -> None:
        self.counts.lessons += 1
        clock = FakeClock(now_utc_ns=START_UTC_NS + A_DAY_MS * 1_000_000)
        with Storage.open(DIRECTORY, None, disk) as storage:
            studio = Studio(storage, self.rules, clock)
            studio.sent = list(range(FIRST_MARK_BEHIND))
            studio.arrive()
            studio.send(SECOND)
            studio.end()
            studio.settle()
            number = storage.take_number()
        after = found_on(disk, frozenset(), number)
        promise(number > before.next_number, "the next recording has a lower number")
        promise(len(after.manifests) == len(before.manifests) + 1, "no recording was added")
        ledger = Ledger()
        ledger.was_recovered(before)
        ledger.hold_against(after)

    def _cut_recovery(self, disk: PowerCutDisk, where: str) -> None:
        """Cut the power behind every operation of a recovery, and behind all of it."""
        self.counts.recoveries += 1
        last = "nothing"

        def cut(ledger: Ledger) -> None:
            around, disk.before = disk.before, None
            text = f"{where}; and in the recovery behind: {last}"
            self._cut(disk, ledger, self.depth.inner, text, cut_every=None)
            disk.before = around

        def before(operation: str, label: str) -> None:
            nonlocal last
            cut(self.ledger)
            last = f"{operation} {label}"

        disk.before = before
        found = self.start(disk)
        disk.before = None
        ledger = self.ledger.copy()
        ledger.was_recovered(found)
        cut(ledger)
