"""Script tags: reading the publisher's, and writing the one at the head of every file.

The head tag is written twice: when a file is opened, with nothing known, and when it is closed,
with duration, size and keyframe index. In between its size must not change, for the media lie
right behind it. So its body always has exactly `reserved_bytes`, and what the values leave free is
taken by `filler`, a strict array of zeros and nulls: one of nine bytes, one of one byte, so that
every size can be reached. (One long string would do too, but makes ffmpeg complain.)

The publisher's own values are copied as they are; what this file says about itself is never
believed from somebody else (protocol §5.8).

Does not know how the values come about: `summary` collects them, for the writer and for a rescan.
"""

import struct
from collections.abc import Sequence
from typing import Final

import attrs

from recorder.amf import AmfError, AmfLimits, Value, decode_values, encode_values

ON_METADATA: Final = "onMetaData"
ON_CAPTION: Final = "onCaption"

INDEX_ENTRY_BYTES: Final = 18
"""A position and a time, each a number of one byte of type and eight of value."""

MAX_INDEX_ENTRIES: Final = 20_000

RESERVED_FIXED_BYTES: Final = 32 << 10
"""For everything but the index: `COPIED_BYTES` of the publisher's values, and our own."""

COPIED_BYTES: Final = 24 << 10
"""How much of a publisher's metadata is copied into every head; ten times the richest seen."""

OWN_KEYS: Final = frozenset(
    {
        "audiosize",
        "canSeekToEnd",
        "datasize",
        "duration",
        "filesize",
        "filler",
        "forcedStart",
        "hasAudio",
        "hasKeyframes",
        "hasMetadata",
        "hasVideo",
        "keyframes",
        "lastkeyframelocation",
        "lastkeyframetimestamp",
        "lasttimestamp",
        "metadatacreator",
        "recordingPosition",
        "repaired",
        "segmentReason",
        "suspect",
        "videosize",
    }
)
"""What a file says about itself; dropped from a publisher's values."""

_KEY_LENGTH = struct.Struct(">H")
_COUNT = struct.Struct(">I")
_NUMBER = struct.Struct(">xd")
_END_OF_OBJECT: Final = b"\0\0\x09"
_OBJECT: Final = b"\x03"
BEFORE_COUNT: Final = encode_values(ON_METADATA) + b"\x08"
"""A head's beginning: the handler's name, and an ECMA array. Its count and its members follow."""
_STRICT_ARRAY: Final = b"\x0a"
_ZERO: Final = bytes(9)
_NULL: Final = b"\x05"

# A head that copied 24 KiB of the shortest members can be read back.
HEAD_LIMITS: Final = AmfLimits(properties=1 << 13, values=1 << 14)


@attrs.frozen
class IndexEntry:
    ms: int
    offset: int
    """Where in the file the tag's first byte stands."""


@attrs.frozen(kw_only=True)
class HeadValues:
    """What a file's head says about the file. The defaults are those of a file just opened."""

    duration_ms: int = 0
    file_bytes: int = 0
    has_audio: bool = False
    has_video: bool = False
    audio_bytes: int = 0
    video_bytes: int = 0
    """Whole tags, as `audio_bytes`: the body, and the 15 bytes around it."""
    last_ms: int = 0
    last_keyframe: IndexEntry | None = None
    index: Sequence[IndexEntry] = ()


@attrs.frozen
class CopiedFields:
    """A publisher's values, encoded, ready to stand in any head."""

    encoded: bytes = b""
    count: int = 0


@attrs.frozen(kw_only=True)
class SegmentPlace:
    """Where in its recording a file begins, and why: in its head, so that a file whose recording
    was cut off tells it by itself."""

    position_ms: int
    reason: str


def read_script(body: bytes) -> tuple[str | None, list[Value]]:
    """The handler's name, None if the first value is no text, and the values behind it.

    Raises:
        AmfError: not even the first value can be read.
    """
    values = decode_values(body, limits=HEAD_LIMITS)
    name = values[0] if values and isinstance(values[0], str) else None
    return name, values[1:]


def stops_ffmpeg(name: str | None, body: bytes) -> bool:
    """Whether ffmpeg would take the end of the file for this script tag: an `onCaption` whose
    object has no text (seen with ffmpeg 5.1 and 9.0: the frames behind it are not read)."""
    if name != ON_CAPTION:
        return False
    try:
        _, values = read_script(body)
    except AmfError:
        return True
    members = next((value for value in values if isinstance(value, dict)), {})
    return not isinstance(members.get("text"), str)


def copied_fields(values: Sequence[Value]) -> CopiedFields:
    """The members of the first object among a publisher's metadata values that may be copied.

    A member that does not fit any more, or that cannot be written, is left out.
    """
    members = next((value for value in values if isinstance(value, dict)), {})
    encoded = bytearray()
    count = 0
    for key, value in members.items():
        if key in OWN_KEYS or not key:
            continue
        try:
            field = _field(key, encode_values(value))
        except (AmfError, UnicodeEncodeError, struct.error):
            # A key of more than 65 535 bytes, or with half a surrogate pair; a value too deep.
            continue
        if len(encoded) + len(field) <= COPIED_BYTES:
            encoded += field
            count += 1
    return CopiedFields(bytes(encoded), count)


