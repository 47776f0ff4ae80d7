"""Which rooms there are, and when their windows end, on a clock that jumps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.live.audience import ViewerQueue
from recorder.live.rooms import Rooms
from tests.helpers.live import FakeRecorder, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

    from recorder.live.room import Room

WINDOW_S = 60.0


@pytest.fixture
def recorders() -> dict[str, FakeRecorder]:
    return {}


@pytest.fixture
def rooms(recorders: dict[str, FakeRecorder]) -> Rooms:
    def new(name: str) -> FakeRecorder:
        return recorders.setdefault(name, FakeRecorder(name))

    return Rooms({"room101": "Physics", "room102": None}, new, reconnect_window_s=WINDOW_S, limit=3)


def _room(rooms: Rooms, name: str = "room101") -> Room:
    room = rooms.find(name)
    assert room is not None
    return room


async def test_a_lost_publisher_leaves_its_recording_open_until_the_window_ends(
    rooms: Rooms,
    recorders: dict[str, FakeRecorder],
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    nursery.start_soon(rooms.run)
    room = _room(rooms)
    publisher = publish(room)
    room.recorder.media(9, 0, b"", 0)
    room.lose(publisher, {})
    await trio.sleep(WINDOW_S - 0.1)
    assert room.recorder.number == 1
    await trio.sleep(0.2)
    assert recorders["room101"].calls[-1] == "end lost"


async def test_a_publisher_that_returns_in_the_window_keeps_the_recording_open(
    rooms: Rooms, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    nursery.start_soon(rooms.run)
    room = _room(rooms)
    publisher = publish(room)
    room.recorder.media(9, 0, b"", 0)
    room.lose(publisher, {})
    await trio.sleep(WINDOW_S - 1)
    publish(room)
    await trio.sleep(10 * WINDOW_S)
    assert room.recorder.number == 1


async def test_a_room_whose_disk_still_lacks_something_is_in_use(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    room = _room(rooms)
    recorders["room101"].is_settled = False
    recorders["room101"].unwritten_ms = 1500
    recorders["room101"].backlog_bytes = 10
    recorders["room102"].backlog_bytes = 5
    assert room.in_use
    assert not rooms.is_settled
    assert rooms.unwritten == {"room101": 1500}
    assert rooms.backlog_bytes == 15


async def test_every_room_is_told_that_the_disk_is_well_and_that_the_clock_stepped(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    await rooms.resume_in_turn(lambda: True)
    rooms.clock_stepped(-3600_000)
    for name in ("room101", "room102"):
        assert recorders[name].calls == ["resume", "clock stepped -3600000"]
    assert rooms.is_settled


async def test_everybody_is_heard_between_two_rooms_that_go_on(
    rooms: Rooms, nursery: trio.Nursery
) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    nursery.start_soon(others)
    await rooms.resume_in_turn(lambda: True)
    assert turns
    nursery.cancel_scope.cancel()


async def test_rooms_go_on_to_the_end_though_the_recorder_stops(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await rooms.resume_in_turn(lambda: True)
    assert [recorders[name].calls for name in ("room101", "room102")] == [["resume"], ["resume"]]


async def test_a_room_does_not_go_on_when_the_disk_has_failed_meanwhile(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    await rooms.resume_in_turn(lambda: not recorders["room101"].calls)
    assert [recorders[name].calls for name in ("room101", "room102")] == [["resume"], []]


@pytest.mark.parametrize(
    ("act", "doing", "calls"),
    [
        (lambda rooms: rooms.resume(), "resuming", ["resume"]),
        (lambda rooms: rooms.hold("too little is free"), "holding", ["hold too little is free"]),
        (lambda rooms: rooms.clock_stepped(7), "noting a clock step", ["clock stepped 7"]),
        (lambda rooms: rooms.close("shutdown"), "closing", ["end shutdown"]),
        (
            lambda rooms: rooms.close("shutdown", to_be_continued=True),
            "leaving",
            ["leave shutdown"],
        ),
    ],
)
async def test_a_fault_of_ours_in_one_room_keeps_nothing_from_the_others(
    rooms: Rooms,
    recorders: dict[str, FakeRecorder],
    caplog: pytest.LogCaptureFixture,
    act: Callable[[Rooms], None],
    doing: str,
    calls: list[str],
) -> None:
    recorders["room101"].raises = RuntimeError("a fault of ours")
    recorders["room102"].number = 1
    act(rooms)
    assert recorders["room102"].calls == calls
    assert f"room101: {doing} failed; this is a fault of the recorder" in caplog.text


async def test_a_room_that_cannot_be_closed_does_not_keep_another_waiting(
    rooms: Rooms,
    recorders: dict[str, FakeRecorder],
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    for name in ("room101", "room102"):
        room = _room(rooms, name)
        publisher = publish(room)
        room.media(9, 0, b"x", 0)
        room.lose(publisher, {})
    recorders["room101"].raises = RuntimeError("a fault of ours")
    nursery.start_soon(rooms.run)
    await trio.sleep(61)
    assert recorders["room102"].calls[-1] == "end lost"
    # It is not tried again and again.
    assert _room(rooms, "room101").window_ends_s == math.inf


async def test_rooms_beyond_the_configured_ones_exist_while_they_are_in_use(
    rooms: Rooms, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    nursery.start_soon(rooms.run)
    guest = _room(rooms, "guest")
    publisher = publish(guest)
    assert rooms.find("another") is None
    assert rooms.publishers == 1
    over: list[str] = []
    guest.audience.join(ViewerQueue(1, 1 << 20, lambda: None, over.append, lambda: True))
    guest.end(publisher, {})
    await trio.sleep(0.1)
    assert rooms.find("another") is not None
    assert over == ["nobody publishes any more"]


async def test_closing_ends_every_open_recording_with_the_reason(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    room = _room(rooms)
    publisher = publish(room)
    room.recorder.media(9, 0, b"", 0)
    room.lose(publisher, {})
    rooms.close("shutdown")
    assert recorders["room101"].calls[-1] == "end shutdown"
    assert recorders["room102"].calls == []


async def test_what_is_to_be_continued_is_left_and_not_ended(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    room = _room(rooms)
    publisher = publish(room)
    room.recorder.media(9, 0, b"", 0)
    room.lose(publisher, {})
    rooms.close("shutdown", to_be_continued=True)
    assert recorders["room101"].calls[-2:] == ["left", "leave shutdown"]
    assert recorders["room102"].calls == []


async def test_a_policy_that_stops_recording_reaches_every_room_and_those_that_come_later(
    rooms: Rooms, recorders: dict[str, FakeRecorder], nursery: trio.Nursery
) -> None:
    rooms.hold("full")
    rooms.find("guest")
    assert recorders["guest"].calls == ["hold full"]
    nursery.start_soon(rooms.run)
    rooms.hold(None)
    await trio.testing.wait_all_tasks_blocked()
    assert recorders["room102"].calls == ["hold full", "release"]
    assert rooms.live == []


class Turns(trio.abc.Instrument):
    """Counts those of the loop, in each of which every task that can go on does."""

    def __init__(self) -> None:
        self.count = 0

    def before_io_wait(self, timeout: float) -> None:
        self.count += 1


async def test_everybody_is_heard_between_two_rooms_that_are_released(
    rooms: Rooms, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, released, pictures = Turns(), list[int](), list[int]()
    monkeypatch.setattr(FakeRecorder, "release", lambda *_: released.append(turns.count))
    rooms.on_change = lambda: pictures.append(len(released))
    trio.lowlevel.add_instrument(turns)
    nursery.start_soon(rooms.run)
    rooms.hold("full")
    rooms.hold(None)
    await trio.testing.wait_all_tasks_blocked()
    assert len(released) == len(set(released)) == 2
    # That it is under way is shown at once, and the end of it.
    assert pictures == [0, 0, 2]


async def test_rooms_that_wait_to_be_released_wait_on_when_too_little_is_free_again(
    rooms: Rooms,
    recorders: dict[str, FakeRecorder],
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def release(recorder: FakeRecorder, _now_ms: int) -> None:
        recorder.calls.append("release")
        rooms.hold("full again")

    monkeypatch.setattr(FakeRecorder, "release", release)
    nursery.start_soon(rooms.run)
    rooms.hold("full")
    rooms.hold(None)
    await trio.testing.wait_all_tasks_blocked()
    assert recorders["room101"].calls == ["hold full", "release", "hold full again"]
    assert recorders["room102"].calls == ["hold full", "hold full again"]


async def test_a_room_that_cannot_be_released_does_not_keep_another_waiting(
    rooms: Rooms,
    recorders: dict[str, FakeRecorder],
    nursery: trio.Nursery,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorders["room101"].raises = RuntimeError("a fault of ours")
    nursery.start_soon(rooms.run)
    rooms.hold(None)
    await trio.testing.wait_all_tasks_blocked()
    assert recorders["room102"].calls == ["release"]
    assert "room101: releasing failed; this is a fault of the recorder" in caplog.text


async def test_rooms_that_close_write_what_waits_to_be_released(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    rooms.hold("full")
    rooms.hold(None)
    rooms.close("shutdown")
    assert [recorders[name].calls for name in ("room101", "room102")] == [
        ["hold full", "release"]
    ] * 2


async def test_rooms_that_close_write_what_a_policy_has_kept_and_listen_to_none_any_more(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    rooms.hold("full")
    rooms.close("shutdown")
    rooms.hold("full")
    assert recorders["room101"].calls == ["hold full", "release"]


async def test_rooms_are_found_by_name_without_being_made(rooms: Rooms) -> None:
    assert rooms.get("room101") is not None
    assert rooms.get("nowhere") is None
    assert [room.name for room in rooms.all] == ["room101", "room102"]


# --- what a reload changes ---------------------------------------------------


async def test_a_room_that_is_added_is_there_at_once_and_in_its_place(rooms: Rooms) -> None:
    rooms.follow(
        {"room100": None, "room101": "Chemistry", "room102": None},
        reconnect_window_s=WINDOW_S,
        limit=3,
    )
    assert [(room.name, room.title) for room in rooms.all] == [
        ("room100", None), ("room101", "Chemistry"), ("room102", None)
    ]  # fmt: skip


async def test_a_room_that_is_added_while_a_policy_holds_the_others_is_held_too(
    rooms: Rooms, recorders: dict[str, FakeRecorder]
) -> None:
    rooms.hold("full")
    rooms.follow({"room100": None}, reconnect_window_s=WINDOW_S, limit=3)
    assert recorders["room100"].calls == ["hold full"]


async def test_a_room_that_is_removed_records_on_until_its_publisher_leaves(
    rooms: Rooms,
    recorders: dict[str, FakeRecorder],
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    nursery.start_soon(rooms.run)
    room = _room(rooms)
    publisher = publish(room)
    room.recorder.media(9, 0, b"", 0)
    rooms.follow({"room102": None}, reconnect_window_s=WINDOW_S, limit=1)
    await trio.testing.wait_all_tasks_blocked()
    assert [each.name for each in rooms.all] == ["room102", "room101"]
    assert room.publisher is publisher
    assert room.title == "Physics"
    room.end(publisher, {})
    await trio.testing.wait_all_tasks_blocked()
    assert [each.name for each in rooms.all] == ["room102"]
    assert recorders["room101"].calls[-1] == "end unpublished"


async def test_a_room_that_differs_in_case_from_one_in_use_comes_when_that_is_gone(
    rooms: Rooms, nursery: trio.Nursery
) -> None:
    nursery.start_soon(rooms.run)
    guest = _room(rooms, "Hall")
    publisher = publish(guest)
    rooms.follow({"hall": None}, reconnect_window_s=WINDOW_S, limit=9)
    assert rooms.get("hall") is None
    assert rooms.find("hall") is None
    guest.end(publisher, {})
    await trio.testing.wait_all_tasks_blocked()
    assert [each.name for each in rooms.all] == ["hall"]


async def test_another_window_holds_for_the_next_loss_and_not_for_one_that_waits(
    rooms: Rooms, autojump_clock: MockClock
) -> None:
    waiting, other = _room(rooms), _room(rooms, "room102")
    publishers = [publish(each) for each in (waiting, other)]
    for each in (waiting, other):
        each.recorder.media(9, 0, b"", 0)
    waiting.lose(publishers[0], {})
    rooms.follow({"room101": None, "room102": None}, reconnect_window_s=5, limit=3)
    other.lose(publishers[1], {})
    now_s = trio.current_time()
    assert waiting.window_ends_s - now_s == WINDOW_S
    assert other.window_ends_s - now_s == 5
    # And for rooms that come later.
    guest = _room(rooms, "guest")
    publisher = publish(guest)
    guest.recorder.media(9, 0, b"", 0)
    guest.lose(publisher, {})
    assert guest.window_ends_s - now_s == 5


async def test_another_limit_counts_for_who_comes_next(rooms: Rooms) -> None:
    rooms.follow({"room101": None, "room102": None}, reconnect_window_s=5, limit=2)
    assert rooms.find("guest") is None
    rooms.follow({"room101": None, "room102": None}, reconnect_window_s=5, limit=3)
    assert rooms.find("guest") is not None
