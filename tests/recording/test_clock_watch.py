"""The watch over the wall clock, on a loop whose clock jumps."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from recorder.recording.clock_state import ClockState
from recorder.recording.clock_watch import (
    CONFIRMED_EVERY_LOOKS,
    LOOK_S,
    ClockWatch,
    load_clock_state,
)
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.known import META_FOLDER
from recorder.recording.storage import Storage
from recorder.trust import LONG_AGO_MS, Known, doubt
from tests.helpers.clock import START_UTC_NS
from tests.helpers.clock_files import remember, remembered
from tests.helpers.settling import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from trio.testing import MockClock

HOUR_MS = 3_600_000


@attrs.define
class Clock:
    """Both clocks go with Trio's; the wall clock is set by a test."""

    offset_ms: int = 0
    is_synchronised: bool = True
    confirmed_utc_ms: int | None = None
    withdrawn: str | None = None

    def utc_ns(self) -> int:
        return START_UTC_NS + (self.steady_ms() + self.offset_ms) * 1_000_000

    def steady_ms(self) -> int:
        return int(trio.current_time() * 1000)

    def trusted(self) -> bool:
        return doubt(self.known()) is None

    def known(self) -> Known:
        return Known(
            now_utc_ms=self.utc_ns() // 1_000_000,
            is_synchronised=self.is_synchronised,
            confirmed_utc_ms=self.confirmed_utc_ms,
            withdrawn=self.withdrawn,
        )


@attrs.define
class Post:
    clock: Clock
    state: Path
    steps: list[int] = attrs.field(factory=list)
    newest_ms: int | None = None
    is_newest_known: bool = False
    watch: ClockWatch = attrs.field(init=False)


@contextmanager
def _opened(directory: Path, state: Path) -> Iterator[Storage]:
    initialise(directory, state, OsDisk())
    with Storage.open(directory, state, OsDisk()) as storage:
        yield storage


@asynccontextmanager
async def _watched(folder: Path, state: Path | None = None) -> AsyncIterator[Post]:
    """Args:
    state: the state folder; None: one beside the storage.
    """
    directory, state = folder / "disk", state or folder / "state"
    with _opened(directory, state) as storage:
        post = Post(Clock(), state)
        post.watch = ClockWatch(
            post.clock,
            storage,
            state,
            newest_before_utc_ms=lambda: post.newest_ms,
            on_step=post.steps.append,
            is_newest_known=lambda: post.is_newest_known,
        )
        async with _running(post.watch):
            yield post


@asynccontextmanager
async def _running(watch: ClockWatch) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        await trio.sleep(0.5)
        yield
        nursery.cancel_scope.cancel()


async def _until(condition: Callable[[], bool]) -> None:
    """Until a thread has done its part; the clock would jump over one that is at work."""
    for _ in range(2 * CONFIRMED_EVERY_LOOKS):
        await settle()
        if condition():
            return
        await trio.sleep(LOOK_S)
    pytest.fail("it never came")


async def _saved(post: Post) -> None:
    await _until(lambda: remembered(post.state).withdrawn is not None)


