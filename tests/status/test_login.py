"""The password, the cookie that stands for it, and the pace of guesses."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.passwords import hash_password, is_password
from recorder.status.login import (
    COOKIE_S,
    FAILED_S,
    MOST_FROM_ONE,
    MOST_WAITING,
    REMEMBER_S,
    BusyError,
    Login,
)

if TYPE_CHECKING:
    from trio.testing import MockClock

PASSWORD = "correct horse"
HASHED = hash_password(PASSWORD, b"0123456789abcdef")
OTHER = hash_password("other", b"0123456789abcdef")
KEY = b"k" * 32


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_password_is_known_by_its_hash_only() -> None:
    assert is_password(PASSWORD, HASHED)
    assert not is_password(PASSWORD + " ", HASHED)
    assert PASSWORD not in HASHED
    assert hash_password(PASSWORD, b"another salt 012") != HASHED
    with pytest.raises(ValueError, match="not a hash"):
        is_password(PASSWORD, "scrypt$99$8$1$x$y")


async def test_a_cookie_stands_for_the_password_until_it_is_old() -> None:
    clock = Clock()
    login = Login(HASHED, KEY, clock)
    cookie = login.cookie(is_tls=True)
    assert cookie.endswith("HttpOnly; SameSite=Strict; Secure")
    assert "Secure" not in login.cookie(is_tls=False)
    headers = {"cookie": f"a=b; {cookie.partition(';')[0]}"}
    assert login.is_cookie(headers)
    clock.now += COOKIE_S - 1
    assert login.is_cookie(headers)
    clock.now += 1
    assert not login.is_cookie(headers)


@pytest.mark.parametrize(("hashed", "key"), [(OTHER, KEY), (HASHED, b"x" * 32), (None, KEY)])
async def test_a_cookie_is_void_when_the_password_or_the_key_changes(
    hashed: str | None, key: bytes
) -> None:
    clock = Clock()
    headers = {"cookie": Login(HASHED, KEY, clock).cookie(is_tls=False).partition(";")[0]}
    assert not Login(hashed, key, clock).is_cookie(headers)


async def test_a_cookie_that_was_touched_is_none() -> None:
    login = Login(HASHED, KEY, Clock())
    value = login.cookie(is_tls=False).partition(";")[0]
    name = value.partition("=")[0]
    touched = [value[:-1], value.replace("=", "=9"), value.replace(".", ""), f"x{value}", name]
    for cookie in [*touched, f"{name}=", "", f"{name}=\xff.\xff", "=;;,"]:
        assert not login.is_cookie({"cookie": cookie})


@pytest.mark.parametrize(
    "foreign",
    ['a={"x":1}', "a=b c", "a=\xfcml\xe4ut", 'a="b', "a", "=", "", "a=b, c=d", "a[0]=1", "$Path=/",
     "recorder=1.2"],
)  # fmt: skip
async def test_a_cookie_of_somebody_else_takes_nothing_from_ours(foreign: str) -> None:
    login = Login(HASHED, KEY, Clock())
    ours = login.cookie(is_tls=False).partition(";")[0]
    for cookies in (f"{foreign}; {ours}", f"{ours}; {foreign}", f"{foreign};{ours} ;{foreign}"):
        assert login.is_cookie({"cookie": cookies})


async def test_of_two_cookies_of_ours_the_good_one_counts() -> None:
    login = Login(HASHED, KEY, Clock())
    ours = login.cookie(is_tls=False).partition(";")[0]
    stale = ours.partition("=")[0] + "=1.2"
    assert login.is_cookie({"cookie": f"{stale}; {ours}"})
    assert login.is_cookie({"cookie": f"{ours}; {stale}"})


async def test_two_recorders_on_one_host_name_do_not_log_each_other_out() -> None:
    # A browser keeps one cookie of each name, and sends all of a host to each of its ports.
    jar: dict[str, str] = {}
    logins = [Login(HASHED, key, Clock()) for key in (KEY, b"x" * 32)]
    for login in logins:
        name, _, value = login.cookie(is_tls=False).partition(";")[0].partition("=")
        jar[name] = value
    headers = {"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
    assert [login.is_cookie(headers) for login in logins] == [True, True]


def test_the_cookie_keeps_its_name_when_the_password_changes() -> None:
    login = Login(HASHED, KEY, Clock())
    name = login.cookie(is_tls=False).partition("=")[0]
    login.follow(OTHER)
    assert login.no_cookie(is_tls=False).startswith(f"{name}=; Path=/; Max-Age=0;")
    assert re.fullmatch("recorder-[0-9a-f]{8}", name)


async def test_basic_is_known_whatever_the_user_is_called() -> None:
    login = Login(HASHED, KEY, Clock())
    assert await login.is_basic(basic(f"x:{PASSWORD}"), "10.0.0.1")
    for header in ("Basic !", "Bearer x", basic("no colon"), "Basic " + "//8=", basic("x:wrong")):
        assert not await login.is_basic(header, "10.0.0.1")
    assert login.failed == 1


async def test_a_right_header_is_remembered_for_five_minutes(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    asked: list[str] = []

    def is_password(password: str, _hashed: str) -> bool:
        asked.append(password)
        return True

    monkeypatch.setattr("recorder.status.login.is_password", is_password)
    login = Login(HASHED, KEY, Clock())
    for _ in range(3):
        assert await login.is_basic(basic("x:a"), "10.0.0.1")
    assert asked == ["a"]
    await trio.sleep(REMEMBER_S + 1)
    assert await login.is_basic(basic("x:a"), "10.0.0.1")
    assert asked == ["a", "a"]
    for number in range(200):
        assert await login.is_basic(basic(f"x:{number}"), "10.0.0.1")
    assert len(login._verified) <= 64


async def test_of_a_crowd_of_guesses_few_wait_and_the_rest_is_sent_away() -> None:
    login = Login(HASHED, KEY, Clock())
    outcomes: list[object] = []

    async def guess(number: int) -> None:
        try:
            address = f"10.0.{number >> 8}.{number & 255}"
            outcomes.append(await login.is_right(f"guess {number}", address))
        except BusyError as error:
            outcomes.append(error)

    async with trio.open_nursery() as nursery:
        for number in range(1000):
            nursery.start_soon(guess, number)
    wrong = [each for each in outcomes if each is False]
    assert len(wrong) == MOST_WAITING + 1
    assert len(outcomes) == 1000
    assert login.failed == MOST_WAITING + 1


@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8::{:x}"])
async def test_who_guesses_from_one_address_keeps_nobody_else_out(address: str) -> None:
    login = Login(HASHED, KEY, Clock())
    sent_away: list[int] = []

    async def guess(number: int) -> None:
        try:
            assert not await login.is_right(f"guess {number}", address.format(number))
        except BusyError:
            sent_away.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(1000):
            nursery.start_soon(guess, number)
        await trio.testing.wait_all_tasks_blocked()
        assert len(sent_away) == 1000 - MOST_FROM_ONE
        assert await login.is_right(PASSWORD, "10.0.0.2")
    # And may try again.
    assert await login.is_right(PASSWORD, address.format(1))


async def test_however_many_addresses_a_guesser_has_in_his_network_he_is_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    login = Login(HASHED, KEY, Clock())
    for address in ("2001:db8::1", "2001:db8::2", "10.0.0.1"):
        assert not await login.is_right("wrong", address)
    first, second, other = [vars(each)["same"] for each in caplog.records]
    assert first == second != other


async def test_a_password_that_is_no_text_is_a_wrong_one() -> None:
    login = Login(HASHED, KEY, Clock())
    assert not await login.is_right(json.loads('"\\ud800"'), "10.0.0.1")
    assert login.failed == 1


async def test_failed_logins_are_forgotten(mock_clock: MockClock) -> None:
    login = Login(HASHED, KEY, Clock())
    assert not await login.is_right("wrong", "10.0.0.1")
    assert login.failed == 1
    mock_clock.jump(FAILED_S + 1)
    assert login.failed == 0


async def test_without_a_password_none_is_right_and_an_endless_one_is_not_computed() -> None:
    login = Login(None, KEY, Clock())
    assert not login.has_password
    assert not await login.is_right("", "10.0.0.1")
    assert not await Login(HASHED, KEY, Clock()).is_right("x" * 100_000, "10.0.0.1")


async def test_another_password_makes_every_cookie_and_every_remembered_header_void() -> None:
    login = Login(HASHED, KEY, Clock())
    cookie = {"cookie": login.cookie(is_tls=False).partition(";")[0]}
    assert await login.is_basic(basic(f"ada:{PASSWORD}"), "10.0.0.1")
    assert not login.follow(HASHED)
    assert login.is_cookie(cookie)
    assert login.follow(OTHER)
    assert not login.is_cookie(cookie)
    assert not await login.is_basic(basic(f"ada:{PASSWORD}"), "10.0.0.1")
    assert await login.is_right("other", "10.0.0.1")
    assert login.follow(None)
    assert not login.has_password
    assert not login.is_cookie(cookie)


async def test_a_password_that_was_changed_while_it_was_tried_is_not_right_any_more() -> None:
    login = Login(HASHED, KEY, Clock())
    answers: list[bool] = []

    async def log_in() -> None:
        answers.append(await login.is_right(PASSWORD, "10.0.0.1"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(log_in)
        # It waits for its thread now, which takes longer than that.
        await trio.testing.wait_all_tasks_blocked()
        login.follow(OTHER)
    assert answers == [False]
