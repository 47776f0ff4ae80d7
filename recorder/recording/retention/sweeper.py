"""The sweep: old recordings are deleted by the rules, and space is made before it is missing.

Owns when that happens (at the start, as soon as the catalogue is there; when a segment has ended;
every minute; at once when less is free than is wanted), and in which order the effects of a
decision come. What is decided is `decision`'s part, what a deletion does `hand`'s; how much is
free, and what follows from it, `watch`'s.
"""

from __future__ import annotations

import logging
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

import trio

from recorder.logs import same
from recorder.recording.retention import words
from recorder.recording.retention.candidates import LiveSegment, candidates
from recorder.recording.retention.decision import confirmed, decide
from recorder.recording.retention.inventory import all_bytes, bytes_of, own_bytes
from recorder.recording.retention.memory import write_ledger
from recorder.recording.retention.planner import Goal, Why
from recorder.recording.retention.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from recorder.recording.indexing import Indexer
    from recorder.recording.recording import LiveRecording
    from recorder.recording.retention.candidates import Known
    from recorder.recording.retention.decision import Decision
    from recorder.recording.retention.hand import Hand
    from recorder.recording.retention.planner import Plan
    from recorder.recording.retention.watch import SpaceWatch
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

EVERY_S = 60.0

LOOK_S = 10.0
"""So often the free space is measured when nothing is written."""

SEGMENT_S = 5.0
"""Fifty rooms that end their segments together are one sweep."""

LEAST_S = 0.25
"""Between two sweeps, whoever asks for them."""

PATIENCE_S = 600.0
"""So long after a start the catalogue is waited for, which is being made."""

REMEMBER_S = 3600.0


