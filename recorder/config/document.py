"""A YAML text as plain values, together with the place of every one of them.

PyYAML's own constructors forget where a value stood and let the second of two equal keys win. This
module walks the node tree instead: each value keeps its line and the text it was written with, and
everything wrong with the shape of the text (a repeated key, a key that is no text, an alias) is a
Problem, collected and not raised, because a person wants to hear of all of them at once.

It knows nothing of the recorder's keys. Problems never quote values: a value may be a secret.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import attrs
import yaml

KeyPath: TypeAlias = tuple[str | int, ...]

# A configuration has three levels. The bound keeps a hostile file from exhausting the stack.
_MAX_DEPTH = 20


@attrs.frozen
class Problem:
    """One thing that is wrong (or, as a warning, unwise) in a file."""

    reason: str
    path: KeyPath = ()
    line: int | None = None

    def describe(self, file: str) -> str:
        """`config.yaml:12: rooms.room101.key: reason`, safe to print on a terminal."""
        place = file if self.line is None else f"{file}:{self.line}"
        words = [place, written(self.path), self.reason] if self.path else [place, self.reason]
        return printable(": ".join(words))


@attrs.frozen
class Place:
    """Where a value stands, and how it was written (empty for a list or a block)."""

    line: int
    text: str


@attrs.frozen
class Document:
    """What the text says; `value` is None for an empty one or one that cannot be read."""

    value: Any
    places: dict[KeyPath, Place]
    problems: list[Problem]


def written(path: KeyPath) -> str:
    """`rooms.room101.key`, `rtmp.listen[0]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def printable(text: str) -> str:
    """The text with everything a terminal could obey written as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def parse(data: bytes) -> Document:
    """Read one YAML document."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _unreadable("is not UTF-8 text", line)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            reader = _Reader(loader)
            value = None if node is None else reader.value(node, ())
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        return _unreadable(
            "a control character stands here", text.count("\n", 0, error.position) + 1
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "is not YAML"
        if "'\\t'" in reason:
            reason = "a tab stands here; only spaces may stand before a key"
        # Only the problem, never str(error): that shows the source line, and a key may stand in it.
        return _unreadable(reason, 1 if mark is None else mark.line + 1)
    return Document(value, reader.places, reader.problems)


def _unreadable(reason: str, line: int) -> Document:
    return Document(None, {}, [Problem(f"cannot be read: {reason}", line=line)])


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses what no configuration needs: aliases, tags, endless nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        refusal = None
        if isinstance(event, yaml.AliasEvent):
            refusal = "an alias (*name) is not allowed here; write the value itself"
        elif event.tag is not None:
            refusal = "a tag (!name) is not allowed here"
        elif self.depth == _MAX_DEPTH:
            refusal = "is nested too deeply"
        if refusal is not None:
            raise yaml.composer.ComposerError(None, None, refusal, event.start_mark)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Reader:
    """Turns nodes into values and remembers where each stood."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        self.places.setdefault(path, Place(node.start_mark.line + 1, text))
        if isinstance(node, yaml.MappingNode):
            return {
                name: self.value(child, (*path, name)) for name, child in self._keys(node, path)
            }
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _keys(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node]]:
        """The entries of a block; a repeated key is a problem, and its first value counts."""
        seen: dict[str, int] = {}
        for key_node, child in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem("a list or a block cannot be a key", path, line))
                continue
            name = key_node.value
            here = (*path, name)
            if not isinstance(self._scalar(key_node, here), str):
                self.problems.append(Problem(f'put it in quotes: "{name}"', here, line))
            if name in seen:
                self.problems.append(
                    Problem(f"stands here twice, first in line {seen[name]}", here, line)
                )
                continue
            seen[name] = line
            # The line of the key, not of the value: a block's value starts on the next line.
            text = child.value if isinstance(child, yaml.ScalarNode) else ""
            self.places[here] = Place(line, text)
            yield name, child

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            # << or =, a date such as 2026-13-45, a number with too many digits.
            reason = "is no value that can stand here; if it is meant as text, put it in quotes"
            self.problems.append(Problem(reason, path, node.start_mark.line + 1))
            return node.value
