"""Retention without a running recorder: what a command does by itself, holding the storage's lock.

Owns the same order of things as the running sweep, without a loop: nobody records meanwhile, so
nothing needs to be slow or to be told to anybody. What has an entry is not over, and is left to the
next start. Blocking.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from recorder.clock import utc_text
from recorder.recording.entries import Entry
from recorder.recording.retention.candidates import candidates
from recorder.recording.retention.decision import Decision, confirmed, decide
from recorder.recording.retention.deletion import (
    Fate,
    Removed,
    delete_recording,
    finish,
    remove_empty_day,
)
from recorder.recording.retention.inventory import (
    all_bytes,
    bytes_of,
    find,
    own_bytes,
    read_known,
)
from recorder.recording.retention.keeping import keep, unkeep
from recorder.recording.retention.memory import read_ledger, write_ledger
from recorder.recording.retention.operator import OPERATOR
from recorder.recording.retention.planner import Goal, Why
from recorder.recording.retention.refusals import (
    RefusedError,
    is_kept,
    is_not_over,
    not_there,
)
from recorder.recording.retention.watch import SpaceWatch
from recorder.recording.shelves import open_recording, read_row, walk
from recorder.recording.unfinished import read_entries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recorder.clock import Clock
    from recorder.recording.retention.candidates import Candidate
    from recorder.recording.retention.planner import Deletion
    from recorder.recording.retention.rules import Rules
    from recorder.recording.storage import Storage


def keep_alone(storage: Storage, number: int, *, who: str, why: str, utc_ns: int) -> bool:
    """As `Operator.keep`."""
    with open_recording(storage.disk, storage.root, _find(storage, number)) as folder:
        return keep(storage.disk, folder, who=who, when=utc_text(utc_ns), why=why)


def unkeep_alone(storage: Storage, number: int) -> bool:
    """As `Operator.unkeep`."""
    with open_recording(storage.disk, storage.root, _find(storage, number)) as folder:
        return unkeep(storage.disk, folder)


def delete_alone(storage: Storage, number: int) -> int:
    """As `Operator.delete`."""
    path = _find(storage, number)
    row = read_row(storage.disk, storage.root, path)
    if row.end_utc is None and row.damaged is None:
        raise RefusedError(is_not_over(number))
    removed = _delete(storage, path, OPERATOR)
    if removed.fate is Fate.KEPT:
        raise RefusedError(is_kept(number))
    return removed.bytes


def _find(storage: Storage, number: int) -> str:
    path = find(storage.disk, storage.root, number)
    if path is None:
        raise RefusedError(not_there(number), is_missing=True)
    return path


def _delete(storage: Storage, path: str, why: str) -> Removed:
    removed = finish(delete_recording(storage, path, why), lambda: None)
    if removed.fate is Fate.GONE:
        with suppress(OSError):
            remove_empty_day(storage, path)
    return removed


class SweepAlone:
    """One sweep. Every method raises OSError.

    Attributes:
        watch: the space, and what is remembered.
    """

    def __init__(self, storage: Storage, rules: Rules, clock: Clock, state: Path) -> None:
        self._storage = storage
        self._clock = clock
        self._state = state
        self.watch = SpaceWatch(
            rules,
            read_ledger(storage.disk, state),
            directory=storage.directory,
            now_ms=clock.monotonic_ms,
            is_recording=lambda: False,
            on_change=lambda _: None,
            on_sweep=lambda: None,
        )

    def plan(self) -> Decision:
        """What a sweep would do now."""
        # Twice: whose data fill the disk is only known when all of ours is counted.
        self._decide()
        return self._decide()

    def sweep(self) -> Decision:
        """Decide, and do it; returns what was decided."""
        decision = self.plan()
        self.watch.ledger.blocked = decision.blocked
        self._carry_out(decision.plan.recordings)
        return decision

    def confirm(self, plan_id: str) -> int:
        """Carry out the plan that waits; returns how many recordings are gone.

        Raises:
            RefusedError: no such plan waits.
        """
        blocked = self.watch.ledger.blocked
        if blocked is None or blocked.plan_id != plan_id:
            # It may never have been shown by a running recorder.
            blocked = self.plan().blocked
        if blocked is None or blocked.plan_id != plan_id:
            raise RefusedError(
                f"No plan {plan_id} waits to be confirmed; see `recorder sweep --dry-run`.",
                is_missing=True,
            )
        done = self._carry_out(confirmed(blocked, self._candidates()))
        self.watch.ledger.blocked = None
        self._remember()
        return done

    def _candidates(self) -> list[Candidate]:
        return candidates(read_known(self._storage.disk, self._storage.root))

    def _decide(self) -> Decision:
        self._measure()
        found = self._candidates()
        decision = decide(
            found,
            [],
            self.watch.rules,
            now_utc_ms=self._clock.utc_ns() // 1_000_000 if self._clock.trusted() else None,
            goal=self.watch.goal or Goal(0, 0),
            week_bytes=self.watch.ledger.week_bytes,
            blocked=self.watch.ledger.blocked,
        )
        ours = all_bytes(
            decision.total_bytes, {each.number: each.bytes for each in found}, self._unfinished()
        )
        self.watch.decided(decision, ours + own_bytes(self._storage))
        return decision

    def _unfinished(self) -> dict[int, int]:
        """What is there of the recordings that wait for their repair, by number."""
        entries = [each for each in read_entries(self._storage) if isinstance(each, Entry)]
        folders = {each.number: each.folder for each in entries}
        return bytes_of(self._storage.disk, self._storage.root, folders)

    def _measure(self) -> int:
        space = self._storage.disk.space(self._storage.root)
        self.watch.look(space, 0)
        return space.available

    def _carry_out(self, deletions: Sequence[Deletion]) -> int:
        shelved = walk(self._storage.disk, self._storage.root)
        paths, done = {each.number: each.path for each in shelved}, 0
        for deletion in deletions:
            before = self._measure()
            if deletion.why is Why.FREE_SPACE and not self.watch.is_low:
                continue
            path = paths.get(deletion.number)
            if path is not None:
                removed = _delete(self._storage, path, deletion.why.value)
                freed = self._measure() - before
                self.watch.deleted(removed.bytes, freed, deletion.why.value)
                done += removed.fate is Fate.GONE
        self._remember()
        return done

    def _remember(self) -> None:
        write_ledger(self._storage, self._state, self.watch.ledger.to_bytes())
