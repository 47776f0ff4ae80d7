"""What is told of recordings and alarms; a restart tells nothing twice and leaves nothing out."""

from __future__ import annotations

import json
import os
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
from msgspec.structs import replace

from recorder.app_hooks import Hooks, open_hooks
from recorder.app_news import alarm_fields, news
from recorder.config.hooks import HooksConfig, ReceiversConfig
from recorder.hooks.announced import Announced
from recorder.hooks.events import Event
from recorder.hooks.progress import FILE, Progress, TargetProgress
from recorder.hooks.reading import Reader
from recorder.recording.manifest import Client, Gap, Manifest, Segment
from recorder.status.alarms import Alarms
from recorder.status.house_views import HooksView
from tests.helpers.clock import FakeClock
from tests.helpers.program import eventually
from tests.status import snapshots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator
    from pathlib import Path


FOLDER = "room101/2026-11-22/0000042-103000Z"
NOW = "2026-11-29T10:00:00.000Z"
BEGUN = Manifest(
    room="room101",
    number=42,
    start="2026-11-22T10:30:00.000Z",
    clock="trusted",
    client=Client(address="10.2.0.7", software="test"),
)


def row(number: int, **changes: Any) -> Segment:
    made = Segment(
        file=f"{number:04d}.flv",
        start_ms=(number - 1) * 600_000,
        duration_ms=600_000,
        bytes=1000 * number,
        reason="start",
    )
    return attrs.evolve(made, **changes)


def with_rows(*rows: Segment) -> Manifest:
    return attrs.evolve(BEGUN, segments=rows)


def over(manifest: Manifest, reason: str = "unpublished") -> Manifest:
    return attrs.evolve(manifest, end="2026-11-22T11:30:00.000Z", end_reason=reason)


def told(announced: Announced, manifest: Manifest) -> list[str]:
    """Tell it, and give the kinds in short."""
    kinds = []
    for kind, fields in news(announced, FOLDER, manifest):
        announced.take(Event(1, kind, NOW, fields))
        number = fields["segment"]["number"] if "segment" in fields else ""
        kinds.append(f"{kind} {number}".strip())
    return kinds


def again(announced: Announced) -> Announced:
    return Announced(json.loads(json.dumps(announced.to_document())))


# --- recordings -------------------------------------------------------------


def test_a_recording_is_told_step_by_step_and_checksums_are_no_news() -> None:
    announced = Announced()
    assert told(announced, BEGUN) == ["recording_started"]
    assert told(announced, with_rows(row(1))) == ["segment_closed 1"]
    assert told(announced, with_rows(row(1, sha256="0" * 64))) == []
    assert told(announced, with_rows(row(1), row(2))) == ["segment_closed 2"]
    assert told(announced, over(with_rows(row(1), row(2)))) == ["recording_ended"]
    assert told(announced, over(with_rows(row(1), row(2, sha256="0" * 64)))) == []


def test_a_restart_tells_what_was_not_told_and_nothing_twice() -> None:
    announced = Announced()
    told(announced, with_rows(row(1)))
    announced = again(announced)
    # What recovery found: the second file closed, the third repaired, and the end.
    found = over(with_rows(row(1), row(2), row(3, repaired=True)), "lost")
    assert told(announced, found) == ["segment_closed 2", "segment_closed 3", "recording_ended"]
    assert told(again(announced), found) == []


def test_a_recording_that_was_never_told_of_is_told_from_its_start() -> None:
    assert told(Announced(), over(with_rows(row(1)))) == [
        "recording_started",
        "segment_closed 1",
        "recording_ended",
    ]


def test_a_segment_that_retention_took_is_not_told_of() -> None:
    announced = Announced()
    assert told(announced, with_rows(row(1, deleted=True), row(2))) == [
        "recording_started",
        "segment_closed 2",
    ]


def test_what_an_event_says_of_a_recording() -> None:
    manifest = over(
        with_rows(row(1, deleted=True), row(2, repaired=True, gap=Gap(reason="reconnect", ms=9)))
    )
    announced, events = Announced(), []
    for kind, fields in news(announced, FOLDER, manifest):
        announced.take(Event(1, kind, NOW, fields))
        events.append(fields)
    about = {"room": "room101", "recording": 42, "folder": FOLDER}
    start, end = "2026-11-22T10:30:00.000Z", "2026-11-22T11:30:00.000Z"
    assert events == [
        {**about, "start": start},
        {**about, "segment": {"number": 2, "file": "0002.flv", "duration_s": 600.0,
                              "bytes": 2000, "repaired": True}},
        {**about, "start": start, "end": end, "reason": "unpublished", "segments": 1,
         "duration_s": 1200.0, "bytes": 2000, "gaps": 1},
    ]  # fmt: skip


# --- alarms -----------------------------------------------------------------


