"""No input makes the codec loop, explode, or fall out of Python's stack."""

from __future__ import annotations

import pytest

from recorder.amf import (
    AmfBoundError,
    AmfError,
    AmfLimits,
    Dictionary,
    Value,
    amf0,
    decode_amf3_value,
    decode_value,
    decode_values,
    encode_amf3_value,
    encode_values,
)
from recorder.amf.amf3 import Decoder
from recorder.amf.source import Source
from tests.helpers.looked import Looked

NESTING_BOMBS = {
    "strict arrays": b"\x0a\0\0\0\x01",
    "objects": b"\x03\0\x01a",
    "ecma arrays": b"\x08\0\0\0\0\0\x01a",
    "typed objects": b"\x10\0\0\0\x01a",
    "amf3 arrays": b"\x09\x03\x01",
    "amf3 objects": b"\x0a\x0b\x01\x03a",
    "amf3 vectors": b"\x10\x03\0\x01",
    "amf3 dictionaries": b"\x11\x03\0\x01",
}


@pytest.mark.parametrize("kind", NESTING_BOMBS)
def test_a_nesting_bomb_is_an_amf_error(kind: str) -> None:
    bomb = NESTING_BOMBS[kind] * 100_000
    if kind.startswith("amf3"):
        with pytest.raises(AmfError, match="too deeply"):
            decode_amf3_value(bomb)
        bomb = b"\x11" + bomb
    for limits in (AmfLimits(), AmfLimits(depth=100)):
        with pytest.raises(AmfError, match="too deeply"):
            decode_values(bomb, limits=limits)


def nested(levels: int) -> Value:
    value: Value = None
    for _ in range(levels):
        value = [value]
    return value


def test_the_deepest_value_passes_and_one_more_does_not() -> None:
    deepest = nested(32)
    assert decode_values(encode_values(deepest)) == [deepest]
    assert decode_amf3_value(encode_amf3_value(deepest))[0] == deepest
    for limits in (AmfLimits(), AmfLimits(depth=100)):
        with pytest.raises(AmfError, match="too deeply"):
            encode_values(nested(limits.depth + 1), limits=limits)
        with pytest.raises(AmfError, match="too deeply"):
            encode_amf3_value(nested(limits.depth + 1), limits)


def test_depth_goes_on_counting_inside_amf3() -> None:
    limits = AmfLimits(depth=3)
    inner = b"\x11" + encode_amf3_value([[1]])
    assert decode_value(b"\x0a\0\0\0\x01" + inner, 0, limits)[0] == [[[1]]]
    with pytest.raises(AmfError, match="too deeply"):
        decode_value(b"\x0a\0\0\0\x01" * 2 + inner, 0, limits)


def test_references_stacked_on_references_are_as_deep_as_they_stand() -> None:
    # Each array holds the one before: flat in bytes, ever deeper as a value.
    data = b"\x0a\0\0\0\0" + b"".join(
        b"\x0a\0\0\0\x01\x07" + number.to_bytes(2, "big") for number in range(100)
    )
    up_to_the_bound = data[: 5 + 32 * 8]
    values = decode_values(up_to_the_bound)
    assert len(values) == 33
    assert values[-1] == nested_empty(32)
    assert encode_values(*values)
    with pytest.raises(AmfBoundError, match="too deeply"):
        decode_values(data)


def nested_empty(levels: int) -> Value:
    value: Value = []
    for _ in range(levels):
        value = [value]
    return value


def test_height_behind_a_shallow_sibling_is_not_forgotten() -> None:
    # [[[]], []] has height 2, though its last child has height 0.
    first = encode_values([[[]], []])
    limits = AmfLimits(depth=3)
    good = decode_values(first + b"\x0a\0\0\0\x01\x07\0\0", limits=limits)
    assert good == [[[[]], []], [[[[]], []]]]
    with pytest.raises(AmfBoundError, match="too deeply"):
        decode_values(first + b"\x0a\0\0\0\x01\x0a\0\0\0\x01\x07\0\0", limits=limits)


def test_references_that_double_and_double_are_refused_amf0() -> None:
    doubling = b"\x0a\0\0\0\x00" + b"".join(
        b"\x0a\0\0\0\x10" + (b"\x07" + number.to_bytes(2, "big")) * 16 for number in range(20)
    )
    with pytest.raises(AmfBoundError, match="stand for too much"):
        decode_values(doubling)
    values = decode_values(doubling[: 5 + 2 * 53])
    assert [len(value) for value in values if isinstance(value, list)] == [0, 16, 16]


def test_references_that_double_and_double_are_refused_amf3() -> None:
    levels = [b"\x09\x01\x01"]
    levels += [b"\x09\x21\x01" + bytes((0x09, 2 * index)) * 16 for index in range(1, 21)]
    with pytest.raises(AmfError, match="stand for too much"):
        decode_amf3_value(b"\x09" + bytes((len(levels) << 1 | 1,)) + b"\x01" + b"".join(levels))


