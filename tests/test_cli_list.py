"""`recorder list`: the table, the JSON, and the exit codes."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import attrs
import pytest

from recorder import cli
from recorder.cli_list import _cells, _size
from recorder.config import file
from recorder.recording.catalogue import Catalogue
from recorder.recording.disk import OsDisk
from recorder.recording.entries import Entry
from recorder.recording.initialise import initialise
from recorder.recording.listing import Listed
from recorder.recording.manifest import Gap
from recorder.recording.rows import row_of
from recorder.recording.storage import Storage
from tests.helpers.recordings import END, START, finished, folder_of, going_on, lay_down, segment

if TYPE_CHECKING:
    from recorder.recording.manifest import Manifest

CONFIG = """\
storage: {directory: recordings}
clock: {timezone: Europe/Berlin}
rooms: {room101: {key: a-long-enough-key-1}}
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current folder, and no configuration of the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file, "LOOKED_FOR", (Path("config.yaml"), tmp_path / "etc/config.yaml"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A storage, configured."""
    _configure(CONFIG)
    initialise(tmp_path / "recordings", None, OsDisk())
    return tmp_path / "recordings"


def _configure(text: str) -> None:
    path = Path("config.yaml")
    path.write_text(text)
    path.chmod(0o600)


def _listed(capsys: pytest.CaptureFixture[str], *arguments: str, exit_code: int = 0) -> list[str]:
    """What `recorder list` prints, line by line."""
    assert cli.run_command(["list", *arguments]) == exit_code
    return capsys.readouterr().out.splitlines()


def _row(manifest: Manifest) -> Listed:
    return Listed(row_of(folder_of(manifest.number), manifest, kept=False))


def test_the_table(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay_down(directory, finished(41))
    long = tuple(segment(index, bytes=700_000_000) for index in range(1, 91))
    lay_down(directory, finished(42, "hall", segments=long, clock="untrusted"))
    (directory / folder_of(41) / "KEEP").touch()
    assert "\n".join(["", *_listed(capsys), ""]) == _TABLE


_TABLE = """
NUMBER  ROOM     START                DURATION      SIZE  SEGMENTS  STATE            MARKS
    42  hall     2026-11-22 11:30:00   1:30:00  58.7 GiB        90  publisher_ended  clock untrusted
    41  room101  2026-11-22 11:30:00   0:02:00   1.9 MiB         2  publisher_ended  kept
"""


def test_an_empty_storage_says_so(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _listed(capsys) == ["There are no recordings."]
    assert _listed(capsys, "--room", "hall") == ["There are none of 'hall'."]
    assert _listed(capsys, "--room", "\x1b[2J") == ["There are none of '\\x1b[2J'."]
    assert _listed(capsys, "--json") == ["[]"]


def test_room_and_limit_choose(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 60):
        lay_down(directory, finished(number, "a" if number % 2 else "b"))
    assert len(_listed(capsys)) == 1 + 50
    lines = _listed(capsys, "--room", "b", "--limit", "2")
    assert [line.split()[:2] for line in lines[1:]] == [["58", "b"], ["56", "b"]]


def test_json_is_the_whole_row_in_utc(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay_down(directory, finished(42))
    (row,) = json.loads("\n".join(_listed(capsys, "--json")))
    assert row == {**attrs.asdict(_row(finished(42)).row), "state": "ended"}
    assert (row["start_utc"], row["end_utc"]) == (START, END)


def test_what_is_being_recorded_is_listed_beside_a_running_recorder(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Storage.open(directory, None, OsDisk()):
        lay_down(directory, finished(1))
        (directory / ".recorder/open/0000002").write_bytes(Entry(folder=folder_of(2)).to_bytes())
        (lay_down(directory, going_on(2)) / "0003.flv.part").write_bytes(bytes(1 << 20))
        with closing(Catalogue.open(directory / ".recorder/catalogue.sqlite3")) as catalogue:
            catalogue.put(_row(finished(1)).row)
            catalogue.mark_complete()
            lines = _listed(capsys)
        assert [line.split()[0] for line in lines[1:]] == ["2", "1"]
        assert " recording" in lines[1]
        old = time.time() - 60
        os.utime(directory / folder_of(2) / "0003.flv.part", (old, old))
        assert " unfinished" in _listed(capsys)[1]


def test_a_damaged_recording_is_listed_as_damaged_and_is_the_exit_code(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2, 3):
        lay_down(directory, finished(number))
    (directory / folder_of(2) / "recording.json").write_bytes(b"{}")
    lines = _listed(capsys, exit_code=1)
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    assert lines[2].endswith("unknown          damaged: version None, expected 1")
    assert lines[2].split()[4:8] == ["?", "?", "?", "unknown"]
    assert _listed(capsys, "--limit", "1", exit_code=0)[1].split()[0] == "3"


@pytest.mark.parametrize("target", ["recordings", f"recordings/{folder_of(1)}"])
def test_what_was_recovered_by_hand_is_listed_as_it_is_now(
    target: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_down(directory, finished(1, segments=(segment(1),)))
    with closing(Catalogue.open(directory / ".recorder/catalogue.sqlite3")) as catalogue:
        catalogue.put(_row(finished(1)).row)
        catalogue.mark_complete()
    assert " 2  publisher_ended" in _listed(capsys)[1]
    (directory / folder_of(1) / "recording.json").unlink()
    lay_down(directory, going_on(1, segments=(segment(1),)))
    cli.run_command(["recover", target])
    capsys.readouterr()
    assert " 1  interrupted" in _listed(capsys)[1]


def test_a_room_that_cannot_be_read_is_a_warning_and_the_exit_code(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_down(directory, finished(1))
    lay_down(directory, finished(2, "hall"))
    opened = OsDisk.open_folder

    def refuse(self: OsDisk, parent: int, name: str) -> int:
        if name == "hall":
            raise PermissionError(13, "Permission denied")
        return opened(self, parent, name)

    monkeypatch.setattr(OsDisk, "open_folder", refuse)
    assert cli.run_command(["list"]) == 1
    output = capsys.readouterr()
    assert output.err == "warning: The folder hall cannot be read: Permission denied.\n"
    assert len(output.out.splitlines()) == 2


def test_without_a_storage_it_says_what_to_do(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / ".recorder").rename(directory / "gone")
    assert cli.run_command(["list"]) == 2
    assert "is not a recorder storage" in capsys.readouterr().err


def test_without_a_configuration_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run_command(["list"]) == 2
    assert "There is no configuration" in capsys.readouterr().err
    assert cli.run_command(["list", "--limit", "0"]) == 2


def test_peers_text_is_no_order_to_the_terminal(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_down(directory, finished(1, end_reason="\x1b]0;owned\x07" + "x" * 500))
    line = _listed(capsys)[1]
    assert "\x1b" not in line
    assert "\\x1b]0;owned\\x07" in line
    assert len(line) < 250


def test_every_mark_is_told() -> None:
    segments = (
        segment(1, repaired=True, deleted=True),
        segment(2, repaired=True, gap=Gap(reason="reconnect", ms=1000)),
        segment(3, suspect=True, gap=Gap(reason="disk", ms=1000)),
    )
    *_, marks = _cells(_row(finished(1, segments=segments)), None)
    assert marks == "2 gaps, 1 repaired, 1 suspect, 1 deleted"
    *_, marks = _cells(_row(finished(1, segments=segments[:2])), None)
    assert marks == "1 gap, 1 repaired, 1 deleted"


def test_a_recording_that_ended_for_no_reason_has_ended() -> None:
    assert _cells(_row(finished(1, end_reason=None)), None)[6] == "ended"


def test_a_start_that_is_no_date_is_shown_as_it_stands() -> None:
    for start in ("2026-02-30T10:30:00.000Z", "0001-01-01T00:00:00.000Z"):
        listed = _row(finished(1, start=start))
        assert _cells(listed, ZoneInfo("America/Los_Angeles"))[2] == start


def test_the_system_zone_is_used_where_none_is_configured(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure(CONFIG.replace("clock: {timezone: Europe/Berlin}\n", ""))
    lay_down(directory, finished(1))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert "2026-11-22 19:30:00" in _listed(capsys)[1]
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (1 << 40, "1.0 TiB"),
        (1 << 60, "1048576.0 TiB"),
    ],
)
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    assert _size(size) == text
