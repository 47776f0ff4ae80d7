"""A browser's bytes, or a stranger's, against one connection to the page: from door to answer.

Everything behind it is real but the recorder itself, whose actions only remember what was asked.
Whatever comes is answered by whole answers, and never by a fault of ours; nobody does what he may
not; and how the bytes were split does not matter.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
import trio

from recorder.passwords import KEY_BYTES, SALT_BYTES
from recorder.status.doors import Doors
from recorder.status.http import HttpConnection
from recorder.status.login import Login
from recorder.status.messages import Level
from recorder.status.operations import Operations
from recorder.status.pages import Pages
from recorder.status.site import Peer, Site
from tests.fuzz.pieces import affordable, pieces
from tests.status.fakes import FakeActions, FakeDownload

if TYPE_CHECKING:
    from recorder.status.downloads import Download

HOST: Final = "page"
PASSWORD: Final = "password"

PUBLIC, KNOWN, UNSET, LOOPBACK = 1, 2, 4, 8
"""Bits of an input's first byte: everybody may look; the password is the one above, not one that
nobody knows; there is none; who asks is at this machine."""

_COST: Final = "scrypt$10$1$1"
"""The least there may be."""

_SALT: Final = bytes(SALT_BYTES)
_NOW_S: Final = 1_000_000_000.0
_PAGES: Final = Pages({"/index.html": b"<p>" * 500, "/app.js": b"let x;"})
_READERS: Final = frozenset({"status", "history", "alarms", "metrics"})
_ANSWER: Final = re.compile(
    rb"HTTP/1\.1 ([1-5][0-9]{2}) [^\r\n]*\r\n((?:[!-~]+: [^\r\n]*\r\n)*)\r\n"
)
_LENGTH: Final = re.compile(rb"(?:^|\r\n)content-length: ([0-9]+)\r\n", re.IGNORECASE)


def _hashed(password: str | None) -> str:
    """Of a password, or one that nobody knows."""
    key = bytes(KEY_BYTES)
    if password is not None:
        secret = password.encode()
        key = hashlib.scrypt(secret, salt=_SALT, n=1 << 10, r=1, p=1, dklen=KEY_BYTES)
    return f"{_COST}${base64.b64encode(_SALT).decode()}${base64.b64encode(key).decode()}"


_HASHES: Final = {True: _hashed(PASSWORD), False: _hashed(None)}


def login_of(options: int) -> Login:
    hashed = None if options & UNSET else _HASHES[bool(options & KNOWN)]
    return Login(hashed, b"the state's key", lambda: _NOW_S)


@attrs.define
class Actions(FakeActions):
    """Remembers the downloads as well."""

    downloads: list[FakeDownload] = attrs.field(factory=list)

    async def download(self, path: str, file: str) -> Download:
        await super().download(path, file)
        self.downloads.append(FakeDownload(content=self.content))
        return self.downloads[-1]


class _Wire(trio.abc.Stream):
    """Parts that come, and what was answered."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts[::-1]
        self.sent = bytearray()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        part = self._parts.pop() if self._parts else b""
        if max_bytes is not None and len(part) > max_bytes:
            self._parts.append(part[max_bytes:])
        return part[:max_bytes]

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        self.sent += data

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@attrs.frozen
class Heard:
    """What one connection came to."""

    answers: list[int]
    calls: list[str]
    levels: list[Level]


def page(data: bytes) -> None:
    """One connection. The first byte says who may come in, and whence this one comes."""
    options = data[0] if data else 0
    body = data[1:]
    with affordable():
        whole, sent = trio.run(_hear, [body], options)
        again, _ = trio.run(_hear, pieces(body), options)
        # What is refused for its blanks takes along what came with it.
        assert again == whole or b"too many blanks" in sent
        _check_rights(whole, options)
        _check_rights(again, options)


async def _hear(parts: list[bytes], options: int) -> tuple[Heard, bytes]:
    wire, actions, levels = _Wire(parts), Actions(watchable=False), list[Level]()
    site = Site(
        doors=Doors(hosts=frozenset({HOST}), names=frozenset()),
        login=login_of(options),
        is_public=bool(options & PUBLIC),
        answer=Operations(actions, _PAGES).answer,
    )
    peer = Peer(
        address="127.0.0.1" if options & LOOPBACK else "10.0.0.9",
        local="10.0.0.1",
        is_tls=False,
        on_level=levels.append,
    )
    await HttpConnection(wire, partial(site.receive, peer=peer), who="somebody").run()
    assert all(each.closed == 1 for each in actions.downloads)
    answers = _answers(bytes(wire.sent))
    assert 500 not in answers, "a fault of ours"
    return Heard(answers, actions.calls, levels), bytes(wire.sent)


def _answers(sent: bytes) -> list[int]:
    """The status of each answer. That somebody may go on depends on how much has come already."""
    found, at = [], 0
    while at < len(sent):
        head = _ANSWER.match(sent, at)
        assert head is not None, sent[at : at + 100]
        at = head.end()
        length = _LENGTH.search(head[2])
        # An answer to HEAD names the length of a body that it has not.
        if length is not None and not sent.startswith(b"HTTP/1.1 ", at):
            size = int(length[1])
            assert at == len(sent) or at + size <= len(sent), "a body is cut off"
            at = min(at + size, len(sent))
        if head[1] != b"100":
            found.append(int(head[1]))
    return found


def _check_rights(heard: Heard, options: int) -> None:
    done = {call.split()[0] for call in heard.calls}
    if Level.OPERATOR not in heard.levels:
        assert done <= _READERS
    if Level.OPERATOR not in heard.levels and Level.READER not in heard.levels:
        assert not done
    if not options & (KNOWN | UNSET):
        assert Level.OPERATOR not in heard.levels, "nobody knows the password"
    if not options & (PUBLIC | KNOWN | UNSET):
        assert Level.READER not in heard.levels
    if options & UNSET and not options & LOOPBACK:
        assert Level.OPERATOR not in heard.levels, "without a password nobody from elsewhere"
