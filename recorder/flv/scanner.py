"""Reads any FLV, tag by tag, and says where it breaks.

Recovery, verification and the tests look at files through this class only; none of them believes
a file's own metadata. A file is fed in pieces of any size. A tag is given out when its
PreviousTagSize has been seen and is right, so `good_bytes` always is a place where a file can be
cut and stay whole.

Memory: of a frame the first `HEAD_BYTES` are kept, which is all that `classify` reads of it. Of
script tags, sequence headers and the like the whole body is kept, and of Multitrack and ModEx
messages too, for only the whole body tells what is in them. A body has at most 16 MiB, and only
one is incomplete at a time.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

import attrs

from recorder.flv.codecs import classify
from recorder.flv.enhanced import is_wrapped
from recorder.flv.parts import Part, Role
from recorder.flv.tags import (
    AUDIO,
    FILE_HEADER_BYTES,
    FLAGS_OFFSET,
    SCRIPT,
    TAG_HEADER_BYTES,
    TAG_OVERHEAD,
    TAG_TRAILER_BYTES,
    VIDEO,
)

HEAD_BYTES: Final = 64
BLOCK_BYTES: Final = 1 << 20

_KINDS = frozenset({AUDIO, VIDEO, SCRIPT})
_HEADER = struct.Struct(">IIHB")
_TRAILER = struct.Struct(">I")


@attrs.frozen
class ScannedTag:
    offset: int
    """Where in the file the tag's first byte stands."""
    kind: int
    timestamp: int
    """As written: ms, 0 to 2**32 - 1."""
    size: int
    """Of the body."""
    head: bytes
    """The whole body, or of a frame its first `HEAD_BYTES`."""
    parts: tuple[Part, ...]
    """What `classify` says; () for a script tag."""

    @property
    def end(self) -> int:
        """Where the next tag begins."""
        return self.offset + self.size + TAG_OVERHEAD


@attrs.frozen
class BrokenFlv:
    """Where a file stops being FLV, and why. `reason` is a sentence without its full stop."""

    offset: int
    reason: str


