"""When the board looks, at the rooms and at the machine, and how old it says that is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing
from msgspec.structs import replace

from recorder import app_board, app_machine, app_room_view
from recorder.app_room_view import JUDGED_EVERY_S, RoomFacts
from recorder.live.publisher import Publisher
from recorder.recording.lateness import Lateness
from recorder.status.machine import Machine
from tests.helpers.live import FakeConnection
from tests.helpers.media import AUDIO, aac_config, aac_frame
from tests.helpers.program import eventually
from tests.helpers.reloading import staged
from tests.helpers.studio import CLIENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.app_board import Board
    from recorder.status.broadcast import Watcher
    from tests.helpers.reloading import Stage


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every look at the machine, which has as many bytes in memory."""
    found: list[int] = []

    def look() -> Machine:
        found.append(len(found) + 1)
        return Machine(
            memory_bytes=found[-1],
            load=None,
            temperature_c=None,
            under_voltage_now=None,
            under_voltage_ever=None,
        )

    monkeypatch.setattr(app_machine, "read_machine", look)
    return found


def has(board: Board, times: int) -> bool:
    return board.look().system.memory_bytes == times


@pytest.mark.parametrize("wakes", ["changed", "waited_for"])
async def test_who_begins_to_watch_has_the_machine_looked_at(
    tmp_path: Path, looks: list[int], wakes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_machine, "MACHINE_S", 0.0)
    async with staged(tmp_path) as stage:
        board = stage.parts.page.board
        wake: Callable[[], None] = getattr(board, wakes)
        for times in (1, 2, 3):
            await eventually(partial(has, board, times), what="it is looked at")
            await trio.testing.wait_all_tasks_blocked()
            assert len(looks) == times
            wake()
        await eventually(partial(has, board, 4), what="it is looked at again")


async def test_however_often_somebody_comes_it_is_looked_at_seldom(
    tmp_path: Path, looks: list[int]
) -> None:
    async with staged(tmp_path) as stage:
        board = stage.parts.page.board
        await eventually(partial(has, board, 1), what="it is looked at")
        for _ in range(3):
            board.changed()
            await trio.testing.wait_all_tasks_blocked()
        assert looks == [1]


async def test_what_the_machine_says_is_as_old_as_the_look(
    tmp_path: Path, looks: list[int]
) -> None:
    async with staged(tmp_path) as stage:
        board = stage.parts.page.board
        assert board.look().system.machine_age_s is None
        await eventually(partial(has, board, 1), what="it is looked at")
        assert board._machine._looked_s is not None
        board._machine._looked_s -= 48
        age_s = board.look().system.machine_age_s
        assert age_s is not None
        assert 48 <= age_s < 58


async def test_a_fault_in_looking_ends_nothing_and_the_next_look_is_a_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        board = stage.parts.page.board
        await trio.testing.wait_all_tasks_blocked()
        with monkeypatch.context() as patch:
            patch.setattr(app_board, "storage_view", None)
            board.changed()
            await eventually(lambda: "No picture of now" in caplog.text, what="it is said")
        before = board.picture.sequence
        board.changed()
        await eventually(lambda: board.picture.sequence > before, what="there is another picture")


