"""The pool of connections that do not publish yet."""

from __future__ import annotations

import weakref

from hypothesis import given
from hypothesis import strategies as st

from recorder.live.pool import PendingPool


def test_while_there_is_room_nobody_goes() -> None:
    pool: PendingPool[int] = PendingPool()
    assert [pool.enter(number, f"10.0.0.{number}") for number in range(64)] == [[]] * 64
    assert len(pool) == 64


def test_when_the_pool_is_full_the_oldest_goes() -> None:
    pool: PendingPool[int] = PendingPool()
    for number in range(64):
        pool.enter(number, f"10.0.0.{number}")
    assert pool.enter(64, "10.0.0.64") == [0]
    assert pool.enter(65, "10.0.0.65") == [1]
    assert len(pool) == 64


def test_the_ninth_of_an_address_sends_the_oldest_of_that_address() -> None:
    pool: PendingPool[str] = PendingPool()
    pool.enter("older", "10.0.0.9")
    for number in range(8):
        assert pool.enter(f"member {number}", "10.0.0.1") == []
    assert pool.enter("member 8", "::ffff:10.0.0.1") == ["member 0"]
    assert pool.enter("member 9", "10.0.0.1") == ["member 1"]
    assert len(pool) == 9


def test_who_has_had_its_turn_goes_before_an_older_one() -> None:
    pool: PendingPool[str] = PendingPool()
    for number in range(8):
        pool.enter(f"member {number}", "10.0.0.1")
    assert pool.enter("member 5", "10.0.0.1", as_oldest=True) == []
    assert pool.enter("member 8", "10.0.0.1") == ["member 5"]
    assert pool.enter("member 9", "10.0.0.1") == ["member 0"]
    assert len(pool) == 8


def test_who_says_nothing_goes_before_an_older_one_that_speaks() -> None:
    pool: PendingPool[str] = PendingPool()
    for number in range(8):
        pool.enter(f"member {number}", "10.0.0.1")
    pool.hear("member 0")
    pool.hear("member 2")
    pool.hear("a stranger")
    gone = [pool.enter(f"newer {number}", "10.0.0.1")[0] for number in range(8)]
    assert gone == [*(f"member {number}" for number in (1, 3, 4, 5, 6, 7)), "newer 0", "newer 1"]
    pool.enter("member 2", "10.0.0.1", as_oldest=True)
    pool.hear("member 2")
    assert pool.enter("last", "10.0.0.1") == ["member 2"]
    assert pool.pop_oldest() == "newer 2"


def test_a_network_of_addresses_is_one_address() -> None:
    pool: PendingPool[int] = PendingPool()
    for number in range(8):
        assert pool.enter(number, f"2001:db8::{number:x}") == []
    assert pool.enter(8, "2001:db8::abcd") == [0]
    assert pool.enter(9, "2001:db8:0:1::1") == []


def test_a_full_pool_and_a_full_address_send_one_only() -> None:
    pool: PendingPool[int] = PendingPool()
    for number in range(64):
        pool.enter(number, f"10.0.0.{number // 8}")
    assert pool.enter(64, "10.0.0.7") == [56]
    assert pool.enter(65, "10.0.0.8") == [0]


def test_whoever_left_makes_room_and_whoever_is_out_may_leave_again() -> None:
    pool: PendingPool[int] = PendingPool()
    for number in range(8):
        pool.enter(number, "10.0.0.1")
    pool.leave(3)
    pool.leave(3)
    assert pool.enter(8, "10.0.0.1") == []
    assert pool.enter(9, "10.0.0.1") == [0]


def test_a_member_that_comes_back_is_the_newest() -> None:
    pool: PendingPool[int] = PendingPool(members=2)
    pool.enter(1, "10.0.0.1")
    pool.enter(2, "10.0.0.2")
    pool.leave(1)
    pool.enter(1, "10.0.0.1")
    assert pool.enter(3, "10.0.0.3") == [2]


def test_a_member_that_is_in_keeps_its_place() -> None:
    pool: PendingPool[int] = PendingPool(members=2)
    pool.enter(1, "10.0.0.1")
    pool.enter(2, "10.0.0.2")
    assert pool.enter(1, "10.0.0.1") == []
    assert pool.enter(3, "10.0.0.3") == [1]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 5))))
def test_the_pool_holds_whom_it_took_in_and_never_too_many(
    moves: list[tuple[bool, int, int]],
) -> None:
    pool: PendingPool[int] = PendingPool(members=8, members_per_address=3)
    inside: dict[int, int] = {}
    for comes, member, address in moves:
        if comes:
            gone = pool.enter(member, f"10.0.0.{address}")
            assert member not in gone
            inside.setdefault(member, address)
            for other in gone:
                del inside[other]
        else:
            pool.leave(member)
            inside.pop(member, None)
        assert len(pool) == len(inside) <= 8
        assert all(list(inside.values()).count(address) <= 3 for address in inside.values())


def test_a_member_that_enters_as_the_oldest_is_the_first_to_go() -> None:
    pool = PendingPool[str](members=10, members_per_address=2)
    pool.enter("arriving", "10.0.0.1")
    assert pool.enter("ended", "10.0.0.1", as_oldest=True) == []
    assert pool.enter("newer", "10.0.0.1") == ["ended"]


def test_a_member_that_enters_as_the_oldest_pushes_nobody_out() -> None:
    pool = PendingPool[str](members=10, members_per_address=1)
    pool.enter("arriving", "10.0.0.1")
    assert pool.enter("ended", "10.0.0.1", as_oldest=True) == ["ended"]
    assert len(pool) == 1


def test_the_oldest_can_be_asked_to_go() -> None:
    pool = PendingPool[str]()
    pool.enter("first", "10.0.0.1")
    pool.enter("second", "10.0.0.2")
    assert pool.pop_oldest() == "first"
    assert pool.pop_oldest() == "second"
    assert pool.pop_oldest() is None


def test_who_is_out_is_forgotten() -> None:
    """Millions of connections come and go in the years of one process."""

    class Connection:
        pass

    pool: PendingPool[Connection] = PendingPool()
    gone = []
    for out in (pool.leave, lambda _: pool.pop_oldest()):
        connection = Connection()
        pool.enter(connection, "10.0.0.1")
        pool.hear(connection)
        out(connection)
        gone.append(weakref.ref(connection))
        del connection
    assert [reference() for reference in gone] == [None, None]
