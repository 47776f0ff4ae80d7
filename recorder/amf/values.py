"""The Python face of AMF: one type per thing that AMF can say.

Owns the names of values, the bounds, and the one error of this package. What Python has, is used
as it is (float, bool, str, None, dict, list, bytes); only what it lacks gets a class here. The
containers are plain dicts and lists underneath, so a reader that does not care whether a peer sent
an object or an ECMA array need not ask.

Text is UTF-8 with `surrogateescape`: peers send other encodings too, and their bytes must survive
on the way into a file. Whoever shows text to a person cleans it first.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

TEXT_ERRORS: Final = "surrogateescape"


class AmfError(ValueError):
    """The bytes are not the AMF they claim to be, or a value has no AMF form.

    The text never quotes what the peer sent: it may be a key.
    """

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset


class AmfBoundError(AmfError):
    """The bytes may be good AMF, but they are more of it than a bound allows."""


class Marker(enum.Enum):
    """Values that are only a type marker and that Python has no word for."""

    UNDEFINED = "undefined"
    UNSUPPORTED = "unsupported"


@attrs.frozen
class Date:
    """A point in time as the sender sees it.

    `zone` is the AMF0 field in minutes, which its own specification asks everybody to ignore.
    """

    ms: float
    zone: int = 0


class Xml(str):
    """An XML document, unparsed."""

    __slots__ = ()


class EcmaArray(dict[str, "Value"]):
    """An object that was sent as an ECMA array (AMF0 08), or an AMF3 array with named members."""

    __slots__ = ()


class TypedObject(dict[str, "Value"]):
    """An object of a registered class."""

    __slots__ = ("class_name",)

    def __init__(
        self,
        class_name: str,
        members: Mapping[str, Value] | Iterable[tuple[str, Value]] = (),
    ) -> None:
        super().__init__(members)
        self.class_name = class_name


class VectorKind(enum.Enum):
    """What an AMF3 vector holds; the value is its type marker."""

    INT = 0x0D
    UINT = 0x0E
    DOUBLE = 0x0F
    OBJECT = 0x10


class Vector(list["Value"]):
    """An AMF3 vector: a list whose elements are all of one kind."""

    __slots__ = ("class_name", "fixed", "kind")

    def __init__(
        self,
        kind: VectorKind,
        elements: Iterable[Value] = (),
        *,
        fixed: bool = False,
        class_name: str = "",
    ) -> None:
        super().__init__(elements)
        self.kind = kind
        self.fixed = fixed
        self.class_name = class_name


@attrs.frozen
class Dictionary:
    """An AMF3 dictionary. Its keys are any values, which Python cannot hash: so pairs, in order."""

    pairs: tuple[tuple[Value, Value], ...] = ()
    weak_keys: bool = False


Value: TypeAlias = (
    "bool | int | float | str | bytes | Marker | Date | Dictionary"
    " | list[Value] | dict[str, Value] | None"
)


def _positive(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value < 1:
        raise ValueError(f"{attribute.name} must be at least 1")


def _shallow(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not 1 <= value <= AmfLimits.DEEPEST:
        raise ValueError(f"{attribute.name} must be within 1 and {AmfLimits.DEEPEST}")


@attrs.frozen(kw_only=True)
class AmfLimits:
    """Every bound that a peer's bytes can touch. They hold for one call of a decoder or encoder."""

    DEEPEST = 100
    """No `depth` above this: each level costs a few Python frames of about 1000."""

    depth: int = attrs.field(default=32, validator=_shallow)
    """Values inside values. Real commands nest 3 deep; an unbounded parser dies of nesting."""

    values: int = attrs.field(default=1 << 13, validator=_positive)
    """Values in all, but for numbers in a row: each may be one byte of a message and takes a
    microsecond of the loop. The richest metadata have some hundreds; a keyframe index of a day has
    90 000 more, in two rows that are read at once."""

    properties: int = attrs.field(default=4096, validator=_positive)
    """Named members in all. A `connect` has 10 to 20, the richest metadata some hundreds."""

    string_bytes: int = attrs.field(default=1 << 20, validator=_positive)
    """One string, XML document or byte array. Data messages may carry pictures as text."""

    repeated_values: int = attrs.field(default=1 << 10, validator=_positive)
    """Values that references stand for, in all: each use of one counts all that is in what it
    names. They cost nothing here and as much as any other where somebody walks through them: three
    bytes can stand for thousands. Nobody seen sends references."""

    repeated_bytes: int = attrs.field(default=1 << 16, validator=_positive)
    """What references stand for, in bytes: also those to texts and to the names of members."""

    encoded_bytes: int = attrs.field(default=(1 << 24) - 1, validator=_positive)
    """Encoder output: the 24 bits that a message length and an FLV tag size have."""

    @classmethod
    def for_commands(cls) -> Self:
        """Return the bounds for a command, which a stranger may send: short strings, and few
        values. A `connect` with all that it can do has below a hundred."""
        return cls(string_bytes=0xFFFF, values=1 << 10)


DEFAULT_LIMITS: Final = AmfLimits()
