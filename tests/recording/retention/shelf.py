"""A storage with recordings of given ages and sizes, on a disk as large as a test says.

Owns what stands around the sweep: an index that reads the folders, a writer that has nothing to
write, a disk that counts. The recordings are real folders with real manifests; their segments are
holes of the right size.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs
import trio

from recorder.clock import utc_text
from recorder.recording.disk import Space
from recorder.recording.initialise import initialise
from recorder.recording.manifest import Client, Manifest, Segment
from recorder.recording.naming import recording_path, segment_name
from recorder.recording.retention.hand import Hand
from recorder.recording.retention.inventory import find, read_known
from recorder.recording.retention.ledger import Ledger
from recorder.recording.retention.operator import Operator
from recorder.recording.retention.rules import Rules
from recorder.recording.retention.sweeper import Sweeper
from recorder.recording.retention.watch import SpaceWatch
from recorder.recording.storage import Storage
from tests.helpers.clock import FakeClock
from tests.helpers.disk import RecordingDisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from recorder.recording.indexing import Indexer
    from recorder.recording.recording import LiveRecording
    from recorder.recording.retention.candidates import Known
    from recorder.recording.writer import Writer

T = TypeVar("T")

MIB = 1 << 20
DAY_MS = 86_400_000

TOTAL = 1000 * MIB
"""Its own floor is 20 MiB, and a sweep wants 4 MiB more."""


class CountingDisk(RecordingDisk):
    """A disk of TOTAL bytes, of which the files of a folder take what they say.

    Attributes:
        foreign: bytes of somebody else.
        error: what `space` raises.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.foreign = 0
        self.error: Exception | None = None

    def space(self, folder: int) -> Space:
        super().space(folder)
        if self.error is not None:
            raise self.error
        used = sum(each.stat().st_size for each in self._folder.glob("*/*/*/*.flv*"))
        return Space(TOTAL, TOTAL - used - self.foreign)


