"""What a reload may change: a row for every key, held against the classes."""

from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import get_args

import attrs
import pytest

from recorder.config import Config, RoomConfig, load
from recorder.config.changes import EFFECTS, LIVE, RESTART, has_rows_below, plan
from recorder.config.document import parse
from recorder.config.structure import NOT_IN_FILE
from tests.helpers.changed_keys import CERTIFICATE, KEY, OF_A_CERTIFICATE, ONE_KEY, OTHER_KEY, ROOM

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def keys(kind: type, above: str = "") -> Iterator[str]:
    """The dotted path of every key that a file may hold."""
    for field in attrs.fields(kind):
        name = f"{above}{field.name}"
        if NOT_IN_FILE in field.metadata:
            continue
        if field.name == "rooms" and not above:
            yield from (f"rooms.*.{each.name}" for each in attrs.fields(RoomConfig))
        elif isinstance(field.type, type) and attrs.has(field.type) and name not in EFFECTS:
            yield from keys(field.type, f"{name}.")
        else:
            yield name
            for each in get_args(field.type):
                if isinstance(each, type) and attrs.has(each) and has_rows_below(name):
                    yield from keys(each, f"{name}.")


def test_every_key_has_a_row_and_every_row_a_key() -> None:
    assert set(EFFECTS) == set(keys(Config)), (
        "say in recorder/config/changes.py whether a new key counts at once or at the next start, "
        "and in recorder/app_reload.py who is told"
    )


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], Config]:
    def read(text: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return load(path)

    return read


@pytest.mark.parametrize(("text", "key"), ONE_KEY, ids=[key for _, key in ONE_KEY])
def test_a_changed_key_is_named_and_counts_when_its_row_says(
    configured: Callable[[str], Config], text: str, key: str
) -> None:
    old, new = configured(ROOM), configured(ROOM + text)
    found = plan(old, new)
    if EFFECTS[key] is RESTART:
        assert (found.live, found.restart) == ((), (key,))
        assert found.config == old
    else:
        assert EFFECTS[key] is LIVE
        assert (found.live, found.restart) == ((key,), ())
        assert found.config == new


@pytest.mark.parametrize(("block", "key", "value"), OF_A_CERTIFICATE)
def test_a_changed_key_of_a_certificate_is_named_and_counts_when_its_row_says(
    configured: Callable[[str], Config], block: str, key: str, value: str
) -> None:
    def at(block: str, content: dict[str, str]) -> Config:
        inner = ", ".join(f"{name}: {text}" for name, text in content.items())
        section = block.partition(".")[0]
        return configured(f"{ROOM}{section}: {{tls: {{{inner}}}}}")

    found = plan(at(block, CERTIFICATE), at(block, CERTIFICATE | {key: value}))
    name = f"{block}.{key}"
    assert found.live + found.restart == (name,)
    assert (found.restart == (name,)) is (EFFECTS[name] is RESTART)


def test_the_example_marks_what_needs_a_restart() -> None:
    text = EXAMPLE.read_text()
    lines, places = text.splitlines(), parse(text.encode()).places
    marked = set()
    keys_there = [each for each in EFFECTS if tuple(each.split(".")) in places]
    assert len(keys_there) > 30
    for key in keys_there:
        line = places[tuple(key.split("."))].line - 1
        comment = takewhile(lambda each: each.lstrip().startswith("#"), reversed(lines[:line]))
        if any("[restart]" in each for each in comment):
            marked.add(key)
    assert marked == {key for key in keys_there if EFFECTS[key] is RESTART}


def test_every_key_outside_of_rooms_is_tried_here() -> None:
    tried = {key for _, key in ONE_KEY} | {f"{each}.{key}" for each, key, _ in OF_A_CERTIFICATE}
    assert tried == {key for key in EFFECTS if not key.startswith("rooms.*.")}


def test_nothing_changes_where_nothing_has_changed(configured: Callable[[str], Config]) -> None:
    old, new = configured(ROOM), configured(f"# moved by a line\n{ROOM}")
    found = plan(old, new)
    assert (found.live, found.restart, found.config) == ((), (), old)


def test_what_needs_a_restart_keeps_its_value_and_the_rest_of_its_block_changes(
    configured: Callable[[str], Config],
) -> None:
    old = configured(ROOM)
    new = configured(ROOM + "storage: {directory: other, buffer: 9MiB}")
    found = plan(old, new)
    assert found.config.storage == attrs.evolve(old.storage, buffer=new.storage.buffer)
    # Asked again it says the same, until the old value is put back.
    assert plan(found.config, new).restart == ("storage.directory",)
    back = configured(ROOM + "storage: {buffer: 9MiB}")
    assert plan(found.config, back).restart == ()


def test_a_page_is_not_opened_to_all_on_addresses_that_the_file_does_not_name_any_more(
    configured: Callable[[str], Config],
) -> None:
    closed = configured(ROOM)
    opened = configured(ROOM + 'status: {listen: ["127.0.0.1:9"], public: true}')
    found = plan(closed, opened)
    assert not found.config.status.public
    assert found.restart == ("status.listen", "status.public")
    # Closing it does not wait.
    found = plan(
        configured(ROOM + "status: {public: true}"),
        configured(ROOM + 'status: {listen: ["127.0.0.1:9"]}'),
    )
    assert not found.config.status.public
    assert (found.live, found.restart) == (("status.public",), ("status.listen",))


def test_rooms_that_come_and_go_are_named_and_of_others_what_changes(
    configured: Callable[[str], Config],
) -> None:
    old = configured(
        f"rooms: {{a: {{key: {KEY}}}, b: {{key: {OTHER_KEY}}},"
        ' "*": {key: any-key-of-all-others}}'
    )
    new = configured(
        f"rooms: {{a: {{key: {KEY}x, title: A, segments: {{duration: 7s}},"
        f" retention: {{max_age: 7d}}}}, c: {{key: {OTHER_KEY}}}}}"
    )
    found = plan(old, new)
    assert found.live == (
        *("rooms.a.key", "rooms.a.title", "rooms.a.segments", "rooms.a.retention"),
        *("rooms.c", "rooms.b", "rooms.*"),
    )
    assert found.config == new


def test_common_segments_are_named_once_and_not_for_every_room(
    configured: Callable[[str], Config],
) -> None:
    rooms = f"rooms: {{a: {{key: {KEY}}}, b: {{key: {OTHER_KEY}, segments: {{duration: 7s}}}}}}\n"
    old, new = configured(rooms), configured(rooms + "segments: {size: 9MiB}")
    assert plan(old, new).live == ("segments.size", "rooms.b.segments")


def test_no_value_is_named(configured: Callable[[str], Config]) -> None:
    old, new = configured(ROOM), configured(ROOM.replace(KEY, OTHER_KEY))
    found = plan(old, new)
    assert found.live == ("rooms.a.key",)
    assert OTHER_KEY not in repr(found)
