"""The manifest as bytes, and back."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.recording.actions import TrackFacts
from recorder.recording.manifest import Client, Event, Gap, Manifest, ManifestError, Segment

VIDEO = TrackFacts(kind="video", track=0, codec="avc1", width=1280, height=720)
AUDIO = TrackFacts(kind="audio", track=0, codec="mp4a", sample_rate=48000, channels=2)

FIRST = Segment(
    file="0001.flv",
    start_ms=0,
    duration_ms=600_000,
    bytes=123_456,
    tracks=(VIDEO, AUDIO),
    reason="start",
)
SECOND = Segment(
    file="0002.flv",
    start_ms=604_000,
    duration_ms=10,
    bytes=99,
    sha256="0123456789abcdef" * 4,
    tracks=(AUDIO,),
    gap=Gap(reason="connection lost", ms=4000),
    repaired=True,
    suspect=True,
    forced=True,
    deleted=True,
    reason="forced_duration",
)
YOUNG = Manifest(
    room="room101",
    number=42,
    start="2026-11-22T10:30:00.123Z",
    clock="untrusted",
    client=Client(address="10.2.0.7", software="Encoder Größe 1.0"),
)
FULL = attrs.evolve(
    YOUNG,
    end="2026-11-22T11:30:00.000Z",
    end_reason="publisher_ended",
    clock="trusted",
    segments=(FIRST, SECOND),
    events=(Event(kind="clock_step", at_ms=1_000, ms=-3_600_000),),
    counts={"clamped_frames": 3, "clock_jumps": 1},
)


@pytest.mark.parametrize("manifest", [YOUNG, FULL], ids=["young", "full"])
def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_file_is_one_line_per_field_and_per_segment() -> None:
    assert YOUNG.to_json().decode() == (
        "{\n"
        ' "version": 1,\n'
        ' "room": "room101",\n'
        ' "number": 42,\n'
        ' "start": "2026-11-22T10:30:00.123Z",\n'
        ' "end": null,\n'
        ' "end_reason": null,\n'
        ' "clock": "untrusted",\n'
        ' "client": {"address": "10.2.0.7", "software": "Encoder Größe 1.0"},\n'
        ' "events": [],\n'
        ' "counts": {},\n'
        ' "deleting": null,\n'
        ' "segments": []\n'
        "}\n"
    )
    lines = FULL.to_json().decode().splitlines()
    assert lines[12:14] == [' "segments": [', f"  {json.dumps(_raw(FULL)['segments'][0])},"]
    assert len(lines) == 17


@pytest.mark.parametrize("publish_type", ["record", "append", "appendWithGap", ""])
def test_what_an_encoder_calls_its_publish_is_noted_where_it_is_not_live(
    publish_type: str,
) -> None:
    client = attrs.evolve(FULL.client, publish_type=publish_type)
    manifest = attrs.evolve(FULL, client=client)
    assert _raw(manifest)["client"]["publish_type"] == publish_type
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert set(_raw(FULL)["client"]) == {"address", "software"}


def test_every_field_stands_in_the_file_under_its_name() -> None:
    raw = _raw(FULL)
    assert set(raw) == {
        *("version", "room", "number", "start", "end", "end_reason", "clock", "client"),
        *("segments", "events", "counts", "deleting"),
    }
    assert raw["segments"][1] == {
        "file": "0002.flv",
        "start_ms": 604_000,
        "duration_ms": 10,
        "bytes": 99,
        "sha256": "0123456789abcdef" * 4,
        "tracks": [
            {
                "kind": "audio",
                "track": 0,
                "codec": "mp4a",
                "width": None,
                "height": None,
                "sample_rate": 48000,
                "channels": 2,
            }
        ],
        "gap": {"reason": "connection lost", "ms": 4000},
        "repaired": True,
        "suspect": True,
        "forced": True,
        "deleted": True,
        "reason": "forced_duration",
    }
    assert raw["segments"][0]["sha256"] is None
    assert raw["segments"][0]["gap"] is None


def test_tracks_may_be_handed_over_in_any_sequence() -> None:
    assert attrs.evolve(FIRST, tracks=[VIDEO, AUDIO]) == FIRST


def test_text_that_is_no_unicode_does_not_keep_a_manifest_from_being_written() -> None:
    manifest = attrs.evolve(YOUNG, client=Client(address="", software='"\udc80\n'))
    assert Manifest.from_json(manifest.to_json()) == manifest


def _raw(manifest: Manifest) -> dict[str, Any]:
    raw = json.loads(manifest.to_json())
    assert isinstance(raw, dict)
    return raw


def _read(raw: object) -> Manifest:
    return Manifest.from_json(json.dumps(raw).encode())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, "version 2, expected 1"),
        ({"version": "1"}, "version '1', expected 1"),
        ({"version": True}, "expected int @ manifest.version"),
        ({"extra": 1}, "extra fields found (extra) @ manifest"),
        ({"room": ".."}, "not a valid room: '..'"),
        ({"number": 0}, "'number' must be >= 1"),
        ({"number": True}, "expected int @ manifest.number"),
        ({"number": 1.0}, "expected int @ manifest.number"),
        ({"number": "1"}, "expected int @ manifest.number"),
        ({"number": float("nan")}, "expected int @ manifest.number"),
        ({"start": None}, "expected str @ manifest.start"),
        ({"start": "2026-11-22 10:30"}, "'start' must match"),
        ({"start": "2026-11-22T10:30:00.123Z\n"}, "'start' must match"),
        ({"end": "soon"}, "'end' must match"),
        ({"end": 5}, "@ manifest.end"),
        ({"clock": "maybe"}, "maybe not in literal"),
        ({"client": None}, "expected an object @ manifest.client"),
        ({"client": {"address": "a"}}, "required field missing @ manifest.client.software"),
        ({"segments": 5}, "@ manifest.segments"),
        ({"segments": "abc"}, "expected an object @ manifest.segments[0]"),
        ({"segments": [None] * 9}, "@ manifest.segments[2]"),
        ({"counts": [1]}, "expected an object @ manifest.counts"),
        ({"counts": {"a": 1.5}}, "expected int @ manifest.counts['a']"),
    ],
)
def test_a_manifest_that_we_would_not_have_written_is_refused(
    change: dict[str, object], problem: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        _read({**_raw(FULL), **change})
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../0001.flv"},
        {"file": "0001.flv.part"},
        {"file": "a.flv"},
        {"file": "x" * 100_000},
        {"start_ms": -1},
        {"duration_ms": -1},
        {"bytes": -1},
        {"sha256": "0"},
        {"sha256": "A" * 64},
        {"gap": {"reason": "x", "ms": -1}},
        {"forced": 0},
        {"tracks": [{"kind": "video"}]},
        {"reason": None},
        {"size": 5},
    ],
)
def test_a_segment_that_we_would_not_have_written_is_refused(change: dict[str, object]) -> None:
    raw = _raw(FULL)
    raw["segments"][1] = {**raw["segments"][1], **change}
    with pytest.raises(ManifestError, match=r"manifest\.segments\[1\]") as caught:
        _read(raw)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["room", "number", "start", "clock", "client"])
def test_a_manifest_without_what_identifies_it_is_refused(name: str) -> None:
    raw = _raw(FULL)
    del raw[name]
    with pytest.raises(ManifestError, match=f"required field missing @ manifest.{name}"):
        _read(raw)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 4096, b"[]", b"null", b"1", b"{", b"[" * 100_000, b"\xff{}", b"1" * 5000, b"{}"],
    ids=lambda data: repr(data[:6]),
)
def test_bytes_that_are_no_object_of_ours_are_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_json(data)


def test_a_manifest_cut_off_anywhere_is_refused() -> None:
    data = FULL.to_json().rstrip()
    for end in range(len(data)):
        with pytest.raises(ManifestError):
            Manifest.from_json(data[:end])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted(_raw(FULL))), JSON)
def test_whatever_stands_in_a_field_it_is_read_or_refused(name: str, value: object) -> None:
    try:
        manifest = _read({**_raw(FULL), name: value})
    except ManifestError:
        return
    assert Manifest.from_json(manifest.to_json()) == manifest


@given(st.data())
def test_whatever_bytes_are_damaged_it_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(FULL.to_json())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        manifest = Manifest.from_json(bytes(content))
    except ManifestError:
        return
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_no_value_is_made_that_could_not_be_written() -> None:
    with pytest.raises(ValueError, match="not a valid room"):
        attrs.evolve(YOUNG, room="a/b")
    with pytest.raises(ValueError, match="not a valid file"):
        attrs.evolve(FIRST, file="0001.flv.part")
