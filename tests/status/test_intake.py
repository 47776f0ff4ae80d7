"""Lines on their way to h11: a head's worth at a time, however they came."""

from __future__ import annotations

import pytest

from recorder.status.intake import MOST_HEADERS, Intake, TooManyHeadersError

MOST = MOST_HEADERS + 2


def test_what_is_no_more_than_a_head_is_given_as_it_came() -> None:
    intake = Intake()
    assert not intake
    intake.hold(b"a\r\n" * MOST + b"half a line")
    assert intake.give(b"") == b"a\r\n" * MOST
    assert intake
    assert intake.give(b"") == b"half a line"
    assert not intake
    # An end, after which nothing comes.
    assert intake.give(b"") == b""


def test_what_waits_at_h11_already_counts() -> None:
    intake = Intake()
    intake.hold(b"b\n" * MOST)
    given = intake.give(b"a\n" * (MOST - 3) + b"half a line")
    assert given == b"b\n" * 3
    with pytest.raises(TooManyHeadersError):
        intake.give(b"a\n" * MOST)


def test_nothing_is_lost_and_nothing_turned_around() -> None:
    intake, given = Intake(), b""
    data = b"".join(b"%d\n" % number for number in range(1000)) + b"end"
    for at in range(0, len(data), 700):
        intake.hold(data[at : at + 700])
        given += intake.give(b"")
    while intake:
        given += intake.give(b"")
    assert given == data
