"""A publish whose disk takes nothing for a while: what was on its way, and what came meanwhile.

`Sick` carries out a publish's actions up to any one of them, gives the rest back, and lets the
publish go on: what a room does with a disk that fails, without the room and the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.recording.actions import Action, Appended, Closed, CutReason, Opened
from recorder.recording.tracks import HEADERS
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, Segment, check, rules
from tests.recording.test_segmenter_properties import STEPS, Sender, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recorder.recording.backlog import Backlog
    from tests.recording.test_segmenter_properties import Step


@attrs.define
class Sick:
    """The files of a publish, of which some were not written to their end."""

    publish: Publish
    landed: list[Action] = attrs.field(factory=list)
    waiting: list[Action] = attrs.field(factory=list)
    is_suspended: bool = False

    def take(self) -> None:
        """What is decided waits for the disk; while suspended nothing is."""
        if not self.is_suspended:
            self.waiting += self.publish.segmenter.take()

    def land(self) -> None:
        """All that waits."""
        self.take()
        self.landed, self.waiting = self.landed + self.waiting, []

    def hang(self) -> list[Action]:
        """What waits hangs on its way, neither landed nor given back."""
        self.take()
        hanging, self.waiting = self.waiting, []
        self.fall_sick(0)
        return hanging

    def to_the_end(self) -> list[Segment]:
        """It is well again, and the publish ends."""
        self.get_well()
        self.publish.segmenter.finish(self.publish.now_ms)
        self.take()
        return self.segments()

    def fall_sick(self, landing: int, *, late: int = 0) -> None:
        """Of what waits so many actions land; the last `late` of the others are given back only
        with `come_back`'s first moment, as a hop that hangs gives them back."""
        self.take()
        landing = min(landing, len(self.waiting))
        self.landed += self.waiting[:landing]
        lost, self.waiting = self.waiting[landing:], []
        hanging = lost[: min(late, len(lost))]
        later = lost[len(hanging) :]
        self.publish.segmenter.suspend(_appended(later), self.reason(later))
        self.is_suspended = True
        self.publish.segmenter.put_back(_appended(hanging), self.reason(hanging))

    def get_well(self) -> None:
        self.is_suspended = False
        self.publish.segmenter.resume(self.publish.now_ms)
        self.take()

    def segments(self) -> list[Segment]:
        """All files there are, those that were written off as far as they got."""
        segments: list[Segment] = []
        for action in self.landed + self.waiting:
            match action:
                case Opened():
                    segments.append(Segment(action, bytearray(action.head)))
                case Appended():
                    self._of(segments, action.segment).data += action.data
                case Closed():
                    segment = self._of(segments, action.segment)
                    for offset, patch in action.patches:
                        segment.data[offset : offset + len(patch)] = patch
                    segment.facts = action.facts
        return segments

    def reason(self, lost: Sequence[Action]) -> CutReason:
        """Why the next segment begins: it is the one that `lost` opens, or the first of all."""
        first = next(iter(_appended(lost)), None)
        if first is not None and any(each is first.opened for each in lost):
            return first.opened.reason
        has_opened = any(isinstance(each, Opened) for each in self.landed)
        return CutReason.DISK if has_opened else CutReason.START

    @staticmethod
    def _of(segments: list[Segment], number: int) -> Segment:
        return next(each for each in segments if each.number == number)


def _appended(actions: Sequence[Action]) -> list[Appended]:
    return [action for action in actions if isinstance(action, Appended)]


Frames = dict[tuple[int, int], list[bytes]]


def _by_track(frames: Iterable[tuple[int, bytes]]) -> Frames:
    """A message of several tracks counts as the default one's: it is that one's time it has."""
    found: Frames = {}
    for kind, body in frames:
        found.setdefault((kind, number_of(body)), []).append(body)
    return found


def written(segments: list[Segment]) -> Frames:
    return _by_track(
        (kind, body)
        for segment in segments
        for kind in (VIDEO, AUDIO)
        for _, body in segment.frames(kind)
    )


def _sent(publish: Publish) -> Frames:
    return _by_track((kind, body) for kind, _, body in publish.sent)


