"""Names on the recording disk, and back: rooms, dates, recordings, segments.

Owns every file and folder name below the storage that carries a meaning. Pure text: it knows no
disk. Names written by it are read back by it and by nothing else, and reading is strict: a name
that this module would not have written is not ours, so it is never touched.

Order comes from the number and from the segment index. The date and the time in a folder's name
are labels for people, from a clock that may be wrong; two recordings of the same second differ
in their number.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import attrs

MANIFEST_FILE = "recording.json"
KEEP_FILE = "KEEP"
"""Beside a manifest: the recording is never deleted. What is in it is for people."""
SEGMENT_SUFFIX = ".flv"
PART_SUFFIX = ".part"
DAMAGED_SUFFIX = ".damaged"

# [0-9] and not \d: a digit of another script is not ours. fullmatch, because `$` lets a newline by.
_ROOM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Seven digits sort by name for as long as one appliance lives; an eighth is written when needed.
_NUMBER = r"([0-9]{7}|[1-9][0-9]{7,17})"
_NUMBER_ONLY = re.compile(_NUMBER)
_RECORDING = re.compile(_NUMBER + r"-([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])Z")
_INDEX = r"([0-9]{4}|[1-9][0-9]{4,17})"
_SEGMENT = re.compile(_INDEX + r"\.flv(\.part)?")
_DAMAGED = re.compile(_INDEX + r"\.flv\.damaged(\.[0-9]+)?")
_DAMAGED_MANIFEST = re.compile(r"recording\.json\.damaged(\.[0-9]+)?")


def is_room_name(text: str) -> bool:
    """A room's name is its folder's name, so this is also what keeps `..` and `/` out."""
    return _ROOM.fullmatch(text) is not None


def room_folder(room: str) -> str:
    """The folder of a room.

    Raises:
        ValueError: not a room name.
    """
    if not is_room_name(room):
        raise ValueError(f"not a room name: {room!r}")
    return room


def date_folder(start_utc_ns: int) -> str:
    """The folder of a day: the UTC date of the start, as `2026-11-22`."""
    return _moment(start_utc_ns).date().isoformat()


def is_date_folder(name: str) -> bool:
    return _DATE.fullmatch(name) is not None


def number_name(number: int) -> str:
    """A recording's number as it stands in names: `0000042`."""
    if number < 1:
        raise ValueError(f"not a recording number: {number}")
    return f"{number:07}"


def parse_number(name: str) -> int | None:
    match = _NUMBER_ONLY.fullmatch(name)
    return None if match is None else int(match[1]) or None


def recording_folder(number: int, start_utc_ns: int) -> str:
    """The folder of a recording: number and UTC time of the start, as `0000042-103000Z`."""
    return f"{number_name(number)}-{_moment(start_utc_ns):%H%M%S}Z"


def recording_path(room: str, number: int, start_utc_ns: int) -> str:
    """The same, below the storage: `room101/2026-11-22/0000042-103000Z`."""
    folders = (
        room_folder(room),
        date_folder(start_utc_ns),
        recording_folder(number, start_utc_ns),
    )
    return "/".join(folders)


def parse_recording_folder(name: str) -> int | None:
    """The number of the recording whose folder has this name; None: not a recording's folder."""
    match = _RECORDING.fullmatch(name)
    return None if match is None else int(match[1]) or None


def segment_name(index: int) -> str:
    """A segment's final name: `0001.flv`."""
    if index < 1:
        raise ValueError(f"segments are counted from 1, not {index}")
    return f"{index:04}{SEGMENT_SUFFIX}"


def part_name(index: int) -> str:
    """A segment's name while it is written: `0001.flv.part`."""
    return segment_name(index) + PART_SUFFIX


@attrs.frozen
class SegmentFile:
    """What a segment's file name says; `part`: it is the name of a file still being written."""

    index: int
    part: bool


def parse_segment(name: str) -> SegmentFile | None:
    """The segment a file name stands for; None: not a segment."""
    match = _SEGMENT.fullmatch(name)
    if match is None or not (index := int(match[1])):
        return None
    return SegmentFile(index, match[2] is not None)


def damaged_name(name: str, number: int) -> str:
    """What a file is called that could not be read: `0003.flv.damaged`, the second of this name
    `0003.flv.damaged.2`; so too for a manifest."""
    plain = name.removesuffix(PART_SUFFIX) + DAMAGED_SUFFIX
    return plain if number == 1 else f"{plain}.{number}"


def parse_damaged(name: str) -> int | None:
    """The index of a segment that could not be read; None: not the name of one."""
    match = _DAMAGED.fullmatch(name)
    return None if match is None else int(match[1]) or None


def is_set_aside(name: str) -> bool:
    """Whether it is a name that `damaged_name` gave, to a segment or to a manifest."""
    return parse_damaged(name) is not None or _DAMAGED_MANIFEST.fullmatch(name) is not None


def _moment(utc_ns: int) -> datetime:
    """Whole seconds, cut off: a label must never name a second that has not begun."""
    return datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC)
