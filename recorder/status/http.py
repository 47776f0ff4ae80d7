"""One HTTP connection, by h11: requests in, answers out, until somebody has enough.

Owns the limits that a peer meets: how long a request may take to come, how large it may be, how
many there may be on one connection, how slowly an answer may be read. What a request means is for
whoever answers it.
"""

from __future__ import annotations

import gzip
import logging
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import h11
import trio

from recorder.blanks import Blanks
from recorder.logs import same
from recorder.status.downloads import BLOCK_BYTES, NotSentError, select
from recorder.status.intake import MOST_HEADERS, Intake, TooManyHeadersError
from recorder.status.messages import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.status.broadcast import Watcher
    from recorder.status.downloads import Download

log = logging.getLogger(__name__)

HEAD_BYTES: Final = 16 << 10
BODY_BYTES: Final = 64 << 10
"""No request has more to say: the largest is a sentence."""

REQUEST_S: Final = 10.0
"""From the first wait for a request to its last byte."""

SEND_S: Final = 10.0
"""For an answer, and for each block of a download: who reads slower than 200 kbit/s is dropped."""

READ_S: Final = 30.0
"""For each block of a download, from the disk: it may be busy with all that is recorded."""

ANSWER_S: Final = 600.0
"""A sweep of a large storage on a slow disk; whoever waits longer asks again."""

MOST_REQUESTS: Final = 1000
"""Of one connection."""

FAREWELL_S: Final = 1.0
FAREWELL_BYTES: Final = 1 << 20

_READ_BYTES: Final = 16 << 10
_LEAST_TO_GZIP: Final = 1024
_NO_WEIGHT: Final = re.compile(r";q=0(\.0*)?$")

