"""What may be asked of a running recorder: paths and methods onto the actions that `app` hands in.

Owns the addresses of design §9, what each of them needs to be allowed, and which answer a refusal
becomes. Does nothing itself, and knows no socket: a request in, an answer out.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from recorder.status.messages import Answer, BadRequestError, Level, Request, only

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.status.broadcast import Watcher
    from recorder.status.downloads import Download
    from recorder.status.pages import Pages

LONGEST_REASON: Final = 200
"""Of what a person says why a recording is kept, in characters."""

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_NUMBER, _ROOM = "([1-9][0-9]{0,17})", "([A-Za-z0-9_-]{1,64})"
_FOLDER = r"([A-Za-z0-9_-]{1,64}/[0-9-]{10}/[0-9]{7,19}-[0-9]{6}Z)"
_SEGMENT = rf"/recordings/{_FOLDER}/([0-9]{{4,9}}\.flv)"


class ActionRefusedError(Exception):
    """The recorder does not do it; the text is one sentence for a person.

    Attributes:
        is_missing: what was asked for is not there.
    """

    def __init__(self, sentence: str, *, is_missing: bool = False) -> None:
        super().__init__(sentence)
        self.is_missing = is_missing


class Actions(Protocol):
    """What the recorder does when it is asked. Each gives a document, and raises
    ActionRefusedError."""

    async def keep(self, number: int, *, who: str, why: str) -> dict[str, Any]: ...

    async def unkeep(self, number: int) -> dict[str, Any]: ...

    async def delete(self, number: int) -> dict[str, Any]: ...

    async def plan(self) -> dict[str, Any]: ...

    async def sweep(self) -> dict[str, Any]: ...

    async def confirm(self, plan: str) -> dict[str, Any]: ...

    async def recordings(
        self, *, room: str | None, first: str | None, last: str | None, cursor: int | None
    ) -> dict[str, Any]: ...

    async def download(self, path: str, file: str) -> Download: ...

    def act(self, room: str, action: str, who: str) -> dict[str, Any]: ...

    def status(self) -> bytes: ...

    def history(self, room: str) -> dict[str, Any]: ...

    def alarms(self) -> dict[str, Any]: ...

    def acknowledge(self, alarm: str, who: str) -> dict[str, Any]: ...

    async def metrics(self) -> bytes: ...

    def health(self) -> list[dict[str, Any]]:
        """The alarms that make it ill."""

    def watch(self, *, is_operator: bool) -> Watcher | None:
        """As of `Broadcast.join`."""


@attrs.frozen
class _Route:
    pattern: re.Pattern[str]
    least: Level
    handlers: dict[str, _Handler]


class Operations:
    """Answers requests.

    Args:
        pages: the page; None: there is none at this door.
    """

    def __init__(self, actions: Actions, pages: Pages | None = None) -> None:
        self._actions = actions
        self._pages = pages
        reader, operator = Level.READER, Level.OPERATOR
        self._routes = [
            _route("/api/v1/status", reader, GET=self._status),
            _route("/api/v1/live", reader, GET=self._live),
            _route(f"/api/v1/rooms/{_ROOM}/history", reader, GET=self._history),
            _route(f"/api/v1/rooms/{_ROOM}/(split|stop|start)", operator, POST=self._act),
            _route("/api/v1/recordings", operator, GET=self._recordings),
            _route(f"/api/v1/recordings/{_NUMBER}", operator, DELETE=self._delete),
            _route(f"/api/v1/recordings/{_NUMBER}/keep", operator, POST=self._keep),
            _route(f"/api/v1/recordings/{_NUMBER}/unkeep", operator, POST=self._unkeep),
            _route(_SEGMENT, operator, GET=self._download),
            _route("/api/v1/alarms", reader, GET=self._alarms),
            _route(
                r"/api/v1/alarms/([A-Za-z0-9_.:-]{1,200})/acknowledge",
                operator,
                POST=self._acknowledge,
            ),
            _route("/api/v1/sweep", operator, GET=self._plan, POST=self._sweep),
            _route("/metrics", reader, GET=self._metrics),
            _route("/healthz", Level.NOBODY, GET=self._health),
        ]

    async def answer(self, request: Request) -> Answer:
        """Never raises but for faults of ours and for cancellation."""
        method = "GET" if request.method == "HEAD" else request.method
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match is None:
                continue
            if request.level < route.least:
                return Answer.error(401 if request.level is Level.NOBODY else 403, "Log in first.")
            handler = route.handlers.get(method)
            if handler is None:
                return only(*route.handlers)
            try:
                return await handler(request, *match.groups())
            except BadRequestError as error:
                return Answer.error(400, str(error))
            except ActionRefusedError as error:
                return Answer.error(404 if error.is_missing else 409, str(error))
        page = None if self._pages is None else self._pages.answer(request.path, request.headers)
        if page is None:
            return Answer.error(404, "There is nothing at this address.")
        if method != "GET":
            return only("GET")
        return page

    # What there is to see.

    async def _status(self, _request: Request) -> Answer:
        return Answer(status=200, body=self._actions.status() + b"\n")

    async def _live(self, request: Request) -> Answer:
        _check_upgrade(request)
        watcher = self._actions.watch(is_operator=request.level is Level.OPERATOR)
        if watcher is None:
            return Answer.error(503, "Too many watch already (limits.clients).")
        return Answer(status=101, watcher=watcher)

    async def _history(self, _request: Request, room: str) -> Answer:
        return Answer.of(self._actions.history(room))

    async def _alarms(self, _request: Request) -> Answer:
        return Answer.of(self._actions.alarms())

    async def _metrics(self, _request: Request) -> Answer:
        return Answer(status=200, body=await self._actions.metrics(), content_type=METRICS_TYPE)

    async def _health(self, request: Request) -> Answer:
        alarms = self._actions.health()
        document: dict[str, Any] = {"healthy": not alarms}
        if request.level is not Level.NOBODY:
            document["alarms"] = alarms
        return Answer.of(document, 503 if alarms else 200)

    async def _recordings(self, request: Request) -> Answer:
        fields = request.parameters
        room, cursor = fields.get("room") or None, fields.get("cursor") or None
        if room is not None and re.fullmatch(_ROOM, room) is None:
            raise BadRequestError("`room` must be the name of a room.")
        if cursor is not None and re.fullmatch(_NUMBER, cursor) is None:
            raise BadRequestError("`cursor` must be the one that the page before gave.")
        document = await self._actions.recordings(
            room=room,
            first=_day(fields, "from"),
            last=_day(fields, "to"),
            cursor=None if cursor is None else int(cursor),
        )
        return Answer.of(document)

    async def _download(self, _request: Request, path: str, file: str) -> Answer:
        return Answer(status=200, download=await self._actions.download(path, file))

    # What an operator does.

    async def _act(self, request: Request, room: str, action: str) -> Answer:
        return Answer.of(self._actions.act(room, action, request.who))

    async def _acknowledge(self, request: Request, alarm: str) -> Answer:
        return Answer.of(self._actions.acknowledge(alarm, request.who))

    async def _keep(self, request: Request, number: str) -> Answer:
        why = request.fields().get("why", "")
        if not isinstance(why, str) or len(why) > LONGEST_REASON or not (why + " ").isprintable():
            raise BadRequestError(
                f"`why` must be one line of text, {LONGEST_REASON} characters at most."
            )
        return Answer.of(await self._actions.keep(int(number), who=request.who, why=why))

    async def _unkeep(self, _request: Request, number: str) -> Answer:
        return Answer.of(await self._actions.unkeep(int(number)))

    async def _delete(self, _request: Request, number: str) -> Answer:
        return Answer.of(await self._actions.delete(int(number)))

    async def _plan(self, _request: Request) -> Answer:
        return Answer.of(await self._actions.plan())

    async def _sweep(self, request: Request) -> Answer:
        plan = request.fields().get("confirm")
        if plan is None:
            return Answer.of(await self._actions.sweep())
        if not isinstance(plan, str):
            raise BadRequestError("`confirm` must be the id of a plan.")
        return Answer.of(await self._actions.confirm(plan))


def _route(pattern: str, least: Level, **handlers: _Handler) -> _Route:
    return _Route(re.compile(pattern), least, handlers)


def _day(fields: dict[str, str], name: str) -> str | None:
    day = fields.get(name) or None
    if day is not None and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day) is None:
        raise BadRequestError(f"`{name}` must be a day such as 2026-11-22.")
    return day


def _check_upgrade(request: Request) -> None:
    """RFC 6455 §4.2.1, and nothing that the library behind it would hang on.

    Raises:
        BadRequestError: this opens no WebSocket.
    """
    headers = request.headers
    tokens = [each.strip().lower() for each in headers.get("connection", "").split(",")]
    try:
        key = base64.b64decode(headers.get("sec-websocket-key", ""), validate=True)
    except ValueError:
        key = b""
    is_good = (
        request.method == "GET"
        and "upgrade" in tokens
        and headers.get("upgrade", "").lower() == "websocket"
        and headers.get("sec-websocket-version") == "13"
        and len(key) == 16
        and "content-length" not in headers
        and "transfer-encoding" not in headers
        and all(value.isascii() for value in headers.values())
    )
    if not is_good:
        raise BadRequestError("A WebSocket of version 13 is spoken here.")


if TYPE_CHECKING:
    _Handler = Callable[..., Awaitable[Answer]]
