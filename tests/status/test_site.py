"""The door of the page: host, login and level, before anything is answered."""

from __future__ import annotations

import base64
import json

import attrs
import pytest

from recorder.passwords import hash_password
from recorder.status.doors import Doors
from recorder.status.login import Login
from recorder.status.messages import Answer, Level, Request
from recorder.status.site import Peer, Site

PASSWORD = "correct horse"
HASHED = hash_password(PASSWORD, b"0123456789abcdef")
HERE = Peer(address="127.0.0.1", local="127.0.0.1", is_tls=False)
AWAY = Peer(address="10.0.0.9", local="10.0.0.5", is_tls=False)
BASIC = "Basic " + base64.b64encode(f"x:{PASSWORD}".encode()).decode()
HOST = {"host": "10.0.0.5"}
SAME = HOST | {"origin": "http://10.0.0.5"}


@attrs.define
class Stage:
    """A site whose answers say the level of who asks."""

    hashed: str | None = None
    is_public: bool = False
    site: Site = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        async def answer(request: Request) -> Answer:
            if request.level is Level.NOBODY:
                return Answer.error(401, "Log in first.")
            return Answer.of({"level": request.level.name, "who": request.who})

        self.site = Site(
            doors=Doors(hosts=frozenset({"10.0.0.5"}), names=frozenset()),
            login=Login(self.hashed, b"k" * 32, lambda: 1_800_000_000.0),
            is_public=self.is_public,
            answer=answer,
        )

    async def ask(
        self,
        path: str = "/api/v1/status",
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: object = None,
        peer: Peer = AWAY,
    ) -> Answer:
        request = Request(
            method=method,
            path=path,
            headers=HOST if headers is None else headers,
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return await self.site.receive(request, peer)


def level(answer: Answer) -> object:
    return json.loads(answer.body).get("level")


@pytest.mark.parametrize(
    ("hashed", "is_public", "headers", "peer", "expected"),
    [
        (None, False, HOST, HERE, "OPERATOR"),
        (None, False, HOST | {"x-forwarded-for": "1.2.3.4"}, HERE, None),
        (None, False, HOST, AWAY, None),
        (None, True, HOST, AWAY, "READER"),
        (None, True, HOST, HERE, "OPERATOR"),
        (HASHED, False, HOST, HERE, None),
        (HASHED, False, HOST, AWAY, None),
        (HASHED, True, HOST, AWAY, "READER"),
        (HASHED, False, HOST | {"authorization": BASIC}, AWAY, "OPERATOR"),
        (HASHED, True, HOST | {"authorization": BASIC}, AWAY, "OPERATOR"),
        (HASHED, False, HOST | {"authorization": "Basic eDp5"}, AWAY, None),
        (HASHED, True, HOST | {"authorization": "Basic eDp5"}, AWAY, "READER"),
    ],
)
async def test_who_asks_may_what(
    hashed: str | None, is_public: bool, headers: dict[str, str], peer: Peer, expected: str | None
) -> None:
    answer = await Stage(hashed, is_public).ask(headers=headers, peer=peer)
    assert level(answer) == expected
    assert answer.status == (401 if expected is None else 200)


async def test_as_whom_somebody_is_answered_is_told_with_every_request() -> None:
    told: list[Level] = []
    peer = attrs.evolve(AWAY, on_level=told.append)
    stage = Stage(HASHED)
    await stage.ask(peer=peer)
    await stage.ask(headers=HOST | {"host": "elsewhere"}, peer=peer)
    login = await stage.ask(
        "/api/v1/login", method="POST", headers=SAME, body={"password": PASSWORD}, peer=peer
    )
    cookie = dict(login.headers)["Set-Cookie"].partition(";")[0]
    await stage.ask(headers=HOST | {"cookie": cookie}, peer=peer)
    await stage.ask("/api/v1/logout", method="POST", headers=SAME | {"cookie": cookie}, peer=peer)
    # Whose request is not for us is nobody whom we know anew.
    assert told == [Level.NOBODY, Level.OPERATOR, Level.OPERATOR, Level.OPERATOR, Level.NOBODY]
    stage.site.is_public = True
    await stage.ask(peer=peer)
    assert told[-1] is Level.READER


async def test_a_login_gives_a_cookie_and_a_logout_takes_it() -> None:
    stage = Stage(HASHED)
    session = await stage.ask("/api/v1/session")
    assert json.loads(session.body) == {"level": "nobody", "has_password": True}
    answer = await stage.ask(
        "/api/v1/login", method="POST", headers=SAME, body={"password": PASSWORD}
    )
    assert level(answer) == "operator"
    cookie = dict(answer.headers)["Set-Cookie"].partition(";")[0]
    assert level(await stage.ask(headers=HOST | {"cookie": cookie})) == "OPERATOR"
    out = await stage.ask("/api/v1/logout", method="POST", headers=SAME | {"cookie": cookie})
    name = cookie.partition("=")[0]
    assert dict(out.headers)["Set-Cookie"].startswith(f"{name}=; Path=/; Max-Age=0;")


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [("POST", {"password": "wrong"}, 401), ("POST", {"password": 5}, 400), ("POST", {}, 400),
     ("POST", [], 400), ("GET", None, 405)],
)  # fmt: skip
async def test_a_login_that_is_none(method: str, body: object, status: int) -> None:
    stage = Stage(HASHED)
    answer = await stage.ask("/api/v1/login", method=method, headers=SAME, body=body)
    assert answer.status == status
    assert "Set-Cookie" not in dict(answer.headers)


@pytest.mark.parametrize(
    ("path", "method", "status", "allowed"),
    [
        ("session", "HEAD", 200, None),
        ("session", "POST", 405, "GET, HEAD"),
        ("logout", "GET", 405, "POST"),
        ("login", "DELETE", 405, "POST"),
    ],
)
async def test_who_changes_who_asks_is_asked_by_its_methods_only(
    path: str, method: str, status: int, allowed: str | None
) -> None:
    answer = await Stage(HASHED).ask(f"/api/v1/{path}", method=method, headers=SAME)
    assert (answer.status, dict(answer.headers).get("Allow")) == (status, allowed)
    assert "Set-Cookie" not in dict(answer.headers)


async def test_a_login_from_a_foreign_page_is_not_even_tried() -> None:
    stage = Stage(HASHED)
    foreign = HOST | {"origin": "http://evil.example"}
    answer = await stage.ask(
        "/api/v1/login", method="POST", headers=foreign, body={"password": PASSWORD}
    )
    assert answer.status == 403
    assert stage.site.login.failed == 0


async def test_a_program_with_a_wrong_password_is_told_how_to_ask() -> None:
    answer = await Stage(HASHED).ask(headers=HOST | {"authorization": "Basic eDp5"})
    assert dict(answer.headers)["WWW-Authenticate"].startswith("Basic realm=")
    # A browser that has sent none shows our dialog, not its own.
    assert "WWW-Authenticate" not in dict((await Stage(HASHED).ask()).headers)


async def test_too_many_logins_at_once_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.status.login.MOST_WAITING", 0)
    answer = await Stage(HASHED).ask(
        "/api/v1/login", method="POST", headers=SAME, body={"password": "x"}
    )
    assert answer.status == 429
    assert dict(answer.headers)["Retry-After"] == "2"