class Sweeper:
    """Belongs to the loop; `run` is its task.

    Args:
        live: gives the recordings that may still change.
        believed_utc_ms: gives the wall clock, in ms since 1970; None while it is not believed.
        state: the state folder.
    """

    def __init__(
        self,
        storage: Storage,
        watch: SpaceWatch,
        hand: Hand,
        *,
        indexer: Indexer,
        believed_utc_ms: Callable[[], int | None],
        state: Path,
        live: Callable[[], Iterable[LiveRecording]],
    ) -> None:
        self._storage = storage
        self._watch = watch
        self._hand = hand
        self._indexer = indexer
        self._believed_utc_ms = believed_utc_ms
        self._state = state
        self._live = live
        self._low = trio.Event()
        self._segment_ended = False
        self._confirmed: str | None = None
        self._remembered: object = None
        self._remember_by_s = 0.0

    def soon(self) -> None:
        """What is free has changed so that a sweep may help, or has better news."""
        self._low.set()

    def segment_ended(self) -> None:
        """A segment was closed, or a recording has ended, or is over at last."""
        self._segment_ended = True
        if self._watch.is_low:
            # What could not be deleted before may be deleted now.
            self._low.set()

    def confirm(self, plan_id: str) -> int:
        """Carry out the plan that waits, soon.

        Returns:
            How many recordings it deletes.

        Raises:
            RefusedError: no such plan waits.
        """
        blocked = self._watch.ledger.blocked
        if blocked is None or blocked.plan_id != plan_id:
            raise RefusedError(
                f"No plan {plan_id} waits to be confirmed; see `recorder sweep --dry-run`.",
                is_missing=True,
            )
        self._confirmed = plan_id
        self._low.set()
        return len(blocked.deletions)

    async def run(self) -> None:
        """Sweep until cancelled."""
        began_s = full_at_s = trio.current_time()
        while True:
            now_s = trio.current_time()
            self._low = trio.Event()
            try:
                await self._hand.measure()
                if now_s >= full_at_s and self._is_quick(now_s - began_s):
                    full_at_s = now_s + EVERY_S
                    await self.sweep()
                elif self._is_wanted():
                    await self.sweep()
            except (OSError, sqlite3.Error) as error:
                log.warning(
                    "Old recordings cannot be looked through: %s; it is tried again.",
                    error,
                    extra=same("sweep"),
                )
            except Exception:
                # What is old stays, and lessons are recorded (promise 7).
                log.exception(
                    "Old recordings cannot be looked through; this is a fault of the recorder",
                    extra=same("sweep", "fault"),
                )
            with trio.move_on_after(SEGMENT_S if self._segment_ended else LOOK_S):
                await self._low.wait()
            await trio.sleep_until(now_s + LEAST_S)

    def _is_quick(self, running_s: float) -> bool:
        """Whether the catalogue answers; reading every manifest in its place can wait."""
        return self._indexer.is_ready or running_s >= PATIENCE_S

    def _is_wanted(self) -> bool:
        watch = self._watch
        if self._confirmed is not None or watch.wants_sweep or watch.is_better:
            return True
        # What a segment's end changes: sizes, and what may be deleted. Ages wait for the minute.
        return self._segment_ended and (watch.rules.has_sizes or watch.is_low)

    async def sweep(self) -> Decision:
        """Decide, and do it; returns what was decided.

        Raises:
            OSError, sqlite3.Error: nothing can be decided, or the rest not be done.
        """
        self._segment_ended = False
        async with self._hand.lock:
            await self._carry_out_confirmed()
            decision = await self._decide()
            before, self._watch.ledger.blocked = self._watch.ledger.blocked, decision.blocked
            if decision.blocked is not None and decision.blocked != before:
                log.critical("%s", words.blocked(decision.blocked))
            await self._carry_out(decision.plan)
            if decision.plan.recordings or decision.plan.segments:
                await self._decide()
            await self._remember()
        return decision

    async def preview(self) -> Decision:
        """What a sweep would do now.

        Raises:
            OSError, sqlite3.Error: nothing can be decided.
        """
        async with self._hand.lock:
            return await self._decide()

    async def _carry_out_confirmed(self) -> None:
        plan_id, self._confirmed = self._confirmed, None
        blocked = self._watch.ledger.blocked
        if plan_id is None or blocked is None or blocked.plan_id != plan_id:
            return
        log.warning("The deletion plan %s was confirmed and is carried out.", plan_id)
        untouchable, downloaded = self._hand.untouchable, self._hand.downloaded
        free = await self._indexer.known(
            lambda rows: confirmed(
                blocked, candidates(rows, live=untouchable, downloaded=downloaded)
            )
        )
        for deletion in free:
            await self._hand.take(deletion)
        self._watch.ledger.blocked = None

    async def _carry_out(self, plan: Plan) -> None:
        for deletion in plan.recordings:
            if deletion.why is not Why.FREE_SPACE or await self._is_short():
                await self._hand.take(deletion)
        for part in plan.segments:
            if await self._is_short():
                await self._hand.remove_segment(part)

    async def _is_short(self) -> bool:
        await self._hand.measure()
        return self._watch.is_low

    async def _decide(self) -> Decision:
        await self._hand.measure()
        decide_now = partial(
            decide,
            rules=self._watch.rules,
            now_utc_ms=self._believed_utc_ms(),
            goal=self._watch.goal or Goal(0, 0),
            week_bytes=self._watch.ledger.week_bytes,
            blocked=self._watch.ledger.blocked,
        )
        untouchable, downloaded = self._hand.untouchable, self._hand.downloaded
        gone, still_there, kept = self._hand.gone, set[int](), set[int]()
        segments = self._live_segments()
        # Taken together with the rows, which may be behind them: what the disk did not let a
        # manifest say is ours nevertheless.
        counted = {each.number: each.bytes_on_disk for each in self._live()}
        in_repair, listed = self._hand.in_repair, dict[int, int]()

        def in_thread(rows: Iterable[Known]) -> Decision:
            def noted() -> Iterable[Known]:
                for row in rows:
                    if row.number in gone:
                        still_there.add(row.number)
                    elif row.number in counted or row.number in in_repair:
                        listed[row.number] = row.bytes
                    if row.is_kept:
                        kept.add(row.number)
                    yield row

            found = candidates(noted(), live=untouchable, downloaded=downloaded, gone=gone)
            # Of a recording that is kept no segment goes, though it goes on.
            return decide_now(found, segments=[s for s in segments if s.number not in kept])

        decision = await self._indexer.known(in_thread)
        # What the catalogue does not know any more need not be remembered.
        self._hand.gone &= still_there
        disk, root = self._storage.disk, self._storage.root
        counted |= await self._hand.in_thread(partial(bytes_of, disk, root, in_repair))
        ours = all_bytes(decision.total_bytes, listed, counted)
        ours += await self._hand.in_thread(partial(own_bytes, self._storage))
        self._watch.decided(decision, ours)
        return decision

    def _live_segments(self) -> list[LiveSegment]:
        return [
            LiveSegment(
                room=recording.manifest.room,
                number=recording.number,
                file=row.index,
                bytes=row.bytes,
                began_ms=recording.began_ms + row.start_ms,
            )
            for recording in self._live()
            if recording.is_open
            for row in recording.closed_segments
            if self._hand.may_go(recording.number, row.index)
        ]

    async def _remember(self) -> None:
        """Write the ledger when it says something else than what was written, and once an hour."""
        ledger, now_s = self._watch.ledger, trio.current_time()
        # In steps of 64 MiB: nobody needs it finer, and a card wears.
        news = (ledger.week_bytes, ledger.blocked, (ledger.accepted_bytes or 0) >> 26)
        if news == self._remembered and now_s < self._remember_by_s:
            return
        content = ledger.to_bytes()
        await self._hand.in_thread(partial(write_ledger, self._storage, self._state, content))
        self._remembered, self._remember_by_s = news, now_s + REMEMBER_S
