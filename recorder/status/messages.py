"""One request and one answer, as the routes see them. Values only."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.status.broadcast import Watcher
    from recorder.status.downloads import Download

JSON = "application/json"


class BadRequestError(Exception):
    """The request cannot be answered; the text says why."""


class Level(enum.IntEnum):
    """What somebody may do."""

    NOBODY = 0
    READER = 1
    """Look at the state (`status.public`)."""
    OPERATOR = 2


@attrs.frozen(kw_only=True)
class Request:
    """Attributes:
    path: decoded, without its query.
    query: what stands behind the question mark, as it came.
    headers: by lower-case name; of a repeated one the values joined by commas.
    body: as it came; empty where there is none.
    who: who asks, for files and logs.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    who: str = ""
    level: Level = Level.OPERATOR

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

    @property
    def parameters(self) -> dict[str, str]:
        """What the query says; of a repeated name the last.

        Raises:
            BadRequestError: too much of it.
        """
        try:
            return dict(parse_qsl(self.query, max_num_fields=20))
        except ValueError as error:
            raise BadRequestError("The query has too many fields.") from error


def has_already(headers: Mapping[str, str], etag: str) -> bool:
    """Whether If-None-Match names what there is (RFC 9110 §13.1.2). A proxy that compresses makes a
    tag a weak one."""
    known = [
        each.strip().removeprefix("W/") for each in headers.get("if-none-match", "").split(",")
    ]
    return etag in known or known == ["*"]


@attrs.frozen(kw_only=True)
class Answer:
    """Attributes:
    download: what is sent instead of a body.
    watcher: who watches from now on: the connection is handed over (status 101).
    headers: beside those that every answer has.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    download: Download | None = None
    watcher: Watcher | None = None

    @classmethod
    def of(cls, document: Any, status: int = 200) -> Answer:
        """A JSON document."""
        return cls(status=status, body=json.dumps(document).encode() + b"\n")

    @classmethod
    def error(cls, status: int, sentence: str) -> Answer:
        """Why not, in one sentence."""
        return cls.of({"error": sentence}, status)


def only(*methods: str) -> Answer:
    """The answer to any other method than these. HEAD is there wherever GET is, and who asks by
    hand need not hear of it."""
    sentence = f"Only {' and '.join(methods)} work{'s' if len(methods) == 1 else ''} here."
    allow = ", ".join(f"{each}, HEAD" if each == "GET" else each for each in methods)
    return attrs.evolve(Answer.error(405, sentence), headers=(("Allow", allow),))
