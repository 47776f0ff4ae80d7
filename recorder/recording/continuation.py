"""May a publisher that comes back continue a recording that was open when the recorder ended? Pure.

Owns that decision and what it rests on. Within one boot the monotonic clock tells how long nobody
has sent. Across boots only the wall clock can, and only one that is believed, now and when the
recording began: a Raspberry Pi without the network is in last week, and would join two lessons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from recorder.recording.rows import utc_ms

if TYPE_CHECKING:
    from recorder.recording.entries import Entry
    from recorder.recording.manifest import Manifest


@attrs.frozen(kw_only=True)
class Now:
    """The start of the recorder.

    Attributes:
        boot: the machine's boot id.
        monotonic_ms: on the clock of the entries.
        utc_ms: since 1970, by the wall clock.
        is_trusted: the wall clock is believed.
        last_beat_ms: when the process before this one last wrote, in this boot; None: not known.
    """

    boot: str
    monotonic_ms: int
    utc_ms: int
    is_trusted: bool
    last_beat_ms: int | None


@attrs.frozen
class Continuation:
    """Attributes:
    began_ms: how long ago the recording began; `silent_ms` since its last media came.
    left_ms: how much of the reconnect window is left.
    """

    began_ms: int
    silent_ms: int
    left_ms: int


def may_be_of_this_boot(entry: Entry, now: Now) -> bool:
    """Whether the entry's own times mean anything."""
    return bool(entry.boot) and entry.boot == now.boot


def continuation(
    entry: Entry, manifest: Manifest, now: Now, *, newest_utc_ms: int, window_ms: int
) -> Continuation | None:
    """How the recording goes on; None: it is over.

    Args:
        newest_utc_ms: when the newest of its files was last written, by the wall clock.
        window_ms: how long a lost publisher is waited for.
    """
    if entry.is_ended or manifest.end is not None or manifest.deleting is not None:
        return None
    if may_be_of_this_boot(entry, now):
        lost_ms = entry.waiting_since_ms
        if lost_ms is None:
            lost_ms = now.last_beat_ms
        if lost_ms is None:
            return None
        silent_ms, began_ms = now.monotonic_ms - lost_ms, now.monotonic_ms - entry.start_ms
    elif now.is_trusted and manifest.clock == "trusted":
        start_utc_ms = utc_ms(manifest.start)
        if start_utc_ms is None:
            return None
        silent_ms, began_ms = now.utc_ms - newest_utc_ms, now.utc_ms - start_utc_ms
    else:
        return None
    if not 0 <= silent_ms <= window_ms or began_ms < silent_ms:
        return None
    return Continuation(began_ms, silent_ms, window_ms - silent_ms)
