"""Who was refused, how often, and how long the next refusal takes."""

from __future__ import annotations

import sys

import pytest

from recorder.live.attempts import (
    ADDRESSES,
    FIRST_PAUSE_S,
    FORGET_S,
    LONGEST_PAUSE_S,
    NO_ROOM,
    RESULTS,
    Attempts,
    Failing,
    Kind,
    Result,
)


def pauses(attempts: Attempts, times: int, address: str = "10.0.0.1") -> list[float]:
    return [attempts.refused(Kind.KEY, address, now_s) for now_s in range(times)]


def test_the_pauses_of_an_address_grow_up_to_a_bound() -> None:
    assert pauses(Attempts(), 9) == [1, 1, 1, 2, 4, 8, 10, 10, 10]


def test_a_million_failures_pause_no_longer() -> None:
    attempts = Attempts()
    for _ in range(5000):
        pause_s = attempts.refused(Kind.LOGIN, "10.0.0.1", 0)
    assert pause_s == LONGEST_PAUSE_S


def test_every_address_has_its_own_pauses_and_an_ipv6_network_is_one() -> None:
    attempts = Attempts()
    pauses(attempts, 5)
    assert attempts.refused(Kind.KEY, "10.0.0.2", 5) == FIRST_PAUSE_S
    assert attempts.refused(Kind.KEY, "::ffff:10.0.0.1", 5) == 8
    for number in range(5):
        attempts.refused(Kind.KEY, f"2001:db8::{number}", 5)
    assert attempts.refused(Kind.KEY, "2001:db8::ffff", 5) == 8
    assert attempts.refused(Kind.KEY, "2001:db8:0:1::", 5) == FIRST_PAUSE_S


def test_an_address_that_has_not_failed_for_long_begins_anew() -> None:
    attempts = Attempts()
    pauses(attempts, 6)
    assert attempts.refused(Kind.KEY, "10.0.0.1", 5 + FORGET_S) == LONGEST_PAUSE_S
    assert attempts.refused(Kind.KEY, "10.0.0.1", 6 + 2 * FORGET_S) == FIRST_PAUSE_S


@pytest.mark.parametrize("kind", [Kind.APPLICATION, Kind.BUSY, Kind.LIMIT])
def test_who_guesses_nothing_is_not_held_back_more_and_more(kind: Kind) -> None:
    attempts = Attempts()
    assert {attempts.refused(kind, "10.0.0.1", now_s) for now_s in range(20)} == {FIRST_PAUSE_S}
    assert attempts.recent(20) == 0
    assert attempts.worst(8, 20) == []


def test_every_refusal_is_counted_by_its_kind() -> None:
    attempts = Attempts()
    assert set(attempts.counts) == {kind.value for kind in Kind}
    attempts.refused(Kind.KEY, "10.0.0.1", 0)
    attempts.refused(Kind.KEY, "10.0.0.2", 0)
    attempts.refused(Kind.BUSY, "10.0.0.2", 0)
    assert {kind: count for kind, count in attempts.counts.items() if count} == {
        "key": 2,
        "busy": 1,
    }


def test_what_came_of_every_wish_is_counted_by_configured_rooms_only() -> None:
    attempts = Attempts()
    attempts.came_to(Result.OK, "room101")
    attempts.came_to(Result.OK, "room101")
    attempts.came_to(Result.AUTH, None)
    assert attempts.results == {("room101", "ok"): 2, (NO_ROOM, "auth"): 1}


def test_every_kind_of_refusal_is_a_result() -> None:
    assert set(RESULTS) == set(Kind)
    assert Result.OK not in RESULTS.values()


def test_what_is_shown_are_the_worst_of_the_last_minutes() -> None:
    attempts = Attempts()
    for times, address in ((1, "10.0.0.1"), (2, "2001:db8::1"), (3, "10.0.0.2")):
        for _ in range(times):
            attempts.refused(Kind.KEY, address, 100 * times)
    assert attempts.worst(2, 400) == [
        Failing("10.0.0.2", 3, 100),
        Failing("2001:db8::/64", 2, 200),
    ]
    assert [each.times for each in attempts.worst(8, 250 + FORGET_S)] == [3]
    assert attempts.worst(8, 301 + FORGET_S) == []


def test_failures_are_recent_for_twenty_seconds() -> None:
    attempts = Attempts()
    pauses(attempts, 30)
    assert attempts.recent(29) == 21
    assert attempts.recent(100) == 0


def test_a_crowd_of_addresses_takes_no_more_memory_than_the_table() -> None:
    attempts = Attempts()
    pauses(attempts, 6, "10.0.0.1")
    for number in range(10_000):
        address = f"10.1.{number // 250}.{number % 250}"
        assert attempts.refused(Kind.KEY, address, 10) == FIRST_PAUSE_S
    assert len(attempts.worst(sys.maxsize, 10)) == ADDRESSES
    assert attempts.recent(10) == 1000
    # What it forgot of the first one is the length of its pauses.
    assert attempts.refused(Kind.KEY, "10.0.0.1", 10) == FIRST_PAUSE_S
