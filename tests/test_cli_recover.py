"""`recorder recover`: what it recovers, what it says, and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from recorder import cli
from recorder.cli_progress import progress
from recorder.config import file
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Manifest
from recorder.recording.storage import Storage
from tests.helpers.cut_off import FOLDER, actions, cut_off, tree

ENTRY = ".recorder/open/0000001"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current folder, and no configuration of the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file, "LOOKED_FOR", (Path("config.yaml"),))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A storage with a recording that was cut off in its second segment."""
    directory = tmp_path / "recordings"
    initialise(directory, None, OsDisk())
    cut_off(directory, actions()[:5])
    return directory


def recover(*arguments: str | Path) -> int:
    return cli.run_command(["recover", *map(str, arguments)])


# What is recovered.


def test_the_configured_storage_is_recovered(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"storage: {{directory: {directory}}}\nrooms: {{a: {{key: {'k' * 20}}}}}\n")
    config.chmod(0o600)
    assert recover() == 0
    out, err = capsys.readouterr()
    assert out == f"{FOLDER}: 1 segment repaired, ended, 2 checksums added.\n"
    # Where these tests write may be in memory, and that it says.
    assert [line for line in err.splitlines() if "is in memory (tmpfs)" not in line] == []
    assert recover() == 0
    assert capsys.readouterr().out == "Every recording is finished.\n"


