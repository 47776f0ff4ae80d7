"""Keys that do not go together: rooms, their keys, and how many of them."""

from pathlib import Path

import pytest

from recorder.config import load
from tests.config.texts import KEY, OTHER_KEY, problems, warnings, written

OWN_NAME = "is the name of the room, which anybody can guess"


@pytest.mark.parametrize("name", ["room 101", "", "a/b", "..", "ä", "x" * 65])
def test_a_room_name_is_a_safe_word(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, f'rooms: {{"{name}": {{key: {KEY}}}}}')
    assert problem.endswith("the name of a room is 1 to 64 letters, digits, - and _")


def test_room_names_are_unique_ignoring_case(tmp_path: Path) -> None:
    text = f"rooms:\n  Room: {{key: {KEY}}}\n  room: {{key: {OTHER_KEY}}}\n"
    assert problems(tmp_path, text) == [
        "config.yaml:3: rooms.room: differs from Room only in capital letters"
    ]


def test_a_key_to_watch_is_no_other_key(tmp_path: Path) -> None:
    text = "rooms:\n  a: {key: k3y-of-room-a-0123456, view_key: k3y-of-room-a-0123456}\n"
    assert problems(tmp_path, text) == [
        "config.yaml:2: rooms.a.view_key: is also the key of a; each room needs its own"
    ]
    text = "rooms:\n  a: {key: k3y-of-room-a-0123456, view_key: v1ew-of-room-a-0123456}\n"
    assert load(written(tmp_path, text)).rooms["a"].view_key == "v1ew-of-room-a-0123456"


def test_keys_are_unique_also_against_the_starred_entry(tmp_path: Path) -> None:
    text = f'rooms:\n  a: {{key: {KEY}}}\n  "*": {{key: {KEY}}}\n'
    assert problems(tmp_path, text) == [
        "config.yaml:3: rooms.*.key: is also the key of a; each room needs its own"
    ]


def test_a_key_is_never_the_name_of_another_room(tmp_path: Path) -> None:
    text = f"rooms:\n  a: {{key: LECTURE-HALL-NORTH}}\n  lecture-hall-north: {{key: {KEY}}}\n"
    assert problems(tmp_path, text) == ["config.yaml:2: rooms.a.key: is the name of another room"]


def test_weak_keys_are_allowed_with_a_warning(tmp_path: Path) -> None:
    text = (
        "rooms:\n"
        "  a: {key: short}\n"
        "  lecture-hall-north: {key: lecture-hall-north}\n"
        f"  c: {{key: {KEY}}}\n"
    )
    assert warnings(tmp_path, text) == [
        "config.yaml:2: rooms.a.key: is shorter than 16 characters and may be guessed",
        f"config.yaml:3: rooms.lecture-hall-north.key: {OWN_NAME}",
    ]


@pytest.mark.parametrize("text", ["# nothing yet\n", "rooms: {}", "log: {level: info}"])
def test_a_file_without_rooms_is_allowed_with_a_warning(tmp_path: Path, text: str) -> None:
    (warning,) = warnings(tmp_path, text)
    assert warning.endswith("rooms: no room is configured, so nobody can publish")


def test_more_rooms_than_the_limit_are_refused(tmp_path: Path) -> None:
    text = f"limits: {{rooms: 1}}\nrooms: {{a: {{key: {KEY}}}, b: {{key: {OTHER_KEY}}}}}"
    assert problems(tmp_path, text) == [
        "config.yaml:2: rooms: holds 2 rooms, and limits.rooms is 1"
    ]
