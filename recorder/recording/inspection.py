"""One segment looked at from its first byte to its last, once: structure, header, SHA-256.

Owns what is said of a file's bytes. Pure: it is fed blocks and knows no disk. What the file holds
is counted by the `SegmentSummary` that its writer counted with; what its head says is then held
against that, and so is the manifest's row. Nothing a file says of itself is believed.

The keyframe index is not compared with the writer's, which may be thinned in another way some day:
each entry must stand where there is something to enter at, and the first must be there.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from recorder.amf import AmfError, Value
from recorder.flv.codecs import Role, classify, config_record, needs_config, split_tracks
from recorder.flv.head import read_head
from recorder.flv.scanner import ScannedTag, Scanner
from recorder.flv.script import ON_METADATA, read_script
from recorder.flv.summary import SegmentSummary
from recorder.flv.tags import AUDIO, FILE_HEADER_BYTES, MAX_TIMESTAMP_MS, SCRIPT, VIDEO, flags
from recorder.recording.actions import CutReason
from recorder.recording.findings import Finding, Kind, minute, why

if TYPE_CHECKING:
    from recorder.flv.head import Head
    from recorder.flv.parts import Part
    from recorder.recording.manifest import Segment

_CUT: Final = {each.value for each in CutReason} - {CutReason.START.value, CutReason.DISK.value}
"""Why a segment begins with the very frame that was cut at. The others begin with what had been
held, whose earliest frame may have gone to the segment behind."""


class Inspection:
    """Feed it a file from its first byte.

    Args:
        size: of the file, in bytes.
        row: what the manifest says of it; None where it has no row.
    """

    def __init__(self, name: str, size: int, row: Segment | None) -> None:
        self._name = name
        self._size = size
        self._row = row
        self._scanner = Scanner()
        self._contents = _Contents()
        self._digest = (
            hashlib.sha256()
            if row is not None and row.sha256 is not None and row.bytes == size
            else None
        )

    @property
    def wants_more(self) -> bool:
        """Whether anything can be learned from what follows."""
        return self._scanner.broken is None or self._digest is not None

    @property
    def at_ms(self) -> int:
        """The time of the last whole tag."""
        return self._contents.at_ms

    def feed(self, block: bytes) -> None:
        if self._digest is not None:
            self._digest.update(block)
        self._contents.take(self._scanner.feed(block))

    def failed(self, error: OSError, offset: int) -> list[Finding]:
        """No more of it can be read."""
        text = f"cannot be read from {minute(self.at_ms)} (byte {offset}) on {why(error)}"
        return [Finding(Kind.UNREADABLE, text, self._name, self.at_ms, offset)]

    def ended(self) -> list[Finding]:
        """What was found, when all of it was fed that is wanted."""
        self._scanner.finish()
        found = self._of_size()
        has_its_size = not found
        if (broken := self._scanner.broken) is not None:
            text = f"breaks at {minute(self.at_ms)} (byte {broken.offset}): {broken.reason}."
            found.append(Finding(Kind.STRUCTURE, text, self._name, self.at_ms, broken.offset))
        elif has_its_size:
            # Of a file that is not whole the header is wrong anyway.
            found += self._of_header()
        if self._row is not None and self._row.sha256 is None:
            found.append(Finding(Kind.NOT_HASHED, "has no SHA-256 yet.", self._name))
        elif self._digest is not None and self._digest.hexdigest() != self._expected:
            text = "does not have the SHA-256 of the manifest: bytes of it have changed."
            found.append(Finding(Kind.CHECKSUM, text, self._name))
        return found

    @property
    def _expected(self) -> str | None:
        return None if self._row is None else self._row.sha256

    def _of_size(self) -> list[Finding]:
        if self._row is None or self._row.bytes == self._size:
            return []
        more = self._size - self._row.bytes
        word = "longer" if more > 0 else "shorter"
        text = (
            f"is {abs(more)} bytes {word} than its manifest says, and what can be played ends at "
            f"{minute(self.at_ms)}."
        )
        return [Finding(Kind.SIZE, text, self._name, self.at_ms)]

    def _of_header(self) -> list[Finding]:
        wrong = self._contents.wrong_in_head(self._scanner.flags)
        found = []
        if wrong:
            found.append(
                Finding(Kind.HEADER, f"has a wrong header: {'; '.join(wrong)}.", self._name)
            )
        if self._row is not None:
            wrong = self._contents.unlike(self._row)
            if wrong:
                text = f"is not what the manifest says: {'; '.join(wrong)}."
                found.append(Finding(Kind.MANIFEST, text, self._name))
        return found


class _Contents:
    """What is in a file, and what its head says is."""

    def __init__(self) -> None:
        self.at_ms = 0
        self.summary = SegmentSummary()
        self._head: Head | None = None
        self._says: dict[str, Value] = {}
        self._index: dict[Value, Value] = {}
        """Offset and seconds of the head's keyframe index that have not been passed yet."""
        self._index_begins: list[tuple[Value, Value]] = []
        self._beginning = _Beginning()

    def take(self, tags: list[ScannedTag]) -> None:
        tracks, frame = self.summary.tracks, self.summary.frame
        for tag in tags:
            parts = tag.parts
            if len(parts) == 1:
                part = parts[0]
                if part.role is Role.FRAME and not part.keyframe:
                    track = tracks.get((tag.kind, part.track))
                    if track is not None and track.frames:
                        # The short way, which nearly all of a file takes.
                        frame(track, tag.timestamp, tag.size)
                        continue
            self._take(tag)
        if tags:
            self.at_ms = tags[-1].timestamp

    def _take(self, tag: ScannedTag) -> None:
        if tag.offset == FILE_HEADER_BYTES and tag.kind == SCRIPT:
            self._read_head(tag)
        self._beginning.take(tag)
        self.summary.add(tag.kind, tag.timestamp, tag.head, tag.size, tag.parts)
        if self._index and tag.offset in self._index:
            seconds = self._index[tag.offset]
            if seconds == tag.timestamp / 1000 and _is_entry(tag):
                del self._index[tag.offset]

    def _read_head(self, tag: ScannedTag) -> None:
        try:
            name, values = read_script(tag.head)
        except AmfError:
            return
        if name != ON_METADATA or not values or not isinstance(values[0], dict):
            return
        self._says, self._head = values[0], read_head(tag.head)
        match self._says.get("keyframes"):
            case {"filepositions": list(offsets), "times": list(times)}:
                if len(offsets) == len(times) and all(isinstance(each, float) for each in offsets):
                    self._index = dict(zip(offsets, times, strict=True))
                    self._index_begins = list(self._index.items())[:2]

    def wrong_in_head(self, its_flags: int | None) -> list[str]:
        """What is not so, each a clause."""
        head = self._head
        if head is None:
            return ["it does not begin with metadata that can be read"]
        values = self.summary.head_values()
        wrong = [
            f"it says {key} {_shown(self._says.get(key))}, and it is {_shown(value)}"
            for key, value in {
                "duration": values.duration_ms / 1000,
                "filesize": float(values.file_bytes),
                "hasAudio": values.has_audio,
                "hasVideo": values.has_video,
            }.items()
            if self._says.get(key) != value
        ]
        if its_flags != flags(audio=values.has_audio, video=values.has_video)[0]:
            wrong.append("its flags do not say which tracks there are")
        first = [(float(entry.offset), entry.ms / 1000) for entry in values.index[:2]]
        if self._index or self._index_begins != first:
            wrong.append("its keyframe index does not lead to its keyframes")
        if not head.forced:
            wrong += self._beginning.wrong(None if head.place is None else head.place.reason)
        return wrong

    def unlike(self, row: Segment) -> list[str]:
        """What the manifest says otherwise, each a clause."""
        wrong = []
        if row.duration_ms != self.summary.duration_ms:
            wrong.append(f"it lasts {self.summary.duration_ms} ms, and not {row.duration_ms}")
        if self._head is not None and self._head.place is not None:
            place = self._head.place
            if place.position_ms != row.start_ms:
                wrong.append(
                    f"it belongs at {minute(place.position_ms)} of its recording, and not at "
                    f"{minute(row.start_ms)}"
                )
            if self._head.forced != row.forced:
                wrong.append("only one of the two says that it begins without a keyframe")
        return wrong