def test_one_long_string_named_often_is_refused() -> None:
    long = encode_amf3_value("a" * 0xFFFF)
    hundred_elements = b"\x09\x81\x49\x01"
    with pytest.raises(AmfError, match="stand for too much"):
        decode_amf3_value(hundred_elements + long + b"\x06\x00" * 99)


def test_long_member_names_used_often_are_refused() -> None:
    traits = b"\x0a\x13\x01\x86\xeb\x61" + b"a" * 0xDAB0
    with pytest.raises(AmfError, match="stand for too much"):
        decode_amf3_value(b"\x09\x81\x01\x01" + traits + b"\x01" + b"\x0a\x01\x01" * 63)


def test_too_many_members_are_refused() -> None:
    members: Value = {str(number): None for number in range(4096)}
    assert decode_values(encode_values(members)) == [members]
    with pytest.raises(AmfBoundError, match="too many named members"):
        decode_values(encode_values(members, {"one": "more"}))
    assert decode_amf3_value(encode_amf3_value(members))[0] == members
    limits = AmfLimits(properties=4095)
    with pytest.raises(AmfError, match="too many named members"):
        decode_values(encode_values(members), limits=limits)
    with pytest.raises(AmfError, match="too many named members"):
        decode_amf3_value(encode_amf3_value(members), 0, limits)


def test_numbered_elements_that_become_members_count_as_members() -> None:
    data = b"\x09\x07\x03a\x01\x01\x01\x01\x01"
    assert len(str(decode_amf3_value(data)[0])) > 0
    with pytest.raises(AmfError, match="too many named members"):
        decode_amf3_value(data, 0, AmfLimits(properties=3))


def test_the_keyframe_index_of_a_long_file_passes() -> None:
    times: Value = [float(number) for number in range(45_000)]
    index: Value = {"times": times, "filepositions": times}
    assert decode_values(encode_values(index)) == [index]


def test_too_many_values_are_refused() -> None:
    many: Value = [None] * 9
    assert decode_value(encode_values(many), 0, AmfLimits(values=10))[0] == many
    assert decode_amf3_value(encode_amf3_value(many), 0, AmfLimits(values=10))[0] == many
    with pytest.raises(AmfError, match="too many values"):
        decode_value(encode_values(many), 0, AmfLimits(values=9))
    with pytest.raises(AmfError, match="too many values"):
        decode_amf3_value(encode_amf3_value(many), 0, AmfLimits(values=9))
    assert decode_values(b"\x05" * 9, limits=AmfLimits(values=9)) == [None] * 9
    with pytest.raises(AmfBoundError, match="too many values"):
        decode_values(b"\x05" * 10, limits=AmfLimits(values=9))


def values_in(value: Value) -> int:
    """How many values somebody meets who walks through this one."""
    if isinstance(value, dict):
        return 1 + sum(map(values_in, value.values()))
    return 1 + sum(map(values_in, value)) if isinstance(value, list) else 1


def u29(number: int) -> bytes:
    """A number below 1 << 21 as AMF3 has it."""
    high = bytes((number >> 14 | 0x80, number >> 7 & 0x7F | 0x80))
    return high + bytes((number & 0x7F,))


HUNDRED_NULLS = b"\x0a\0\0\0\x64" + b"\x05" * 100
HUNDRED_NULLS_AMF3 = b"\x09" + u29(201) + b"\x01" * 101


@pytest.mark.parametrize("named", [1, 5, 10])
def test_what_a_reference_names_counts_with_all_that_is_in_it(named: int) -> None:
    # 15 000 bytes of references stood for a million values, which were then written out.
    within = decode_values(HUNDRED_NULLS + b"\x07\0\0" * named)
    assert sum(map(values_in, within)) == 101 * (named + 1)
    array = b"\x09" + u29(2 * named + 3) + b"\x01"
    within_amf3, _ = decode_amf3_value(array + HUNDRED_NULLS_AMF3 + b"\x09\x02" * named)
    assert values_in(within_amf3) == 101 * (named + 1) + 1


@pytest.mark.parametrize("named", [11, 5000])
def test_references_that_stand_for_too_many_values_are_refused(named: int) -> None:
    with pytest.raises(AmfBoundError, match="stand for too much"):
        decode_values(HUNDRED_NULLS + b"\x07\0\0" * named)
    array = b"\x09" + u29(2 * named + 3) + b"\x01"
    with pytest.raises(AmfBoundError, match="stand for too much"):
        decode_amf3_value(array + HUNDRED_NULLS_AMF3 + b"\x09\x02" * named)


def test_references_inside_of_what_is_named_count_each_time() -> None:
    # [a, b] with b = [a, a]: the second b stands for two more of a.
    data = HUNDRED_NULLS + b"\x0a\0\0\0\x02" + b"\x07\0\0" * 2
    assert decode_values(data + b"\x07\0\1" * 4)
    with pytest.raises(AmfBoundError, match="stand for too much"):
        decode_values(data + b"\x07\0\1" * 5)