def test_an_alarm_is_told_with_what_to_do_and_seeing_it_is_no_event(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = []
    alarms = Alarms()
    alarms.on_change = changes.append
    hot = snapshots.picture(system=snapshots.system(temperature_c=90.0))
    [view] = alarms.judge(hot, 100.0)
    alarms.acknowledge(view.id, "anna", NOW)
    alarms.judge(snapshots.picture(), 200.0)
    assert [each["event"] for each in changes] == ["raised", "acknowledged", "cleared"]
    assert alarm_fields(changes[0]) == {
        "room": None,
        "alarm": {
            "id": view.id,
            "kind": "temperature",
            "severity": "critical",
            "since": hot.time,
            "text": view.text,
            "todo": view.advice,
        },
    }


def test_what_has_happened_is_cleared_for_who_is_told_once_somebody_has_seen_it() -> None:
    changes: list[dict[str, Any]] = []
    alarms = Alarms()
    alarms.on_change = changes.append
    crash = snapshots.picture(system=snapshots.system(last_end="crash"))
    [view] = alarms.judge(crash, 100.0)
    alarms.acknowledge(view.id, "anna", NOW)
    alarms.judge(crash, 200.0)
    assert [(each["event"], each["id"]) for each in changes] == [
        ("raised", view.id),
        ("acknowledged", view.id),
        ("cleared", view.id),
    ]


def test_an_alarm_remembered_by_an_older_recorder_has_no_advice() -> None:
    change = {"id": "a-1", "kind": "a", "severity": "info", "since": NOW, "text": "x", "room": "b"}
    assert alarm_fields(change)["alarm"]["todo"] == ""


# --- at work ----------------------------------------------------------------

CONFIG = HooksConfig(alarm_raised=ReceiversConfig(commands=[("/nowhere/tell",)]))
CHANGE = {
    "event": "raised", "id": "a-1", "kind": "a", "severity": "info", "since": NOW, "text": "x",
    "room": None, "advice": "y",
}  # fmt: skip


@asynccontextmanager
async def hooks_of(
    state: Path,
    config: HooksConfig = CONFIG,
    *,
    unfinished: Collection[int] | None = (42,),
    delivers: bool = False,
) -> AsyncIterator[Hooks]:
    """Args:
    unfinished: None: the recording disk is not there.
    """
    async with open_hooks(
        config, state, FakeClock(), storage=state / "storage", delivers=delivers
    ) as hooks:
        if unfinished is not None:
            hooks.begin(unfinished)
        yield hooks


def kinds(state: Path) -> list[str]:
    return [each.kind for each in Reader(state / "hooks").new()]


async def looked_up(state: Path, expected: list[str]) -> None:
    await trio.testing.wait_all_tasks_blocked()
    await trio.testing.wait_all_threads_completed()
    await eventually(lambda: kinds(state) == expected, what=f"{expected} in the outbox")


async def test_what_is_told_is_in_the_outbox(tmp_path: Path) -> None:
    async with hooks_of(tmp_path) as hooks:
        hooks.saved(FOLDER, BEGUN)
        hooks.alarm(CHANGE)
        hooks.alarm({**CHANGE, "event": "acknowledged"})
    assert kinds(tmp_path) == ["recording_started", "alarm_raised"]
    async with hooks_of(tmp_path) as hooks:
        hooks.saved(FOLDER, over(BEGUN))
    assert kinds(tmp_path) == ["recording_started", "alarm_raised", "recording_ended"]


@pytest.mark.parametrize(
    ("manifest", "told_later"),
    [
        (over(with_rows(row(1), row(2))), ["segment_closed", "recording_ended"]),
        (with_rows(row(1)), []),
        (None, ["recording_ended"]),
    ],
    ids=["it has ended", "it has not", "it is gone"],
)
async def test_what_ended_while_nobody_could_be_told_is_told_by_the_next_start(
    tmp_path: Path, manifest: Manifest | None, told_later: list[str]
) -> None:
    async with hooks_of(tmp_path) as hooks:
        hooks.saved(FOLDER, with_rows(row(1)))
    before = kinds(tmp_path)
    place = tmp_path / "storage" / FOLDER
    if manifest is not None:
        place.mkdir(parents=True)
        (place / "recording.json").write_bytes(manifest.to_json())
    async with hooks_of(tmp_path):
        pass
    assert kinds(tmp_path) == before, "somebody has it in hand"
    async with hooks_of(tmp_path, unfinished=None):
        await trio.testing.wait_all_tasks_blocked()
    assert kinds(tmp_path) == before, "the disk is not there, and who knows what is on it"
    for _ in range(2):
        async with hooks_of(tmp_path, unfinished=()):
            await looked_up(tmp_path, [*before, *told_later])
        assert kinds(tmp_path) == [*before, *told_later]
    if manifest is None:
        last = Reader(tmp_path / "hooks").new()[-1]
        assert last.fields == {
            "room": "room101", "recording": 42, "folder": FOLDER, "reason": "gone",
        }  # fmt: skip


async def test_what_cannot_be_looked_up_is_not_said_to_be_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hooks_of(tmp_path) as hooks:
        hooks.saved(FOLDER, BEGUN)
    file = tmp_path / "storage" / FOLDER / "recording.json"
    # Who reads it gets an error, and not that there is none.
    file.mkdir(parents=True)
    async with hooks_of(tmp_path, unfinished=()):
        await eventually(lambda: "cannot be looked up" in caplog.text, what="it is said")
    assert kinds(tmp_path) == ["recording_started"]
    file.rmdir()
    file.write_bytes(over(BEGUN).to_json())
    async with hooks_of(tmp_path, unfinished=()):
        await looked_up(tmp_path, ["recording_started", "recording_ended"])


async def test_a_disk_that_does_not_answer_who_looks_keeps_nobody_from_stopping(
    tmp_path: Path,
) -> None:
    async with hooks_of(tmp_path) as hooks:
        hooks.saved(FOLDER, BEGUN)
    place = tmp_path / "storage" / FOLDER
    place.mkdir(parents=True)
    os.mkfifo(place / "recording.json")
    writers = list[int]()

    def is_read() -> bool:
        # A pipe can be opened so once somebody reads it, who then waits for as long as it is open.
        with suppress(OSError):
            writers.append(os.open(place / "recording.json", os.O_WRONLY | os.O_NONBLOCK))
        return bool(writers)

    with fail_after_answering(writers):
        async with hooks_of(tmp_path, unfinished=()):
            await eventually(is_read, what="the manifest is read")
    assert kinds(tmp_path) == ["recording_started"]


@contextmanager
def fail_after_answering(writers: list[int]) -> Iterator[None]:
    """What does not come to its end by itself is let go after a while, and has failed."""
    is_late = threading.Event()

    def let_go() -> None:
        is_late.set()
        os.close(writers.pop())

    timer = threading.Timer(5, let_go)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for each in writers:
            os.close(each)
    assert not is_late.is_set(), "the stop waited for the disk"


async def test_without_hooks_nothing_is_written(tmp_path: Path) -> None:
    async with hooks_of(tmp_path, HooksConfig(), delivers=True) as hooks:
        hooks.saved(FOLDER, BEGUN)
        hooks.alarm(CHANGE)
        assert hooks.view() is None
    assert not (tmp_path / "hooks").exists()


async def test_an_outbox_that_cannot_be_used_is_said_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hooks_of(tmp_path / "gone") as hooks:
        hooks.saved(FOLDER, BEGUN)
        assert hooks.view() is None
    assert "Nobody is told anything" in caplog.text


async def test_a_fault_in_telling_does_not_reach_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("recorder.app_hooks.news", fail)
    monkeypatch.setattr("recorder.app_hooks.alarm_fields", fail)
    async with hooks_of(tmp_path) as hooks:
        hooks.saved(FOLDER, BEGUN)
        assert "A recording cannot be told to hooks; this is a fault of the recorder" in caplog.text
        hooks.alarm(CHANGE)
        assert "An alarm cannot be told to hooks; this is a fault of the recorder" in caplog.text


async def test_a_fault_in_delivery_does_not_end_the_recorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("recorder.app_hooks.deliver_hooks", fail)
    async with hooks_of(tmp_path, delivers=True) as hooks:
        await trio.testing.wait_all_tasks_blocked()
        hooks.saved(FOLDER, BEGUN)
    assert "delivered no more; this is a fault" in caplog.text
    assert kinds(tmp_path) == ["recording_started"]


async def test_what_became_of_the_events_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "hooks"
    folder.mkdir()
    progress = Progress(
        "abc",
        {
            "a": TargetProgress("https://a.example", 9, 8, 1, NOW),
            "b": TargetProgress("/bin/b", 9, 7, 0),
        },
    )
    (folder / FILE).write_bytes(progress.to_bytes())
    async with hooks_of(tmp_path) as hooks:
        shown = HooksView(
            is_delivering=False,
            failing=("https://a.example",),
            failing_since=NOW,
            delivered=15,
            given_up=1,
            lost=0,
            age_s=0.0,
        )

        def is_shown() -> bool:
            view = hooks.view()
            if view is None or view.age_s is None:
                return False
            return replace(view, age_s=0.0) == shown

        before = hooks.view()
        assert before is not None
        assert before.age_s is None
        await eventually(is_shown, what="it is shown")
        # What cannot be looked at any more is as old as it is.
        hooks._looked_s = trio.current_time() - 45
        old = hooks.view()
        assert old is not None
        assert old.age_s == 45


async def test_hooks_that_are_not_there_say_nothing() -> None:
    await trio.lowlevel.checkpoint()
    assert Hooks().view() is None
