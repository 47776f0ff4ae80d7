"""What the catalogue's keeper answers: also what has just changed, and what the folders say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.helpers.recordings import finished, folder_of, going_on, lay_down, segment
from tests.recording.keeping import Keeping

if TYPE_CHECKING:
    from trio.testing import MockClock

    from recorder.recording.catalogue import Page
    from tests.recording.keeping import Keeping


async def test_what_is_known_comes_from_the_catalogue_with_what_has_just_changed(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, finished(2, segments=(segment(1, deleted=True),)))
    async with keeping.filled() as indexer:
        read = len(keeping.disk.read_manifests())
        assert [each.number for each in await indexer.known(list)] == [1]
        assert len(keeping.disk.read_manifests()) == read
        lay_down(keeping.storage, finished(3))
        indexer.changed(folder_of(3), finished(3))
        assert [each.number for each in await indexer.known(list)] == [3, 1]
        assert await indexer.folder_of(3) == folder_of(3)
        assert await indexer.folder_of(9) is None


async def test_without_a_catalogue_it_comes_from_the_folders(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    lay_down(keeping.storage, finished(1))
    lay_down(keeping.storage, finished(2, segments=(segment(1, deleted=True),)))
    lay_down(keeping.storage, finished(3))
    indexer = keeping.indexer()
    assert [each.number for each in await indexer.known(list)] == [3, 1]
    assert await indexer.folder_of(3) == folder_of(3)
    assert await indexer.folder_of(9) is None


async def test_catalogue_and_folders_know_the_same(keeping: Keeping, mock_clock: MockClock) -> None:
    lay_down(keeping.storage, finished(1, deleting="age"))
    lay_down(keeping.storage, going_on(2))
    lay_down(keeping.storage, finished(3, clock="untrusted"))
    (keeping.storage / folder_of(3) / "KEEP").touch()
    lay_down(keeping.storage, finished(4))
    (keeping.storage / folder_of(4) / "recording.json").write_bytes(b"{")
    from_folders = await keeping.indexer().known(list)
    async with keeping.filled() as indexer:
        assert await indexer.known(list) == from_folders


async def test_a_page_has_what_has_just_changed_and_there_is_none_without_a_catalogue(
    keeping: Keeping, mock_clock: MockClock
) -> None:
    for number in (1, 2, 3):
        lay_down(keeping.storage, finished(number))

    async def page(cursor: int | None, limit: int) -> Page | None:
        return await indexer.page(room=None, from_ms=None, to_ms=None, cursor=cursor, limit=limit)

    indexer = keeping.indexer()
    assert await page(None, 2) is None
    async with keeping.filled(indexer):
        lay_down(keeping.storage, finished(4))
        indexer.changed(folder_of(4), finished(4))
        first = await page(None, 2)
        assert first is not None
        assert [row.number for row in first.rows] == [4, 3]
        rest = await page(first.cursor, 9)
        assert rest is not None
        assert [row.number for row in rest.rows] == [2, 1]