@settings(max_examples=60, deadline=None)
@given(STEPS, STEPS, STEPS, st.data())
def test_every_frame_is_in_one_file_wherever_the_disk_stopped(
    before: list[Step], meanwhile: list[Step], after: list[Step], data: st.DataObject
) -> None:
    publish = Publish(rules(duration_ms=1_000, max_duration_ms=20_000), origin=7_000)
    if data.draw(st.booleans()):
        publish.headers()
    sender, sick = Sender(publish), Sick(publish)
    sender.play(before, after_each=lambda: sick.take() if data.draw(st.booleans()) else None)
    if data.draw(st.booleans()):
        # The disk has caught up with what was decided so far.
        sick.landed, sick.waiting = sick.landed + sick.waiting, []
    sick.fall_sick(data.draw(st.integers(0, 10)), late=data.draw(st.integers(0, 4)))
    sender.play(meanwhile, after_each=lambda: None)
    if data.draw(st.booleans()):
        publish.segmenter.finish(publish.now_ms)
        sick.get_well()
    else:
        sick.get_well()
        if data.draw(st.booleans()):
            sick.fall_sick(data.draw(st.integers(0, 10)))
            sick.get_well()
        sender.play(after, after_each=lambda: None)
        publish.segmenter.finish(publish.now_ms)
    sick.take()
    segments = sick.segments()
    for segment in segments:
        if segment.facts is not None:
            check(segment)
    assert written(segments) == _sent(publish)


def _backlog(publish: Publish) -> Backlog:
    backlog = publish.segmenter.backlog
    assert backlog is not None
    return backlog


def _lesson(*, origin: int = 0) -> tuple[Publish, Sick]:
    publish = Publish(rules(duration_ms=3_000), origin=origin)
    publish.headers()
    return publish, Sick(publish)


def test_positions_are_what_they_would_have_been_without_the_disk() -> None:
    publish, sick = _lesson()
    publish.play(0, 4_500)
    sick.land()
    publish.play(4_500, 5_300)
    sick.fall_sick(0)
    publish.play(5_300, 7_700)
    assert _backlog(publish).span_ms == 7_700 - 20 - 4_500
    sick.get_well()
    publish.play(7_700, 12_000)
    publish.segmenter.finish(publish.now_ms)
    sick.take()
    segments = sick.segments()
    assert [(each.reason, each.opened.position_ms, each.opened.forced) for each in segments] == [
        (CutReason.START, 0, False),
        (CutReason.DURATION, 3_000, False),
        (CutReason.DISK, 4_500, True),
        (CutReason.FIRST_KEYFRAME, 5_000, False),
        (CutReason.DURATION, 8_000, False),
        (CutReason.DURATION, 11_000, False),
    ]
    publish.check_times(segments)
    assert all(each.opened.lost_ms == 0 for each in segments)


def test_a_first_segment_that_never_began_begins_as_it_would_have() -> None:
    publish, sick = _lesson()
    publish.play(0, 1_300)
    sick.fall_sick(0)
    publish.play(1_300, 1_500)
    sick.get_well()
    publish.play(1_500, 2_000)
    publish.segmenter.finish(publish.now_ms)
    sick.take()
    (segment,) = sick.segments()
    assert (segment.reason, segment.opened.position_ms) == (CutReason.START, 0)
    check(segment)


