"""The plan of a recovery, carried out on the files of one recording.

Owns what becomes of each of them (DESIGN.md, "recovery"). What is to be done is decided in
`recovery_plan`; one part is repaired in `salvage`. The manifest is only read here: the rows are for
whoever writes it. Blocking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import attrs

from recorder.recording import naming
from recorder.recording.disk import UnreadableError
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
    end_before,
    plan_files,
)
from recorder.recording.salvage import salvage_part, scan_segment
from recorder.recording.shelves import read_manifest

if TYPE_CHECKING:
    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Segment
    from recorder.recording.recovery_plan import Step
    from recorder.recording.salvage import Progress


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
        gives_up: as of `look`, `salvage_part` and `scan_segment`.

    Raises:
        OSError: do it again, with another disk or at the next start.
    """
    found = look(disk, folder, gives_up=gives_up)
    steps = plan_files(found, below=below)
    return carry_out(disk, folder, found, steps, creator, gives_up=gives_up)


def carry_out(
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
