"""What is wrong before the first byte: said in words a person can act on, with exit code 2."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.ports import free_port
from tests.helpers.program import (
    Outcome,
    command,
    configuration,
    run_recorder,
    write_configuration,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def is_one_sentence(text: str) -> bool:
    """One line that says what is wrong and what to do, and no traceback."""
    return text.count("\n") == 1 and text.startswith("recorder: ") and text.endswith(".\n")


async def refused(folder: Path, config: dict[str, Any]) -> Outcome:
    path = write_configuration(folder / "config.yaml", config)
    outcome = await command("run", "--config", path, cwd=folder)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    return outcome


async def test_every_error_of_a_configuration_is_said_at_once(tmp_path: Path) -> None:
    path = write_configuration(
        tmp_path / "config.yaml",
        """\
storage:
  directory: recordings
  speed: 3
segments:
  duration: 3 parsecs
rtmp:
  listen: ["127.0.0.1:99999"]
rooms:
  room101:
    title: 101
    key: 20261122
  "bad room":
    key: "key-of-bad-room-0123456789"
  room102:
    key: "key-of-bad-room-0123456789"
colour: green
""",
    )
    for arguments in (["run"], ["check-config"]):
        outcome = await command(*arguments, "--config", path, cwd=tmp_path)
        assert outcome.code == 2
        assert outcome.out == ""
        assert "Traceback" not in outcome.err
        expected = {
            "storage.speed": 3,
            "segments.duration": 5,
            "rtmp.listen": 7,
            "rooms.room101.title": 10,
            "rooms.room101.key": 11,
            "bad room": 12,
            "rooms.room102.key": 15,
            "colour": 16,
        }
        for name, line in expected.items():
            said = [text for text in outcome.err.splitlines() if name in text]
            assert any(str(line) in text for text in said), f"{name} in line {line}: {outcome.err}"
        assert 'put it in quotes: "101"' in outcome.err
        assert "20261122" not in outcome.err, "a key is a secret, even a bad one"
    assert not (tmp_path / "recordings").exists()


async def test_a_missing_configuration_is_one_sentence(tmp_path: Path) -> None:
    outcome = await command("run", "--config", tmp_path / "none.yaml", cwd=tmp_path)
    assert outcome.code == 2
    assert "none.yaml" in outcome.err
    assert "Traceback" not in outcome.err


async def test_a_configuration_that_others_can_read_is_refused(tmp_path: Path) -> None:
    config = configuration(tmp_path, ["hall"], free_port())
    path = write_configuration(tmp_path / "config.yaml", config)
    path.chmod(0o644)
    outcome = await command("run", "--config", path, cwd=tmp_path)
    assert outcome.code == 2
    assert "config.yaml" in outcome.err
    assert "Traceback" not in outcome.err


async def test_a_folder_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    foreign = tmp_path / "recordings"
    foreign.mkdir()
    (foreign / "holiday.jpg").write_bytes(b"not ours")
    outcome = await refused(tmp_path, configuration(tmp_path, ["hall"], free_port()))
    assert is_one_sentence(outcome.err), outcome.err
    assert str(foreign) in outcome.err
    assert [entry.name for entry in foreign.iterdir()] == ["holiday.jpg"]


async def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    outcome = await refused(tmp_path, configuration(tmp_path, ["hall"], free_port()))
    assert is_one_sentence(outcome.err), outcome.err
    assert not (tmp_path / "recordings").exists()


async def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    # Nobody can write here, root included.
    config = configuration(tmp_path, ["hall"], free_port())
    config["storage"]["directory"] = "/proc/self/recordings"
    outcome = await refused(tmp_path, config)
    assert is_one_sentence(outcome.err), outcome.err
    config["storage"]["directory"] = "/proc/recordings"
    path = write_configuration(tmp_path / "config.yaml", config)
    made = await command("init", "--config", path, cwd=tmp_path)
    assert made.code == 2
    assert is_one_sentence(made.err), made.err


async def test_a_second_recorder_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with run_recorder(tmp_path, ["hall"]) as first:
        second = {**first.config, "rtmp": {"listen": [f"127.0.0.1:{free_port()}"]}}
        outcome = await refused(tmp_path, second)
        assert is_one_sentence(outcome.err), outcome.err
        assert str(tmp_path / "recordings") in outcome.err


async def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    async with run_recorder(tmp_path, ["hall"]) as first:
        other = tmp_path / "other"
        other.mkdir()
        config = configuration(other, ["hall"], first.port)
        path = write_configuration(other / "config.yaml", config)
        made = await command("init", "--config", path, cwd=other)
        assert made.code == 0, made.err
        outcome = await refused(other, config)
        assert is_one_sentence(outcome.err), outcome.err
        assert str(first.port) in outcome.err


async def test_a_port_of_the_page_in_use_costs_the_page_and_no_lesson(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        async with run_recorder(tmp_path, ["hall"], status={"listen": [taken]}) as recorder:
            assert recorder.matching(f"Cannot listen on {taken}.* without the page")
            await recorder.line("listens on")
            await (await recorder.connect()).aclose()
            await recorder.stop()


async def test_a_certificate_of_the_page_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("none")
    config = configuration(
        tmp_path,
        ["hall"],
        free_port(),
        status={"tls": {"certificate": "cert.pem", "private_key": "cert.pem"}},
    )
    path = write_configuration(tmp_path / "config.yaml", config)
    made = await command("init", "--config", path, cwd=tmp_path)
    assert made.code == 0, made.err
    outcome = await refused(tmp_path, config)
    assert "status.tls: the certificate or its key cannot be used" in outcome.err
    assert "cert.pem holds no certificate as PEM" in outcome.err
    assert "give both as PEM files that the recorder's user can read" in outcome.err
