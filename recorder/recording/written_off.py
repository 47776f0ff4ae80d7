"""A segment of a running recording that was written off, and how it is made whole. Blocking.

Owns that one file: its recording goes on beside it, in other files, and has the manifest. Whatever
step the error met, the file is a part, a segment, or both names of one.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs

from recorder.logs import about
from recorder.recording import naming
from recorder.recording.final_name import set_aside
from recorder.recording.recovery_plan import Found, RemovePart, Salvage, SetPartAside, plan_files
from recorder.recording.salvage import Salvaged, salvage_part, scan_segment
from recorder.recording.shelves import open_recording

if TYPE_CHECKING:
    from recorder.recording.disk import Disk
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class WrittenOff:
    """A segment whose file was closed as it was.

    Attributes:
        path: of its recording, below the storage.
        landed_bytes: what comes behind so many bytes is written elsewhere.
        is_suspect: a sync of it failed.
        position_ms: where in the recording it begins.
    """

    path: str
    file: int
    landed_bytes: int
    is_suspect: bool
    position_ms: int


def make_whole(
    storage: Storage, part: WrittenOff, *, creator: str, gives_up: bool = False
) -> Salvaged:
    """What became of it; no row: there is no frame in it, or its recording is gone.

    Args:
        creator: what the head names as the file's maker.
        gives_up: as of `salvage_part` and `scan_segment`.

    Raises:
        OSError: do it again when the disk is well.
    """
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(open_recording(storage.disk, storage.root, part.path))
        except FileNotFoundError:
            return Salvaged(None)
        return _make_whole(storage.disk, folder, part, creator, gives_up=gives_up)


def _make_whole(
    disk: Disk, folder: int, part: WrittenOff, creator: str, *, gives_up: bool
) -> Salvaged:
    part_name, final_name = naming.part_name(part.file), naming.segment_name(part.file)
    row = None
    files = {
        name: disk.facts(folder, name)
        for name in (part_name, final_name)
        if disk.exists(folder, name)
    }
    for step in plan_files(Found(names=frozenset(files), files=files)):
        match step:
            case Salvage():
                row = salvage_part(
                    disk,
                    folder,
                    part.file,
                    creator=creator,
                    after_ms=part.position_ms,
                    landed_bytes=part.landed_bytes,
                    suspect=part.is_suspect,
                    gives_up=gives_up,
                ).row
            case RemovePart():
                # The final name may not be durable yet, and is all there will be.
                disk.sync_folder(folder)
                disk.unlink(folder, part_name)
            case SetPartAside():
                # What has the final name is not ours, and gets no row.
                set_aside(disk, folder, part_name)
                return _told(part, Salvaged(None, damaged=True))
            case _:
                row = scan_segment(
                    disk, folder, part.file, after_ms=part.position_ms, gives_up=gives_up
                )
    # The disk may still be the sick one: a name that was removed in memory alone would be there
    # again when it is well, and nobody would come back for it.
    disk.sync_folder(folder)
    # By the names, since an error may have met whoever gave them.
    damaged = any(naming.parse_damaged(name) == part.file for name in disk.list_folder(folder))
    return _told(part, Salvaged(row, damaged=damaged))


def _told(part: WrittenOff, found: Salvaged) -> Salvaged:
    if found.damaged:
        log.warning(
            "Of %s/%s not all can be read, and what cannot is kept as *.damaged",
            *(part.path, naming.part_name(part.file)),
            extra=about(part.path.split("/")[0]),
        )
    return found
