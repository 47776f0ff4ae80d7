"""What every message says of its track, and that none raises or takes long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.flv.parameters import READ_BYTES, TrackParameters, parameters
from recorder.flv.tags import AUDIO, SCRIPT, VIDEO
from tests.flv.building import hvcc
from tests.flv.records import (
    AV1C,
    ac3,
    asc,
    av1_sequence,
    avc,
    hevc,
    hevc_sps,
    high,
    obu,
    sps,
    start,
    streaminfo,
    vp9_frame,
    vvcc,
)


@pytest.mark.parametrize("kind", [AUDIO, VIDEO, SCRIPT])
def test_of_other_messages_nothing_is_said(kind: int) -> None:
    assert parameters(kind, b"\x92xxxx") == TrackParameters(codec="" if kind == SCRIPT else "xxxx")


def test_a_huge_record_is_read_to_its_bound_only() -> None:
    record = hvcc((32, [bytes(READ_BYTES)]), (33, [hevc_sps()]))
    assert len(record) > READ_BYTES
    assert parameters(VIDEO, b"\x90hvc1" + record) == TrackParameters(codec="hvc1")


RECORDS = [
    (VIDEO, avc(sps(high(3, lists=(16, 3, *[0] * 10)), profile=244, crop=(1, 1, 1, 1)))),
    (VIDEO, avc(sps(start(), order=(1, 5, -5)))),
    (VIDEO, hevc(hevc_sps(sub_layers=((1, 1), (0, 1)), crop=(0, 0, 0, 4)))),
    (VIDEO, b"\x90vvc1" + vvcc(sub_layers=3, levels=1)),
    (VIDEO, b"\x90av01" + AV1C + obu(1, av1_sequence(timing=True, decoder_model=True))),
    (VIDEO, b"\x91vp09" + vp9_frame(1).done()),
    (VIDEO, b"\x91vp08\x10\0\0\x9d\x01\x2a\x80\x02\x68\x01"),
    (AUDIO, asc((2, 5), (6, 4), (2, 4), (0, 3), (0x2B7, 11), (5, 5), (1, 1), (3, 4))),
    (AUDIO, b"\x90fLaC" + streaminfo(48000, 2)),
    (AUDIO, b"\x91ac-3" + ac3(0, 7)),
    (AUDIO, b"\x91.mp3\xff\xfb\x90\x44"),
]


@pytest.mark.parametrize(("kind", "body"), RECORDS)
def test_a_record_cut_anywhere_says_nothing_wrong(kind: int, body: bytes) -> None:
    whole = parameters(kind, body)
    assert whole.width or whole.channels
    assert parameters(kind, body + b"tail") == whole
    for length in range(len(body)):
        found = parameters(kind, body[:length])
        assert found.width in (None, whole.width)
        assert found.height in (None, whole.height)


@given(
    record=st.sampled_from(RECORDS),
    at=st.integers(0, 80),
    value=st.binary(min_size=1, max_size=8),
)
def test_no_damaged_record_raises(record: tuple[int, bytes], at: int, value: bytes) -> None:
    kind, body = record
    damaged = body[:5] + (body[5:] + bytes(80))[:at] + value + body[5 + at + len(value) :]
    found = parameters(kind, damaged)
    assert found.width is None or 0 < found.width <= 65536
    assert found.channels is None or 0 < found.channels <= 255


FOURCCS = [
    *(b"avc1", b"hvc1", b"vvc1", b"av01", b"vp08", b"vp09"),
    *(b"mp4a", b"Opus", b"fLaC", b"ac-3", b"ec-3", b".mp3", b""),
]


@given(
    kind=st.sampled_from([AUDIO, VIDEO]),
    fourcc=st.sampled_from(FOURCCS),
    data=st.binary(max_size=99),
)
def test_no_bytes_raise(kind: int, fourcc: bytes, data: bytes) -> None:
    for first in (b"\x90", b"\x91"):
        assert parameters(kind, first + fourcc + data).codec is not None
    assert parameters(kind, data).codec is not None
