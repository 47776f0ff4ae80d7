"""What the catalogue lacks, when it is held against the folders there are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from recorder.recording.shelves import Shelved


@attrs.frozen
class Comparison:
    """What the catalogue lacks: recordings to read, the newest first, and rows to remove."""

    read: list[Shelved]
    gone: list[int]


def compare(
    found: Sequence[Shelved],
    rows: Mapping[int, str],
    unsettled: Collection[int],
    unreadable: Collection[str] = (),
) -> Comparison:
    """Hold the folders that were found against the rows of the catalogue.

    Args:
        rows: the folder of each recording, by its number.
        unsettled: recordings to read although they have a row.
        unreadable: rooms and days that could not be looked into; the rows below them stay.
    """
    # Of two folders with one number, which only a person's copying makes, the first counts.
    first = {each.number: each for each in reversed(found)}
    read = [
        each
        for each in first.values()
        if rows.get(each.number) != each.path or each.number in unsettled
    ]
    gone = [
        number
        for number, folder in rows.items()
        if number not in first and not any(folder.startswith(f"{path}/") for path in unreadable)
    ]
    return Comparison(sorted(read, key=lambda each: each.number, reverse=True), gone)
