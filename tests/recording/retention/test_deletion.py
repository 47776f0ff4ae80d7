"""One deletion on a real folder: what goes, what stays; the cuts are in test_sweep_power_cuts."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.listing import list_recordings
from recorder.recording.manifest import Manifest
from recorder.recording.recovery import Recovered, recover_recording
from recorder.recording.recovery_steps import Repaired
from recorder.recording.retention.deletion import (
    Fate,
    Removed,
    delete_recording,
    finish,
    remove_empty_day,
    resume_deletion,
)
from recorder.recording.unfinished import read_entries, replace_entry
from tests.recording.retention.shelf import MIB, Shelf, open_shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path) as found:
        yield found


def delete(shelf: Shelf, folder: Path) -> Removed:
    return finish(delete_recording(shelf.storage, shelf.path_of(folder), "age"), lambda: None)


def test_everything_of_ours_goes_a_step_for_each_file(shelf: Shelf) -> None:
    folder = shelf.add(1, segments=3, size=9 * MIB)
    for name in ("0004.flv.damaged", "0005.flv.part", "recording.json.tmp"):
        (folder / name).write_bytes(b"12345")
    steps = delete_recording(shelf.storage, shelf.path_of(folder), "age")
    next(steps)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    assert manifest.deleting == "age"
    left = []
    for _ in range(3):
        left.append(sorted(path.name for path in folder.glob("0*")))
        next(steps)
    assert finish(steps, lambda: None) == Removed(Fate.GONE, bytes=9 * MIB + 10)
    assert not folder.exists()
    assert left == [
        ["0001.flv", "0002.flv", "0003.flv", "0004.flv.damaged", "0005.flv.part"],
        ["0002.flv", "0003.flv", "0004.flv.damaged", "0005.flv.part"],
        ["0003.flv", "0004.flv.damaged", "0005.flv.part"],
    ]
    assert list((shelf.storage.directory / ".recorder/open").iterdir()) == []


@pytest.mark.parametrize("content", ["{", None])
def test_a_person_may_delete_what_has_no_good_manifest(shelf: Shelf, content: str | None) -> None:
    folder = shelf.add(1)
    if content is None:
        (folder / "recording.json").unlink()
    else:
        (folder / "recording.json").write_text(content)
    assert delete(shelf, folder).fate is Fate.GONE
    assert not folder.exists()


def test_of_what_has_no_good_manifest_a_new_one_tells_that_it_goes(shelf: Shelf) -> None:
    folder = shelf.add(1)
    (folder / "recording.json").write_text("{")
    steps = delete_recording(shelf.storage, shelf.path_of(folder), "operator")
    next(steps)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    assert (manifest.number, manifest.room, manifest.deleting) == (1, "hall", "operator")
    assert (folder / "recording.json.damaged").read_text() == "{"


def test_a_folder_that_stays_for_another_reason_is_an_error(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shelf.add(1)

    def refuse(_parent: int, _name: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(shelf.disk, "remove_folder", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        delete(shelf, folder)
    with pytest.raises(OSError, match="Input/output error"):
        remove_empty_day(shelf.storage, shelf.path_of(folder))


def test_what_comes_in_the_last_moment_keeps_the_folder(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (name, fate) in enumerate(
        [("KEEP", Fate.KEPT), ("notes.txt", Fate.EMPTIED)], start=1
    ):
        folder = shelf.add(number)
        remove = shelf.disk.remove_folder

        def put_first(
            parent: int, of: str, *, into: Path = folder / name, remove: object = remove
        ) -> None:
            into.touch()
            remove(parent, of)  # type: ignore[operator]

        monkeypatch.setattr(shelf.disk, "remove_folder", put_first)
        removed = delete(shelf, folder)
        monkeypatch.undo()
        assert removed.fate is fate
        manifest = Manifest.from_json((folder / "recording.json").read_bytes())
        assert removed.manifest == manifest
        assert [row.deleted for row in manifest.segments] == [True, True]
    assert list((shelf.storage.directory / ".recorder/open").iterdir()) == []


def test_a_start_looks_into_it_from_before_the_first_change_until_nothing_is_left(
    shelf: Shelf,
) -> None:
    folder = shelf.add(1, segments=2)
    shelf.disk.operations.clear()
    steps = delete_recording(shelf.storage, shelf.path_of(folder), "age")
    next(steps)
    renamed = [each for each in shelf.disk.operations if each.startswith("rename")]
    assert [each.rpartition("/")[2] for each in renamed] == ["0000001", "recording.json"]
    (entry,) = read_entries(shelf.storage)
    assert isinstance(entry, Entry)
    assert (entry.folder, entry.boot) == (shelf.path_of(folder), "")
    finish(steps, lambda: None)
    changes = [each for each in shelf.disk.operations if not each.startswith("close")]
    assert changes[-1] == "sync_folder .recorder/open"
    assert read_entries(shelf.storage) == []


def test_what_is_gone_already_has_no_entry_any_more(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shelf.add(1)
    path = shelf.path_of(folder)
    unlink = shelf.disk.unlink

    def refuse(parent: int, name: str) -> None:
        if name == "0000001":
            raise OSError(errno.EIO, "Input/output error")
        unlink(parent, name)

    monkeypatch.setattr(shelf.disk, "unlink", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        delete(shelf, folder)
    monkeypatch.undo()
    assert not folder.exists()
    assert len(read_entries(shelf.storage)) == 1
    assert finish(delete_recording(shelf.storage, path, "age"), lambda: None).fate is Fate.GONE
    assert read_entries(shelf.storage) == []
    folder.parent.rmdir()
    assert finish(delete_recording(shelf.storage, path, "age"), lambda: None).fate is Fate.GONE


def test_what_lacks_a_checksum_keeps_its_entry_when_keep_stops_its_deletion(shelf: Shelf) -> None:
    folder = shelf.add(1, segments=2)
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    rows = tuple(attrs.evolve(row, sha256=None) for row in manifest.segments)
    (folder / "recording.json").write_bytes(attrs.evolve(manifest, segments=rows).to_json())
    steps = delete_recording(shelf.storage, shelf.path_of(folder), "age")
    next(steps)
    (folder / "KEEP").touch()
    assert finish(steps, lambda: None).fate is Fate.KEPT
    assert len(read_entries(shelf.storage)) == 1
    assert delete(shelf, folder).fate is Fate.KEPT
    assert len(read_entries(shelf.storage)) == 1


def test_keep_that_comes_with_the_entry_loses_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shelf.add(1)
    rename = shelf.disk.rename

    def put_then(parent: int, source: str, target: str) -> None:
        if target == "0000001":
            (folder / "KEEP").touch()
        rename(parent, source, target)

    monkeypatch.setattr(shelf.disk, "rename", put_then)
    before = (folder / "recording.json").read_bytes()
    removed = delete(shelf, folder)
    assert removed == Removed(Fate.KEPT, Manifest.from_json(before))
    assert (folder / "recording.json").read_bytes() == before
    assert read_entries(shelf.storage) == []


def test_one_that_nobody_deletes_is_not_resumed(shelf: Shelf) -> None:
    folder = shelf.add(1)
    path = shelf.path_of(folder)
    assert resume_deletion(shelf.storage, path, lambda: None) is None
    (folder / "recording.json").write_text("{")
    assert resume_deletion(shelf.storage, path, lambda: None) is None
    assert resume_deletion(shelf.storage, f"{path[:-17]}9999999-103000Z", lambda: None) is None


def test_a_start_pauses_between_two_files(shelf: Shelf) -> None:
    folder = shelf.add(1, segments=3)
    path, pauses = shelf.path_of(folder), list[int]()
    next(delete_recording(shelf.storage, path, "operator"))
    recovered = recover_recording(
        shelf.storage, path, creator="test", pause=lambda: pauses.append(len(os.listdir(folder)))
    )
    assert recovered == Recovered(path=path, manifest=None, files=Repaired(), was_deleted=True)
    assert pauses == [4, 3, 2, 1]


def test_a_manifest_that_is_made_anew_has_an_end(shelf: Shelf) -> None:
    folder = shelf.add(1)
    (folder / "recording.json").unlink()
    next(delete_recording(shelf.storage, shelf.path_of(folder), "operator"))
    manifest = Manifest.from_json((folder / "recording.json").read_bytes())
    assert (manifest.end, manifest.end_reason) == (manifest.start, "interrupted")


def test_that_a_folder_is_gone_is_durable_before_its_entry_goes(shelf: Shelf) -> None:
    folder = shelf.add(1)
    path = shelf.path_of(folder)
    replace_entry(shelf.storage, Entry(folder=path))
    shutil.rmtree(folder)
    shelf.disk.operations.clear()
    recover_recording(shelf.storage, path, creator="test")
    changes = [each for each in shelf.disk.operations if each.startswith(("sync", "unlink"))]
    day = path.rpartition("/")[0]
    assert changes[:2] == [f"sync_folder {day}", "unlink .recorder/open/0000001"]


@pytest.mark.parametrize("content", [None, "{", "good"])
def test_a_listing_is_told_the_truth_at_every_step(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    folder = shelf.add(1, segments=2)
    if content is None:
        (folder / "recording.json").unlink()
    elif content != "good":
        (folder / "recording.json").write_text(content)
    states = list[str]()
    perform = shelf.disk.perform

    def look_first(operation: str, subject: str, action: Callable[[], object]) -> object:
        found = list_recordings(
            shelf.storage.directory, OsDisk(), room=None, limit=9, now_utc_ns=0
        ).recordings
        states.append(found[0].state if found else "gone")
        return perform(operation, subject, action)

    monkeypatch.setattr(shelf.disk, "perform", look_first)
    assert delete(shelf, folder).fate is Fate.GONE
    before = "ended" if content == "good" else "unknown"
    # Never going on, and never damaged behind the first word of its deletion.
    assert list(dict.fromkeys(states)) == [before, "deleting", "gone"]
    assert states == sorted(states, key=[before, "deleting", "gone"].index)
