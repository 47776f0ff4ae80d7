"""The search for secrets finds them: without this, a search that sees nothing would pass.

That the program writes none is asserted at the end of every run of it (`tests.helpers.program`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.secrets import check_files, check_texts, folders_of, secrets_in, secrets_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a-stream-key-0123456789"
CONFIG = {
    "rooms": {
        "room101": {"key": KEY, "title": "long as a secret"},
        "b": {"key": "short"},
    },
    "status": {"password": "scrypt$14$8$1$salt$hash"},
    "hooks": {"urls": [{"url": "https://h/", "secret": "a-hook-secret"}]},
}


def test_every_secret_of_a_configuration_is_one() -> None:
    assert set(secrets_in(CONFIG)) == {
        *(KEY.encode(), b"a-hook-secret", b"scrypt$14$8$1$salt$hash")
    }


def test_a_file_that_is_no_configuration_has_none(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    assert secrets_of(path) == []
    path.write_text("rooms: [")
    assert secrets_of(path) == []
    path.write_text(f"rooms: {{a: {{key: {KEY}}}}}")
    assert secrets_of(path) == [KEY.encode()]


def test_a_secret_in_what_was_printed_is_found_and_not_repeated() -> None:
    check_texts([KEY.encode()], log=b"nothing", answers=KEY[:-1].encode())
    with pytest.raises(AssertionError, match="stands in: log") as caught:
        check_texts([KEY.encode()], log=f"refused: {KEY}".encode(), answers=b"")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("name", ["recording.json", "catalogue.sqlite3", f"{KEY}.flv"])
def test_a_secret_in_a_file_is_found_wherever_it_stands(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "room101" / "2026-11-22"
    folder.mkdir(parents=True)
    (folder / "last-good.yaml").write_text(KEY)
    (folder / "last-good.yaml.tmp").write_text(KEY)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    check_files([KEY.encode()], tmp_path)
    (folder / name).write_bytes(b"\0" * 1000 + (b"" if KEY in name else KEY.encode()))
    with pytest.raises(AssertionError, match="stands in"):
        check_files([KEY.encode()], tmp_path)


def test_the_program_writes_into_its_storage_and_its_state(tmp_path: Path) -> None:
    storage, state = str(tmp_path / "a"), str(tmp_path / "b")
    assert folders_of({"storage": {"directory": storage}}) == [tmp_path / "a"]
    config = {"storage": {"directory": storage}, "state": state}
    assert folders_of(config) == [tmp_path / "a", tmp_path / "b"]
