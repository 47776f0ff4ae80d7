"""Journals for tests: written as the recorder does, and read as whoever delivers does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recorder.hooks.events import Event
from recorder.hooks.journal import Journal
from recorder.hooks.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = "2026-11-29T10:00:00.000Z"


def event(number: int, kind: str = "alarm_raised", **fields: Any) -> Event:
    return Event(number, kind, NOW, fields or {"text": f"number {number}"})


def segment(number: int, recording: int, segment: int) -> Event:
    fields = {"recording": recording, "segment": {"number": segment}}
    return Event(number, "segment_closed", NOW, fields)


def journal(
    folder: Path,
    *,
    events: int = 10_000,
    size: int = 8 << 20,
    delivered: Callable[[str], int] = lambda outbox: 0,
) -> Journal:
    return Journal(folder, events=events, size=size, delivered=delivered)


def read(folder: Path) -> list[int]:
    """The ids of all events in the journal, as a new reader finds them."""
    return [each.id for each in Reader(folder).new()]
