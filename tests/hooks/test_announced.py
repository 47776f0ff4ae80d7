"""What was told of which recording, and what a restart still knows of it."""

from __future__ import annotations

import json

from recorder.hooks.announced import ENDED, Announced
from tests.hooks.writing import event, segment


def again(announced: Announced) -> Announced:
    return Announced(json.loads(json.dumps(announced.to_document())))


def test_a_recording_begins_has_segments_and_ends() -> None:
    announced = Announced()
    assert not announced.has_begun(7)
    announced.take(event(1, "recording_started", recording=7))
    announced.take(segment(2, 7, 1))
    assert announced.has_begun(7)
    assert announced.has_segment(7, 1)
    assert not announced.has_segment(7, 2)
    announced.take(event(3, "recording_ended", recording=7))
    assert announced.has_ended(7)
    assert not announced.has_begun(7)


def test_segments_that_come_out_of_order_are_each_known_once() -> None:
    announced = Announced()
    for number, file in enumerate((1, 4, 3, 6), start=1):
        announced.take(segment(number, 7, file))
    announced = again(announced)
    assert [file for file in range(1, 8) if announced.has_segment(7, file)] == [1, 3, 4, 6]
    announced.take(segment(5, 7, 2))
    assert announced.to_document()["open"] == [[7, "", 4, [6]]]


def test_what_goes_on_is_known_with_its_folder() -> None:
    announced = Announced()
    announced.take(event(1, "recording_started", recording=7, folder="a/b/7"))
    announced.take(event(2, "recording_started", recording=8, folder="a/b/8"))
    announced.take(event(3, "recording_ended", recording=7, folder="a/b/7"))
    assert again(announced).going_on == {8: "a/b/8"}


def test_an_alarm_says_nothing_of_a_recording() -> None:
    announced = Announced()
    announced.take(event(1, recording=7))
    assert announced.to_document() == {"open": [], "ended": []}


def test_only_the_last_that_ended_are_remembered_and_older_ones_count_as_ended() -> None:
    announced = Announced()
    announced.take(event(1, "recording_started", recording=5))
    for number in range(10, 10 + ENDED):
        announced.take(event(number, "recording_ended", recording=number))
    announced = again(announced)
    assert len(announced.to_document()["ended"]) == ENDED
    assert announced.has_ended(3)
    assert not announced.has_ended(5), "it goes on since long ago"
    assert announced.has_ended(10)
    assert not announced.has_ended(10 + ENDED)


def test_while_few_have_ended_an_unknown_number_has_not() -> None:
    announced = Announced()
    announced.take(event(1, "recording_ended", recording=9))
    assert not announced.has_ended(3)