def test_a_storage_that_is_named_is_recovered(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recover(directory) == 0
    assert FOLDER in capsys.readouterr().out
    assert not (directory / ENTRY).exists()
    before = tree(directory)
    assert recover(directory) == 0
    assert tree(directory) == before


def test_a_recording_that_no_entry_names_is_recovered_too(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / ENTRY).unlink()
    assert recover(directory) == 0
    assert FOLDER in capsys.readouterr().out


def test_one_recording_is_recovered(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recover(directory / FOLDER) == 0
    assert FOLDER in capsys.readouterr().out
    assert not (directory / ENTRY).exists()
    assert recover(directory / FOLDER) == 0
    assert capsys.readouterr().out == f"{FOLDER}: was finished already.\n"


def test_a_recording_that_was_copied_out_is_recovered(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for copy in (tmp_path / "copy", tmp_path / "room101/2026-11-22"):
        target = copy / FOLDER.rpartition("/")[2]
        shutil.copytree(directory / FOLDER, target)
        assert recover(target) == 0
        out = capsys.readouterr().out
        assert out == f"{target}: 1 segment repaired, ended, 2 checksums added.\n"
        assert Manifest.from_json((target / "recording.json").read_bytes()).end is not None
    assert (directory / ENTRY).exists()


def test_a_copied_recording_at_the_root_of_a_disk_is_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert recover("/0000001-103000Z") == 1
    assert "/0000001-103000Z: cannot be recovered" in capsys.readouterr().out


def test_entries_without_a_folder_go(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(directory / "room101")
    (directory / ".recorder/open/0000007").write_bytes(b"")
    assert recover(directory) == 0
    out = capsys.readouterr().out
    assert out == f"{FOLDER}: nothing was recorded.\n0000007: nothing was recorded.\n"
    assert os.listdir(directory / ".recorder/open") == []


# What is said.


def test_what_is_damaged_is_said_and_ends_with_1(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = directory / FOLDER
    (folder / "recording.json").write_bytes(b"{")
    (folder / "0002.flv.part").write_bytes(b"what is this?")
    (folder / "0003.flv.part").write_bytes(b"and this?")
    (folder / "0004.flv.part").write_bytes(b"")
    assert recover(directory) == 1
    assert capsys.readouterr().out == (
        f"{FOLDER}: 1 segment added to the manifest, 1 segment without a frame removed, "
        "2 segments unreadable and kept as .damaged, "
        "the damaged manifest kept as .damaged and made anew, ended, 1 checksum added.\n"
    )


def test_what_was_cut_and_made_anew_is_said(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / FOLDER / "recording.json").unlink()
    with (directory / FOLDER / "0002.flv.part").open("ab") as part:
        part.write(bytes(7))
    assert recover(directory) == 0
    assert capsys.readouterr().out == (
        f"{FOLDER}: 1 segment repaired, 1 segment added to the manifest, 7 bytes cut off, "
        "the missing manifest made anew, ended, 2 checksums added.\n"
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_a_deletion_that_was_cut_off_is_finished(
    directory: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    manifest = directory / FOLDER / "recording.json"
    manifest.write_text(manifest.read_text().replace('"deleting": null', '"deleting": "operator"'))
    assert recover(directory, *["--json"] * as_json) == 0
    said = capsys.readouterr().out
    if as_json:
        (found,) = json.loads(said)
        assert found == {"path": FOLDER, "good": True, "recorded": True, "deleted": True}
    else:
        assert said == f"{FOLDER}: was being deleted, and is gone now.\n"
    assert not (directory / FOLDER).exists()


def test_programs_get_one_array(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / ".recorder/open/0000007").write_bytes(b"")
    (directory / "room102").mkdir()
    (directory / "room102/2026-11-22").mkdir()
    (directory / "room102/2026-11-22/0000009-103000Z").write_bytes(b"")
    assert recover(directory, "--json") == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "path": FOLDER,
            "good": True,
            "recorded": True,
            "room": "room101",
            "number": 1,
            "end": "2026-11-22T10:30:01.520Z",
            "end_reason": "interrupted",
            "segments": 2,
            "salvaged": 1,
            "added": 0,
            "empty": 0,
            "damaged": 0,
            "cut_bytes": 0,
            "checksums": 2,
            "unreadable": [],
            "manifest_damaged": False,
            "manifest_made_anew": False,
            "ended": True,
        },
        {
            "path": "room102/2026-11-22/0000009-103000Z",
            "good": False,
            "error": "Not a directory",
        },
        {"path": "0000007", "good": True, "recorded": False},
    ]


def test_one_that_cannot_be_recovered_keeps_no_other_from_it(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = directory / FOLDER.replace("0000001", "0000005")
    stranger.mkdir()
    (stranger / "recording.json.tmp").mkdir()
    assert recover(directory) == 1
    first_line, second_line = capsys.readouterr().out.splitlines()
    assert first_line == f"{FOLDER}: 1 segment repaired, ended, 2 checksums added."
    assert "0000005-103000Z: cannot be recovered (Is a directory)" in second_line


def test_it_says_what_it_waits_for(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder gives no bytes, as a bad sector does not."""
    slept = list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    manifest = directory / FOLDER / "recording.json"
    manifest.unlink()
    manifest.mkdir()
    assert recover(directory) == 1
    out, err = capsys.readouterr()
    assert "the damaged manifest kept as .damaged and made anew" in out
    assert "The disk does not give all of 1 recording; trying again in 16 s." in err
    assert sum(slept) == 61


def test_nothing_is_recovered_while_a_recorder_runs(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(directory)
    with Storage.open(directory, None, OsDisk()):
        assert recover(directory) == 2
        assert recover(directory / FOLDER) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("is in use by another recorder") == 2
    assert err.count("repairs by itself what was cut off; let it run") == 2
    assert "Stop that one" not in err
    assert {**tree(directory), ".recorder/lock": None} == {**before, ".recorder/lock": None}


def test_another_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recover(tmp_path) == 2
    assert recover(tmp_path / "missing") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "is not a recorder storage" in err
    assert "does not exist" in err


def test_a_storage_that_is_in_memory_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    directory = Path("/dev/shm") / f"recorder-test-{os.getpid()}"
    initialise(directory, None, OsDisk())
    try:
        assert recover(directory) == 0
    finally:
        shutil.rmtree(directory)
    assert "warning: The folder /dev/shm" in capsys.readouterr().err


# Progress.


def test_progress_is_shown_on_a_terminal_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("room101", 10) as done:
        done(5)
    assert capsys.readouterr() == ("", "")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress("room101", 10) as done:
            done(5)
            done(5)
        with progress("nothing", 0) as done:
            done(1)
    shown = _read_all(ours).decode()
    assert "room101" in shown
    assert "100%" in shown
    assert "nothing" not in shown


def _read_all(terminal: int) -> bytes:
    """What was written to a terminal whose other side is closed: in pieces, and then EIO."""
    found = b""
    with os.fdopen(terminal, "rb", buffering=0) as ours, suppress(OSError):
        while piece := ours.read(10_000):
            found += piece
    return found
