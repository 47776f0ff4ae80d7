"""A disk in memory that knows what is durable, and gives what a power cut may leave of it.

Owns the model of a crash, which is the assumption of `recorder/recording/DESIGN.md` and nothing
kinder: the sync of a folder makes durable what was done to its names, the sync of a file its bytes
and its size, and between two syncs anything may have happened or not, in any order:

* each 4 KiB block is as at the last sync (zeros where there was none), or as any write left it;
* the size is that of the last sync, or what any write left, whatever blocks are there: bytes that
  are not there read as zeros, those behind the size are gone;
* each change of a name has happened or not by itself; a rename is one change, never half of one;
* what no name leads to is gone, however well it was synced.

Which of all that is played through is decided in `cut_choices`. No thread, no clock, no real disk.
A process that dies without a power cut leaves the disk as it is (`killed`): names and bytes are
there, and still not durable.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, TypeAlias

import attrs

from recorder.recording.disk import FILE_MODE, FOLDER_MODE, FileFacts, Space

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType


BLOCK_BYTES = 4096

MODIFIED_NS = 1_795_343_400 * 1_000_000_000
"""Of every file: nothing that is promised hangs on it."""

_FIRST_DESCRIPTOR = 1000
_SITE_FRAMES = 5


@attrs.define(eq=False)
class File:
    """Attributes:
    label: the path it was made under.
    content: what a process sees.
    durable: what the last sync made so.
    written: of each block that was written since, when, and what the write left of it.
    sizes: what each write since then left, and when.
    """

    label: str
    content: bytearray = attrs.field(factory=bytearray)
    durable: bytes = b""
    written: dict[int, list[tuple[int, bytes]]] = attrs.field(factory=dict)
    sizes: list[tuple[int, int]] = attrs.field(factory=list)

    @property
    def name(self) -> str:
        return self.label.rpartition("/")[2]

    def write(self, at: int, data: bytes, offset: int) -> None:
        first = min(offset, len(self.content))
        self.content.extend(bytes(offset - first))
        self.content[offset : offset + len(data)] = data
        self._wrote(at, first, offset + len(data))

    def truncate(self, at: int, size: int) -> None:
        first = min(size, len(self.content))
        del self.content[size:]
        self.content.extend(bytes(size - first))
        # What stands behind the size in its last block is made zeros, as the kernel does.
        self._wrote(at, first, max(size, first + 1) if size % BLOCK_BYTES else size)

    def _wrote(self, at: int, first: int, end: int) -> None:
        for block in range(first // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
            self.written.setdefault(block, []).append((at, block_of(self.content, block)))
        self.sizes.append((at, len(self.content)))

    def sync(self) -> None:
        self.durable = bytes(self.content)
        self.written.clear()
        self.sizes.clear()

    def lose(self) -> None:
        """What a failed sync does: what was not durable never will be, and is called clean."""
        self.written.clear()
        self.sizes.clear()

    @property
    def is_lost(self) -> bool:
        return not self.written and not self.sizes and self.durable != self.content


@attrs.define(eq=False)
class Folder:
    """Attributes:
    changes: of names since the last sync: when, and what each name then led to.
    """

    label: str
    names: dict[str, Node] = attrs.field(factory=dict)
    durable: dict[str, Node] = attrs.field(factory=dict)
    changes: list[tuple[int, dict[str, Node | None]]] = attrs.field(factory=list)

    def change(self, at: int, names: dict[str, Node | None]) -> None:
        self.changes.append((at, names))
        apply(self.names, names)

    def sync(self) -> None:
        self.durable = dict(self.names)
        self.changes.clear()


Node: TypeAlias = File | Folder


def apply(names: dict[str, Node], changed: dict[str, Node | None]) -> None:
    """Carry out one change of names."""
    for name, node in changed.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def block_of(content: bytes | bytearray, block: int) -> bytes:
    at = block * BLOCK_BYTES
    return bytes(content[at : at + BLOCK_BYTES]).ljust(BLOCK_BYTES, b"\0")


@attrs.frozen
class Sync:
    """A sync that is asked for.

    Attributes:
        kind: "file" or "folder".
        label: the path of what is synced.
        line: where the innermost of these functions asked.
        site: which functions of ours asked, the innermost first: `("files._sync", ...)`.
    """

    kind: str
    label: str
    line: int
    site: tuple[str, ...]


def _site() -> tuple[int, tuple[str, ...]]:
    line, found = 0, list[str]()
    frame: FrameType | None = sys._getframe(3)  # behind this, `_is_swallowed` and the primitive
    while frame is not None and len(found) < _SITE_FRAMES:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("tests."):
            break
        if module.startswith("recorder."):
            line = line or frame.f_lineno
            found.append(f"{module.rpartition('.')[2]}.{frame.f_code.co_name}")
        frame = frame.f_back
    return line, tuple(found)


@attrs.define(eq=False)
class PowerCutDisk:
    """A `Disk`. Its root is `/`.

    Attributes:
        before: called before each operation that changes or syncs something, with its name and
            what it is done to.
        swallows: whether a sync is to be forgotten: it returns, and has done nothing.
        fails: whether an operation is to raise EIO instead of happening; of a file's sync what
            was not durable is then lost.
        has_links: False: as on FAT.
        dull: names of files that are durable at once, so that states which differ only in them
            are not told apart.
        changes: how many operations have changed something.
        syncs: every one that was asked for.
    """

    root: Folder = attrs.field(factory=lambda: Folder(""))
    has_links: bool = True
    dull: frozenset[str] = frozenset()
    before: Callable[[str, str], None] | None = None
    swallows: Callable[[Sync], bool] | None = None
    fails: Callable[[str, str], bool] | None = None
    changes: int = 0
    syncs: set[Sync] | None = None
    now: int = 0
    _open: dict[int, Node] = attrs.field(factory=dict)
    _locks: dict[int, Node] = attrs.field(factory=dict)
    _next: int = _FIRST_DESCRIPTOR

    def killed(self) -> PowerCutDisk:
        """The same disk for another process, this one's descriptors and lock gone; what happens
        on one does not happen on the other."""
        copies: dict[Node, Node] = {}
        return attrs.evolve(
            self,
            root=_copy(self.root, copies),
            before=None,
            fails=None,
            changes=0,
            open={},
            locks={},
        )

    # What it is made of.

    def _node(self, descriptor: int) -> Node:
        node = self._open.get(descriptor)
        if node is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return node

    def _folder(self, descriptor: int) -> Folder:
        node = self._node(descriptor)
        if not isinstance(node, Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return node

    def _file(self, descriptor: int) -> File:
        node = self._node(descriptor)
        assert isinstance(node, File), "not what a program of ours does"
        return node

    def _named(self, folder: int, name: str) -> Node:
        node = self._folder(folder).names.get(name)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return node

    def _give(self, node: Node) -> int:
        self._next += 1
        self._open[self._next] = node
        return self._next

    def _begins(self, operation: str, label: str) -> None:
        if self.before is not None:
            self.before(operation, label)
        self.now += 1
        if self.fails is not None and self.fails(operation, label):
            raise OSError(errno.EIO, os.strerror(errno.EIO), label)

    def _changes(self, operation: str, label: str) -> None:
        self._begins(operation, label)
        self.changes += 1

    def _change(self, folder: Folder, names: dict[str, Node | None]) -> None:
        if self.dull.issuperset(names):
            apply(folder.names, names)
            apply(folder.durable, names)
        else:
            folder.change(self.now, names)

    def _written(self, file: File) -> None:
        if file.name in self.dull:
            file.sync()

    @staticmethod
    def _must_be_free(folder: Folder, name: str) -> None:
        if name in folder.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)

    # The primitives, in the order of `Disk`.

    def open_path(self, path: Path, *, follow: bool = False) -> int:
        node: Node = self.root
        for name in path.parts[1:]:
            found = node.names.get(name) if isinstance(node, Folder) else None
            if found is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            node = found
        return self._give(node)

    def open_folder(self, parent: int, name: str) -> int:
        node = self._named(parent, name)
        if not isinstance(node, Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        return self._give(node)

    def make_folder(self, parent: int, name: str, mode: int = FOLDER_MODE) -> None:
        folder = self._folder(parent)
        self._must_be_free(folder, name)
        label = f"{folder.label}/{name}"
        self._changes("make_folder", label)
        self._change(folder, {name: Folder(label)})

    def sync_folder(self, folder: int) -> None:
        node = self._folder(folder)
        self._begins("sync_folder", node.label)
        if not self._is_swallowed("folder", node):
            node.sync()

    def list_folder(self, folder: int) -> list[str]:
        return list(self._folder(folder).names)

    def exists(self, folder: int, name: str) -> bool:
        return name in self._folder(folder).names

    def facts(self, folder: int, name: str) -> FileFacts:
        node = self._named(folder, name)
        size = len(node.content) if isinstance(node, File) else 0
        return FileFacts(size, MODIFIED_NS, id(node), isinstance(node, Folder))

    def size(self, file: int) -> int:
        return len(self._file(file).content)

    def identity(self, descriptor: int) -> tuple[int, int]:
        return 1, id(self._node(descriptor))

    def space(self, folder: int) -> Space:
        return Space(1 << 40, 1 << 39)

    def create_file(self, folder: int, name: str, mode: int = FILE_MODE) -> int:
        node = self._folder(folder)
        self._must_be_free(node, name)
        made = File(f"{node.label}/{name}")
        self._changes("create_file", made.label)
        self._change(node, {name: made})
        return self._give(made)

    def open_file(self, folder: int, name: str) -> int:
        return self._give(self._named(folder, name))

    def open_to_repair(self, folder: int, name: str) -> int:
        return self._give(self._named(folder, name))

    def open_lock(self, folder: int, name: str) -> int:
        if name in self._folder(folder).names:
            return self.open_to_repair(folder, name)
        return self.create_file(folder, name)

    def read(self, file: int, size: int, offset: int) -> bytes:
        return bytes(self._file(file).content[offset : offset + size])

    def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
        node = self._file(file)
        self._changes("write", node.label)
        node.write(self.now, bytes(data), offset)
        self._written(node)
        return len(data)

    def truncate(self, file: int, size: int) -> None:
        node = self._file(file)
        self._changes("truncate", node.label)
        node.truncate(self.now, size)
        self._written(node)

    def allocate(self, file: int, size: int) -> None:
        node = self._file(file)
        self._changes("allocate", node.label)
        node.truncate(self.now, max(size, len(node.content)))

    def forget_cache(self, file: int) -> None:
        node = self._file(file)
        if node.is_lost:
            node.content[:] = node.durable.ljust(len(node.content), b"\0")[: len(node.content)]

    def sync_file(self, file: int) -> None:
        node = self._file(file)
        try:
            self._begins("sync_file", node.label)
        except OSError:
            node.lose()
            raise
        # A second sync behind a failed one says all is well, and does nothing.
        if not node.is_lost and not self._is_swallowed("file", node):
            node.sync()

    def _is_swallowed(self, kind: str, node: Node) -> bool:
        if self.swallows is None and self.syncs is None:
            return False
        sync = Sync(kind, node.label, *_site())
        if self.syncs is not None:
            self.syncs.add(sync)
        return self.swallows is not None and self.swallows(sync)

    def link(self, folder: int, source: str, target: str) -> None:
        node, file = self._folder(folder), self._named(folder, source)
        self._must_be_free(node, target)
        if not self.has_links:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), target)
        self._changes("link", f"{node.label}/{target}")
        self._change(node, {target: file})

    def rename(self, folder: int, source: str, target: str) -> None:
        node, file = self._folder(folder), self._named(folder, source)
        self._changes("rename", f"{node.label}/{target}")
        self._change(node, {source: None, target: file})

    def unlink(self, folder: int, name: str) -> None:
        node = self._folder(folder)
        self._named(folder, name)
        self._changes("unlink", f"{node.label}/{name}")
        self._change(node, {name: None})

    def remove_folder(self, parent: int, name: str) -> None:
        node, inner = self._folder(parent), self._named(parent, name)
        if isinstance(inner, Folder) and inner.names:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)
        self._changes("remove_folder", f"{node.label}/{name}")
        self._change(node, {name: None})

    def try_lock(self, file: int) -> bool:
        node = self._node(file)
        if node in self._locks.values():
            return False
        self._locks[file] = node
        return True

    def file_system(self, folder: int) -> str:
        return "ext4" if self.has_links else "vfat"

    def replace(self, old: int, new: int) -> None:
        self._locks.pop(old, None)
        self._open[old] = self._node(new)

    def close(self, descriptor: int) -> None:
        self._node(descriptor)
        self._locks.pop(descriptor, None)
        del self._open[descriptor]


def _copy(node: Folder, copies: dict[Node, Node]) -> Folder:
    """The same folder once more, with all that may be in it after a power cut."""

    def copied(inner: Node) -> Node:
        if inner not in copies:
            if isinstance(inner, Folder):
                _copy(inner, copies)
            else:
                copies[inner] = File(
                    inner.label,
                    bytearray(inner.content),
                    inner.durable,
                    {block: list(each) for block, each in inner.written.items()},
                    list(inner.sizes),
                )
        return copies[inner]

    made = copies[node] = Folder(node.label)
    made.names = {name: copied(each) for name, each in node.names.items()}
    made.durable = {name: copied(each) for name, each in node.durable.items()}
    made.changes = [
        (at, {name: None if each is None else copied(each) for name, each in changed.items()})
        for at, changed in node.changes
    ]
    return made
