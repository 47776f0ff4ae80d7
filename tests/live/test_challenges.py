"""Challenges: made, recognised, good for one login, and none remembered before that."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.live.challenges import GOOD_FOR_S, MOST_SPENT, RANDOM_BYTES, Challenges, Standing

KEY = bytes(range(32))
_NUMBERS = itertools.count()


def random() -> bytes:
    return next(_NUMBERS).to_bytes(RANDOM_BYTES)


def test_a_challenge_is_good_for_a_minute() -> None:
    challenges = Challenges(KEY)
    token = challenges.issue(100.0, random())
    assert challenges.standing(token, 100.0) is Standing.GOOD
    assert challenges.standing(token, 99.9 + GOOD_FOR_S) is Standing.GOOD
    assert challenges.standing(token, 100.0 + GOOD_FOR_S) is Standing.EXPIRED


def test_one_of_the_first_moment_is_good() -> None:
    challenges = Challenges(KEY)
    assert challenges.standing(challenges.issue(0, random()), 0) is Standing.GOOD


def test_it_is_good_for_one_login() -> None:
    challenges = Challenges(KEY)
    token, other = challenges.issue(5, random()), challenges.issue(50, random())
    challenges.spend(token, 6)
    assert challenges.standing(token, 6) is Standing.SPENT
    assert challenges.standing(other, 51) is Standing.GOOD
    challenges.spend(other, 70)
    assert challenges.remembered == 1
    assert challenges.standing(token, 70) is Standing.EXPIRED


def test_what_is_given_out_takes_no_memory() -> None:
    challenges = Challenges(KEY)
    for _ in range(10_000):
        challenges.issue(1, random())
    assert challenges.remembered == 0


def test_when_too_many_have_logged_in_the_old_ones_are_too_old_and_none_is_good_twice() -> None:
    challenges = Challenges(KEY)
    tokens = [challenges.issue(number / 1000, random()) for number in range(MOST_SPENT + 10)]
    late = challenges.issue(0, random())
    for token in tokens:
        challenges.spend(token, 2)
    assert challenges.remembered == MOST_SPENT
    assert all(challenges.standing(token, 2) is not Standing.GOOD for token in tokens)
    assert challenges.standing(late, 2) is Standing.EXPIRED
    assert challenges.standing(challenges.issue(2, random()), 2) is Standing.GOOD


def test_one_of_another_process_is_none_of_ours() -> None:
    token = Challenges(bytes(32)).issue(5, random())
    assert Challenges(KEY).standing(token, 5) is Standing.FOREIGN


@given(st.data())
def test_a_changed_one_is_none_of_ours(data: st.DataObject) -> None:
    challenges = Challenges(KEY)
    token = challenges.issue(5, random())
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != token[at]))
    changed = token[:at] + letter + token[at + 1 :]
    assert challenges.standing(changed, 5) is Standing.FOREIGN


@given(st.text())
def test_whatever_comes_is_none_of_ours(text: str) -> None:
    assert Challenges(KEY).standing(text, 5) is Standing.FOREIGN


@pytest.mark.parametrize("ending", ["=", "==", " ", "A", "\n", "!"])
def test_there_is_one_text_for_each(ending: str) -> None:
    challenges = Challenges(KEY)
    token = challenges.issue(5, random())
    assert challenges.standing(token + ending, 5) is Standing.FOREIGN


def test_clients_can_take_it_as_it_is() -> None:
    challenges = Challenges(KEY)
    for now_s in (0.0, 1e9):
        token = challenges.issue(now_s, random())
        assert re.fullmatch(r"[A-Za-z0-9_-]{32}", token)
        assert re.fullmatch(r"[0-9a-f]{8}", challenges.salt_of(token))


def test_each_has_a_salt_of_its_own_that_only_we_know() -> None:
    challenges = Challenges(KEY)
    tokens = [challenges.issue(5, random()) for _ in range(20)]
    assert len({challenges.salt_of(token) for token in tokens}) == 20
    assert Challenges(bytes(32)).salt_of(tokens[0]) != challenges.salt_of(tokens[0])
