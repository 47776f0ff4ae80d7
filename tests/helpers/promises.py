"""What was promised while a disk was recorded onto, and whether a start finds it kept.

Owns the promises of design §5 as they can be asked of a disk: `Ledger` writes down what was said
to be safe and what was said to be saved, `restart` does what a start does, and both together say
which promise is broken. Reads segments by the scanner and nothing that recovery says of them.
"""

from __future__ import annotations

import hashlib
import itertools
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from recorder.flv.scanner import Scanner
from recorder.flv.summary import SegmentSummary
from recorder.recording import naming
from recorder.recording.actions import CutReason, Opened, SegmentFacts
from recorder.recording.clock_state import ClockState, read_clock_state
from recorder.recording.disk import closing
from recorder.recording.hashing import sha256_of
from recorder.recording.initialise import initialise
from recorder.recording.known import KnownStorages
from recorder.recording.manifest import Manifest
from recorder.recording.recovery import recover_recording
from recorder.recording.refusals import StorageError
from recorder.recording.storage import Storage
from recorder.recording.unfinished import forget, read_entries
from tests.helpers.media import AUDIO, VIDEO
from tests.helpers.power_cuts import File, Folder
from tests.helpers.segments import Segment, check
from tests.helpers.studio import ENCODER, mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.recording.manifest import Segment as Row
    from tests.helpers.power_cuts import PowerCutDisk
    from tests.helpers.studio import Studio

DIRECTORY = Path("/recordings")
STATE = Path("/var/state")
"""On another branch: no sync on the way to one is one on the way to the other."""

_MEDIA_BEGIN = 13
_OVERHEAD = 15
_versions = itertools.count(1)
_REASONS = {reason.value for reason in CutReason}


class BrokenPromise(AssertionError):  # noqa: N818 - it says what it is
    """What was promised is not there; the text says what."""


def promise(kept: object, text: str) -> None:
    if not kept:
        raise BrokenPromise(text)


@attrs.frozen(kw_only=True)
class Found:
    """What a start has made of a disk.

    Attributes:
        read: the folders of the recordings it looked for.
        manifests: of every recording on the disk, by its folder.
        segments: their files, by path.
        damaged: those that are kept and cannot be read, so too.
        next_number: of the next recording.
        was_known: the state folder knew it.
        clock: what the state folder says of the clock.
    """

    read: frozenset[str]
    manifests: Mapping[str, Manifest]
    segments: Mapping[str, bytes]
    damaged: Mapping[str, bytes]
    next_number: int
    was_known: bool = True
    clock: ClockState | None = None

    @property
    def marks(self) -> list[tuple[int, int]]:
        """Kind and mark of every frame, in order."""
        return [mark for path in sorted(self.segments) for mark in marks_in(self.segments[path])]


def restart(disk: PowerCutDisk) -> Found:
    """Do what a start does, all of it: open the storage, recover what is unfinished.

    Raises:
        BrokenPromise: what is then there is not as it should be.
    """
    read = set[str]()
    with Storage.open(DIRECTORY, None, disk) as storage:
        lost = [warning for warning in storage.warnings if "lost" in warning]
        promise(not lost, f"a storage that was in use: {lost}")
        for entry in read_entries(storage):
            if isinstance(entry, str):
                forget(storage, entry)
            else:
                read.add(entry.folder)
                recover(storage, entry.folder)
        promise(not disk.list_folder(storage.unfinished), "an entry is left")
        next_number = storage.take_number()
    return found_on(disk, frozenset(read), next_number)


def take_into_use(disk: PowerCutDisk) -> Found:
    """Do what a person does who was not told that a folder is taken into use: do it again."""
    was_known = _is_known(disk)
    with _no_refusal():
        initialise(DIRECTORY, STATE, disk)
    return attrs.evolve(open_knowingly(disk), was_known=was_known)


def open_or_take_into_use(disk: PowerCutDisk) -> Found:
    """Do what another one does, who tries whether it will do as it is."""
    was_known = _is_known(disk)
    try:
        with Storage.open(DIRECTORY, STATE, disk):
            pass
    except StorageError:
        take_into_use(disk)
    return attrs.evolve(open_knowingly(disk), was_known=was_known)


