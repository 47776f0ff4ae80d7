"""Fakes of our own for the HTTP side: actions that remember, and one end of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from recorder.status.operations import ActionRefusedError

if TYPE_CHECKING:
    from recorder.status.messages import Answer, Request


@attrs.define
class FakeActions:
    """Attributes:
    calls: what was asked, in order.
    refusal: what every action raises.
    """

    calls: list[str] = attrs.field(factory=list)
    refusal: Exception | None = None

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
