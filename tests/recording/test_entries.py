"""Entries of `.recorder/open`, to text and back; what a power cut left of one is no entry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.recording.entries import Entry

FOLDER = "room101/2026-11-22/0000042-103000Z"
FULL = Entry(folder=FOLDER, boot="b0", start_ms=7, waiting_since_ms=9, is_ended=True)


@pytest.mark.parametrize("entry", [FULL, Entry(folder=FOLDER)], ids=["full", "bare"])
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert Entry.from_bytes(entry.to_bytes()) == entry


def test_an_entry_knows_its_room_and_number() -> None:
    assert (FULL.room, FULL.number) == ("room101", 42)


@pytest.mark.parametrize("size", range(len(FULL.to_bytes())))
def test_an_entry_that_was_cut_short_is_none(size: int) -> None:
    assert Entry.from_bytes(FULL.to_bytes()[:size]) is None
    assert Entry.from_bytes(FULL.to_bytes()[:size].ljust(4096, b"\0")) is None


@pytest.mark.parametrize(
    "folder",
    [
        "../2026-11-22/0000042-103000Z",
        "room101/../0000042-103000Z",
        "room101/2026-11-22/x",
        "room101/2026-11-22/0000042-103000Z/..",
        "room101",
        "",
        None,
    ],
)
def test_an_entry_leads_nowhere_else(folder: str | None) -> None:
    assert Entry.from_bytes(json.dumps({"folder": folder}).encode()) is None


def test_damage_beside_the_folder_costs_what_is_damaged_only() -> None:
    raw = {"folder": FOLDER, "boot": 1, "start_ms": True, "waiting_since_ms": "9", "new": 0}
    assert Entry.from_bytes(json.dumps(raw).encode()) == Entry(folder=FOLDER)


@given(st.binary())
def test_any_bytes_are_an_entry_or_none(content: bytes) -> None:
    entry = Entry.from_bytes(content)
    assert entry is None or entry.number


def test_deep_nesting_is_no_entry() -> None:
    assert Entry.from_bytes(b"[" * 100_000) is None
