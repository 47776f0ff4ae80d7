"""The short way of ordinary frames into an open segment: the hot path of recording.

An ordinary frame is of one known track, no keyframe, next in its track's time, and lies where its
segment neither begins nor ends. It is recognised by its first bytes, which the long way
(`long_way`) has seen before. What is done with it here is what the long way would do,
step by step, without a call for each: `TrackClock.advance`, `OpenSegment.write_frame` and
`SegmentSummary.add`. A property test holds one against the other.

Pure. At the first message that is not ordinary it stops, and has done nothing with that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recorder.flv.tags import TAG_HEADER_BYTES, TAG_OVERHEAD, VIDEO, pack_header, pack_trailer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder.flv.timeline import TrackClock
    from recorder.recording.actions import Media
    from recorder.recording.segment import OpenSegment
    from recorder.recording.tracks import Track


class ShortWay(NamedTuple):
    """Whose frame it is that begins with certain bytes. Whether that track's frames may take the
    short way is asked for each of them."""

    track: Track
    clock: TrackClock
    codec: str
    header_bytes: int
    """A body that is no longer is no frame."""


def write_ordinary(
    media: Sequence[Media],
    at: int,
    ways: Mapping[int, Mapping[bytes, ShortWay]],
    segment: OpenSegment,
    now_ms: int,
) -> int:
    """Write ordinary frames, from that place in `media` on; return the place of the first that is
    none.

    Args:
        ways: by kind, and by what the bodies begin with.
        now_ms: a monotonic clock.
    """
    if now_ms >= segment.force_ms:
        return at
    base, until, most_bytes = segment.base, segment.look_dts, segment.force_bytes
    summary, buffers = segment.summary, segment.buffers
    for place in range(at, len(media)):
        kind, timestamp, size, front, body = media[place]
        of_kind = ways[kind]
        way = (
            of_kind.get(front[:2])
            or of_kind.get(front[:5])
            or of_kind.get(front)
            or of_kind.get(front[:1])
        )
        if way is None:
            return place
        track, clock, codec, header_bytes = way
        slot = track.slot
        dts = timestamp + clock.offset
        step = dts - clock.dts
        if (
            slot is None
            or track.codec != codec
            or size <= header_bytes
            or not 0 <= step <= clock.reach
            or not base <= dts < until
            or summary.file_bytes >= most_bytes
        ):
            return place
        if step:
            clock.step = step
            clock.raw = timestamp
            clock.dts = dts
        ms = dts - base
        buffers.append(pack_header(kind << 24 | size, (ms & 0xFFFFFF) << 8 | ms >> 24, 0, 0))
        buffers += body
        buffers.append(pack_trailer(size + TAG_HEADER_BYTES))
        slot.frames += 1
        step = ms - slot.last_ms
        if step > 0:
            slot.step_ms = step
            slot.last_ms = ms
        tag_bytes = size + TAG_OVERHEAD
        summary.file_bytes += tag_bytes
        if kind == VIDEO:
            summary.video_bytes += tag_bytes
        else:
            summary.audio_bytes += tag_bytes
    return len(media)