def test_the_members_of_a_class_count_before_their_names_are_read() -> None:
    # Names may be references of one byte.
    traits = b"\x0a" + u29(20_000 << 4 | 3) + b"\x03a" + b"\x00" * 20_000
    source = Source(traits, 0, AmfLimits())
    with pytest.raises(AmfBoundError, match="too many named members"):
        Decoder(source).value(0)
    assert source.offset < 10


def test_each_object_of_a_class_counts_its_members() -> None:
    two = b"\x09\x05\x01" + b"\x0a\x23\x01\x03a\x03b\x01\x01"
    assert decode_amf3_value(two + b"\x0a\x01\x01\x01", 0, AmfLimits(properties=4))
    with pytest.raises(AmfBoundError, match="too many named members"):
        decode_amf3_value(two + b"\x0a\x01\x01\x01", 0, AmfLimits(properties=3))


def test_numbers_in_a_row_are_one_value_and_the_rest_of_the_array_is_not() -> None:
    numbers: Value = [float(number) for number in range(1000)]
    mixed: Value = [*range(1000), None, 1.5, 2.5]
    for value, count in ((numbers, 2), (mixed, 5)):
        data = encode_values(value)
        assert len(data) > 9000
        assert decode_value(data, 0, AmfLimits(values=count)) == (value, len(data))
        with pytest.raises(AmfBoundError, match="too many values"):
            decode_value(data, 0, AmfLimits(values=count - 1))
        with pytest.raises(AmfError, match="cut off"):
            decode_values(data[:-1])
    with pytest.raises(AmfBoundError, match="too deeply"):
        decode_value(encode_values([[1.0]]), 0, AmfLimits(depth=1))
    with pytest.raises(AmfError, match="too deeply"):
        encode_values([[1.0]], limits=AmfLimits(depth=1))
    with pytest.raises(AmfError, match="does not fit"):
        encode_values([1, 10**400])


def test_rows_that_are_announced_and_do_not_come_are_not_looked_for_again_and_again() -> None:
    announced = b"\x0a\xff\xff\xff\xff" + bytes(9)
    data = Looked(announced * 31 + (b"\x0a\0\0\0\x01" + bytes(9)) * 4000)
    decode = amf0._Decoder(Source(data, 0, AmfLimits()), tolerant=True)
    decode.value(0)
    assert data.looked_at < 12 * len(data)


def test_a_length_of_garbage_passes_no_bound() -> None:
    # So what stands in front of it is not lost.
    assert decode_values(encode_values("onMetaData") + b"\x0c\xff\xff\xff\xff") == ["onMetaData"]


def test_a_string_too_long_is_refused() -> None:
    limits = AmfLimits.for_commands()
    assert decode_values(encode_values("a" * 0xFFFF), limits=limits) == ["a" * 0xFFFF]
    with pytest.raises(AmfError, match="too long"):
        decode_values(encode_values("a" * 0x10000), limits=limits)


def test_a_value_that_contains_itself_is_an_error_and_no_loop() -> None:
    loop: list[Value] = []
    loop += [loop]
    with pytest.raises(AmfError, match="too deeply"):
        encode_values(loop)
    with pytest.raises(AmfError, match="too deeply"):
        encode_amf3_value(loop)


def test_a_value_that_contains_others_very_often_is_too_large() -> None:
    value: Value = "many"
    for _ in range(30):
        value = [value] * 4
    with pytest.raises(AmfError, match="too large"):
        encode_values(value, limits=AmfLimits(encoded_bytes=10_000))
    with pytest.raises(AmfError, match="too large"):
        encode_amf3_value(value, AmfLimits(encoded_bytes=10_000))


def test_the_last_value_counts_for_the_size_too() -> None:
    with pytest.raises(AmfError, match="too large"):
        encode_values("a" * 100, limits=AmfLimits(encoded_bytes=99))
    assert len(encode_values("a" * 96, limits=AmfLimits(encoded_bytes=99))) == 99


def test_a_text_longer_than_an_amf3_length_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.amf.amf3_encoder.GREATEST_LENGTH", 3)
    assert encode_amf3_value("abc") == b"\x06\x07abc"
    with pytest.raises(AmfError, match="length does not fit"):
        encode_amf3_value("abcd")


def test_a_dictionary_adds_no_depth_in_amf0() -> None:
    value: Value = None
    for _ in range(32):
        value = Dictionary(((value, None),))
    assert encode_values(decode_amf3_value(encode_amf3_value(value))[0])


@pytest.mark.parametrize(
    "name",
    ["values", "properties", "string_bytes", "repeated_values", "repeated_bytes", "encoded_bytes"],
)
def test_a_limit_is_at_least_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        AmfLimits(**{name: 0})


@pytest.mark.parametrize("depth", [0, 101])
def test_the_depth_fits_into_pythons_stack(depth: int) -> None:
    with pytest.raises(ValueError, match="depth must be within 1 and 100"):
        AmfLimits(depth=depth)
