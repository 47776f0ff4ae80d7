"""Which of the states that a power cut may leave are played through, and each as a disk.

Owns the choice. Every thing that may have become durable or not is an *effect* with its choices, of
which the first is "nothing of it" and the last "all of it": a block, a size, a change of names.
Where the product of all effects is small, all of it is given. Where it is not:

* nothing; everything;
* each choice of each effect alone, and everything but it;
* each prefix in time: what came first is there, what came later is not;
* a number of seeded random ones, each effect with an even chance for each of its choices.

In both cases each file is also given cut at each whole block with everything else there, as a
write leaves it that was under way. States that look the same are given once.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from typing import TYPE_CHECKING

import attrs

from tests.helpers.power_cuts import BLOCK_BYTES, File, Folder, Node, PowerCutDisk, apply, block_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping


@attrs.frozen(kw_only=True)
class Choice:
    """How much of it: `product` states at most where all are given, else `chance` random ones
    beside the others."""

    product: int
    chance: int


@attrs.frozen(eq=False)
class _Effect:
    at: int
    node: Node
    slot: int
    """A block, or which of the changes; -1: the size."""
    choices: tuple[object, ...]


@attrs.frozen(kw_only=True)
class Left:
    """What a power cut leaves.

    Attributes:
        key: the same for all that look the same.
        disk: all of it durable.
        is_everything: nothing is missing, as if the process had been killed.
    """

    key: bytes
    disk: PowerCutDisk
    is_everything: bool


class Cuts:
    """What a power cut may leave of a disk as it is now.

    Attributes:
        raw: how many states have been looked at so far, those included that look the same.
        is_whole: all that there can be are given.
    """

    def __init__(self, disk: PowerCutDisk, choice: Choice, chance: random.Random) -> None:
        self._disk = disk
        self._choice = choice
        self._chance = chance
        self._effects = sorted(_effects(disk.root), key=lambda effect: effect.at)
        self._contents: dict[tuple[File, tuple[int, ...]], tuple[bytes, bytes]] = {}
        self._settled: dict[File, tuple[bytes, bytes]] = {}
        self._of_file: dict[File, list[int]] = {}
        self._of_folder: dict[Folder, list[int]] = {}
        for index, effect in enumerate(self._effects):
            if isinstance(effect.node, File):
                self._of_file.setdefault(effect.node, []).append(index)
            else:
                self._of_folder.setdefault(effect.node, []).append(index)
        self.raw = 0
        product = math.prod(len(effect.choices) for effect in self._effects)
        self.is_whole = product <= choice.product

    def __iter__(self) -> Iterator[Left]:
        seen = set[bytes]()
        everything = tuple(len(effect.choices) - 1 for effect in self._effects)
        ways = itertools.chain(
            ((way, None) for way in self._ways(everything)), self._torn(everything)
        )
        for way, torn in ways:
            self.raw += 1
            key = self._key(way, torn)
            if key not in seen:
                seen.add(key)
                yield Left(
                    key=key,
                    disk=self._made(way, torn),
                    is_everything=way == everything and torn is None,
                )

    def _ways(self, everything: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        numbers = [range(len(effect.choices)) for effect in self._effects]
        # What is most like a process that was killed comes first.
        yield everything
        if self.is_whole:
            yield from itertools.product(*numbers)
            return
        nothing = (0,) * len(numbers)
        yield nothing
        for index, choices in enumerate(numbers):
            for number in choices:
                yield (*nothing[:index], number, *nothing[index + 1 :])
                yield (*everything[:index], number, *everything[index + 1 :])
            yield everything[:index] + nothing[index:]
        for _ in range(self._choice.chance):
            yield tuple(self._chance.choice(choices) for choices in numbers)

    def _torn(
        self, everything: tuple[int, ...]
    ) -> Iterator[tuple[tuple[int, ...], tuple[File, int]]]:
        for file in self._of_file:
            first = len(file.durable) // BLOCK_BYTES + 1
            for block in range(first, -(-len(file.content) // BLOCK_BYTES)):
                yield everything, (file, block * BLOCK_BYTES)

    def _key(self, way: tuple[int, ...], torn: tuple[File, int] | None) -> bytes:
        return _tree_key(
            self._disk.root,
            lambda folder: self._names(folder, way),
            lambda file: self._content(file, way, torn)[1],
        )

    def _made(self, way: tuple[int, ...], torn: tuple[File, int] | None) -> PowerCutDisk:
        made: dict[Node, Node] = {}

        def make(node: Node) -> Node:
            if node in made:
                return made[node]
            if isinstance(node, File):
                content = self._content(node, way, torn)[0]
                made[node] = File(node.label, bytearray(content), content)
            else:
                folder = made[node] = Folder(node.label)
                folder.names = {name: make(inner) for name, inner in self._names(node, way).items()}
                folder.durable = dict(folder.names)
            return made[node]

        root = make(self._disk.root)
        assert isinstance(root, Folder)
        disk = self._disk
        return PowerCutDisk(
            root,
            has_links=disk.has_links,
            dull=disk.dull,
            swallows=disk.swallows,
            syncs=disk.syncs,
        )

    def _names(self, folder: Folder, way: tuple[int, ...]) -> Mapping[str, Node]:
        indexes = self._of_folder.get(folder)
        if indexes is None:
            return folder.durable
        names = dict(folder.durable)
        for index in indexes:
            if way[index]:
                apply(names, folder.changes[self._effects[index].slot][1])
        return names

    def _content(
        self, file: File, way: tuple[int, ...], torn: tuple[File, int] | None
    ) -> tuple[bytes, bytes]:
        """What is in a file, and its digest."""
        indexes = self._of_file.get(file)
        if indexes is None:
            # Most files of a disk: none of this is about them.
            if file not in self._settled:
                self._settled[file] = file.durable, _digest(file.durable)
            return self._settled[file]
        size = torn[1] if torn is not None and torn[0] is file else -1
        at = file, (size, *(way[index] for index in indexes))
        if at not in self._contents:
            content = bytearray(file.durable)
            wanted = len(content)
            for index in indexes:
                effect = self._effects[index]
                chosen = effect.choices[way[index]]
                if effect.slot < 0:
                    assert isinstance(chosen, int)
                    wanted = chosen
                else:
                    assert isinstance(chosen, bytes)
                    start = effect.slot * BLOCK_BYTES
                    content.extend(bytes(max(0, start - len(content))))
                    content[start : start + BLOCK_BYTES] = chosen
            wanted = wanted if size < 0 else size
            whole = bytes(content[:wanted]).ljust(wanted, b"\0")
            self._contents[at] = whole, _digest(whole)
        return self._contents[at]


def key_of(disk: PowerCutDisk) -> bytes:
    """The same for all disks that look the same to a process, whatever is durable."""
    return _tree_key(
        disk.root,
        lambda folder: folder.names,
        lambda file: _digest(file.content),
    )


def _digest(data: bytes | bytearray) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _tree_key(
    root: Folder,
    names: Callable[[Folder], Mapping[str, Node]],
    digest_of: Callable[[File], bytes],
) -> bytes:
    parts = list[bytes]()
    numbers: dict[Node, int] = {}

    def walk(folder: Folder) -> None:
        for name, node in sorted(names(folder).items()):
            is_new = node not in numbers
            parts.append(b"%b\0%d\0" % (name.encode(), numbers.setdefault(node, len(numbers))))
            if not is_new:
                continue
            if isinstance(node, File):
                parts.append(digest_of(node))
            else:
                parts.append(b"{")
                walk(node)
                parts.append(b"}")

    walk(root)
    return _digest(b"".join(parts))


def _effects(root: Folder) -> Iterator[_Effect]:
    """Of all that a power cut may leave a name of."""
    seen = set[Node]()
    left: list[Node] = [root]
    while left:
        node = left.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, File):
            yield from _effects_of_file(node)
            continue
        left += node.durable.values()
        for slot, (at, changed) in enumerate(node.changes):
            left += [each for each in changed.values() if each is not None]
            yield _Effect(at, node, slot, (False, True))


def _effects_of_file(file: File) -> Iterator[_Effect]:
    for block, versions in file.written.items():
        choices = _distinct([block_of(file.durable, block), *(each for _, each in versions)])
        if len(choices) > 1:
            yield _Effect(versions[0][0], file, block, choices)
    sizes = _distinct([len(file.durable), *(size for _, size in file.sizes)])
    if len(sizes) > 1:
        yield _Effect(file.sizes[0][0], file, -1, sizes)


def _distinct(choices: list[object]) -> tuple[object, ...]:
    """Without repetitions; the first and the last keep their places, and may be the same."""
    first, last = choices[0], choices[-1]
    between = [each for each in dict.fromkeys(choices[1:-1]) if each not in (first, last)]
    found = (first, *between, last)
    return found if between or first != last else (first,)
