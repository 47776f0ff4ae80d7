"""What a room and its recordings need of the rest of the recorder, in one hand. Values only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.clock import Clock
    from recorder.recording.manifest import Manifest
    from recorder.recording.salvage import Salvaged
    from recorder.recording.storage import Storage
    from recorder.recording.writer import Writer
    from recorder.recording.written_off import WrittenOff

Repaired: TypeAlias = "Callable[[Salvaged], None]"
"""Told on the loop, once, what became of a segment that was written off."""


@attrs.frozen(kw_only=True)
class Services:
    """Attributes:
    encoder: what files name as their maker.
    boot: the machine's boot id.
    hash_segment: has a segment's SHA-256 computed, by its folder and name.
    repair: has a segment that was written off made whole.
    recover: has a recording made whole that has no owner any more, by its folder.
    on_saved: told of each manifest that is on the disk, with its folder.
    buffer_bytes: how much a room may keep in memory now.
    """

    storage: Storage
    writer: Writer
    clock: Clock
    encoder: str
    boot: str
    hash_segment: Callable[[str, str, Callable[[str | OSError], None]], None]
    repair: Callable[[WrittenOff, Repaired], None]
    recover: Callable[[str], None]
    on_saved: Callable[[str, Manifest], None]
    buffer_bytes: Callable[[], int]
