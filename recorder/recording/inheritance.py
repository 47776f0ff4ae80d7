"""What the recorder before this one left unfinished: all that a start reads before it listens.

Owns that reading, and keeps it small: the heartbeat, the entries of `.recorder/open`, and of each
recording there its manifest and the names in its folder. However many recordings there are, a
start touches none that is finished, and repairs none. What becomes of them `inherit` says, which
reads nothing: the disk may take long to answer, and the window of a lost publisher goes on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from recorder.logs import about
from recorder.recording.alive import last_beat_ms
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
class Found:
    """A recording that is not finished, as it lies there.

    Attributes:
        manifest: None: neither it nor the folder could be read.
        names: in its folder.
        newest_utc_ms: when the newest of its files was last written, by the wall clock.
    """

    entry: Entry
    manifest: Manifest | None = None
    names: list[str] = attrs.field(factory=list)
    newest_utc_ms: int = 0


@attrs.frozen(kw_only=True)
class Left:
    """All that a start reads of a storage.

    Attributes:
        next_number: all recordings from before have lower ones.
        found: by number.
        without_folder: names of entries that name none: they were cut short, or damaged later.
        last_beat_ms: when the process before this one last wrote, in this boot; None: not known.
    """

    next_number: int
    found: list[Found]
    without_folder: list[str]
    last_beat_ms: int | None


def read_left(storage: Storage, boot: str) -> Left:
    """Read what is unfinished. Blocking.

    Args:
        boot: the machine's boot id.

    Raises:
        OSError: the entries cannot be listed.
    """
    entries = read_entries(storage)
    return Left(
        next_number=storage.next_number,
        found=[_look_into(storage, each) for each in entries if isinstance(each, Entry)],
        without_folder=[each for each in entries if isinstance(each, str)],
        last_beat_ms=last_beat_ms(storage, boot),
    )


def _look_into(storage: Storage, entry: Entry) -> Found:
    disk = storage.disk
    try:
        with open_recording(disk, storage.root, entry.folder) as folder:
            manifest = read_manifest(disk, folder)
            names = disk.list_folder(folder)
            segments = [name for name in names if parse_segment(name) is not None]
            newest_ns = max((disk.facts(folder, name).modified_ns for name in segments), default=0)
    except (OSError, ManifestError) as error:
        log.debug("%s is not continued: %s", entry.folder, error, extra=about(entry.room))
        return Found(entry=entry)
    return Found(entry=entry, manifest=manifest, names=names, newest_utc_ms=newest_ns // 1_000_000)


@attrs.frozen(kw_only=True)
class Continued:
    """A recording that its publisher may continue. `last_file`: the highest number of a segment
    in its folder or its manifest."""

    entry: Entry
    manifest: Manifest
    last_file: int
    continuation: Continuation


@attrs.frozen(kw_only=True)
class Inheritance:
    """Attributes:
    next_number: as of `Left`.
    continued: one for a room at most, the newest.
    cut_off: the folders of the others, which nobody goes on with.
    without_folder: names of entries that name none.
    """

    next_number: int
    continued: list[Continued]
    cut_off: list[str]
    without_folder: list[str]

    @property
    def numbers(self) -> list[int]:
        """Of all recordings that are not finished."""
        folders = [each.entry.folder for each in self.continued] + self.cut_off
        return [Entry(folder=folder).number for folder in folders]


def inherit(left: Left, now: Now, *, window_ms: int) -> Inheritance:
    """What becomes of what was left. Pure.

    Args:
        window_ms: how long a lost publisher is waited for.
    """
    by_room: dict[str, Continued] = {}
    cut_off: list[str] = []
    for found in left.found:
        continued = _continued(found, now, window_ms)
        if continued is None:
            cut_off.append(found.entry.folder)
            continue
        # In order of their numbers: a later one of the room means that this one was over.
        earlier = by_room.pop(found.entry.room, None)
        if earlier is not None:
            cut_off.append(earlier.entry.folder)
        by_room[found.entry.room] = continued
    return Inheritance(
        next_number=left.next_number,
        continued=list(by_room.values()),
        cut_off=cut_off,
        without_folder=left.without_folder,
    )


def _continued(found: Found, now: Now, window_ms: int) -> Continued | None:
    if found.manifest is None:
        return None
    how = continuation(
        found.entry,
        found.manifest,
        now,
        newest_utc_ms=found.newest_utc_ms,
        window_ms=window_ms,
    )
    if how is None:
        return None
    return Continued(
        entry=found.entry,
        manifest=with_what_is_there(found.manifest, found.names),
        last_file=highest_index([*found.names, *(row.file for row in found.manifest.segments)]),
        continuation=how,
    )
