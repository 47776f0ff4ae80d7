"""Which bytes of a file a download gets (RFC 9110 §13, §14), and where they are read.

Owns single ranges, If-Range, If-Match and ETag. Several ranges at once are answered with the whole
file, as the RFC allows: nobody who fetches recordings sends them. A file is read in a thread, a
block at a time, so that neither the loop waits for the disk nor memory grows with a slow reader.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from recorder.status.messages import Answer, has_already

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK_BYTES: Final = 256 << 10


class Download(Protocol):
    """A file that is open, and stays as it is."""

    @property
    def size(self) -> int: ...

    @property
    def etag(self) -> str:
        """Quoted, as it stands in the header; a strong one."""

    @property
    def name(self) -> str:
        """What the browser calls the file."""

    async def read(self, offset: int, size: int) -> bytes:
        """Raises OSError. It can be cancelled, also while the disk does not answer."""

    def close(self) -> None:
        """It is read no more. Called once; waits for nothing."""


@attrs.frozen
class Part:
    """Bytes `start` to `end`, the latter not among them, of a file with so many."""

    start: int
    end: int
    size: int
    is_partial: bool

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        if not self.is_partial:
            return ()
        return (("Content-Range", f"bytes {self.start}-{self.end - 1}/{self.size}"),)


class NotSentError(Exception):
    """Nothing of the file is sent.

    Attributes:
        answer: in its place.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.IGNORECASE)


def select(method: str, headers: Mapping[str, str], *, size: int, etag: str) -> Part:
    """What is to be sent.

    Raises:
        NotSentError: If-None-Match names what there is, If-Match does not, or the range lies behind
            the end.
    """
    # Who goes on with a download may ask so, and would join two files (§13.1.1).
    wanted = [each.strip() for each in headers.get("if-match", etag).split(",")]
    if etag not in wanted and wanted != ["*"]:
        raise NotSentError(Answer.error(412, "It is not that file any more."))
    if has_already(headers, etag):
        raise NotSentError(Answer(status=304, headers=(("ETag", etag),)))
    whole = Part(0, size, size, is_partial=False)
    # Only a strong tag may continue a file; a date is not compared, and gives the whole.
    if headers.get("if-range", etag).strip() != etag:
        return whole
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    # A range of anything but GET is as none.
    if match is None or method != "GET":
        return whole
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return whole  # No valid range, which is as none.
    if start >= end:
        answer = Answer.error(416, "The file ends before that.")
        where = ("Content-Range", f"bytes */{size}")
        raise NotSentError(attrs.evolve(answer, headers=(where,)))
    return Part(start, end, size, is_partial=True)
