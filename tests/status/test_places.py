"""Who has a place at the page, and who gives it up."""

from __future__ import annotations

import pytest

from recorder.status.messages import Level
from recorder.status.places import SPARE, NoPlaceError, Places

CLIENTS = 4
SHARE = CLIENTS + SPARE


def filled(level: Level) -> Places[int]:
    """Every place taken, each by a host of its own."""
    places: Places[int] = Places(CLIENTS)
    for number in range(places.most):
        assert places.enter(number, f"10.0.0.{number}") is None
        places.meet(number, level)
    return places


def test_there_are_places_for_all_that_may_watch_and_more() -> None:
    places: Places[int] = Places(100)
    assert (places.most, places.most_from_one) == (264, 132)
    places.clients = 32
    assert (places.most, places.most_from_one) == (128, 64)


def test_when_there_is_no_place_the_oldest_stranger_goes() -> None:
    places = filled(Level.NOBODY)
    assert places.enter(1000, "10.1.0.1") == 0
    places.meet(1, Level.OPERATOR)
    assert places.enter(1001, "10.1.0.2") == 2
    assert len(places) == places.most


def test_when_everybody_is_an_operator_the_newest_does_not_come_in() -> None:
    places = filled(Level.OPERATOR)
    with pytest.raises(NoPlaceError):
        places.enter(1000, "10.1.0.1")
    assert len(places) == places.most
    places.leave(7)
    assert places.enter(1000, "10.1.0.1") is None


def test_readers_keep_their_places_but_for_those_that_operators_come_in_by() -> None:
    places = filled(Level.READER)
    stay = places.most - SPARE
    # Strangers, and readers more, crowd out each other.
    for number in range(1000, 1100):
        leaving = places.enter(number, f"10.1.0.{number - 1000}")
        places.meet(number, Level.READER)
        assert leaving is not None
        assert leaving >= stay


def test_operators_come_in_as_long_as_somebody_else_is_there() -> None:
    places = filled(Level.READER)
    for number in range(places.most):
        assert places.enter(1000 + number, f"10.1.0.{number}") is not None
        places.meet(1000 + number, Level.OPERATOR)
    with pytest.raises(NoPlaceError):
        places.enter(5000, "10.2.0.1")


def test_readers_of_one_address_leave_places_for_an_operator_there() -> None:
    places: Places[int] = Places(CLIENTS)
    for number in range(SHARE):
        assert places.enter(number, "10.0.0.1") is None
        places.meet(number, Level.READER)
    # The oldest of those who came when the readers' part was full.
    assert places.enter(1000, "10.0.0.1") == CLIENTS
    places.meet(1000, Level.OPERATOR)
    for number in range(1001, 2000):
        assert places.enter(number, "10.0.0.1") not in (*range(CLIENTS), 1000)
        places.meet(number, Level.READER)


def test_who_only_looks_has_a_place_again_when_another_leaves() -> None:
    places = filled(Level.READER)
    places.leave(0)
    last = places.most - 1
    places.meet(last, Level.READER)
    for number in range(100):
        assert places.enter(1000 + number, f"10.1.0.{number}") != last


def test_who_logs_out_is_a_stranger_again() -> None:
    places = filled(Level.OPERATOR)
    places.meet(5, Level.NOBODY)
    assert places.enter(1000, "10.1.0.1") == 5


@pytest.mark.parametrize("address", ["10.0.0.9", "2001:db8:1:2::{:x}", "::ffff:10.0.0.9"])
def test_one_address_has_its_share_and_crowds_out_only_itself(address: str) -> None:
    places: Places[int] = Places(CLIENTS)
    places.enter(-1, "10.0.0.1")
    for number in range(SHARE):
        assert places.enter(number, address.format(number)) is None
    assert places.enter(1000, address.format(1000)) == 0
    for number in range(1, SHARE):
        places.meet(number, Level.OPERATOR)
    assert places.enter(1001, address.format(1001)) == 1000
    places.meet(1001, Level.OPERATOR)
    with pytest.raises(NoPlaceError):
        places.enter(1002, address.format(1002))
    assert places.enter(1003, "10.0.0.2") is None


def test_who_has_left_is_known_no_more() -> None:
    places: Places[int] = Places(CLIENTS)
    places.enter(1, "10.0.0.1")
    places.leave(1)
    places.leave(1)
    # Its answer may be under way still.
    places.meet(1, Level.OPERATOR)
    assert len(places) == 0
    places = filled(Level.OPERATOR)
    places.leave(3)
    places.meet(3, Level.OPERATOR)
    places.enter(3, "10.0.0.3")
    assert places.enter(1000, "10.1.0.1") == 3


def test_fewer_clients_are_followed_as_members_come() -> None:
    places = filled(Level.NOBODY)
    places.clients = 1
    before = len(places)
    assert places.enter(1000, "10.1.0.1") == 0
    assert len(places) == before
