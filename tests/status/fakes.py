"""Fakes of our own for the HTTP side: actions that remember, and one end of a connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import trio

from recorder.status.broadcast import Broadcast
from recorder.status.operations import ActionRefusedError

if TYPE_CHECKING:
    from recorder.status.broadcast import Watcher
    from recorder.status.downloads import Download
    from recorder.status.messages import Answer, Request


@attrs.define
class FakeActions:
    """Attributes:
    calls: what was asked, in order.
    refusal: what every action raises.
    """

    calls: list[str] = attrs.field(factory=list)
    refusal: Exception | None = None
    content: bytes = b"FLV"
    healthy: bool = True
    watchable: bool = True
    broadcast: Broadcast = attrs.field(factory=lambda: Broadcast(32))

    def _done(self, call: str) -> dict[str, Any]:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal
        return {"done": call}

    async def keep(self, number: int, *, who: str, why: str) -> dict[str, Any]:
        return self._done(f"keep {number} {who} {why}")

    async def unkeep(self, number: int) -> dict[str, Any]:
        return self._done(f"unkeep {number}")

    async def delete(self, number: int) -> dict[str, Any]:
        return self._done(f"delete {number}")

    async def plan(self) -> dict[str, Any]:
        return self._done("plan")

    async def sweep(self) -> dict[str, Any]:
        return self._done("sweep")

    async def confirm(self, plan: str) -> dict[str, Any]:
        return self._done(f"confirm {plan}")

    async def recordings(
        self, *, room: str | None, first: str | None, last: str | None, cursor: int | None
    ) -> dict[str, Any]:
        return self._done(f"recordings {room} {first} {last} {cursor}")

    async def download(self, path: str, file: str) -> Download:
        self._done(f"download {path} {file}")
        return FakeDownload(content=self.content)

    def act(self, room: str, action: str, who: str) -> dict[str, Any]:
        return self._done(f"{action} {room} {who}")

    def status(self) -> bytes:
        return json.dumps(self._done("status")).encode()

    def history(self, room: str) -> dict[str, Any]:
        return self._done(f"history {room}")

    def alarms(self) -> dict[str, Any]:
        return self._done("alarms")

    def acknowledge(self, alarm: str, who: str) -> dict[str, Any]:
        return self._done(f"acknowledge {alarm} {who}")

    async def metrics(self) -> bytes:
        self._done("metrics")
        return b"rec_up 1\n"

    def health(self) -> list[dict[str, Any]]:
        return [] if self.healthy else [{"id": "disk_failed-1"}]

    def watch(self, *, is_operator: bool) -> Watcher | None:
        return self.broadcast.join(is_operator=is_operator) if self.watchable else None


@attrs.define
class FakeDownload:
    """A file in memory; `closed` counts how often it was closed, `lacks` bytes of it are gone, and
    behind the byte `hangs_at` the disk does not answer."""

    content: bytes
    etag: str = '"5f-7"'
    name: str = "room101_0001.flv"
    closed: int = 0
    raises: Exception | None = None
    lacks: int = 0
    hangs_at: int | None = None

    @property
    def size(self) -> int:
        return len(self.content)

    async def read(self, offset: int, size: int) -> bytes:
        await trio.lowlevel.checkpoint()
        if self.raises is not None:
            raise self.raises
        if self.hangs_at is not None and offset >= self.hangs_at:
            await trio.sleep_forever()
        return self.content[: len(self.content) - self.lacks][offset : offset + size]

    def close(self) -> None:
        self.closed += 1


def refused(sentence: str, *, is_missing: bool = False) -> ActionRefusedError:
    return ActionRefusedError(sentence, is_missing=is_missing)


@attrs.define
class Echo:
    """Answers every request with what it was."""

    requests: list[Request] = attrs.field(factory=list)
    answer: Answer | None = None
    raises: Exception | None = None

    async def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.raises is not None:
            raise self.raises
        assert self.answer is not None
        return self.answer
