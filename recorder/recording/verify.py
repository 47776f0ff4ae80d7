"""Verification: presence, structure and SHA-256 of everything that was recorded.

Owns the order of it and the reading. Changes nothing and takes no lock, so it works beside a
running recorder and on a disk that is mounted read-only. What is found is said by `findings` and
`inspection`. Each file is read once, in pieces, from the disk and not from what memory shows of it.

A folder is found first, then its entry is looked for, then its manifest is read, and then the files
that this names. What is gone by then was removed meanwhile, and the manifest as it is afterwards
tells whether it should be there.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming
from recorder.recording.disk import closing
from recorder.recording.findings import (
    Finding,
    damaged_manifest,
    missing,
    of_manifest,
    of_names,
    unreadable,
    unreadable_entry,
    without_manifest,
)
from recorder.recording.inspection import Inspection
from recorder.recording.manifest import ManifestError
from recorder.recording.named import ENTRIES, open_named
from recorder.recording.refusals import StorageError, explained
from recorder.recording.shelves import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from recorder.recording.by_hand import Watch
    from recorder.recording.disk import Disk
    from recorder.recording.manifest import Manifest, Segment
    from recorder.recording.named import Named

BLOCK_BYTES = 1 << 20

LOOKING = "looking"
VERIFYING = "verifying"
"""The labels of the survey, which counts recordings, and of the reading, which counts bytes."""


@attrs.frozen(kw_only=True)
class Verified:
    """One recording, or one folder that cannot be looked into.

    Attributes:
        path: below the storage; of a recording outside of one, its folder's name.
        segments: how many files were read.
        bytes: how large they are.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    is_recording: bool = True
    segments: int = 0
    bytes: int = 0

    @property
    def damage(self) -> list[Finding]:
        return [each for each in self.findings if each.is_damage]


def verify_folder(disk: Disk, folder: Path, *, watch: Watch) -> Generator[Verified, None, None]:
    """Verify a storage, a room's or a day's folder in it, or one recording; copies of them, too.

    Gives each recording when it is done. `contextlib.closing` gives the descriptors back where
    it may be left before its end.

    Args:
        watch: shows how far it is.

    Raises:
        StorageError: there are no recordings, or the folder cannot be read.
    """
    # Around everything, for the last of it: a descriptor that cannot be given back.
    with explained(folder), open_named(disk, folder) as named:
        troubles = list[Verified]()
        if named.entries_error is not None:
            troubles.append(_trouble(ENTRIES, named.entries_error))

        def cannot_look(path: str, error: OSError) -> None:
            troubles.append(_trouble(named.shown(path), error))

        paths = named.recordings(cannot_look)
        if not (paths or troubles or named.is_in_storage):
            raise StorageError(
                f"There are no recordings in {folder}. Check that its disk is mounted, or name a "
                "recorder storage, the folder of a room or of a day in it, or that of one "
                "recording."
            )
        total = _survey(named, paths, watch)
        yield from troubles
        with watch(VERIFYING, total) as progress:
            for path in paths:
                verified = _verify_one(named, path, progress)
                if verified is not None:
                    yield verified


def _survey(named: Named, paths: list[str], watch: Watch) -> int:
    """How many bytes there are to read."""
    total = 0
    with watch(LOOKING, len(paths)) as looked:
        for path in paths:
            # Who reads it will say what is wrong with it.
            with suppress(OSError), named.open(path) as folder:
                for name in filter(_is_final, named.disk.list_folder(folder)):
                    total += named.disk.facts(folder, name).size
            looked(1)
    return total


def _verify_one(named: Named, path: str, progress: Callable[[int], None]) -> Verified | None:
    """One recording; None: it was removed."""
    shown, found = named.shown(path), list[Finding]()
    try:
        is_open = named.is_open(path)
    except OSError as error:
        # There is one, and that is what counts.
        is_open = True
        found.append(unreadable_entry(error))
    try:
        with named.open(path) as folder:
            verified = verify_recording(
                named.disk, folder, shown, is_open=is_open, progress=progress
            )
        if verified.damage:
            # It may have been removed as a whole while it was read.
            with named.open(path):
                pass
    except FileNotFoundError:
        return None
    except OSError as error:
        return _trouble(shown, error)
    return attrs.evolve(verified, findings=(*found, *verified.findings))