async def test_what_a_sweep_counted_is_as_old_as_the_sweep(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        board, watch = stage.parts.page.board, stage.parts.engine.watch
        await eventually(lambda: watch.last_decision is not None, what="it is swept")
        watch.decided_ms -= 48_000
        storage = board.look().storage
        assert storage.next_sweep is not None
        assert storage.counted_age_s is not None
        assert storage.counted_age_s == storage.next_sweep.age_s >= 48
        watch.last_decision = None
        assert board.look().storage.counted_age_s is None


async def test_a_publish_that_ends_and_one_that_begins_between_two_looks_are_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever object they are: Python gives the place of one that is gone to the next."""
    # However little time lies between two looks here.
    monkeypatch.setattr(app_room_view, "LEAST_WINDOW_S", 1e-9)
    async with staged(tmp_path) as stage:
        board, room = stage.parts.page.board, stage.parts.rooms.get("a")
        assert room is not None
        publisher = Publisher(room, FakeConnection("10.0.0.1"), stream_id=1, since_s=0)
        room.begin(publisher, CLIENT, gap_reason="reconnect")
        for received_bytes in (1000, 2000):
            publisher.received_bytes = received_bytes
            await trio.testing.wait_all_tasks_blocked()
            bitrate = board.look().rooms[0].bitrate
        assert bitrate is not None
        room.end(publisher, {})
        room.begin(publisher, CLIENT, gap_reason="reconnect")
        assert board.look().rooms[0].bitrate is None
        room.end(publisher, {})


async def test_every_fact_of_a_room_stands_in_its_place(tmp_path: Path) -> None:
    """They are put together by position, and no two of these are alike."""
    async with staged(tmp_path) as stage:
        board = stage.parts.page.board
        publisher = publish_in(stage, FakeConnection("10.0.0.1"))
        room, board.max_delay_s = publisher.room, 1.5
        room.title, publisher.software, publisher.since_s = "Physics", "OBS", 3.0
        publisher.received_bytes, publisher.received_s = 4000, 5.0
        publisher.has_media, room.window_ends_s = True, 6.0
        board.look()
        now_s = trio.current_time() + JUDGED_EVERY_S
        figures = room.recorder.figures(int(now_s * 1000))
        found = board._facts(room, now_s, "stalled", "refused")
        assert found == RoomFacts(
            name="a",
            title="Physics",
            figures=replace(
                figures, recording=found.figures.recording, written_s=found.figures.written_s
            ),
            publish=1,
            publisher_since_s=3.0,
            address="10.0.0.1",
            software="OBS",
            has_media=True,
            received_bytes=4000,
            received_s=5.0,
            window_ends_s=6.0,
            stalled="stalled",
            refused="refused",
            is_contested=False,
            spread=Lateness().take(),
            tcp=None,
            max_delay_s=1.5,
            viewers=0,
        )
        room.end(publisher, {})


@attrs.define(eq=False)
class Asked(FakeConnection):
    """Attributes:
    times: how often somebody wanted to know what the kernel says of its line.
    """

    times: int = 0

    def tcp_info(self) -> None:
        self.times += 1


def publish_in(stage: Stage, connection: FakeConnection) -> Publisher:
    room = stage.parts.rooms.get("a")
    assert room is not None
    publisher = Publisher(room, connection, 1, trio.current_time())
    room.begin(publisher, CLIENT, gap_reason="reconnect")
    return publisher


async def test_a_line_costs_a_few_steps_a_look_and_a_read_and_none_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def read(_: Lateness, now_ms: int, newest_dts: int, **_more: int) -> None:
        reads.append(newest_dts)

    monkeypatch.setattr(Lateness, "read", read)
    async with staged(tmp_path) as stage:
        connection = Asked("10.0.0.1")
        publisher = publish_in(stage, connection)
        room = publisher.room
        room.media(AUDIO, 0, aac_config(), 0)
        for ms in range(1000):
            room.media(AUDIO, ms, aac_frame(), 0)
        assert (reads, connection.times) == ([], 0)
        room.recorder.flush(0)
        assert reads == [999]
        for _ in range(3):
            stage.parts.page.board.look()
        # In one moment it is judged once. What comes until it is again is left for that.
        assert connection.times == 1
        board = stage.parts.page.board
        assert board._facts(room, trio.current_time(), None, None).spread is None
        room.end(publisher, {})


async def watch(watcher: Watcher) -> None:
    while await watcher.next(lambda frame: True):
        pass


async def test_a_look_comes_every_second_only_while_somebody_watches(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        page = stage.parts.page
        assert page.board._wait_s() == app_board.IDLE_TICK_S
        publisher = publish_in(stage, FakeConnection("10.0.0.1"))
        # Alarms may come.
        assert page.board._wait_s() == app_board.QUIET_TICK_S
        watcher = page.broadcast.join(is_operator=True)
        assert watcher is not None
        with watcher:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch, watcher)
                await trio.testing.wait_all_tasks_blocked()
                assert page.board._wait_s() == app_board.TICK_S
                nursery.cancel_scope.cancel()
        publisher.room.end(publisher, {})
        assert page.board._wait_s() == app_board.IDLE_TICK_S
