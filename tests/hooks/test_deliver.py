"""Delivery on a clock that jumps: dead receivers, storms, restarts. Threads are left out, so that
the time that passes is the simulated one alone."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from recorder.hooks.deliver import Means, deliver
from recorder.hooks.gathering import GATHER_S, MOST_TOGETHER
from recorder.hooks.patience import GIVE_UP_S, LONGEST_WAIT_S, Outcome, Result
from recorder.hooks.progress import load_progress
from recorder.hooks.targets import Target
from tests.hooks.writing import NOW, event, journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

    from recorder.hooks.events import Event

HOUR_S = 3600.0
DEAD = Result(Outcome.FAILED, "connection refused")
DONE = Result(Outcome.DONE)
NO = Result(Outcome.REFUSED, "it answers 404")

ALL = frozenset(
    {"recording_started", "segment_closed", "recording_ended", "alarm_raised", "alarm_cleared"}
)
A = Target("a", ALL, url="https://a.example/t0ken")
B = Target("b", ALL, command=("/bin/b",))
ENDS = Target("ends", frozenset({"recording_ended"}), command=("/bin/ends",))


@pytest.fixture(autouse=True)
def _without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_sync(function: Callable[..., Any], *args: Any, **_: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
    # Nobody cuts the power here.
    monkeypatch.setattr(os, "fsync", lambda file: None)
    monkeypatch.setattr(os, "fdatasync", lambda file: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hooks"


@attrs.define
class Receivers:
    """Stand where targets do.

    Attributes:
        says: what a target answers now.
        calls: to which target, when, with which ids.
    """

    says: dict[str, Result] = attrs.field(factory=dict)
    calls: list[tuple[str, float, list[int]]] = attrs.field(factory=list)
    takes_s: dict[str, float] = attrs.field(factory=dict)
    bodies: list[dict[str, Any]] = attrs.field(factory=list)

    async def call(self, target: Target, body: bytes) -> Result:
        message = json.loads(body)
        self.bodies.append(message)
        ids = [each["id"] for each in message["events"]]
        self.calls.append((target.key, trio.current_time(), ids))
        await trio.sleep(self.takes_s.get(target.key, 0.01))
        return self.says.get(target.key, DONE)

    def times(self, key: str) -> list[float]:
        return [at for target, at, _ in self.calls if target == key]

    def got(self, key: str) -> list[int]:
        return [number for target, _, ids in self.calls if target == key for number in ids]


def means(
    receivers: Receivers,
    *,
    save: Callable[[Path, bytes], object] = Path.write_bytes,
    most_waiting: int = 10_000,
) -> Means:
    return Means(
        call=receivers.call,
        save=save,
        now=lambda: NOW,
        host="rec1",
        most_waiting=most_waiting,
        chance=lambda: 1.0,
    )


def ended(number: int) -> Event:
    return event(number, "recording_ended", recording=number)


async def test_everything_is_told_to_everybody_who_wants_it_in_order(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    receivers, writer = Receivers(), journal(folder)
    nursery.start_soon(deliver, folder, [A, ENDS], means(receivers))
    await trio.sleep(3)
    writer.append([event(1, "recording_started", recording=7), ended(2)])
    writer.append([ended(3), event(4, "recording_started", recording=8)])
    await trio.sleep(3)
    assert receivers.got("a") == [1, 2, 3, 4]
    assert receivers.got("ends") == [2, 3]
    assert next(each for each in receivers.bodies if each["events"][0]["id"] == 1) == {
        "version": 1,
        "host": "rec1",
        "outbox": writer.outbox,
        "events": [{"id": 1, "event": "recording_started", "time": NOW, "recording": 7}],
    }
    progress = load_progress(folder)
    assert progress.outbox == writer.outbox
    assert progress.targets["a"].after == progress.targets["ends"].after == 4
    assert progress.targets["ends"].delivered == 2
    writer.close()


async def test_a_receiver_that_is_dead_for_an_hour_gets_everything_afterwards_and_delays_nobody(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    receivers, writer = Receivers({"a": DEAD}), journal(folder)
    nursery.start_soon(deliver, folder, [A, B], means(receivers))
    began_s = trio.current_time()
    written: list[float] = []
    while trio.current_time() - began_s < HOUR_S:
        written.append(trio.current_time())
        writer.append([ended(len(written))])
        await trio.sleep(30)
    numbers = list(range(1, 121))
    assert receivers.got("b") == numbers
    delays_s = [at - wrote for at, wrote in zip(receivers.times("b"), written, strict=True)]
    assert max(delays_s) <= 1.1
    # Tried less and less often, and nothing but the first.
    tried = receivers.times("a")
    assert 15 <= len(tried) <= 25
    waits = [round(after - before) for before, after in itertools.pairwise(tried)]
    assert waits[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(waits[9:]) == {round(LONGEST_WAIT_S)}
    assert set(receivers.got("a")) == {1}
    assert load_progress(folder).targets["a"].failing_since == NOW
    assert load_progress(folder).lowest == 0
    assert caplog.text.count("not delivered") == 1
    receivers.says.clear()
    receivers.calls.clear()
    await trio.sleep(LONGEST_WAIT_S + 10)
    assert receivers.got("a") == numbers
    assert load_progress(folder).targets["a"].failing_since is None
    assert load_progress(folder).lowest == 120
    assert "t0ken" not in caplog.text
    writer.close()


async def test_one_that_answers_nothing_at_all_delays_nobody_either(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    receivers, writer = Receivers(takes_s={"a": 10 * HOUR_S}), journal(folder)
    nursery.start_soon(deliver, folder, [A, B], means(receivers))
    writer.append([ended(number) for number in range(1, 11)])
    await trio.sleep(5)
    assert receivers.got("b") == list(range(1, 11))
    assert receivers.got("a") == [1]
    writer.close()


async def test_a_storm_of_alarms_is_one_call(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    receivers, writer = Receivers(), journal(folder)
    nursery.start_soon(deliver, folder, [A], means(receivers))
    await trio.sleep(1.5)
    for number in range(1, 51, 5):
        kind = "alarm_raised" if number < 40 else "alarm_cleared"
        writer.append([event(each, kind) for each in range(number, number + 5)])
        await trio.sleep(0.3)
    await trio.sleep(10)
    [(_, at, ids)] = receivers.calls
    assert ids == list(range(1, 51))
    assert at - 1.5 <= GATHER_S + 1.1
    writer.close()


async def test_a_storm_of_hundreds_is_a_few_calls_in_order(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    receivers, writer = Receivers(), journal(folder)
    nursery.start_soon(deliver, folder, [A], means(receivers))
    writer.append([event(number) for number in range(1, 251)])
    await trio.sleep(20)
    assert [len(ids) for _, _, ids in receivers.calls] == [MOST_TOGETHER, MOST_TOGETHER, 50]
    assert receivers.got("a") == list(range(1, 251))
    writer.close()


async def test_what_is_refused_is_given_up_said_and_does_not_hold_up_the_next(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    receivers, writer = Receivers({"a": NO}), journal(folder)
    nursery.start_soon(deliver, folder, [A], means(receivers))
    writer.append([ended(1), ended(2)])
    await trio.sleep(3)
    assert receivers.got("a") == [1, 2]
    progress = load_progress(folder).targets["a"]
    assert (progress.given_up, progress.delivered, progress.after) == (2, 0, 2)
    said = "Hook https://a.example: recording_ended 2 given up: it answers 404"
    assert said in caplog.text
    assert "t0ken" not in caplog.text
    writer.close()


async def test_what_was_tried_for_a_day_is_given_up(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.hooks.deliver.POLL_S", 60.0)
    receivers, writer = Receivers({"a": DEAD}), journal(folder)
    writer.append([ended(1)])
    nursery.start_soon(deliver, folder, [A], means(receivers))
    await trio.sleep(GIVE_UP_S - LONGEST_WAIT_S)
    assert load_progress(folder).targets["a"].given_up == 0
    await trio.sleep(2 * LONGEST_WAIT_S)
    progress = load_progress(folder).targets["a"]
    assert (progress.given_up, progress.after, progress.failing_since) == (1, 1, NOW)
    writer.close()


async def test_a_restart_repeats_at_most_what_was_on_its_way(
    folder: Path, autojump_clock: MockClock
) -> None:
    receivers, writer = Receivers(takes_s={"a": 2.0}), journal(folder)
    writer.append([ended(number) for number in range(1, 6)])
    for _ in range(4):
        with trio.move_on_after(5):
            await deliver(folder, [A], means(receivers))
    got = receivers.got("a")
    assert sorted(set(got)) == [1, 2, 3, 4, 5]
    assert got == sorted(got)
    assert len(got) <= 5 + 3
    writer.close()


async def test_a_restart_of_the_recorder_is_followed(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    receivers, first = Receivers(), journal(folder)
    nursery.start_soon(deliver, folder, [A], means(receivers))
    first.append([ended(1)])
    await trio.sleep(2)
    first.close()
    second = journal(folder)
    number = second.next_id
    second.append([ended(number)])
    second.close()
    await trio.sleep(2)
    assert receivers.got("a") == [1, number]


async def test_an_outbox_that_was_thrown_away_begins_anew(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    receivers, first = Receivers(), journal(folder)
    nursery.start_soon(deliver, folder, [A], means(receivers))
    first.append([ended(number) for number in range(1, 6)])
    await trio.sleep(3)
    first.close()
    shutil.rmtree(folder)
    await trio.sleep(3)
    second = journal(folder)
    second.append([ended(1)])
    second.close()
    await trio.sleep(3)
    assert receivers.got("a") == [1, 2, 3, 4, 5, 1]


async def test_what_waits_for_one_receiver_is_bounded_and_the_newest_stay(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    receivers, writer = Receivers({"a": DEAD}), journal(folder)
    nursery.start_soon(deliver, folder, [A, B], means(receivers, most_waiting=100))
    for first in range(1, 301, 50):
        writer.append([ended(number) for number in range(first, first + 50)])
        await trio.sleep(5)
    receivers.says.clear()
    receivers.calls.clear()
    await trio.sleep(LONGEST_WAIT_S)
    assert receivers.got("a") == list(range(201, 301))
    assert receivers.got("b") == []
    assert load_progress(folder).targets["a"].given_up == 200
    writer.close()


async def test_progress_that_cannot_be_kept_stops_no_delivery(
    folder: Path,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    receivers, writer = Receivers(), journal(folder)
    nursery.start_soon(deliver, folder, [A], means(receivers, save=refuse))
    writer.append([ended(1), ended(2)])
    await trio.sleep(3)
    assert receivers.got("a") == [1, 2]
    assert "cannot be remembered" in caplog.text
    writer.close()


async def test_a_journal_that_cannot_be_read_is_said_and_read_later(
    folder: Path, nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    receivers, writer = Receivers(), journal(folder)
    nursery.start_soon(deliver, folder, [A], means(receivers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recorder.hooks.reading.files_in", _cannot)
        await trio.sleep(3)
    assert "The outbox of the hooks cannot be read" in caplog.text
    writer.append([ended(1)])
    writer.close()
    await trio.sleep(3)
    assert receivers.got("a") == [1]


def _cannot(folder: Path) -> list[tuple[int, Path]]:
    raise OSError(5, "Input/output error")
