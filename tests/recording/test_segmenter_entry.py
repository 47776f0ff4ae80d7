"""With which track somebody who comes in the middle of a publish can begin: a viewer, who needs
what a file needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.recording.actions import CutReason
from recorder.recording.hold import LONGEST_HOLD_MS
from recorder.recording.tracks import SILENT_MS
from tests.helpers import media
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.segments import Publish, rules

if TYPE_CHECKING:
    from recorder.flv.timeline import TrackId

PICTURE, SOUND = (VIDEO, 0), (AUDIO, 0)


def entry(publish: Publish) -> TrackId | None:
    return publish.segmenter.entry


def sound(publish: Publish, start_ms: int, end_ms: int) -> None:
    for ms in range(start_ms, end_ms, 20):
        publish.now_ms += 20
        publish.audio(ms)


def test_before_any_frame_nobody_begins() -> None:
    publish = Publish()
    publish.headers()
    assert entry(publish) is None


def test_the_picture_is_begun_with_as_soon_as_it_has_come_and_before_a_file_has_begun() -> None:
    publish = Publish()
    publish.headers()
    publish.audio(0)
    assert entry(publish) is None, "a picture is announced"
    publish.video(20, key=True)
    assert entry(publish) == PICTURE
    publish.play(40, 2_000)
    assert entry(publish) == PICTURE


def test_who_begins_while_frames_are_held_is_given_a_header_that_has_changed_meanwhile() -> None:
    """The file needs the first one for its first frames; who comes now needs the other."""
    publish, other = Publish(), media.avc_config(media.SPS_32X32)
    publish.headers()
    publish.video(0, key=True)
    first = publish.segmenter.headers
    assert (VIDEO, media.avc_config()) in first
    publish.send(VIDEO, 0, other)
    assert publish.segmenter.headers == (*first, (VIDEO, other))
    publish.play(40, 2_000)
    assert (VIDEO, other) in publish.segmenter.headers
    assert len(publish.segmenter.headers) == len(first)


def test_a_camera_that_fails_is_waited_for_until_it_is_silent_and_no_longer() -> None:
    """Its file goes on until it is due, and nothing is cut by the sound before that."""
    publish = Publish(rules(duration_ms=600_000))
    publish.headers()
    publish.play(0, 3_000)
    sound(publish, 3_000, 2_960 + SILENT_MS + 20)
    assert entry(publish) == PICTURE
    sound(publish, 2_960 + SILENT_MS + 20, 16_000)
    assert entry(publish) == SOUND
    publish.video(16_000, key=True)
    assert entry(publish) == PICTURE, "it is back"
    assert len(publish.segments()) == 1


def test_a_picture_that_is_announced_and_never_comes_is_waited_for_as_by_the_first_file() -> None:
    publish = Publish()
    publish.headers()
    sound(publish, 0, LONGEST_HOLD_MS - 100)
    assert entry(publish) is None
    sound(publish, LONGEST_HOLD_MS - 100, LONGEST_HOLD_MS + 100)
    assert entry(publish) == SOUND


@pytest.mark.parametrize("is_announced", [True, False])
def test_sound_alone_is_begun_with_unless_metadata_announce_a_picture(
    *, is_announced: bool
) -> None:
    publish = Publish()
    if is_announced:
        publish.segmenter.data("onMetaData", media.metadata(videocodecid=7.0), 0, publish.now_ms)
    publish.send(AUDIO, 0, media.aac_config())
    publish.audio(0)
    assert entry(publish) == (None if is_announced else SOUND)


def test_a_missing_header_is_waited_for_as_by_the_first_file() -> None:
    publish = Publish()
    publish.video(0, key=True)
    assert entry(publish) is None
    publish.send(VIDEO, 0, media.avc_config())
    publish.video(40, key=True)
    assert entry(publish) == PICTURE


def test_the_disk_changes_nothing_for_who_watches() -> None:
    publish = Publish()
    publish.headers()
    publish.play(0, 2_000)
    publish.take()
    publish.segmenter.suspend([], CutReason.DISK)
    publish.play(2_000, 4_000)
    assert entry(publish) == PICTURE
