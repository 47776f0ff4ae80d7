"""Logins: what a connect says of one, and the texts that real clients search for words."""

from __future__ import annotations

import re

import pytest

from recorder.rtmp import (
    Login,
    LoginMethod,
    challenge,
    expected_response,
    invitation,
    login_failed,
    read_login,
)
from recorder.rtmp.login import DESCRIPTION_CHARS
from tests.helpers.logins import Account

TOKEN = "AAAB_abcdefghijklmnopqrstuvwx-12"
SALT = "0123abcd"
ADOBE, LIMELIGHT = LoginMethod.ADOBE, LoginMethod.LIMELIGHT

ANSWER = "authmod=adobe&user=room101&challenge=0badcafe&response=ab/c+d==&opaque=x-_y"


@pytest.mark.parametrize("app", ["live", "", "live?key=K", "live?authmod=digest&user=a", "?", "?="])
def test_a_plain_connect_says_nothing_of_a_login(app: str) -> None:
    assert read_login(app, f"rtmp://h/{app}") is None


@pytest.mark.parametrize(
    ("app", "tc_url"),
    [
        ("live?authmod=adobe&user=room101", "rtmp://h/live?authmod=adobe&user=room101"),
        ("live?authmod=adobe&user=room101", "rtmp://h/live"),
        ("live", "rtmp://h/live?authmod=adobe&user=room101"),
        # a query of the user's own: ffmpeg and librtmp begin a second one, RootEncoder goes on
        ("live?a=b?authmod=adobe&user=room101", ""),
        ("live?a=b&authmod=adobe&user=room101", ""),
        ("live?authmod=llnw&authmod=adobe&user=x&user=room101", ""),
    ],
)
def test_a_client_says_who_it_is(app: str, tc_url: str) -> None:
    assert read_login(app, tc_url) == Login(method=ADOBE, user="room101", path="live")


def test_a_client_answers_adobes_challenge() -> None:
    # As ffmpeg writes it: in base64, with = and / and +, and nothing is encoded.
    assert read_login(f"live/a?{ANSWER}", "") == Login(
        method=ADOBE,
        user="room101",
        path="live/a",
        challenge="x-_y",
        nonce="0badcafe",
        response="ab/c+d==",
    )


def test_a_client_answers_limelights_challenge() -> None:
    app = "live?authmod=llnw&user=u&nonce=N&cnonce=0badcafe&nc=00000001&response=00ff"
    assert read_login(app, "") == Login(
        method=LIMELIGHT,
        user="u",
        path="live",
        challenge="N",
        nonce="0badcafe",
        count="00000001",
        response="00ff",
    )


def test_the_second_answer_of_librtmp_counts_which_it_appends_to_the_first() -> None:
    app = f"live?{ANSWER}&challenge=11111111&response=second&opaque=z"
    login = read_login(app, "")
    assert login is not None
    assert (login.challenge, login.nonce, login.response) == ("z", "11111111", "second")


def test_what_identifies_stands_in_no_repr() -> None:
    assert "room101" not in repr(read_login(f"room101?{ANSWER}", ""))
    assert "ab/c" not in repr(read_login(f"live?{ANSWER}", ""))


@pytest.mark.parametrize("method", LoginMethod)
@pytest.mark.parametrize("app", ["login", "login/a"])
def test_the_three_rounds_as_a_client_goes_them(method: LoginMethod, app: str) -> None:
    account = Account("room101", "the-key")
    query = account.next_query(invitation(method, "Use the other server."))
    asking = read_login(app + query, "")
    assert asking == Login(method=method, user="room101", path=app)
    answer = account.next_query(challenge(asking, TOKEN, SALT), app)
    answering = read_login(app + answer, "")
    assert answering is not None
    assert answering.challenge == TOKEN
    assert answering.response == expected_response(answering, "the-key", SALT)
    assert answering.response != expected_response(answering, "another-key", SALT)
    with pytest.raises(PermissionError, match="Incorrect username/password"):
        account.next_query(login_failed(method))


@pytest.mark.parametrize(
    ("app", "salt"),
    [
        (
            (
                "login?authmod=adobe&user=room101&challenge=acf0b518&response=btEXnLAJttheQCCjrrpFCQ=="
                "&opaque=AAAAAAYjJl3utHzwt7xRgZt-VWEWwNkj"
            ),
            "286e45b5",
        ),
        (
            (
                "llnw?authmod=llnw&user=room101&nonce=AAAAAAYjKUVc84hFk4pPD2oVGhEqX7rk&cnonce=34d2eb8e"
                "&nc=00000001&response=c21788bde8397d61981bf543fa724f0a"
            ),
            "",
        ),
    ],
)
def test_responses_as_ffmpeg_sent_them(app: str, salt: str) -> None:
    # ffmpeg 5.1 against a running recorder, with the right password.
    login = read_login(app, "")
    assert login is not None
    assert expected_response(login, "key-of-room101-0123456789", salt) == login.response


def test_a_salt_matters_to_adobe_only() -> None:
    for method in LoginMethod:
        login = Login(method=method, user="u", path="a", challenge="c", nonce="n", count="1")
        is_same = expected_response(login, "p", "s") == expected_response(login, "p", "t")
        assert is_same == (method is LIMELIGHT)


@pytest.mark.parametrize("method", LoginMethod)
def test_a_challenge_is_short_enough_for_ffmpeg_with_the_longest_name(method: LoginMethod) -> None:
    login = Login(method=method, user="x" * 64, path="live")
    assert len(challenge(login, TOKEN, SALT)) <= DESCRIPTION_CHARS


@pytest.mark.parametrize("method", LoginMethod)
def test_gstreamer_finds_the_query_at_the_end(method: LoginMethod) -> None:
    login = Login(method=method, user="room101", path="live")
    for text in (challenge(login, TOKEN, SALT), login_failed(method)):
        found = re.search(r"authmod=(?P<authmod>.*?) *\] *: *(?P<query>\?.*)\Z", text)
        assert found is not None
        assert found["authmod"] == method.value
        assert re.fullmatch(r"\?[A-Za-z0-9_=&-]*", found["query"])


def test_an_invitation_ends_with_words_for_those_who_have_no_user_name() -> None:
    assert invitation(ADOBE, "Use live.").endswith("authmod=adobe ] : Use live.")
    assert "?reason" not in invitation(ADOBE, "Use live.")
