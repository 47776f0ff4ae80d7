"""Whatever a publisher sends: no frame is lost or doubled, and every file keeps its promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, Segment, check, rules

if TYPE_CHECKING:
    from collections.abc import Callable

Step = tuple[str, int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["key", "key", "picture", "picture", "sound", "sound", "sound", "second picture",
             "second sound", "both pictures", "other header", "other sound header", "empty",
             "end", "data", "metadata", "unknown", "mp3", "split", "tick", "headers"]
        ),
        st.one_of(
            st.integers(0, 400),
            st.integers(-1_200, 12_000),
            st.sampled_from([0, 3_600_000, -3_600_000, 1 << 24, 1 << 31]),
        ),
    ),
    max_size=80,
)  # fmt: skip


@attrs.define
class Sender:
    """Plays steps to a segmenter; each frame is numbered."""

    publish: Publish
    ms: int = 0

    def play(self, steps: list[Step], after_each: Callable[[], None]) -> None:
        for what, number in steps:
            self._step(what, number)
            after_each()

    def _step(self, what: str, number: int) -> None:
        publish = self.publish
        publish.now_ms += abs(number) % 1_000
        mark = len(publish.sent)
        match what:
            case "key" | "picture" | "sound" | "second picture" | "second sound" | "both pictures":
                self.ms += number
                self._frame(what, mark)
            case "mp3":
                publish.frame(AUDIO, self.ms, media.mp3_frame(mark=mark))
            case "headers":
                publish.headers()
            case "other header":
                sps = media.SPS_32X32 if number % 2 else media.SPS_64X48
                publish.send(VIDEO, 0, media.avc_config(sps))
            case "other sound header":
                publish.send(AUDIO, 0, media.aac_config(media.AAC_48_KHZ))
            case "empty":
                publish.send(AUDIO, self.ms, b"")
            case "end":
                publish.send(VIDEO, 0, media.avc_end())
            case "data":
                publish.segmenter.data("onCue", media.amf_text("onCue"), 0, publish.now_ms)
            case "metadata":
                body = media.metadata(title=str(number), duration=5.0)
                publish.segmenter.data("onMetaData", body, 0, publish.now_ms)
            case "unknown":
                publish.send(VIDEO, self.ms, b"\x1f\x01")
            case "split":
                publish.segmenter.split()
            case _:
                publish.wait(number % 2_000)

    def _frame(self, what: str, mark: int) -> None:
        publish = self.publish
        match what:
            case "key" | "picture":
                publish.video(self.ms, key=what == "key", size=300)
            case "sound":
                publish.audio(self.ms)
            case "second picture":
                publish.frame(
                    VIDEO, self.ms, media.video_frame_of(1, key=bool(mark % 2), mark=mark)
                )
            case "second sound":
                publish.frame(AUDIO, self.ms, media.audio_frame_of(1, mark=mark))
            case _:
                frames = {0: b"%d a" % mark, 1: b"%d b" % mark}
                publish.frame(VIDEO, self.ms, media.many_tracks(VIDEO, 3, b"avc1", frames))


def a_publish(duration_ms: int, size_bytes: int) -> Publish:
    return Publish(
        rules(duration_ms=duration_ms, size_bytes=size_bytes, max_duration_ms=20_000), origin=7_000
    )


def check_all(publish: Publish, segments: list[Segment]) -> None:
    for segment in segments:
        check(segment)
    for track in ((VIDEO, 0), (VIDEO, 1), (AUDIO, 0), (AUDIO, 1)):
        written = [
            segment.body(tag)
            for segment in segments
            for tag in segment.tags()
            if tag.kind == track[0]
            and any(part.track == track[1] and part.role.value == "frame" for part in tag.parts)
        ]
        sent = [body for kind, _, body in publish.sent if (kind, number_of(body)) == track]
        assert [body for body in written if number_of(body) == track[1]] == sent
    positions = [segment.opened.position_ms for segment in segments]
    for before, after, segment in zip(positions, positions[1:], segments[1:], strict=False):
        assert after == 0 if segment.opened.new_recording else after >= before


def number_of(body: bytes) -> int:
    """The track of a frame of this test; a message of both counts as the default one's."""
    return 1 if body[:2] in (b"\x96\x03", b"\xa6\x03", b"\x95\x01") else 0


@settings(max_examples=80, deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([500, 3_000]), st.sampled_from([40_000, 1 << 30]))
def test_every_frame_is_in_one_file_and_every_file_is_whole(
    steps: list[Step], with_headers: bool, duration_ms: int, size_bytes: int
) -> None:
    publish = a_publish(duration_ms, size_bytes)
    if with_headers:
        publish.headers()
    Sender(publish).play(steps, after_each=lambda: None)
    publish.segmenter.finish(publish.now_ms)
    segments = publish.segments()
    check_all(publish, segments)
    assert bool(segments) == bool(publish.sent)
    if segments:
        counted = {
            name: sum(segment.closed_facts.counts.get(name, 0) for segment in segments)
            for name in publish.segmenter.anomalies
        }
        assert counted == publish.segmenter.anomalies


@settings(max_examples=50, deadline=None)
@given(STEPS, st.data())
def test_it_does_not_matter_when_the_actions_are_taken(
    steps: list[Step], data: st.DataObject
) -> None:
    files = []
    for take in (lambda: False, lambda: True, lambda: data.draw(st.booleans())):
        publish = a_publish(1_000, 1 << 30)
        publish.headers()

        def after_each(publish: Publish = publish, take: Callable[[], bool] = take) -> None:
            if take():
                publish.take()

        Sender(publish).play(steps, after_each)
        publish.segmenter.finish(publish.now_ms)
        files.append(
            [(segment.opened, segment.data, segment.facts) for segment in publish.segments()]
        )
    assert files[0] == files[1] == files[2]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_well_behaved_publish_keeps_every_time(data: st.DataObject) -> None:
    """Sound up to 400 ms early or late, any frame rates, any groups, any wrap."""
    origin = data.draw(
        st.sampled_from([0, (1 << 24) - 3_000, (1 << 31) - 3_000, (1 << 32) - 3_000])
    )
    publish = Publish(rules(duration_ms=1_000), origin=origin)
    publish.headers()
    lag = data.draw(st.integers(-400, 400))
    picture_ms = data.draw(st.integers(10, 100))
    sound_ms = data.draw(st.integers(10, 40))
    group = data.draw(st.integers(1, 20))
    times = [(ms, VIDEO, i % group == 0) for i, ms in enumerate(range(500, 4_000, picture_ms))]
    times += [(ms + lag, AUDIO, False) for ms in range(500 - lag, 4_000, sound_ms)]
    for order, kind, key in sorted(times):
        publish.now_ms += 1
        if kind == VIDEO:
            publish.video(order, key=key)
        else:
            publish.audio(order - lag)
    segments = publish.finish()
    publish.check_times(segments)
    assert publish.segmenter.anomalies == {}
