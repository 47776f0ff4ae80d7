"""One request and one answer, as the routes see them. Values only; JSON and nothing else."""

from __future__ import annotations

import json
from typing import Any

import attrs


class BadRequestError(Exception):
    """The request cannot be answered; the text says why."""


@attrs.frozen(kw_only=True)
class Request:
    """Attributes:
    path: without its query.
    body: as it came; empty where there is none.
    who: who asks, for files and logs.
    """

    method: str
    path: str
    body: bytes = b""
    who: str = ""

    def fields(self) -> dict[str, Any]:
        """The JSON object in the body; empty where there is no body.

        Raises:
            BadRequestError: it is something else.
        """
        try:
            found = json.loads(self.body) if self.body else {}
        except (ValueError, RecursionError) as error:
            raise BadRequestError("The body is not JSON.") from error
        if not isinstance(found, dict):
            raise BadRequestError("The body is not a JSON object.")
        return found


@attrs.frozen
class Answer:
    """Attributes:
    document: becomes JSON.
    allow: the methods there are, where this one is not.
    """

    status: int
    document: Any
    allow: tuple[str, ...] = ()

    @classmethod
    def error(cls, status: int, sentence: str, allow: tuple[str, ...] = ()) -> Answer:
        return cls(status, {"error": sentence}, allow)

    @property
    def body(self) -> bytes:
        return json.dumps(self.document).encode() + b"\n"
