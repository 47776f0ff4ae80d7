"""The bundle for a helper: everything that can be told, in bounded time, and no secret in it."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest

from recorder.cli import run_command
from recorder.cli_diagnose import SecretFoundError, bundle
from recorder.cli_diagnose_parts import PARTS, Asked
from recorder.log_lines import blotter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY, SHORT_KEY, ANY_KEY = "k3y-of-the-room-101", "abc12", "k3y-of-any-other-room"
HASH = "scrypt$14$8$1$" + "A" * 22 + "==$" + "B" * 43 + "="
URL = "https://beat.example/0f3c-a-token"
SECRETS = [KEY, SHORT_KEY, ANY_KEY, HASH, URL]

NOBODY = Asked(None, "There is no configuration.")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    _write(
        path,
        f"""
storage: {{directory: recordings}}
rooms: {{room101: {{key: {KEY}}}, lab: {{key: {SHORT_KEY}}}, "*": {{key: {ANY_KEY}}}}}
status: {{password: "{HASH}"}}
hooks: {{heartbeat: {{url: "{URL}"}}}}
""",
    )
    return path


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def _parts(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        found = {}
        for member in opened.getmembers():
            content = opened.extractfile(member)
            assert content is not None
            found[member.name.partition("/")[2]] = content.read().decode()
    return found


def _diagnosed(tmp_path: Path, *arguments: str) -> dict[str, str]:
    output = tmp_path / "out.tar.gz"
    assert run_command(["diagnose", "--output", str(output), *arguments]) == 0
    return _parts(output.read_bytes())


def test_the_bundle_has_every_part_and_no_secret(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["init"]) == 0
    parts = _diagnosed(tmp_path)
    output = tmp_path / "out.tar.gz"
    assert f"Wrote {output}." in capsys.readouterr().out
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert set(parts) == set(PARTS)
    assert not [each for each in SECRETS if any(each in text for text in parts.values())]
    assert "key: '***'" in parts["configuration.yaml"]
    assert "is shorter than 16 characters" in parts["configuration.yaml"]
    assert "room101" in parts["configuration.yaml"]
    assert "trio-" in parts["versions.txt"]
    assert "No recorder runs with this configuration." in parts["status.json"]
    marker = (tmp_path / "recordings/.recorder/id").read_text().strip()
    assert marker in parts["disks.txt"]
    assert "== Unfinished recordings\nnothing" in parts["disks.txt"]
    assert "clock.trust: auto" in parts["clock.txt"]
    assert "MemTotal" in parts["machine.txt"]


def test_a_file_that_is_there_is_not_overwritten(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.tar.gz"
    output.write_text("mine")
    assert run_command(["diagnose", "--output", str(output)]) == 2
    assert "out.tar.gz cannot be made: File exists" in capsys.readouterr().err
    assert output.read_text() == "mine"


def test_a_configuration_that_is_wrong_is_explained_and_its_secrets_are_kept(
    config: Path, tmp_path: Path
) -> None:
    _write(config, f"rooms: {{room101: {{key: {KEY}, colour: red}}}}\nstatus: {{public: {KEY}}}")
    parts = _diagnosed(tmp_path)
    assert "rooms.room101.colour: is no known key" in parts["configuration.yaml"]
    assert KEY not in "".join(parts.values())
    assert "The configuration cannot be read" in parts["status.json"]


def test_without_a_configuration_the_machine_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("recorder.config.file.LOOKED_FOR", (tmp_path / "config.yaml",))
    parts = _diagnosed(tmp_path)
    assert "There is no configuration." in parts["configuration.yaml"]
    assert "Python 3." in parts["versions.txt"]


def test_a_secret_in_the_log_is_blotted_out() -> None:
    parts = {"log.txt": lambda _: f"somebody logged {KEY}!\n"}
    assert _parts(bundle(NOBODY, [KEY], "x", parts=parts)) == {"log.txt": "somebody logged ***!\n"}


def test_a_secret_that_would_be_written_all_the_same_stops_everything(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("recorder.cli_diagnose.blotter", lambda _, **__: lambda text: text)
    with pytest.raises(SecretFoundError, match=r"stood in log\.txt"):
        bundle(NOBODY, [KEY], "x", parts={"log.txt": lambda _: KEY})
    monkeypatch.setitem(PARTS, "log.txt", lambda _: KEY)
    assert run_command(["diagnose", "--output", str(tmp_path / "out.tar.gz")]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "out.tar.gz").exists()


def test_one_part_that_fails_or_hangs_does_not_cost_the_others() -> None:
    ever = threading.Event()

    def hangs(asked: Asked) -> str:
        ever.wait()
        return ""

    def fails(asked: Asked) -> str:
        raise RuntimeError("no idea")

    parts: dict[str, Callable[[Asked], str]] = {
        "hangs": hangs,
        "fails": fails,
        "works": lambda _: "well\n",
    }
    told = _parts(bundle(NOBODY, [], "x", parts=parts, part_s=0.05))
    ever.set()
    assert told == {
        "hangs": "This was not told within 0.05 s; a disk may hang.\n",
        "fails": "This cannot be told: RuntimeError: no idea\n",
        "works": "well\n",
    }


def test_a_program_that_is_missing_or_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (
        "There is no journalctl on this machine."
        in _parts(bundle(NOBODY, [], "x", parts={"log": PARTS["log.txt"]}))["log"]
    )
    script = tmp_path / "journalctl"
    script.write_text("#!/bin/sh\necho $*\n")
    script.chmod(0o755)
    asked = _parts(bundle(NOBODY, [], "x", parts={"log": PARTS["log.txt"]}))["log"]
    assert asked.startswith("--unit=recorder.service --unit=recorder-deliver.service --lines=5000")
    script.write_text("#!/bin/sh\necho No such file >&2\nexit 3\n")
    script.chmod(0o755)
    assert (
        "journalctl ended with 3: No such file"
        in _parts(bundle(NOBODY, [], "x", parts={"log": PARTS["log.txt"]}))["log"]
    )


def test_blotting_in_the_bundle_is_stricter_than_in_the_log() -> None:
    assert blotter([SHORT_KEY])(SHORT_KEY) == SHORT_KEY
    assert blotter([SHORT_KEY], shortest=4)(SHORT_KEY) == "***"


def test_the_status_of_a_recorder_that_runs_is_in_it(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _Answer:
        def read(self) -> bytes:
            return b'{"rooms":[]}'

    class _Connection:
        def __init__(self, state: Path, *, timeout_s: float) -> None:
            assert state == tmp_path / "recordings/.recorder"

        def request(self, method: str, path: str) -> None:
            assert (method, path) in [("GET", "/api/v1/status"), ("GET", "/api/v1/alarms")]

        def getresponse(self) -> _Answer:
            return _Answer()

        def close(self) -> None:
            pass

    monkeypatch.setattr("recorder.cli_diagnose_parts.ControlConnection", _Connection)
    assert json.loads(_diagnosed(tmp_path)["status.json"]) == {"rooms": []}