def test_what_is_given_up_are_whole_groups_of_pictures_and_the_next_segment_says_how_much() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500, size=1_000)
    sick.land()
    sick.fall_sick(0)
    publish.play(3_500, 20_000, size=1_000)
    kept = _backlog(publish).bytes
    publish.segmenter.trim(kept // 2)
    assert kept // 4 < _backlog(publish).bytes <= kept // 2
    lost_ms = _backlog(publish).lost_ms
    assert (3_500 + lost_ms) % 1_000 == 0
    assert _backlog(publish).given_up_bytes > 0
    segments = sick.to_the_end()
    resumed = next(each for each in segments if each.reason is CutReason.DISK)
    assert resumed.opened.position_ms == 3_500 + lost_ms
    assert resumed.opened.lost_ms == lost_ms
    assert not resumed.opened.forced
    check(resumed)
    found = written(segments)[VIDEO, 0]
    missing = [body for body in _sent(publish)[VIDEO, 0] if body not in found]
    assert len(missing) == lost_ms // 40
    assert publish.segmenter.backlog is None
    publish.segmenter.trim(0)  # nothing is kept any more


def test_a_picture_needs_the_header_that_was_given_up_with_what_came_before_it() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    sick.fall_sick(0)
    publish.play(3_500, 5_000)
    publish.send(VIDEO, 5_000, media.avc_config(media.SPS_64X48))
    publish.send(VIDEO, 5_000, media.avc_config(media.SPS_64X48))
    publish.play(5_000, 9_000)
    publish.segmenter.trim(_backlog(publish).bytes // 3)
    last = sick.to_the_end()[-1]
    check(last)
    (video, _) = last.closed_facts.tracks
    assert (video.width, video.height) == (64, 48)


def test_a_hole_between_what_came_back_late_and_what_came_meanwhile_is_cut_at() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    publish.play(3_500, 4_200)
    publish.segmenter.split()
    hanging = sick.hang()
    publish.play(4_200, 9_000)
    publish.segmenter.trim(_backlog(publish).bytes // 2)
    lost_ms = _backlog(publish).lost_ms
    assert lost_ms > 0
    publish.segmenter.put_back(_appended(hanging), sick.reason(hanging))
    assert _backlog(publish).lost_ms == lost_ms
    segments = sick.to_the_end()
    behind = next(each for each in segments if each.opened.lost_ms)
    assert behind.opened.lost_ms == lost_ms
    assert not behind.opened.forced
    for each in segments:
        if each.facts is not None:
            check(each)


def test_a_hole_whose_near_side_is_given_up_as_well_is_one_hole() -> None:
    """A hop that hangs fails at last, and the buffer is full: what it gives back goes at once."""
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    publish.play(3_500, 4_200)
    hanging = sick.hang()
    publish.play(4_200, 9_000)
    publish.segmenter.trim(_backlog(publish).bytes // 2)
    kept = _backlog(publish).bytes
    publish.segmenter.put_back(_appended(hanging), sick.reason(hanging))
    publish.segmenter.trim(kept)
    lost_ms = _backlog(publish).lost_ms
    publish.segmenter.put_back([], CutReason.DISK)
    assert _backlog(publish).lost_ms == lost_ms
    segments = sick.to_the_end()
    found = written(segments)[VIDEO, 0]
    missing = [body for body in _sent(publish)[VIDEO, 0] if body not in found]
    assert abs(lost_ms - len(missing) * 40) < 40
    (resumed,) = (each for each in segments if each.opened.lost_ms)
    assert (resumed.reason, resumed.opened.lost_ms) == (CutReason.DISK, lost_ms)
    assert resumed.opened.position_ms == 3_500 + lost_ms
    check(resumed)


def test_a_split_right_behind_a_hole_is_still_made() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    publish.play(3_500, 4_200)
    hanging = sick.hang()
    publish.play(4_200, 6_500)
    publish.segmenter.split()
    publish.play(6_500, 9_000)
    publish.segmenter.trim(_backlog(publish).bytes // 2)
    publish.segmenter.put_back(_appended(hanging), sick.reason(hanging))
    (split,) = (each for each in sick.to_the_end() if each.reason is CutReason.SPLIT)
    assert (split.opened.lost_ms, split.opened.position_ms) == (2_800, 0)


def test_a_loss_behind_which_nothing_is_kept_counts_although_no_frame_can_say_it() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    hanging = sick.hang()
    publish.play(3_500, 5_000)
    publish.segmenter.trim(0)
    lost_ms = _backlog(publish).lost_ms
    assert lost_ms > 1_400
    publish.segmenter.put_back(_appended(hanging), CutReason.START)
    assert _backlog(publish).lost_ms == lost_ms


def test_a_hole_that_grows_on_both_sides_stays_one() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.take()
    hanging = _appended(sick.waiting)
    sick.waiting = []
    sick.fall_sick(0)
    publish.play(3_500, 9_000)
    publish.segmenter.trim(_backlog(publish).bytes // 2)
    first, second = hanging[: len(hanging) // 2], hanging[len(hanging) // 2 :]
    kept = _backlog(publish).bytes
    publish.segmenter.put_back(second, CutReason.DISK)
    publish.segmenter.trim(kept)
    lost_ms = _backlog(publish).lost_ms
    publish.segmenter.put_back(first, CutReason.START)
    assert _backlog(publish).lost_ms == lost_ms


def test_marks_and_data_wait_like_frames() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    publish.play(3_500, 3_600)
    publish.segmenter.data("onCue", media.amf_text("onCue"), 0, publish.now_ms)
    publish.send(AUDIO, 3_600, b"")
    sick.fall_sick(0)
    publish.play(3_600, 4_000)
    publish.segmenter.data("onCue", media.amf_text("onCue"), 0, publish.now_ms)
    sick.get_well()
    publish.play(4_000, 5_000)
    publish.segmenter.finish(publish.now_ms)
    sick.take()
    resumed = sick.segments()[2]
    assert resumed.reason is CutReason.DISK
    assert len([each for each in resumed.others() if each[2] == media.amf_text("onCue")]) == 2
    assert written(sick.segments()) == _sent(publish)


def test_a_split_while_suspended_is_made_at_the_next_keyframe() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    sick.fall_sick(0)
    publish.play(3_500, 4_300)
    publish.segmenter.split()
    publish.play(4_300, 5_500)
    publish.segmenter.split()
    sick.get_well()
    publish.play(5_500, 7_000)
    publish.segmenter.finish(publish.now_ms)
    sick.take()
    segments = sick.segments()
    splits = [each for each in segments if each.reason is CutReason.SPLIT]
    assert [each.opened.position_ms for each in splits] == [0, 0]
    assert [each.frames(VIDEO)[0][1][10:14] for each in splits] == [
        body[10:14]
        for ms in (5_000, 6_000)
        for kind, at, body in publish.sent
        if kind == VIDEO and at == ms
    ]


@pytest.mark.parametrize("kept", [0.5, 0])
def test_a_split_whose_keyframe_is_given_up_is_made_behind_the_hole(kept: float) -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    sick.fall_sick(0)
    publish.segmenter.split()
    publish.play(3_500, 9_000)
    publish.segmenter.trim(int(_backlog(publish).bytes * kept))
    assert _backlog(publish).lost_ms > 1_000
    publish.play(9_000, 10_000)
    sick.get_well()
    publish.play(10_000, 12_500)
    publish.segmenter.finish(publish.now_ms)
    sick.take()
    (split,) = (each for each in sick.segments() if each.reason is CutReason.SPLIT)
    assert split.opened.position_ms == 0


def test_what_was_given_up_before_an_outage_behind_which_nothing_came_is_told_by_the_next() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    sick.fall_sick(0)
    publish.play(3_500, 5_000)
    publish.segmenter.trim(0)
    lost_ms = _backlog(publish).lost_ms
    sick.get_well()
    sick.fall_sick(0)
    publish.play(5_000, 7_000)
    (resumed,) = (each for each in sick.to_the_end() if each.reason is CutReason.DISK)
    assert (resumed.opened.lost_ms, resumed.opened.position_ms) == (lost_ms, 5_000)


def test_a_publish_learns_late_where_in_its_recording_it_begins() -> None:
    publish, sick = _lesson()
    sick.fall_sick(0)
    publish.play(0, 2_000)
    publish.segmenter.continue_at(60_000)
    assert publish.segmenter.end_position_ms > 60_000
    assert sick.to_the_end()[0].opened.position_ms == 60_000


def test_headers_and_a_split_on_their_way_to_the_disk_are_put_back_too() -> None:
    publish, sick = _lesson()
    publish.play(0, 3_500)
    sick.land()
    publish.send(AUDIO, 3_500, media.aac_config(media.AAC_48_KHZ))
    publish.play(3_500, 3_900)
    sick.take()
    publish.segmenter.split()
    publish.play(3_900, 5_500)
    sick.fall_sick(0)
    assert any(each.role in HEADERS for each in _backlog(publish).items())
    sick.get_well()
    publish.play(5_500, 6_000)
    publish.segmenter.finish(publish.now_ms)
    sick.take()
    segments = sick.segments()
    assert written(segments) == _sent(publish)
    (behind,) = [each for each in segments if each.reason is CutReason.SPLIT]
    assert behind.opened.position_ms == 0
    for each in segments:
        if each.facts is not None:
            check(each)


def test_data_that_are_given_up_are_no_lost_media() -> None:
    publish, sick = _lesson()
    sick.fall_sick(0)
    publish.segmenter.data("onMetaData", media.metadata(videocodecid=7.0), 0, publish.now_ms)
    publish.segmenter.data("onCue", media.amf_text("onCue"), 0, publish.now_ms)
    publish.segmenter.trim(0)
    assert _backlog(publish).given_up_bytes > 0
    assert _backlog(publish).lost_ms == 0
