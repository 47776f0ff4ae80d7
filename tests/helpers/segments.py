"""Carries out a segmenter's actions in memory, and holds every file against its promises."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import attrs

from recorder.amf import EcmaArray, Value
from recorder.flv.codecs import Role, classify
from recorder.flv.scanner import ScannedTag, Scanner
from recorder.flv.script import read_script
from recorder.flv.summary import SegmentSummary
from recorder.recording.inspection import Inspection
from recorder.recording.manifest import Segment as Row
from recorder.recording.segmenter import (
    Action,
    Appended,
    Closed,
    CutReason,
    Opened,
    Segmenter,
    SegmentFacts,
    SegmentRules,
)
from tests.helpers import media
from tests.helpers.media import AUDIO, SCRIPT, VIDEO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recorder.recording.findings import Finding

TAG_HEADER_BYTES = 11


@attrs.define
class Segment:
    """A segment as a file, and what was said about it."""

    opened: Opened
    data: bytearray
    facts: SegmentFacts | None = None

    @property
    def number(self) -> int:
        return self.opened.segment

    @property
    def reason(self) -> CutReason:
        return self.opened.reason

    @property
    def closed_facts(self) -> SegmentFacts:
        assert self.facts is not None, "the segment was never closed"
        return self.facts

    def tags(self) -> list[ScannedTag]:
        scanner = Scanner()
        found = scanner.feed(self.data)
        scanner.finish()
        assert scanner.broken is None
        return found

    def body(self, tag: ScannedTag) -> bytes:
        start = tag.offset + TAG_HEADER_BYTES
        return bytes(self.data[start : start + tag.size])

    def frames(self, kind: int) -> list[tuple[int, bytes]]:
        """(time, body) of every frame of this kind."""
        return [
            (tag.timestamp, self.body(tag))
            for tag in self.tags()
            if tag.kind == kind and any(part.role is Role.FRAME for part in tag.parts)
        ]

    def times(self, kind: int) -> list[int]:
        return [time for time, _ in self.frames(kind)]

    def others(self) -> list[tuple[int, int, bytes]]:
        """(kind, time, body) of every tag that is no frame, without the first script tag."""
        return [
            (tag.kind, tag.timestamp, self.body(tag))
            for tag in self.tags()[1:]
            if not any(part.role is Role.FRAME for part in tag.parts)
        ]

    def head(self) -> dict[str, Value]:
        """The values of the first script tag."""
        tag = self.tags()[0]
        assert (tag.kind, tag.timestamp) == (SCRIPT, 0)
        name, values = read_script(self.body(tag))
        assert name == "onMetaData"
        assert isinstance(values[0], EcmaArray)
        return values[0]


def carry_out(actions: Iterable[Action]) -> list[Segment]:
    """The files; complains where an action comes out of order."""
    segments: list[Segment] = []
    for action in actions:
        if isinstance(action, Opened):
            assert action.segment == len(segments)
            segments.append(Segment(action, bytearray(action.head)))
            assert sum(segment.facts is None for segment in segments) <= 2
            continue
        segment = segments[action.segment]
        assert segment.facts is None, "an action for a closed segment"
        if isinstance(action, Appended):
            assert action.data
            segment.data += action.data
        else:
            for offset, patch in action.patches:
                segment.data[offset : offset + len(patch)] = patch
            segment.facts = action.facts
    closed = [action.segment for action in actions if isinstance(action, Closed)]
    assert closed == sorted(closed)
    return segments


def by_track(frames: Iterable[tuple[int, bytes]]) -> dict[tuple[int, int], list[bytes]]:
    """The bodies of frames, each under every track it has a frame of."""
    found: dict[tuple[int, int], list[bytes]] = {}
    for kind, body in frames:
        for part in classify(kind, body):
            if part.role is Role.FRAME:
                found.setdefault((kind, part.track), []).append(body)
    return found


def check(segment: Segment) -> None:
    """What promise 1 says of a closed segment."""
    facts = segment.closed_facts
    tags = segment.tags()
    summary = SegmentSummary()
    for tag in tags:
        assert tag.offset == summary.file_bytes
        summary.add(tag.kind, tag.timestamp, tag.head, tag.size, tag.parts)
    assert len(segment.data) == facts.size_bytes == summary.file_bytes
    assert facts.duration_ms == summary.duration_ms
    assert facts.keyframes == summary.keyframes
    played = summary.played_tracks()
    assert [(fact.kind, fact.track, fact.codec) for fact in facts.tracks] == [
        ("video" if track.kind == VIDEO else "audio", track.number, track.codec) for track in played
    ]
    kinds = {track.kind for track in played}
    assert segment.data[4] == (VIDEO in kinds) + 4 * (AUDIO in kinds)

    head = segment.head()
    assert head["duration"] == facts.duration_ms / 1000
    assert head["filesize"] == facts.size_bytes
    assert head.get("forcedStart", False) == facts.forced == segment.opened.forced
    index = summary.index()
    if index:
        keyframes = head["keyframes"]
        assert isinstance(keyframes, dict)
        assert keyframes["filepositions"] == [entry.offset for entry in index]
        assert keyframes["times"] == [entry.ms / 1000 for entry in index]
    else:
        assert "keyframes" not in head

    frames = [tag for tag in tags if any(part.role is Role.FRAME for part in tag.parts)]
    assert frames, "a segment without a frame"
    before = tags[: tags.index(frames[0])]
    if not facts.forced:
        assert all(tag.timestamp == 0 for tag in before if tag.kind != SCRIPT)
        assert frames[0].kind == AUDIO or frames[0].parts[0].keyframe
    # What was held begins a segment at the first time of all of it, and may be cut right then.
    is_from_hold = segment.reason in (CutReason.START, CutReason.DISK)
    assert is_from_hold or min(tag.timestamp for tag in frames) == 0
    assert inspect(segment) == []


def inspect(segment: Segment) -> list[Finding]:
    """What `recorder verify` says of a closed segment."""
    row = Row.of(
        segment.number + 1,
        segment.closed_facts,
        start_ms=segment.opened.position_ms,
        reason=segment.reason.value,
    )
    digest = hashlib.sha256(segment.data).hexdigest()
    inspection = Inspection(row.file, len(segment.data), attrs.evolve(row, sha256=digest))
    inspection.feed(bytes(segment.data))
    return inspection.ended()


def rules(
    *,
    duration_ms: int = 3_000,
    size_bytes: int = 1 << 30,
    max_duration_ms: int = 12 * 3_600_000,
    boundary: Callable[[], int | None] | None = None,
) -> SegmentRules:
    return SegmentRules(
        duration_ms=duration_ms,
        size_bytes=size_bytes,
        max_duration_ms=max_duration_ms,
        boundary=boundary,
    )


class Publish:
    """A scripted publisher in front of a segmenter. Frames are numbered, so each is its own.

    Arrival follows the media unless a test says otherwise.
    """

    def __init__(
        self, its_rules: SegmentRules | None = None, *, position_ms: int = 0, origin: int = 0
    ) -> None:
        self.segmenter = Segmenter(its_rules or rules(), position_ms=position_ms, encoder="test 1")
        self.origin = origin
        self.now_ms = 1_000_000
        self.sent: list[tuple[int, int, bytes]] = []
        self._actions: list[Action] = []

    def send(self, kind: int, ms: int, body: bytes) -> None:
        self.segmenter.media(kind, (self.origin + ms) % 2**32, body, self.now_ms)

    def frame(self, kind: int, ms: int, body: bytes) -> None:
        self.sent.append((kind, ms, body))
        self.send(kind, ms, body)

    def headers(self) -> None:
        self.send(VIDEO, -self.origin, media.avc_config())
        self.send(AUDIO, -self.origin, media.aac_config())

    def video(self, ms: int, *, key: bool = False, size: int = 8) -> None:
        self.frame(VIDEO, ms, media.avc_frame(key=key, size=size, mark=len(self.sent)))

    def audio(self, ms: int, *, size: int = 6) -> None:
        self.frame(AUDIO, ms, media.aac_frame(size=size, mark=len(self.sent)))

    def play(self, start_ms: int, end_ms: int, *, gop_ms: int = 1_000, size: int = 8) -> None:
        """Picture every 40 ms and sound every 20 ms, interleaved; a keyframe every `gop_ms`."""
        for ms in range(start_ms, end_ms, 20):
            self.now_ms += 20
            if ms % 40 == 0:
                self.video(ms, key=ms % gop_ms == 0, size=size)
            self.audio(ms)

    def wait(self, ms: int) -> None:
        self.now_ms += ms
        self.segmenter.tick(self.now_ms)

    def take(self) -> None:
        self._actions += self.segmenter.take()

    def segments(self) -> list[Segment]:
        """What has been written so far."""
        self.take()
        return carry_out(self._actions)

    def finish(self) -> list[Segment]:
        """The finished segments, each checked, and every frame in exactly one of them, in the order
        of its track."""
        self.segmenter.finish(self.now_ms)
        segments = self.segments()
        for segment in segments:
            check(segment)
        written = [
            (kind, body)
            for segment in segments
            for kind in (VIDEO, AUDIO)
            for _, body in segment.frames(kind)
        ]
        assert by_track(written) == by_track((kind, body) for kind, _, body in self.sent)
        return segments

    def check_times(self, segments: list[Segment]) -> None:
        """Every frame's time in its recording is the one it was sent with, up to one base."""
        sent = {body: ms for _, ms, body in self.sent}
        offsets = {
            segment.opened.position_ms + time - sent[body]
            for segment in segments
            for kind in (VIDEO, AUDIO)
            for time, body in segment.frames(kind)
        }
        assert len(offsets) == 1
