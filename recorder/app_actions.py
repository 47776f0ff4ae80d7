"""The actions that a person may ask of the running recorder, handed to the doors they come in by.

A part of the app: it sees the recording side and the HTTP side, and turns the refusals of the one
into those of the other.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

from recorder.recording.retention.refusals import RefusedError
from recorder.recording.retention.report import report
from recorder.status.operations import ActionRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from recorder.recording.engine import Engine

T = TypeVar("T")


class AppActions:
    """`status.operations.Actions`, on a running engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def keep(self, number: int, *, who: str, why: str) -> dict[str, Any]:
        changed = await _or_refused(self._engine.operator.keep(number, who=who, why=why))
        return {"number": number, "changed": changed}

    async def unkeep(self, number: int) -> dict[str, Any]:
        changed = await _or_refused(self._engine.operator.unkeep(number))
        return {"number": number, "changed": changed}

    async def delete(self, number: int) -> dict[str, Any]:
        size = await _or_refused(self._engine.operator.delete(number))
        return {"number": number, "bytes": size}

    async def plan(self) -> dict[str, Any]:
        decision = await _or_refused(self._engine.sweeper.preview())
        return report(decision, self._engine.watch)

    async def sweep(self) -> dict[str, Any]:
        decision = await _or_refused(self._engine.sweeper.sweep())
        return report(decision, self._engine.watch)

    async def confirm(self, plan: str) -> dict[str, Any]:
        try:
            recordings = self._engine.sweeper.confirm(plan)
        except RefusedError as error:
            raise ActionRefusedError(str(error), is_missing=error.is_missing) from error
        return {"plan": plan, "recordings": recordings}


async def _or_refused(action: Awaitable[T]) -> T:
    try:
        return await action
    except RefusedError as error:
        raise ActionRefusedError(str(error), is_missing=error.is_missing) from error
    except (OSError, sqlite3.Error) as error:
        raise ActionRefusedError(f"The recording disk refuses: {error}.") from error
