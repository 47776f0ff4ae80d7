"""config.example.yaml documents every key with its default: held here against the classes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from recorder.config import Config, ConfigError, RoomConfig, load
from recorder.config.document import parse
from recorder.config.structure import NOT_IN_FILE

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
PLACEHOLDER = "<run recorder new-key>"
KEY = "k3y-of-the-example-room"


def keys_of(kind: type, *above: str) -> Iterator[tuple[str, ...]]:
    """The path of every key that a block of this class may hold."""
    for field in attrs.fields(kind):
        if NOT_IN_FILE in field.metadata:
            continue
        if isinstance(field.type, type) and attrs.has(field.type):
            yield from keys_of(field.type, *above, field.name)
        else:
            yield (*above, field.name)


def value_at(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def load_text(folder: Path, text: str) -> Config:
    file = folder / "config.yaml"
    file.write_text(text)
    file.chmod(0o600)
    return load(file)


def test_every_key_stands_in_the_example() -> None:
    example = parse(EXAMPLE.read_bytes()).value
    for path in keys_of(Config):
        value_at(example, path)
    assert set(example["rooms"]["room101"]) == {field.name for field in attrs.fields(RoomConfig)}


def test_every_value_of_the_example_is_the_default(tmp_path: Path) -> None:
    written = load_text(tmp_path, EXAMPLE.read_text().replace(PLACEHOLDER, KEY))
    bare = load_text(tmp_path, f'rooms: {{room101: {{key: "{KEY}"}}}}')
    assert written == bare
    assert written.rooms == {"room101": RoomConfig(key=KEY)}


def test_the_example_must_be_given_a_key_before_it_is_good(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rooms\.room101\.key: must be .*new-key"):
        load_text(tmp_path, EXAMPLE.read_text())


def test_the_commented_entry_for_any_room_is_good_too(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace(PLACEHOLDER, KEY, 1).replace('# "*": ', '"*": ')
    config = load_text(tmp_path, text.replace(PLACEHOLDER, "k3y-of-any-other-room"))
    assert config.any_room == RoomConfig(key="k3y-of-any-other-room")
    assert list(config.rooms) == ["room101"]
