"""The outbox: the recorder only adds, whatever the disk of the state does."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import trio

from recorder.hooks import outbox as outbox_module
from recorder.hooks.journal import Journal
from recorder.hooks.outbox import BATCH, MOST_WAITING, open_outbox
from tests.hooks.writing import NOW, journal, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from recorder.hooks.events import Event


class StalledJournal(Journal):
    """Its disk answers when it is told to, or refuses as often as it is told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, events=10_000, size=8 << 20, delivered=lambda _: 0)
        self.answers = threading.Event()
        self.answers.set()
        self.refusals = 0

    def append(self, events: Iterable[Event]) -> None:
        self.answers.wait(timeout=10)
        if self.refusals:
            self.refusals -= 1
            raise OSError(28, "No space left on device")
        super().append(events)


async def test_what_is_added_is_on_the_disk_and_leaving_waits_for_the_last(
    tmp_path: Path,
) -> None:
    async with open_outbox(journal(tmp_path / "hooks"), lambda: NOW) as outbox:
        outbox.add("recording_started", {"recording": 7})
        await outbox.settled()
        assert read(tmp_path / "hooks") == [1]
        outbox.add("recording_ended", {"recording": 7})
    assert read(tmp_path / "hooks") == [1, 2]


async def test_what_was_announced_is_known_at_once(tmp_path: Path) -> None:
    async with open_outbox(journal(tmp_path / "hooks"), lambda: NOW) as outbox:
        outbox.add("recording_started", {"recording": 7})
        assert outbox.announced.has_begun(7)


async def test_while_the_disk_stalls_the_oldest_go_for_the_newest_and_are_counted(
    tmp_path: Path,
) -> None:
    stalled = StalledJournal(tmp_path / "hooks")
    stalled.answers.clear()
    async with open_outbox(stalled, lambda: NOW) as outbox:
        outbox.add("alarm_raised", {})
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(MOST_WAITING + 99):
            outbox.add("alarm_raised", {})
        assert outbox.lost == 100
        stalled.answers.set()
        await outbox.settled()
    assert read(tmp_path / "hooks") == [1, *range(102, MOST_WAITING + 101)]


async def test_a_disk_that_refuses_is_asked_again_with_the_same_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_module, "RETRY_S", 0.01)
    refusing = StalledJournal(tmp_path / "hooks")
    refusing.refusals = 3
    async with open_outbox(refusing, lambda: NOW) as outbox:
        for _ in range(BATCH + 1):
            outbox.add("alarm_raised", {})
        await outbox.settled()
    assert read(tmp_path / "hooks") == list(range(1, BATCH + 2))
    assert "cannot be written: [Errno 28] No space left on device" in caplog.text


async def test_a_full_outbox_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with open_outbox(journal(tmp_path / "hooks", events=100), lambda: NOW) as outbox:
        for _ in range(150):
            outbox.add("alarm_raised", {})
        await outbox.settled()
        assert outbox.lost == 50
    assert "50 events were given up so far" in caplog.text


async def test_a_disk_that_never_answers_does_not_hold_the_stop_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_module, "LAST_WORDS_S", 0.05)
    stalled = StalledJournal(tmp_path / "hooks")
    stalled.answers.clear()
    async with open_outbox(stalled, lambda: NOW) as outbox:
        outbox.add("alarm_raised", {})
    assert "could not be written for the hooks in 0.05 s" in caplog.text
    stalled.answers.set()
    await trio.testing.wait_all_threads_completed()
    stalled.close()
