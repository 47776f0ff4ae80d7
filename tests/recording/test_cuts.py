"""What a sender may ask for too often is not done for it, and hides nothing that somebody else asks
for. The rules themselves are tested with whole publishes (`test_segmenter`)."""

from __future__ import annotations

from recorder.flv.script import CopiedFields
from recorder.recording.actions import CutReason
from recorder.recording.cuts import FLAPPING_CUTS, FLAPPING_MS, Cuts
from recorder.recording.segment import OpenSegment
from tests.helpers.segments import rules

RULES = rules(duration_ms=3_600_000)


def open_segment() -> OpenSegment:
    segment = OpenSegment(
        0,
        base=0,
        due_dts=RULES.duration_ms,
        now_ms=0,
        rules=RULES,
        encoder="test",
        copied=CopiedFields(),
        tracks=[],
        reason=CutReason.START,
        new_recording=False,
        position_ms=0,
        lost_ms=0,
        forced=False,
    )
    segment.has_frames = True
    return segment


def ask(cuts: Cuts, at_ms: int) -> CutReason | None:
    """At a keyframe; media come as they play."""
    reason = cuts.reason(open_segment(), at_ms, at_ms, is_entry=True)
    if reason is not None:
        cuts.made(reason, at_ms)
    return reason


def flapping() -> Cuts:
    cuts = Cuts(RULES, 0)
    for reason in (CutReason.PARAMETERS, CutReason.TRACK, CutReason.JUMP):
        cuts.wish(reason)
        assert ask(cuts, 0) is reason
    return cuts


def test_whatever_a_sender_changes_has_one_measure() -> None:
    assert FLAPPING_CUTS == 3
    cuts = flapping()
    for reason in (CutReason.PARAMETERS, CutReason.TRACK, CutReason.JUMP):
        cuts.wish(reason)
        assert ask(cuts, FLAPPING_MS - 1) is None
        assert ask(cuts, FLAPPING_MS - 1) is None
        assert cuts.take_refused() == 1
    assert ask(cuts, FLAPPING_MS) is CutReason.PARAMETERS
    assert ask(cuts, FLAPPING_MS) is None, "one cut answers all"
    assert cuts.take_refused() == 0


def test_a_wish_that_is_refused_hides_no_other() -> None:
    for other in (CutReason.SPLIT, CutReason.DISK, CutReason.FIRST_KEYFRAME):
        cuts = flapping()
        cuts.wish(CutReason.PARAMETERS)
        cuts.wish(other)
        assert ask(cuts, 1) is other


def test_a_file_sent_faster_than_it_plays_is_not_taken_for_flapping() -> None:
    cuts = Cuts(RULES, 0)
    for number in range(1, 20):
        cuts.wish(CutReason.PARAMETERS)
        assert cuts.reason(open_segment(), number * 60_000, number, is_entry=True) is not None
