"""What is delivered, remembered over restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.hooks.progress import FILE, Progress, TargetProgress, load_progress
from recorder.hooks.targets import Target

if TYPE_CHECKING:
    from pathlib import Path

ONE = Target("one", frozenset({"alarm_raised"}), url="https://one.example/t0ken")
TWO = Target("two", frozenset({"alarm_raised"}), command=("/bin/two",))


def test_it_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    progress = Progress("abcd")
    progress.settle([ONE, TWO])
    progress.targets["one"] = TargetProgress("https://one.example", 7, 5, 2, "2026-11-29T10:00:00Z")
    (tmp_path / FILE).write_bytes(progress.to_bytes())
    assert load_progress(tmp_path) == progress


def test_nothing_is_remembered_where_there_is_nothing(tmp_path: Path) -> None:
    assert load_progress(tmp_path) == Progress()
    assert load_progress(tmp_path / "missing") == Progress()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 40, b"[]", b"7", b"[" * 100_000, b'{"version":2}', b'{"version":1}',
     b'{"version":1,"outbox":"a","targets":[]}', b'{"version":1,"outbox":"a","targets":{"k":{}}}',
     b'{"version":1,"outbox":"a","targets":{"k":{"after":"x"}}}'],
)  # fmt: skip
def test_what_is_damaged_is_said_and_begins_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert load_progress(tmp_path) == Progress()
    assert "is damaged: hooks may be told again" in caplog.text


def test_a_new_target_is_told_what_others_still_wait_for_and_an_old_one_is_forgotten() -> None:
    progress = Progress()
    progress.settle([ONE])
    assert progress.targets["one"].after == 0
    progress.targets["one"].after = 9
    progress.settle([ONE, TWO])
    assert progress.lowest == progress.targets["two"].after == 9
    progress.settle([TWO])
    assert list(progress.targets) == ["two"]


def test_another_outbox_has_other_ids() -> None:
    progress = Progress("old", {"one": TargetProgress("one", after=9, delivered=3)})
    progress.begin("new")
    assert (progress.outbox, progress.lowest, progress.targets["one"].delivered) == ("new", 0, 3)


def test_without_targets_nothing_is_done_with() -> None:
    assert Progress().lowest == 0