def open_knowingly(disk: PowerCutDisk) -> Found:
    """The start of a recorder with a state folder, which nothing must keep from starting."""
    was_known = _is_known(disk)
    with _no_refusal(), Storage.open(DIRECTORY, STATE, disk):
        pass
    clock = ClockState()
    with suppress(FileNotFoundError), closing(disk, disk.open_path(STATE)) as folder:
        clock = read_clock_state(disk, folder)
    return attrs.evolve(restart(disk), was_known=was_known, clock=clock)


def _is_known(disk: PowerCutDisk) -> bool:
    return bool(KnownStorages.load(DIRECTORY, STATE, disk).directories)


@contextmanager
def _no_refusal() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise BrokenPromise(str(error)) from error


def recover(storage: Storage, folder: str) -> Manifest | None:
    disk = storage.disk
    return recover_recording(
        storage, folder, creator=ENCODER, checksum=lambda at, name: sha256_of(disk, at, name)
    ).manifest


def found_on(disk: PowerCutDisk, read: frozenset[str], next_number: int) -> Found:
    """All that is on a disk, which must be whole."""
    manifests, segments, damaged = dict[str, Manifest](), dict[str, bytes](), dict[str, bytes]()
    for path, folder in recordings(disk):
        manifests[path], files = _whole(path, folder)
        for name, content in files.items():
            kept = segments if name.endswith(naming.SEGMENT_SUFFIX) else damaged
            kept[f"{path}/{name}"] = content
    found = Found(
        read=read,
        manifests=manifests,
        segments=segments,
        damaged=damaged,
        next_number=next_number,
    )
    numbers = [manifest.number for manifest in manifests.values()]
    promise(len(set(numbers)) == len(numbers), f"a number twice: {numbers}")
    promise(all(number < next_number for number in numbers), f"{next_number} is used again")
    for kind in (VIDEO, AUDIO):
        marks = [mark for of, mark in found.marks if of == kind]
        promise(marks == sorted(set(marks)), f"frames twice, or out of order: {marks}")
    return found


def recordings(disk: PowerCutDisk) -> Iterator[tuple[str, Folder]]:
    """The folder of every recording, with its path below the storage."""
    root = disk.root.names.get(DIRECTORY.name)
    if not isinstance(root, Folder):
        return
    for room, dates in _folders(root):
        for date, inner in _folders(dates):
            for name, folder in _folders(inner):
                yield f"{room}/{date}/{name}", folder


def _folders(folder: Folder) -> Iterator[tuple[str, Folder]]:
    for name, node in sorted(folder.names.items()):
        if isinstance(node, Folder) and not name.startswith("."):
            yield name, node


def _whole(path: str, folder: Folder) -> tuple[Manifest, dict[str, bytes]]:
    """A recording's manifest and segments, if that is what is there, and nothing else is."""
    files = {
        name: bytes(node.content) for name, node in folder.names.items() if isinstance(node, File)
    }
    promise(len(files) == len(folder.names), f"a folder in {path}")
    content = files.pop(naming.MANIFEST_FILE, None)
    promise(content is not None, f"{path} has no manifest: {sorted(files)}")
    manifest = Manifest.from_json(content or b"")
    promise(manifest.end is not None and manifest.end_reason, f"{path} has no end")
    damaged = [name for name in sorted(files) if naming.parse_damaged(name)]
    counted = manifest.counts.get("damaged_segments", 0)
    promise(counted == len(damaged), f"{path} has {damaged}, and its manifest tells of {counted}")
    rows = [row.file for row in manifest.segments]
    others = sorted(set(files) - set(damaged))
    promise(rows == others, f"{path} has {others}, and its manifest {rows}")
    for row in manifest.segments:
        _agrees(path, row, files[row.file])
    starts = [row.start_ms for row in manifest.segments]
    promise(starts == sorted(starts), f"{path}: its segments begin at {starts}")
    return manifest, files


