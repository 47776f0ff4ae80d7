"""One POST over a connection of its own: h11 for the protocol, Trio for the rest.

Owns the exchange: bounded in time and in bytes, no redirect followed, TLS verified against the
system's certificates. What would take long to read is not read: in this loop other receivers wait,
and where it is the recorder's, encoders. A URL's path may be a secret, so no reason holds more than
host and status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import h11
import trio

from recorder import __version__
from recorder.blanks import Blanks
from recorder.hooks.patience import Outcome, Result

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

RESPONSE_BYTES: Final = 64 * 1024
"""Of which only the status is of interest."""

_READ_BYTES: Final = 8192
_WORTH_ANOTHER_TRY: Final = (408, 429)
"""Request Timeout and Too Many Requests (RFC 9110 §15.5.9, RFC 6585 §4): not this body's fault."""


async def post(
    url: str,
    body: bytes,
    headers: Sequence[tuple[str, str]],
    *,
    timeout_s: float,
    tls: ssl.SSLContext,
) -> Result:
    """Send it, and say what became of it. Never raises for the network's or the receiver's sake.

    Args:
        headers: beside those that every POST has.
        tls: for https.
    """
    try:
        with trio.fail_after(timeout_s):
            status = await _exchange(url, body, headers, tls)
    except trio.TooSlowError:
        return Result(Outcome.FAILED, f"no answer within {timeout_s:g} s")
    except trio.BrokenResourceError as error:
        # Trio says only that it broke; why (a certificate, mostly) stands behind it.
        return Result(Outcome.FAILED, str(error.__cause__ or error) or "the connection broke")
    except h11.RemoteProtocolError as error:
        # Behind the colon stands what came, of any length: who only echoes sends the path.
        return Result(Outcome.FAILED, str(error).partition(":")[0])
    except (OSError, _AnswerError) as error:
        return Result(Outcome.FAILED, str(error) or type(error).__name__)
    if 200 <= status < 300:
        return Result(Outcome.DONE)
    if 300 <= status < 400:
        return Result(Outcome.REFUSED, f"it answers {status}, and redirects are not followed")
    if status < 500 and status not in _WORTH_ANOTHER_TRY:
        return Result(Outcome.REFUSED, f"it answers {status}")
    return Result(Outcome.FAILED, f"it answers {status}")


class _AnswerError(Exception):
    """What comes is no answer."""


async def _exchange(
    url: str, body: bytes, headers: Sequence[tuple[str, str]], tls: ssl.SSLContext
) -> int:
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_tls = parts.scheme == "https"
    stream: trio.abc.Stream = await trio.open_tcp_stream(
        host, parts.port or (443 if is_tls else 80)
    )
    try:
        if is_tls:
            stream = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(
            method="POST",
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=[
                ("Host", parts.netloc),
                ("User-Agent", f"recorder/{__version__}"),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
                *headers,
            ],
        )
        data = connection.send(request) or b""
        data += connection.send(h11.Data(data=body)) or b""
        data += connection.send(h11.EndOfMessage()) or b""
        await stream.send_all(data)
        return await _status(connection, stream)
    finally:
        # Nothing more is expected of it; a farewell could only wait for who does not answer.
        await trio.aclose_forcefully(stream)


async def _status(connection: h11.Connection, stream: trio.abc.Stream) -> int:
    received, blanks = 0, Blanks()
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if event is h11.NEED_DATA:
            data = bytes(await stream.receive_some(_READ_BYTES))
            if not data:
                raise _AnswerError("it closed the connection without an answer")
            received += len(data)
            if received > RESPONSE_BYTES:
                raise _AnswerError("it answers with too much")
            if blanks.are_too_many(data):
                raise _AnswerError("it answers with too many blanks in a row")
            connection.receive_data(data)
        else:
            assert isinstance(event, h11.InformationalResponse), "nothing else precedes a response"
