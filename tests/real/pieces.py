"""Where what was recorded lies in what was sent, when some of it may be missing.

Owns the comparison for recordings that were cut off, repaired or continued. `packets.compare` wants
everything; here each segment is an unbroken piece of one publish, pieces follow each other, none
comes twice, and what lies between two of them is a hole that can be counted. Which holes are
allowed is the business of each test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.helpers.packets import Packet, TrackName, Tracks


@attrs.frozen
class Piece:
    """One segment's place in what was sent.

    Attributes:
        base_ms: the time there that is the segment's 0.
        spans: for each track that has packets the first of them and the one behind the last.
    """

    base_ms: int
    spans: dict[TrackName, tuple[int, int]]


@attrs.frozen
class Hole:
    """Packets of one track that were sent and are in no piece.

    Attributes:
        after_ms, before_ms: when it begins and ends, on the sender's clock.
        packets: how many.
    """

    track: TrackName
    after_ms: int
    before_ms: int
    packets: int


@attrs.frozen
class Coverage:
    """What of a publish is there.

    Attributes:
        holes: in the middle, and at the beginning; what was sent behind the last piece is none.
        reach_ms: how far the shortest track goes; 0 when nothing is there.
        is_whole: also the last packet is there.
    """

    holes: list[Hole]
    reach_ms: int
    is_whole: bool


def locate(sent: Tracks, segment: Tracks) -> Piece:
    """Find an unbroken piece.

    Raises:
        AssertionError: it is none: packets are missing, are others, or have other times.
    """
    there = {name: track for name, track in segment.items() if track}
    assert there, "a segment without packets"
    assert set(there) <= set(sent), "a track that was not sent"
    # A sine repeats itself packet by packet, a picture never: where there is one, it decides.
    leading = min(there, key=lambda name: name.kind != "video")
    first = there[leading][0]
    at = _index(sent[leading], first)
    base_ms = sent[leading][at].dts_ms - first.dts_ms
    spans = {}
    for name, track in there.items():
        begin = _index_at(sent[name], track[0].dts_ms + base_ms, track[0])
        spans[name] = (begin, begin + len(track))
        for was, now in zip(sent[name][begin:], track, strict=False):
            expected = attrs.evolve(now, dts_ms=now.dts_ms + base_ms, pts_ms=now.pts_ms + base_ms)
            assert was == expected, f"{name}: sent as {was}, is {now}, from {base_ms} ms on"
        assert spans[name][1] <= len(sent[name]), f"{name}: more packets than were sent"
    return Piece(base_ms, spans)


def _index(track: list[Packet], packet: Packet) -> int:
    found = [i for i, p in enumerate(track) if (p.size, p.md5) == (packet.size, packet.md5)]
    assert found, f"was not sent: {packet}"
    return found[0]


def _index_at(track: list[Packet], dts_ms: int, packet: Packet) -> int:
    found = [i for i, p in enumerate(track) if (p.dts_ms, p.md5) == (dts_ms, packet.md5)]
    assert found, f"was not sent at {dts_ms} ms: {packet}"
    return found[0]


def cover(sent: Tracks, pieces: Iterable[Piece]) -> Coverage:
    """Lay the pieces of one publish over it.

    Raises:
        AssertionError: they are not in order, or a packet is there twice.
    """
    holes: list[Hole] = []
    position = dict.fromkeys(sent, 0)
    for piece in pieces:
        for name, (begin, end) in piece.spans.items():
            was = position[name]
            assert begin >= was, f"{name}: packets {begin} to {was} are there twice"
            if begin > was:
                holes.append(_hole(name, sent[name], was, begin))
            position[name] = end
    reach_ms = min(sent[name][end - 1].dts_ms if end else 0 for name, end in position.items())
    is_whole = all(position[name] == len(track) for name, track in sent.items())
    return Coverage(holes, reach_ms, is_whole)


def _hole(name: TrackName, track: list[Packet], begin: int, end: int) -> Hole:
    after_ms = track[begin - 1].dts_ms if begin else track[0].dts_ms
    return Hole(name, after_ms, track[end].dts_ms, end - begin)
