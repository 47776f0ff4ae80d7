"""Reload: when and how often the file is read, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from recorder.app_listeners import StartError
from recorder.app_reload import MOST_LOGGED, MOST_SHOWN
from tests.helpers.reloading import ROOMS, staged
from tests.helpers.settling import settle

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from recorder.config import Config


# --- when and how often -------------------------------------------------------


async def test_what_is_asked_many_times_in_a_moment_is_read_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        begun: list[None] = []
        stage.reloader.on_reloading = lambda: begun.append(None)
        for _ in range(1000):
            stage.reloader.ask()
        await stage.ready.receive()
        await trio.testing.wait_all_tasks_blocked()
        assert len(begun) == 1
        # Asked while it reads: what was written since may not have been seen.
        stage.reloader.ask()
        await trio.testing.wait_all_tasks_blocked()
        stage.reloader.ask()
        await stage.ready.receive()
        await stage.ready.receive()
        assert len(begun) == 3


async def test_a_reload_that_comes_while_the_recorder_stops_changes_nothing(
    tmp_path: Path,
) -> None:
    stopping = trio.Event()
    async with staged(tmp_path, is_stopping=stopping.is_set) as stage:
        stage.reloader.on_reloading = stopping.set
        await stage.reload(f"{ROOMS}rtmp: {{takeover: never}}\n")
        assert stage.parts.house.reception.policy == "if-stale"


async def test_nobody_is_told_of_a_reload_once_the_recorder_stops(tmp_path: Path) -> None:
    told: list[str] = []
    async with staged(tmp_path, is_stopping=lambda: True) as stage:
        stage.reloader.on_reloading = lambda: told.append("reloading")
        stage.reloader.ask()
        await settle()
    assert told == []


async def test_an_address_that_the_next_start_would_refuse_is_refused(tmp_path: Path) -> None:
    def settle(_: Config) -> Config:
        raise StartError("rtmp.listen says one thing, and systemd another.")

    async with staged(tmp_path, settle=settle) as stage:
        await stage.reload(f"{ROOMS}rtmp: {{takeover: never}}\n")
        assert "systemd another" in stage.reloader.view.errors[0]
        assert stage.parts.house.reception.policy == "if-stale"


async def test_a_fault_of_ours_is_said_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Path) -> None:
        raise ZeroDivisionError

    async with staged(tmp_path) as stage:
        with monkeypatch.context() as patched:
            patched.setattr("recorder.app_reload.load", broken)
            await stage.reload(ROOMS)
        assert "fault of the recorder" in stage.reloader.view.errors[0]
        assert "ZeroDivisionError" in caplog.text
        await stage.reload(ROOMS)
        assert stage.reloader.view.errors == ()


# --- what is said -------------------------------------------------------------


async def test_of_very_many_errors_the_page_shows_a_few_and_the_log_a_hundred(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.reload(ROOMS + "".join(f"bad{number}: 1\n" for number in range(1000)))
        errors = stage.reloader.view.errors
        assert len(errors) == MOST_SHOWN + 1
        assert errors[-1] == f"and {1000 - MOST_SHOWN} more"
        assert caplog.text.count("is no known key") == MOST_LOGGED
        assert f"... and {1000 - MOST_LOGGED} more" in caplog.text


async def test_no_key_is_ever_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = "a-secret-that-nobody-may-see"
    async with staged(tmp_path) as stage:
        for text in (
            f"rooms: {{a: {{key: {secret}}}}}\n",
            f"rooms: {{a: {{key: {secret}}}, c: {{key: {secret}}}}}\n",
            f"rooms: {{a: {{key: [{secret}]}}}}\n",
            f"rooms: {{a: {{key: {secret}\n",
        ):
            await stage.reload(text)
        assert secret not in repr(stage.reloader.view)
    assert secret not in caplog.text


async def test_what_is_unwise_is_said_with_each_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.reload("rooms: {a: {key: short}}\n")
    assert "config.yaml:1: rooms.a.key: is shorter than 16 characters" in caplog.text
