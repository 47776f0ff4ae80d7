"""The page's files, as they are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recorder.status.pages import Pages

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_read_once_and_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "app.js").write_text("1")
    (tmp_path / "notes.txt").write_text("no file of the page")
    pages = Pages.read(tmp_path)
    (tmp_path / "app.js").write_text("2")
    found = pages.answer("/app.js", {})
    assert found is not None
    assert (found.body, found.content_type) == (b"1", "text/javascript; charset=utf-8")
    again = pages.answer("/app.js", {"if-none-match": dict(found.headers)["ETag"]})
    assert again is not None
    assert (again.status, again.body) == (304, b"")
    assert pages.answer("/", {}) == pages.answer("/index.html", {})
    for path in ("/notes.txt", "/../app.js", "//app.js", "/app.js/", ""):
        assert pages.answer(path, {}) is None


def test_a_page_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Pages.read(tmp_path / "web")
    assert Pages({}).answer("/", {}) is None
