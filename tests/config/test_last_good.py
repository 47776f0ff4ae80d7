"""The copy of the last good configuration, and where it may lie."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.config.last_good import copy_of, state_folders, text_of

HERE = Path("/etc/recorder")
FILE = HERE / "config.yaml"


@given(st.text(st.characters(exclude_characters="\0"), min_size=1), st.binary())
def test_a_copy_gives_back_what_the_file_held(name: str, text: bytes) -> None:
    path = HERE / name
    assert text_of(copy_of(path, text), path) == text


def test_a_copy_says_nothing_for_another_file() -> None:
    copy = copy_of(FILE, b"rooms: {}\n")
    assert text_of(copy, HERE / "other.yaml") is None
    assert text_of(copy, Path("/home/pi/config.yaml")) is None


@pytest.mark.parametrize("content", [b"", b"rooms: {}\n", b"\xff\x00", b"# The last good\n"])
def test_what_is_no_copy_says_nothing(content: bytes) -> None:
    assert text_of(content, FILE) is None


@pytest.mark.parametrize(
    ("data", "folders"),
    [
        (b"state: /lib/r\nstorage: {directory: /srv/r}\nrooms: 7", ["/lib/r", "/srv/r/.recorder"]),
        (b"storage:\n  directory: disk\n  speed: 3\n", ["/etc/recorder/disk/.recorder"]),
        (b"colour: green\n", ["/etc/recorder/recordings/.recorder"]),
        (b"", ["/etc/recorder/recordings/.recorder"]),
        (None, ["/etc/recorder/recordings/.recorder"]),
        # Values that name no folder.
        (b"state: [1]\nstorage: 3\n", ["/etc/recorder/recordings/.recorder"]),
        (b'state: "a\\0b"\nstorage: {directory: 3}\n', ["/etc/recorder/recordings/.recorder"]),
        # No YAML: a tab, a quote that is never closed. The two keys are whole.
        (
            b"rooms:\n\ta: 1\nstate: s\nstorage:\n  # here\n\n  directory: /srv/r\nlog: {}\n",
            ["/etc/recorder/s", "/srv/r/.recorder"],
        ),
        (b"storage:\r\n  directory: /srv/r\r\nrooms: {a: {key: \"x}}\r\n", ["/srv/r/.recorder"]),
        (b"rooms: [\nstorage:\n  directory: /srv/r", ["/srv/r/.recorder"]),
        # The mistake stands in one of the two.
        (
            b"state: /s\nstorage: {directory: /srv/r\nlog: {}\n",
            ["/s", "/etc/recorder/recordings/.recorder"],
        ),
        (b"\xff\xfe", ["/etc/recorder/recordings/.recorder"]),
        (b"- a list\n", ["/etc/recorder/recordings/.recorder"]),
    ],
)  # fmt: skip
def test_the_state_folder_is_made_out_from_a_file_that_cannot_be_used(
    data: bytes | None, folders: list[str]
) -> None:
    assert [str(each) for each in state_folders(data, HERE, ".recorder")] == folders
