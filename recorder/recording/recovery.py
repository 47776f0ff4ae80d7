"""A recording that was cut off is made whole again: looking, carrying out the plan, forgetting.

Owns the effects of "recovery" (DESIGN.md). What is to be done is decided in `recovery_plan`; one
part is repaired in `salvage`. Blocking; called in a thread, or by a command that holds the lock.

Twice is as good as once, and it may be cut off anywhere: every step leaves a folder of which the
same plan, made again, has the rest of the steps. The entry goes last, when all of it is durable.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, assert_never

import attrs

from recorder.recording import naming
from recorder.recording.disk import UnreadableError, closing, replace_file
from recorder.recording.final_name import set_aside
from recorder.recording.manifest import ManifestError
from recorder.recording.recovery_plan import (
    MANIFEST_TEMPORARY,
    Found,
    RemovePart,
    RemoveTemporary,
    Salvage,
    Scan,
    SetPartAside,
    anew,
    complete,
    end_before,
    plan_files,
    with_checksums,
    with_what_is_there,
    without_checksum,
)
from recorder.recording.retention.deletion import Fate, resume_deletion
from recorder.recording.salvage import salvage_part, scan_segment
from recorder.recording.shelves import open_recording, read_manifest
from recorder.recording.unfinished import forget, forget_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Manifest, Segment
    from recorder.recording.recovery_plan import Step
    from recorder.recording.salvage import Progress
    from recorder.recording.storage import Storage

    Checksum: TypeAlias = Callable[[int, str], str]
    """Gives the SHA-256 of a file, by the descriptor of its folder and its name."""


@attrs.define(kw_only=True)
class Repaired:
    """What became of a recording's files.

    Attributes:
        rows: of the segments that had none, by index.
        salvaged: parts that are segments now.
        added: segments that were whole and in no manifest.
        damaged: parts that are kept and cannot be read.
        empty: parts without a frame, which are gone.
        cut_bytes: what stood behind the last whole tags.
    """

    rows: list[Segment] = attrs.field(factory=list)
    salvaged: int = 0
    added: int = 0
    damaged: int = 0
    empty: int = 0
    cut_bytes: int = 0


@attrs.frozen(kw_only=True)
class Recovered:
    """What became of a recording.

    Attributes:
        path: below the storage.
        manifest: as it is now; None: nothing was recorded, and the folder is gone if it was empty;
            or it is deleted.
        made_anew: there was no manifest, or none that could be read.
        was_damaged: there was one that could not be read; it is kept under another name.
        was_ended: it had no end before.
        was_deleted: its deletion had been cut off, and is finished.
        checksums: how many were computed.
        unreadable: segments that the disk does not give, and that stay as they are, without one.
        is_done: the recording is finished, and its entry gone. False: checksums are missing.
    """

    path: str
    manifest: Manifest | None
    files: Repaired
    made_anew: bool = False
    was_damaged: bool = False
    was_ended: bool = False
    was_deleted: bool = False
    checksums: int = 0
    unreadable: tuple[str, ...] = ()
    is_done: bool = True


def look(disk: Disk, folder: int, *, gives_up: bool = False) -> Found:
    """What lies in a recording's folder.

    Args:
        gives_up: a manifest that the disk does not give is damaged, and no error.
    """
    names = disk.list_folder(folder)
    files = {name: disk.facts(folder, name) for name in names if naming.parse_segment(name)}
    manifest, is_damaged = None, False
    try:
        manifest = read_manifest(disk, folder)
    except FileNotFoundError:
        pass
    except ManifestError:
        is_damaged = True
    except UnreadableError:
        if not gives_up:
            raise
        is_damaged = True
    return Found(
        names=frozenset(names),
        files={name: facts for name, facts in files.items() if not facts.is_folder},
        manifest=manifest,
        is_damaged=is_damaged,
    )


def repair_files(
    disk: Disk,
    folder: int,
    *,
    below: int,
    creator: str,
    gives_up: bool = False,
) -> Repaired:
    """Repair the files of a recording that goes on; the rows are for the owner of its manifest.

    Args:
        below: the first index that belongs to the recording as it goes on.
        gives_up: as of `salvage_part` and `scan_segment`.

    Raises:
        OSError: do it again, with another disk or at the next start.
    """
    found = look(disk, folder)
    steps = plan_files(found, below=below)
    return _carry_out(disk, folder, found, steps, creator, gives_up=gives_up)


def _carry_out(
    disk: Disk,
    folder: int,
    found: Found,
    steps: tuple[Step, ...],
    creator: str,
    *,
    gives_up: bool,
    progress: Progress | None = None,
) -> Repaired:
    done = Repaired()
    known = () if found.manifest is None else found.manifest.segments
    for step in steps:
        match step:
            case RemoveTemporary():
                disk.unlink(folder, MANIFEST_TEMPORARY)
            case RemovePart(index):
                # The final name may not be durable yet, and is all there will be.
                disk.sync_folder(folder)
                disk.unlink(folder, naming.part_name(index))
            case SetPartAside(index):
                set_aside(disk, folder, naming.part_name(index))
                done.damaged += 1
            case Salvage(index):
                after_ms = end_before(index, (*known, *done.rows))
                salvaged = salvage_part(
                    disk,
                    folder,
                    index,
                    creator=creator,
                    after_ms=after_ms,
                    gives_up=gives_up,
                    progress=progress,
                )
                done.cut_bytes += salvaged.cut_bytes
                done.damaged += salvaged.damaged
                if salvaged.row is not None:
                    done.salvaged += 1
                    done.rows.append(salvaged.row)
                elif not salvaged.damaged:
                    done.empty += 1
            case Scan(index):
                after_ms = end_before(index, (*known, *done.rows))
                row = scan_segment(
                    disk, folder, index, after_ms=after_ms, gives_up=gives_up, progress=progress
                )
                done.added += 1
                done.rows.append(row)
            case _:
                assert_never(step)
    return done


def recover_folder(
    disk: Disk,
    folder: int,
    path: str,
    *,
    creator: str,
    checksum: Checksum | None = None,
    gives_up: bool = False,
    progress: Progress | None = None,
) -> Recovered:
    """Make a recording's folder whole, wherever it lies. When it returns all of it is durable.

    Args:
        path: of the folder, for a manifest that is made anew.
        creator: what a head names that is written here.
        checksum: computes what is missing; None: it stays missing.
        gives_up: as of `repair_files` and `look`; and what cannot be read has no checksum.
        progress: told how many bytes more of the segments have been read.

    Raises:
        OSError: the rest is still to be done.
    """
    found = look(disk, folder, gives_up=gives_up)
    steps = plan_files(found)
    done = _carry_out(disk, folder, found, steps, creator, gives_up=gives_up, progress=progress)
    if found.is_damaged:
        set_aside(disk, folder, naming.MANIFEST_FILE)
    left = Found(names=frozenset(disk.list_folder(folder)))
    if found.manifest is None and not left.names:
        return Recovered(path=path, manifest=None, files=done)
    before = anew(path) if found.manifest is None else found.manifest
    manifest = complete(before, done.rows, left.damaged_segments)
    manifest = with_what_is_there(manifest, left.names)
    if manifest == found.manifest:
        # It is whole, but whoever wrote it, or removed a name above, may have died at once.
        disk.sync_folder(folder)
    else:
        _save(disk, folder, manifest)
    missing = without_checksum(manifest, left.names)
    checksums = dict[str, str]()
    if checksum is not None and missing:
        checksums = _checksums(folder, missing, checksum, gives_up=gives_up)
        manifest = with_checksums(manifest, checksums)
        _save(disk, folder, manifest)
    return Recovered(
        path=path,
        manifest=manifest,
        files=done,
        made_anew=found.manifest is None,
        was_damaged=found.is_damaged,
        was_ended=before.end is None,
        checksums=len(checksums),
        unreadable=() if checksum is None else tuple(without_checksum(manifest, left.names)),
        is_done=checksum is not None or not missing,
    )


def _checksums(
    folder: int, names: Iterable[str], checksum: Checksum, *, gives_up: bool
) -> dict[str, str]:
    found = dict[str, str]()
    for name in names:
        try:
            found[name] = checksum(folder, name)
        except UnreadableError:
            if not gives_up:
                raise
    return found


def _save(disk: Disk, folder: int, manifest: Manifest) -> None:
    replace_file(disk, folder, naming.MANIFEST_FILE, manifest.to_json())


def recover_recording(
    storage: Storage,
    path: str,
    *,
    creator: str,
    checksum: Checksum | None = None,
    gives_up: bool = False,
    progress: Progress | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Recovered:
    """Make a recording of a storage whole, or finish its deletion, and remove its entry.

    Nobody else may have anything open in its folder.

    Args:
        path: of its folder, below the storage.
        gives_up: as of `recover_folder`.
        pause: called between two files that are deleted.

    Raises:
        OSError: the entry stays, and the rest is done at the next attempt.
    """
    try:
        removed = resume_deletion(storage, path, pause)
    except UnreadableError:
        # Whether it was being deleted its manifest would say.
        if not gives_up:
            raise
        removed = None
    if removed is not None and removed.fate is Fate.GONE:
        return Recovered(path=path, manifest=None, files=Repaired(), was_deleted=True)
    disk = storage.disk
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_recording(disk, storage.root, path))
        except FileNotFoundError:
            # Cut off before the folder was made, or behind its removal.
            forget_missing(storage, path)
            return Recovered(path=path, manifest=None, files=Repaired())
        recovered = recover_folder(
            disk,
            folder,
            path,
            creator=creator,
            checksum=checksum,
            gives_up=gives_up,
            progress=progress,
        )
        if recovered.manifest is None:
            _remove_folder(disk, storage.root, path)
    if recovered.is_done:
        number = naming.parse_recording_folder(path.rpartition("/")[2])
        assert number is not None, "only a recording's folder is recovered"
        forget(storage, naming.number_name(number))
    return recovered


def _remove_folder(disk: Disk, root: int, path: str) -> None:
    """Remove the empty folder of a recording that never began."""
    room, date, name = path.split("/")
    with (
        closing(disk, disk.open_folder(root, room)) as room_folder,
        closing(disk, disk.open_folder(room_folder, date)) as date_folder,
    ):
        disk.remove_folder(date_folder, name)
        disk.sync_folder(date_folder)
