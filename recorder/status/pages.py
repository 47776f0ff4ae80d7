"""The page: the files of `web/`, read once at the start.

Owns which files there are and what they are called. Nothing is read from the disk for a request, so
no path of a request can lead anywhere.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from recorder.status.messages import Answer, has_already

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
INDEX: Final = "/index.html"


class Pages:
    """Args:
    files: by path, such as `/app.js`.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._answers = {path: _answer(path, content) for path, content in files.items()}
        if INDEX in self._answers:
            self._answers["/"] = self._answers[INDEX]

    @classmethod
    def read(cls, folder: Path) -> Pages:
        """What lies in the folder `web`. Blocking.

        Raises:
            OSError: it is not there.
        """
        paths = sorted(path for path in folder.iterdir() if path.suffix in TYPES)
        return cls({f"/{path.name}": path.read_bytes() for path in paths})

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        """The file of this name; None: there is none."""
        found = self._answers.get(path)
        if found is None:
            return None
        if has_already(headers, dict(found.headers)["ETag"]):
            return Answer(status=304, headers=found.headers)
        return found


def _answer(path: str, content: bytes) -> Answer:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Answer(
        status=200,
        body=content,
        content_type=TYPES["." + path.rpartition(".")[2]],
        headers=(("ETag", etag), ("Cache-Control", "no-cache")),
    )
