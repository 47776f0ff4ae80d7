"""One HTTP connection, by h11: requests in, answers out, until somebody has enough.

Owns the limits that a peer meets: how long a request may take to come, how large it may be, how
many there may be on one connection. What a request means is for whoever answers it.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import h11
import trio

from recorder.logs import same
from recorder.status.messages import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

HEAD_BYTES = 16 << 10
BODY_BYTES = 64 << 10
"""No request has more to say: the largest is a sentence."""

REQUEST_S = 10.0
"""From the first wait for a request to its last byte."""

SEND_S = 10.0
ANSWER_S = 600.0
"""A sweep of a large storage on a slow disk; whoever waits longer asks again."""

MOST_REQUESTS = 1000
"""Of one connection."""

_BLOCK_BYTES = 16 << 10


class _TooLargeError(Exception):
    """The body is larger than any request needs."""


class HttpConnection:
    """Args:
    answer: gives the answer to a request.
    who: whom files and logs name as the one who asks.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        answer: Callable[[Request], Awaitable[Answer]],
        *,
        who: str,
    ) -> None:
        self._stream = stream
        self._answer = answer
        self._who = who
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)

    async def run(self) -> None:
        """Answer requests until the connection is over. Raises nothing but faults of ours."""
        try:
            for _ in range(MOST_REQUESTS):
                if not await self._one():
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # It is gone, and nobody waits for the rest.
        finally:
            await trio.aclose_forcefully(self._stream)

    async def _one(self) -> bool:
        """One request and its answer; False: there is no further one."""
        request = None
        try:
            with trio.move_on_after(REQUEST_S):
                request = await self._receive()
            if request is None:
                return False
        except h11.RemoteProtocolError as error:
            await self._send(Answer.error(error.error_status_hint, f"Bad request: {error}."))
            return False
        except _TooLargeError:
            await self._send(Answer.error(413, f"The body is larger than {BODY_BYTES} bytes."))
            return False
        answer = Answer.error(504, "It takes too long; ask again.")
        with trio.move_on_after(ANSWER_S):
            answer = await self._guarded(request)
        await self._send(answer)
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _guarded(self, request: Request) -> Answer:
        try:
            return await self._answer(request)
        except Exception:
            # A fault of ours in one answer must not end what records (promise 7).
            log.exception(
                "%s %s failed; this is a fault of the recorder",
                request.method,
                request.path,
                extra=same("http", request.path),
            )
            return Answer.error(500, "The recorder itself failed; its log says more.")

    async def _receive(self) -> Request | None:
        """The next request, whole; None: the peer has gone."""
        head, body = None, b""
        while True:
            event = await self._next_event()
            match event:
                case h11.Request():
                    head = event
                case h11.Data():
                    body += event.data
                    if len(body) > BODY_BYTES:
                        raise _TooLargeError
                case h11.EndOfMessage() if head is not None:
                    target = urlsplit(head.target.decode("ascii", "replace"))
                    return Request(
                        method=head.method.decode("ascii"),
                        path=unquote(target.path),
                        body=body,
                        who=self._who,
                    )
                case _:
                    return None

    async def _next_event(self) -> object:
        """As of h11, but for the need of more."""
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self._write(self._http.send(go_on))
            self._http.receive_data(bytes(await self._stream.receive_some(_BLOCK_BYTES)))

    async def _send(self, answer: Answer) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = answer.body
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        if answer.allow:
            headers.append(("Allow", ", ".join(answer.allow)))
        response = h11.Response(status_code=answer.status, headers=headers)
        await self._write(self._http.send(response))
        await self._write(self._http.send(h11.Data(data=body)))
        await self._write(self._http.send(h11.EndOfMessage()))

    async def _write(self, data: bytes | None) -> None:
        with trio.move_on_after(SEND_S if data else math.inf) as scope:
            await self._stream.send_all(data or b"")
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the peer does not read")
