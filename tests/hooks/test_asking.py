"""Asking the recorder over its control socket, whatever listens there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.addresses import CONTROL_SOCKET
from recorder.hooks import asking
from recorder.hooks.asking import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DOCUMENT = b'{"time":"now"}'


@asynccontextmanager
async def recorder(state: Path, response: bytes) -> AsyncIterator[None]:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(response)
        await stream.aclose()

    with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM) as listening:
        await listening.bind(str(state / CONTROL_SOCKET))
        listening.listen()
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, serve, [trio.SocketListener(listening)])
            yield
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n" + DOCUMENT, {"time": "now"}),
        (b"HTTP/1.1 200 OK\r\n\r\n" + DOCUMENT, {"time": "now"}),
        (b"HTTP/1.1 503 No\r\nContent-Length: 14\r\n\r\n" + DOCUMENT, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{]", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + DOCUMENT, None),
        (b"garbage\r\n\r\n", None),
        (b"", None),
    ],
)
async def test_only_a_good_answer_is_one(
    tmp_path: Path, response: bytes, answer: dict[str, str] | None
) -> None:
    async with recorder(tmp_path, response):
        assert await ask(tmp_path, "/api/v1/status") == answer


async def test_too_much_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ANSWER_BYTES", 10)
    async with recorder(tmp_path, b"HTTP/1.1 200 OK\r\n\r\n" + DOCUMENT):
        assert await ask(tmp_path, "/api/v1/status") is None


async def test_where_nobody_listens_there_is_no_answer(tmp_path: Path) -> None:
    assert await ask(tmp_path, "/api/v1/status") is None
    assert await ask(tmp_path / "gone", "/api/v1/status") is None
    async with recorder(tmp_path, b""):
        pass
    assert await ask(tmp_path, "/api/v1/status") is None