async def test_a_clock_that_goes_right_is_left_alone(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with _watched(tmp_path) as post:
        for _ in range(100):
            post.clock.offset_ms += 1  # slewed
            await trio.sleep(1)
    assert post.steps == []
    assert remembered(tmp_path / "state") == ClockState()


async def test_how_late_it_is_woken_is_told_once_a_second(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    late: list[float] = []
    async with _watched(tmp_path) as post:
        post.watch.on_woken = late.append
        await trio.sleep(10)
        assert late == [0.0] * 10
        # The clock goes on, and nobody has had a turn.
        autojump_clock.jump(LOOK_S + 3)
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
    assert late[10:] == [pytest.approx(3.5)]


async def test_a_step_is_told_and_a_small_one_costs_no_trust(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with _watched(tmp_path) as post:
        post.clock.offset_ms -= 62_000
        await trio.sleep(5)
        assert post.clock.trusted()
    assert post.steps == [-62_000]
    assert "The clock was set back by 1 min 2 s" in caplog.text


async def test_a_step_of_hours_withdraws_trust_until_an_operator_confirms(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with _watched(tmp_path) as post:
        post.clock.offset_ms += 2 * HOUR_MS
        await trio.sleep(1.2)
        assert not post.clock.trusted()
        await _saved(post)
        await trio.sleep(2 * CONFIRMED_EVERY_LOOKS)
        assert not post.clock.trusted()
        confirmed = ClockState(confirmed_utc_ms=post.clock.utc_ns() // 1_000_000)
        remember(post.state, confirmed)
        await _until(post.clock.trusted)
    assert post.steps == [2 * HOUR_MS]
    assert "The clock is not trusted any more: it was set forward by 2 h" in caplog.text
    assert "The clock is trusted again" in caplog.text


async def test_the_first_setting_of_a_clock_that_was_not_believed_costs_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with _watched(tmp_path) as post:
        post.clock.is_synchronised = False
        await trio.sleep(2)
        post.clock.offset_ms += 1000 * HOUR_MS
        await trio.sleep(0.1)
        post.clock.is_synchronised = True
        await trio.sleep(3)
        assert post.clock.trusted()
    assert post.steps == [1000 * HOUR_MS]


async def test_a_start_long_after_the_newest_recording_is_judged_when_that_is_known(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with _watched(tmp_path) as post:
        await trio.sleep(10)
        assert post.clock.trusted()
        post.newest_ms = START_UTC_NS // 1_000_000 - LONG_AGO_MS - 1
        await trio.sleep(2)
        assert not post.clock.trusted()
        await _saved(post)
        post.clock.withdrawn = None  # judged once
        await trio.sleep(5)
        assert post.clock.trusted()


async def test_a_state_folder_that_refuses_is_said_and_tried_again(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with _watched(tmp_path) as post:
        post.state.rename(tmp_path / "elsewhere")
        post.clock.offset_ms += 2 * HOUR_MS
        await _until(lambda: "cannot be written into" in caplog.text)
        (tmp_path / "elsewhere").rename(post.state)
        await _saved(post)
        (post.state / "clock.json").unlink()
        (post.state / "clock.json").mkdir()
        await _until(lambda: "cannot be read" in caplog.text)
        assert not post.clock.trusted()


async def test_a_withdrawal_outlasts_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, state = Clock(), tmp_path / "state"
    with _opened(tmp_path / "disk", state) as storage:
        await load_clock_state(clock, storage, state)
        assert clock.trusted()
        remember(state, ClockState(withdrawn="it was set", confirmed_utc_ms=1))
        await load_clock_state(clock, storage, state)
    assert not clock.trusted()
    assert clock.confirmed_utc_ms == 1
    assert "The clock is not trusted: it was set. If the time is right now" in caplog.text


async def test_a_start_without_a_state_folder_knows_of_no_withdrawal(tmp_path: Path) -> None:
    clock, state = Clock(), tmp_path / "state"
    with _opened(tmp_path / "disk", state) as storage:
        state.rename(tmp_path / "elsewhere")
        await load_clock_state(clock, storage, state)
    assert clock.trusted()


@pytest.mark.parametrize("left", ["doubt", "no file", "no folder"])
async def test_a_doubt_that_nobody_confirmed_stays(tmp_path: Path, left: str) -> None:
    clock, state = Clock(withdrawn="it was set"), tmp_path / "state"
    with _opened(tmp_path / "disk", state) as storage:
        if left == "doubt":
            remember(state, ClockState(withdrawn="it was set"))
        if left == "no folder":
            state.rename(tmp_path / "elsewhere")
        watch = ClockWatch(
            clock, storage, state, newest_before_utc_ms=lambda: None, on_step=lambda _: None
        )
        await watch._look_for_confirmation()
    assert clock.withdrawn == "it was set"


async def test_another_disk_under_our_path_is_neither_written_nor_believed(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    directory, ours, foreign = tmp_path / "disk", tmp_path / "ours", tmp_path / "foreign"
    initialise(foreign, None, OsDisk())
    remember(foreign / META_FOLDER, ClockState(confirmed_utc_ms=1))
    before = sorted(foreign.rglob("*"))
    async with _watched(tmp_path, directory / META_FOLDER) as post:
        directory.rename(ours)
        foreign.rename(directory)
        post.clock.offset_ms += 2 * HOUR_MS
        await _until(lambda: remembered(ours / META_FOLDER).withdrawn is not None)
        await trio.sleep(2 * CONFIRMED_EVERY_LOOKS)
        await settle()
        assert not post.clock.trusted()
    assert sorted(path.relative_to(directory) for path in directory.rglob("*")) == [
        path.relative_to(foreign) for path in before
    ]
    assert remembered(directory / META_FOLDER) == ClockState(confirmed_utc_ms=1)


async def test_nothing_is_deleted_by_a_clock_before_it_was_held_against_the_newest_recording(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with _watched(tmp_path) as post:
        await trio.sleep(5)
        assert post.watch.believed_utc_ms() is None
        post.newest_ms = post.clock.utc_ns() // 1_000_000 - HOUR_MS
        post.is_newest_known = True
        # It is known, and was not held against it yet.
        assert post.watch.believed_utc_ms() is None
        await trio.sleep(1.5)
        assert post.watch.believed_utc_ms() == post.clock.utc_ns() // 1_000_000


async def test_where_there_is_no_recording_a_clock_is_believed_at_once(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with _watched(tmp_path) as post:
        post.is_newest_known = True
        assert post.watch.believed_utc_ms() is not None
        post.clock.is_synchronised = False
        assert post.watch.believed_utc_ms() is None


async def test_a_clock_ten_years_ahead_is_not_believed_though_nobody_has_looked_yet(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with _watched(tmp_path) as post:
        post.newest_ms = post.clock.utc_ns() // 1_000_000
        await trio.sleep(1.5)
        assert post.watch.believed_utc_ms() is not None
        post.clock.offset_ms += 10 * 365 * 24 * HOUR_MS
        assert post.watch.believed_utc_ms() is None
        await _saved(post)
        assert post.watch.believed_utc_ms() is None
        post.clock.offset_ms -= 10 * 365 * 24 * HOUR_MS
        await trio.sleep(5)
        # Back again it may be right; a person says so.
        assert post.watch.believed_utc_ms() is None
