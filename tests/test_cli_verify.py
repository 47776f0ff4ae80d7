"""`recorder verify`: what it prints, and the exit codes."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from recorder import cli
from recorder.config import file
from recorder.recording.disk import OsDisk
from recorder.recording.initialise import initialise
from tests.helpers.recorded import lesson, record, rewrite_manifest, rewrite_row

FOLDER = "room101/2026-11-22/0000001-103000Z"
CHECKSUM = "does not have the SHA-256 of the manifest: bytes of it have changed."


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current folder, and no configuration of the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file, "LOOKED_FOR", (Path("config.yaml"), tmp_path / "etc/config.yaml"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    initialise(tmp_path / "recordings", None, OsDisk())
    return tmp_path / "recordings"


@pytest.fixture
def folder(directory: Path) -> Path:
    """A finished recording."""
    return record(directory, lesson())


def damage(segment: Path) -> None:
    content = bytearray(segment.read_bytes())
    content[-40] ^= 1
    segment.write_bytes(content)


def test_a_good_storage_is_one_line(
    directory: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(directory, lesson(end_ms=900))
    assert cli.run_command(["verify", str(directory)]) == 0
    output = capsys.readouterr()
    size = sum(each.stat().st_size for each in directory.rglob("*.flv"))
    assert output.out == f"2 recordings, 5 segments, {size / 1e6:.1f} MB: none damaged.\n"
    assert output.err == "", "nothing but the result, on a pipe"


@pytest.mark.parametrize("command", ["verify", "recover"])
def test_what_may_be_read_is_for_the_disk_to_say(
    directory: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    def refuse(*_arguments: object, **_more: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "open", refuse)
    assert cli.run_command([command, str(directory)]) == 2
    assert "Run this as the recorder's user" in capsys.readouterr().err


def test_damage_is_named_and_is_the_exit_code(
    directory: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(folder / "0002.flv")
    (folder / "0003.flv").unlink()
    assert cli.run_command(["verify", str(directory)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [
        f"{FOLDER}/0002.flv: {CHECKSUM}",
        f"{FOLDER}/0003.flv: is in the manifest, and the file is missing.",
    ]
    assert lines[-1].startswith("1 recording, 3 segments, ")
    assert lines[-1].endswith(" MB: 2 damaged.")


def test_two_things_about_one_file_are_one_damaged_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "0002.flv").write_bytes(b"")
    assert cli.run_command(["verify", str(folder)]) == 1
    *lines, totals = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert totals.endswith(": 1 damaged.")


def test_what_is_no_damage_is_told_and_good(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(directory, lesson(), is_hashed=False, is_finished=False)
    rewrite_row(folder, 2, suspect=True)
    assert cli.run_command(["verify", str(directory)]) == 0
    *lines, totals = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [FOLDER, f"{FOLDER}/0002.flv"]
    assert totals.endswith(": none damaged, 4 without SHA-256 yet, 1 suspect, 1 not finished yet.")


def test_for_programs_there_is_one_object(
    directory: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(folder / "0002.flv")
    assert cli.run_command(["verify", "--json", str(directory)]) == 1
    printed = json.loads(capsys.readouterr().out)
    size = sum(each.stat().st_size for each in folder.glob("*.flv"))
    assert printed == {
        "recordings": 1,
        "segments": 4,
        "bytes": size,
        "damaged": 1,
        "open": 0,
        "suspect": 0,
        "not_hashed": 0,
        "findings": [
            {
                "path": FOLDER,
                "file": "0002.flv",
                "kind": "checksum",
                "damage": True,
                "text": CHECKSUM,
                "at_ms": None,
                "at_byte": None,
            }
        ],
    }


def test_without_a_folder_it_is_the_configured_storage(
    directory: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("config.yaml").write_text(
        "storage: {directory: ./recordings}\nrooms: {room101: {key: a-long-enough-key-1}}\n"
    )
    Path("config.yaml").chmod(0o600)
    assert cli.run_command(["verify"]) == 0
    assert capsys.readouterr().out.startswith("1 recording, 4 segments, ")


@pytest.mark.parametrize("named", ["", ".", "missing"])
def test_a_folder_without_recordings_is_one_sentence(
    named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run_command(["verify", *([named] if named else [])]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("recorder: ")
    assert output.err.count("\n") == 1


def test_what_a_terminal_could_obey_is_escaped(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = tmp_path / "les\x1b[31mson"
    shutil.copytree(folder, named)
    manifest = rewrite_manifest(named)
    (named / "recording.json").write_bytes(
        manifest.to_json().replace(b'"trusted"', b'"tru\\u001b[31msted"')
    )
    assert cli.run_command(["verify", str(named)]) == 1
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert output.startswith("les\\x1b[31mson/recording.json: is damaged (")


def test_a_terminal_sees_a_bar_and_every_finding_on_its_own_line(
    directory: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(folder / "0002.flv")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert cli.run_command(["verify", str(directory)]) == 1
    output = capsys.readouterr()
    assert "verifying" in output.err
    assert "\r\x1b[K" in output.err
    assert output.out.splitlines()[0] == f"{FOLDER}/0002.flv: {CHECKSUM}"