def _trouble(path: str, error: OSError) -> Verified:
    return Verified(path=path, findings=(unreadable(error),), is_recording=False)


def verify_recording(
    disk: Disk,
    folder: int,
    path: str,
    *,
    is_open: bool = False,
    progress: Callable[[int], None] = lambda _more: None,
) -> Verified:
    """Verify one recording. Never raises: what cannot be read is among the findings.

    Args:
        folder: the descriptor of its folder.
        path: what to call it; its last name is its folder's.
        is_open: an entry names it, so what is unfinished about it is no damage.
        progress: told, again and again, how many bytes more have been read.
    """
    reading = _Reading(disk, folder, progress)
    try:
        reading.all(path.rpartition("/")[2], is_open=is_open)
    except OSError as error:
        reading.found.append(unreadable(error))
    return Verified(
        path=path,
        findings=tuple(reading.found),
        segments=reading.segments,
        bytes=reading.bytes,
    )


class _Reading:
    """One recording being read."""

    def __init__(self, disk: Disk, folder: int, progress: Callable[[int], None]) -> None:
        self._disk = disk
        self._folder = folder
        self._progress = progress
        self.found: list[Finding] = []
        self.segments = 0
        self.bytes = 0

    def all(self, folder_name: str, *, is_open: bool) -> None:
        manifest = self._manifest(folder_name, is_open=is_open)
        names = self._disk.list_folder(self._folder)
        rows = {} if manifest is None else {row.file: row for row in manifest.segments}
        self.found += of_names(names, manifest, is_open=is_open)
        finals = {name for name in names if _is_final(name)}
        gone = []
        for name in sorted({*rows, *finals}, key=lambda name: (len(name), name)):
            row = rows.get(name)
            if (
                (row is None or not row.deleted)
                and not self._segment(name, row)
                and row is not None
            ):
                gone.append(name)
        if gone:
            self._gone(gone)

    def _manifest(self, folder_name: str, *, is_open: bool) -> Manifest | None:
        try:
            manifest = read_manifest(self._disk, self._folder)
        except FileNotFoundError:
            names = self._disk.list_folder(self._folder)
            self.found.append(without_manifest(names, is_open=is_open))
        except ManifestError as error:
            self.found.append(damaged_manifest(str(error)))
        except OSError as error:
            self.found.append(unreadable(error, naming.MANIFEST_FILE))
        else:
            self.found += of_manifest(manifest, folder_name, is_open=is_open)
            return manifest
        return None

    def _segment(self, name: str, row: Segment | None) -> bool:
        """Read one file; False: there is none."""
        inspection, size, offset = None, 0, 0
        try:
            with closing(self._disk, self._disk.open_file(self._folder, name)) as file:
                size = self._disk.size(file)
                inspection = Inspection(name, size, row)
                with _from_the_disk(self._disk, file):
                    while inspection.wants_more and (
                        block := self._disk.read(file, BLOCK_BYTES, offset)
                    ):
                        inspection.feed(block)
                        offset += len(block)
                        self._progress(len(block))
            self.found += inspection.ended()
        except FileNotFoundError:
            return False
        except OSError as error:
            if inspection is None:
                self.found.append(unreadable(error, name))
            else:
                self.found += inspection.failed(error, offset)
        self.segments += 1
        self.bytes += size
        self._progress(max(0, size - offset))
        return True

    def _gone(self, names: list[str]) -> None:
        """Their rows may be marked by now: whoever removes a file says so first."""
        deleted = set[str]()
        with suppress(OSError, ManifestError):
            manifest = read_manifest(self._disk, self._folder)
            is_going = manifest.deleting is not None
            deleted = {row.file for row in manifest.segments if row.deleted or is_going}
        self.found += [missing(name) for name in names if name not in deleted]


@contextmanager
def _from_the_disk(disk: Disk, file: int) -> Iterator[None]:
    """Read what the disk has, not what memory still shows of it; and leave memory to those who
    record, who need it more."""
    with suppress(OSError):
        disk.forget_cache(file)
    yield
    with suppress(OSError):
        disk.forget_cache(file)


def _is_final(name: str) -> bool:
    segment = naming.parse_segment(name)
    return segment is not None and not segment.part