def _agrees(path: str, row: Row, content: bytes) -> None:
    """A row says what its file holds, and the file is as promise 1 says."""
    where = f"{path}/{row.file}"
    promise(row.bytes == len(content), f"{where} has {len(content)} bytes, and its row {row.bytes}")
    promise(row.sha256 == _sha256(content), f"{where} has another checksum than its row")
    broken = _broken(content, row)
    promise(broken is None, f"{where}: {broken}")


@lru_cache(maxsize=10_000)
def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=10_000)
def _broken(content: bytes, row: Row) -> str | None:
    """Why a segment is not what promise 1 says; None: it is."""
    summary = SegmentSummary()
    scanner = Scanner()
    for tag in scanner.feed(content):
        summary.add(tag.kind, tag.timestamp, tag.head, tag.size, tag.parts)
    scanner.finish()
    if scanner.broken is not None:
        return f"it breaks at {scanner.broken.offset}: {scanner.broken.reason}"
    opened = Opened(
        segment=0,
        head=b"",
        reason=CutReason(row.reason) if row.reason in _REASONS else CutReason.START,
        new_recording=False,
        base=0,
        position_ms=row.start_ms,
        forced=row.forced,
    )
    facts = SegmentFacts(
        duration_ms=row.duration_ms,
        size_bytes=row.bytes,
        tracks=row.tracks,
        keyframes=summary.keyframes,
        forced=row.forced,
        counts={},
    )
    try:
        check(Segment(opened, bytearray(content), facts))
    except AssertionError as error:
        return f"it is not as its head or its row says: {error}"
    return None


@lru_cache(maxsize=10_000)
def marks_in(content: bytes) -> tuple[tuple[int, int], ...]:
    """Kind and mark of every whole frame of a segment, or of a part."""
    marks = list[tuple[int, int]]()
    for tag in Scanner().feed(content):
        body = content[tag.offset + 11 : tag.offset + 11 + tag.size]
        if tag.kind == VIDEO and body[1] == 1:
            marks.append((VIDEO, mark_of(body)))
        elif tag.kind == AUDIO and body[1] == 1:
            marks.append((AUDIO, int.from_bytes(body[2:6], "big")))
    return tuple(marks)


def landed_marks(disk: PowerCutDisk) -> list[tuple[int, int]]:
    """Of every whole frame that is in any file: what a process that is killed leaves. None of a
    file that has lost what was in it, which a start cannot know."""
    marks = list[tuple[int, int]]()
    for _, folder in recordings(disk):
        files = {node for node in folder.names.values() if isinstance(node, File)}
        for file in sorted(files, key=lambda file: file.label):
            if ".flv" in file.label:
                marks += marks_in(bytes(file.content))
    return marks


