"""What is secret is known by its rule, wherever in the configuration it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.config import load
from recorder.config.secrets import HIDDEN, redacted, secrets_of

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.config import Config

KEY, ANY_KEY = "k3y-of-the-room-101", "k3y-of-any-other-room"
SECRET, TOKEN = "s3cret-of-the-hooks", "t0ken-of-a-command"
URL, OTHER_URL = "https://beat.example/0f3c", "https://lessons.example/hook/77ab"
HASH = "scrypt$14$8$1$" + "A" * 22 + "==$" + "B" * 43 + "="

TEXT = f"""
storage: {{directory: rec}}
rooms:
  room101: {{key: {KEY}, title: Room 101, retention: {{max_age: never}}}}
  "*": {{key: {ANY_KEY}}}
status: {{password: "{HASH}"}}
hooks:
  secret: {SECRET}
  heartbeat: {{url: "{URL}"}}
  alarm_raised: {{urls: ["{OTHER_URL}"], commands: [[/bin/tell, --token, {TOKEN}]]}}
"""


def _config(folder: Path) -> Config:
    file = folder / "config.yaml"
    file.write_text(TEXT)
    file.chmod(0o600)
    return load(file)


def test_every_secret_is_found(tmp_path: Path) -> None:
    assert secrets_of(_config(tmp_path)) == {KEY, ANY_KEY, HASH, SECRET, URL, OTHER_URL}


def test_a_redacted_configuration_has_every_key_and_no_secret(tmp_path: Path) -> None:
    config = _config(tmp_path)
    plain = redacted(config)
    assert plain["rooms"]["room101"]["key"] == HIDDEN
    assert plain["rooms"]["*"]["key"] == HIDDEN
    assert plain["status"]["password"] == HIDDEN
    assert plain["rooms"]["room101"]["title"] == "Room 101"
    assert plain["rooms"]["room101"]["retention"]["max_age"] == "never"
    assert plain["storage"]["directory"] == str(tmp_path / "rec")
    assert plain["status"]["listen"] == ["127.0.0.1:8080"]
    assert plain["hooks"]["alarm_raised"] == {
        "commands": [["/bin/tell", HIDDEN, HIDDEN]],
        "urls": [HIDDEN],
    }
    assert plain["hooks"]["heartbeat"]["every"] == 60.0
    assert not any(secret in repr(plain) for secret in secrets_of(config))
    assert "path" not in plain


def test_what_is_not_set_is_not_hidden(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"rooms: {{room101: {{key: {KEY}}}}}")
    file.chmod(0o600)
    assert redacted(load(file))["status"]["password"] is None
