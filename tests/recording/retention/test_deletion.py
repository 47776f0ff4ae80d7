"""One deletion on a real folder: what goes, what stays; the cuts are in test_sweep_power_cuts."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from recorder.recording.manifest import Manifest
from recorder.recording.retention.deletion import (
    Fate,
    Removed,
    delete_recording,
    remove_empty_day,
)
from tests.recording.retention.cutting import finish
from tests.recording.retention.shelf import MIB, Shelf, open_shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path) as found:
        yield found


def delete(shelf: Shelf, folder: Path) -> Removed:
    return finish(delete_recording(shelf.storage, shelf.path_of(folder), "age"))


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
    assert finish(steps) == Removed(Fate.GONE, bytes=9 * MIB + 10)
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