SECURITY: Final = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Of every answer: nothing of ours is from elsewhere, and nobody frames us."""


class _TooLargeError(Exception):
    """The body is larger than any request needs."""


class HttpConnection:
    """Args:
    answer: gives the answer to a request. One with a watcher hands the connection over.
    turn: returns when this connection may go on (`turns`).
    upgrade: takes it over: the stream, the request's head and the watcher. It returns when it is
        over.
    who: whom files and logs name as the one who asks.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        answer: Callable[[Request], Awaitable[Answer]],
        *,
        who: str,
        turn: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
        upgrade: Callable[[trio.abc.Stream, h11.Request, Watcher], Awaitable[None]] | None = None,
    ) -> None:
        self._stream = stream
        self._answer = answer
        self._who = who
        self._turn = turn
        self._upgrade = upgrade
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._blanks = Blanks()
        self._intake = Intake()
        self._head: h11.Request | None = None

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
            await self._refuse(Answer.error(error.error_status_hint, f"Bad request: {error}."))
            return False
        except TooManyHeadersError:
            await self._refuse(Answer.error(431, f"There are more than {MOST_HEADERS} headers."))
            return False
        except _TooLargeError:
            await self._refuse(Answer.error(413, f"The body is larger than {BODY_BYTES} bytes."))
            return False
        answer = Answer.error(504, "It takes too long; ask again.")
        with trio.move_on_after(ANSWER_S):
            answer = await self._guarded(request)
        if answer.watcher is not None:
            with answer.watcher as watcher:
                await self._hand_over(watcher)
            return False
        await self._send(answer, request)
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _refuse(self, answer: Answer) -> None:
        """Answer a request that was not read to its end. What comes of it still is thrown away for
        a moment: who closes with bytes unread resets the connection, and its answer with it."""
        await self._send(answer)
        with trio.move_on_after(FAREWELL_S):
            for _ in range(FAREWELL_BYTES // _READ_BYTES):
                if not await self._stream.receive_some(_READ_BYTES):
                    break

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

    async def _hand_over(self, watcher: Watcher) -> None:
        assert self._head is not None, "there was a request"
        if self._upgrade is None:
            await self._send(Answer.error(404, "There is nothing at this address."))
        elif self._http.trailing_data[0] or self._intake:
            # Who sends before the 101 breaks RFC 6455 §4.1, and what he sent would be lost.
            await self._send(Answer.error(400, "Frames came before the WebSocket was open."))
        else:
            await self._upgrade(self._stream, self._head, watcher)

    async def _receive(self) -> Request | None:
        """The next request, whole; None: the peer has gone."""
        self._head, body = None, b""
        while True:
            event = await self._next_event()
            match event:
                case h11.Request():
                    self._head = event
                case h11.Data():
                    body += event.data
                    if len(body) > BODY_BYTES:
                        raise _TooLargeError
                case h11.EndOfMessage() if self._head is not None:
                    return _request(self._head, body, self._who)
                case _:
                    return None

    async def _next_event(self) -> object:
        """As of h11, but for the need of more."""
        while True:
            # Of what has come at once, too: it may be a thousand requests, or parts of a body.
            await self._turn()
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if not self._intake:
                await self._listen()
            self._http.receive_data(self._intake.give(self._http.trailing_data[0]))

    async def _listen(self) -> None:
        """Wait for more. An end is nothing that comes."""
        if self._http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            await self._write(self._http.send(go_on))
        data = bytes(await self._stream.receive_some(_READ_BYTES))
        if self._blanks.are_too_many(data):
            raise h11.RemoteProtocolError("there are too many blanks in a row")
        self._intake.hold(data)

    # Answers.

    async def _send(self, answer: Answer, request: Request | None = None) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        if answer.download is not None and request is not None:
            await self._send_download(answer.download, request)
            return
        body, headers = answer.body, [("Content-Type", answer.content_type), *answer.headers]
        if request is not None and _is_to_gzip(answer, request):
            body = gzip.compress(body, 5, mtime=0)
            headers.append(("Content-Encoding", "gzip"))
        if len(answer.body) >= _LEAST_TO_GZIP:
            headers.append(("Vary", "Accept-Encoding"))
        if not any(name == "Cache-Control" for name, _ in headers):
            headers.append(("Cache-Control", "no-store"))
        if answer.status != 304:
            headers.append(("Content-Length", str(len(body))))
        await self._begin(answer.status, headers)
        if body and answer.status != 304 and not self._is_head:
            await self._write(self._http.send(h11.Data(data=body)))
        await self._write(self._http.send(h11.EndOfMessage()))

    async def _send_download(self, download: Download, request: Request) -> None:
        try:
            part = select(request.method, request.headers, size=download.size, etag=download.etag)
            await self._begin(
                206 if part.is_partial else 200,
                [
                    ("Content-Type", "video/x-flv"),
                    ("Content-Length", str(part.end - part.start)),
                    ("Content-Disposition", f'attachment; filename="{download.name}"'),
                    ("Accept-Ranges", "bytes"),
                    ("ETag", download.etag),
                    ("Cache-Control", "private, no-cache"),
                    *part.headers,
                ],
            )
            offset = part.end if self._is_head else part.start
            while offset < part.end:
                data = await _block(download, offset, min(BLOCK_BYTES, part.end - offset))
                await self._write(self._http.send(h11.Data(data=data)))
                offset += len(data)
            await self._write(self._http.send(h11.EndOfMessage()))
        except NotSentError as error:
            await self._send(error.answer, request)
        except OSError as error:
            # The length was promised: all that is left is to break off.
            log.warning("A download of %s ends: %s", download.name, error, extra=same("download"))
            self._http.send_failed()
        finally:
            download.close()

    @property
    def _is_head(self) -> bool:
        """Whether the answer has no body, also where the request has gone wrong behind its head."""
        return self._head is not None and self._head.method == b"HEAD"

    async def _begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        response = h11.Response(status_code=status, headers=[*headers, *SECURITY])
        await self._write(self._http.send(response))

    async def _write(self, data: bytes | None) -> None:
        if not data:
            await trio.lowlevel.checkpoint()
            return
        with trio.move_on_after(SEND_S) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the peer does not read")


def _request(head: h11.Request, body: bytes, who: str) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        # Cookies alone are no list with commas (RFC 9113 §8.2.3).
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    path, _, query = head.target.decode("ascii", "replace").partition("?")
    return Request(
        method=head.method.decode("ascii"),
        path=unquote(path),
        query=query,
        headers=headers,
        body=body,
        who=who,
    )


async def _block(download: Download, offset: int, size: int) -> bytes:
    """Raises OSError: there is none, or not in time."""
    try:
        with trio.fail_after(READ_S):
            data = await download.read(offset, size)
    except trio.TooSlowError:
        raise OSError(f"the disk has not answered for {READ_S:g} s") from None
    if not data:
        raise OSError("the file has become shorter")
    return data


def _is_to_gzip(answer: Answer, request: Request) -> bool:
    wanted = request.headers.get("accept-encoding", "").replace(" ", "").split(",")
    # A weight of 0 is a refusal (RFC 9110 §12.4.2).
    codings = [each.split(";")[0] for each in wanted if not _NO_WEIGHT.search(each)]
    is_text = answer.content_type.startswith(("application/json", "text/", "image/svg"))
    return is_text and len(answer.body) >= _LEAST_TO_GZIP and "gzip" in codings