@attrs.define
class Ledger:
    """What has been promised so far.

    Attributes:
        parts: of each segment that is open, the bytes that are safe, by folder and number.
        saved: the newest manifest of each recording that was said to be saved.
        segments: the files that these tell of, and what is kept and cannot be read.
        over: recordings that no start looks for any more.
        next_number: no number below it is given again.
        is_storage: the folder was taken into use.
        clock: what was written down of the clock.
    """

    parts: dict[tuple[str, int], bytes] = attrs.field(factory=dict)
    saved: dict[str, Manifest] = attrs.field(factory=dict)
    segments: dict[str, bytes] = attrs.field(factory=dict)
    over: set[str] = attrs.field(factory=set)
    next_number: int = 1
    is_storage: bool = False
    clock: ClockState | None = None
    version: int = 0
    """Another one whenever more has been promised."""

    def copy(self) -> Ledger:
        return Ledger(
            dict(self.parts),
            dict(self.saved),
            dict(self.segments),
            set(self.over),
            self.next_number,
            self.is_storage,
            self.clock,
            next(_versions),
        )

    def hear(self, studio: Studio, disk: PowerCutDisk) -> None:
        """Write down what the room has been told by now."""
        folders = dict(recordings(disk))
        before = len(self.over), self.next_number
        is_new = bool(studio.saved)
        for (path, file), size in studio.safe.items():
            if len(self.parts.get((path, file), b"")) != size:
                content = _content(folders[path], naming.part_name(file), naming.segment_name(file))
                self.parts[path, file] = content[:size]
                is_new = True
        for path, manifest in studio.saved:
            self._is_saved(path, manifest, folders)
        studio.saved.clear()
        going_on = {recording.path for recording in studio.recorder._books.recordings}
        for path, manifest in self.saved.items():
            if path not in going_on and manifest.end and _is_complete(manifest):
                self.over.add(path)
        self.next_number = max(self.next_number, studio.storage._counter._persisted)
        if is_new or before != (len(self.over), self.next_number):
            self.version = next(_versions)

    def _is_saved(self, path: str, manifest: Manifest, folders: Mapping[str, Folder]) -> None:
        self.saved[path] = manifest
        for row in manifest.segments:
            name = f"{path}/{row.file}"
            if name not in self.segments:
                self.segments[name] = _content(folders[path], row.file)

    def is_used(self) -> None:
        """The folder was taken into use."""
        self.is_storage = True
        self.version = next(_versions)

    def is_clock(self, clock: ClockState) -> None:
        """This was written down of the clock."""
        self.clock = clock
        self.version = next(_versions)

    def was_recovered(self, found: Found) -> None:
        """A start has returned, and all that it left is promised."""
        self.saved |= found.manifests
        self.segments |= {**found.segments, **found.damaged}
        self.over |= found.read
        self.version = next(_versions)

    def hold_against(self, found: Found) -> None:
        """
        Raises:
            BrokenPromise: something is not as it was said to be.
        """
        for path, manifest in self.saved.items():
            promise(path in found.manifests, f"{path} is gone, and was saved")
            _still_says(path, manifest, found.manifests[path])
        files = {**found.segments, **found.damaged}
        for name, content in self.segments.items():
            promise(files.get(name) == content, f"{name} was whole, and is another file")
        for (path, file), content in self.parts.items():
            name = f"{path}/{naming.segment_name(file)}"
            media = _media(content)
            promise(name in found.segments or not media, f"{name} is gone, and was safe")
            promise(
                _media(found.segments.get(name, b"")).startswith(media),
                f"{name}: of {len(content)} safe bytes not all are there",
            )
        if self.is_storage:
            promise(found.was_known, f"{STATE} knew the storage, and does no more")
        if self.clock is not None:
            promise(found.clock == self.clock, f"of the clock was known {self.clock}")
        again = found.read & self.over
        promise(not again, f"{sorted(again)} is finished, and a start reads it all the same")
        promise(
            found.next_number >= self.next_number,
            f"the number {found.next_number} is given again",
        )


def _is_complete(manifest: Manifest) -> bool:
    return all(row.sha256 for row in manifest.segments)


def _content(folder: Folder, *names: str) -> bytes:
    for name in names:
        node = folder.names.get(name)
        if isinstance(node, File):
            return bytes(node.content)
    raise AssertionError(f"none of {names} in {folder.label}")


def _media(content: bytes) -> bytes:
    """What stands behind the head tag, which is written again and again."""
    size = int.from_bytes(content[_MEDIA_BEGIN + 1 : _MEDIA_BEGIN + 4], "big")
    return content[_MEDIA_BEGIN + size + _OVERHEAD :]


def _still_says(path: str, saved: Manifest, found: Manifest) -> None:
    """Whether a manifest says all that an earlier one did."""
    rows = {row.file: row for row in found.segments}
    for row in saved.segments:
        now = rows.get(row.file)
        promise(now is not None, f"{path}: the row of {row.file} was saved, and is gone")
        if now is not None and row.sha256 is None:
            now = attrs.evolve(now, sha256=None)
        promise(now == row, f"{path}: the row of {row.file} was {row}, and is {now}")
    if saved.end is not None:
        promise(
            (saved.end, saved.end_reason) == (found.end, found.end_reason),
            f"{path} had ended at {saved.end} ({saved.end_reason})",
        )
    for name in ("room", "number", "start", "clock", "client"):
        promise(getattr(saved, name) == getattr(found, name), f"{path}: {name} is another")