class FolderIndex:
    """Where an `Indexer` is wanted: every answer comes from the folders.

    Attributes:
        has_changed, are_removed: what it was told, by number.
        error: what every question raises.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.has_changed: list[int] = []
        self.are_removed: list[int] = []
        self.error: OSError | None = None
        self.is_ready = True

    async def known(self, use: Callable[[Iterable[Known]], T]) -> T:
        if self.error is not None:
            raise self.error
        return use(read_known(self._storage.disk, self._storage.root))

    async def folder_of(self, number: int) -> str | None:
        return find(self._storage.disk, self._storage.root, number)

    def changed(self, folder: str, manifest: Manifest) -> None:
        assert str(manifest.number) in folder
        self.has_changed.append(manifest.number)

    def removed(self, number: int) -> None:
        self.are_removed.append(number)


class QuietWriter:
    """Where a `Writer` is wanted that has nothing to write."""

    written_bytes = 0

    def __init__(self) -> None:
        self.hops = 0

    def hurry(self) -> None:
        """There is nothing to hurry for."""

    async def next_hop(self) -> None:
        self.hops += 1
        await trio.lowlevel.checkpoint()

    async def between_hops(self, call: Callable[[], None]) -> None:
        call()


@attrs.define(eq=False)
class Shelf:
    """Attributes:
    held: what the watch said.
    live: the recordings that may still change.
    in_hand: folders that are being repaired.
    """

    storage: Storage
    disk: CountingDisk
    rules: Rules
    ledger: Ledger
    clock: FakeClock = attrs.field(factory=FakeClock)
    held: list[str | None] = attrs.field(factory=list)
    live: list[Any] = attrs.field(factory=list)
    in_hand: set[str] = attrs.field(factory=set)
    index: FolderIndex = attrs.field(init=False)
    watch: SpaceWatch = attrs.field(init=False)
    hand: Hand = attrs.field(init=False)
    sweeper: Sweeper = attrs.field(init=False)
    operator: Operator = attrs.field(init=False)
    writer: QuietWriter = attrs.field(factory=QuietWriter)

    def __attrs_post_init__(self) -> None:
        self.index = FolderIndex(self.storage)
        indexer = cast("Indexer", self.index)
        self.watch = SpaceWatch(
            self.rules,
            self.ledger,
            directory=self.storage.directory,
            now_ms=self.clock.monotonic_ms,
            is_recording=lambda: bool(self.live),
            on_change=self.held.append,
            on_sweep=lambda: self.sweeper.soon(),
        )
        self.hand = Hand(
            self.storage,
            self.watch,
            indexer=indexer,
            writer=cast("Writer", self.writer),
            live=lambda: cast("list[LiveRecording]", self.live),
            in_hand=lambda: self.in_hand,
        )
        self.sweeper = Sweeper(
            self.storage,
            self.watch,
            self.hand,
            indexer=indexer,
            believed_utc_ms=self._believed_utc_ms,
            state=self.storage.directory / ".recorder",
            live=lambda: cast("list[LiveRecording]", self.live),
        )
        self.operator = Operator(self.storage, self.hand, indexer=indexer, clock=self.clock)

    def _believed_utc_ms(self) -> int | None:
        return self.clock.utc_ns() // 1_000_000 if self.clock.trusted() else None

    def add(
        self,
        number: int,
        *,
        room: str = "hall",
        days: float = 0,
        size: int = 10 * MIB,
        segments: int = 2,
        kept: bool = False,
        **changes: Any,
    ) -> Path:
        """A recording that ended so many days ago; gives its folder."""
        utc_ns = self.clock.utc_ns() - int(days * DAY_MS) * 1_000_000
        rows = tuple(
            Segment(
                file=segment_name(index),
                start_ms=(index - 1) * 1000,
                duration_ms=1000,
                bytes=size // segments,
                sha256="0" * 64,
                reason="start" if index == 1 else "duration",
            )
            for index in range(1, segments + 1)
        )
        values: dict[str, Any] = {
            "room": room,
            "number": number,
            "start": utc_text(utc_ns - segments * 1_000_000_000),
            "end": utc_text(utc_ns),
            "end_reason": "unpublished",
            "clock": "trusted",
            "client": Client(address="", software=""),
            "segments": rows,
        }
        folder = self.storage.directory / recording_path(room, number, utc_ns)
        folder.mkdir(parents=True)
        manifest = Manifest(**{**values, **changes})
        (folder / "recording.json").write_bytes(manifest.to_json())
        for row in rows:
            with (folder / row.file).open("wb") as file:
                file.truncate(row.bytes)
        if kept:
            (folder / "KEEP").touch()
        return folder

    def there(self) -> list[int]:
        """The numbers of the recordings that have a folder."""
        found = self.storage.directory.glob("*/*/*-*Z")
        return sorted(int(path.name.split("-")[0]) for path in found)

    def path_of(self, folder: Path) -> str:
        return folder.relative_to(self.storage.directory).as_posix()


@contextmanager
def open_shelf(
    folder: Path, rules: Rules | None = None, ledger: Ledger | None = None
) -> Iterator[Shelf]:
    """An empty one."""
    disk = CountingDisk(folder)
    initialise(folder, None, disk)
    with Storage.open(folder, None, disk) as storage:
        yield Shelf(storage, disk, rules or Rules(), ledger or Ledger())


@attrs.define
class LivePart:
    """Where a `LiveRecording` is wanted: one whose segments go when they are told to, unless it
    `spares` them."""

    number: int
    manifest: Manifest
    began_ms: int = 0
    is_open: bool = True
    open_bytes: int = 0
    goes_at_once: bool = True
    spares: bool = False
    removed: list[int] = attrs.field(factory=list)
    folder: Path | None = None

    @property
    def bytes_on_disk(self) -> int:
        rows = self.manifest.segments
        return self.open_bytes + sum(row.bytes for row in rows if not row.deleted)

    @property
    def closed_segments(self) -> list[Segment]:
        return [row for row in self.manifest.segments if row.index not in self.removed]

    @property
    def is_removing(self) -> bool:
        return bool(self.removed) and not self.goes_at_once

    def remove_segments(self, files: Iterable[int]) -> None:
        for file in () if self.spares else files:
            self.removed.append(file)
            rows = self.manifest.segments
            rows = tuple(
                attrs.evolve(row, deleted=row.deleted or row.index == file) for row in rows
            )
            self.manifest = attrs.evolve(self.manifest, segments=rows)
            if self.folder is not None:
                (self.folder / segment_name(file)).unlink()
