"""What `run` runs with, when the file cannot be used."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

import pytest

import recorder
from recorder import cli_fallback
from recorder.app_settings import make_settings
from recorder.cli import run_command
from recorder.cli_fallback import fall_back, load_or_fall_back, load_to_ask
from recorder.config import ConfigError, load
from recorder.config.last_good import LAST_GOOD_FILE, copy_of
from tests.recording.retention.shelf import open_shelf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.config import Config

GOOD = "rooms: {a: {key: a-long-enough-key-1}}\n"
BETTER = "rooms: {a: {key: a-long-enough-key-2}}\n"
BAD = f"{GOOD}colour: green\n"


def write(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The configuration, as its name is to be written."""
    return tmp_path / "etc/config.yaml"


@pytest.fixture
def keep(path: Path) -> Callable[..., None]:
    def keep(folder: Path, text: str = GOOD, *, of: Path = path, mode: int = 0o600) -> None:
        write(folder / LAST_GOOD_FILE, copy_of(of, text.encode()), mode)

    return keep


def test_a_good_file_is_what_it_runs_with(
    path: Path, tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(path.parent / "recordings/.recorder", BETTER)
    config, errors = load_or_fall_back(write(path, GOOD))
    assert config == load(path)
    assert errors == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BAD, "colour: is no known key"),
        ("rooms: {\n", "cannot be read"),
        ("", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_bad_file_is_replaced_by_its_last_good_copy_and_what_is_wrong_is_told(
    path: Path, keep: Callable[..., None], text: str | bytes | None, reason: str
) -> None:
    good = load(write(path, GOOD))
    keep(path.parent / "recordings/.recorder")
    if text is None:
        path.unlink()
    else:
        write(path, text)
    config, errors = load_or_fall_back(path)
    # With folders beside the file, not beside its copy.
    assert config == good
    assert config.text == GOOD.encode()
    assert reason in errors[0]


def test_a_recorder_that_runs_is_asked_by_the_last_good_copy_of_a_spoilt_file(
    path: Path,
    keep: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = load(write(path, GOOD))
    assert load_to_ask(path) == good
    assert capsys.readouterr().err == ""
    write(path, BAD)
    with pytest.raises(ConfigError, match="colour: is no known key"):
        load_to_ask(path)
    keep(path.parent / "recordings/.recorder")
    # A person may well sit there: who asks starts nothing with it.
    monkeypatch.setattr(cli_fallback, "_a_person_watches", lambda: True)
    assert load_to_ask(path) == good
    assert capsys.readouterr().err == (
        f"warning: {path}:2: colour: is no known key\n"
        "warning: Until that is mended the last good one counts.\n"
    )


@pytest.mark.parametrize("command", [["status", "--once"], ["stop", "a"]])
def test_a_spoilt_file_keeps_nobody_from_seeing_or_stopping_a_room(
    path: Path,
    keep: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    write(path, BAD)
    keep(path.parent / "recordings/.recorder")
    assert run_command([command[0], "--config", str(path), *command[1:]]) == 1
    # It was asked for: nobody runs in this test.
    assert "does not run" in (said := capsys.readouterr().err) or "No recorder runs" in said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["quiet"], "Quiet: no room is live."),
        (["list"], "1  hall"),
        (["verify"], "1 recording, 2 segments"),
        (["keep", "1"], "Recording 1 is kept."),
        (["unkeep", "1"], "Recording 1 was not kept."),
        (["trust-clock"], "Nothing is to be confirmed"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_a_spoilt_file_keeps_nobody_from_the_recordings(
    path: Path,
    keep: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    said: str,
) -> None:
    write(path, BAD)
    with open_shelf(path.parent / "recordings") as shelf:
        shelf.add(1, days=1)
    keep(path.parent / "recordings/.recorder")
    run_command([command[0], "--config", str(path), *command[1:]])
    told = capsys.readouterr()
    assert said in told.out
    assert f"warning: {path}:2: colour: is no known key\n" in told.err


@pytest.mark.parametrize("command", [["delete", "--yes", "1"], ["sweep"]])
def test_who_deletes_is_told_to_mend_it_first(
    path: Path, keep: Callable[..., None], capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    write(path, BAD)
    with open_shelf(path.parent / "recordings") as shelf:
        shelf.add(1, days=1)
    keep(path.parent / "recordings/.recorder")
    assert run_command([command[0], "--config", str(path), *command[1:]]) == 2
    assert "colour: is no known key" in capsys.readouterr().err
    assert list((path.parent / "recordings/hall").glob("*/*"))


def test_a_file_that_names_a_certificate_which_cannot_be_used_is_a_bad_one(
    path: Path, keep: Callable[..., None]
) -> None:
    text = f"{GOOD}status: {{tls: {{certificate: missing.pem, private_key: missing.pem}}}}\n"
    write(path, text)
    with pytest.raises(ConfigError, match="the certificate or its key cannot be used"):
        load_or_fall_back(path)
    # Who does not use it is not told.
    assert load_or_fall_back(path, with_certificates=False)[1] == ()
    # Nor is a copy that names it any better.
    keep(path.parent / "recordings/.recorder", text)
    with pytest.raises(ConfigError, match="the certificate or its key cannot be used"):
        load_or_fall_back(path)
    keep(path.parent / "recordings/.recorder")
    config, errors = load_or_fall_back(path)
    assert config.text == GOOD.encode()
    assert "status.tls: the certificate or its key cannot be used" in errors[0]


FILES = "{certificate: missing.pem, private_key: missing.pem}"
OVER_TLS = f"{GOOD}rtmp: {{tls: {FILES}}}\n"


def test_a_certificate_for_rtmps_costs_rtmps_and_nothing_else(
    path: Path, keep: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    write(path, OVER_TLS)
    # Nor is a copy that names it any better, and nobody needs to hear of that.
    keep(path.parent / "recordings/.recorder", OVER_TLS)
    config, errors = load_or_fall_back(path)
    assert config.text == OVER_TLS.encode()
    assert errors == ()
    assert make_settings(config, may_lack_rtmps=True).rtmps_off == (
        f"the certificate or its key cannot be used: {path.parent / 'missing.pem'} cannot be read "
        "(No such file or directory); give both as PEM files that the recorder's user can read"
    )
    assert capsys.readouterr().err == ""


def test_another_copy_comes_before_a_start_without_rtmps(
    path: Path, keep: Callable[..., None]
) -> None:
    write(path, OVER_TLS)
    keep(path.parent / "recordings/.recorder", BETTER)
    config, errors = load_or_fall_back(path)
    assert config.text == BETTER.encode()
    assert "rtmp.tls: the certificate or its key cannot be used" in errors[0]
    # One that lacks RTMPS as well is only older.
    keep(path.parent / "recordings/.recorder", OVER_TLS.replace("key-1", "key-2"))
    config, errors = load_or_fall_back(path)
    assert config.text == OVER_TLS.encode()
    assert errors == ()


def test_a_copy_without_rtmps_is_better_than_nothing(path: Path, keep: Callable[..., None]) -> None:
    keep(path.parent / "recordings/.recorder", OVER_TLS)
    config, errors = load_or_fall_back(write(path, BAD))
    assert config.text == OVER_TLS.encode()
    assert "colour" in errors[0]
    assert fall_back(path) == config


def test_the_page_is_never_served_without_its_certificate_and_all_that_is_wrong_is_said(
    path: Path,
) -> None:
    write(path, f"{OVER_TLS}status: {{tls: {FILES}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_or_fall_back(path)
    for section in ("rtmp", "status"):
        assert f"{section}.tls: the certificate or its key cannot be used" in str(caught.value)


def test_at_a_terminal_a_person_is_told_of_a_certificate_for_rtmps(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_fallback, "_a_person_watches", lambda: True)
    with pytest.raises(ConfigError, match=r"rtmp\.tls: the certificate"):
        load_or_fall_back(write(path, OVER_TLS))


def test_a_file_that_others_can_read_is_a_bad_one(path: Path, keep: Callable[..., None]) -> None:
    keep(path.parent / "recordings/.recorder")
    _, errors = load_or_fall_back(write(path, GOOD, 0o644))
    assert "holds keys and can be read by others" in errors[0]


@pytest.mark.parametrize(
    "text", [f"state: ../var\n{BAD}", f"storage: {{directory: ../disk}}\n{BAD}"]
)
def test_it_is_looked_for_where_the_bad_file_says(
    path: Path, tmp_path: Path, keep: Callable[..., None], text: str
) -> None:
    keep(tmp_path / ("var" if "state" in text else "disk/.recorder"))
    assert load_or_fall_back(write(path, text))[1]


def test_under_systemd_it_is_looked_for_first_in_the_folder_that_systemd_gives(
    path: Path, tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "given", BETTER)
    keep(path.parent / "recordings/.recorder")
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'given'}:{tmp_path / 'another'}")
    config, _ = load_or_fall_back(write(path, "rooms: {\n"))
    assert config.text == BETTER.encode()
    # Where it holds none of this file, the others are asked.
    keep(tmp_path / "given", of=tmp_path / "other.yaml")
    config, _ = load_or_fall_back(path)
    assert config.text == GOOD.encode()


def test_at_a_terminal_a_person_is_told_what_is_wrong_instead(
    path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path.parent / "recordings/.recorder")
    monkeypatch.setattr(cli_fallback, "_a_person_watches", lambda: True)
    with pytest.raises(ConfigError, match="colour"):
        load_or_fall_back(write(path, BAD))


@pytest.mark.parametrize("mode", [0o644, 0o620])
def test_a_copy_that_others_could_read_or_write_does_not_count(
    path: Path, keep: Callable[..., None], mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(path.parent / "recordings/.recorder", mode=mode)
    with pytest.raises(ConfigError, match="colour"):
        load_or_fall_back(write(path, BAD))
    assert "cannot be used either" in capsys.readouterr().err


def test_a_copy_of_another_file_does_not_count(path: Path, keep: Callable[..., None]) -> None:
    keep(path.parent / "recordings/.recorder", of=path.parent / "other.yaml")
    with pytest.raises(ConfigError, match="colour"):
        load_or_fall_back(write(path, BAD))


def test_a_copy_that_this_version_cannot_use_does_not_count(
    path: Path, keep: Callable[..., None]
) -> None:
    keep(path.parent / "recordings/.recorder", f"{GOOD}from_tomorrow: true\n")
    with pytest.raises(ConfigError, match="colour"):
        load_or_fall_back(write(path, BAD))


def test_the_path_counts_as_it_is_and_not_as_it_was_written(
    path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path.parent / "recordings/.recorder")
    write(path, BAD)
    monkeypatch.chdir(path.parent)
    config, errors = load_or_fall_back(path.relative_to(path.parent))
    assert config.path == path
    assert errors


def test_a_start_that_finds_a_mistake_later_can_ask_for_the_copy(
    path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = load(write(path, GOOD))
    assert fall_back(path) is None
    keep(path.parent / "recordings/.recorder")
    assert fall_back(path) == good
    monkeypatch.setattr(cli_fallback, "_a_person_watches", lambda: True)
    assert fall_back(path) is None


def test_who_delivers_falls_back_too(
    path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Config] = []

    def run(config: Config, _state: Path, _load: Callable[[], Config]) -> int:
        ran.append(config)
        return 0

    module = types.ModuleType("recorder.app_deliver")
    monkeypatch.setattr(module, "run", run, raising=False)
    monkeypatch.setitem(sys.modules, "recorder.app_deliver", module)
    monkeypatch.setattr(recorder, "app_deliver", module, raising=False)
    keep(path.parent / "recordings/.recorder")
    write(path, BAD)
    assert run_command(["deliver", "--config", str(path)]) == 0
    assert ran[0].text == GOOD.encode()
