"""The door of the page: every request from the network passes here before it is answered.

Owns the order: is it for us (`doors`), who asks (`login`), then what is asked (`operations`). Login
and logout are answered here, because they change who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.status.doors import is_loopback
from recorder.status.login import BusyError
from recorder.status.messages import Answer, BadRequestError, Level, Request, only

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.status.doors import Doors
    from recorder.status.login import Login

OPERATOR = "operator"
"""Whom files and logs name: everybody has the same password."""


@attrs.frozen(kw_only=True)
class Peer:
    """Attributes:
    address: where it comes from; `local` the address of ours that it came to.
    on_level: told as whom each of its requests is answered.
    """

    address: str
    local: str
    is_tls: bool
    on_level: Callable[[Level], None] = lambda _: None


@attrs.define(kw_only=True)
class Site:
    """What is not the answer itself may be exchanged; the next request has the new one.

    Attributes:
    is_public: everybody may look.
    answer: to who may ask.
    """

    doors: Doors
    login: Login
    is_public: bool
    answer: Callable[[Request], Awaitable[Answer]]

    async def receive(self, request: Request, peer: Peer) -> Answer:
        """The answer to a request from the network."""
        refusal = self.doors.refuse(
            request.method, request.headers, local_host=peer.local, is_tls=peer.is_tls
        )
        if refusal is not None:
            return refusal
        try:
            if request.path == "/api/v1/login":
                return await self._login(request, peer)
            level = await self._level(request, peer)
            peer.on_level(level)
        except BusyError:
            busy = Answer.error(429, "Too many logins at once; wait a moment.")
            return _with(busy, "Retry-After", "2")
        except BadRequestError as error:
            return Answer.error(400, str(error))
        if request.path == "/api/v1/logout":
            return self._logout(request, peer)
        if request.path == "/api/v1/session":
            return self._session(request, level)
        answer = await self.answer(attrs.evolve(request, who=OPERATOR, level=level))
        if answer.status == 401 and "authorization" in request.headers:
            return _with(answer, "WWW-Authenticate", 'Basic realm="recorder", charset="UTF-8"')
        return answer

    async def _level(self, request: Request, peer: Peer) -> Level:
        others = Level.READER if self.is_public else Level.NOBODY
        if not self.login.has_password:
            return Level.OPERATOR if is_loopback(peer.address, request.headers) else others
        basic = request.headers.get("authorization")
        if basic is not None:
            is_known = await self.login.is_basic(basic, peer.address)
        else:
            is_known = self.login.is_cookie(request.headers)
        return Level.OPERATOR if is_known else others

    def _logout(self, request: Request, peer: Peer) -> Answer:
        if request.method != "POST":
            return only("POST")
        peer.on_level(Level.NOBODY)
        cookie = self.login.no_cookie(is_tls=peer.is_tls)
        return _with(Answer.of({"level": "nobody"}), "Set-Cookie", cookie)

    def _session(self, request: Request, level: Level) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return only("GET")
        has_password = self.login.has_password
        return Answer.of({"level": level.name.lower(), "has_password": has_password})

    async def _login(self, request: Request, peer: Peer) -> Answer:
        if request.method != "POST":
            return only("POST")
        password = request.fields().get("password")
        if not isinstance(password, str):
            raise BadRequestError("`password` must be text.")
        if not await self.login.is_right(password, peer.address):
            return Answer.error(401, "The password is wrong.")
        peer.on_level(Level.OPERATOR)
        cookie = self.login.cookie(is_tls=peer.is_tls)
        return _with(Answer.of({"level": "operator"}), "Set-Cookie", cookie)


def _with(answer: Answer, name: str, value: str) -> Answer:
    return attrs.evolve(answer, headers=(*answer.headers, (name, value)))
