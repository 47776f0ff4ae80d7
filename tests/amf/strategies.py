"""Hypothesis strategies for AMF values, and a comparison that leaves nothing out."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from recorder.amf import (
    Date,
    Dictionary,
    EcmaArray,
    Marker,
    TypedObject,
    Value,
    Vector,
    VectorKind,
    Xml,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

texts: SearchStrategy[str] = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=20).map(lambda data: data.decode("utf-8", "surrogateescape")),
)
names: SearchStrategy[str] = texts.filter(bool)
plain: SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    texts,
    texts.map(Xml),
    st.just(Marker.UNDEFINED),
)
int32s = st.integers(-(1 << 31), (1 << 31) - 1)
uint32s = st.integers(0, (1 << 32) - 1)


def containers(children: SearchStrategy[Value]) -> SearchStrategy[Value]:
    members = st.dictionaries(names, children, max_size=4)
    return st.one_of(
        st.lists(children, max_size=4),
        members,
        st.builds(TypedObject, names, members),
    )


def containers_amf0(children: SearchStrategy[Value]) -> SearchStrategy[Value]:
    return containers(children) | st.dictionaries(names, children, max_size=4).map(EcmaArray)


def containers_amf3(children: SearchStrategy[Value]) -> SearchStrategy[Value]:
    pairs = st.lists(st.tuples(children, children), max_size=3).map(tuple)
    return st.one_of(
        containers(children),
        st.dictionaries(names, children, min_size=1, max_size=4).map(EcmaArray),
        st.builds(Dictionary, pairs, st.booleans()),
        _vectors(VectorKind.INT, int32s),
        _vectors(VectorKind.UINT, uint32s),
        _vectors(VectorKind.DOUBLE, st.floats()),
        _vectors(VectorKind.OBJECT, children, texts),
    )


def _vectors(
    kind: VectorKind,
    elements: SearchStrategy[Value],
    class_names: SearchStrategy[str] = st.just(""),  # noqa: B008 - a strategy has no state
) -> SearchStrategy[Value]:
    return st.builds(
        lambda found, fixed, class_name: Vector(kind, found, fixed=fixed, class_name=class_name),
        st.lists(elements, max_size=4),
        st.booleans(),
        class_names,
    )


amf0_values: SearchStrategy[Value] = st.recursive(
    plain
    | st.just(Marker.UNSUPPORTED)
    | st.builds(Date, st.floats(), st.integers(-(1 << 15), (1 << 15) - 1)),
    containers_amf0,
    max_leaves=20,
)
amf3_values: SearchStrategy[Value] = st.recursive(
    plain
    | st.integers(-(1 << 28), (1 << 28) - 1)
    | st.binary(max_size=20)
    | st.builds(Date, st.floats()),
    containers_amf3,
    max_leaves=20,
)


def shape(value: Value) -> object:
    """Say everything about a value: types that Python calls equal differ, a NaN is itself."""
    match value:
        case float():
            return ("float", struct.pack(">d", value))
        case Date():
            return ("Date", struct.pack(">d", value.ms), value.zone)
        case Dictionary():
            pairs = [(shape(key), shape(element)) for key, element in value.pairs]
            return ("Dictionary", value.weak_keys, pairs)
        case Vector():
            elements = [shape(element) for element in value]
            return ("Vector", value.kind, value.fixed, value.class_name, elements)
        case TypedObject():
            return ("TypedObject", value.class_name, _members(value))
        case dict():
            return (type(value).__name__, _members(value))
        case list():
            return ("list", [shape(element) for element in value])
        case _:
            return (type(value).__name__, value)


def _members(members: dict[str, Value]) -> list[tuple[str, object]]:
    return [(name, shape(element)) for name, element in members.items()]