class Scanner:
    """Feed it a file from its first byte.

    After `broken` is set, what follows is not looked at: nothing marks the beginning of a tag, so
    behind a damaged one every guess can be wrong.
    """

    def __init__(self) -> None:
        self.broken: BrokenFlv | None = None
        self.good_bytes = 0
        """End of the last whole tag, or of the file header; 0 without a whole header."""
        self.flags: int | None = None
        """The flags byte of the file header: 1 video, 4 audio."""
        self._buffer = bytearray()
        self._offset = 0  # where in the file the buffer's first byte stands
        self._skip = 0  # bytes of the present body that still come and are not kept
        self._step = self._read_file_header
        self._needed = FILE_HEADER_BYTES
        self._kind = self._timestamp = self._size = 0
        self._head = b""
        self._parts: tuple[Part, ...] = ()
        self._found: list[ScannedTag] = []

    def feed(self, data: bytes | bytearray | memoryview) -> list[ScannedTag]:
        """The tags that these bytes complete."""
        if self.broken is not None:
            return []
        self._buffer += data
        at = 0
        while self.broken is None:
            if self._step == self._read_tag_header and not self._skip:
                at = self._take_frames(at)
            if self._skip:
                skipped = min(self._skip, len(self._buffer) - at)
                self._skip -= skipped
                at += skipped
            if self._skip or len(self._buffer) - at < self._needed:
                break
            at = self._step(at)
        del self._buffer[:at]
        self._offset += at
        found, self._found = self._found, []
        return found

    def finish(self) -> None:
        """Say that no more bytes come. A file that ends inside a tag is broken there."""
        if self.broken is not None or self._offset + len(self._buffer) == self.good_bytes > 0:
            return
        where = "a tag" if self.good_bytes else "its header"
        self.broken = BrokenFlv(self.good_bytes, f"the file ends inside {where}")

    @property
    def held_bytes(self) -> int:
        """How much of the file is in memory."""
        return len(self._buffer)

    def _take_frames(self, at: int) -> int:
        """The short way, which nearly all of a file takes: frames of one track that are in the
        buffer whole and undamaged. It stops at whatever else comes, and leaves that to the steps.
        """
        buffer, length, start = self._buffer, len(self._buffer), self._offset
        append, header, trailer = self._found.append, _HEADER.unpack_from, _TRAILER.unpack_from
        while at + TAG_HEADER_BYTES <= length:
            first, time, stream_high, stream_low = header(buffer, at)
            kind, size = first >> 24, first & 0xFFFFFF
            body = at + TAG_HEADER_BYTES
            end = body + size + TAG_TRAILER_BYTES
            if stream_high or stream_low or end > length:
                break
            if trailer(buffer, end - TAG_TRAILER_BYTES)[0] != size + TAG_HEADER_BYTES:
                break
            head = bytes(buffer[body : body + min(size, HEAD_BYTES)])
            # Of what is no media it says that it is unknown.
            parts = classify(kind, head)
            if len(parts) > 1 or parts[0].role is not Role.FRAME or is_wrapped(kind, head):
                break
            timestamp = time >> 8 | (time & 0xFF) << 24
            append(ScannedTag(start + at, kind, timestamp, size, head, parts))
            at = end
            self.good_bytes = start + end
        return at

    # Each step finds `_needed` bytes at `at`, and returns where the next step begins.

    def _read_file_header(self, at: int) -> int:
        header = bytes(self._buffer[at : at + FILE_HEADER_BYTES])
        if header[:3] != b"FLV":
            return self._break(at, "the file does not begin with FLV")
        if header[3] != 1:
            return self._break(at + 3, f"version {header[3]} of FLV is not known")
        if header[5:] != b"\0\0\0\x09\0\0\0\0":
            return self._break(at + 5, "the file header is not nine bytes long")
        self.flags = header[FLAGS_OFFSET]
        self.good_bytes = FILE_HEADER_BYTES
        return self._await_tag(at + FILE_HEADER_BYTES)

    def _await_tag(self, at: int) -> int:
        self._step, self._needed = self._read_tag_header, TAG_HEADER_BYTES
        return at

    def _read_tag_header(self, at: int) -> int:
        first, time, stream_high, stream_low = _HEADER.unpack_from(self._buffer, at)
        self._kind, self._size = first >> 24, first & 0xFFFFFF
        self._timestamp = time >> 8 | (time & 0xFF) << 24
        if self._kind not in _KINDS:
            return self._break(at, f"a tag of type {self._kind} is neither audio, video nor script")
        if stream_high or stream_low:
            return self._break(at + 8, "a tag's stream id is not 0")
        self._step = self._read_head
        self._needed = self._size if self._kind == SCRIPT else min(self._size, HEAD_BYTES)
        return at + TAG_HEADER_BYTES

    def _read_head(self, at: int) -> int:
        """Decide from the head of a body whether the rest is kept."""
        head = bytes(self._buffer[at : at + self._needed])
        if self._needed < self._size and self._wants_whole_body(head):
            self._needed = self._size
            return at
        self._head = head
        self._parts = () if self._kind == SCRIPT else classify(self._kind, head)
        self._skip = self._size - len(head)
        self._step, self._needed = self._read_trailer, TAG_TRAILER_BYTES
        return at + len(head)

    def _wants_whole_body(self, head: bytes) -> bool:
        if is_wrapped(self._kind, head):
            return True
        return classify(self._kind, head)[0].role not in (Role.FRAME, Role.UNKNOWN)

    def _read_trailer(self, at: int) -> int:
        (written,) = _TRAILER.unpack_from(self._buffer, at)
        expected = self._size + TAG_HEADER_BYTES
        if written != expected:
            return self._break(at, f"PreviousTagSize is {written} behind a tag of {expected} bytes")
        scanned = ScannedTag(
            offset=self.good_bytes,
            kind=self._kind,
            timestamp=self._timestamp,
            size=self._size,
            head=self._head,
            parts=self._parts,
        )
        self._found.append(scanned)
        self.good_bytes = scanned.end
        return self._await_tag(at + TAG_TRAILER_BYTES)

    def _break(self, at: int, reason: str) -> int:
        self.broken = BrokenFlv(self._offset + at, reason)
        return len(self._buffer)


def scan_file(file: BinaryIO, scanner: Scanner | None = None) -> Iterator[ScannedTag]:
    """Every tag of a file that is open for reading, up to its end or to where it breaks.

    Hand in a scanner to see afterwards what it found: `broken`, `good_bytes`, `flags`.
    """
    scanner = scanner or Scanner()
    while scanner.broken is None and (block := file.read(BLOCK_BYTES)):
        yield from scanner.feed(block)
    scanner.finish()
