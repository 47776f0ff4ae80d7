"""The login desk: who comes in by user name and password, and what the others hear."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs
import pytest

from recorder.live.access import Access, Admitted, LoggedIn, Refused
from recorder.live.challenges import GOOD_FOR_S, MOST_SPENT, Challenges
from recorder.live.login_desk import Challenged, LoginDesk, NotLoggedIn
from recorder.rtmp import LoginMethod, read_login
from tests.helpers.logins import Account

if TYPE_CHECKING:
    from recorder.live.access import Network
    from recorder.rtmp import Login

KEY, ANY = "Key-of_room-101", "Key-of-any-room"


@attrs.frozen
class RoomStub:
    key: str
    allow: tuple[Network, ...] = ()


def access(key: str = KEY, any_key: str | None = ANY) -> Access:
    return Access(
        {"room101": RoomStub(key), "Aula": RoomStub("Key-of-the-aula")},
        None if any_key is None else RoomStub(any_key),
        "live",
    )


def desk() -> LoginDesk:
    numbers = itertools.count()
    return LoginDesk(Challenges(bytes(32)), lambda size: next(numbers).to_bytes(size))


def said(query: str, app: str = "live") -> Login:
    login = read_login(app + query, "")
    assert login is not None
    return login


def answer_of(
    at: LoginDesk, account: Account, method: LoginMethod = LoginMethod.ADOBE, now_s: float = 0
) -> Login:
    """Ask for a challenge, and answer it."""
    asking = said(f"?authmod={method.value}&user={account.user}")
    challenged = at.decide(access(), asking, now_s)
    assert isinstance(challenged, Challenged)
    return said(account.next_query(challenged.description, "live"))


@pytest.mark.parametrize("method", LoginMethod)
@pytest.mark.parametrize(
    ("user", "password"), [("room101", KEY), ("Aula", "Key-of-the-aula"), ("garden", ANY)]
)
def test_the_room_and_its_key_log_in(method: LoginMethod, user: str, password: str) -> None:
    at = desk()
    answer = at.decide(access(), answer_of(at, Account(user, password), method), 1)
    assert isinstance(answer, LoggedIn)
    assert answer.room == user
    assert access().confirm(answer) == Admitted(user)


WRONG = [
    ("room101", "wrong", "room101"),
    ("room101", "", "room101"),
    ("room101", "Key-of-the-aula", "room101"),
    ("room101", ANY, "room101"),
    ("Room101", KEY, None),
    ("Room101", ANY, None),
    ("garden", KEY, None),
    ("garden", "", None),
    # a key is no room's name, whoever typed it there
    (KEY, ANY, None),
    (ANY, ANY, None),
]


@pytest.mark.parametrize("method", LoginMethod)
@pytest.mark.parametrize(("user", "password", "named"), WRONG)
def test_everybody_else_hears_the_same(
    method: LoginMethod, user: str, password: str, named: str | None
) -> None:
    at = desk()
    answer = at.decide(access(), answer_of(at, Account(user, password), method), 1)
    words = f"[ AccessManager.Reject ] : [ authmod={method.value} ] : ?reason=authfailed"
    assert answer == NotLoggedIn(words, "wrong user name or password", named)


@pytest.mark.parametrize("user", ["", "a b", "x" * 65, "a/b", "ä", "*"])
def test_a_name_that_no_room_can_have_gets_no_challenge(user: str) -> None:
    answer = desk().decide(access(), said(f"?authmod=adobe&user={user}"), 0)
    assert isinstance(answer, NotLoggedIn)
    assert answer.reason == "wrong user name or password"


@pytest.mark.parametrize("method", LoginMethod)
@pytest.mark.parametrize("password", [ANY, KEY, ""])
def test_without_a_room_for_all_only_configured_rooms_log_in(
    method: LoginMethod, password: str
) -> None:
    # The empty one is what an unknown user's answer is compared with.
    at = desk()
    answer = at.decide(access(any_key=None), answer_of(at, Account("garden", password), method), 1)
    assert isinstance(answer, NotLoggedIn)
    assert answer.reason == "wrong user name or password"


@pytest.mark.parametrize("method", LoginMethod)
def test_a_replay_is_refused(method: LoginMethod) -> None:
    at = desk()
    login = answer_of(at, Account("room101", KEY), method)
    assert isinstance(at.decide(access(), login, 1), LoggedIn)
    answer = at.decide(access(), login, 2)
    assert isinstance(answer, NotLoggedIn)
    assert answer.reason == "a login that was used before"
    assert answer.room == "room101"


def test_an_answer_that_comes_late_is_refused() -> None:
    at = desk()
    answer = at.decide(access(), answer_of(at, Account("room101", KEY), now_s=5), 5 + GOOD_FOR_S)
    assert isinstance(answer, NotLoggedIn)
    assert answer.reason == "a login with a challenge older than 60 s"


def test_an_answer_to_the_challenge_of_another_start_is_refused() -> None:
    login = answer_of(LoginDesk(Challenges(b"x" * 32), bytes), Account("room101", KEY))
    answer = desk().decide(access(), login, 1)
    assert isinstance(answer, NotLoggedIn)
    assert "not ours" in answer.reason


def test_a_challenge_of_the_clients_own_making_is_refused() -> None:
    account = Account("room101", KEY)
    query = account.answer("adobe", {"user": "room101", "salt": "s", "challenge": "c"})
    assert isinstance(desk().decide(access(), said(query), 1), NotLoggedIn)


def test_an_answer_under_another_name_is_refused() -> None:
    at = desk()
    login = answer_of(at, Account("room101", KEY))
    assert isinstance(at.decide(access(), attrs.evolve(login, user="Aula"), 1), NotLoggedIn)


def test_a_wrong_answer_leaves_the_challenge_to_the_right_one() -> None:
    at = desk()
    login = answer_of(at, Account("room101", KEY))
    assert isinstance(at.decide(access(), attrs.evolve(login, response="x"), 1), NotLoggedIn)
    assert isinstance(at.decide(access(), login, 1), LoggedIn)


def test_who_logged_in_with_a_key_that_has_changed_since_is_refused() -> None:
    at = desk()
    login = at.decide(access(), answer_of(at, Account("room101", KEY)), 1)
    assert isinstance(login, LoggedIn)
    assert access(key="new").confirm(login) == Refused("unknown room or wrong key")
    assert Access({}, None, "live").confirm(login) == Refused("unknown room or wrong key")


def test_ten_thousand_wrong_logins_are_remembered_nowhere() -> None:
    at, rooms = desk(), access()
    honest = answer_of(at, Account("room101", KEY))
    wrong = answer_of(at, Account("room101", "wrong"))
    for number in range(10_000):
        guess = attrs.evolve(wrong, nonce=str(number))
        assert isinstance(at.decide(rooms, guess, 1), NotLoggedIn)
    assert at.challenges.remembered == 0
    assert isinstance(at.decide(rooms, honest, 1), LoggedIn)


def test_unknown_user_and_wrong_password_cost_the_same_comparisons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at, rooms = desk(), access()
    logins = [answer_of(at, Account(user, "wrong")) for user in ("room101", "Aula", "nobody")]
    compared: list[tuple[int, int]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr("hmac.compare_digest", compare)
    counts = []
    for login in logins:
        compared.clear()
        at.decide(rooms, login, 1)
        counts.append(list(compared))
    assert counts[0] == counts[1] == counts[2]


def test_what_is_secret_stands_in_no_repr() -> None:
    at, rooms = desk(), access()
    login = at.decide(rooms, answer_of(at, Account("room101", KEY)), 1)
    for each in (login, rooms, rooms._rooms, at):
        assert KEY not in repr(each)
    assert MOST_SPENT < 10_000, "or the test above shows nothing"