class _Beginning:
    """How a file begins: promise 1 of the design, of a file that is not forced."""

    def __init__(self) -> None:
        self._configured: set[tuple[int, int]] = set()
        self._seen: set[tuple[int, int]] = set()
        self._can_begin = False
        self._first_ms = MAX_TIMESTAMP_MS
        self._begins_within = False
        self._begins_late = False

    def take(self, tag: ScannedTag) -> None:
        has_frame = False
        for part in tag.parts:
            if part.role is Role.FRAME:
                has_frame = True
                self._frame(tag, part)
            elif part.role is Role.SEQUENCE_START:
                self._header(tag)
        if has_frame:
            self._first_ms = min(self._first_ms, tag.timestamp)
        elif not self._seen and tag.kind != SCRIPT and tag.timestamp:
            self._begins_late = True

    def _frame(self, tag: ScannedTag, part: Part) -> None:
        track = tag.kind, part.track
        if track in self._seen:
            return
        if not self._seen and tag.kind == VIDEO and not part.keyframe:
            self._begins_within = True
        self._seen.add(track)
        is_entry = tag.kind == AUDIO or part.keyframe
        self._can_begin |= is_entry and (track in self._configured or not needs_config(part.codec))

    def _header(self, tag: ScannedTag) -> None:
        for body in split_tracks(tag.kind, tag.head):
            part = classify(tag.kind, body)[0]
            if part.role is Role.SEQUENCE_START and config_record(tag.kind, body):
                self._configured.add((tag.kind, part.track))

    def wrong(self, reason: str | None) -> list[str]:
        if not self._seen:
            return ["it has no frame"]
        wrong = []
        if self._begins_within:
            wrong.append("it begins with a picture that is no keyframe")
        if self._begins_late:
            wrong.append("what comes before its first frame is not at time 0")
        if self._first_ms and reason in _CUT:
            wrong.append(f"its first frame is at {self._first_ms} ms, and not at 0")
        # Sound alone, or a second picture, without a configuration is how some senders send it.
        has_video = any(kind == VIDEO for kind, _ in self._seen)
        if not self._can_begin and has_video and not self._configured:
            wrong.append("nothing in it can be decoded from its beginning")
        return wrong


def _is_entry(tag: ScannedTag) -> bool:
    return tag.kind == VIDEO and any(
        part.keyframe or part.role is Role.SEQUENCE_START for part in tag.parts
    )


def _shown(value: Value) -> str:
    """A number or a word of a head; anything else has no business there."""
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]
