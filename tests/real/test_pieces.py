"""The comparison of what is left of a publish, on packets made by hand."""

from __future__ import annotations

import pytest

from tests.helpers.packets import Packet, TrackName, Tracks
from tests.real.pieces import Hole, cover, locate

VIDEO = TrackName("video", "h264", "1")
AUDIO = TrackName("audio", "aac", "2")

SENT: Tracks = {
    # No two pictures are alike, every sound is.
    VIDEO: [Packet(40 * n, 40 * n + 80, 100 + n, f"v{n}") for n in range(100)],
    AUDIO: [Packet(20 * n, 20 * n, 10, f"a{n % 7}") for n in range(200)],
}


def part(begin_ms: int, end_ms: int, *, base_ms: int | None = None) -> Tracks:
    """What was sent in this time, its times counted from the base."""
    base_ms = begin_ms if base_ms is None else base_ms
    return {
        name: [
            Packet(p.dts_ms - base_ms, p.pts_ms - base_ms, p.size, p.md5)
            for p in track
            if begin_ms <= p.dts_ms < end_ms
        ]
        for name, track in SENT.items()
    }


def test_a_piece_is_found_by_its_pictures() -> None:
    piece = locate(SENT, part(1000, 2000))
    assert piece.base_ms == 1000
    assert piece.spans == {VIDEO: (25, 50), AUDIO: (50, 100)}
    assert locate(SENT, part(1000, 2000, base_ms=990)).base_ms == 990


def test_sound_alone_is_found_by_where_it_begins() -> None:
    assert locate({AUDIO: SENT[AUDIO]}, {AUDIO: part(0, 500)[AUDIO]}).spans == {AUDIO: (0, 25)}


@pytest.mark.parametrize("damage", ["missing", "moved", "foreign", "too long", "empty", "track"])
def test_what_is_no_piece_is_refused(damage: str) -> None:
    segment = part(1000, 4000)
    track = segment[VIDEO]
    if damage == "missing":
        del track[10]
    elif damage == "moved":
        track[10] = Packet(track[10].dts_ms + 1, track[10].pts_ms, track[10].size, track[10].md5)
    elif damage == "foreign":
        track[0] = Packet(0, 0, 1, "x")
    elif damage == "too long":
        track.append(Packet(9999, 9999, 1, "x"))
    elif damage == "empty":
        segment = {VIDEO: []}
    else:
        segment[TrackName("audio", "mp3", "")] = [Packet(0, 0, 1, "x")]
    with pytest.raises(AssertionError):
        locate(SENT, segment)


def test_pieces_without_a_hole_cover_everything() -> None:
    pieces = [locate(SENT, part(a, b)) for a, b in ((0, 1000), (1000, 3000), (3000, 4000))]
    coverage = cover(SENT, pieces)
    assert coverage.holes == []
    assert coverage.is_whole
    assert coverage.reach_ms == 3960
    beginning = cover(SENT, pieces[:2])
    assert beginning.holes == []
    assert not beginning.is_whole
    assert beginning.reach_ms == 2960


def test_a_hole_is_counted_for_each_track() -> None:
    pieces = [locate(SENT, part(a, b)) for a, b in ((400, 1000), (2000, 4000))]
    assert cover(SENT, pieces).holes == [
        Hole(VIDEO, 0, 400, 10),
        Hole(AUDIO, 0, 400, 20),
        Hole(VIDEO, 960, 2000, 25),
        Hole(AUDIO, 980, 2000, 50),
    ]


def test_what_is_there_twice_or_in_another_order_is_refused() -> None:
    first, second = (locate(SENT, part(a, b)) for a, b in ((0, 1000), (960, 2000)))
    for pieces in ([first, second], [second, first]):
        with pytest.raises(AssertionError, match="twice"):
            cover(SENT, pieces)


def test_nothing_covers_nothing() -> None:
    coverage = cover(SENT, [])
    assert (coverage.holes, coverage.reach_ms, coverage.is_whole) == ([], 0, False)
