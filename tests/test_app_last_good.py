"""The copy of the last configuration that was good: which is kept, where, and for whom."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from recorder.app_reload import say_fallback
from recorder.config import load
from recorder.config.last_good import LAST_GOOD_FILE
from tests.helpers.program import eventually
from tests.helpers.reloading import ROOMS, Stage, staged, write
from tests.helpers.settling import settle

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def copied(stage: Stage, text: str) -> None:
    await eventually(lambda: stage.copy() == text.encode(), what="the copy")


async def test_what_has_run_is_kept_for_nobody_else_to_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await copied(stage, ROOMS)
        found = (tmp_path / "recordings/.recorder" / LAST_GOOD_FILE).stat()
        assert stat.S_IMODE(found.st_mode) == 0o600
        better = f"{ROOMS}rtmp: {{takeover: never}}\n"
        await stage.reload(better)
        await copied(stage, better)


async def test_neither_a_bad_file_nor_one_that_waits_for_a_restart_is_kept(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await copied(stage, ROOMS)
        await stage.reload("rooms: 7\n")
        await stage.reload(ROOMS + "state: elsewhere\n")
        await settle()
        assert stage.copy() == ROOMS.encode()


async def test_what_was_fallen_back_on_is_not_kept_as_what_the_file_says(tmp_path: Path) -> None:
    async with staged(tmp_path, errors=("config.yaml:1: x",)) as stage:
        await settle()
        assert stage.copy() is None
        views = [stage.reloader.view]
        await stage.reload(ROOMS)
        views.append(stage.reloader.view)
        assert [view.is_last_good for view in views] == [True, False]
        await copied(stage, ROOMS)


async def test_a_copy_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    files = set[int]()
    for _ in range(2):
        async with staged(tmp_path) as stage:
            await copied(stage, ROOMS)
            await settle()
            files.add((tmp_path / "recordings/.recorder" / LAST_GOOD_FILE).stat().st_ino)
    assert len(files) == 1


async def test_what_a_kill_left_half_written_is_gone_although_the_copy_is_good(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await copied(stage, ROOMS)
        await settle()
    unfinished = tmp_path / "recordings/.recorder" / f"{LAST_GOOD_FILE}.tmp"
    unfinished.write_text("rooms: {a: {key: the-key-of-")
    async with staged(tmp_path):
        await eventually(lambda: not unfinished.exists(), what="it is removed")


async def test_under_systemd_it_lies_where_it_is_found_without_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "var"
    state.mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", f"{state}:/elsewhere")
    async with staged(tmp_path):
        await eventually((state / LAST_GOOD_FILE).exists, what="the copy")


async def test_a_state_folder_that_takes_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "missing"))
    async with staged(tmp_path) as stage:
        await stage.reload(ROOMS)
        await eventually(lambda: "No copy of this configuration" in caplog.text, what="the warning")


def test_a_start_with_the_last_good_one_says_so_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = load(write(tmp_path, ROOMS))
    say_fallback(config, ())
    assert caplog.records == []
    say_fallback(config, ("config.yaml:3: a: is no known key",))
    assert [each.levelname for each in caplog.records] == ["ERROR", "CRITICAL"]
