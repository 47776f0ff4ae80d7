"""When the next picture is made, on a clock that jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from recorder.status.rhythm import GIVE_WAY_S, Rhythm

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

LEAST_S = 0.2


@attrs.define
class Stage:
    """Attributes:
    wait_s: how long the next picture has time.
    """

    wait_s: float = 5.0
    rhythm: Rhythm = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rhythm = Rhythm(lambda: self.wait_s, LEAST_S)

    async def took(self, *acts: tuple[float, Callable[[], None]]) -> float:
        """How long the next picture took, with what was done meanwhile, and when."""
        began_s = trio.current_time()
        self.rhythm.begin()
        async with trio.open_nursery() as nursery:
            for at_s, act in acts:
                nursery.start_soon(_later, at_s, act)
            await self.rhythm.next()
            took_s = trio.current_time() - began_s
            nursery.cancel_scope.cancel()
        return took_s


async def _later(at_s: float, act: Callable[[], None]) -> None:
    await trio.sleep(at_s)
    act()


async def test_without_a_change_it_waits(autojump_clock: MockClock) -> None:
    stage = Stage()
    assert await stage.took() == pytest.approx(5)


async def test_a_change_is_shown_at_once_but_not_more_often_than_the_least(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    assert await stage.took((1.0, stage.rhythm.changed)) == pytest.approx(1)
    assert await stage.took((0.01, stage.rhythm.changed)) == pytest.approx(LEAST_S)
    # What changed before a picture is in it.
    stage.rhythm.changed()
    assert await stage.took() == pytest.approx(5)


async def test_behind_a_standstill_of_the_process_others_have_their_turn_first(
    mock_clock: MockClock,
) -> None:
    rhythm = Rhythm(lambda: 5.0, LEAST_S)
    due = trio.Event()

    async def wait() -> None:
        await rhythm.next()
        due.set()

    for jump_s, is_due in ((5.1, True), (5.5, False)):
        due = trio.Event()
        rhythm.begin()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(jump_s)
            await trio.testing.wait_all_tasks_blocked()
            assert due.is_set() is is_due
            mock_clock.jump(GIVE_WAY_S)
            await due.wait()


async def test_who_begins_to_wait_gets_the_pace_of_who_looks(autojump_clock: MockClock) -> None:
    stage = Stage()

    def look() -> None:
        stage.wait_s = 1.0
        stage.rhythm.hurried()

    assert await stage.took((0.3, look)) == pytest.approx(1)
    stage.wait_s = 5.0
    # Later than that: at once.
    assert await stage.took((3.0, look)) == pytest.approx(3)
    # For nothing.
    stage.wait_s = 5.0
    assert await stage.took((0.3, stage.rhythm.hurried)) == pytest.approx(5)
