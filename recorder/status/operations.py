"""What may be asked of a running recorder: paths and methods onto the actions that `app` hands in.

Owns the addresses of design §9, as far as there are any, and which answer a refusal becomes. Does
nothing itself, and knows no socket: a request in, an answer out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from recorder.status.messages import Answer, BadRequestError, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LONGEST_REASON = 200
"""Of what a person says why a recording is kept, in characters."""


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


class Operations:
    """Answers requests."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._routes: list[tuple[re.Pattern[str], dict[str, _Handler]]] = [
            (
                re.compile(r"/api/v1/recordings/([1-9][0-9]{0,17})"),
                {"DELETE": self._delete},
            ),
            (
                re.compile(r"/api/v1/recordings/([1-9][0-9]{0,17})/keep"),
                {"POST": self._keep},
            ),
            (
                re.compile(r"/api/v1/recordings/([1-9][0-9]{0,17})/unkeep"),
                {"POST": self._unkeep},
            ),
            (
                re.compile(r"/api/v1/sweep"),
                {"GET": self._plan, "POST": self._sweep},
            ),
        ]

    async def answer(self, request: Request) -> Answer:
        """Never raises but for faults of ours and for cancellation."""
        for pattern, handlers in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            handler = handlers.get(request.method)
            if handler is None:
                allow = tuple(handlers)
                return Answer.error(405, f"Only {' and '.join(allow)} work here.", allow)
            try:
                return Answer(200, await handler(request, *match.groups()))
            except BadRequestError as error:
                return Answer.error(400, str(error))
            except ActionRefusedError as error:
                return Answer.error(404 if error.is_missing else 409, str(error))
        return Answer.error(404, "There is nothing at this address.")

    async def _keep(self, request: Request, number: str) -> dict[str, Any]:
        why = request.fields().get("why", "")
        if not isinstance(why, str) or len(why) > LONGEST_REASON or not (why + " ").isprintable():
            raise BadRequestError(
                f"`why` must be one line of text, {LONGEST_REASON} characters at most."
            )
        return await self._actions.keep(int(number), who=request.who, why=why)

    async def _unkeep(self, _request: Request, number: str) -> dict[str, Any]:
        return await self._actions.unkeep(int(number))

    async def _delete(self, _request: Request, number: str) -> dict[str, Any]:
        return await self._actions.delete(int(number))

    async def _plan(self, _request: Request) -> dict[str, Any]:
        return await self._actions.plan()

    async def _sweep(self, request: Request) -> dict[str, Any]:
        plan = request.fields().get("confirm")
        if plan is None:
            return await self._actions.sweep()
        if not isinstance(plan, str):
            raise BadRequestError("`confirm` must be the id of a plan.")
        return await self._actions.confirm(plan)


if TYPE_CHECKING:
    _Handler = Callable[..., Awaitable[dict[str, Any]]]
