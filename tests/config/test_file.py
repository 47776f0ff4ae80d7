"""Where the configuration is found, who may read it, and the first one."""

import errno
import os
from pathlib import Path

import pytest

from recorder.config import ConfigError, file, load
from recorder.config.document import parse
from tests.config.texts import ROOM, problems, written


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o700])
def test_a_file_that_only_its_owner_changes_is_read(tmp_path: Path, mode: int) -> None:
    assert load(written(tmp_path, ROOM, mode=mode)).rooms


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660])
def test_a_file_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    assert problems(tmp_path, ROOM, mode=mode) == [
        "config.yaml: can be changed by others; run chmod 600 on it"
    ]


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, ROOM, mode=0o644) == [
        "config.yaml: holds keys and can be read by others; run chmod 600 on it"
    ]
    assert load(written(tmp_path, "log: {}", mode=0o644)).rooms == {}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "absent.yaml")
    assert str(caught.value) == (
        f"{tmp_path}/absent.yaml: cannot be read: No such file or directory; name a file that is "
        "there"
    )
    with pytest.raises(ConfigError, match="cannot be read: Is a directory; name the file in it"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "run this as the recorder's user, which must be able to read it"),
        (errno.EIO, "check the disk and its cable or card"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.yaml")
    assert str(caught.value).endswith(f": cannot be read: {os.strerror(number)}; {remedy}")


def test_a_huge_file_is_no_configuration(tmp_path: Path) -> None:
    assert problems(tmp_path, b"#" * 1024 * 1025) == [
        "config.yaml: is larger than 1 MiB, so it is no configuration"
    ]


def test_the_chosen_file_is_found_even_where_it_does_not_exist(tmp_path: Path) -> None:
    assert file.find(tmp_path / "absent.yaml") == tmp_path / "absent.yaml"


def test_the_current_folder_comes_before_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here, system = Path("config.yaml"), tmp_path / "etc.yaml"
    monkeypatch.setattr(file, "LOOKED_FOR", (here, system))
    assert file.find(None) is None
    system.touch()
    assert file.find(None) == system
    here.symlink_to("broken")  # there, and not readable: found all the same
    assert file.find(None) == here


def test_the_first_configuration_is_private_and_good(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    file.create_first(path)
    assert path.stat().st_mode & 0o777 == 0o600
    config = load(path)
    assert list(config.rooms) == ["room1"]
    assert config.warnings == ()
    assert config.storage.directory == tmp_path / "recordings"


def test_the_first_configuration_never_replaces_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, ROOM)
    with pytest.raises(FileExistsError):
        file.create_first(path)
    assert path.read_text() == ROOM


def test_fresh_keys_differ_and_are_text_to_yaml() -> None:
    keys = {file.new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) == 24 and key[0].isalpha() for key in keys)
    assert all(parse(f"key: {key}".encode()).value == {"key": key} for key in keys)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is no regular file"):
        load(path)
