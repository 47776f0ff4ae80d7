"""What the recorder before this one left unfinished: all that a start reads before it listens.

Owns that reading, and keeps it small: the entries of `.recorder/open`, and of a recording that may
still be continued its manifest and the names in its folder. However many recordings there are,
a start touches none that is finished, and repairs none.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from recorder.logs import about
from recorder.recording.continuation import continuation
from recorder.recording.entries import Entry
from recorder.recording.manifest import Manifest, ManifestError
from recorder.recording.naming import parse_segment
from recorder.recording.recovery_plan import highest_index, with_what_is_there
from recorder.recording.shelves import open_recording, read_manifest
from recorder.recording.unfinished import read_entries

if TYPE_CHECKING:
    from recorder.recording.continuation import Continuation, Now
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Continued:
    """A recording that its publisher may continue. `last_file`: the highest number of a segment
    in its folder."""

    entry: Entry
    manifest: Manifest
    last_file: int
    continuation: Continuation


@attrs.frozen(kw_only=True)
class Inheritance:
    """Attributes:
    next_number: all recordings from before have lower ones.
    continued: one for a room at most, the newest.
    cut_off: the folders of the others, which nobody goes on with.
    without_folder: names of entries that were cut short.
    """

    next_number: int
    continued: list[Continued] = attrs.field(factory=list)
    cut_off: list[str] = attrs.field(factory=list)
    without_folder: list[str] = attrs.field(factory=list)

    @property
    def numbers(self) -> list[int]:
        """Of all recordings that are not finished."""
        folders = [each.entry.folder for each in self.continued] + self.cut_off
        return [Entry(folder=folder).number for folder in folders]


def inherit(storage: Storage, now: Now, *, window_ms: int) -> Inheritance:
    """Read what is unfinished. Blocking.

    Args:
        window_ms: how long a lost publisher is waited for.

    Raises:
        OSError: the entries cannot be listed.
    """
    found = Inheritance(next_number=storage.next_number)
    by_room: dict[str, Continued] = {}
    for entry in read_entries(storage):
        if isinstance(entry, str):
            found.without_folder.append(entry)
            continue
        continued = _continued(storage, entry, now, window_ms)
        if continued is None:
            found.cut_off.append(entry.folder)
            continue
        # In order of their numbers: a later one of the room means that this one was over.
        earlier = by_room.pop(entry.room, None)
        if earlier is not None:
            found.cut_off.append(earlier.entry.folder)
        by_room[entry.room] = continued
    found.continued.extend(by_room.values())
    return found


def _continued(storage: Storage, entry: Entry, now: Now, window_ms: int) -> Continued | None:
    disk = storage.disk
    try:
        with open_recording(disk, storage.root, entry.folder) as folder:
            manifest = read_manifest(disk, folder)
            names = disk.list_folder(folder)
            segments = [name for name in names if parse_segment(name) is not None]
            newest_ns = max((disk.facts(folder, name).modified_ns for name in segments), default=0)
    except (OSError, ManifestError) as error:
        log.debug("%s is not continued: %s", entry.folder, error, extra=about(entry.room))
        return None
    found = continuation(
        entry, manifest, now, newest_utc_ms=newest_ns // 1_000_000, window_ms=window_ms
    )
    if found is None:
        return None
    return Continued(
        entry=entry,
        manifest=with_what_is_there(manifest, names),
        last_file=highest_index(names),
        continuation=found,
    )