def reserved_bytes(duration_ms: int) -> int:
    """How large the head tag's body is in a file that is meant to last so long.

    Room for a keyframe every two seconds up to three times the duration, where a file is cut
    whatever comes.
    """
    entries = 3 * duration_ms // 2000
    return RESERVED_FIXED_BYTES + INDEX_ENTRY_BYTES * min(entries, MAX_INDEX_ENTRIES)


def head_body(
    size: int,
    values: HeadValues,
    *,
    creator: str,
    forced: bool = False,
    copied: CopiedFields | None = None,
    place: SegmentPlace | None = None,
    repaired: bool = False,
    suspect: bool = False,
) -> bytes:
    """The body of the head tag, of exactly `size` bytes.

    Args:
        creator: what wrote the file.
        forced: the file does not begin with a keyframe that can be decoded.
        repaired: recovery cut the file, or wrote this head.
        suspect: bytes of it may not be what was sent.

    Raises:
        ValueError: the values do not fit even without an index.
    """
    copied = copied or CopiedFields()
    own = _own_fields(values, creator, place)
    marks = {"forcedStart": forced, "repaired": repaired, "suspect": suspect}
    own += [_field(key, encode_values(True)) for key, value in marks.items() if value]
    used = len(BEFORE_COUNT) + _COUNT.size + sum(map(len, own)) + len(copied.encoded)
    free = size - used - len(_filler(0)) - len(_END_OF_OBJECT)
    if free < 0:
        raise ValueError(f"a head of {size} bytes is {-free} bytes too small")
    index = _index_field(values.index, free)
    return b"".join(
        (
            BEFORE_COUNT,
            _COUNT.pack(len(own) + copied.count + (1 if index else 0) + 1),
            *own,
            copied.encoded,
            index,
            _filler(free - len(index)),
            _END_OF_OBJECT,
        )
    )


def _own_fields(values: HeadValues, creator: str, place: SegmentPlace | None) -> list[bytes]:
    own: dict[str, Value] = {
        "duration": values.duration_ms / 1000,
        "filesize": float(values.file_bytes),
        "metadatacreator": creator,
        "hasMetadata": True,
        "hasVideo": values.has_video,
        "hasAudio": values.has_audio,
        "hasKeyframes": bool(values.index),
        "datasize": float(values.audio_bytes + values.video_bytes),
        "videosize": float(values.video_bytes),
        "audiosize": float(values.audio_bytes),
        "lasttimestamp": values.last_ms / 1000,
    }
    if values.last_keyframe is not None:
        own["lastkeyframetimestamp"] = values.last_keyframe.ms / 1000
        own["lastkeyframelocation"] = float(values.last_keyframe.offset)
    if place is not None:
        own["recordingPosition"] = place.position_ms / 1000
        own["segmentReason"] = place.reason
    return [_field(key, encode_values(value)) for key, value in own.items()]


def _field(key: str, encoded_value: bytes) -> bytes:
    name = key.encode("utf-8", "surrogateescape")
    return _KEY_LENGTH.pack(len(name)) + name + encoded_value


def _index_field(index: Sequence[IndexEntry], free: int) -> bytes:
    """As much of the index as fits, thinned evenly; b"" for none."""
    entries = thinned(index, max(0, free - len(_keyframes([]))) // INDEX_ENTRY_BYTES)
    return _keyframes(entries) if entries else b""


def thinned(index: Sequence[IndexEntry], most: int) -> Sequence[IndexEntry]:
    """At most `most` entries, evenly out of all. The first two stay as they are: the sequence
    header and the first keyframe (or two keyframes, where no header is needed)."""
    if len(index) <= most:
        return index
    if most < 2:
        return ()
    rest = len(index) - 2
    kept = most - 2
    return [*index[:2], *(index[2 + i * rest // kept] for i in range(kept))]


def _keyframes(entries: Sequence[IndexEntry]) -> bytes:
    positions = _numbers([float(entry.offset) for entry in entries])
    times = _numbers([entry.ms / 1000 for entry in entries])
    members = _field("filepositions", positions) + _field("times", times)
    return _field("keyframes", _OBJECT + members + _END_OF_OBJECT)


def _numbers(numbers: Sequence[float]) -> bytes:
    """A strict array. The general encoder would take its time over 20 000 of them."""
    return _STRICT_ARRAY + _COUNT.pack(len(numbers)) + b"".join(map(_NUMBER.pack, numbers))


def _filler(size: int) -> bytes:
    zeros, nulls = divmod(size, len(_ZERO))
    array = _STRICT_ARRAY + _COUNT.pack(zeros + nulls) + _ZERO * zeros + _NULL * nulls
    return _field("filler", array)
